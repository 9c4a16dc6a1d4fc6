"""The maps of points, from all sets of maps of a network, as scripts that a page loads when it needs them.

Takes sets as `explain` writes them (what they lack is made by `more_maps`); gives of each point and of each
class that was explained one map, Score-CAM where it was made. A script has the maps of one sheet of pictures,
each scaled to 0 ... 255 by itself.
"""

import base64
import dataclasses
import json

import numpy as np
import xarray as xr

from gwsim.explorer import pictures

PREFERRED = "score_cam"


@dataclasses.dataclass(frozen=True)
class Map:
    """A point's map of one class on the layer's own grid, 0 to 255, and the method that made it."""

    target: int
    method: str
    cells: np.ndarray


def of_points(
    sets: list[xr.Dataset], point_of: dict[tuple[str, int], int], tiles: tuple[int, ...] = (1,)
) -> dict[int, list[Map]]:
    """Return point -> its maps, the class that the network gives it first; a class is there once.

    point_of: (dataset, row) -> point; tiles: see `byte`.
    """
    found: dict[int, dict[int, Map]] = {}
    for one in sets:
        methods = one["method"].attrs["flag_meanings"].split()
        method = preferred(methods)
        values = one["map"].values[methods.index(method)]
        rows, targets = one["row"].values.tolist(), one["target"].values.tolist()
        for place, (row, target) in enumerate(zip(rows, targets, strict=True)):
            point = point_of.get((one.attrs["dataset"], row))
            known = found.setdefault(point, {}) if point is not None else None
            if known is not None and (target not in known or known[target].method != PREFERRED == method):
                known[target] = Map(target, method, byte(values[place], tiles))
    return {point: list(its.values()) for point, its in found.items()}


def preferred(methods: list[str]) -> str:
    """Return the method whose maps are shown where there are several."""
    return PREFERRED if PREFERRED in methods else methods[0]


def byte(cells: np.ndarray, tiles: tuple[int, ...] = (1,)) -> np.ndarray:
    """Return a map scaled to 0 ... 255, again for each of the tiles of a picture; a constant one is zero."""
    low, high = cells.min(), cells.max()
    scaled = np.rint(255 * (cells - low) / (high - low if high > low else 1)).astype(np.uint8)
    return np.tile(scaled, tiles)


def placed(shape: tuple[int, ...], cells: tuple[int, ...], grid, align: str) -> list[list[float]]:
    """Return from where to where of the picture each axis of a map reaches, as shares of its length.

    grid: [(stride, offset)] of each axis, see `maps.placed`; there a cell is as wide as its stride.
    """
    if align == "resize":
        return [[0.0, 1.0] for _ in shape]
    reach = [
        [(offset + 0.5 - stride / 2) / size, (offset + 0.5 + stride * (count - 0.5)) / size]
        for size, count, (stride, offset) in zip(shape, cells, grid, strict=True)
    ]
    return [[float(edge) for edge in edges] for edges in reach]


def scripts(maps: dict[int, list[Map]]) -> dict[int, str]:
    """Return sheet -> the script that hands its points' maps to the page."""
    sheets: dict[int, list] = {}
    for point in sorted(maps):
        sheets.setdefault(pictures.place(point)[0], []).extend((point, one) for one in maps[point])
    return {number: _script(number, its) for number, its in sheets.items()}


def _script(number: int, its: list) -> str:
    content = {
        "points": [point for point, _ in its],
        "targets": [one.target for _, one in its],
        "methods": [one.method for _, one in its],
        "cells": base64.b64encode(np.stack([one.cells for _, one in its]).tobytes()).decode(),
    }
    return f"EXPLORER.maps.arrived({number}, {json.dumps(content)});\n"
