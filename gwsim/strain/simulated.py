"""Simulated strain and masks, a pure function of (seed, ifo, GPS time).

Takes the section of the configuration, a seed, an ifo and GPS seconds; gives Gaussian noise of a model PSD
with, as asked, a slow drift, spectral lines, glitches, gaps and failed data-quality bits. Everything is made
in whole chunks of a fixed grid of GPS time and then cut, so that a stretch made alone is the same bits as
that stretch cut from a longer one. No two ifos share a stream. Another sample rate is another noise.

The noise has two independent components, below and above a crossover near 100 Hz, whose power masks sum to
one; each drifts by a gain of its own. Keys of the settings:

    psd                  a name that psds.py knows, or {ifo: name}
    lines                true for the spectral lines of lines.yaml
    drift                standard deviation of the logarithm of each gain; 0 is exactly stationary
    gaps_per_day         rate of gaps, each of gap_seconds [lo, hi]
    failed_bits_per_day  rate of failures, each of one test, of failed_bit_seconds [lo, hi]
    glitches_per_hour    rate of sine-Gaussians, each of glitch_snr [lo, hi]
"""

from fractions import Fraction
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, no_type_check

import numpy as np
import scipy.fft
import yaml

from gwsim import seeds
from gwsim.errors import GwsimError
from gwsim.kernels import compiled, fit
from gwsim.shapes import Frequencies, Psd, Series, Taps
from gwsim.strain import gwosc_layout, psds

CHUNK = 64  # s, the grid on which noise is made
HALF = 4  # s of the colouring filter on either side of its centre
# The filter is computed on this finer grid before it is cut, so that its tail wraps where it is nothing.
SPACING = 1 / 32  # Hz
# Side lobes under -120 dB: the wall at 10 Hz stands 1e9 in power above the bucket.
KAISER_BETA = 16.0
CROSSOVER = (50.0, 200.0)  # Hz, from all below to all above
KNOT = 600  # s between the values of a drift
CELL = 4096  # s, the grid on which gaps and failed bits begin
GLIDES = 4  # of a chunk that are kept: lines and drifts share them

ALL_GOOD = (1 << len(gwosc_layout.DQ_BITS)) - 1
# Without NO_CW_HW_INJ, as in the real O3 data, where continuous waves were injected all the time.
NO_TRANSIENT_INJECTION = 0b10111
# What an event of failed bits may switch off, (data quality, injections): a category fails with all above it.
FAILURES = np.array(
    [
        (0b0001110, 0),
        (0b0001100, 0),
        (0b0001000, 0),
        (0b1110000, 0),
        (0b1100000, 0),
        (0b1000000, 0),
        (0, 0b001),
        (0, 0b010),
        (0, 0b100),
    ],
    np.uint32,
)
GLITCH_FREQUENCY = (30.0, 1000.0)  # Hz
GLITCH_Q = (3.0, 30.0)
GLITCH_BAND = np.arange(20.0, 1600.0, 0.5)  # Hz, over which a glitch has its SNR


class Stretch(NamedTuple):
    """Strain (float64, NaN in gaps) and the two masks (uint32, one value per second)."""

    strain: np.ndarray
    dq: np.ndarray
    injections: np.ndarray


def source(settings, seed, ifo, start, duration, sample_rate, folder) -> list[Path]:
    """Write the block's file in GWOSC's layout and return its path.

    A file that stands is written again: the same bytes for the same settings, never stale ones for others.
    """
    name = f"{ifo[0]}-{ifo}_GWSIM_{gwosc_layout.rate_name(sample_rate)}_R1-{start}-{duration}.hdf5"
    path = Path(folder) / name
    stretch = make(settings, seed, ifo, start, start + duration, sample_rate)
    description = f"Simulated strain (gwsim, seed {seed}): no data of a detector"
    gwosc_layout.write(path, ifo, start, *stretch, sample_rate, description)
    return [path]


