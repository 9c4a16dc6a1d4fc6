"""Strain at another rate, or from samples that stand between the points of the grid: one band-limited kernel.

Takes evenly spaced samples with some more on either side; gives values on the grid of GPS seconds at the same
or a lower rate. The kernel is a sinc under a Kaiser window, symmetric about each output sample, so that no
frequency is delayed. Of the new Nyquist frequency, all up to PASS comes through within RIPPLE, and all from
STOP on is at least REJECTION dB down. An output sample within whose reach an input sample is missing or not
finite is NaN. Every second is computed alone, so that strain is the same bits however it is asked for.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gwsim.errors import GwsimError
from gwsim.shapes import Series

PASS, STOP = 0.9, 1.0  # of the new Nyquist frequency
RIPPLE = 1e-3
REJECTION = 80  # dB
# The window is designed for more than is promised; Kaiser's formulas are accurate to a decibel or two.
DESIGN = 100  # dB
# Outputs of a tile, and tiles of one product of matrices: so few that BLAS leaves it to one thread, for its
# threads would make bits depend on their number, and wait for each other on a busy machine.
TILE, TILES = 32, 8


class _Tile(NamedTuple):
    """Output samples of a second that one matrix of weights makes."""

    outputs: np.ndarray  # (tile, output) indices in the second
    inputs: np.ndarray  # (tile, input) indices in the second and its margins
    weights: np.ndarray  # (input, output)


def margin(rate: int, new_rate: int) -> int:
    """Return how many samples a stretch needs on either side of the seconds asked for.

    Raises GwsimError for a new rate above the samples' own.
    """
    if new_rate > rate:
        raise GwsimError(f"strain at {rate} Hz, expected {new_rate} Hz or more: it is never up-sampled")
    return int(_half(new_rate) * rate) + 2


def padded(samples, first: int, last: int) -> Series:
    """Return samples [first, last) of anything that slices, NaN where there are none."""
    found = np.full(last - first, np.nan)
    a, b = max(first, 0), min(last, len(samples))
    if a < b:
        found[a - first : b - first] = samples[a:b]
    return found


def resample(samples: np.ndarray, rate: int, new_rate: int, lead: float = 0.0) -> Series:
    """Return whole seconds at the new rate, from samples of those seconds and a margin on either side.

    lead: by what part of a sample's spacing, [0, 1), the sample after the first margin stands before the
    beginning of the first second.
    """
    reach = margin(rate, new_rate)
    seconds, rest = divmod(len(samples) - 2 * reach, rate)
    if rest or seconds < 1:
        raise ValueError(f"{len(samples)} samples are no whole seconds at {rate} Hz and margins of {reach}")
    tiles, out = _tiles(rate, new_rate, lead), np.empty((seconds, new_rate))
    for second, row in enumerate(out):
        row[:] = _second(samples[second * rate : (second + 1) * rate + 2 * reach], tiles, new_rate)
    return out.ravel()


def _second(samples, tiles, new_rate) -> Series:
    good, out = np.isfinite(samples), np.empty(new_rate)
    if good.all():
        for tile in tiles:
            out[tile.outputs] = samples[tile.inputs] @ tile.weights
        return out
    # A NaN would spread through a product of matrices even where its weight is zero.
    known = np.where(good, samples, 0.0)
    for tile in tiles:
        touched = (~good[tile.inputs]).astype(float) @ (tile.weights != 0) > 0
        out[tile.outputs] = np.where(touched, np.nan, known[tile.inputs] @ tile.weights)
    return out


@lru_cache(maxsize=4)
def _tiles(rate, new_rate, lead) -> list[_Tile]:
    """Cut a second's outputs into tiles, a few together that stand alike between the input samples."""
    alike: dict[tuple, list] = {}
    for first in range(0, new_rate, TILE):
        size = min(TILE, new_rate - first)
        alike.setdefault((first * rate % new_rate, size, first // (TILE * TILES)), []).append(first)
    return [_tile(np.array(firsts), size, rate, new_rate, lead) for (_, size, _), firsts in alike.items()]


def _tile(firsts, size, rate, new_rate, lead) -> _Tile:
    reach = margin(rate, new_rate)
    begins, rest = np.divmod(firsts * rate, new_rate)  # in input samples from the second's beginning
    # Where the outputs stand after the tile's first input sample, and how far each is from each input.
    places = reach + lead + (rest[0] + np.arange(size) * rate) / new_rate
    width = int(places[-1]) + reach
    weights = _kernel((places - np.arange(width)[:, None]) / rate, new_rate)
    # Without this, what lies at zero frequency would come through with a ripple from output to output.
    weights /= weights.sum(axis=0)
    return _Tile(firsts[:, None] + np.arange(size), begins[:, None] + np.arange(width), weights)


def _half(new_rate) -> float:
    """Return half the length of the kernel in seconds (Kaiser's formula for a band of transition)."""
    return (DESIGN - 7.95) / (2 * 14.36 * (STOP - PASS) * new_rate / 2)


def _kernel(t, new_rate):
    """Return the kernel at times t in seconds, up to a factor."""
    cutoff = (PASS + STOP) / 2 * new_rate / 2
    beta = 0.1102 * (DESIGN - 8.7)
    inside = np.clip(1 - (t / _half(new_rate)) ** 2, 0, None)
    return np.where(inside > 0, np.sinc(2 * cutoff * t) * np.i0(beta * np.sqrt(inside)), 0.0)
