"""Compact binaries: any time-domain approximant of LALSimulation, as entries whose merger stands on a sample.

Takes an approximant's name, a system (mass_1, mass_2 in solar masses, spin_1x to spin_2z, inclination, phase)
and the entry's grid; gives D h+ and D hx in cm. The merger is the peak of |h22| for SEOBNRv4, and LAL's own
time zero for all others, which is the last sample of the Taylor family.
The waveform begins just before the entry and comes in over a taper, which should end before any window
begins; from `f_start` on, its frequency there, the entry is whole. LAL is given `reference_frequency` as
f_ref: phase and spins are those of SpinTaylorT4 there, however early the entry begins. SEOBNRv4 counts its
phase from `f_low`.
Values are LAL's own, of no band: at 4096 Hz the last millisecond of two neutron stars lies above Nyquist and
folds back, at most 1.6 % of the SNR in the band.
"""

import contextlib
import difflib
import functools
import io
from collections.abc import Mapping
from typing import NamedTuple

import lal
import lalsimulation
import numpy as np
from jaxtyping import Float

from gwsim.errors import GwsimError
from gwsim.shapes import Series
from gwsim.waveforms.columns import SPINS

# Their modes are (2, 2) alone, and spins are along the orbit: one inclination gives all others.
ALIGNED = ("SEOBNRv4", "SEOBNRv4_opt")
LARGEST_RATIO = 100  # of the masses, in SEOBNRv4

TAPER = 0.2  # s
FINEST = 16384

_CM = 1e6 * lal.PC_SI * 100
# kg, of PyCBC: it is an ulp above LAL's, and the last bit of a mass moves SEOBNRv4 by 1e-3 of its peak.
_SOLAR_MASS = 1.988409870698051e30
# A Kaiser-windowed sinc of this many samples a side shifts by a part of one.
_REACH, _BETA = 24, 14.0
# Of the whole; what is longer was begun below f_low by LAL, which conditions some approximants.
_MOST_LAPSE = 0.2
# The start is aimed this much before the entry's, in parts and seconds, and lowered where LAL falls short.
_EARLIER, _LEAD, _LOWERED, _TRIES = 1.01, 0.02, 0.9, 12
_ABRUPT = 0.01  # of the greatest amplitude: a waveform that ends above it clicks
_ON_SAMPLE = 1e-4  # samples; LAL rounds its start to a nanosecond

# Of the grids that `frequencies` interpolates on, one inside a step of the other.
_POINTS = 32

Column = Float[np.ndarray, "sample"]
Pair = Float[np.ndarray, "2 time"]
Placed = Float[np.ndarray, "2 sample"]


class Refused(GwsimError):
    """LAL does not make this waveform: the same parameters are refused every time."""


class Entry(NamedTuple):
    """D h+ and D hx, cm; where LAL began; the GW frequency where the taper ends; see `frequency`."""

    plus: Series
    cross: Series
    f_low: float
    f_start: float
    lapse: float


