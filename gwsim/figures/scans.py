"""Q-scans as people know them: a contact sheet of classes, simulated beside real, in four durations."""

import numpy as np

from gwsim.conventions import SCAN_DURATIONS
from gwsim.figures import style
from gwsim.qscan import CLIP

# Simulated examples of each class on the sheet, and columns between two durations.
SHOWN, GAP = 2, 6
ROW = 0.62  # inches


def strip(views: np.ndarray) -> np.ndarray:
    """Return views (duration, frequency, time) side by side as one picture, high frequencies at its top."""
    gap = np.full((views.shape[1], GAP), np.nan)
    parts = [part for view in views for part in (view[::-1] / 10, gap)]
    return np.concatenate(parts[:-1], axis=1)


def sheet(rows: dict[str, list[np.ndarray | None]], heads: list[str]):
    """Return a figure with a row of strips for each class; None where there is none.

    rows: name -> views of its examples, as many as heads.
    """
    figure, axes = style.subplots(len(rows), len(heads), ROW * len(rows) + 0.6)
    for line, (name, examples) in zip(axes, rows.items(), strict=True):
        for axis, views in zip(line, examples, strict=True):
            axis.set_xticks([]), axis.set_yticks([]), axis.grid(False)
            axis.spines[:].set_visible(False)
            if views is None:
                axis.text(0.5, 0.5, "none", ha="center", va="center", color=style.FAINT)
                continue
            image = axis.imshow(strip(views), vmin=0, vmax=CLIP, aspect="auto", interpolation="antialiased")
        line[0].set_ylabel(
            name.replace("_", "\n", 1).replace("_", " "), rotation=0, ha="right", va="center", fontsize=7
        )
    for axis, head in zip(axes[0], heads, strict=True):
        axis.set_title(head, fontsize=8)
    figure.colorbar(image, ax=axes.ravel().tolist(), label="normalised energy", pad=0.01, aspect=60)
    return figure


DURATIONS = ", ".join(f"{duration:g}" for duration in SCAN_DURATIONS) + " s"


def loudness(columns: dict[str, list[np.ndarray]], classes: list[str]):
    """Return a figure of SNRs by class: a panel for each column, label -> values of each class."""
    figure, (line,) = style.subplots(1, len(columns), 0.2 * len(classes) + 0.9, sharey=True)
    for axis, (label, values) in zip(line, columns.items(), strict=True):
        finite = [one[np.isfinite(one)] for one in values]
        axis.boxplot(finite, orientation="horizontal", whis=(1, 99), showfliers=False, tick_labels=classes)
        axis.set_xscale("log")
        axis.set_xlabel(label)
    line[0].invert_yaxis()
    return figure
