"""Figures of class-activation maps below the time series that they explain.

Inputs are (ifo, time), whitened strain as the network sees it before it is scaled; maps are (time), brought
to the input's size. Maps of one figure share one scale. A dashed line is the event: bounce or merger, in
geocentric time.
"""

import numpy as np

from gwsim.figures import style
from gwsim.figures.saliency import UNKNOWN, Shown, greatest, mark, maximum

COLUMNS = 2
MAP = "#882255"
SCALE = "one scale"
# Nearly all samples of a trace lie within this share of the distance between two ifos' baselines.
KEPT, ROOM = 0.9995, 2.0


def inputs(ifos: list[str], examples: list[np.ndarray]) -> str:
    """Return how inputs are shown, in words."""
    return (
        "Inputs are the whitened strain that the network sees, one line an ifo, their baselines "
        f"{step(examples):g} standard deviations of whitened noise apart."
    )


def comparison(example: np.ndarray, maps: dict[str, np.ndarray], event: float, settings: dict):
    """Draw an example above its maps by several methods (title -> map, each divided by its own maximum)."""
    ratios = [1.6, *[1.0] * len(maps)]
    figure, panels = style.subplots(
        1 + len(maps), 1, 1.9 + 1.1 * len(maps), sharex=True, height_ratios=ratios
    )
    times = settings["axes"]["time"]
    strain(panels[0, 0], example, times, event, settings["ifos"], step([example]))
    panels[0, 0].set_title("input")
    for axis, (title, values) in zip(panels[1:, 0], maps.items(), strict=True):
        curve(axis, values / greatest([values]), times, event, 1.0)
        axis.set(title=title, ylabel="map / its\nmaximum")
    figure.supxlabel(style.TIME, fontsize=8.5)
    return figure


def atlas(entries: list[Shown], settings: dict, top: float, method: str):
    """Draw examples in rows of COLUMNS: inputs, and their maps below them."""
    blocks, columns = -(-len(entries) // COLUMNS), min(COLUMNS, len(entries))
    height, ratios = 2.6 * blocks + 0.4, [1.5, 1.0] * blocks
    figure, panels = style.subplots(2 * blocks, columns, height, sharex=True, height_ratios=ratios)
    times, apart = settings["axes"]["time"], step([one.example for one in entries])
    for place in range(blocks * columns):
        above, below = (panels[2 * (place // columns) + k, place % columns] for k in (0, 1))
        if place >= len(entries):
            above.remove()
            below.remove()
            continue
        one, first = entries[place], place % columns == 0
        strain(above, one.example, times, one.event, settings["ifos"], apart)
        curve(below, one.map, times, one.event, top)
        above.set_title(one.title)
        said = f"{one.said}, " if one.said else ""
        note(below, f"{said}maximum {maximum(one.map):.2g}")
        if first:
            below.set_ylabel(method)
        else:
            below.tick_params(labelleft=False)
            above.tick_params(labelleft=False)
    figure.supxlabel(style.TIME, fontsize=8.5)
    return figure


# A pair is an atlas of two.
misclassified = atlas


def step(examples: list[np.ndarray]) -> float:
    """Return how far apart baselines stand that nearly all samples keep off each other, in whole units."""
    return float(np.ceil(ROOM * max(np.quantile(np.abs(one), KEPT) for one in examples))) or 1.0


def strain(axis, example: np.ndarray, times: np.ndarray, event: float, ifos: list[str], apart: float) -> None:
    """Draw the ifos' series below one another, baselines so far apart."""
    for place, (ifo, values) in enumerate(zip(ifos, example, strict=True)):
        look = style.ifo_look(place) | {"linestyle": "-", "linewidth": 0.35}
        axis.plot(times, values - place * apart, label=ifo, rasterized=True, **look)
    axis.set_yticks([-place * apart for place in range(len(ifos))], ifos)
    axis.set(ylim=(-(len(ifos) - 0.4) * apart, 0.6 * apart), xlim=ends(times))
    axis.grid(axis="y", visible=False)
    mark(axis, event, style.INK)


def ends(times: np.ndarray) -> tuple[float, float]:
    """Return where a window begins and ends whose samples have these times."""
    return float(times[0]), float(2 * times[-1] - times[-2])


def curve(axis, values: np.ndarray, times: np.ndarray, event: float, top: float) -> None:
    """Draw a map over time, from 0 to the top; where nothing is known, the axis is grey."""
    axis.fill_between(
        times, np.nan_to_num(values), color=MAP, alpha=0.25, linewidth=0, where=~np.isnan(values)
    )
    axis.plot(times, values, color=MAP, linewidth=1)
    for first, last in _unknown(values):
        axis.axvspan(times[first], times[last] + times[1] - times[0], color=UNKNOWN, linewidth=0)
    axis.set(ylim=(0, 1.08 * top), xlim=ends(times))
    mark(axis, event, style.INK)


def _unknown(values: np.ndarray) -> list[tuple[int, int]]:
    """Return the first and last place of each stretch of NaN."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.isnan(values), [0]]).astype(int)))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def note(axis, text: str, colour: str = style.INK) -> None:
    """Write into the upper left corner."""
    place = {"transform": axis.transAxes, "ha": "left", "va": "top"}
    axis.text(0.02, 0.93, text, fontsize=7, color=colour, **place)