def polarisations(
    approximant: str,
    system: Mapping,
    sample_rate: int,
    start: float,
    samples: int,
    taper: float = TAPER,
    end_cycles: float = 1.0,
) -> Entry:
    """Return D h+ and D hx of `samples` samples; number -start * sample_rate, an integer, is the merger.

    They come in over the first `taper` seconds. An approximant that stops at full amplitude fades over its
    last `end_cycles` cycles.

    Raises Refused with LAL's own cause.
    """
    for body in "12":
        spin = np.sqrt(sum(float(system.get(f"spin_{body}{axis}", 0.0)) ** 2 for axis in "xyz"))
        if spin > 1:  # not every approximant of LAL refuses it
            raise Refused(f"{approximant}: body {body} has a spin of {spin:.3g}, above 1; {_named(system)}")
    f_low, raw, merger, rate = _long_enough(approximant, system, sample_rate, -start)
    if np.abs(raw[:, -1]).max() > _ABRUPT * np.abs(raw).max():
        raw = raw * _fade_out(raw, end_cycles)
    strain = _placed(raw, merger + start * rate, rate // sample_rate, samples)
    lapse = merger / rate - float(time_left(f_low, system))
    lapse = 0.0 if abs(lapse) > _MOST_LAPSE * merger / rate else lapse
    return Entry(
        *(strain * _fade_in(samples, taper * sample_rate)),
        f_low,
        frequency(system, -start - taper, lapse),
        lapse,
    )


def reference_frequency(system: Mapping) -> float:
    """Return the GW frequency of a circular orbit of 10.5 GM/c^2: the highest that SEOBNRv4 may begin at."""
    return lalsimulation.EOBHighestInitialFreq(system["mass_1"] + system["mass_2"])


def isco_frequency(system: Mapping):
    """Return the GW frequency of the innermost stable orbit without spin: there the plunge begins."""
    return 6**-1.5 / (np.pi * lal.MTSUN_SI * (system["mass_1"] + system["mass_2"]))


def plunge_time(system: Mapping):
    """Return the seconds from the innermost stable orbit to the merger, by Newton's orbit.

    The post-Newtonian series, and `frequency` with it, has turned over there.
    """
    total = system["mass_1"] + system["mass_2"]
    return 5 / 256 * 6**4 * total**3 / (system["mass_1"] * system["mass_2"]) * lal.MTSUN_SI


def time_left(f: Float[np.ndarray, "*frequency"] | float, system: Mapping):
    """Return the seconds from a GW frequency to the merger: the stationary phase of TaylorF2, aligned spins.

    Without spin it falls short of the approximants: by 0.1 s at most up to a mass ratio of 10, 0.5 s at 35.
    """
    return _time_left(f, system["mass_1"] + system["mass_2"], *_phasing(system))


def _phasing(system: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """Return the coefficients of TaylorF2's phase by power of v, and those that log(v) multiplies."""
    spins = (float(system.get(name, 0.0)) for name in ("spin_1z", "spin_2z"))
    phasing = lalsimulation.SimInspiralTaylorF2AlignedPhasing(
        float(system["mass_1"]), float(system["mass_2"]), *spins, lal.CreateDict()
    )
    return phasing.v[:8], phasing.vlogv[:8]


def _time_left(f, total, plain, logarithmic):
    v = np.cbrt(np.pi * lal.MTSUN_SI * total * np.asarray(f, dtype=float))
    log = np.log(v)
    # t = -(d psi / d f) / 2 pi of psi = sum of (a + b log v) v^(k - 5), where v^3 is proportional to f.
    terms = (
        ((a + b * log) * (k - 5) + b) * v ** (k - 5)
        for k, (a, b) in enumerate(zip(plain, logarithmic, strict=True))
    )
    return -sum(terms) / (6 * np.pi * f)


def frequency(system: Mapping, seconds: float, lapse: float = 0.0) -> float:
    """Return the post-Newtonian GW frequency that many seconds before merger, at most isco_frequency.

    With an entry's own lapse (the seconds by which time_left falls short, nearly the same at all early
    frequencies) it is the entry's frequency within 0.1 %, without it within 4 %.
    """
    seconds -= lapse
    grid = np.geomspace(*_bounds(system, seconds), 512)
    times = np.minimum.accumulate(time_left(grid, system))  # the series turns over near the innermost orbit
    return float(np.exp(np.interp(-seconds, -times, np.log(grid))))


def frequencies(systems: Mapping, seconds: Column, lapse: Column) -> Column:
    """Return `frequency` of many systems, given as columns, each so many seconds before its own merger.

    A coarse grid finds where to lay a fine one: within 3e-5 of `frequency`, in a tenth of its time.
    """
    seconds = seconds - lapse
    total = (systems["mass_1"] + systems["mass_2"])[:, None]
    rows = (dict(zip(systems, row, strict=True)) for row in zip(*systems.values(), strict=True))
    series = np.moveaxis(np.array([_phasing(row) for row in rows]), 0, -1)[..., None]
    low, high = np.broadcast_arrays(*_bounds(systems, seconds))
    for _ in range(2):
        grid = np.geomspace(low, high, _POINTS, axis=-1)
        times = np.minimum.accumulate(_time_left(grid, total, *series), axis=-1)
        place = np.clip((times > seconds[:, None]).sum(-1) - 1, 0, _POINTS - 2)[:, None]
        low, high = (np.take_along_axis(grid, place + i, -1)[:, 0] for i in (0, 1))
    early, late = (np.take_along_axis(times, place + i, -1)[:, 0] for i in (0, 1))
    part = np.clip((early - seconds) / np.where(early > late, early - late, 1.0), 0.0, 1.0)
    return low * (high / low) ** part


def _bounds(system: Mapping, seconds):
    """Return GW frequencies between which a circular orbit is that many seconds before merger."""
    total, last = system["mass_1"] + system["mass_2"], isco_frequency(system)
    eta = system["mass_1"] * system["mass_2"] / total**2
    # Of Newton's orbit at ten times that time, well below the answer.
    first = (256 * eta / 5 * np.maximum(seconds, 1e-3) * 10 / (lal.MTSUN_SI * total)) ** (-3 / 8)
    return np.minimum(first / (np.pi * lal.MTSUN_SI * total), last / 2), last


def _long_enough(approximant, system, sample_rate, seconds):
    """Return (f_low, waveform, merger's place in it, its rate), from before the entry's start."""
    f_low = min(frequency(system, _EARLIER * seconds + _LEAD), reference_frequency(system))
    for _ in range(_TRIES):
        raw, merger, rate = _waveform(approximant, system, sample_rate, f_low)
        if merger - seconds * rate >= _REACH:
            return f_low, raw, merger, rate
        f_low *= _LOWERED
    raise Refused(f"{approximant}: from {f_low:.3g} Hz on it lasts less than {seconds:g} s; {_named(system)}")


def _waveform(approximant, system, sample_rate, f_low) -> tuple[Pair, float, int]:
    """Return the waveform as LAL samples it, cm, where its merger lies in samples, and its rate."""
    if approximant.removeprefix("Spin").startswith("Taylor"):
        raw, zero = _generate(approximant, system, sample_rate, f_low, system["inclination"])
        return raw, zero, sample_rate
    if approximant not in ALIGNED:
        return *_generate(approximant, system, FINEST, f_low, system["inclination"]), FINEST
    raw, _ = _generate(approximant, system, FINEST, f_low, 0.0)
    cosine = np.cos(system["inclination"])
    return raw * np.array([[(1 + cosine**2) / 2], [cosine]]), _peak(np.hypot(*raw)), FINEST


def _generate(approximant, system, rate, f_low, inclination) -> tuple[Pair, float]:
    """Return LAL's polarisations, cm, and where its time zero lies, in samples."""
    numbers = (
        *(float(system[name]) * _SOLAR_MASS for name in ("mass_1", "mass_2")),
        *(float(system.get(name, 0.0)) for name in SPINS),
        *(1e6 * lal.PC_SI, float(inclination), float(system["phase"]), 0.0, 0.0, 0.0),
        *(1 / rate, f_low, reference_frequency(system), None),
    )
    kind = lalsimulation.GetApproximantFromString(approximant)
    try:
        with _lal_tells(0):
            series = lalsimulation.SimInspiralChooseTDWaveform(*numbers, kind)
    except RuntimeError as error:
        raise Refused(f"{approximant}: {_cause(numbers, kind) or error}; {_named(system)}") from None
    raw = np.stack([one.data.data for one in series]) * _CM
    if not np.isfinite(raw).all():
        raise Refused(f"{approximant}: LAL gives values that are not finite; {_named(system)}")
    return raw, -float(series[0].epoch) * rate


def _cause(numbers, kind) -> str:
    """Return what LAL prints of a refusal: its first line without the function's name."""
    told = io.StringIO()
    lal.swig_redirect_standard_output_error(True)
    try:
        with _lal_tells(1), contextlib.redirect_stderr(told), contextlib.suppress(RuntimeError):
            lalsimulation.SimInspiralChooseTDWaveform(*numbers, kind)
    finally:
        lal.swig_redirect_standard_output_error(False)
    return told.getvalue().split("\n")[0].rpartition("XLAL Error - ")[2].partition(": ")[2]


@contextlib.contextmanager
def _lal_tells(level: int):
    before = lal.GetDebugLevel()
    lal.ClobberDebugLevel(level)
    try:
        yield
    finally:
        lal.ClobberDebugLevel(before)


def _named(system: Mapping) -> str:
    return ", ".join(
        f"{name} {value:.6g}" for name, value in system.items() if isinstance(value, int | float)
    )


def _peak(amplitude: Series) -> float:
    """Return where the greatest amplitude lies, of the parabola through three samples."""
    top = int(amplitude[1:-1].argmax()) + 1
    before, at, after = amplitude[top - 1 : top + 2]
    return top + (before - after) / (2 * (before - 2 * at + after))


def _fade_in(samples: int, length: float) -> Series:
    return np.sin(np.pi / 2 * np.minimum(np.arange(samples) / length, 1)) ** 2 if length else np.ones(samples)


def _fade_out(raw: Pair, cycles: float) -> Series:
    """Return a weight that falls over the last cycles, to 0 at the sample after the last one."""
    length = int(cycles * 2 * np.pi / _step(raw[:, -10:]))
    weight = np.ones(raw.shape[1])
    weight[raw.shape[1] - length :] = np.cos(np.pi / 2 * np.arange(1, length + 1) / (length + 1)) ** 2
    return weight


def _step(strain: Pair) -> float:
    """Return the phase between samples, the mean over a short piece, below pi."""
    # A sinusoid's neighbours sum to 2 cos(step) times itself, whatever its ellipse of polarisation.
    middle, beside = strain[:, 1:-1], strain[:, :-2] + strain[:, 2:]
    return float(np.arccos(np.clip((middle * beside).sum() / (2 * (middle**2).sum()), -1, 1)))


def _placed(raw: Pair, first: float, stride: int, samples: int) -> Placed:
    """Return every stride-th value from a place between samples on, with silence behind the end."""
    whole = int(np.floor(first + _ON_SAMPLE))
    begin, end = whole - _REACH + 1, whole + (samples - 1) * stride + _REACH + 1
    padded = np.pad(raw[:, begin:end], ((0, 0), (0, max(end - raw.shape[1], 0))))
    if first - whole < _ON_SAMPLE:
        return padded[:, _REACH - 1 : -_REACH : stride]
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _REACH, axis=1)
    return windows[:, ::stride] @ _between(first - whole)


def _between(part: float) -> Series:
    """Return the weights of the samples about a place that lies a part of a sample after one."""
    away = np.arange(1 - _REACH, _REACH + 1) - part
    return np.sinc(away) * np.i0(_BETA * np.sqrt(1 - (away / _REACH) ** 2)) / np.i0(_BETA)


@functools.cache
def approximants() -> tuple[str, ...]:
    """Return the names of all time-domain approximants of LALSimulation."""
    kinds = range(lalsimulation.NumApproximants)
    implemented = filter(lalsimulation.SimInspiralImplementedTDApproximants, kinds)
    return tuple(lalsimulation.GetStringFromApproximant(kind) for kind in implemented)


def check(
    approximant: str,
    ranges: Mapping[str, tuple[float, float]],
    sample_rate: int,
    start: float,
    samples: int,
    taper: float = TAPER,
) -> None:
    """Refuse what cannot be made of any system in the ranges (mass_1, mass_2, spins): all faults at once.

    Raises GwsimError.
    """
    if faults := [*_name_faults(approximant), *_range_faults(approximant, ranges)]:
        raise GwsimError(f"waveforms of {approximant}: " + "; ".join(faults))
    if faults := [*_grid_faults(sample_rate, start, samples), *_taper_faults(ranges, start, taper)]:
        raise GwsimError(f"waveforms of {approximant}: " + "; ".join(faults))


def _name_faults(approximant):
    if approximant in approximants():
        return
    known = {name.lower(): name for name in approximants()}
    close = difflib.get_close_matches(approximant.lower(), known, n=1, cutoff=0.0)
    yield f"unknown approximant, the nearest time-domain approximant of LALSimulation is {known[close[0]]}"


def _range_faults(approximant, ranges):
    """Yield what lies outside the approximant's domain, of each range and of the widest pair of them."""
    for name, (low, high) in ranges.items():
        if low > high:
            yield f"{name} from {low:g} to {high:g}, expected the lower bound first"
        if name.startswith("mass") and low <= 0:
            yield f"{name} from {low:g}, expected masses above 0"
        if name.startswith("spin") and max(abs(low), abs(high)) > 1:
            yield f"{name} from {low:g} to {high:g}, expected spins within -1 and 1"
        if approximant in ALIGNED and name in SPINS and not name.endswith("z") and (low, high) != (0, 0):
            yield f"{name} from {low:g} to {high:g}, expected 0: no precession; hint: SEOBNRv4P"
    (least_1, most_1), (least_2, most_2) = ranges["mass_1"], ranges["mass_2"]
    if approximant in ALIGNED and min(least_1, least_2) > 0:
        ratio = max(most_1 / least_2, most_2 / least_1)
        if ratio > LARGEST_RATIO:
            yield f"masses with a ratio of {ratio:.4g}, expected at most {LARGEST_RATIO}"


def _grid_faults(sample_rate, start, samples):
    if sample_rate & (sample_rate - 1) or not 0 < sample_rate <= FINEST:
        yield f"sample_rate {sample_rate}, expected a power of two of at most {FINEST} Hz"
    if start * sample_rate != round(start * sample_rate):
        yield f"start {start:g} s, expected a whole number of samples, so that one is the merger"
    if not 0 < -start * sample_rate < samples:
        yield f"start {start:g} s with {samples} samples, expected the merger among them"


def _taper_faults(ranges, start, taper):
    """Yield a taper that leaves nothing, and one behind which the heaviest system plunges."""
    if not 0 <= taper < -start:
        yield f"a taper of {taper:g} s, expected it shorter than the {-start:g} s before merger"
        return
    heaviest = {name: max(high, 0.0) for name, (_, high) in ranges.items() if name.startswith("mass")}
    total = sum(heaviest.values())
    if -start - taper <= plunge_time(heaviest):
        yield (
            f"{total:g} solar masses would begin {-start - taper:.4g} s before merger, above the "
            f"{isco_frequency(heaviest):.4g} Hz where they plunge; hint: an earlier start than {start:g} s, "
            f"or a taper shorter than {taper:g} s"
        )
