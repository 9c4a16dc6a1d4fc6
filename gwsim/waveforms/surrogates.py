"""Surrogates of nine core-collapse simulations that may not be redistributed: never those simulations.

Takes the numbers of `surrogates.yaml` and a realisation's number; gives the five components q_a(t) of A_ij
in cm (see `quadrupole`) at SAMPLE_RATE from START to the simulation's end. START is a multiple of 1/256 s,
so that bounce, t = 0, falls on a sample at 16384 and at 4096 Hz.
A signal is a sum of narrow-band stochastic tracks: a circular complex Gaussian process, low-passed twice
(one pole alone radiates an energy that diverges with bandwidth), on a carrier of prescribed frequency,
under a prescribed envelope with log-normal modulation. It is the stochastically driven damped oscillator of
Astone et al. 2018 in the rotating-wave limit.
"""

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources

import numpy as np
import yaml
from scipy.interpolate import PchipInterpolator
from scipy.signal import firwin, lfilter, resample_poly

from gwsim.errors import GwsimError
from gwsim.shapes import Quadrupole, Series

SAMPLE_RATE = 16384
START = -26 / 256

# First word of every seed. The children of a realisation's seed are dealt out by this order: a component
# may only be appended.
_SEED = 0xCC5
_STREAMS = ("pns", "haze0", "haze1", "haze2", "prompt", "prompt_haze", "sasi", "bar")

# Filters start from rest this long before bounce: eight times the longest memory.
_BURN_IN = SAMPLE_RATE // 2
_SECOND_POLE = 0.35
_AMPLITUDE_MEMORY = {"sasi": 0.050}  # s, 0.020 for the others
_FREQUENCY_MEMORY = 0.030
_FREQUENCY_JITTER = {"pns": 0.01, "haze0": 0.02, "haze1": 0.02, "haze2": 0.02, "sasi": 0.03}
_PNS_TAU = 0.007
_PROMPT_RISE = 0.006
_BOUNCE_OVERSAMPLING = 8


@functools.cache
def _table() -> Mapping:
    return yaml.safe_load((resources.files(__package__) / "surrogates.yaml").read_text())


MODELS = ("he3.5", "s18", "s13", "s25", "m39", "y20", "s18np", "z85_sfhx", "z100_sfho")


def table_sha256() -> str:
    """Return the hash of the table's numbers, whatever its comments and layout."""
    return hashlib.sha256(json.dumps(_table(), sort_keys=True).encode()).hexdigest()


def entry(model: str) -> Mapping:
    """Return the model's entry in the table, read only.

    Raises GwsimError for an unknown model.
    """
    if model not in MODELS:
        raise GwsimError(f"surrogate {model!r}: unknown model, expected one of {', '.join(MODELS)}")
    return _table()["models"][model]


def duration(model: str) -> float:
    """Return the time from bounce to the end."""
    return entry(model)["duration"]


def surrogate(model: str, realisation: int | None = None, leave_out: tuple[str, ...] = ()) -> Quadrupole:
    """Return q_a in cm from START on; without a number, of the realisation that stands for the model.

    The scale was set for the default realisation and serves all: the others scatter in SNR.

    Raises GwsimError for an unknown model, a number that is no seed, a component that the model has not.
    """
    sources = components(model, realisation)
    unknown = sorted(set(leave_out) - set(sources))
    if unknown:
        raise GwsimError(
            f"surrogate {model}: cannot leave out {', '.join(unknown)}; it has {', '.join(sources)}"
        )
    return entry(model)["scale"] * sum(q for name, q in sources.items() if name not in leave_out)


