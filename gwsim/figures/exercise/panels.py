"""The drawings of the exercise's page: one function a figure, from what `gwsim.exercise` found."""

import numpy as np
import pandas as pd

from gwsim.exercise import Rate
from gwsim.figures import style

NAMES = ("blip", "chirp", "noise")
MARKS = ("o", "^", "s")
HALF = {"color": style.FAINT, "linewidth": 1, "linestyle": ":"}


def training(histories: dict[str, pd.DataFrame]):
    """Draw loss and accuracy of each network, of its training set and of the validation set."""
    figure, (line,) = style.subplots(1, 2, 2.8)
    for place, (name, history) in enumerate(histories.items()):
        colour = style.CLASSES[place]
        for axis, column in zip(line, ("loss", "accuracy"), strict=True):
            axis.plot(history["epoch"], history[f"train_{column}"], color=colour, label=name)
            axis.plot(history["epoch"], history[f"validation_{column}"], "--", color=colour)
    for axis, name in zip(line, ("cross entropy", "accuracy"), strict=True):
        axis.set(xlabel="epoch", ylabel=name)
    line[0].set_yscale("log")
    line[1].legend(loc="lower right")
    return figure


def confusion(counts: np.ndarray):
    """Draw the confusion matrix of two classes: counts, and shares of each true class."""
    figure, ((axis, empty),) = style.subplots(1, 2, 2.8)
    empty.remove()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(share, vmin=0, vmax=1, cmap="Blues")
    for (row, column), part in np.ndenumerate(share):
        words = f"{counts[row, column]}\n{100 * part:.1f} %"
        axis.text(column, row, words, ha="center", va="center", color="white" if part > 0.5 else style.INK)
    axis.set_xticks(range(2), NAMES[:2])
    axis.set_yticks(range(2), NAMES[:2])
    axis.set(xlabel="class said at a score of 0.5", ylabel="true class")
    axis.grid(False)
    return figure


def errors(panels: dict[str, tuple[np.ndarray, dict[str, list[Rate]]]]):
    """Draw error rates in bins: label of the axis -> edges, and name -> rates."""
    figure, (line,) = style.subplots(1, len(panels), 2.8)
    for axis, (label, (edges, found)) in zip(line, panels.items(), strict=True):
        middles = (np.asarray(edges)[:-1] + np.asarray(edges)[1:]) / 2
        for place, (name, rates) in enumerate(found.items()):
            values, bars = ([getattr(one, key) for one in rates] for key in ("value", "error"))
            look = {"color": style.IFOS[place], "marker": MARKS[place], "capsize": 2}
            axis.errorbar(middles, np.multiply(100, values), np.multiply(100, bars), label=name, **look)
        axis.set_ylim(0, None)
        axis.set_xlabel(label)
        axis.legend(loc="upper right")
    line[0].set_ylabel("error rate (%)")
    return figure


def log_odds(panels: dict[str, tuple[np.ndarray, np.ndarray]], labels: np.ndarray, axis_label: str):
    """Draw the log odds of the same pictures by two networks: name of the second -> both networks' values."""
    figure, (line,) = style.subplots(1, len(panels), 3.6)
    for axis, (name, (first, second)) in zip(line, panels.items(), strict=True):
        for label in np.unique(labels):
            mine, colour = labels == label, (style.IFOS[0], style.IFOS[1], style.FAINT)[label]
            axis.scatter(
                first[mine], second[mine], s=12, marker=MARKS[label], color=colour, label=NAMES[label]
            )
        axis.axhline(0, **HALF), axis.axvline(0, **HALF)
        low, high = min(first.min(), second.min()), max(first.max(), second.max())
        axis.plot([low, high], [low, high], color=style.INK, linewidth=0.6)
        axis.set(xlabel=axis_label, ylabel=name)
    line[0].legend()
    return figure


def shares(panels: dict[str, tuple[np.ndarray, dict[str, np.ndarray]]]):
    """Draw the share of blips that are called chirps: label of the axis -> its values, and name -> shares."""
    figure, (line,) = style.subplots(1, len(panels), 3.0, sharey=True)
    for axis, (label, (values, found)) in zip(line, panels.items(), strict=True):
        for place, (name, curve) in enumerate(found.items()):
            look = {"color": style.IFOS[place], "linestyle": style.LINES[place]}
            axis.plot(values, 100 * curve, label=name, **look)
        axis.axhline(50, **HALF)
        axis.set(xlabel=label, ylim=(-3, 135), yticks=range(0, 101, 20))
        axis.legend(loc="upper right")
    line[0].set_ylabel("blips called chirps (%)")
    return figure


def pixels(maps: dict[str, np.ndarray]):
    """Draw pictures of signed numbers, each on its own scale about zero."""
    figure, (line,) = style.subplots(1, len(maps), 2.4)
    for axis, (name, values) in zip(line, maps.items(), strict=True):
        top = np.abs(values).max()
        image = axis.imshow(values, origin="lower", aspect="auto", cmap="RdBu_r", vmin=-top, vmax=top)
        axis.set(title=name, xlabel="time (column)")
        axis.grid(False)
        figure.colorbar(image, ax=axis)
    line[0].set_ylabel("frequency (row)")
    return figure


def halves(titles: list[str], whole: np.ndarray, found: dict[str, np.ndarray]):
    """Draw log odds of examples, whole and with each half blank: a line for each example."""
    figure, ((axis,),) = style.subplots(1, 1, 0.35 * len(titles) + 1.1)
    places = np.arange(len(titles))[::-1]
    axis.scatter(whole, places, color=style.INK, marker="|", s=220, label="whole")
    for place, (name, values) in enumerate(found.items()):
        axis.scatter(
            values, places, color=style.IFOS[place], marker=style.MARKERS[place], label=f"{name} blank"
        )
    axis.axvline(0, **HALF)
    axis.set_yticks(places, titles)
    axis.set_xlabel("log odds: chirp to the right, blip to the left")
    figure.legend(loc="outside upper center", ncols=len(found) + 1)
    return figure
