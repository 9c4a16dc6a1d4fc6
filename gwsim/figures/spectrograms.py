"""Spectrograms of examples side by side, on one colour scale."""

import numpy as np

from gwsim.figures import style

COLUMNS = 5


def grid(panels: np.ndarray, titles: list[str], frame: np.ndarray, frequency: np.ndarray):
    """Return a figure of panels (sample, frequency, frame), and the magnitude at the scale's upper end."""
    rows = -(-len(panels) // COLUMNS)
    figure, axes = style.subplots(
        rows, min(COLUMNS, len(panels)), 2.05 * rows + 0.3, sharex=True, sharey=True
    )
    top = upper_end(panels)
    for place, axis in enumerate(axes.flat):
        if place >= len(panels):
            axis.remove()
            continue
        image = axis.pcolormesh(frame, frequency, panels[place], vmin=0.0, vmax=top, rasterized=True)
        axis.set_title(titles[place], fontsize=7.5)
        axis.grid(False)
    figure.colorbar(image, ax=axes.ravel().tolist(), label="STFT magnitude", pad=0.01, aspect=40)
    figure.supxlabel(style.TIME, fontsize=8.5)
    figure.supylabel("frequency (Hz)", fontsize=8.5)
    return figure, top


def upper_end(panels: np.ndarray) -> float:
    """Return a whole magnitude that one pixel in two thousand of all panels exceeds."""
    return float(np.ceil(np.quantile(panels, 0.9995)))
