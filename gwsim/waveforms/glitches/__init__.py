"""Glitches: the 22 classes of Gravity Spy as parameter ranges (classes.yaml) and a form each (forms.py).

`systems` draws parameters, `snr` the loudness of the loudest tile, and `waveform` makes a row's glitch,
unscaled and of order one. A waveform is a pure function of its row: what is random in it comes from the
row's key. Its domain is `strain`, or `whitened`, which is strain divided by the amplitude spectral density
of the noise; `none` is silence.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from gwsim import distributions
from gwsim.errors import GwsimError

CLASSES = (
    "1080Lines",
    "1400Ripples",
    "Air_Compressor",
    "Blip",
    "Chirp",
    "Extremely_Loud",
    "Helix",
    "Koi_Fish",
    "Light_Modulation",
    "Low_Frequency_Burst",
    "Low_Frequency_Lines",
    "No_Glitch",
    "None_of_the_Above",
    "Paired_Doves",
    "Power_Line",
    "Repeating_Blips",
    "Scattered_Light",
    "Scratchy",
    "Tomte",
    "Violin_Mode",
    "Wandering_Line",
    "Whistle",
)

# Of the systems' table; NaN where a class has no such parameter. docs/glitches.md says what each is of each.
COLUMNS = {
    "key": ("int64", "1", "names the random processes within the glitch"),
    "frequency": ("float64", "Hz", "main frequency: peak of a spectrum, of a line, top of an arch"),
    "frequency_2": ("float64", "Hz", "second frequency: of a second part, or the other end of a sweep"),
    "sharpness": ("float64", "1", "of a log-normal spectrum exp[-sharpness/2 ln^2(f / frequency)]"),
    "bandwidth": ("float64", "Hz", "half width of a band, or half distance of two lobes"),
    "phase": ("float64", "rad", "phase of a pulse, of an orbit, or of a swing at time zero"),
    "sign": ("float64", "1", "1 or -1, of a pulse, or of a sweep that falls or rises first"),
    "duration": ("float64", "s", "time scale of the envelope, or of one unit"),
    "spacing": ("float64", "s", "between repetitions"),
    "spread": ("float64", "1", "relative irregularity of the repetitions"),
    "count": ("float64", "1", "number of units, echoes or harmonics"),
    "period": ("float64", "s", "of the swing behind the glitch"),
    "slope": ("float64", "Hz s-1", "drift of the frequency"),
    "depth": ("float64", "1", "relative modulation; of bursts, Hz by which the frequency rises"),
    "level": ("float64", "1", "amplitude of a second part beside the first"),
    "level_2": ("float64", "1", "amplitude of a third part beside the first"),
    "decay": ("float64", "1", "amplitude of each harmonic beside the one before"),
    "order": ("float64", "1", "number of the lowest arch: round trips of the light"),
    "kind": ("float64", "1", "which mixture, of None_of_the_Above"),
    "mass_1": ("float64", "solMass", "mass of the first body, detector frame"),
    "mass_2": ("float64", "solMass", "mass of the second body, detector frame"),
    "inclination": ("float64", "rad", "angle between the orbit's axis and the line of sight"),
}
PARAMETERS = tuple(COLUMNS)[1:]
# Part of the published pictures whose tiles are over the mean of their row; those of loud classes are.
MEAN_NORM, LOUD = 0.85, ("Extremely_Loud", "Koi_Fish")


@cache
def table() -> dict:
    """Return classes.yaml, in the order of CLASSES."""
    found = yaml.safe_load(Path(__file__).with_name("classes.yaml").read_text())
    return {name: found[name] for name in CLASSES}


def domain(name: str) -> str:
    """Return a class's domain: strain, whitened or none."""
    check([name])
    return table()[name]["domain"]


def repeats(name: str) -> bool:
    """Return whether a class fills its block."""
    check([name])
    return table()[name]["repeats"]


def check(names) -> None:
    """Raise GwsimError for names that are no class, all at once."""
    if unknown := sorted({str(name) for name in names} - set(CLASSES)):
        raise GwsimError(
            f"unknown glitch classes {', '.join(unknown)}: expected of {', '.join(CLASSES)}; "
            "hint: the spelling is Gravity Spy's, with underscores"
        )


def systems(
    classes: list[str],
    uniform: Callable[[str], np.ndarray],
    integers: Callable[[str], np.ndarray],
) -> dict[str, np.ndarray]:
    """Return the systems' columns and their model, a row for each named class.

    `uniform(name)` gives numbers in [0, 1) and `integers(name)` int64, one for each row.
    """
    check(classes)
    names = np.asarray(classes, dtype=object)
    columns = {"model": names, "key": np.asarray(integers("key"), np.int64)}
    for column in PARAMETERS:
        drawn, values = uniform(column), np.full(len(names), np.nan)
        for name, spec in _specs(column).items():
            mine = names == name
            values[mine] = distributions.quantile(spec, drawn[mine])
        columns[column] = values
    return columns


def snr(classes: list[str], uniform: np.ndarray) -> np.ndarray:
    """Return the SNR of the loudest tile, drawn of each class's own distribution; NaN without a glitch."""
    check(classes)
    names, values = np.asarray(classes, dtype=object), np.full(len(classes), np.nan)
    for name, entry in table().items():
        mine = names == name
        if entry["snr"] is not None:
            values[mine] = distributions.quantile(entry["snr"], uniform[mine])
    return values


def mean_norm(classes: list[str], uniform: np.ndarray) -> np.ndarray:
    """Return 1 where a glitch's picture is normalised by the mean, 0 by the median, as published ones are.

    Over the median, the tails that a whitening filter gives to the loudest glitches fill their pictures.
    """
    check(classes)
    return ((uniform < MEAN_NORM) | np.isin(classes, LOUD)).astype(np.int32)


def waveform(system: Mapping, seconds: int, at: float, rate: int) -> np.ndarray:
    """Return a row's glitch in a block, in its class's domain, about `at` seconds from the block's start."""
    # Here, so that a configuration is checked without the libraries of waveforms.
    from gwsim.waveforms.glitches import forms

    check([system["model"]])
    return forms.waveform(system, seconds, at, rate)


def _specs(column):
    """Return {class: specification} of the classes that have this parameter."""
    return {
        name: entry["parameters"][column] for name, entry in table().items() if column in entry["parameters"]
    }
