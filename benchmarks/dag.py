"""How long Snakemake takes to see what is to be done, and how much memory: of runs of more and more jobs.

    python benchmarks/dag.py

Each line is a process of its own: a million examples of each experiment as the workflow cuts them into jobs,
then jobs of a single shard, ten thousand and a hundred thousand of them, which nobody should want. Nothing is
run.
Seconds are of the clock and of the processor, from the start of Python to the last job's resources.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
# A whole number of examples of each class, whatever the experiment's classes.
MILLION = 1_000_120
# Of each case: the experiment, and how many jobs of one shard; none for the jobs of a million examples.
CASES = (("ccsn", 0), ("cbc", 0), ("glitch", 0), ("ccsn", 10_000), ("ccsn", 100_000))
ALL = ("ccsn", "cbc", "glitch", "chirp_blip")


def overlay(experiment: str, examples: int) -> dict:
    """Return what gives one experiment's training set so many examples, and takes the others away."""
    others = {name: None for name in ALL if name != experiment}
    return {"experiments": {**others, experiment: {"datasets": {"train": {"examples": examples}}}}}


def one(experiment: str, wanted: int) -> None:
    """Build the graph of one case in this process, and print what it took."""
    start = time.monotonic()
    from gwsim import configuration, jobs, parts

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "overlay.yaml")
        examples = MILLION
        if wanted:
            config = configuration.load([ROOT / "config.yaml"])
            examples = wanted * parts.sizes(config, experiment, "train", "render")[1]
            parts.shards_per_job = lambda *_: 1
        path.write_text(yaml.safe_dump(overlay(experiment, examples)))
        found = jobs.needed([path], Path(folder), [], {})
    seconds, used = time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF)
    submitted = len({job.submitted for job in found} - {None})
    row = (f"{examples:,}", f"{len(found):,}", f"{submitted:,}", f"{seconds:.1f}")
    print(
        f"{experiment:10}",
        *(f"{cell:>13}" for cell in (*row, f"{used.ru_utime + used.ru_stime:.1f}")),
        end="",
    )
    print(f"{used.ru_maxrss / 1024:13,.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--one", nargs=2, metavar=("EXPERIMENT", "JOBS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        one(args.one[0], int(args.one[1]))
        return
    heads = ("examples", "jobs", "submitted", "s", "processor s", "MiB")
    print(f"{'experiment':10}", *(f"{head:>13}" for head in heads), flush=True)
    for experiment, wanted in CASES:
        command = [sys.executable, __file__, "--one", experiment, str(wanted)]
        subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
