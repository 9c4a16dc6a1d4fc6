"""Toy pictures of a first exercise: chirps that rise, blips that drift, and nothing at all.

Takes parameters of one example, in pixels; gives its picture without noise, (row, column), in units in which
the noise's standard deviation is given too. Rows are frequencies, low ones first, columns are times. After
the exercise on chirps and blips that follows Cabero et al. (2020), arXiv:2010.11829.
"""

from collections.abc import Callable, Mapping

import numpy as np

from gwsim import distributions
from gwsim.errors import GwsimError

CLASSES = ("blip", "chirp", "noise")

# name: (dtype, unit, meaning), of the systems' table; NaN where a class has no such parameter.
COLUMNS = {
    "amplitude": ("float64", "1", "greatest value of a blip, value of a chirp's middle row"),
    "centre_row": ("float64", "1", "row of a blip's middle"),
    "centre_column": ("float64", "1", "column of a blip's middle"),
    "sigma_row": ("float64", "1", "standard deviation of a blip along its column (rows)"),
    "sigma_column": ("float64", "1", "standard deviation of a blip in time (columns)"),
    "drift": ("float64", "1", "rows by which a blip's middle rises from one column to the next"),
    "start_row": ("float64", "1", "row in which a chirp begins"),
    "start_column": ("float64", "1", "column in which a chirp begins, a whole number"),
    "rate": ("float64", "1", "rows by which a chirp rises from one column to the next"),
    "length": ("float64", "1", "columns that a chirp has, a whole number"),
}
# Parameters of each class that are drawn by themselves.
DRAWN = {
    "blip": ("amplitude", "centre_row", "centre_column", "sigma_row", "sigma_column", "drift"),
    "chirp": ("amplitude", "start_row", "start_column", "rate"),
    "noise": (),
}
# A chirp's rows below and above its middle one have this part of its amplitude.
SIDE = 0.4


def systems(
    names: list[str], models: Mapping, columns: int, uniform: Callable[[str], np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the systems' columns, a row for each named class.

    models: class -> distribution of each parameter; `uniform(name)` gives numbers in [0, 1), one a row.
    """
    if unknown := sorted(set(names) - set(CLASSES)):
        raise GwsimError(f"unknown toys {', '.join(unknown)}: expected of {', '.join(CLASSES)}")
    kinds, found = np.asarray(names, dtype=object), {}
    for column in COLUMNS:
        numbers, values = uniform(column), np.full(len(kinds), np.nan)
        for name in (one for one in dict.fromkeys(names) if column in DRAWN[one]):
            mine = kinds == name
            values[mine] = distributions.quantile(models[name][column], numbers[mine])
        found[column] = values
    chirps = kinds == "chirp"
    if chirps.any():
        found["start_column"] = np.floor(found["start_column"])
        lengths = _lengths(found["start_column"], models["chirp"]["shortest"], columns, uniform("length"))
        found["length"] = np.where(chirps, lengths, np.nan)
    return found


def _lengths(start: np.ndarray, shortest: int, columns: int, uniform: np.ndarray) -> np.ndarray:
    """Return whole lengths, each of those equally often with which a chirp ends inside the picture."""
    return shortest + np.floor(uniform * (columns - start - shortest))


def picture(system: Mapping, rows: int, columns: int) -> np.ndarray:
    """Return one example without its noise; system: its class as `model`, and its columns."""
    forms = {"blip": _blip, "chirp": _chirp, "noise": _nothing}
    if system["model"] not in forms:
        raise GwsimError(f"unknown toy {system['model']}: expected one of {', '.join(CLASSES)}")
    return forms[system["model"]](system, rows, columns)


def _blip(system: Mapping, rows: int, columns: int) -> np.ndarray:
    """Return a Gaussian in both directions whose middle row drifts."""
    after = np.arange(columns) - system["centre_column"]
    above = np.arange(rows)[:, None] - system["centre_row"] - system["drift"] * after
    exponent = (after / system["sigma_column"]) ** 2 + (above / system["sigma_row"]) ** 2
    return system["amplitude"] * np.exp(-exponent / 2)


def _chirp(system: Mapping, rows: int, columns: int) -> np.ndarray:
    """Return a line three rows wide that rises evenly, as far as the picture goes."""
    found, step = np.zeros((rows, columns)), np.arange(int(system["length"]))
    column = int(system["start_column"]) + step
    middle = np.clip(system["start_row"] + system["rate"] * step, 0, rows - 1).astype(int)
    for side, part in ((-1, SIDE), (0, 1.0), (1, SIDE)):
        inside = (middle + side >= 0) & (middle + side < rows) & (column < columns)
        found[middle[inside] + side, column[inside]] += part * system["amplitude"]
    return found


def _nothing(system: Mapping, rows: int, columns: int) -> np.ndarray:
    return np.zeros((rows, columns))
