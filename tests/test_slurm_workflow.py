"""The workflow through a real SLURM, as users run it; with what goes wrong on clusters; with bad input.

Whatever happens, datasets and networks are those of an undisturbed run on this machine alone.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from slurm_cluster import Absent, Cluster, until

ROOT = Path(__file__).resolve().parents[1]
TINY = "workflow/configs/tiny.yaml"
EXERCISE = (TINY, "tests/exercise_alone.yaml")
NETWORK = "results/chirp_blip/networks/cnn-1/model.safetensors"
TABLE = "results/chirp_blip/train/draw.parquet"
# What a head runs itself.
LOCAL = {"all", "settings", "fetch_plan", "fetch", "lock", "report"}
# What a user of this folder has made in it.
NOT_COPIED = ("results", "logs", ".snakemake", ".venv", ".venv-peers", "gwosc")
# Much more than any of these runs takes on two cores.
PATIENCE = 3000

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def cluster():
    made = Cluster()
    try:
        made.up()
    except Absent as reason:
        pytest.skip(str(reason))
    yield made
    made.down()


def copied(folder):
    """Copy the repository, with its history, since manifests tell the revision; return its folder."""

    def left_out(path, names):
        own = NOT_COPIED if Path(path) == ROOT else ()
        return [name for name in names if name in (*own, "node_modules", "__pycache__")]

    return Path(shutil.copytree(ROOT, folder, ignore=left_out))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the repository, in which commands are typed as in the documentation."""
    return copied(tmp_path_factory.mktemp("checkout") / "gwsim")


@pytest.fixture
def copy(tmp_path):
    """Another one, to spoil."""
    return copied(tmp_path / "spoilt")


@pytest.fixture(scope="module")
def local(checkout, tmp_path_factory):
    """All experiments on this machine alone, undisturbed; GWSIM_TINY names where they stand already.

    What Snakemake said of it stands beside the folder.
    """
    if made := os.environ.get("GWSIM_TINY"):
        return Path(made)
    folder = tmp_path_factory.mktemp("local")
    run = Head(checkout, folder, "--cores", "2", configs=[TINY])
    assert run.wait() == 0, run.said()
    return folder


def logged(folder):
    """Where what a head says stands."""
    return folder.with_name(f"{folder.name}.log")


