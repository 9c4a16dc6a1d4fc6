"""What a plan comes to, before anything is downloaded: files, bytes, hours, and what is cut out; as text."""

import textwrap

from gwsim import segments
from gwsim.gwosc.plan import file_rate

# Of GWOSC's files: noise in float64, gzip. Seconds without DATA are NaN, which takes next to nothing.
BYTES_PER_SAMPLE = 7.1
SPEEDS_MB = (10, 100)


def text(plan: dict, settings: dict) -> str:
    """Return the summary of a plan or lock; sizes are exact where it is a lock, else estimated."""
    parts = [_files(plan, settings), _time(plan, settings), _splits(plan, settings), _causes(plan)]
    return "\n\n".join([*parts, _events(plan), *(f"Note: {note}" for note in plan.get("notes", []))])


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
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def _splits(plan, settings) -> str:
    rows = [("split", "coincident hours", "PSD blocks")]
    for split in settings["splits"]:
        parts = [segment for segment in plan["segments"] if segment["split"] == split]
        hours = sum(part["end"] - part["start"] for part in parts) / 3600
        rows.append((split, f"{hours:.2f}", sum(len(segments.cut(part, settings)) for part in parts)))
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
