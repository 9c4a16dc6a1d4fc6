"""Everything that gwsim does, measured beside what else does it and beside the limit of this machine.

    python benchmarks/run.py [STAGE ...] [--rounds 5] [--out results/benchmarks] [--peers PYTHON]

Writes results.json, and a page of it with pictures. A stage that is named is measured anew, the others stay
as results.json has them; without names, all are. Each stage has a process of its own, on one core; each
size of its scaling another one. PYTHON is that of the environment of benchmarks/peers/requirements.txt, for
libraries that do not go together with ours; without it they are left out.
"""

import argparse
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
TIMES = (1, 2, 4, 8)


def names() -> list[str]:
    """Return all stages, in the data's order."""
    import stages

    found = [one.name for one in pkgutil.iter_modules(stages.__path__)]
    if unknown := set(found).symmetric_difference(stages.ORDER):
        raise ValueError(f"benchmarks/stages and its ORDER differ: {', '.join(sorted(unknown))}")
    return list(stages.ORDER)


def one(name: str, rounds: int, out: Path) -> dict:
    """Measure a stage in this process."""
    import measuring

    with tempfile.TemporaryDirectory(dir=out) as folder:
        return measuring.measured(built(name, Path(folder), 1), rounds)


def scaled(name: str, times: int, out: Path) -> dict:
    """Return what our way takes in this process for so many times the work: seconds, and peak memory."""
    import measuring

    with tempfile.TemporaryDirectory(dir=out) as folder:
        ours = built(name, Path(folder), times).ways[0].work
        ours()
        measuring.forget_peak()
        took = min(measuring.spent(ours) for _ in range(3))
        return {
            "times": times,
            "units": took.units,
            "seconds": measuring.rounded(took.seconds),
            "MiB": round(measuring.peak_mib()),
        }


def built(name: str, folder: Path, times: int):
    """Return a stage of so many times its usual work, on one core."""
    import torch

    from gwsim.cli.memory import keep_freed_memory

    # What reads ahead, packs or asks a peer does it on the same core.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    keep_freed_memory()
    return importlib.import_module(f"stages.{name}").build(folder, times)


def apart(*words: str) -> dict:
    """Run some of this in a process of its own and return what it says last."""
    command = [sys.executable, __file__, *words]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | ONE_THREAD)
    return json.loads(run.stdout.splitlines()[-1])


def measure(wanted: list[str], rounds: int, out: Path) -> dict:
    """Measure stages, and write what is known after each of them."""
    import machine
    import page

    path = out / "results.json"
    out.mkdir(parents=True, exist_ok=True)
    about = machine.described(out)
    found = json.loads(path.read_text()) if path.exists() else {"stages": {}, "machine": about}
    if different := machine.differences(found["machine"], about):
        raise SystemExit(
            f"{path} is of another machine or other versions ({', '.join(different)}): remove it, or name "
            "another folder by --out"
        )
    found["machine"] = about
    for place, name in enumerate(wanted):
        print(f"{name} ({place + 1} of {len(wanted)})", file=sys.stderr, flush=True)
        words = (name, "--apart", "--out", str(out))
        result = apart(*words, "--rounds", str(rounds))
        result["scaling"] = [apart(*words, "--times", str(times)) for times in TIMES]
        found["stages"][name] = result
        found["stages"] = {one: found["stages"][one] for one in names() if one in found["stages"]}
        path.write_text(json.dumps(found, indent=1) + "\n")
        page.write(found, out)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--peers", type=Path, help="Python of an environment with the peers")
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    # Of what is made there, some is linked to the rest.
    args.out = args.out.absolute()
    if args.apart:
        (name,) = args.stages
        found = scaled(name, args.times, args.out) if args.times else one(name, args.rounds, args.out)
        print(json.dumps(found))
        return
    if unknown := set(args.stages) - set(names()):
        parser.error(f"no such stage: {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    if args.peers:
        # Stages ask for it where they have peers there.
        os.environ["GWSIM_PEERS"] = str(args.peers.absolute())
    measure(args.stages or names(), args.rounds, args.out)
    print(f"{args.out}/index.md")


if __name__ == "__main__":
    main()
