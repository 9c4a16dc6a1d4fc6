"""Detector glitches of Gravity Spy's classes, each computed when it is rendered: there is no bank.

See `gwsim.waveforms.glitches` for the formulas, `gwsim.scans` for how they are seen.
"""

import numpy as np

from gwsim.waveforms import glitches


def notes(settings: dict) -> list[str]:
    """Return what a person is told before anything is drawn."""
    return []


def systems(names: list[str], settings: dict, uniform, integers) -> dict:
    """Return the drawn parameters of glitches of some classes, and the key of what is random inside them."""
    return glitches.systems(names, uniform, integers)


def own(column: str, names: list[str], uniform: np.ndarray) -> np.ndarray:
    """Return a column from each class's own distribution: `snr` (of the loudest tile) or `mean_norm`."""
    return {"snr": glitches.snr, "mean_norm": glitches.mean_norm}[column](names, uniform)


def provenance() -> dict[str, str]:
    """Return what a dataset's attributes say of its waveforms."""
    return {}
