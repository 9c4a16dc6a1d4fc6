"""What a run comes to before anything is submitted: jobs, core-hours, memory, disk, time; as text or numbers.

Takes the jobs that are still to be run (`jobs.needed`). Hours are of a core of the reference machine of
costs.yaml, of a GPU where a job is given one. Time on so many cores is that of jobs of one core each, the one
whose chain of heirs is longest first, without what the engine itself takes for each submitted job.
"""

import heapq
from collections.abc import Iterable

from gwsim.jobs import Job
from gwsim.submitted import MOST_MINUTES

# What no experiment has to itself.
SHARED = "strain, noise, report"
HOUR, MINUTE, GB = 3600, 60, 1000
# How often a job is submitted at most, by the `retries` of our profiles.
ATTEMPTS = 3
HEADS = ("jobs", "submitted", "core-hours", "longest (min)", "memory (GB)", "disk (GB)")


def totals(jobs: list[Job]) -> dict[str, float]:
    """Return the numbers of some jobs, by what they are called in the table."""
    submitted = _submitted(jobs)
    return {
        "jobs": len(jobs),
        "submitted": len(submitted),
        "core_hours": sum(job.cost.seconds for job in jobs if not job.on_gpu) / HOUR,
        "gpu_hours": sum(job.cost.seconds for job in jobs if job.on_gpu) / HOUR,
        "longest_minutes": max((job.cost.seconds for job in jobs), default=0.0) / MINUTE,
        "memory_gb": max((job.cost.memory_mb for job in jobs), default=0.0) / GB,
        "disk_gb": sum(job.cost.disk_mb for job in jobs) / GB,
    }


def grouped(jobs: list[Job], name) -> dict[str, dict]:
    """Return the numbers of jobs by a name of each; what is submitted as one counts with its longest job."""
    first = _submitted(jobs)
    found = {}
    for one in dict.fromkeys(map(name, jobs)):
        its = [job for job in jobs if name(job) == one]
        own = {id(job) for job in first.values()} & {id(job) for job in its}
        found[one] = totals(its) | {"submitted": len(own)}
    return found


def forecast(jobs: list[Job], cores: int) -> dict:
    """Return everything that is told, as numbers."""
    fetched = [job for job in jobs if job.rule == "fetch"]
    return {
        "rules": grouped(jobs, lambda job: job.rule),
        "experiments": grouped(jobs, lambda job: job.experiment or SHARED),
        "total": totals(jobs),
        "download": {"files": len(fetched), "gb": sum(job.cost.disk_mb for job in fetched) / GB},
        "cores": cores,
        "hours": duration(jobs, cores) / HOUR,
        "chain_hours": max(_chains(jobs), default=0.0) / HOUR,
        "beyond": sorted({job.rule for job in jobs if job.cost.seconds > ATTEMPTS * MOST_MINUTES * MINUTE}),
    }


def duration(jobs: list[Job], cores: int) -> float:
    """Return the seconds that jobs of one core each take on so many, those with the longest chain first."""
    chains, waits, heirs = _chains(jobs), [len(job.needs) for job in jobs], _heirs(jobs)
    ready = [(-chains[place], place) for place, count in enumerate(waits) if not count]
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < cores:
            _, place = heapq.heappop(ready)
            heapq.heappush(running, (now + jobs[place].cost.seconds, place))
        now, done = heapq.heappop(running)
        for heir in heirs[done]:
            waits[heir] -= 1
            if not waits[heir]:
                heapq.heappush(ready, (-chains[heir], heir))
    return now


def _chains(jobs: list[Job]) -> list[float]:
    """Return for each job the seconds until its last heir is done, were there a core for each."""
    heirs, found = _heirs(jobs), [0.0] * len(jobs)
    for place in reversed(range(len(jobs))):
        found[place] = jobs[place].cost.seconds + max((found[heir] for heir in heirs[place]), default=0.0)
    return found


def _heirs(jobs: list[Job]) -> list[list[int]]:
    heirs: list[list[int]] = [[] for _ in jobs]
    for place, job in enumerate(jobs):
        for before in job.needs:
            heirs[before].append(place)
    return heirs


def _submitted(jobs: Iterable[Job]) -> dict[int, Job]:
    """Return the longest job of each that is submitted."""
    found: dict[int, Job] = {}
    for job in jobs:
        if job.submitted is not None:
            known = found.setdefault(job.submitted, job)
            found[job.submitted] = max(known, job, key=lambda one: one.cost.seconds)
    return found


# ---- as text


def text(found: dict) -> str:
    """Return a table by rule, one by experiment, and what is downloaded and how long it takes."""
    if not found["total"]["jobs"]:
        return "Nothing is to be done: all products are there, and up to date."
    rows = {**found["rules"], "all": found["total"]}
    parts = [_table("rule", rows), _table("experiment", found["experiments"]), _time(found)]
    if found["download"]["files"]:
        size = f"{number(found['download']['gb'])} GB"
        parts.append(f"Downloaded from GWOSC: about {size} in {found['download']['files']:,} jobs.")
    if found["beyond"]:
        parts.append(
            f"Too long for a cluster, even in {ATTEMPTS} jobs of {hours(MOST_MINUTES / 60)} each: "
            f"{', '.join(found['beyond'])}. Ask for a GPU (set-resources of the profile), or for less."
        )
    return "\n\n".join(parts)


def _time(found: dict) -> str:
    gpu, cores = found["total"]["gpu_hours"], found["cores"]
    lines = [
        f"On {cores} core{'s' * (cores > 1)}: about {hours(found['hours'])}; never less than "
        f"{hours(found['chain_hours'])}, which jobs that wait for one another take.",
        *([f"On a GPU: {number(gpu)} hours."] if gpu else []),
    ]
    return "\n".join(lines)


def _table(name: str, rows: dict[str, dict]) -> str:
    cells = [(name, *HEADS)]
    for title, one in rows.items():
        numbers = (one["core_hours"] + one["gpu_hours"], one["longest_minutes"], one["memory_gb"])
        told = map(number, (*numbers, one["disk_gb"]))
        cells.append((title, f"{one['jobs']:,}", f"{one['submitted']:,}", *told))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in cells
    )
    return "\n".join(lines)


def number(value: float) -> str:
    """Return two digits of a number, thousands apart."""
    if value >= 10:
        digits = len(str(int(value))) - 2
        return f"{round(value / 10**digits) * 10**digits:,}"
    return f"{float(f'{value:.2g}'):g}" if value >= 0.01 else "0" if value == 0 else "<0.01"


def hours(value: float) -> str:
    """Return a time in words."""
    if value >= 48:
        return f"{number(value / 24)} days"
    if value >= 1.5:
        return f"{number(value)} hours"
    minutes = value * 60
    return f"{number(minutes)} minutes" if minutes >= 1.5 else f"{number(minutes * 60)} seconds"
