"""Random processes and shapes that glitches are made of, all functions of time from the glitch on.

Nothing here knows a sample rate: a process is drawn on a grid of its own, so that it is the same at any
rate and in any stretch.
"""

from collections.abc import Callable

import numpy as np

from gwsim.shapes import Frequencies, Series
from gwsim.strain import psds

SPAN = 64.0  # s on either side of the glitch that a process lasts: no block is longer
# Of a cubic B-spline whose coefficients have unit variance, the mean over a knot's interval.
_SPREAD = 0.479
REFERENCE = 100.0  # Hz, where the reference detector's whitening is one


def log_normal(frequency: float, sharpness: float, phase: float = 0.0) -> Callable:
    """Return the spectrum exp(-sharpness/2 ln^2(f / frequency)) of one constant phase."""
    return lambda f: np.exp(-sharpness / 2 * np.log(f / frequency) ** 2 + 1j * phase)


def seen(spectrum: Callable[[Frequencies], np.ndarray]) -> Callable:
    """Return a spectrum of strain as a detector of O3 sees it: whitened by a smooth model, one at 100 Hz."""
    reference = psds.model_psd("o3", "L1", np.array([REFERENCE]))

    def whitened(f):
        return spectrum(f) * np.sqrt(reference / psds.model_psd("o3", "L1", f))

    return whitened


def sine_gaussian(frequency, tau, at=0.0, phase=0.0) -> Callable[[Series], Series]:
    """Return exp(-((t - at) / tau)^2) sin(2 pi f (t - at) + phase)."""
    return lambda t: np.exp(-(((t - at) / tau) ** 2)) * np.sin(2 * np.pi * frequency * (t - at) + phase)


def plateau(x):
    """Return exp(-x^4)."""
    return np.exp(-np.square(np.square(x)))


def plain(x):
    """Return exp(-x^8): level within, and gone at 1.4."""
    return np.exp(-np.square(np.square(np.square(x))))


def turns(frequency: Series, time: Series) -> Series:
    """Return the phase of a frequency that changes, zero at time zero."""
    step = time[1] - time[0] if len(time) > 1 else 1.0
    phase = np.concatenate([[0.0], np.cumsum(frequency[1:] + frequency[:-1])]) * np.pi * step
    return phase - np.interp(0.0, time, phase)


def wander(
    generator: np.random.Generator, scale: float, low: float, high: float
) -> Callable[[Series], Series]:
    """Return a smooth Gaussian process of unit variance with values independent beyond some `scale`."""
    knots = generator.standard_normal(int(np.ceil((high - low) / scale)) + 4)

    def process(t):
        u = (np.clip(t, low, high) - low) / scale
        whole = np.minimum(u.astype(int), len(knots) - 4)
        x = u - whole
        x2 = x * x
        x3 = x2 * x  # numpy's power takes ten times as long
        weights = (1 - 3 * x + 3 * x2 - x3, 3 * x3 - 6 * x2 + 4, 3 * (x + x2 - x3) + 1, x3)
        return sum(w * knots[whole + k] for k, w in enumerate(weights)) / (6 * np.sqrt(_SPREAD))

    return process


def train(gap: Callable[[int], np.ndarray], most: int) -> np.ndarray:
    """Return times, zero among them, whose gaps are drawn outwards on both sides up to SPAN.

    `gap(n)` gives n gaps; the later side is drawn first, and always `most` of each.
    """
    after, before = np.cumsum(gap(most)), -np.cumsum(gap(most))
    times = np.concatenate([[0.0], after, before])
    return times[np.abs(times) < SPAN]
