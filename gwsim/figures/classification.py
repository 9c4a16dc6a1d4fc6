"""Figures of what a network predicts: rates by distance, confusion, distributions of SNR, and ROC.

Counts of confusion matrices are (true, predicted), in the order of the classes.
"""

import numpy as np
import pandas as pd

from gwsim.figures import style
from gwsim.figures.drawn import Drawn, words

# A violin is drawn with no more values than this, and not with fewer than FEWEST.
MOST, FEWEST = 2000, 3
DISTANCE = "distance_target_kpc"


def axis_label(by: str) -> str:
    """Return what an axis of the groups' values is called."""
    return "distance (kpc)" if by == DISTANCE else by


def at(by: str, value: float) -> str:
    """Return a group in words."""
    return f"{value:g} kpc" if by == DISTANCE else f"{by} {value:g}"


def tpr(groups: dict[float, dict], classes: list[str], noise: int | None, by: str = DISTANCE):
    """Draw each class's true positive rate against distance; groups have tpr, tpr_low, tpr_high by class."""
    figure, ((axis,),) = style.subplots(1, 1, 4.4)
    rates(axis, groups, "tpr", classes, noise)
    axis.set_xlabel(axis_label(by))
    axis.set_ylabel("true positive rate")
    figure.legend(loc="outside right center")
    return figure


def rates(axis, groups: dict[float, dict], name: str, classes: list[str], noise: int | None) -> None:
    """Draw a rate of each class, NAME with NAME_low and NAME_high, against the groups' value, a distance."""
    distance = np.array(sorted(groups), float)
    rate, low, high = (
        np.array([groups[value][name + end] for value in sorted(groups)], float)
        for end in ("", "_low", "_high")
    )
    for label, entry in enumerate(classes):
        # An interval may end at the rate itself, which rounding must not turn around.
        bars = np.maximum([rate[:, label] - low[:, label], high[:, label] - rate[:, label]], 0)
        look = style.class_look(label, noise) | {"marker": style.marker(label), "markersize": 4}
        axis.errorbar(distance, rate[:, label], bars, label=entry, **look)
    axis.set_ylim(-0.02, 1.03)
    axis.set_xticks(distance, [f"{value:g}" for value in distance])


def confusion(groups: list[tuple[str, np.ndarray, list[np.ndarray]]], classes: list[str], noise: int | None):
    """Draw, per group (title, counts, SNRs of each class), the confusion matrix beside violins of SNR."""
    figure, axes = style.subplots(len(groups), 2, 3.7 * len(groups), width_ratios=(1, 0.8))
    values = [values for _, _, snrs in groups for values in snrs if len(values)]
    ends = (min(v.min() for v in values), max(v.max() for v in values)) if values else (1.0, 10.0)
    for (left, right), (title, counts, snrs) in zip(axes, groups, strict=True):
        matrix(left, counts, classes)
        left.set_title(title)
        violins(right, snrs, classes, noise)
        right.set(ylim=(ends[0] / 1.2, ends[1] * 1.2))
    axes[-1, 0].set_xlabel("predicted")
    return figure


def matrix(axis, counts: np.ndarray, classes: list[str]) -> None:
    """Draw a confusion matrix in percent of each true class; cells without an example are empty."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(share, vmin=0.0, vmax=1.0, cmap="Blues", aspect="auto")
    for (row, column), value in np.ndenumerate(share):
        if counts[row, column]:
            colour = "white" if value > 0.55 else style.INK
            text = f"{100 * value:.0f}" if value >= 0.005 else "<1"
            axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
    axis.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(classes)), classes)
    axis.set_ylabel("true")
    axis.grid(False)


def violins(axis, snrs: list[np.ndarray], classes: list[str], noise: int | None) -> None:
    """Draw the distribution of each class's SNR, its median marked; where there are few, every value."""
    shown = [label for label in range(len(classes)) if label != noise]
    for place, label in enumerate(shown):
        values, colour = np.asarray(snrs[label], float), style.class_look(label, noise)["color"]
        if len(values) < FEWEST or np.ptp(values) == 0:
            axis.plot(np.full(len(values), place), values, ".", color=colour)
            continue
        (body,) = axis.violinplot(np.log10(values[:MOST]), [place], widths=0.85, showextrema=False)["bodies"]
        # The density is that of log SNR, so that the shapes are true on the logarithmic axis.
        body.get_paths()[0].vertices[:, 1] = 10 ** body.get_paths()[0].vertices[:, 1]
        body.set(facecolor=colour, edgecolor=style.INK, linewidth=0.5, alpha=0.9)
        axis.plot(place, np.median(values), "_", color=style.INK, markersize=12)
    axis.set(yscale="log", ylabel="network SNR")
    axis.set_xticks(
        range(len(shown)),
        [classes[label] for label in shown],
        rotation=45,
        ha="right",
        rotation_mode="anchor",
    )
    axis.grid(axis="x", visible=False)


