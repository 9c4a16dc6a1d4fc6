"""Core-collapse supernovae: from a model's name or file to a conditioned entry of the bank.

`load` takes a model and where it comes from, and gives moments: q_a(t) in cm (see `quadrupole`), t = 0 at
bounce. `condition` puts them on the grid of the bank: from START, high-passed, tapered, at the dataset's
rate. Bounce is sample -START * sample_rate exactly, at every rate allowed.

The bank's entry, of one model and realisation:
| field      | dims              | unit | dtype   | meaning                                         |
|------------|-------------------|------|---------|-------------------------------------------------|
| quadrupole | (component, time) | cm   | float64 | q_a: weights(theta, phi) @ q_a is D h+ and D hx |
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.signal import butter, firwin, kaiserord, resample_poly, sosfiltfilt
from scipy.signal.windows import tukey

from gwsim.errors import GwsimError
from gwsim.shapes import Quadrupole, Series
from gwsim.waveforms import ccsn_files, surrogates
from gwsim.waveforms.ccsn_files import Moments
from gwsim.waveforms.surrogates import SAMPLE_RATE, START

HIGHPASS = 11.0
TUKEY_ALPHA = 0.1
# s, in which a file that begins after START comes in: its first samples are a step out of silence, and often
# hold an artefact of the simulation's start (17 cm in the published z85_sfhx, which then gives 13 cm).
FADE_IN = 0.005

# s; a file that begins later has lost its bounce, or its t_bounce is of another clock.
LATEST_START = 0.5

# The coarsest grid that has both START and bounce on a sample.
LOWEST_RATE = 256

# Anti-alias filters pass to 0.8 of the new Nyquist frequency (1638 Hz at 4096 Hz) and stop at 1.0, 80 dB.
_PASS, _STOP, _ATTENUATION = 0.8, 1.0, 80.0

# Files are read at most this many times finer than the grid; beyond it there is nothing a detector hears.
_FINEST = 16


def load(model: str, spec: str | Mapping = "surrogate", realisation: int | None = None) -> Moments:
    """Return the moments of a model: "surrogate", {"source": "surrogate", ...} or {"path", "format", ...}.

    Other keys are the options of `surrogates.surrogate` (leave_out) and of the format. The caller warns of
    moments with a fixed direction.

    Raises GwsimError for a spec that cannot be served, and a realisation asked of a file, which has one.
    """
    if spec == "surrogate":
        spec = {"source": "surrogate"}
    if not isinstance(spec, Mapping):
        raise GwsimError(
            f"waveform {model}: got {spec!r}, expected 'surrogate' or a mapping with path and format"
        )
    options = dict(spec)
    source = options.pop("source", "file")
    if source == "surrogate":
        return _load_surrogate(model, options, realisation)
    if source != "file":
        raise GwsimError(f"waveform {model}: unknown source {source!r}, expected surrogate or file")
    return _load_file(model, options, realisation)


def describe(spec: str | Mapping) -> dict:
    """Return what the table of systems says of a model; realisation -1 is the default one.

    A file is read for it, so that a bad one is refused before anything is drawn.
    """
    if _is_surrogate(spec):
        return {"source": "surrogate", "fixed_direction": False, "realisation": -1}
    moments = load(str(spec), spec)
    source = f"{spec['format']}:{Path(spec['path']).name}"
    return {"source": source, "fixed_direction": moments.fixed_direction, "realisation": -1}


def fingerprint(spec: str | Mapping) -> str:
    """Return a hash of all numbers that a model is made from: the surrogates' table, or the file."""
    if _is_surrogate(spec):
        return surrogates.table_sha256()
    path = Path(spec["path"])
    if not path.is_file():
        raise GwsimError(
            f"{path}: no such file, expected a waveform; hint: paths start at the working directory"
        )
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_surrogate(spec: str | Mapping) -> bool:
    return spec == "surrogate" or (isinstance(spec, Mapping) and spec.get("source") == "surrogate")


def _load_surrogate(model: str, options: dict, realisation: int | None) -> Moments:
    unknown = sorted(set(options) - {"leave_out"})
    if unknown:
        raise GwsimError(f"waveform {model}: a surrogate has no option {', '.join(unknown)}, only leave_out")
    basis = surrogates.surrogate(model, realisation, tuple(options.get("leave_out", ())))
    return Moments(START + np.arange(basis.shape[1]) / SAMPLE_RATE, basis, fixed_direction=False)


def _load_file(model: str, options: dict, realisation: int | None) -> Moments:
    missing = [name for name in ("path", "format") if name not in options]
    if missing:
        raise GwsimError(f"waveform {model}: {' and '.join(missing)} missing, a file needs path and format")
    path = options.pop("path")
    if realisation is not None:
        raise GwsimError(
            f"waveform {model}: realisation {realisation} asked of {path}, but a file has only one; "
            "hint: fresh realisations need surrogates"
        )
    moments = ccsn_files.read(path, options.pop("format"), **options)
    _check_bounce(path, moments)
    return moments


