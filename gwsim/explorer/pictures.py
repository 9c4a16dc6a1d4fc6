"""Small pictures of examples as a network sees them, put together in sheets.

Takes examples (sample, ifo, ...) and the array that they are (see `view`); gives pictures (sample, row,
column, channel), all of one size: a Q-scan in viridis; a spectrogram with each ifo a primary colour, the
first red; strain as one lane an ifo. A sheet holds PER_SHEET pictures, in the order of the points.
"""

import io

import matplotlib
import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageColor

from gwsim import view
from gwsim.figures import style

Values = Float[np.ndarray, "sample ifo *space"]
Grey = Float[np.ndarray, "sample row column"]
Pictures = UInt8[np.ndarray, "sample row column 3"]

# Pixels of a picture's side: larger ones are shrunk to it, smaller ones enlarged by a whole number.
SIDE = 224
# Of a sheet's side: few, since a sheet is loaded for each of its pictures.
ACROSS = 4
PER_SHEET = ACROSS * ACROSS
# Rows of one ifo's lane of strain.
LANE = 48
QUALITY = 80
# Arrays whose first row is the lowest frequency, which a picture has at its bottom.
UPWARD = ("spectrogram",)


def scale(array: str) -> str:
    """Return how examples are scaled to be drawn, whatever scale the network sees, see `dataset.scaled`."""
    return "minmax" if array == "spectrogram" else "none"


def drawn(values: Values, array: str) -> Pictures:
    """Return the pictures of examples of an array that `view` names; values of images are from 0 to 1."""
    if array == "strain":
        return lanes(values)
    if array == "scans":
        values = view.tiled(values)
    upright = values[..., ::-1, :] if array in UPWARD else values
    scaled = np.stack([_sized(one) for one in np.moveaxis(upright, 1, 0)], axis=-1).clip(0, 1)
    ifos = scaled.shape[-1]
    if ifos not in (2, 3):
        return viridis(scaled.mean(axis=-1))
    missing = np.zeros((*scaled.shape[:-1], 3 - ifos))
    return np.rint(255 * np.concatenate([scaled, missing], axis=-1)).astype(np.uint8)


def viridis(grey: Grey) -> Pictures:
    """Return pictures in viridis of values from 0 to 1."""
    table = np.rint(255 * matplotlib.colormaps["viridis"](np.arange(256))[:, :3]).astype(np.uint8)
    return table[np.rint(255 * grey).astype(np.uint8)]


def lanes(values: Values) -> Pictures:
    """Return strain (sample, ifo, time) as lines in lanes, the first ifo's at the top, all on one scale."""
    ifos, samples = values.shape[1:]
    edges = np.linspace(0, samples, SIDE, endpoint=False).astype(int)
    # Each column shows the range of its samples, and the next one's first: a line has no gaps.
    joined = np.minimum(np.append(edges[1:], samples - 1), samples - 1)
    low = np.minimum(np.minimum.reduceat(values, edges, axis=-1), values[..., joined])
    high = np.maximum(np.maximum.reduceat(values, edges, axis=-1), values[..., joined])
    largest = np.abs(values).max(axis=(1, 2), keepdims=True)
    scale = (LANE / 2 - 1) / np.where(largest > 0, largest, 1)
    top, bottom = (np.rint(LANE / 2 - scale * one)[..., None, :] for one in (high, low))
    rows = np.arange(LANE)[:, None]
    inked = (rows >= top) & (rows <= bottom)  # (sample, ifo, row, column)
    colours = [ImageColor.getrgb(style.ifo_look(place)["color"]) for place in range(ifos)]
    colours = np.array(colours, np.uint8)[:, None, None]
    made = np.where(inked[..., None], colours, np.uint8(255))
    return made.reshape(len(values), ifos * LANE, SIDE, 3)


def _sized(grey: np.ndarray) -> np.ndarray:
    """Return pictures (sample, row, column) at the size that is shown."""
    for axis in (1, 2):
        grey = np.repeat(grey, max(1, SIDE // grey.shape[axis]), axis=axis)
    height, width = (min(size, SIDE) for size in grey.shape[1:])
    if grey.shape[1:] == (height, width):
        return grey
    images = (Image.fromarray(np.ascontiguousarray(one, np.float32)) for one in grey)
    return np.stack([np.asarray(one.resize((width, height), Image.Resampling.BOX)) for one in images])


# ---- sheets


def sheet(pictures: Pictures) -> bytes:
    """Return up to PER_SHEET pictures side by side, as WebP; what is left over is white."""
    count, height, width, _ = pictures.shape
    whole = np.full((PER_SHEET, height, width, 3), 255, np.uint8)
    whole[:count] = pictures
    table = whole.reshape(ACROSS, ACROSS, height, width, 3).swapaxes(1, 2)
    buffer = io.BytesIO()
    image = Image.fromarray(table.reshape(ACROSS * height, ACROSS * width, 3))
    image.save(buffer, format="WEBP", quality=QUALITY, method=2)
    return buffer.getvalue()


def place(point: int) -> tuple[int, int, int]:
    """Return the sheet of a point's picture, and its row and column there."""
    number, inside = divmod(point, PER_SHEET)
    return number, *divmod(inside, ACROSS)
