"""How many shards one job writes: few, big jobs, of the configuration alone.

A store whose shards take T seconds of a core in all is written by jobs of about sqrt(5 T) seconds each, so
that both their number and their length grow with it: 45 s are 3 jobs of 15 s, 20 hours 120 of ten minutes,
which is the most.
"""

import math

from gwsim import costs, sharding, stages

# Seconds of a job of a store that takes five seconds, and the most of any job.
LEAST, MOST = 5, 600


def shards_per_job(config: dict, experiment: str, dataset: str, kind: str) -> int:
    """Return how many shards one job of `waveforms`, `render` or `signals` writes.

    config: checked, with the dataset in it.
    """
    rows, per_shard = sizes(config, experiment, dataset, kind)
    count = len(sharding.shard_ranges(rows, per_shard))
    if count <= 1:
        return 1
    its = {"experiment": experiment, "dataset": dataset, "part": f"0-{count - 1}"}
    start = costs.coefficients()[kind]["seconds"]["start"]
    seconds = costs.of(config, kind, its).seconds - start
    if seconds <= 0:
        return count
    jobs = max(1, round(count / max(1.0, count * job_seconds(seconds) / seconds)))
    return math.ceil(count / jobs)  # as many for each job


def names(config: dict, experiment: str, dataset: str, kind: str) -> list[str]:
    """Return the names FIRST-LAST of the jobs that write a store."""
    each = shards_per_job(config, experiment, dataset, kind)
    return sharding.parts(*sizes(config, experiment, dataset, kind), each)


def job_seconds(seconds: float) -> float:
    """Return how long a job of a store should take of which all jobs together take so long."""
    return min(MOST, math.sqrt(LEAST * seconds))


def sizes(config: dict, experiment: str, dataset: str, kind: str) -> tuple[int, int]:
    """Return the rows of a store, and those of one shard."""
    its = config["experiments"][experiment]
    if kind == "waveforms":
        return stages.bank_rows(its, its["datasets"][dataset]), sharding.BANK_ROWS
    found = stages.dataset_settings(config, experiment, dataset)["render"]
    return found["examples"], found["shard_rows"]
