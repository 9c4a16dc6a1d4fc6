"""How long before the event a network finds what decides for it: when its maps are greatest.

Takes a set of maps as the stage `explain` stores them, the times of the input's pixels along their last axis,
and the dataset's table; gives one time per map, and medians with intervals. A cell's time is that of the
centre of what it sees. Maps that are constant, zero ones among them, have no greatest cell: they are left out
and counted. So is what explains another class than the example's own.
"""

import numpy as np
import pandas as pd
import scipy.stats
import xarray as xr
from jaxtyping import Float

Maps = Float[np.ndarray, "sample *cells"]
Times = Float[np.ndarray, "pixel"]
Peaks = Float[np.ndarray, "sample"]
ONE_SIGMA = float(scipy.stats.chi2.cdf(1, 1))
CONSTANT = "constant"


def peaks(maps: Maps, grid: tuple[float, float], times: Times) -> Peaks:
    """Return the time (s) of each map's greatest cell, the first of equals; NaN where a map is constant.

    grid: (stride, offset) of the last axis, whose cell i is centred on pixel stride * i + offset.
    """
    flat, (stride, offset) = maps.reshape(len(maps), -1), grid
    cell = flat.argmax(axis=1) % maps.shape[-1]
    found = times[0] + (stride * cell + offset) * (times[1] - times[0])
    return np.where(np.ptp(flat, axis=1) > 0, found, np.nan)


def measured(store: xr.Dataset, times: np.ndarray, table: pd.DataFrame) -> pd.DataFrame:
    """Return method, label and `before`, the seconds from a map's maximum to the event, of each signal's map.

    NaN where the map is constant; of examples whose map explains their own class.
    """
    grid = store.attrs["grid_stride"][-1], store.attrs["grid_offset"][-1]
    event = table["event_time"].to_numpy()[store["row"].values]
    label = store["label"].values
    mine = (label == store["target"].values) & np.isfinite(event)
    parts = [
        pd.DataFrame(
            {"method": name, "label": label[mine], "before": (event - peaks(values, grid, times))[mine]}
        )
        for name, values in zip(methods(store), store["map"].values, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def methods(store: xr.Dataset) -> list[str]:
    """Return the names of the methods of a set of maps, in their order."""
    return store["method"].attrs["flag_meanings"].split()


def spacing(store: xr.Dataset, times: np.ndarray) -> float:
    """Return the time (s) from one cell of the maps to the next."""
    return float(store.attrs["grid_stride"][-1] * (times[1] - times[0]))


def median(before: np.ndarray) -> dict:
    """Return the median, the ends of its interval at one sigma, half its width, and what it rests on.

    The ends are order statistics: whatever the distribution, they hold the median at least as often. Of fewer
    than three values no two do.
    """
    values = np.sort(before[np.isfinite(before)])
    n = len(values)
    found = {"value": float(np.median(values)) if n else None, "error": None, "low": None, "high": None}
    # The k-th values from both ends miss the median when fewer than k of n fall on one side of it: the
    # largest k for which this is rare enough, 0 if there is none.
    k = int(scipy.stats.binom.ppf((1 - ONE_SIGMA) / 2, n, 0.5)) if n else 0
    if k:
        low, high = float(values[k - 1]), float(values[n - k])
        found |= {"low": low, "high": high, "error": (high - low) / 2}
    return {**found, "n": n, CONSTANT: len(before) - n}


def numbers(found: pd.DataFrame, classes: list[str]) -> dict[str, dict]:
    """Return the median of each method and class that has a map, by name."""
    named = {}
    for (method, label), its in found.groupby(["method", "label"], sort=False):
        one = median(its["before"].to_numpy())
        left_out = f"; {one[CONSTANT]} constant maps left out" if one[CONSTANT] else ""
        meaning = f"median time from the map's maximum to the event (s), {classes[label]}, {method}{left_out}"
        named[f"cam_time_{method}_{classes[label]}"] = {**one, "meaning": meaning}
    return named
