"""Figures of what a network predicts: rates by distance or SNR, confusion, distributions of SNR, and ROC.

Counts of confusion matrices are (true, predicted), in the order of the classes.
"""

import itertools

import numpy as np
import pandas as pd

from gwsim.figures import style
from gwsim.figures.drawn import Drawn, words

# A violin is drawn with no more values than this, and not with fewer than FEWEST.
MOST, FEWEST = 2000, 3
DISTANCE, SNR = "distance_target_kpc", "snr_target"
LABELS = {DISTANCE: "distance (kpc)", SNR: "network SNR"}
# How values are written, and from where on they are worth a line.
PLACES = {DISTANCE: "{:g} kpc", SNR: "SNR {:g}"}
GOOD = 0.9
# An axis has no more marks, and a caption tells no more classes one by one than this.
TICKS, TOLD = 12, 5


def axis_label(by: str) -> str:
    """Return what an axis of the groups' values is called."""
    return LABELS.get(by, by)


def at(by: str, value: float) -> str:
    """Return a group in words."""
    return PLACES.get(by, f"{by} {{:g}}").format(value)


def ticks(axis, values: np.ndarray) -> None:
    """Mark the groups' values, or every second or third of many."""
    marked = values[:: -(-len(values) // TICKS)]
    axis.set_xticks(marked, [f"{value:g}" for value in marked])


def accuracy(lines: dict[str, tuple[dict[float, dict], dict]], by: str):
    """Draw accuracies, the mean over classes, against the groups' value: name of a line -> (groups, look)."""
    figure, ((axis,),) = style.subplots(1, 1, 3.8)
    for name, (groups, look) in lines.items():
        values = np.array(sorted(groups), float)
        share, error = (
            np.array([groups[value][key] for value in sorted(groups)], float)
            for key in ("balanced_accuracy", "balanced_accuracy_error")
        )
        axis.errorbar(values, share, error, label=name, markersize=4, capsize=2, **look)
    axis.axhline(GOOD, color=style.INK, linestyle=":", linewidth=1)
    low = min(min(one["balanced_accuracy"] for one in groups.values()) for groups, _ in lines.values())
    axis.set(ylim=(np.floor(10 * low - 0.3) / 10, 1.01), xlabel=axis_label(by))
    axis.set_ylabel("accuracy, mean over classes")
    ticks(axis, values)
    if len(lines) > 1:
        axis.legend(loc="best")
    return figure


def louder_first(groups, by: str) -> list[float]:
    """Return the groups' values, those of louder signals first."""
    return sorted(groups, reverse=by != DISTANCE)


def passes(groups: dict[float, dict], by: str) -> str:
    """Return in words from which value on, towards the louder ones, accuracy is GOOD at every value."""
    values = louder_first(groups, by)
    kept = list(itertools.takewhile(lambda v: groups[v]["balanced_accuracy"] >= GOOD, values))
    share = f"{100 * GOOD:g} %"
    if not kept:
        return f"below {share} even at {at(by, values[0])}"
    if len(kept) == len(groups):
        return f"at least {share} everywhere"
    ends = ("up to ", "") if by == DISTANCE else ("from ", " on")
    beyond = values[len(kept)]
    then = f"{groups[beyond]['balanced_accuracy']:.3f} at {at(by, beyond)}"
    return f"at least {share} {at(by, kept[-1]).join(ends)} ({then})"


def tpr(groups: dict[float, dict], classes: list[str], noise: int | None, by: str = DISTANCE):
    """Draw each class's true positive rate by groups, which have tpr, tpr_low, tpr_high by class."""
    figure, ((axis,),) = style.subplots(1, 1, 4.4)
    rates(axis, groups, "tpr", classes, noise)
    axis.set_xlabel(axis_label(by))
    axis.set_ylabel("true positive rate")
    figure.legend(loc="outside right center")
    return figure


def rates(axis, groups: dict[float, dict], name: str, classes: list[str], noise: int | None) -> None:
    """Draw a rate of each class, NAME with NAME_low and NAME_high, against the groups' value."""
    values = np.array(sorted(groups), float)
    rate, low, high = (
        np.array([groups[value][name + end] for value in sorted(groups)], float)
        for end in ("", "_low", "_high")
    )
    for label, entry in enumerate(classes):
        # An interval may end at the rate itself, which rounding must not turn around.
        bars = np.maximum([rate[:, label] - low[:, label], high[:, label] - rate[:, label]], 0)
        look = style.class_look(label, noise) | {"marker": style.marker(label), "markersize": 4}
        axis.errorbar(values, rate[:, label], bars, label=entry, **look)
    axis.set_ylim(-0.02, 1.03)
    ticks(axis, values)


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


def matrices(groups: list[tuple[str, np.ndarray]], classes: list[str]):
    """Draw, per group (title, counts), the confusion matrix alone, two in a row."""
    rows = -(-len(groups) // 2)
    figure, axes = style.subplots(rows, 2, 0.5 + rows * (1.2 + 0.26 * max(len(classes), 6)))
    for axis, (title, counts) in zip(axes.flat, groups, strict=False):
        matrix(axis, counts, classes)
        axis.set(title=title, xlabel="predicted")
    for axis in axes.flat[len(groups) :]:
        axis.remove()
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
    """Draw the ROC of each class, a panel each of some examples (title -> class -> curve).

    A curve has false_positive, true_positive and area.
    """
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
    name = settings["dataset"]
    groups, roc_of_all = groups_of(evaluated, name), roc_of_sets(evaluated, settings)
    if not groups:
        why = f"the dataset {name} has no groups by {settings['by']}"
        none = {one: words(one, why) for one in ("accuracy", "tpr", "confusion", "roc_groups")}
        return [*list(none.values())[:3], roc_of_all, none["roc_groups"]]
    return [
        _accuracy(groups, settings),
        _tpr(groups, settings),
        _confusion(groups, tables[name], settings),
        roc_of_all,
        _roc_groups(groups, settings),
    ]


def groups_of(evaluated: dict, dataset: str) -> dict[float, dict]:
    """Return the groups of a dataset by value."""
    return {float(key): one for key, one in evaluated["datasets"][dataset].get("groups", {}).items()}


def _accuracy(groups: dict[float, dict], settings: dict) -> Drawn:
    by = settings["by"]
    look = {"color": style.IFOS[0], "marker": "o"}
    numbers = (
        f"Dataset {settings['dataset']}; {passes(groups, by)}. Every class weighs the same. Dotted: "
        f"{100 * GOOD:g} %. Bars are 68 % intervals of counting; {_shared_noise(groups, settings)}"
    )
    return Drawn("accuracy", accuracy({settings["dataset"]: (groups, look)}, by), numbers)


def _shared_noise(groups: dict[float, dict], settings: dict) -> str:
    if settings["noise"] is None:
        return "the classes are all signals."
    n = groups[min(groups)]["n"][settings["noise"]]
    return f"the {n} examples of noise are the same at every value, and so is what they add to the errors."


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
    if by == SNR:
        return _matrices({value: groups[float(value)] for value in found}, settings)
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


def _matrices(groups: dict[float, dict], settings: dict) -> Drawn:
    """Return the matrices of groups in which all signals are as loud: their SNRs have no distribution."""
    by, classes = settings["by"], settings["classes"]
    counts = {value: np.array(group["confusion"]) for value, group in groups.items()}
    panels = [(f"{at(by, value)}, n = {one.sum()}", one) for value, one in counts.items()]
    told = [f"{at(by, value)} {group['balanced_accuracy']:.3f}" for value, group in groups.items()]
    numbers = (
        f"Dataset {settings['dataset']}. Percent of each true class; cells without an example are empty. "
        f"Accuracy averaged over classes: {', '.join(told)}."
    )
    return Drawn("confusion", matrices(panels, classes), numbers)


def _roc_groups(groups: dict[float, dict], settings: dict) -> Drawn:
    by, noise = settings["by"], settings["noise"]
    panels = {at(by, value): group["roc"] for value, group in sorted(groups.items()) if "roc" in group}
    if not panels:
        wanted = ", ".join(f"{value:g}" for value in settings["shown"])
        return words("roc_groups", f"no example of {settings['dataset']} has {by} {wanted}")
    told = []
    for name, curves in panels.items():
        areas = {one: curve["area"] for one, curve in curves.items()}
        if len(areas) > TOLD:
            low = min(areas, key=areas.get)
            areas = {"mean": np.mean(list(areas.values())), f"least ({low})": areas[low]}
        told.append(f"{name}: {', '.join(f'{one} {area:.4f}' for one, area in areas.items())}")
    belongs = "" if noise is None else "Noise belongs to every group. "
    numbers = (
        f"Dataset {settings['dataset']}, one panel a group, each class against all others of the group. "
        f"{belongs}Area under the curve; {'; '.join(told)}. Dotted: a score that knows nothing."
    )
    return Drawn("roc_groups", roc(panels, settings["classes"], noise), numbers)


def roc_of_sets(evaluated: dict, settings: dict) -> Drawn:
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
