"""What a plan comes to, before anything is downloaded: files, bytes, hours, and what is cut out; as text."""

import math
import textwrap
from itertools import pairwise

from gwsim import segments
from gwsim.gwosc.plan import file_rate
from gwsim.intervals import intersection, length

# Of GWOSC's files: noise in float64, gzip. Seconds without DATA are NaN, which takes next to nothing.
BYTES_PER_SAMPLE = 7.1
SPEEDS_MB = (10, 100)
BARS = "·▁▂▃▄▅▆▇█"
CELLS = 60


def text(plan: dict, settings: dict) -> str:
    """Return the summary of a plan or lock; sizes are exact where it is a lock, else estimated."""
    parts = [part(plan, settings) for part in (_files, _time, _splits, _when)]
    notes = [f"Note: {note}" for note in plan.get("notes", [])]
    return "\n\n".join([*parts, _causes(plan), _events(plan), *notes])


def _bytes(files, settings) -> int:
    """Return the bytes of planned files: known, or estimated from their seconds with DATA."""
    per_second = BYTES_PER_SAMPLE * file_rate(settings)
    return sum(file.get("bytes", round(per_second * _seconds(file))) for file in files)


def _seconds(file) -> int:
    return file.get("seconds", file["duration"])


def _files(plan, settings) -> str:
    rows = [("ifo", "files", "size", "hours of strain")]
    for ifo in [*settings["ifos"], "all"]:
        files = [file for file in plan["files"] if ifo in (file["ifo"], "all")]
        hours = sum(map(_seconds, files)) / 3600
        rows.append((ifo, len(files), _size(files, settings), f"{hours:.2f}"))
    return _table(rows)


def _size(files, settings) -> str:
    about, total = "" if all("bytes" in file for file in files) else "about ", _bytes(files, settings)
    return f"{about}{total / 1e9:.2f} GB" if total >= 1e9 else f"{about}{total / 1e6:.1f} MB"


def _time(plan, settings) -> str:
    megabytes = _bytes(plan["files"], settings) / 1e6
    times = [f"{_duration(megabytes / speed)} at {speed} MB/s" for speed in SPEEDS_MB]
    return f"To download: {', '.join(times)}, less what the cache has."


def _duration(seconds) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _splits(plan, settings) -> str:
    rows = [("split", "coincident hours", "PSD blocks")]
    for split in settings["splits"]:
        parts = [segment for segment in plan["segments"] if segment["split"] == split]
        hours = sum(part["end"] - part["start"] for part in parts) / 3600
        rows.append((split, f"{hours:.2f}", sum(len(segments.cut(part, settings)) for part in parts)))
    return _table(rows)


def _when(plan, settings) -> str:
    """Return for each split how much of each moment of its time is coincident data, as a row of bars."""
    rows = [("split", "from GPS", f"coincident data, none ({BARS[0]!r}) to all ({BARS[-1]!r})", "to GPS")]
    for split, ranges in settings["splits"].items():
        parts = [[one["start"], one["end"]] for one in plan["segments"] if one["split"] == split]
        start, end = ranges[0][0], ranges[-1][1]
        edges = [start + (end - start) * cell // CELLS for cell in range(CELLS + 1)]
        shares = [length(intersection(parts, [[a, b]])) / max(b - a, 1) for a, b in pairwise(edges)]
        # Rounded up, so that no data at all are hidden.
        bars = (BARS[math.ceil(share * (len(BARS) - 1))] for share in shares)
        rows.append((split, start, "".join(bars), end))
    return _table(rows)


def _causes(plan) -> str:
    rows = [(cause, f"{seconds} s") for cause, seconds in plan["removed"].items() if seconds]
    return _table([("removed because of", ""), *rows]) if rows else "Nothing is removed."


def _events(plan) -> str:
    named = ", ".join(f"{name} ({gps:.1f})" for name, gps in plan["events"].items())
    return textwrap.fill(f"Events cut out: {named or 'none'}", 100)


def _table(rows) -> str:
    """Return rows as columns: the first to the left, the others to the right."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([f"{first:<{widths[0]}}", *(f"{c!s:>{w}}" for c, w in zip(rest, widths[1:], strict=True))])
        for first, *rest in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
