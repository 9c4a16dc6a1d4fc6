"""Whether a dataset is what it should be: numbers beside what is expected of them.

Takes columns of the table and whitened strain; gives `Check`s. Strain comes in slices (sample, ifo, time)
that are measured one by one, and the measurements, small, are gathered. Errors are statistical and one
sigma; they hold for examples that share no noise, which `disjoint` picks. A number that is not finite is
never ok.
"""

import dataclasses
import itertools

import numpy as np
import scipy.signal
import scipy.stats

from gwsim import spectral
from gwsim.conventions import LIGHT_TRAVEL, STRAIN_UNIT

# One threshold for all checks: a sound dataset of forty numbers shows a false alarm in one page of 400.
SIGMAS = 4.0
CHANCE = float(2 * scipy.stats.norm.sf(SIGMAS))
# Below this many examples, the scatter between examples says nothing of the error.
FEWEST = 16

# By what the variance of whitened noise lies over that of its estimated PSD and filter, times the seconds
# that the PSD is estimated from, per second of filter; measured on white noise: 0.5 % for 128 s, filter 2 s.
PSD_BIAS = 0.3
# Room beyond the statistical error: the PSD's drift within a block, and lines that come and go.
VARIANCE_ROOM, SKEWNESS_ROOM, KURTOSIS_ROOM, SPECTRUM_ROOM = 0.02, 0.02, 0.1, 0.05

EXACT = 1e-6
BAND_WIDTH = 16.0
AMPLITUDES = np.linspace(-8.0, 8.0, 129)


@dataclasses.dataclass(frozen=True)
class Check:
    """One number beside what is expected; ok is None where nothing is."""

    name: str
    value: float
    expected: str
    ok: bool | None
    error: float = 0.0

    def found(self) -> str:
        """Return the value as text, with its error where it has one."""
        if np.isnan(self.value) and self.ok is None:
            return "–"
        return f"{self.value:.4g} ± {self.error:.2g}" if self.error else f"{self.value:.4g}"


def told(name: str, value: float, why: str = "") -> Check:
    """Return a number of which nothing is expected."""
    return Check(name, float(value), why, None)


def near(name: str, value: float, expected: float, error: float, room: float = 0.0) -> Check:
    """Expect a value up to its statistical error and some room."""
    words = f"{expected:.4g} ± ({f'{room:g} + ' if room else ''}{SIGMAS:g} σ)"
    ok = bool(abs(value - expected) <= room + SIGMAS * error)
    return Check(name, float(value), words, ok, float(error))


def at_most(name: str, value: float, limit: float) -> Check:
    """Expect a value that is not above a limit."""
    return Check(name, float(value), f"at most {limit:.3g}", bool(value <= limit))


def at_least(name: str, value: float, limit: float) -> Check:
    """Expect a value that is not below a limit."""
    return Check(name, float(value), f"at least {limit:.3g}", bool(value >= limit))


def likely(name: str, probability: float) -> Check:
    """Expect a probability that chance explains."""
    return Check(name, float(probability), f"p above {CHANCE:.1g}", bool(probability > CHANCE))


def untested(checks: list[Check], why: str) -> list[Check]:
    """Return the checks without a verdict."""
    return [dataclasses.replace(check, ok=None, expected=why) for check in checks]


# ---- columns of the table


def same(name: str, found: np.ndarray, wanted: np.ndarray) -> Check:
    """Expect two columns to agree to rounding: the largest relative deviation."""
    return at_most(name, np.abs(found / wanted - 1).max(initial=0.0), EXACT)


LAWS = {"uniform": lambda x: x, "uniform_cos": np.cos, "uniform_sin": np.sin}


def law(spec) -> str:
    """Return the name of a column's distribution, 'constant' for a bare number."""
    return next(iter(spec)) if isinstance(spec, dict) else "constant"


def flattened(values: np.ndarray, spec: dict) -> tuple[np.ndarray, float, float]:
    """Return the values of which a uniform distribution is expected, and its two ends."""
    transform = LAWS[law(spec)]
    low, high = sorted(transform(np.asarray(spec[law(spec)], dtype=float)))
    return transform(values), low, high


def uniform(name: str, values: np.ndarray, spec) -> Check:
    """Expect the drawn distribution, by Kolmogorov and Smirnov; a constant column has no test."""
    if law(spec) not in LAWS:
        return told(name, np.mean(values), f"{law(spec)}: no test of uniformity")
    flat, low, high = flattened(values, spec)
    return likely(name, scipy.stats.kstest(flat, "uniform", args=(low, high - low)).pvalue)


def balance(name: str, counts: np.ndarray) -> Check:
    """Expect counts that differ by at most one."""
    return at_most(name, int(np.ptp(counts)), 1)


def inside(start: np.ndarray, size: int, margin: int, length: np.ndarray) -> Check:
    """Expect every window to lie in its block of the given length, margins included."""
    outside = (start < margin) | (start + size + margin > length)
    return at_most("windows that leave their PSD block", int(outside.sum()), 0)


