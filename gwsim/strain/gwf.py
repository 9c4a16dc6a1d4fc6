"""Frame files (GWF), read through the three functions of every reader.

The strain is the ifo's channel that ends in STRAIN, as in GWOSC's `L1:GWOSC-16KHZ_R1_STRAIN`, or else the one
that can be (see `names.strain_of`). Masks are known where channels end in DQMASK and INJMASK, as GWOSC's do.
A frame's channel is packed as a whole, and GWOSC's files of 4096 s are one frame: strain is unpacked once.
The frame library ends the whole process at some damaged files and reads others as if whole, so a file's
length and checksum are held against those that its last structure states before that library sees it.
"""

import itertools
import struct
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from gwsim.errors import GwsimError
from gwsim.shapes import Series
from gwsim.strain import axis, names, unpacked

MASKS = ("DQMASK", "INJMASK")
# Of samples, the likelier first: the library reads a channel only if asked for its type.
TYPES = ("REAL8", "REAL4", "UINT4", "INT4", "UINT2", "INT2", "UINT8", "INT8")
# Where the end-of-file structure states the file's length, counted from the end, by the frame format's
# version (LIGO-T970130: versions 6 and below, 7 and above).
LENGTH_AT = {False: -24, True: -28}
# From this version on the last four bytes are a checksum of all before; zero stands for none.
CHECKED = 8
MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def describe(path: str | Path, ifo: str | None = None) -> dict:
    """Return ifo, start, duration and sample_rate of the ifo's strain, or of another's if it has none.

    Raises GwsimError for what is no whole frame file, holds no such channel or several, or has gaps.
    """
    channel, ifo = _strain(path, ifo)
    return axis.describe(_unpack(path, channel)[0], ifo)


def masks(path: str | Path, ifo: str | None = None) -> tuple[np.ndarray | None, ...] | None:
    """Return the data-quality and injection masks, uint32, one value per whole second of the strain.

    None stands for one that the file does not have, and for both.
    """
    found = tuple(_mask(path, ifo, ending) for ending in MASKS)
    return None if all(mask is None for mask in found) else found


def read(path: str | Path, start: int, end: int, ifo: str | None = None) -> Series:
    """Return the strain of the GPS seconds [start, end), float64."""
    return axis.read(path, *_unpack(path, _strain(path, ifo)[0]), start, end)


def _channels(path) -> list[str]:
    from gwpy.io.gwf import iter_channel_names

    with _whole(path):
        return list(iter_channel_names(path))


def _strain(path, ifo) -> tuple[str, str]:
    return names.strain_of(path, {name: names.ifo_in(name) for name in _channels(path)}, ifo)


@unpacked.once
def _unpack(path, channel) -> tuple[axis.Axis, unpacked.Samples]:
    parts = _parts(path, channel)
    first = next(parts)
    samples = unpacked.Samples(part.data.data for part in itertools.chain([first], parts))
    second, late = divmod(first.epoch.ns(), 10**9)
    return axis.axis(path, second, late / 1e9, first.deltaT, len(samples)), samples


def _parts(path, channel):
    """Yield each frame's part of a channel, which must follow the one before."""
    import lalframe

    due = None
    with _opened(path) as file:
        for frame in range(lalframe.FrFileQueryNFrame(file)):
            part = _of_frame(file, channel, frame)
            begin = part.epoch.ns()
            if due is not None and abs(begin - due) > axis.TOLERANCE * 1e9:
                raise GwsimError(
                    f"{path}: {channel} goes on at GPS {begin / 1e9:.6f}, expected {due / 1e9:.6f}"
                )
            due = begin + part.data.length * part.deltaT * 1e9
            yield part


def _of_frame(file, channel, frame):
    """Return a frame's part of a channel, in the type that it has."""
    import lalframe

    for kind in TYPES[:-1]:
        try:
            return getattr(lalframe, f"FrFileRead{kind}TimeSeries")(file, channel, frame)
        except RuntimeError:
            continue
    return getattr(lalframe, f"FrFileRead{TYPES[-1]}TimeSeries")(file, channel, frame)


def _mask(path, ifo, ending) -> np.ndarray | None:
    about = describe(path, ifo)
    found = [name for name in _channels(path) if name.endswith(ending) and names.ifo_in(name) == about["ifo"]]
    if not found:
        return None
    if len(found) > 1:
        raise GwsimError(
            f"{path}: {len(found)} channels of {about['ifo']} end in {ending}: {', '.join(found)}"
        )
    parts = [(part.epoch.ns() / 1e9, part.deltaT, part.data.data.copy()) for part in _parts(path, found[0])]
    values = np.concatenate([part for *_, part in parts])
    begin, step, _ = parts[0]
    first = about["start"] - begin
    wanted = values[max(0, int(first)) : int(first) + about["duration"]]
    if step != 1 or first != int(first) or len(wanted) != about["duration"]:
        raise GwsimError(
            f"{path}: channels disagree: strain of {about['duration']} s from {about['start']}, {found[0]} "
            f"of {len(values)} values from {begin:.6f}, {step} s apart"
        )
    return wanted.astype(np.uint32)


@contextmanager
def _opened(path):
    import lal
    import lalframe

    with _whole(path):
        level = lal.GetDebugLevel()
        lal.ClobberDebugLevel(0)  # what fails is told by an exception, not also on the terminal
        try:
            yield lalframe.FrFileOpenURL(str(path))
        finally:
            lal.ClobberDebugLevel(level)


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
    if head[5] >= CHECKED and not _is_undamaged(path):
        raise GwsimError(f"{path}: corrupt frame file (not of the checksum that its end states)")
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        raise GwsimError(f"{path}: corrupt frame file ({error})") from error


@unpacked.once
def _is_undamaged(path) -> bool:
    """Tell by the checksum of POSIX, which is zlib's with the bits of every byte and of the sum mirrored."""
    left = size = Path(path).stat().st_size - 4
    register = 0xFFFFFFFF
    with Path(path).open("rb") as file:
        order = "little" if file.read(14)[12] == 0x34 else "big"
        file.seek(0)
        while left:
            piece = file.read(min(left, 1 << 24))
            register = zlib.crc32(piece.translate(MIRRORED), register)
            left -= len(piece)
        stated = int.from_bytes(file.read(4), order)
    length = size.to_bytes((size.bit_length() + 7) // 8, "little")
    register = zlib.crc32(length.translate(MIRRORED), register)
    return stated in (0, int(f"{register ^ 0xFFFFFFFF:032b}"[::-1], 2) ^ 0xFFFFFFFF)
