"""Frame files (GWF) as GWOSC releases them, read through the three functions of every reader.

Channels are found by their ending, so that `L1:GWOSC-16KHZ_R1_STRAIN`, `V1:GWOSC-4KHZ_R1_STRAIN` and
`H1:LOSC-STRAIN` all read. The frame library ends the whole process at a file cut short, so a file's length
is held against the one its last structure states before that library sees it.
"""

import struct
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from gwsim.errors import GwsimError
from gwsim.shapes import Series

ENDINGS = ("STRAIN", "DQMASK", "INJMASK")
# Where the end-of-file structure states the file's length, counted from the end, by the frame format's
# version (LIGO-T970130: versions 6 and below, 7 and above).
LENGTH_AT = {False: -24, True: -28}


def describe(path: str | Path) -> dict:
    """Return the file's ifo, start, duration and sample_rate.

    Raises GwsimError for what is no whole frame file with GWOSC's three channels.
    """
    dq = _series(path, "DQMASK")
    injections = _series(path, "INJMASK")
    start, duration = int(dq.t0.value), len(dq)
    strain = _series(path, "STRAIN", start, start + 1)
    rate = round(float(strain.sample_rate.value))
    if len(injections) != duration or len(strain) != rate:
        raise GwsimError(
            f"{path}: channels disagree: {duration} s of DQMASK, {len(injections)} s of INJMASK, "
            f"{len(strain)} samples of STRAIN in the first second at {rate} Hz"
        )
    ifo = _channel(path, "STRAIN").split(":")[0]
    return {"ifo": ifo, "start": start, "duration": duration, "sample_rate": rate}


def masks(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the data-quality and injection masks, uint32, one value per second of the file."""
    return tuple(_series(path, ending).value.astype(np.uint32) for ending in ENDINGS[1:])


def read(path: str | Path, start: int, end: int) -> Series:
    """Return the strain of the seconds [start, end), float64."""
    strain = _series(path, "STRAIN", start, end)
    if strain.t0.value != start or len(strain) != round((end - start) * strain.sample_rate.value):
        raise GwsimError(f"{path}: no strain of [{start}, {end}), got {strain.span}")
    return strain.value.astype(np.float64)


def _channel(path, ending) -> str:
    from gwpy.io.gwf import iter_channel_names

    with _whole(path):
        names = list(iter_channel_names(path))
    found = [name for name in names if name.endswith(ending)]
    if len(found) != 1:
        raise GwsimError(f"{path}: {len(found)} channels end in {ending}, expected one; it has {names}")
    return found[0]


def _series(path, ending, *span):
    from gwpy.timeseries import TimeSeries

    channel = _channel(path, ending)
    with _whole(path):
        return TimeSeries.read(path, channel, *span, format="gwf")


@contextmanager
def _whole(path):
    path = Path(path)
    if not path.is_file():
        raise GwsimError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}, expected a frame file")
    with path.open("rb") as file:
        head = file.read(14)
        if head[:5] != b"IGWD\0" or len(head) < 14:
            raise GwsimError(f"{path}: no frame file (it begins with {head[:5]!r}, expected b'IGWD\\x00')")
        size = path.stat().st_size
        file.seek(max(0, size + LENGTH_AT[head[5] > 6]))
        tail = file.read(8).ljust(8, b"\0")
    stated = struct.unpack(("<" if head[12] == 0x34 else ">") + "Q", tail)[0]
    if stated != size:
        raise GwsimError(f"{path}: corrupt or truncated frame file ({size} bytes, not as its end states)")
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        raise GwsimError(f"{path}: corrupt frame file ({error})") from error
