"""The figure of when maps are greatest: its distribution in each class, counted from the event."""

import numpy as np
import pandas as pd
from matplotlib import patheffects

from gwsim import cam_times
from gwsim.figures import style
from gwsim.figures.drawn import Drawn, words

# Of the height of a class's row, and bins of a histogram at the least and at most.
FULL, LEAST, MOST = 0.8, 8, 60
# A caption tells no more classes than this one by one.
TOLD = 5


def ridges(found: pd.DataFrame, spacing: float, classes: list[str], noise: int, names: dict[str, str]):
    """Draw a panel for each method: a row of each class with its histogram, median and interval.

    found: as from `cam_times.measured`; spacing: of the maps' cells in time (s), the width of the bins.
    """
    methods, labels = found["method"].unique(), sorted(found["label"].unique())
    height = 0.55 * len(labels) + 1.1
    figure, (axes,) = style.subplots(1, len(methods), height, sharex=True, sharey=True)
    edges = _edges(found["before"].dropna().to_numpy(), spacing)
    for axis, method in zip(axes, methods, strict=True):
        axis.set_title(names.get(method, method))
        for place, label in enumerate(labels):
            its = found[(found["method"] == method) & (found["label"] == label)]["before"].to_numpy()
            _ridge(axis, -place, its, edges, style.class_look(int(label), noise)["color"])
        axis.axvline(0, color=style.INK, linestyle="--", linewidth=0.8)
        axis.grid(axis="y", visible=False)
    axes[0].set_yticks([-place for place in range(len(labels))], [classes[label] for label in labels])
    axes[0].set(ylim=(0.75 - len(labels), 1.05), xlim=(edges[-1], edges[0]))
    figure.supxlabel("time from the map's maximum to the event (s)", fontsize=8.5)
    return figure


def _edges(values: np.ndarray, spacing: float) -> np.ndarray:
    """Return the edges of bins about as wide as a cell; the event is within them."""
    low, high = min(values.min(initial=0.0), 0.0), max(values.max(initial=0.0), spacing)
    bins = int(np.clip(np.ceil((high - low) / spacing), LEAST, MOST))
    return np.linspace(low - 0.02 * (high - low), high + 0.02 * (high - low), bins + 1)


def _ridge(axis, base: float, values: np.ndarray, edges: np.ndarray, colour: str) -> None:
    """Draw one class: its histogram on a baseline, the median with its interval, and their numbers."""
    counts, _ = np.histogram(values[np.isfinite(values)], edges)
    axis.axhline(base, color=style.FAINT, linewidth=0.6)
    top = base + FULL * counts / max(counts.max(), 1)
    axis.stairs(top, edges, baseline=base, fill=True, color=colour, alpha=0.75)
    one = cam_times.median(values)
    halo = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    if one["value"] is None:
        text = "no map"
    else:
        axis.plot([one["value"]] * 2, [base, base + FULL], color=style.INK, linewidth=1.4, path_effects=halo)
        text = f"median {one['value']:.3f} s"
    if one["low"] is not None:
        axis.plot([one["low"], one["high"]], [base] * 2, color=style.INK, linewidth=3, solid_capstyle="butt")
    place = {"transform": axis.get_yaxis_transform(), "ha": "left", "va": "top", "fontsize": 7}
    axis.text(0.01, base + FULL + 0.1, text, path_effects=halo, **place)


def drawn(found: pd.DataFrame, spacing: float, names: dict[str, str], settings: dict) -> Drawn:
    """Return the figure; names: how a method is written; settings: classes, noise (its label), dataset."""
    if not len(found):
        return words("cam_times", f"no signal of {settings['dataset']} has a map of its own class")
    classes = settings["classes"]
    told = []
    for method, its in found.groupby("method", sort=False):
        each = [f"{classes[label]} {said(one)}" for label, one in _told(medians(its)).items()]
        told.append(f"{names.get(method, method)}: {', '.join(each)}")
    left_out = int(found["before"].isna().sum())
    numbers = (
        f"Dataset {settings['dataset']}, signals whose map explains their own class. Lines are medians, bars "
        f"on the baselines their 68 % intervals by order statistics: {'; '.join(told)}. Each histogram has "
        f"its own height. Cells of the maps are {1000 * spacing:.3g} ms apart, each at the centre of what it "
        f"sees. {left_out} constant maps, which have no maximum, are left out. Dashed: the event."
    )
    return Drawn("cam_times", ridges(found, spacing, classes, settings["noise"], names), numbers)


def medians(found: pd.DataFrame) -> dict[int, dict]:
    """Return each class's median of one method."""
    return {int(label): cam_times.median(its.to_numpy()) for label, its in found.groupby("label")["before"]}


def _told(found: dict[int, dict]) -> dict[int, dict]:
    """Return the medians that a caption has room for: all, or the earliest and the latest of many."""
    if len(found) <= TOLD:
        return found
    known = {label: one for label, one in found.items() if one["value"] is not None}
    ends = (choose(known, key=lambda label: known[label]["value"]) for choose in (max, min))
    return {label: known[label] for label in (ends if known else ())}


def said(one: dict) -> str:
    """Return a median in words."""
    if one["value"] is None:
        return "no map"
    middle, low, high = (value and round(value, 3) + 0.0 for value in (one["value"], one["low"], one["high"]))
    ends = "" if low is None else f" ({low:.3f} to {high:.3f})"
    return f"{middle:.3f} s{ends}, n = {one['n']}"
