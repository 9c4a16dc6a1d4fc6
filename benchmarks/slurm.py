"""The tiny run of supernovae through SLURM beside the same without, and rendering by two workers.

    python benchmarks/slurm.py [--rounds 1] [--examples 16380]

The SLURM is that of the tests (tests/slurm/up.sh): needs root, and Debian's packages. Both runs have this
machine's cores and take turns, in scratch folders. Prints seconds and ratios, since machines differ.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ccsn
import common

sys.path.insert(0, str(common.ROOT / "tests"))
from slurm_cluster import Cluster

CONFIGS = ("workflow/configs/tiny.yaml", "tests/ccsn_alone.yaml")


def seconds(options: tuple[str, ...], first_in_path: str) -> float:
    """Return how long a whole run takes, in a folder of its own."""
    path = [first_in_path, str(Path(sys.executable).parent), os.environ["PATH"]]
    environment = {**os.environ, "PATH": ":".join(path), "PYTHONPATH": str(common.ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "snakemake",
            *options,
            "--directory",
            folder,
            "--configfile",
            *CONFIGS,
        ]
        start = time.perf_counter()
        run = subprocess.run(command, cwd=common.ROOT, env=environment, capture_output=True, text=True)
        if run.returncode:
            sys.exit(run.stderr)
        return time.perf_counter() - start


def workflow(rounds: int) -> None:
    """Print what both take."""
    cluster = Cluster()
    cluster.up()
    try:
        for _ in range(rounds):
            mark = cluster.mark()
            local = seconds(("--cores", "2"), "")
            through = seconds(("--cores", "32", "--profile", "slurm"), cluster.path)
            print(f"tiny ccsn, two cores alone {local:7.1f} s")
            print(f"tiny ccsn, through SLURM   {through:7.1f} s, {len(cluster.jobs(mark))} jobs")
            print(f"ratio                      {through / local:7.2f}")
    finally:
        cluster.down()


def rendering(rounds: int, examples: int) -> None:
    """Print how much faster two workers write a dataset than one."""
    for _ in range(rounds):
        one, two = (written(examples, workers) for workers in (1, 2))
        print(f"rendering, one worker      {one:7.1f} s, two {two:.1f} s, ratio {one / two:.2f}")


def written(examples: int, workers: int) -> float:
    """Return how long workers take to render and write examples where there are none."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = ccsn.prepare(Path(scratch), examples)
        return common.on_disk(Path(scratch), settings, workers)["seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--examples", type=int, default=16380)
    args = parser.parse_args()
    workflow(args.rounds)
    rendering(args.rounds, args.examples)


if __name__ == "__main__":
    main()
