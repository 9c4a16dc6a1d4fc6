"""The GPS seconds of a series of samples that may begin at any instant.

Takes where the first sample stands and how far apart they are; gives the whole seconds inside and the strain
of any of them on the grid of 1/rate that begins with each second. Samples within TOLERANCE of that grid are
taken as they are (a float64 GPS time ticks every 0.24 microseconds). Others are interpolated onto it by the
kernel of `resample`, which passes all frequencies up to its PASS of their Nyquist frequency and is NaN where
it would reach beyond the first or last sample.
"""

import math
from typing import NamedTuple

from gwsim.errors import GwsimError
from gwsim.shapes import Series
from gwsim.strain import resample

TOLERANCE = 1e-6  # s


class Axis(NamedTuple):
    """Where samples stand: `late` samples after the GPS second, which is a whole number if on the grid."""

    second: int
    late: float
    rate: int
    count: int


def axis(path, second: int, fraction: float, step: float, count: int) -> Axis:
    """Return the axis of `count` samples `step` seconds apart, the first a fraction after a GPS second.

    Raises GwsimError for a rate that is no whole number, and for samples that hold no whole second.
    """
    rate = round(1 / step) if step > 0 else 0
    if rate < 1 or abs(count * (step - 1 / rate)) > TOLERANCE:
        raise GwsimError(f"{path}: samples {step} s apart, expected a whole number of them in a second")
    carried = math.floor(fraction)
    second, late = second + carried, (fraction - carried) * rate
    if abs(late - round(late)) <= TOLERANCE * rate:
        late = float(round(late))
    found = Axis(second, late, rate, count)
    if seconds(found)[0] >= seconds(found)[1]:
        begins = second + late / rate
        raise GwsimError(f"{path}: {count} samples at {rate} Hz from GPS {begins} hold no whole GPS second")
    return found


def seconds(axis: Axis) -> tuple[int, int]:
    """Return the first whole GPS second inside, and the end of the last."""
    points = math.ceil(axis.late), math.floor(axis.late + axis.count - 1) + 1
    return axis.second + -(-points[0] // axis.rate), axis.second + points[1] // axis.rate


def describe(axis: Axis, ifo: str) -> dict:
    """Return what every reader says of a file, and its name's seconds where those are more than the whole."""
    start, end = seconds(axis)
    about = {"ifo": ifo, "start": start, "duration": end - start, "sample_rate": axis.rate}
    begin = axis.second + math.floor(axis.late / axis.rate)
    stop = axis.second + math.ceil((axis.late + axis.count) / axis.rate)
    return about if (begin, stop) == (start, end) else about | {"named": [begin, stop]}


def read(path, axis: Axis, samples, start: int, end: int) -> Series:
    """Return the strain of the GPS seconds [start, end), float64, from samples that slice.

    Raises GwsimError where they are not all inside.
    """
    first, last = seconds(axis)
    if not first <= start < end <= last:
        raise GwsimError(f"{path}: no strain of [{start}, {end}), it holds [{first}, {last})")
    length, place = (end - start) * axis.rate, (start - axis.second) * axis.rate - axis.late
    if place == int(place):
        return resample.padded(samples, int(place), int(place) + length)
    before, reach = math.floor(place), resample.margin(axis.rate, axis.rate)
    wide = resample.padded(samples, before - reach, before + length + reach)
    return resample.resample(wide, axis.rate, axis.rate, place - before)
