"""Analysis-ready coincident segments, each in exactly one split, cut into PSD blocks.

Takes the records of all strain files (intervals of finite seconds and of data-quality bits), the known
events and the splits; gives one JSON document. All times are integer GPS seconds, intervals are half open.

A segment is a stretch in which every ifo has finite strain and every wanted bit set, away from events,
inside one split. A PSD block is a piece of one segment inside one strain file's GPS block: its PSD and
whitening filter are its own, and every example lies inside one block with all its margins.

field | unit | meaning
splits | GPS s | name -> list of [start, end)
segments | GPS s | list of {split, start, end}
blocks | GPS s | list of {split, start, end, gps_block}; a block's number is its place in this list
removed | s | name of the cause -> seconds of the splits that it alone or with others took away
"""

import itertools

from gwsim.errors import GwsimError
from gwsim.intervals import Intervals, difference, intersection, length, union


def resolve_splits(splits: dict, guard: int) -> dict[str, Intervals]:
    """Return each split's GPS ranges; fractions of a range become contiguous parts with guards between."""
    if "fractions" not in splits:
        return {name: union(ranges) for name, ranges in splits.items()}
    ranges, names = union(splits["ranges"]), list(splits["fractions"])
    total, resolved, done = length(ranges), {}, 0.0
    for name in names:
        first, done = round(total * done), done + splits["fractions"][name]
        last = round(total * done) - (guard if name != names[-1] else 0)
        resolved[name] = _stretch(ranges, first, last)
    return resolved


def _stretch(ranges: Intervals, first: int, last: int) -> Intervals:
    """Return the part of the ranges from their first-th to their last-th second, gaps not counted."""
    part, passed = [], 0
    for start, end in ranges:
        part.append([start + max(first - passed, 0), min(end, start + last - passed)])
        passed += end - start
    return union([[start, end] for start, end in part if start < end])


def check_splits(splits: dict[str, Intervals], guard: int, minimum: int) -> list[str]:
    """Return what is wrong with the splits: overlaps, missing guards, ranges too short for one block."""
    faults = []
    for name, ranges in splits.items():
        if not any(end - start >= minimum for start, end in ranges):
            faults.append(f"split '{name}' has no range of at least {minimum} s, which one PSD block needs")
    names = list(splits)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            wide = [[a - guard, b + guard] for a, b in splits[one]]
            for start, end in intersection(splits[one], splits[other]):
                faults.append(f"splits '{one}' and '{other}' overlap over GPS {start} to {end}")
            if not intersection(splits[one], splits[other]) and intersection(wide, splits[other]):
                faults.append(f"splits '{one}' and '{other}' are closer than the guard of {guard} s")
    return faults


def gps_blocks(splits: dict[str, Intervals], block: int) -> list[int]:
    """Return the starts of the strain files' fixed GPS blocks that the splits touch."""
    ranges = union([interval for intervals in splits.values() for interval in intervals])
    starts = {g for a, b in ranges for g in range(a // block * block, b, block)}
    return sorted(starts)


def usable(records: list[dict], wanted: list[str]) -> tuple[Intervals, dict[str, Intervals]]:
    """Return one ifo's good seconds, and the bad ones of its files by cause."""
    covered = union([[f["start"], f["start"] + f["duration"]] for r in records for f in r["files"]])
    finite = union([interval for r in records for interval in r["finite"]])
    bad = {"NaN": difference(covered, finite)}
    for name in wanted:
        passed = union([interval for r in records for interval in r["bits"].get(name, [])])
        bad[name] = difference(covered, passed)
    return difference(covered, [i for causes in bad.values() for i in causes]), bad


def _refuse_unknown(ifo: str, records: list[dict], wanted: list[str]):
    """Refuse to take for passed or failed what none of an ifo's files tells of: files without masks."""
    unknown = [name for name in wanted if not any(name in record["bits"] for record in records)]
    if unknown and any(record["files"] for record in records):
        raise GwsimError(
            f"no file of strain of {ifo} tells of {', '.join(unknown)}: they have no masks. Hint: ask only "
            "for what they tell (segments.flags, segments.injections), as in flags: [DATA], injections: []."
        )


def find(records: dict[str, list[dict]], splits: dict[str, Intervals], settings: dict) -> dict:
    """Return the document of segments and blocks from each ifo's records."""
    wanted = settings["flags"] + settings["injections"]
    margin = settings["event_margin"]
    events = [[int(gps) - margin, int(gps) + 1 + margin] for gps in settings["events"].values()]
    everything = union([interval for ranges in splits.values() for interval in ranges])
    good, removed = difference(everything, events), {"events": length(intersection(everything, events))}
    for ifo, its_records in records.items():
        _refuse_unknown(ifo, its_records, wanted)
        ready, bad = usable(its_records, wanted)
        good = intersection(good, ready)
        covered = union([[f["start"], f["start"] + f["duration"]] for r in its_records for f in r["files"]])
        removed[f"{ifo} no file"] = length(difference(everything, covered))
        for cause, intervals in bad.items():
            removed[f"{ifo} {cause}"] = length(intersection(everything, intervals))
    segments = [
        {"split": split, "start": start, "end": end}
        for split, ranges in splits.items()
        for start, end in intersection(good, ranges)
    ]
    segments.sort(key=lambda segment: segment["start"])
    blocks = [block for segment in segments for block in cut(segment, settings)]
    missing = [split for split in splits if not any(block["split"] == split for block in blocks)]
    if missing:
        causes = {cause: seconds for cause, seconds in removed.items() if seconds}
        raise GwsimError(
            f"no PSD block of {settings['stretch_min']} s is left in split {', '.join(missing)}: "
            f"seconds removed by cause {causes}. Choose other ranges, fewer flags or a shorter stretch_min."
        )
    return {"splits": splits, "segments": segments, "blocks": blocks, "removed": removed}


def cut(segment: dict, settings: dict) -> list[dict]:
    """Cut a segment into PSD blocks: at the strain files' borders, then into nearly equal parts."""
    size, blocks = settings["block"], []
    for gps in range(segment["start"] // size * size, segment["end"], size):
        start, end = max(segment["start"], gps), min(segment["end"], gps + size)
        if end - start < settings["stretch_min"]:
            continue
        parts = max(1, (end - start) // settings["stretch"])
        edges = [start + (end - start) * part // parts for part in range(parts + 1)]
        blocks += [
            {"split": segment["split"], "start": a, "end": b, "gps_block": gps}
            for a, b in itertools.pairwise(edges)
        ]
    return blocks
