"""Records: what is known of one ifo's strain in one GPS block, and the only way to read it.

Takes the files that a source made or found, in whatever format, and looks at every sample once; gives a plain
dict that later stages read strain and masks through. A block without files has a record too, an absent one.

    field         meaning
    ifo           the ifo's name
    start         first GPS second of the block
    duration      s
    sample_rate   Hz, of the strain that is read through the record
    source        name of the source
    files         [{path, start, duration, sample_rate, sha256, bytes}], in order of time, each with its own
                  rate and the whole seconds that it holds; none in an absent record
    finite        [[a, b], ...] GPS seconds [a, b) of the block in which every sample is finite: at the
                  record's rate, so that the first and last second of a resampled file are not
    bits          {name of a bit: [[a, b], ...]} GPS seconds of the block in which that bit is set in a file
                  that has such a mask; a bit that no file has is not here. DATA is always known of files:
                  where there is no mask it is set in finite seconds
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from gwsim.errors import GwsimError
from gwsim.files import fingerprint, write_atomic
from gwsim.intervals import union
from gwsim.shapes import Series
from gwsim.strain import gwosc_layout, readers
from gwsim.strain.names import name_parts

BITS = (gwosc_layout.DQ_BITS, gwosc_layout.INJECTION_BITS)
FIELDS = ("ifo", "start", "duration", "sample_rate", "source", "files", "finite", "bits")
# Seconds of strain in memory at a time while a file is looked through.
PIECE = 256


def make_record(ifo: str, start: int, duration: int, sample_rate: int, source: str, paths: Iterable) -> dict:
    """Look at the files of a block and return its record; no files give an absent one.

    Raises GwsimError that names every file that is corrupt, contradicts itself or its name, or is of another
    ifo, a lower sample rate or another time, and every pair that overlaps.
    """
    paths = [str(path) for path in paths]
    end = start + duration
    found, offenders = [], []
    for path in paths:
        try:
            found.append(_look(path, ifo, start, end, sample_rate))
        except GwsimError as error:
            offenders.append(str(error))
    found.sort(key=lambda look: look["file"]["start"])
    offenders += _overlaps([look["file"] for look in found])
    if offenders:
        raise GwsimError(
            f"strain of {ifo} in [{start}, {end}) cannot be used:\n  " + "\n  ".join(offenders) + "\n"
            "Hint: mend, remove or fetch again these files, or correct the configuration of strain."
        )
    return {
        "ifo": ifo,
        "start": start,
        "duration": duration,
        "sample_rate": sample_rate,
        "source": source,
        "files": [look["file"] for look in found],
        "finite": union([interval for look in found for interval in look["finite"]]),
        "bits": {
            bit: union([interval for look in found for interval in look["bits"].get(bit, [])])
            for bits in BITS
            for bit in bits
            if any(bit in look["bits"] for look in found)
        },
    }


def save(record: dict, path: str | Path):
    """Write a record as JSON with sorted keys, whole or not at all."""
    write_atomic(Path(path), json.dumps(record, indent=1, sort_keys=True) + "\n")


def load(path: str | Path) -> dict:
    """Read a record; raises GwsimError for what is none."""
    try:
        record = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise GwsimError(f"{path}: no record of strain ({error})") from error
    missing = [field for field in FIELDS if not isinstance(record, dict) or field not in record]
    if missing:
        raise GwsimError(f"{path}: no record of strain, it lacks {', '.join(missing)}")
    return record


def read_strain(record: dict, start: int, end: int) -> Series:
    """Return the strain of GPS seconds [start, end), float64, from the record's files.

    Raises GwsimError where the seconds are not all in the record's block and files, and where a file is
    no longer the one recorded.
    """
    pieces, second = [], start
    block_end = record["start"] + record["duration"]
    used = [file for file in record["files"] if file["start"] < end and start < _end(file)]
    _verify(used, record)
    for file in used:
        stop = min(end, _end(file))
        if file["start"] <= second < stop:
            about = file | {"ifo": record["ifo"]}
            pieces.append(readers.read(file["path"], about, second, stop, record["sample_rate"]))
            second = stop
    if second != end or start >= end or start < record["start"] or end > block_end:
        raise GwsimError(
            f"no strain of {record['ifo']} for all of [{start}, {end}): the record covers "
            f"{covered(record)} of its block [{record['start']}, {block_end})"
        )
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def covered(record: dict) -> list[list[int]]:
    """Return the GPS intervals of the record's block that its files cover."""
    block_end = record["start"] + record["duration"]
    return union(
        [[max(file["start"], record["start"]), min(_end(file), block_end)] for file in record["files"]]
    )


