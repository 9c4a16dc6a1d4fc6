"""Figures of class-activation maps over pictures: each a picture in grey, a map in colours, or both.

Pictures are (picture, row, column) from 0 to 1; maps are (row, column), each divided by its own maximum,
since classes differ in theirs. A merged view has lines between its quarters, and durations in the first.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from gwsim.conventions import SCAN_DURATIONS
from gwsim.figures import style
from gwsim.figures.saliency import greatest, maximum
from gwsim.view import tiled

# Examples in a row of the atlas, three panels each.
COLUMNS = 2
MAP, OPAQUE = "inferno", 0.75
WRITING = {"fontsize": 6.5, "color": "white", "ha": "left", "va": "top"}


@dataclass(frozen=True)
class Panel:
    """What one panel shows, and the words over it: a picture, a map, or both over each other."""

    title: str
    picture: np.ndarray | None = None
    map: np.ndarray | None = None


def triple(title: str, example: np.ndarray, values: np.ndarray) -> list[Panel]:
    """Return an example, its map, and the map over the example."""
    named = f"maximum {maximum(values):.2g}"
    return [Panel(title, example), Panel(named, None, values), Panel("", example, values)]


def grid(rows: list[list[Panel]], settings: dict, height: float):
    """Draw rows of panels, each so high; those of a row that is not full are left out."""
    columns = max(map(len, rows))
    figure, panels = style.subplots(len(rows), columns, height * len(rows) + 0.3)
    for axes, row in zip(panels, rows, strict=True):
        for axis in axes[len(row) :]:
            axis.remove()
        for axis, one in zip(axes, row, strict=False):
            draw(axis, one, settings)
    if settings["merged"]:
        durations(panels[0, 0])
    colours, shrink = ScalarMappable(Normalize(0, 1), MAP), 1 / len(rows) ** 0.5
    bar = figure.colorbar(colours, ax=figure.axes, pad=0.01, shrink=shrink)
    bar.set_label("map / its maximum")
    return figure


def draw(axis, one: Panel, settings: dict) -> None:
    """Draw a panel."""
    axis.set(xticks=[], yticks=[])
    axis.grid(False)
    axis.set_title(one.title, fontsize=6.5, pad=2)
    look = {"origin": settings["origin"], "aspect": "auto", "vmin": 0, "vmax": 1}
    several = max(settings["tiles"]) > 1
    if one.picture is not None:
        picture = tiled(one.picture[None])[0] if several else one.picture
        axis.imshow(picture.mean(axis=0), cmap="gray", **look)
    if one.map is not None:
        # One map is of all durations alike.
        values = np.tile(np.nan_to_num(one.map) / greatest([one.map]), settings["tiles"])
        alpha = None if one.picture is None else OPAQUE * np.clip(values, 0, 1)
        axis.imshow(values, cmap=MAP, alpha=alpha, **look)
    if settings["merged"]:
        quarters(axis, (one.picture if one.map is None else one.map).shape[-2:])


def quarters(axis, shape: tuple[int, int]) -> None:
    """Draw the borders between the quarters of a merged view."""
    axis.axhline(shape[0] / 2 - 0.5, color="white", linewidth=0.6)
    axis.axvline(shape[1] / 2 - 0.5, color="white", linewidth=0.6)


def durations(axis) -> None:
    """Write each quarter's duration into its corner."""
    for place, duration in enumerate(SCAN_DURATIONS):
        below, right = divmod(place, 2)
        text = f"{duration:g} s"
        axis.text(0.5 * right + 0.03, 1 - 0.5 * below - 0.03, text, transform=axis.transAxes, **WRITING)


def shares(values: np.ndarray, errors: np.ndarray, classes: list[str]):
    """Draw the share of maps' weight (class, duration) in colours, with its numbers."""
    figure, ((axis,),) = style.subplots(1, 1, 0.24 * len(classes) + 0.8)
    axis.grid(False)
    image = axis.imshow(values, cmap="cividis", vmin=0, vmax=max(0.5, np.nanmax(values)), aspect="auto")
    for row, column in np.argwhere(np.isfinite(values)):
        value, error = values[row, column], errors[row, column]
        text = f"{value:.2f}" + (f" ± {error:.2f}" if np.isfinite(error) else "")
        dark = value < 0.6 * image.get_clim()[1]
        colour = "white" if dark else style.INK
        axis.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    axis.set_xticks(range(len(SCAN_DURATIONS)), [f"{one:g} s" for one in SCAN_DURATIONS])
    axis.set_yticks(range(len(classes)), classes)
    figure.colorbar(image, label="share of the map's weight", pad=0.01)
    return figure