class Head:
    """A Snakemake that is under way; with a cluster it submits to it."""

    def __init__(self, checkout, folder, *arguments, configs=EXERCISE, targets=(), cluster=None):
        # Beside the folder, which may be full.
        self.log = logged(folder)
        # Targets come before options that take lists.
        command = [sys.executable, "-m", "snakemake", *targets, *arguments, "--configfile", *configs]
        if folder != checkout:
            command += ["--directory", str(folder)]
        path = [*([cluster.path] if cluster else []), str(Path(sys.executable).parent), os.environ["PATH"]]
        environment = {**os.environ, "PATH": ":".join(path), "PYTHONPATH": str(checkout)}
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=checkout, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self, seconds=PATIENCE):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"not done after {seconds} s: {self.said()}") from None

    def kill(self):
        """Kill it without a word, and what it runs itself; its jobs go on."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def said(self):
        return self.log.read_text()[-8000:]


@pytest.fixture
def submit(cluster, checkout):
    """Run the documented command, and end what a test leaves behind."""
    heads = []

    def run(folder, *arguments, checkout=checkout, cluster=cluster, **options):
        command = ("--cores", "32", "--profile", "slurm")
        heads.append(Head(checkout, folder, *arguments, *command, cluster=cluster, **options))
        return heads[-1]

    yield run
    for head in heads:
        if head.process.poll() is None:
            head.kill()
            for job in cluster.jobs():
                cluster.cancel(job)


def products(folder):
    """What a run is held against: all manifests and the weights of all networks."""
    paths = [*folder.glob("results/**/manifest.json"), *folder.glob("results/**/model.safetensors")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def compare(folder, local, experiment="", network=""):
    """Hold a run's products against the local one's of the same names, and its data against its manifests."""
    made, expected = products(folder), products(local)
    if experiment:
        assert any(name.startswith(f"results/{experiment}/") for name in made)
        expected = {name: expected[name] for name in made}
    assert made.keys() == expected.keys()
    assert [name for name in made if made[name] != expected[name]] == []
    for name, content in made.items():
        if not name.endswith("manifest.json") or not (folder / name).with_name("data.zarr").is_dir():
            continue
        for file, entry in json.loads(content)["files"].items():
            data = ((folder / name).parent / file).read_bytes()
            assert hashlib.sha256(data).hexdigest() == entry["sha256"], f"{name}: {file}"


def finished_rules(logs):
    """The rules that ran, by what Snakemake wrote."""
    text = "\n".join(path.read_text() for path in logs)
    return set(re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", text, re.M))


def slurm_logs(folder):
    return sorted(folder.glob(".snakemake/slurm_logs/**/*.log"))


def running(cluster, mark):
    """Jobs at work, which have a process by now."""
    jobs = (job for job in cluster.jobs(mark) if job.state == "RUNNING")
    return [job for job in jobs if any(cluster.processes(job))]


def ended_as(cluster, mark, state):
    return [id for id, how in cluster.ended(mark) if how == state]


def done(cluster, mark):
    return [job for job in cluster.jobs(mark) if job.state == "COMPLETED"]


def test_all_experiments_through_slurm_are_those_of_a_local_run(cluster, checkout, submit, local):
    mark = cluster.mark()
    run = submit(checkout, configs=[TINY])
    assert run.wait() == 0, run.said()
    compare(checkout, local)
    jobs = cluster.jobs(mark)
    assert {job.state for job in jobs} == {"COMPLETED"} and cluster.ended(mark)
    assert {int(path.stem) for path in slurm_logs(checkout)} == {job.id for job in jobs}
    # The head ran nothing that it should not have, and the cluster all the rest.
    assert finished_rules([logged(local)]) - LOCAL <= finished_rules(slurm_logs(checkout))
    again = submit(checkout, configs=[TINY])
    assert again.wait() == 0 and "Nothing to be done" in again.said()
    assert cluster.jobs(mark) == jobs


@pytest.mark.skipif("GWSIM_SLURM_ALONE" not in os.environ, reason="many minutes: set GWSIM_SLURM_ALONE")
@pytest.mark.parametrize(
    ("experiment", "overlay"),
    [("ccsn", "ccsn"), ("cbc", "cbc"), ("glitch", "glitch"), ("chirp_blip", "exercise")],
)
def test_each_experiment_alone(submit, local, tmp_path, experiment, overlay):
    run = submit(tmp_path, configs=[TINY, f"tests/{overlay}_alone.yaml"])
    assert run.wait() == 0, run.said()
    compare(tmp_path, local, experiment)


def test_cancelled_and_too_big_jobs_are_submitted_anew_with_more(cluster, submit, local, tmp_path):
    """What takes more memory than it asked for is killed, whichever jobs rules are put into."""
    mark, rules = cluster.mark(), ("draw", "layout", "render", "finalise", "train")
    little = [f"{rule}:mem_mb=150 * attempt ** 2" for rule in rules]
    run = submit(tmp_path, "--set-resources", *little, targets=[NETWORK])
    killed = until(lambda: ended_as(cluster, mark, "FAILED"), 300, "a job is killed")[0]
    struck = until(lambda: [job for job in running(cluster, mark) if job.id > killed], 300, "another runs")[0]
    cluster.cancel(struck)
    assert run.wait() == 0, run.said()
    compare(tmp_path, local, "chirp_blip")
    jobs = {job.id: job for job in cluster.jobs(mark)}
    said = next(path for path in slurm_logs(tmp_path) if path.stem == str(killed)).read_text()
    assert "exceeded memory limit" in said and "CANCELLED" in jobs[struck.id].state
    same = [job for job in done(cluster, mark) if job.comment == jobs[killed].comment]
    assert [job.memory_mb > 5 * jobs[killed].memory_mb for job in same] == [True]


def test_a_hung_job_and_a_dead_node_lose_nothing(cluster, submit, local, tmp_path):
    mark = cluster.mark()
    run = submit(tmp_path, targets=[NETWORK])
    hung = until(lambda: running(cluster, mark), 300, "a job runs")[0]
    cluster.hang(hung)
    until(lambda: hung.id in ended_as(cluster, mark, "TIMEOUT"), 300, "the hung job is out of time")
    lost = {job.id for job in until(lambda: running(cluster, mark), 300, "a job runs")}
    cluster.kill_node()
    # A controller of SLURM 22.05 crashed when the node was back in the second in which it had been missed.
    time.sleep(15)
    cluster.up()
    cluster.hurry()
    assert run.wait() == 0, run.said()
    compare(tmp_path, local, "chirp_blip")
    assert {id for id, state in cluster.ended(mark) if state != "COMPLETED"} >= {hung.id} | lost


def test_a_controller_that_is_away_for_a_while_loses_nothing(cluster, submit, local, tmp_path):
    mark = cluster.mark()
    run = submit(tmp_path, targets=[NETWORK])
    until(lambda: running(cluster, mark), 300, "a job runs")
    # It saves what it knows every few seconds; a job that it forgot it starts again, and the node drains.
    time.sleep(10)
    cluster.kill("slurmctld")
    # Longer than the executor asks for the state of jobs by default, after which it would wait for ever.
    time.sleep(75)
    cluster.up()
    cluster.hurry()
    assert run.wait() == 0, run.said()
    compare(tmp_path, local, "chirp_blip")


def test_a_killed_head_is_started_again(cluster, submit, local, tmp_path):
    mark = cluster.mark()
    run = submit(tmp_path, targets=[NETWORK])
    until(lambda: running(cluster, mark), 300, "a job runs")
    run.kill()
    # However busy this machine is, they are at work when the next head looks.
    left = running(cluster, mark)
    for job in left:
        cluster.signal(job, signal.SIGSTOP)
    locked = submit(tmp_path, targets=[NETWORK])
    assert locked.wait() != 0 and "--unlock" in locked.said()
    assert submit(tmp_path, "--unlock").wait() == 0
    again = submit(tmp_path, targets=[NETWORK])
    until(lambda: "scancel" in again.said(), 300, "the new head says what it waits for")
    for job in left:
        cluster.signal(job, signal.SIGCONT)
    assert again.wait() == 0, again.said()
    compare(tmp_path, local, "chirp_blip")
    # What was submitted goes on, nothing runs beside it, and what it makes is not made again.
    jobs = cluster.jobs(mark)
    assert left
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert len({job.comment for job in jobs}) == len(jobs), "something was made twice"


@pytest.fixture
def small_disk(tmp_path):
    """A disk too small for a run; another size may be asked for."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def resize(size, *options):
        mount = ["mount", "-t", "tmpfs", "-o", ",".join([*options, f"size={size}"]), "tmpfs", folder]
        return subprocess.run(mount, capture_output=True, text=True)

    if (made := resize("1200k")).returncode:
        pytest.skip(f"no disk could be mounted: {made.stderr.strip()}")
    yield folder, resize
    # Jobs that outlive a test hold it.
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_survived_once_there_is_room(cluster, submit, local, small_disk):
    folder, resize = small_disk
    mark = cluster.mark()
    run = submit(folder, targets=[NETWORK])

    def full():
        return run.process.poll() is not None or ended_as(cluster, mark, "FAILED")

    until(full, 300, "the disk is full")
    assert resize("500m", "remount").returncode == 0
    if run.wait() != 0:
        # Head and retries may have gone before there was room.
        assert submit(folder, "--unlock").wait() == 0
        run = submit(folder, targets=[NETWORK])
        assert run.wait() == 0, run.said()
    compare(folder, local, "chirp_blip")


