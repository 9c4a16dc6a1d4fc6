"""Series in HDF5 as GWpy and PyCBC write them, read through the three functions of every reader.

Takes a file with one or more datasets of strain, each with its start and step among its attributes (`x0` and
`dx`, or `start_time` and `delta_t`), under any name and in any group. The ifo is told by the dataset's path
(H1:STRAIN), by its `name` or `channel`, or by the file's name. Such files hold no masks. Only the samples
asked for are read.
"""

import math
from pathlib import Path

import h5py

from gwsim.errors import GwsimError
from gwsim.shapes import Series
from gwsim.strain import axis, names
from gwsim.strain.gwosc_layout import opened, text

# The attributes of a start and a step in seconds, as GWpy and as PyCBC name them.
CLOCKS = (("x0", "dx"), ("start_time", "delta_t"))


def describe(path: str | Path, ifo: str | None = None) -> dict:
    """Return ifo, start, duration and sample_rate of the ifo's strain, or of another's if it has none.

    Raises GwsimError for a file without such a series or with several, and for a rate that is not whole.
    """
    with opened(path, "a series of GWpy or PyCBC") as file:
        dataset, ifo = _strain(path, file, ifo)
        return axis.describe(_axis(path, dataset), ifo)


def masks(path: str | Path, ifo: str | None = None) -> None:
    """Return None: nothing is known of the bits."""


def read(path: str | Path, start: int, end: int, ifo: str | None = None) -> Series:
    """Return the strain of the GPS seconds [start, end), float64."""
    with opened(path, "a series of GWpy or PyCBC") as file:
        dataset, _ = _strain(path, file, ifo)
        return axis.read(path, _axis(path, dataset), dataset, start, end)


def _strain(path, file, ifo):
    found = {}
    file.visititems(lambda name, item: found.update({name: item}) if _is_series(item) else None)
    if not found:
        clocks = " or ".join("/".join(clock) for clock in CLOCKS)
        raise GwsimError(
            f"{path}: neither in the GWOSC layout nor a series of GWpy or PyCBC: no dataset of one dimension "
            f"with the attributes {clocks}; at its top it has {', '.join(file) or 'nothing'}"
        )
    ifos = {name: names.ifo_in(name, *_labels(item)) for name, item in found.items()}
    name, ifo = names.strain_of(path, ifos, ifo)
    return found[name], ifo


def _is_series(item) -> bool:
    if not isinstance(item, h5py.Dataset) or item.ndim != 1 or item.dtype.kind != "f":
        return False
    # A spectrum of GWpy has x0 and dx too, in Hz.
    return _clock(item) is not None and text(item.attrs.get("xunit", "s")) == "s"


def _labels(item) -> list[str]:
    return [text(item.attrs[key]) for key in ("name", "channel") if key in item.attrs]


def _clock(item):
    return next((clock for clock in CLOCKS if all(key in item.attrs for key in clock)), None)


def _axis(path, dataset) -> axis.Axis:
    start, step = (float(dataset.attrs[key]) for key in _clock(dataset))
    if not math.isfinite(start) or not math.isfinite(step):
        raise GwsimError(f"{path}: {dataset.name} starts at {start} with steps of {step} s")
    second = math.floor(start)
    return axis.axis(path, second, start - second, step, len(dataset))
