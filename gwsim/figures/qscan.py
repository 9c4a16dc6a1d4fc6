"""The picture of a Q-scan that detector people know: energy over time and frequency, a panel a duration."""

import numpy as np

from gwsim.figures import style
from gwsim.qscan import CLIP

# Points of a panel.
FREQUENCIES, TIMES = 360, 480


def axes(f_range: tuple[float, float], duration: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a panel's frequencies (Hz), of even logarithms, and times (s after the instant)."""
    part = (np.arange(FREQUENCIES) + 0.5) / FREQUENCIES
    times = ((np.arange(TIMES) + 0.5) / TIMES - 0.5) * duration
    return f_range[0] * (f_range[1] / f_range[0]) ** part, times


def panels(images: list[np.ndarray], durations, f_range: tuple[float, float], title: str):
    """Return a figure of images (frequency, time) of some durations around the same instant."""
    columns = min(2, len(images))
    rows = -(-len(images) // columns)
    figure, grid = style.subplots(rows, columns, 2.9 * rows + 0.6)
    low, high = np.log2(f_range)
    ticks = 2.0 ** np.arange(np.ceil(low), np.floor(high) + 1)
    for axis, image, duration in zip(grid.flat, images, durations, strict=False):
        extent = (-duration / 2, duration / 2, low, high)
        shown = axis.imshow(image, vmin=0.0, vmax=CLIP, origin="lower", aspect="auto", extent=extent)
        axis.set_yticks(np.log2(ticks), [f"{tick:g}" for tick in ticks])
        axis.grid(False)
    for axis in grid.flat[len(images) :]:
        axis.remove()
    figure.colorbar(shown, ax=figure.axes, label="normalised energy", pad=0.01, aspect=40)
    figure.suptitle(title, fontsize=9)
    figure.supxlabel("time after the given one (s)", fontsize=8.5)
    figure.supylabel("frequency (Hz)", fontsize=8.5)
    return figure
