"""Which module reads a file of strain, and reading at any rate up to the file's own.

A reader is a module over the whole GPS seconds that a file holds, whatever instant its samples begin at, with

    describe(path, ifo=None)          {ifo, start, duration, sample_rate}; {named: [a, b]} where the name's
                                      seconds are more than those that are whole. Of a file with several ifos
                                      it says one's, the one asked for where there is such.
    masks(path, ifo=None)             the data-quality and the injection mask, uint32, a value per second
                                      (bits as in gwosc_layout); None for what the file does not have
    read(path, start, end, ifo=None)  float64 strain of the seconds [start, end), NaN where there are no data

Each raises GwsimError, which names the file, for what it cannot read.
"""

from pathlib import Path
from types import ModuleType

from gwsim.errors import GwsimError
from gwsim.shapes import Series
from gwsim.strain import gwf, gwosc_layout, hdf5_series, resample, text


def _hdf5(path) -> ModuleType:
    with gwosc_layout.opened(path) as file:
        return gwosc_layout if gwosc_layout.is_one(file) else hdf5_series


# By the end of a file's name: its reader, or what finds it by content.
READERS = {
    ".hdf5": _hdf5,
    ".h5": _hdf5,
    ".hdf": _hdf5,
    ".gwf": gwf,
    ".txt": text,
    ".txt.gz": text,
    ".csv": text,
}


def reader(path: str | Path) -> ModuleType:
    """Return the module that reads a file; raises GwsimError where there is none for such a name."""
    path = Path(path)
    suffix = next((suffix for suffix in READERS if path.name.endswith(suffix)), None)
    if suffix is None:
        raise GwsimError(f"{path}: suffix {path.suffix!r}, expected one of {', '.join(READERS)}")
    found = READERS[suffix]
    return found if isinstance(found, ModuleType) else found(path)


def read(path: str | Path, about: dict, start: int, end: int, sample_rate: int) -> Series:
    """Return the strain of GPS seconds [start, end) at a rate, resampled from a higher one.

    about: what the reader's `describe` says. What the filter would reach for beyond the file or in a gap is
    not made up: the samples within its reach are NaN.
    """
    kind, rate = reader(path), about["sample_rate"]
    if rate == sample_rate:
        return kind.read(path, start, end, about["ifo"])
    margin = resample.margin(rate, sample_rate)
    seconds = -(-margin // rate)
    first = max(start - seconds, about["start"])
    last = min(end + seconds, about["start"] + about["duration"])
    samples = kind.read(path, first, last, about["ifo"])
    offset = (start - first) * rate - margin
    wide = resample.padded(samples, offset, offset + (end - start) * rate + 2 * margin)
    del samples
    return resample.resample(wide, rate, sample_rate)