def components(model: str, realisation: int | None = None) -> dict[str, Quadrupole]:
    """Return each component's q_a in cm, before the model's scale."""
    numbers = entry(model)
    streams = _streams(model, numbers["default"] if realisation is None else realisation)
    time = np.arange(round(duration(model) * SAMPLE_RATE)) / SAMPLE_RATE
    after_bounce = {"pns": _pns(numbers["pns"], time, streams["pns"])}
    for name, haze in _haze(numbers["pns"], time).items():
        after_bounce[name] = _track(name, time, streams[name], **haze)
    after_bounce |= _prompt(numbers["prompt"], time, streams)
    if "sasi" in numbers:
        after_bounce["sasi"] = _sasi(numbers["sasi"], time, streams["sasi"])
    if "bar" in numbers:
        after_bounce["bar"] = _bar(numbers["bar"], time, streams["bar"])
    before = round(-START * SAMPLE_RATE)
    sources = {name: np.pad(q, ((0, 0), (before, 0))) for name, q in after_bounce.items()}
    if "bounce" in numbers:
        sources["bounce"] = _bounce(numbers["bounce"], before + len(time))
    return sources


def _streams(model: str, realisation: int) -> dict[str, np.random.Generator]:
    if realisation < 0:
        raise GwsimError(f"surrogate {model}: realisation {realisation!r}, expected an integer of at least 0")
    children = np.random.SeedSequence([_SEED, MODELS.index(model), realisation]).spawn(len(_STREAMS))
    return {
        name: np.random.Generator(np.random.PCG64(child))
        for name, child in zip(_STREAMS, children, strict=True)
    }


def _knots(knots: list, time: Series) -> Series:
    return PchipInterpolator(*np.transpose(knots).astype(float))(time)


def _twice_filtered(noise: np.ndarray, tau: float) -> np.ndarray:
    """Low-pass white noise (..., burn-in and time) by poles at tau and 0.35 tau, keeping its variance."""
    slow, fast = (np.exp(-1 / (SAMPLE_RATE * t)) for t in (tau, _SECOND_POLE * tau))
    once = lfilter([np.sqrt(1 - slow**2)], [1, -slow], noise)
    twice = lfilter([1 - fast], [1, -fast], once)[..., _BURN_IN:]
    # Exact for these recursions; sqrt((tau + tau2) / tau) in the limit of small steps.
    variance = (1 - fast) * (1 + slow * fast) / ((1 + fast) * (1 - slow * fast))
    return twice / np.sqrt(variance)


def _noise(rng: np.random.Generator, rows: int, length: int, tau: float) -> np.ndarray:
    return _twice_filtered(rng.standard_normal((rows, _BURN_IN + length)), tau)


def _track(
    name: str,
    time: Series,
    rng: np.random.Generator,
    frequency: Series,
    amplitude: Series,
    tau: float,
    modulation: float,
    weights: Sequence[float] = (1, 1, 1, 1, 1),
) -> Quadrupole:
    """Return five independent processes of rms amplitude * weights about one wandering frequency."""
    real = _noise(rng, 5, len(time), tau)
    imaginary = _noise(rng, 5, len(time), tau)
    loudness = _noise(rng, 5, len(time), _AMPLITUDE_MEMORY.get(name, 0.020))
    wander = _noise(rng, 1, len(time), _FREQUENCY_MEMORY)[0]
    phase = _phase(frequency * (1 + _FREQUENCY_JITTER.get(name, 0.0) * wander))
    swing = np.exp(modulation * loudness - modulation**2)  # its mean square is 1
    carried = real * np.cos(phase) - imaginary * np.sin(phase)
    return amplitude * np.asarray(weights)[:, None] * swing * carried


def _phase(frequency: Series) -> Series:
    return 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE


def _pns(numbers: Mapping, time: Series, rng: np.random.Generator) -> Quadrupole:
    return _track(
        "pns",
        time,
        rng,
        frequency=_knots(numbers["frequency"], time),
        amplitude=numbers["amplitude"] * _knots(numbers["envelope"], time),
        tau=_PNS_TAU,
        modulation=numbers["modulation"],
        weights=numbers.get("weights", (1, 1, 1, 1, 1)),
    )