def intervals(mask: np.ndarray, start: int) -> list[list[int]]:
    """Return the stretches [a, b) in which a mask of one value per second from `start` is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], np.asarray(mask, bool), [False]])))
    return [[int(a) + start, int(b) + start] for a, b in edges.reshape(-1, 2)]


def _look(path, ifo, start, end, sample_rate) -> dict:
    """Look through the part of a file inside [start, end)."""
    kind = readers.reader(path)
    about = kind.describe(path, ifo)
    first, last = about["start"], about["start"] + about["duration"]
    _compare(path, about, ifo, start, end, sample_rate)
    a, b = max(start, first), min(end, last)
    pieces = [(c, min(b, c + PIECE)) for c in range(a, b, PIECE)]
    mask = np.concatenate([_finite(path, about, *piece, sample_rate) for piece in pieces])
    kind.read(path, last - 1, last, ifo)  # what lies beyond the block must be there too
    finite = intervals(mask, a)
    file = {"path": path, "start": first, "duration": last - first, "sample_rate": about["sample_rate"]}
    return {
        "file": file | fingerprint(Path(path)),
        "finite": finite,
        "bits": {"DATA": finite} | _bits(kind.masks(path, ifo) or (), slice(a - first, b - first), a),
    }


def _bits(masks, seconds, start) -> dict:
    return {
        bit: intervals(mask[seconds] >> np.uint32(position) & 1, start)
        for mask, bits in zip(masks, BITS, strict=False)
        if mask is not None
        for position, bit in enumerate(bits)
    }


def _compare(path, about, ifo, start, end, sample_rate):
    first, last = about["start"], about["start"] + about["duration"]
    wrong = []
    if about["ifo"] != ifo:
        wrong.append(f"strain of {about['ifo'] or 'no ifo'}, expected {ifo}")
    if about["sample_rate"] < sample_rate:
        rate = f"strain at {about['sample_rate']} Hz, expected {sample_rate} Hz"
        wrong.append(f"{rate} or more (sample_rate; files are never up-sampled)")
    if first >= end or last <= start:
        wrong.append(f"strain of [{first}, {last}), expected some of [{start}, {end})")
    named, (begin, stop) = name_parts(path), about.get("named", (first, last))
    if named and (named["start"], named["duration"]) != (begin, stop - begin):
        said = f"its name says {named['duration']} s from {named['start']}"
        wrong.append(f"{said}, it holds {stop - begin} s from {begin}")
    if wrong:
        raise GwsimError(f"{path}: {'; '.join(wrong)}")


def _finite(path, about, start, end, sample_rate) -> np.ndarray:
    strain = readers.read(path, about, start, end, sample_rate)
    return np.isfinite(strain).reshape(end - start, sample_rate).all(axis=1)


def _end(file) -> int:
    return file["start"] + file["duration"]


def _overlaps(files) -> list[str]:
    """Files that all reach into one block overlap, if at all, inside it."""
    return [
        f"{one['path']} and {other['path']} overlap: both hold second {other['start']}"
        for i, other in enumerate(files)
        for one in files[:i]
        if other["start"] < _end(one)
    ]


@lru_cache(maxsize=1024)
def _sha256(path, size, mtime_ns) -> str:
    """The size and time are in the signature so that a file that changes is looked at again."""
    return fingerprint(Path(path))["sha256"]


def _verify(files, record):
    """Refuse files that are not those recorded."""
    offenders = []
    for file in files:
        path = Path(file["path"])
        if not path.is_file():
            offenders.append(f"{path}: no such file")
            continue
        stat = path.stat()
        if stat.st_size != file["bytes"]:
            offenders.append(f"{path}: {stat.st_size} bytes, recorded {file['bytes']}")
        elif _sha256(str(path), stat.st_size, stat.st_mtime_ns) != file["sha256"]:
            offenders.append(f"{path}: its sha256 is not the recorded {file['sha256'][:12]}...")
    if offenders:
        # What a user has to remove, so that the files are looked at, or fetched, again.
        name = f"{record['ifo']}-{record['start']}.json"
        name += f" and fetched/{name}" if record["source"] == "gwosc" else ""
        raise GwsimError(
            "files of strain are not those recorded:\n  " + "\n  ".join(offenders) + "\n"
            f"Hint: remove what names them ({name} in the run's folder under results/strain) and run again, "
            "or put the files back."
        )