def uses(start: np.ndarray, size: int, seconds: int, rate: int) -> np.ndarray:
    """Return how many examples use each second of a block, partly used ones in fractions."""
    steps = np.zeros(seconds * rate + 1, dtype=np.int64)
    np.add.at(steps, np.clip(start, 0, seconds * rate), 1)
    np.add.at(steps, np.clip(start + size, 0, seconds * rate), -1)
    return np.cumsum(steps[:-1]).reshape(seconds, rate).mean(axis=1)


def shared_out(counts: np.ndarray, places: np.ndarray) -> Check:
    """Expect examples to fall into blocks in proportion to the blocks' places, by chi squared."""
    name, expected = "examples per PSD block (chi squared)", counts.sum() * places / places.sum()
    if len(counts) < 2 or expected.min() < 5:
        return told(name, np.nan, "too few examples per block to test")
    return likely(name, scipy.stats.chisquare(counts, expected).pvalue)


def disjoint(block: np.ndarray, start: np.ndarray, size: int) -> np.ndarray:
    """Return as many rows as there can be of which no two share a sample of noise, in ascending order."""
    chosen, taken, until = [], -1, 0
    for row in np.lexsort((start, block)):
        if block[row] != taken or start[row] >= until:
            chosen.append(row)
            taken, until = block[row], start[row] + size
    return np.sort(np.array(chosen, dtype=np.int64))


# ---- whitened noise


@dataclasses.dataclass(frozen=True)
class Measured:
    """What is kept of each noise example; all but `counts` have the sample as their first axis."""

    moments: np.ndarray  # (sample, ifo, 4): means of x, x^2, x^3, x^4
    power: np.ndarray  # (sample, ifo, band): mean power per sample, 1 for white noise of unit variance
    correlation: np.ndarray  # (sample, pair, lag)
    counts: np.ndarray  # (ifo, amplitude): samples in each bin of AMPLITUDES, what lies beyond in the last
    size: int  # samples of one example


def band_edges(band, width: float = BAND_WIDTH) -> np.ndarray:
    """Return the edges (Hz) of whole bands of this width within the given one."""
    return np.arange(band[0], band[1] + width / 1000, width)


def lags(rate: int) -> np.ndarray:
    """Return the lags (samples) within the light's way through the Earth."""
    longest = int(LIGHT_TRAVEL * rate)
    return np.arange(-longest, longest + 1)


def measure(strain: np.ndarray, rate: int, edges: np.ndarray) -> Measured:
    """Measure one slice of noise examples, (sample, ifo, time)."""
    strain = strain.astype(np.float64)
    moments = np.stack([(strain**order).mean(axis=-1) for order in (1, 2, 3, 4)], axis=-1)
    clipped = np.clip(strain, AMPLITUDES[0], AMPLITUDES[-1])
    counts = np.stack([np.histogram(clipped[:, i], AMPLITUDES)[0] for i in range(strain.shape[1])])
    power, correlation = _band_power(strain, rate, edges), _correlation(strain, lags(rate))
    return Measured(moments, power, correlation, counts, strain.shape[-1])


PER_SAMPLE = ("moments", "power", "correlation")


def gather(parts: list[Measured]) -> Measured:
    """Put the measurements of slices together."""
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in PER_SAMPLE}
    return Measured(**joined, counts=sum(part.counts for part in parts), size=parts[0].size)


def _band_power(strain, rate, edges) -> np.ndarray:
    window = np.hanning(strain.shape[-1] + 1)[:-1]
    power = np.abs(np.fft.rfft(strain * window)) ** 2 / (window**2).sum()
    return _bands(power, np.fft.rfftfreq(strain.shape[-1], 1 / rate), edges)


def _bands(power, frequencies, edges) -> np.ndarray:
    """Return the mean of a spectrum over each band between two edges."""
    first = np.searchsorted(frequencies, edges)
    # What reduceat sums after the last edge is no band.
    return np.add.reduceat(power, first, axis=-1)[..., :-1] / np.diff(first)


def _correlation(strain, shifts) -> np.ndarray:
    """Return each pair of ifos' normalised correlation at each lag, (sample, pair, lag)."""
    pairs = list(itertools.combinations(range(strain.shape[1]), 2))
    size = strain.shape[-1]
    spectra = np.fft.rfft(strain, 2 * size)
    norm = np.sqrt((strain**2).sum(axis=-1))
    found = np.empty((len(strain), len(pairs), len(shifts)))
    for place, (a, b) in enumerate(pairs):
        product = np.fft.irfft(spectra[:, a].conj() * spectra[:, b], 2 * size)
        found[:, place] = product[:, shifts] / (norm[:, a] * norm[:, b])[:, None]
    return found