def _haze(pns: Mapping, time: Series) -> dict[str, Mapping]:
    """Return the tracks above the proto-neutron star's own: many blended p-modes."""
    haze = _table()["haze"]
    track = _knots(pns["frequency"], time)
    loudness = pns["amplitude"] * _knots(pns["envelope"], time)
    return {
        f"haze{i}": {
            "frequency": np.minimum(ratio * track, haze["cap"]),
            "amplitude": amplitude * loudness,
            "tau": tau,
            "modulation": pns["modulation"],
            "weights": pns.get("weights", (1, 1, 1, 1, 1)),
        }
        for i, (ratio, amplitude, tau) in enumerate(
            zip(haze["ratio"], haze["amplitude"], haze["tau"], strict=True)
        )
    }


def _prompt(numbers: Mapping, time: Series, streams: Mapping) -> dict[str, Quadrupole]:
    """Return prompt convection: a burst at a low frequency, and a quarter of it as haze about 400 Hz."""
    burst = np.exp(-0.5 * ((time - numbers["time"]) / numbers["width"]) ** 2)
    amplitude = numbers["amplitude"] * burst * (1 - np.exp(-((time / _PROMPT_RISE) ** 2)))
    common = {"modulation": 0.2, "weights": numbers.get("weights", (1, 1, 1, 1, 1))}
    low, high = (np.full(len(time), float(f)) for f in (numbers["frequency"], 400))
    tau = max(1.5 / (np.pi * numbers["frequency"]), 0.004)
    return {
        "prompt": _track("prompt", time, streams["prompt"], low, amplitude, tau, **common),
        "prompt_haze": _track(
            "prompt_haze", time, streams["prompt_haze"], high, 0.25 * amplitude, 0.0008, **common
        ),
    }


def _sasi(numbers: Mapping, time: Series, rng: np.random.Generator) -> Quadrupole:
    return _track(
        "sasi",
        time,
        rng,
        frequency=_knots(numbers["frequency"], time),
        amplitude=numbers["amplitude"] * _knots(numbers["envelope"], time),
        tau=numbers["tau"],
        modulation=0.3,
    )


def _bar(numbers: Mapping, time: Series, rng: np.random.Generator) -> Quadrupole:
    """Return a rotating m = 2 deformation: circular on the pole, where |D h| is its amplitude."""
    wander = _noise(rng, 1, len(time), numbers["coherence"])[0]
    phase = _phase(_knots(numbers["frequency"], time)) + wander
    size = numbers["amplitude"] * _knots(numbers["envelope"], time) / np.sqrt(2)
    silent = np.zeros_like(time)
    return np.stack([silent, silent, silent, size * np.cos(phase), size * np.sin(phase)])


def _bounce(numbers: Mapping, length: int) -> Quadrupole:
    """Return the axisymmetric bounce of a rotating core: D h+ = amplitude * shape on the equator.

    The ring-down starts with a corner: it is made on a finer grid and low-passed before it is sampled.
    """
    fine = _BOUNCE_OVERSAMPLING * SAMPLE_RATE
    taps = firwin(64 * _BOUNCE_OVERSAMPLING + 1, 0.9 / _BOUNCE_OVERSAMPLING, window=("kaiser", 8.0))
    time = START + np.arange(length * _BOUNCE_OVERSAMPLING) / fine - numbers["time"]
    spike = -(1 - time**2 / (2 * numbers["width"] ** 2)) * np.exp(
        -(time**2) / (2 * (1.3 * numbers["width"]) ** 2)
    )
    since = np.maximum(time - numbers["delay"], 0)
    ring = 0.45 * np.exp(-since / numbers["decay"]) * np.sin(2 * np.pi * numbers["ringdown"] * since)
    shape = resample_poly(spike + ring, 1, _BOUNCE_OVERSAMPLING, window=taps)
    return np.concatenate([[np.sqrt(6) / 3 * numbers["amplitude"] * shape], np.zeros((4, length))])
