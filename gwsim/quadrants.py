"""Where in a merged view maps have their weight: the share of each of the four durations.

Takes maps (sample, y, x) on the layer's own grid, stretched over a view whose quarters are the pictures of
SCAN_DURATIONS, two above and two below. A cell that lies in two quarters is shared out by its area. Cells see
more of the picture than they cover: near a border a weight says less than inside.
"""

import numpy as np
from jaxtyping import Float

from gwsim import faithfulness
from gwsim.conventions import SCAN_DURATIONS


def weights(maps: Float[np.ndarray, "sample y x"]) -> Float[np.ndarray, "sample duration"]:
    """Return each duration's share of each map's sum, NaN of a map that is zero."""
    above, left = (_halves(size) for size in maps.shape[1:])
    sums = np.einsum("hy,syx,wx->shw", above, maps.astype(np.float64), left).reshape(len(maps), -1)
    total = sums.sum(axis=1, keepdims=True)
    return np.divide(sums, total, out=np.full_like(sums, np.nan), where=total > 0)


def _halves(cells: int) -> np.ndarray:
    """Return how much of each cell of an axis lies in the first half and in the second, (half, cell)."""
    first = np.clip(cells / 2 - np.arange(cells), 0, 1)
    return np.stack([first, 1 - first])


def numbers(found: np.ndarray, labels: np.ndarray, classes: list[str], method: str) -> dict[str, dict]:
    """Return the mean share of each class and duration with its standard error, by name."""
    named = {}
    for label in np.unique(labels):
        for duration, values in zip(SCAN_DURATIONS, found[labels == label].T, strict=True):
            meaning = f"share of the map's weight at {duration:g} s, {classes[label]}, {method}"
            named[f"map_weight_{classes[label]}_{duration:g}s"] = faithfulness.summary(values, meaning)
    return named