def roc(panels: dict[str, dict[str, dict]], classes: list[str], noise: int | None):
    """Draw the ROC of each class, per dataset (name -> class -> false_positive, true_positive, area)."""
    figure, axes = style.subplots(1, len(panels), 4.2, sharey=True)
    for axis, (name, curves) in zip(axes[0], panels.items(), strict=True):
        least = 1.0
        for label, entry in enumerate(classes):
            if entry not in curves:
                continue
            false, true = (
                np.asarray(curves[entry][name], float) for name in ("false_positive", "true_positive")
            )
            least = min(least, false[false > 0].min(initial=1.0))
            axis.plot(false, true, label=entry, **style.class_look(label, noise))
        left = 10.0 ** np.floor(np.log10(least))
        line = np.geomspace(left, 1, 50)
        axis.plot(line, line, color=style.INK, linewidth=0.8, linestyle=":")
        axis.set(xscale="log", xlim=(left, 1), ylim=(0, 1.01), title=name, xlabel="false positive rate")
    axes[0, 0].set_ylabel("true positive rate")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 10))
    return figure


# ---- with captions


def drawn(evaluated: dict, tables: dict[str, pd.DataFrame], settings: dict) -> list[Drawn]:
    """Return the figures of the predictions.

    evaluated: metrics.json of evaluate; tables: dataset -> table; settings: classes, noise (its label),
    dataset, by (the column of groups), shown (its values in the figure of confusion), roc (datasets).
    """
    name, entry = settings["dataset"], evaluated["datasets"][settings["dataset"]]
    groups = {float(key): group for key, group in entry.get("groups", {}).items()}
    if not groups:
        why = f"the dataset {name} has no groups by {settings['by']}"
        return [words("tpr", why), words("confusion", why), _roc(evaluated, settings)]
    return [_tpr(groups, settings), _confusion(groups, tables[name], settings), _roc(evaluated, settings)]


def _tpr(groups: dict[float, dict], settings: dict) -> Drawn:
    noise, classes, by = (settings[name] for name in ("noise", "classes", "by"))
    signals = [label for label in range(len(classes)) if label != noise]
    ends = [(value, np.array(groups[value]["tpr"])[signals]) for value in (min(groups), max(groups))]
    means = " and ".join(f"{rate.mean():.3f} at {at(by, value)}" for value, rate in ends)
    lowest = f"{ends[0][1].min():.3f} ({classes[signals[int(ends[0][1].argmin())]]}) at {at(by, ends[0][0])}"
    numbers = (
        f"Dataset {settings['dataset']}, {_many(groups, signals)} examples of each signal class at each "
        f"value. The mean over the signal classes is {means}, the least of them {lowest}."
    )
    if noise is not None:
        n = groups[min(groups)]["n"][noise]
        numbers += f" Noise belongs to every value: its {n} examples are the same everywhere."
    return Drawn("tpr", tpr(groups, classes, noise, by), numbers)


def _many(groups: dict[float, dict], labels: list[int]) -> str:
    """Return how many examples the groups have of one class, as a number or a range."""
    found = sorted({int(group["n"][label]) for group in groups.values() for label in labels})
    return f"{found[0]}" if found[0] == found[-1] else f"{found[0]} to {found[-1]}"


def _confusion(groups: dict[float, dict], table: pd.DataFrame, settings: dict) -> Drawn:
    classes, by = settings["classes"], settings["by"]
    found = [value for value in settings["shown"] if float(value) in groups]
    if not found:
        wanted = ", ".join(f"{value:g}" for value in settings["shown"])
        return words("confusion", f"no example of {settings['dataset']} has {by} {wanted}")
    panels, told = [], []
    for value in found:
        counts = np.array(groups[float(value)]["confusion"])
        its = table[table[by] == value]
        snrs = [its["snr"][its["label"] == label].dropna().to_numpy() for label in range(len(classes))]
        panels.append((f"{at(by, value)}, n = {counts.sum()}", counts, snrs))
        medians = {classes[label]: np.median(one) for label, one in enumerate(snrs) if len(one)}
        if medians:
            low, high = (choose(medians, key=medians.get) for choose in (min, max))
            told.append(
                f"{at(by, value)}: {medians[low]:.3g} ({low}) to {medians[high]:.3g} ({high}), accuracy "
                f"{groups[float(value)]['balanced_accuracy']:.3f}"
            )
    numbers = (
        f"Dataset {settings['dataset']}. Left: percent of each true class; cells without an example are "
        "empty. Right: violins of the network SNR, on one scale (noise has none), the dashes are medians. "
        f"Least and greatest median SNR, and accuracy averaged over classes: {'; '.join(told)}."
    )
    return Drawn("confusion", confusion(panels, classes, settings["noise"]), numbers)


def _roc(evaluated: dict, settings: dict) -> Drawn:
    names = [name for name in settings["roc"] if name in evaluated["datasets"]]
    if not names:
        return words("roc", f"none of the datasets {', '.join(settings['roc'])} was evaluated")
    panels = {name: evaluated["datasets"][name]["roc"] for name in names}
    told = []
    for name, curves in panels.items():
        areas = {one: curve["area"] for one, curve in curves.items()}
        low = min(areas, key=areas.get)
        told.append(f"{name} {np.mean(list(areas.values())):.4f}, least {areas[low]:.4f} ({low})")
    numbers = (
        "Each panel is one dataset, all distances or SNRs together. Mean area under the curve: "
        f"{'; '.join(told)}. Dotted: a score that knows nothing. The logarithmic axis ends at the least rate "
        "that the number of examples resolves."
    )
    return Drawn("roc", roc(panels, settings["classes"], settings["noise"]), numbers)
