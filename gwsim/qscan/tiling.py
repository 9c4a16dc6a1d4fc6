"""Which tiles a Q-transform has: planes of one Q each, rows of one frequency each, tiles along time.

The tiling is GWpy's, number for number: planes and rows stand so close that a burst between two loses no more
than the mismatch (a fraction of its energy), and a row has the next power of two of the tiles that it needs.
A row's window is the bisquare over |f - f0| < f0 sqrt(11) / Q.
"""

import math
from dataclasses import dataclass

import numpy as np

from gwsim.errors import GwsimError
from gwsim.q_planes import highest, highest_frequency, qs, step

F_RANGE = (10.0, 2048.0)


@dataclass(frozen=True)
class Row:
    """A frequency (Hz) of a plane, its number of tiles, and its window over bins of the block's spectrum."""

    frequency: float
    tiles: int
    first: int
    window: np.ndarray


@dataclass(frozen=True)
class Plane:
    """A Q and its rows, lowest frequency first."""

    q: float
    rows: list[Row]

    @property
    def frequencies(self) -> np.ndarray:
        return np.array([row.frequency for row in self.rows])


def planes(seconds: float, rate: float, q_range, f_range, mismatch: float, truncate: bool) -> list[Plane]:
    """Return the planes of a block; raises GwsimError where they cannot be had at its length and rate."""
    found = qs(q_range, mismatch)
    low, high = float(f_range[0]), float(f_range[1])
    top = highest_frequency(rate, q_range, mismatch)
    faults = []
    if high > top and not truncate:
        faults.append(
            f"f_range up to {high:g} Hz: at {rate:g} Hz the windows of Q {min(found):.4g} end at "
            f"{top:.1f} Hz. Take strain at a higher rate, or a lower frequency"
        )
    highs = [min(high, highest(rate, q)) if truncate else min(high, top) for q in found]
    if not 0 < low < min(highs):
        faults.append(f"f_range {tuple(f_range)}: expected 0 < low < high, and high at most {top:.1f} Hz")
    elif low * seconds * 11**0.5 < max(found):
        faults.append(
            f"a block of {seconds:g} s: too short for Q {max(found):.4g} at {low:g} Hz, "
            f"expected {max(found) / 11**0.5 / low:.2g} s or more"
        )
    if faults:
        raise GwsimError("no such Q-transform: " + "; ".join(faults))
    return [
        Plane(q, _rows(q, low, its, seconds, rate, mismatch)) for q, its in zip(found, highs, strict=True)
    ]


def _rows(q, low, high, seconds, rate, mismatch) -> list[Row]:
    return [_row(q, f, seconds, rate, mismatch) for f in _frequencies(q, low, high, seconds, mismatch)]


def _frequencies(q, low, high, seconds, mismatch) -> list[float]:
    """Return the rows' frequencies, whole bins of the block's spectrum."""
    whole = math.log(high / low) * (2 + q**2) ** 0.5 / 2
    count = max(1, math.ceil(whole / step(mismatch)))
    bin_width, stretch = 1 / seconds, whole / count
    found = [
        low * math.exp(2 / (2 + q**2) ** 0.5 * (i + 0.5) * stretch) // bin_width * bin_width
        for i in range(count)
    ]
    return list(dict.fromkeys(found))


def _row(q, frequency, seconds, rate, mismatch) -> Row:
    prime = q / 11**0.5
    needed = seconds * 2 * math.pi * frequency / q / step(mismatch)
    tiles = 2 ** math.ceil(math.log(needed, 2))
    half = int(frequency / prime * seconds)
    bins = np.arange(-half, half + 1)
    if len(bins) > tiles:
        raise GwsimError(
            f"no such Q-transform: mismatch {mismatch:g}: at {frequency:g} Hz Q {q:.4g} has {tiles} tiles, "
            f"fewer than its window's {len(bins)} bins; expected a mismatch of at most 0.6"
        )
    taper = (1 - (bins / seconds * prime / frequency) ** 2) ** 2
    norm = tiles / (seconds * rate) * (315 * prime / (128 * frequency)) ** 0.5
    # Bins counted from one, as the first program of this kind did, and every one since.
    first = round(-half + 1 + frequency * seconds)
    return Row(frequency, tiles, first, taper * norm)
