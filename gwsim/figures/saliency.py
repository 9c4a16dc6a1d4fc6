"""Figures of class-activation maps beside the spectrograms that they explain.

Inputs are (ifo, frequency, frame), scaled to [0, 1] each by itself, whatever scale the network sees; maps are
(frequency, frame), brought to the input's size. Maps of one figure share one colour scale, so that noise is
not as bright as a signal. A dashed line is the event: bounce or merger, in geocentric time.
"""

from dataclasses import dataclass

import numpy as np

from gwsim.figures import style

COLUMNS = 5
# Where a map says nothing.
UNKNOWN = "#d9d9d9"
SCALE = "one colour scale"
EVENT = {"linestyle": "--", "linewidth": 0.8}


@dataclass(frozen=True)
class Shown:
    """An example and its map, what stands over each, and the time of the event (s), NaN in noise."""

    title: str
    example: np.ndarray
    map: np.ndarray
    event: float
    said: str = ""


def rgb(example: np.ndarray) -> np.ndarray:
    """Return the picture of an example: three ifos are red, green and blue, else the first is grey."""
    values = np.clip(example, 0, 1)
    if len(values) != 3:
        values = np.repeat(values[:1], 3, axis=0)
    return np.moveaxis(values, 0, -1)


def channels(ifos: list[str]) -> str:
    """Return what the colours of a picture are, in words."""
    if len(ifos) == 3:
        return f"red, green and blue are {ifos[0]}, {ifos[1]} and {ifos[2]}"
    return f"in grey, {ifos[0]} alone"


def inputs(ifos: list[str], examples: list[np.ndarray]) -> str:
    """Return how inputs are shown, in words."""
    return f"Inputs are shown scaled to [0, 1]: {channels(ifos)}."


def extent(frame: np.ndarray, frequency: np.ndarray) -> tuple[float, float, float, float]:
    """Return the outer edges of the pixels whose centres the axes give."""
    edges = []
    for axis in (frame, frequency):
        half = (axis[1] - axis[0]) / 2 if len(axis) > 1 else 0.5
        edges += [float(axis[0] - half), float(axis[-1] + half)]
    return tuple(edges)


def picture(axis, values: np.ndarray, axes: dict, event: float, **more):
    """Draw an image over time and frequency, the event marked."""
    place = {"extent": extent(axes["frame"], axes["frequency"]), "origin": "lower", "aspect": "auto"}
    axis.grid(False)
    image = axis.imshow(values, **place, **more)
    mark(axis, event, "white")
    return image


def mark(axis, event: float, colour: str) -> None:
    """Draw the event, if there is one, as a dashed line."""
    if np.isfinite(event):
        axis.axvline(event, color=colour, **EVENT)


def heat(axis, values: np.ndarray, axes: dict, event: float, top: float):
    """Draw a map in colours from 0 to the top."""
    axis.set_facecolor(UNKNOWN)
    return picture(axis, np.ma.masked_invalid(values), axes, event, vmin=0.0, vmax=top)


def maximum(values: np.ndarray) -> float:
    """Return a map's greatest value, 0 where nothing is known."""
    return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0


def greatest(maps) -> float:
    """Return the upper end of the maps' common scale; 1 where they are all zero."""
    return max(map(maximum, maps), default=0.0) or 1.0


def comparison(example: np.ndarray, maps: dict[str, np.ndarray], event: float, settings: dict):
    """Draw an example beside its maps by several methods (title -> map, each divided by its own maximum)."""
    figure, panels = style.subplots(1, 1 + len(maps), 2.8, sharex=True, sharey=True)
    picture(panels[0, 0], rgb(example), settings["axes"], event)
    panels[0, 0].set_title("input")
    for axis, (title, values) in zip(panels[0, 1:], maps.items(), strict=True):
        image = heat(axis, values / greatest([values]), settings["axes"], event, 1.0)
        axis.set_title(title)
    figure.colorbar(image, ax=panels.ravel().tolist(), label="map / its maximum", pad=0.01, aspect=25)
    _label(figure)
    return figure


def atlas(entries: list[Shown], settings: dict, top: float, method: str):
    """Draw examples in rows of COLUMNS: inputs, and their maps below them."""
    blocks = -(-len(entries) // COLUMNS)
    columns = min(COLUMNS, len(entries))
    figure, panels = style.subplots(2 * blocks, columns, 3.6 * blocks + 0.4, sharex=True, sharey=True)
    for place in range(blocks * columns):
        above, below = (panels[2 * (place // columns) + k, place % columns] for k in (0, 1))
        if place >= len(entries):
            above.remove()
            below.remove()
            continue
        one = entries[place]
        picture(above, rgb(one.example), settings["axes"], one.event)
        above.set_title(one.title, fontsize=8)
        image = heat(below, one.map, settings["axes"], one.event, top)
    figure.colorbar(image, ax=panels.ravel().tolist(), label=method, pad=0.01, aspect=45)
    _label(figure)
    return figure


def misclassified(entries: list[Shown], settings: dict, top: float, method: str):
    """Draw a misclassified example, its map, an example of the class it was taken for, and that one's map."""
    figure, (places,) = style.subplots(1, 2 * len(entries), 2.8, sharex=True, sharey=True)
    for left, right, one in zip(places[::2], places[1::2], entries, strict=True):
        picture(left, rgb(one.example), settings["axes"], one.event)
        image = heat(right, one.map, settings["axes"], one.event, top)
        left.set_title(one.title, fontsize=8)
        right.set_title(one.said, fontsize=8)
    figure.colorbar(image, ax=places.tolist(), label=method, pad=0.01, aspect=25)
    _label(figure)
    return figure


def _label(figure) -> None:
    figure.supxlabel(style.TIME, fontsize=8.5)
    figure.supylabel("frequency (Hz)", fontsize=8.5)