def changed(copy, **keys):
    """Change keys of a copy's profile."""
    path = copy / "slurm" / "config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | keys))
    return copy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"default-resources": {"slurm_partition": "express"}},
            "got 'express' for draw; the cluster has main",
        ),
        (
            {"set-resources": {"draw": {"gpu": 1}}},
            "gpu: draw asks for one; got partition main, which has none",
        ),
        ({"default-resources": {"slurm_partiton": "main"}}, "did you mean 'slurm_partition'?"),
        (
            {"set-resources": {"trian": {"gpu": 1}}},
            "got 'trian'; there is no such rule; did you mean 'train'?",
        ),
    ],
)
def test_what_a_cluster_cannot_give_is_refused_before_it_is_asked(
    cluster, submit, copy, tmp_path, change, message
):
    mark = cluster.mark()
    run = submit(tmp_path, checkout=changed(copy, **change), targets=[TABLE])
    assert run.wait() == 1
    assert message in run.said() and "Change it in slurm/config.yaml" in run.said()
    assert cluster.jobs(mark) == []


def test_an_option_that_the_profile_misspells_is_named(submit, copy, tmp_path):
    run = submit(tmp_path, checkout=changed(copy, **{"slurm-status-comand": "squeue"}), targets=[TABLE])
    assert run.wait() == 2
    assert "unrecognized arguments: --slurm-status-comand=squeue" in run.said()


def test_a_controller_that_does_not_answer_is_told(cluster, submit, tmp_path):
    away = Cluster()
    away.path = str(tmp_path / "bin")
    shutil.copytree(cluster.path, away.path, symlinks=True)
    settings = (cluster.folder / "slurm.conf").read_text()
    (tmp_path / "slurm.conf").write_text(re.sub("(?m)^SlurmctldPort=.*", "SlurmctldPort=9", settings))
    one = tmp_path / "bin" / ".one"
    one.write_text(one.read_text().replace(str(cluster.folder / "slurm.conf"), str(tmp_path / "slurm.conf")))
    folder = tmp_path / "run"
    folder.mkdir()
    run = submit(folder, cluster=away, targets=[TABLE])
    assert run.wait() == 1
    assert "SLURM does not answer: sinfo said" in run.said() and "Unable to contact slurm" in run.said()
    assert "without --profile slurm" in run.said()
