"""What a run asks of a SLURM cluster, held against what the cluster has, before anything is submitted.

Takes what jobs ask for by name of a rule, and what the profile says; gives nothing, or says all that is wrong
and where it is changed. A partition's memory and cores are left to SLURM, which may know better. And what a
run that was killed has still at work: two jobs that write the same files spoil them for one another.
"""

import difflib
import functools
import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from gwsim.errors import GwsimError

PROFILE = "slurm/config.yaml"
# What the executor makes of resources, beside those that rules state.
RESOURCES = {
    "mem_mb", "mem_mb_per_cpu", "mem", "mem_mib", "disk", "disk_mb", "disk_mib", "runtime", "nodes",
    "tasks", "tasks_per_node", "tasks_per_gpu", "cpus_per_task", "cpus_per_gpu", "gpu", "gpu_model",
    "gres", "constraint", "qos", "slurm_account", "slurm_partition", "slurm_extra", "cluster",
    "clusters", "slurm_cluster", "tmpdir", "mpi",
}  # fmt: skip
# Seconds after which a controller is taken to be away; a client gives up after ten.
PATIENCE = 60
# What the executor's comments on its jobs begin with.
OF_A_RULE = "rule_"
# Seconds between two looks at jobs of another run: at first, and later.
FIRST_LOOK, LATER_LOOKS = 1, 15


def partitions() -> dict[str, bool]:
    """Return the cluster's partitions, and whether they have GPUs.

    Raises GwsimError where no controller answers.
    """
    found: dict[str, bool] = {}
    for line in _ask("sinfo", "--all", "--noheader", "--format=%R|%G"):
        name, _, resources = line.partition("|")
        found[name] = found.get(name, False) or "gpu" in resources
    return found


def at_work(folder: Path) -> list[str]:
    """Return the numbers of this user's jobs that wait or run for a workflow in a folder.

    Raises GwsimError where no controller answers.
    """
    of_user = ("--noheader", f"--user={os.getuid()}")
    rows = (line.split("|", 2) for line in _ask("squeue", *of_user, "--format=%A|%k|%Z"))
    place = folder.resolve()
    return [
        number
        for number, what, where in rows
        if what.startswith(OF_A_RULE) and Path(where).resolve() == place
    ]


def outlast(folder: Path, say: Callable[[str], None], look: float = FIRST_LOOK) -> bool:
    """Wait until none of this user's jobs is at work for a workflow in a folder; return whether any was."""
    told: list[str] = []
    while found := _known(folder, told):
        if not set(found) <= set(told):
            say(
                f"An earlier run, which was killed, left jobs in SLURM that write here: {', '.join(found)}. "
                "Waiting until they have ended, to go on from what they make. "
                f"If you do not want it: scancel {' '.join(found)}"
            )
            told = found
        time.sleep(look)
        look = min(2 * look, LATER_LOOKS)
    return bool(told)


def _known(folder: Path, last: list[str]) -> list[str]:
    """Return the jobs at work in a folder: the last known ones while the controller is away."""
    try:
        return at_work(folder)
    except GwsimError:
        if not last:
            raise
        return last


def _ask(*command: str) -> list[str]:
    """Return the lines that a command of SLURM says."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except FileNotFoundError:
        _refuse(f"got no command {command[0]}")
    except subprocess.TimeoutExpired:
        _refuse(f"{command[0]} has said nothing for {PATIENCE} s")
    except subprocess.CalledProcessError as error:
        _refuse(f"{command[0]} said: {error.stderr.strip()}")
    return run.stdout.splitlines()


def _refuse(got: str):
    raise GwsimError(
        f"SLURM does not answer: {got}. Expected a controller (slurmctld): run this on a login node of the "
        "cluster, whose slurm.conf says where it is (SlurmctldHost), or without --profile slurm on this one"
    )


def remember_settings(executor) -> None:
    """Let SLURM's executor remember how long the controller remembers jobs.

    It asks anew at each poll. Without an answer, as while the controller is away, it takes sacct in place of
    squeue, and where there is no accounting it forgets its jobs and waits for ever.
    """
    remembered = functools.cache(executor.get_min_job_age)
    if remembered() is not None:
        executor.get_min_job_age = remembered


def refuse(asked: Mapping[str, Mapping], has: Mapping[str, bool]) -> None:
    """Refuse partitions that are not there and GPUs where there are none.

    asked: name of a rule -> resources that its jobs ask for
    """
    faults = []
    for name in sorted({its["slurm_partition"] for its in asked.values() if its.get("slurm_partition")}):
        if any(one not in has for one in str(name).split(",")):
            rules = [rule for rule, its in asked.items() if its.get("slurm_partition") == name]
            told = f"slurm_partition: got {name!r} for {', '.join(rules)}"
            faults.append(f"{told}; the cluster has {', '.join(has) or 'none'}")
    for rule, its in asked.items():
        names = str(its.get("slurm_partition") or ",".join(has)).split(",")
        if _wants_gpu(its) and not any(has.get(name, True) for name in names):
            faults.append(f"gpu: {rule} asks for one; got partition {', '.join(names)}, which has none")
    _say(faults)


def _wants_gpu(its: Mapping) -> bool:
    return bool(its.get("gpu") or its.get("gpu_model") or "gpu" in str(its.get("gres") or ""))


def refuse_names(
    default: Iterable[str],
    overwritten: Mapping[str, Iterable[str]],
    rules: Collection[str],
    known: Iterable[str],
) -> None:
    """Refuse rules that are none and misspelt resources, which Snakemake takes and nothing reads.

    default: resources of default-resources
    overwritten: name of a rule -> resources of set-resources
    known: resources that the rules state
    """
    known = RESOURCES.union(known)
    faults = [f"default-resources: {said}" for name in default if (said := _misspelt(name, known))]
    for rule, its in overwritten.items():
        if rule not in rules:
            near = difflib.get_close_matches(rule, rules, n=1)
            faults.append(f"set-resources: got {rule!r}; there is no such rule{_meant(near)}")
        faults += [f"set-resources, {rule}: {said}" for name in its if (said := _misspelt(name, known))]
    _say(faults)


def _misspelt(name: str, known: Collection[str]) -> str:
    """Return what is wrong with a resource's name; a site may have names of its own."""
    # Snakemake's own begin with _.
    near = (
        []
        if name in known or name.startswith("_")
        else difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    )
    return f"got {name!r}, which nothing reads{_meant(near)}" if near else ""


def _meant(near: list[str]) -> str:
    return f"; did you mean {near[0]!r}?" if near else ""


def _say(faults: list[str]) -> None:
    if faults:
        raise GwsimError("\n".join([*faults, f"Change it in {PROFILE}, or on the command line"]))