def _check_bounce(path: str | Path, moments: Moments) -> None:
    """Refuse moments that bounce is not near: they would leave the window, or the whole bank, silent."""
    first, last = moments.time[[0, -1]]
    if first > LATEST_START or last <= 0:
        onset = ccsn_files.bounce_guess(moments.time, moments.basis)
        raise GwsimError(
            f"{path}: it holds {first:.3g} to {last:.3g} s after bounce, expected to begin by "
            f"{LATEST_START:g} s and to end after 0 s; hint: is t_bounce in the file's own time? "
            f"The signal sets in {onset:.3g} s after it"
        )


def condition(moments: Moments, sample_rate: int) -> Quadrupole:
    """Return q_a in cm from START to the last sample of the moments, high-passed, tapered and decimated.

    Silence stands before the first sample of the moments, which then fade in; what they hold before START is
    left out.

    Raises GwsimError for a rate that has no sample at bounce, and for moments that end before it.
    """
    factor = Fraction(SAMPLE_RATE, sample_rate) if sample_rate >= LOWEST_RATE else Fraction(1, 2)
    if factor.denominator != 1:
        raise GwsimError(
            f"sample_rate {sample_rate}: expected a divisor of {SAMPLE_RATE} of at least {LOWEST_RATE} Hz, "
            "so that bounce falls on a sample; hint: 4096"
        )
    placed = _place(_fade_in(moments))
    return _decimate(_taper(_highpass(placed)), factor.numerator)


def _fade_in(moments: Moments) -> Moments:
    """Return the moments with a start that does not click, where silence stands before it."""
    begun = moments.time - moments.time[0]
    if moments.time[0] <= START + 0.5 / SAMPLE_RATE:
        return moments
    ramp = np.sin(np.pi / 2 * np.clip(begun / FADE_IN, 0, 1)) ** 2
    return replace(moments, basis=moments.basis * ramp)


def _place(moments: Moments) -> Quadrupole:
    """Return the moments on the grid of SAMPLE_RATE from START, with silence where they have not begun."""
    time, end = moments.time, moments.time[-1]
    if end <= 0:
        raise GwsimError(f"moments end {-end:.4g} s before bounce; hint: is t_bounce in the file's own time?")
    # A millionth of a sample forgives the rounding of times.
    length = int(np.floor((end - START) * SAMPLE_RATE + 1e-6)) + 1
    position = (time - START) * SAMPLE_RATE
    if np.allclose(np.diff(position), 1, rtol=0, atol=1e-6) and abs(position[-1] - (length - 1)) < 1e-6:
        kept = moments.basis[:, -length:]
        return np.pad(kept, ((0, 0), (length - kept.shape[1], 0)))
    finer = _oversampling(time)
    grid = START + np.arange((length - 1) * finer + 1) / (SAMPLE_RATE * finer)
    return _decimate(_interpolate(moments, grid), finer)


def _oversampling(time: Series) -> int:
    """Return how much finer than the grid a file is, as a power of two that loses none of its band."""
    ratio = 1 / (np.median(np.diff(time)) * SAMPLE_RATE)
    return int(min(2 ** np.ceil(np.log2(max(ratio, 1))), _FINEST))


def _interpolate(moments: Moments, grid: Series) -> Quadrupole:
    begun = grid >= moments.time[0]
    placed = np.zeros((5, len(grid)))
    placed[:, begun] = CubicSpline(moments.time, moments.basis, axis=1)(
        np.minimum(grid[begun], moments.time[-1])
    )
    return placed


def _highpass(basis: Quadrupole) -> Quadrupole:
    """Apply a fourth-order Butterworth filter both ways: no phase, half the amplitude at 11 Hz.

    Beyond its ends the signal is mirrored: an offset at a simulation's abrupt end leaves no step.
    """
    sections = butter(4, HIGHPASS, btype="highpass", fs=SAMPLE_RATE, output="sos")
    margin = min(basis.shape[1] - 1, SAMPLE_RATE // 2)
    return sosfiltfilt(sections, basis, axis=1, padtype="even", padlen=margin)


def _taper(basis: Quadrupole) -> Quadrupole:
    return basis * tukey(basis.shape[1], TUKEY_ALPHA)


def _decimate(basis: Quadrupole, factor: int) -> Float[np.ndarray, "5 decimated"]:
    """Keep every factor-th sample, from the first on, of the anti-aliased signal."""
    if factor == 1:
        return basis
    taps, beta = kaiserord(_ATTENUATION, (_STOP - _PASS) / factor)
    lowpass = firwin(taps | 1, (_PASS + _STOP) / 2 / factor, window=("kaiser", beta))
    return resample_poly(basis, 1, factor, axis=1, window=lowpass)
