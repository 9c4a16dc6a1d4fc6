"""Distributions of drawn columns: a value is a quantile of a uniform number in [0, 1).

`normal` {mean, sd, low, high} and `log_normal` {median, sigma, low, high} are cut at their ends;
`choice` {value: weight} gives its values in the order in which they stand.
"""

import numpy as np


def quantile(spec, uniform: np.ndarray) -> np.ndarray:
    """Return the values of a distribution at uniform numbers in [0, 1)."""
    if not isinstance(spec, dict):
        return np.full(len(uniform), float(spec))
    ((name, value),) = spec.items()
    return QUANTILES[name](uniform, value)


def _power_law(uniform, value):
    low, high, index = value["low"], value["high"], value["index"]
    if index == -1:
        return low * (high / low) ** uniform
    a, b = low ** (index + 1), high ** (index + 1)
    return (a + (b - a) * uniform) ** (1 / (index + 1))


def _uniform_cos(uniform, value):
    return np.arccos(np.cos(value[0]) + (np.cos(value[1]) - np.cos(value[0])) * uniform)


def _uniform_sin(uniform, value):
    return np.arcsin(np.sin(value[0]) + (np.sin(value[1]) - np.sin(value[0])) * uniform)


def _normal(uniform, value):
    # Here, so that a configuration is checked without scipy.
    from scipy.special import ndtr, ndtri

    low, high, mean, sd = value["low"], value["high"], value["mean"], value["sd"]
    a, b = ndtr((low - mean) / sd), ndtr((high - mean) / sd)
    # Where the cut lies far out the quantile rounds: no value may leave the range.
    return np.clip(mean + sd * ndtri(a + (b - a) * uniform), low, high)


def _log_normal(uniform, value):
    logarithms = {name: np.log(value[name]) for name in ("low", "high")}
    return np.exp(_normal(uniform, logarithms | {"mean": np.log(value["median"]), "sd": value["sigma"]}))


def _choice(uniform, value):
    edges = np.cumsum(list(value.values()), dtype=float)
    places = np.searchsorted(edges / edges[-1], uniform, side="right")
    return np.array(list(value), dtype=float)[np.minimum(places, len(value) - 1)]


QUANTILES = {
    "uniform": lambda uniform, value: value[0] + (value[1] - value[0]) * uniform,
    "uniform_cos": _uniform_cos,
    "uniform_sin": _uniform_sin,
    "log_uniform": lambda uniform, value: value[0] * (value[1] / value[0]) ** uniform,
    "normal": _normal,
    "log_normal": _log_normal,
    "choice": _choice,
    "power_law": _power_law,
}
# Between their own `low` and `high`.
BOUNDED = ("power_law", "normal", "log_normal")


def value_range(spec) -> tuple[float, float]:
    """Return the least and the greatest value that a column's specification can give."""
    if not isinstance(spec, dict):
        return float(spec), float(spec)
    ((name, value),) = spec.items()
    values = [value["low"], value["high"]] if name in BOUNDED else value
    return float(min(values)), float(max(values))