def make(settings: dict, seed: int, ifo: str, start: int, end: int, sample_rate: int) -> Stretch:
    """Return strain and masks of the GPS seconds [start, end).

    Raises GwsimError for times before the second chunk of GPS time, an unknown PSD, and an ifo without lines.
    """
    if not CHUNK <= start < end:
        raise GwsimError(f"simulated strain of [{start}, {end}): expected {CHUNK} <= start < end")
    strain = np.empty((end - start) * sample_rate)
    chunk_of = _Chunks(settings, seed, ifo, sample_rate)
    for chunk in range(start // CHUNK * CHUNK, end, CHUNK):
        a, b = max(start, chunk), min(end, chunk + CHUNK)
        cut = slice((a - chunk) * sample_rate, (b - chunk) * sample_rate)
        strain[(a - start) * sample_rate : (b - start) * sample_rate] = chunk_of(chunk)[cut]
    dq, injections = masks(settings, seed, ifo, start, end)
    strain.reshape(-1, sample_rate)[dq & 1 == 0] = np.nan
    return Stretch(strain, dq, injections)


def masks(settings: dict, seed: int, ifo: str, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the data-quality and injection masks of [start, end); no bit of the former is set in a gap."""
    dq = np.full(end - start, ALL_GOOD, np.uint32)
    injections = np.full(end - start, NO_TRANSIENT_INJECTION, np.uint32)
    failed = (settings["failed_bits_per_day"], *settings["failed_bit_seconds"])
    for seconds, kind in _events((seed, "strain", ifo, "failed bits"), *failed, start, end):
        dq_off, injections_off = FAILURES[int(kind * len(FAILURES))]
        dq[seconds] &= ~dq_off
        injections[seconds] &= ~injections_off
    gaps = (settings["gaps_per_day"], *settings["gap_seconds"])
    for seconds, _ in _events((seed, "strain", ifo, "gaps"), *gaps, start, end):
        dq[seconds] = 0
    return dq, injections


def true_psd(settings: dict, ifo: str, frequencies: Frequencies, sample_rate: int = 4096) -> Psd:
    """Return the PSD that the filters realise without drift and lines, one-sided, 1/Hz."""
    taps = _taps(_psd_name(settings, ifo), ifo, sample_rate)
    # Eight times the filter's length, so that lines between the samples of its smooth spectrum suffice.
    spectra = scipy.fft.rfft(taps, 16 * HALF * sample_rate, axis=-1)
    power = (np.abs(spectra) ** 2).sum(axis=0) * 2 / sample_rate
    return np.exp(np.interp(frequencies, np.arange(len(power)) / (16 * HALF), np.log(power)))


def lines(seed: int, ifo: str, chunk: int, sample_rate: int) -> Series:
    """Return the sum of the ifo's lines below Nyquist over the chunk that begins at this GPS second."""
    total = np.zeros((CHUNK, sample_rate))
    sampled = [line for line in _line_table(ifo) if line[0] < sample_rate / 2]
    for coherence, group in groupby(sampled, key=lambda line: line[1]):
        knot, *glide = _glide(coherence, chunk, sample_rate)
        glide = [one.reshape(total.shape) for one in glide]
        for frequency, _, rms in group:
            labels = (seed, "strain", ifo, "line", frequency)
            knots = range(knot, knot + glide[0][-1, -1] + 2)
            values = rms * np.array([_amplitude(labels, coherence, one) for one in knots])
            _add_line(values, *glide, *_carrier(frequency, chunk, sample_rate), total)
    return total.ravel()


@compiled
@no_type_check
def _add_line(values, index, fall, rise, turns, cosine, sine, total):
    """Add a line to (second, sample): its amplitude between knots, times its carrier."""
    fit(index.shape == fall.shape == rise.shape == total.shape and len(turns) == len(total))
    fit(len(cosine) == len(sine) == total.shape[1] and index[-1, -1] + 1 < len(values))
    for second in range(len(total)):
        first, carried = index[second, 0], values * turns[second]
        # One stretch of samples for each pair of knots, of which most seconds have one.
        for knot in range(first, index[second, -1] + 1):
            begin, end = np.searchsorted(index[second], knot), np.searchsorted(index[second], knot + 1)
            before, after = carried[knot], carried[knot + 1]
            for k in range(begin, end):
                real = before.real * fall[second, k] + after.real * rise[second, k]
                imaginary = before.imag * fall[second, k] + after.imag * rise[second, k]
                total[second, k] += real * cosine[k] - imaginary * sine[k]


class _Chunks:
    """The strain of whole chunks, for one ifo at one sample rate."""

    def __init__(self, settings, seed, ifo, sample_rate):
        self.settings, self.seed, self.ifo, self.rate = settings, seed, ifo, sample_rate
        self.psd_name = _psd_name(settings, ifo)
        # Two filters of an odd length, centred at sample zero of a circle that holds chunk and margins.
        taps = _taps(self.psd_name, ifo, sample_rate)
        circle = np.zeros((2, (CHUNK + 2 * HALF) * sample_rate))
        circle[:, : taps.shape[-1]] = taps
        self.filters = scipy.fft.rfft(np.roll(circle, -HALF * sample_rate, axis=-1))

    def __call__(self, chunk) -> np.ndarray:
        strain = sum(self._component(chunk, component) for component in range(2))
        if self.settings["lines"]:
            strain += lines(self.seed, self.ifo, chunk, self.rate)
        if self.settings["glitches_per_hour"]:
            self._add_glitches(strain, chunk)
        return strain

    def _component(self, chunk, component):
        labels = (self.seed, "strain", self.ifo, component)
        seconds = range(chunk - HALF, chunk + CHUNK + HALF)
        white = [seeds.generator(*labels, block=second).standard_normal(self.rate) for second in seconds]
        spectrum = scipy.fft.rfft(np.concatenate(white)) * self.filters[component]
        coloured = scipy.fft.irfft(spectrum)[HALF * self.rate : -HALF * self.rate]
        if self.settings["drift"]:
            coloured *= np.exp(self.settings["drift"] * _walk((*labels, "drift"), chunk, self.rate))
        return coloured

    def _add_glitches(self, strain, chunk):
        """Add sine-Gaussians, those of the neighbouring chunks that reach into this one too."""
        rate = self.rate
        for cell in range(chunk - CHUNK, chunk + 2 * CHUNK, CHUNK):
            random = seeds.generator(self.seed, "strain", self.ifo, "glitches", block=cell)
            count = random.poisson(self.settings["glitches_per_hour"] * CHUNK / 3600)
            for offset, *row in random.random((count, 5)):
                f, q, snr, phase = self._glitch(*row)
                tau = q / (np.sqrt(2) * np.pi * f)
                centre = (cell - chunk + offset * CHUNK) * rate  # in samples of this chunk
                first = max(0, int(np.ceil(centre - 6 * tau * rate)))
                last = min(len(strain), int(centre + 6 * tau * rate) + 1)
                t = (np.arange(first, max(first, last)) - centre) / rate
                shape = np.exp(-((t / tau) ** 2)) * np.cos(2 * np.pi * f * t + phase)
                strain[first : first + len(t)] += snr / self._unit_snr(f, tau) * shape

    def _glitch(self, f, q, snr, phase):
        """Turn uniform numbers into frequency, Q, SNR (each log-uniform) and phase."""
        spans = (GLITCH_FREQUENCY, GLITCH_Q, self.settings["glitch_snr"])
        values = [low * (high / low) ** u for u, (low, high) in zip((f, q, snr), spans, strict=True)]
        return *values, 2 * np.pi * phase

    def _unit_snr(self, f, tau):
        """Optimal SNR of a sine-Gaussian of amplitude one (Q >= 3: negative frequencies do not matter)."""
        psd = _band_psd(self.psd_name, self.ifo)
        power = np.pi / 4 * tau**2 * np.exp(-2 * (np.pi * tau * (GLITCH_BAND - f)) ** 2)
        return np.sqrt(4 * np.sum(power / psd) * (GLITCH_BAND[1] - GLITCH_BAND[0]))


def _psd_name(settings, ifo) -> str:
    named = settings["psd"]
    if isinstance(named, str):
        return named
    if ifo not in named:
        raise GwsimError(f"no PSD for {ifo} in strain.psd, it has {', '.join(named)}. Hint: add {ifo}: NAME.")
    return named[ifo]


@cache
def _band_psd(name, ifo):
    return psds.model_psd(name, ifo, GLITCH_BAND)


def _taps(name, ifo, sample_rate) -> Taps:
    """Return the two components' filters, which turn white noise of unit variance into strain."""
    frequencies = np.arange(round(sample_rate / 2 / SPACING) + 1) * SPACING
    # White noise of unit variance has the one-sided PSD 2 / sample_rate.
    amplitude = np.sqrt(psds.model_psd(name, ifo, frequencies) * sample_rate / 2)
    low, high = np.log(CROSSOVER)
    angle = np.pi / 2 * _smooth(np.clip((np.log(np.maximum(frequencies, 1)) - low) / (high - low), 0, 1))
    impulse = np.fft.irfft(amplitude * np.stack([np.cos(angle), np.sin(angle)]))
    length = 2 * HALF * sample_rate + 1
    centred = np.roll(impulse, HALF * sample_rate, axis=-1)[:, :length]
    return centred * np.kaiser(length, KAISER_BETA)


def _smooth(u):
    """From 0 to 1 with level ends."""
    return u * u * (3 - 2 * u)


@lru_cache(GLIDES)
def _glide(step, chunk, sample_rate):
    """Return how a process with a value at each multiple of `step` seconds runs over a chunk.

    The first knot, and per sample the index of the knot before it and the weights of that knot and the
    next, whose squares sum to one: independent values of unit variance give unit variance everywhere.
    """
    count = CHUNK * sample_rate
    if step == np.inf:
        return 0, np.zeros(count, int), np.ones(count), np.zeros(count)
    knot, offset = divmod(chunk, step)
    u = (offset + np.arange(count) / sample_rate) / step
    index = u.astype(int)
    angle = np.pi / 2 * _smooth(u - index)
    return knot, index, np.cos(angle), np.sin(angle)


def _walk(labels, chunk, sample_rate):
    """A slow random function of GPS time, of zero mean and unit variance, over a chunk."""
    knot, index, fall, rise = _glide(KNOT, chunk, sample_rate)
    knots = range(knot, knot + index[-1] + 2)
    values = np.array([seeds.generator(*labels, block=knot).standard_normal() for knot in knots])
    return values[index] * fall + values[index + 1] * rise


@cache
def _tables() -> dict:
    return yaml.safe_load(Path(__file__).with_name("lines.yaml").read_text())


def _line_table(ifo) -> list:
    if ifo not in _tables():
        raise GwsimError(f"no spectral lines for {ifo}, only for {', '.join(_tables())}. Hint: lines: false.")
    return sorted(_tables()[ifo], key=lambda line: line[1])


def _amplitude(labels, coherence, knot) -> complex:
    """A complex amplitude whose line has unit variance: fixed in modulus where it never loses its phase."""
    random = seeds.generator(*labels, block=knot)
    if coherence == np.inf:
        return np.sqrt(2) * np.exp(2j * np.pi * random.random())
    return complex(*random.standard_normal(2))


def _carrier(frequency, chunk, sample_rate):
    """Return exp(2 pi i f t) at a chunk's seconds, exact (GPS in floats is not), and over one in parts."""
    cycles, seconds = Fraction(str(frequency)).as_integer_ratio()
    turns = [cycles * second % seconds / seconds for second in range(chunk, chunk + CHUNK)]
    within = 2 * np.pi * (np.arange(sample_rate) / sample_rate * frequency)
    return np.exp(2j * np.pi * np.array(turns)), np.cos(within), np.sin(within)


def _events(labels, per_day, shortest, longest, start, end):
    """Yield the slice of [start, end) that each event covers, and a uniform number of its own.

    Events begin in cells of GPS time, at a Poisson rate, and may reach into later cells.
    """
    for cell in range(max(0, (start - longest) // CELL), (end - 1) // CELL + 1):
        random = seeds.generator(*labels, block=cell)
        count = random.poisson(per_day * CELL / 86400)
        begins = cell * CELL + random.integers(CELL, size=count) - start
        ends = begins + random.integers(shortest, longest + 1, size=count)
        for begin, stop, kind in zip(begins, ends, random.random(count), strict=True):
            if begin < end - start and stop > 0:
                yield slice(max(0, begin), min(end - start, stop)), kind
