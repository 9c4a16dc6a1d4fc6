"""The folder of a page: what is said of the points, scripts, sheets of pictures, and the page's own files.

Takes points, maps and examples as they are; gives names of files and their contents, one after the other, so
that no more than a sheet is ever held. index.html comes last: where it stands, all is there.
"""

from pathlib import Path

import numpy as np

from gwsim import view
from gwsim.explorer import pictures, points, saliency
from gwsim.figures import style

# Name in the folder -> ours; the page itself comes last.
PAGE = {"page.css": "page.css", "scene.js": "scene.js", "page.js": "page.js", "index.html": "page.html"}


def contents(columns: dict[str, np.ndarray], maps: dict, read, array: str, about: dict):
    """Yield (name, content) of every file; read(places) gives the examples of some points.

    about: what `described` says of all points.
    """
    count, shape = len(columns["row"]), None
    for first in range(0, count, pictures.PER_SHEET):
        places = np.arange(first, min(first + pictures.PER_SHEET, count))
        made = pictures.drawn(read(places), array)
        shape = made.shape[1:3]
        yield f"sheets/{first // pictures.PER_SHEET}.webp", pictures.sheet(made)
    for number, script in saliency.scripts(maps).items():
        yield f"maps/{number}.js", script.encode()
    height, width = shape
    yield "points.js", points.script(columns, {**about, "height": height, "width": width}).encode()
    for name, ours in PAGE.items():
        yield name, Path(__file__).with_name(ours).read_bytes()


def described(names: dict, shape: tuple[int, ...], maps: dict, placing: dict, array: str) -> dict:
    """Return what is said of all points.

    names: title, words, classes, noise (its place or None), datasets, ifos of each dataset. shape: of an
    example. placing: grid and align, see `saliency.placed`.
    """
    axes = shape[1:]
    cells = next((its[0].cells.shape for its in maps.values()), (1,) * len(axes))
    # Where several pictures lie side by side, a map is there again for each of them, stretched.
    align = placing["align"] if set(view.tiles(array, shape)) == {1} else "resize"
    reach = saliency.placed(axes, cells, placing["grid"], align)
    if len(axes) == 1:  # a map over time covers all lanes
        cells, reach = (1, *cells), [[0.0, 1.0], *reach]
    look = {"colours": style.CLASSES, "grey": style.FAINT, "across": pictures.ACROSS}
    place = {"cells": list(cells), "reach": reach, "upward": array in pictures.UPWARD}
    return {**names, **look, **place, "live": False}
