"""Distributions of drawn columns: a value is a quantile of a uniform number in [0, 1)."""

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


QUANTILES = {
    "uniform": lambda uniform, value: value[0] + (value[1] - value[0]) * uniform,
    "uniform_cos": _uniform_cos,
    "uniform_sin": _uniform_sin,
    "power_law": _power_law,
}


def value_range(spec) -> tuple[float, float]:
    """Return the least and the greatest value that a column's specification can give."""
    if not isinstance(spec, dict):
        return float(spec), float(spec)
    ((name, value),) = spec.items()
    values = [value["low"], value["high"]] if name == "power_law" else value
    return float(min(values)), float(max(values))
