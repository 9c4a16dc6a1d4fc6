"""Figures of a network's features, mapped into a plane."""

import numpy as np
import pandas as pd
from matplotlib import patheffects

from gwsim.figures import style
from gwsim.figures.drawn import Drawn

MARKERS = (".", "^", "s")
METHODS = {"tsne": "t-SNE", "umap": "UMAP"}


def scatter(
    points: np.ndarray, labels: np.ndarray, predicted: np.ndarray, classes: list[str], noise: int | None
):
    """Draw points (sample, 2) in the colours of their classes, misclassified ones as crosses on top.

    Where classes are more than colours, those of one colour have other markers.
    """
    figure, ((axis,),) = style.subplots(1, 1, 6.0)
    right = labels == predicted
    for label in np.unique(labels):
        its = labels == label
        colour = style.class_look(int(label), noise)["color"]
        marker = MARKERS[int(label) // len(style.CLASSES) % len(MARKERS)]
        x, y = points[its & right].T
        axis.plot(x, y, marker, color=colour, markersize=3, rasterized=True, label=classes[label])
        x, y = points[its & ~right].T
        halo = [patheffects.withStroke(linewidth=2.2, foreground=style.INK)]
        axis.plot(x, y, "x", color=colour, markersize=5, path_effects=halo, rasterized=True)
    for label in np.unique(labels):
        x, y = middle(points[labels == label])
        halo = [patheffects.withStroke(linewidth=2.5, foreground="white")]
        place = {"ha": "center", "va": "center", "path_effects": halo}
        axis.text(x, y, classes[label], color=style.INK, fontsize=9, fontweight="bold", **place)
    axis.plot([], [], "x", color="white", markersize=3, label="misclassified",
              path_effects=[patheffects.withStroke(linewidth=2.2, foreground=style.INK)])  # fmt: skip
    axis.set(xticks=[], yticks=[], xlabel="first coordinate", ylabel="second coordinate")
    figure.legend(loc="outside right center", markerscale=2)
    return figure


def middle(points: np.ndarray) -> np.ndarray:
    """Return the point nearest to the medians of the coordinates: one of the cloud, not between its parts."""
    away = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    return points[np.argmin(away)]


def drawn(table: pd.DataFrame, numbers: dict, settings: dict) -> list[Drawn]:
    """Return both maps; table: row, label, predicted, METHOD_x, METHOD_y; numbers: of embed's metrics.json.

    settings: classes, noise (its label), selection (what the examples are, in words).
    """
    return [_map(name, table, numbers, settings) for name in METHODS]


def _map(name: str, table: pd.DataFrame, numbers: dict, settings: dict) -> Drawn:
    points = table[[f"{name}_x", f"{name}_y"]].to_numpy(float)
    labels, predicted = table["label"].to_numpy(), table["predicted"].to_numpy()
    figure = scatter(points, labels, predicted, settings["classes"], settings["noise"])
    wrong = int((labels != predicted).sum())
    keys = (f"trustworthiness_{name}", f"knn_{name}", "knn_features")
    # Put together with semicolons, since meanings have commas.
    told = [f"{numbers[key]['meaning']}: {numbers[key]['value']:.3f}" for key in keys]
    caption = (
        f"{len(table)} examples{settings['selection']}, {wrong} of them misclassified (crosses, in the "
        f"colour of the true class). Names stand at the middle of their class. Measured: {'; '.join(told)}. "
        "Distances between clusters and the axes' units mean nothing."
    )
    return Drawn(name, figure, caption)