def whitened_power(psd: np.ndarray, taps: np.ndarray, rate: int, edges: np.ndarray):
    """Return what PSDs and filters, (row, frequency) and (row, tap), make of noise: variance, band powers."""
    response = np.fft.rfft(taps, 2 * (psd.shape[-1] - 1))
    power = np.abs(response) ** 2 * psd * rate / 2
    return power.mean(axis=-1), _bands(power, np.linspace(0.0, rate / 2, psd.shape[-1]), edges)


def kept(strain: np.ndarray, first: int, window: int, filters: tuple, rate: int, band) -> float:
    """Return whitened SNR over SNR of a signal in its window that every ifo sees alike: what filters leave.

    first: the strain's sample that is the window's first one, below zero if it begins later. filters: psd
    (ifo, frequency) and taps (ifo, tap). A filter takes away lines and what is within its resolution of them,
    the more the lower a signal's frequencies are, and moves power over the window's edges.
    """
    psd, taps = filters
    margin = taps.shape[-1] + max(-first, 0)
    around = np.pad(strain / STRAIN_UNIT, (margin, margin + window))
    inside = slice(margin + first, margin + first + window)
    whitened = [scipy.signal.fftconvolve(around, one, mode="same")[inside] for one in taps]
    frequency = np.fft.rfftfreq(window, 1 / rate)
    power = np.abs(np.fft.rfft(around[inside])) ** 2 * ((frequency >= band[0]) & (frequency <= band[1]))
    optimal = 4 / (rate * window) * (power / spectral.at_frequencies(psd, rate, frequency)).sum()
    return float(np.sqrt(np.square(whitened).sum() / optimal))


def gaussian(ifo: str, moments: np.ndarray, size: int, expected: float) -> list[Check]:
    """Expect the variance, no skewness and no excess kurtosis of one ifo's noise, (sample, 4)."""
    samples = len(moments) * size
    one, two, three, four = moments.mean(axis=0)
    variance = two - one**2
    skewness = (three - 3 * one * two + 2 * one**3) / variance**1.5
    kurtosis = (four - 4 * one * three + 6 * one**2 * two - 3 * one**4) / variance**2 - 3
    scatter = moments[:, 1].std(ddof=1) / np.sqrt(len(moments)) if len(moments) >= FEWEST else 0.0
    error = max(np.sqrt(2 / samples), scatter)
    return [
        near(f"variance of whitened noise, {ifo}", variance, expected, error, VARIANCE_ROOM),
        near(f"skewness, {ifo}", skewness, 0.0, np.sqrt(6 / samples), SKEWNESS_ROOM),
        near(f"excess kurtosis, {ifo}", kurtosis, 0.0, np.sqrt(24 / samples), KURTOSIS_ROOM),
    ]


def spectrum(ifo: str, power: np.ndarray, expected: np.ndarray) -> list[Check]:
    """Expect the mean power of each band of one ifo's noise, (sample, band), to be that of PSD and filter."""
    mean = power.mean(axis=0)
    error = power.std(axis=0, ddof=min(1, len(power) - 1)) / np.sqrt(len(power))
    room = SPECTRUM_ROOM * np.maximum(expected, 1.0) + SIGMAS * error
    worst = np.argmax(np.abs(mean - expected) / room)
    deviation = mean[worst] - expected[worst]
    limit = f"0 ± ({SPECTRUM_ROOM:.0%} + {SIGMAS:g} σ)"
    ok = bool(np.abs(deviation) <= room[worst])
    return [
        Check(f"band farthest from PSD and filter, {ifo}", float(deviation), limit, ok, float(error[worst])),
        told(f"weakest band, {ifo}", mean.min(), "a notch is what the filter takes away with a line"),
    ]


def uncorrelated(pair: str, correlation: np.ndarray) -> list[Check]:
    """Expect the mean correlation of two ifos, (sample, lag), to be chance at lag zero and at its largest."""
    mean = correlation.mean(axis=0)
    # Over all lags and examples: one lag at which the ifos agree hardly changes it.
    error = np.sqrt((correlation**2).mean() / len(correlation))
    limit = _largest_by_chance(len(mean)) * error
    zero = near(f"correlation of {pair} at lag zero", mean[len(mean) // 2], 0.0, error)
    return [zero, at_most(f"largest correlation of {pair} within ±25 ms", np.abs(mean).max(), limit)]


def unrelated(ifo: str, strain: np.ndarray) -> Check:
    """Expect no two of one ifo's disjoint examples, (sample, time), to be alike: the largest correlation."""
    unit = strain / np.sqrt((strain.astype(np.float64) ** 2).sum(axis=-1, keepdims=True))
    between = np.abs((unit @ unit.T)[np.triu_indices(len(unit), 1)])
    limit = _largest_by_chance(len(between)) / np.sqrt(strain.shape[-1])
    return at_most(f"largest correlation between two examples, {ifo}", between.max(), limit)


def _largest_by_chance(trials: int) -> float:
    """Return how many sigmas the largest of so many normal numbers passes with probability CHANCE."""
    return float(scipy.stats.norm.isf(CHANCE / 2 / max(trials, 1)))
