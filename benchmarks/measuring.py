"""How rates are measured: ways of doing one thing in turn, round after round, on one core.

A stage (benchmarks/stages) gives its ways, and the bare work that none of them can do without: transforms of
arrays that are there, bytes copied in memory or made durable on disk. Whoever did nothing else, and on each
resource at once, would be at the limit. Machines differ and are shared: what counts are ratios of one round.
"""

import os
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

OURS, PLAIN, PEER = "ours", "plain", "peer"
CORE, MEMORY, DISK = "core", "memory", "disk"
RESOURCES = (CORE, MEMORY, DISK)


class Spent(NamedTuple):
    """What some work took: how much was done, seconds by the clock, seconds of processors."""

    units: float
    seconds: float
    used: float


class Way(NamedTuple):
    """One way to do it.

    work: does some units and returns how many; or what they took (Spent), where another process did them
    """

    name: str
    kind: str
    work: Callable[[], float | Spent]


class Part(NamedTuple):
    """Bare work that no way can do without, as a way's; what is of one resource comes one after the other."""

    name: str
    resource: str
    work: Callable[[], float | Spent]


class Stage(NamedTuple):
    """What is held against one another: the first way is ours.

    unit: what is counted, in the plural
    about: sizes, and what the ways do not have in common, in a sentence or two
    """

    unit: str
    about: str
    ways: list[Way]
    limit: list[Part]


def spent(work: Callable[[], float | Spent]) -> Spent:
    """Do some work and return what it took."""
    begun, used = time.perf_counter(), time.process_time()
    found = work()
    if isinstance(found, Spent):
        return found
    return Spent(found, time.perf_counter() - begun, time.process_time() - used)


def rounds_of(stage: Stage, rounds: int) -> list[dict[str, Spent]]:
    """Return what each way and each part of the limit took, round by round, after one that is not told."""
    everything = {one.name: one.work for one in (*stage.ways, *stage.limit)}
    for work in everything.values():  # libraries load, make plans, ask for memory
        work()
    return [{name: spent(work) for name, work in everything.items()} for _ in range(rounds)]


def a_unit(took: Spent, clock: str = "seconds") -> float:
    """Return the time of one unit."""
    return getattr(took, clock) / took.units


def limit(stage: Stage, found: dict[str, Spent], clock: str = "seconds") -> float:
    """Return the time that a unit takes at the least: that of the resource which is asked for most."""
    times = {resource: 0.0 for resource in RESOURCES}
    for part in stage.limit:
        times[part.resource] += a_unit(found[part.name], clock)
    return max(times.values())


def ratio(found: dict[str, Spent], one: str, other: str, clock: str = "seconds") -> float:
    """Return how many times as fast one way is as another, in one round."""
    return a_unit(found[other], clock) / a_unit(found[one], clock)


def measured(stage: Stage, rounds: int) -> dict:
    """Return rates, the limit and our fraction of it, all medians over rounds; ready for JSON."""
    found = rounds_of(stage, rounds)
    ours = stage.ways[0].name

    def middle(values) -> float:
        return rounded(statistics.median(values))

    ways = {
        way.name: {
            "kind": way.kind,
            "rate": middle(1 / a_unit(one[way.name]) for one in found),
            "by processor time": middle(1 / a_unit(one[way.name], "used") for one in found),
            "ours over it": middle(ratio(one, ours, way.name) for one in found),
            "lowest and highest": [
                rounded(end(ratio(one, ours, way.name) for one in found)) for end in (min, max)
            ],
        }
        for way in stage.ways
    }
    parts = {
        part.name: {
            "resource": part.resource,
            "us a unit": middle(1e6 * a_unit(one[part.name]) for one in found),
        }
        for part in stage.limit
    }
    return {
        "unit": stage.unit,
        "about": stage.about,
        "rounds": rounds,
        "ways": ways,
        "limit": {
            "rate": middle(1 / limit(stage, one) for one in found),
            "parts": parts,
            "our fraction": middle(limit(stage, one) / a_unit(one[ours]) for one in found),
        },
    }


def rounded(value: float) -> float:
    """Return three digits: no more are known."""
    return float(f"{value:.3g}")


def repeated(times: int, work: Callable[[], float]) -> Callable[[], float]:
    """Return work that is some other work, so many times."""
    return lambda: sum(work() for _ in range(times))


def counted(units: float, work: Callable[[], object]) -> Callable[[], float]:
    """Return work that is some other work, and tells of how many units it is."""

    def told() -> float:
        work()
        return units

    return told


def wait_for_disk(path: Path) -> None:
    """Wait until a file that was written is on the disk, as ours are when they are there."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def peak_mib() -> float:
    """Return the greatest resident memory of this process; getrusage would count what started it, too."""
    status = Path("/proc/self/status")
    if not status.exists():  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 2**10


def forget_peak() -> None:
    """Begin the greatest resident memory anew, where the system can."""
    if (switch := Path("/proc/self/clear_refs")).exists():
        switch.write_text("5")


def copied(bytes_a_unit: float) -> Callable[[], float]:
    """Return work that moves as many bytes, of those read and those written together, as units have."""
    import numpy as np

    # More than a core's caches hold, however few bytes a unit has.
    size = 256 * 2**20
    source, target = np.ones(size, np.uint8), np.empty(size, np.uint8)
    return lambda: np.copyto(target, source) or 2 * size / bytes_a_unit


def made_durable(folder: Path, bytes_a_unit: float) -> Callable[[], float]:
    """Return work that writes bytes that are ready into one large file, and waits for the disk."""
    size = 64 * 2**20
    block = os.urandom(size)

    def work():
        path = folder / "bytes"
        with path.open("wb") as file:
            file.write(block)
            file.flush()
            os.fsync(file.fileno())
        return size / bytes_a_unit

    return work
