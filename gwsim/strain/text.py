"""Strain in plain text, packed or not, read through the three functions of every reader.

Takes one column of strain, as GWOSC gives it, with the start in comments at the file's head (`# starting GPS
1126259447 duration 32`) or in its name (H-H1_GWOSC_4KHZ_R1-1126259447-32.txt.gz); or two columns, GPS time
and strain, as GWpy and PyCBC write them. Columns are parted by blanks or a comma. The ifo is told by the
name. Such files hold no masks. Text is parsed once in a process.
"""

import gzip
import itertools
import re
from pathlib import Path
from zlib import error as ZlibError

import numpy as np

from gwsim.errors import GwsimError
from gwsim.shapes import Series
from gwsim.strain import axis, names, unpacked

# Lines parsed at a time.
LINES = 1 << 19


def describe(path: str | Path, ifo: str | None = None) -> dict:
    """Return ifo, start, duration and sample_rate; a file holds one ifo, whichever is asked for.

    Raises GwsimError for what cannot be parsed, for times that are not evenly spaced, and where start,
    duration or ifo are told nowhere.
    """
    named = names.ifo_in(Path(path).name)
    if named is None:
        raise GwsimError(
            f"{path}: its name tells no ifo. Hint: a name like H-H1_STRAIN-START-DURATION.txt.gz"
        )
    return axis.describe(_parsed(path)[0], named)


def masks(path: str | Path, ifo: str | None = None) -> None:
    """Return None: nothing is known of the bits."""


def read(path: str | Path, start: int, end: int, ifo: str | None = None) -> Series:
    """Return the strain of the GPS seconds [start, end), float64."""
    return axis.read(path, *_parsed(path), start, end)


def _parsed(path):
    path = Path(path)
    if not path.is_file():
        raise GwsimError(
            f"{path}: {'a folder' if path.is_dir() else 'no such file'}, expected strain in text"
        )
    try:
        return _parse(path)
    except (OSError, EOFError, ZlibError) as error:
        raise GwsimError(f"{path}: corrupt or truncated gzip file ({error})") from error
    except ValueError as error:
        raise GwsimError(f"{path}: no strain in text, or corrupt ({error})") from error


@unpacked.once
def _parse(path) -> tuple[axis.Axis, unpacked.Samples]:
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt") as file:
        head, lines = _head(file)
        tables = _tables(lines)
        first = next(tables, None)
        if first is None:
            raise GwsimError(f"{path}: no samples, expected strain in text")
        tables = itertools.chain([first], tables)
        if first.shape[1] == 1:
            samples = unpacked.Samples(table[:, 0] for table in tables)
            return _stated(path, head, len(samples)), samples
        if first.shape[1] != 2:
            raise GwsimError(f"{path}: {first.shape[1]} columns, expected strain, or GPS time and strain")
        rate = _rate(path, first[:, 0])
        samples = unpacked.Samples(_timed(path, tables, first[0, 0], rate))
    second, late = divmod(first[0, 0], 1)
    return axis.axis(path, int(second), float(late), 1 / rate, len(samples)), samples


def _head(file):
    """Return the comments that the file opens with, and all its lines after them."""
    head = []
    for line in file:
        if not line.startswith("#") and line.strip():
            return "".join(head), itertools.chain([line], file)
        head.append(line)
    return "".join(head), iter(())


def _tables(lines):
    delimiter = None
    while some := list(itertools.islice(lines, LINES)):
        delimiter = delimiter or ("," if "," in some[0] else None)
        yield np.loadtxt(some, delimiter=delimiter, ndmin=2)


def _stated(path, head, count) -> axis.Axis:
    """Return the axis of one column, as the head of the file or its name states it."""
    said = re.search(r"starting GPS (\d+) duration (\d+)", head)
    named = names.name_parts(path)
    if not said and not named:
        raise GwsimError(
            f"{path}: one column, and no start in its head ('starting GPS 1126259447 duration 32') or name"
        )
    start, duration = map(int, said.groups()) if said else (named["start"], named["duration"])
    rate = re.search(r"(\d+) samples per second", head)
    if count != duration * (int(rate[1]) if rate else count // max(duration, 1)):
        at = f" at {rate[1]} Hz" if rate else ""
        raise GwsimError(f"{path}: {count} samples, expected {duration} s{at}")
    return axis.axis(path, start, 0.0, duration / count, count)


def _rate(path, times) -> int:
    rate = round((len(times) - 1) / (times[-1] - times[0])) if times[-1] > times[0] else 0
    if rate < 1:
        raise GwsimError(f"{path}: the first column does not tell GPS times, from {times[0]} to {times[-1]}")
    return rate


def _timed(path, tables, start, rate):
    """Yield the strain of each table; its times must go on evenly."""
    passed = 0
    for table in tables:
        due = (passed + np.arange(len(table))) / rate
        astray = np.flatnonzero(~(np.abs(table[:, 0] - start - due) <= axis.TOLERANCE))
        if len(astray):
            got, expected = table[astray[0], 0], start + due[astray[0]]
            raise GwsimError(
                f"{path}: times are not evenly spaced: sample {passed + astray[0]} at {got:.9f}, "
                f"expected {expected:.9f} ({rate} Hz from {start:.9f})"
            )
        passed += len(table)
        yield table[:, 1]
