"""The figure of detection: what is found of each class at fixed rates of false alarms.

Rules are those of the background's metrics: `argmax`, and thresholds set on one split's noise and measured
on another's.
"""

import numpy as np

from gwsim.figures import style
from gwsim.figures.classification import at, axis_label, louder_first, rates, ticks
from gwsim.figures.drawn import Drawn, words

SPLIT_LINES = {"threshold_split": ":", "measured_split": "-"}


def detection(background: dict, groups: dict[str, dict[float, dict]], noise: int):
    """Draw the noise's rates, the mean detection of signals by rule, and each class's at two of the rules.

    groups: rule -> distance -> detected, detected_low, detected_high by class; the rules that can be reached.
    """
    figure, ((alarms, means), (loose, strict)) = style.subplots(2, 2, 7.0)
    _alarms(alarms, background)
    signals = [label for label in range(len(background["classes"])) if label != noise]
    for place, (rule, by_distance) in enumerate(groups.items()):
        distance = np.array(sorted(by_distance), float)
        mean = [np.array(by_distance[value]["detected"])[signals].mean() for value in distance]
        look = {"color": style.IFOS[place % len(style.IFOS)], "marker": style.marker(place), "markersize": 4}
        means.plot(distance, mean, label=rule_name(rule), linestyle=style.LINES[place % 4], **look)
    means.set(ylim=(-0.02, 1.03), xlabel=axis_label(background["by"]), title="mean of the signal classes")
    means.set_ylabel("detected share")
    ticks(means, distance)
    means.legend(loc="best")
    names = list(groups)
    for axis, rule in ((loose, names[0]), (strict, names[-1])):
        rates(axis, groups[rule], "detected", background["classes"], noise)
        axis.set(title=f"each class, {rule_name(rule)}", xlabel=axis_label(background["by"]))
    loose.set_ylabel("detected share")
    handles, labels = loose.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return figure


def _alarms(axis, background: dict) -> None:
    """Draw how often noise is as loud or louder against the statistic, and the thresholds."""
    for key, line in SPLIT_LINES.items():
        split = background[key]
        curve = background["curves"][split]
        what = "sets thresholds" if key == "threshold_split" else "is measured"
        axis.plot(curve["threshold"], curve["per_day"], line, color=style.INK, label=f"{split} noise, {what}")
    reached = [rule for rule in background["rules"] if rule["threshold"] is not None]
    for rule in reached:
        axis.axvline(rule["threshold"], color=style.FAINT, linewidth=1)
        axis.plot(
            rule["threshold"], rule["per_day"], "o", color=style.IFOS[1], markersize=9, fillstyle="none"
        )
        found = rule["measured"]
        if found["alarms"]:
            bars = [[found["per_day"] - found["low"]], [found["high"] - found["per_day"]]]
            look = {"marker": "s", "markersize": 4, "color": style.IFOS[0], "linestyle": "none"}
            axis.errorbar(rule["threshold"], found["per_day"], bars, **look)
    axis.set(yscale="log", xlabel="detection statistic", ylabel="noise windows as loud, per day")
    axis.legend(loc="best")


def rule_name(rule: str) -> str:
    """Return a rule in words."""
    return "largest score" if rule == "argmax" else f"{rule.removesuffix('_per_day')} per day"


def drawn(background: dict, dataset: str, noise: int) -> list[Drawn]:
    """Return the figure of detection in one dataset."""
    groups = {}
    for rule in background["rules"]:
        # None where a rule asks for fewer false alarms than the noise can tell.
        found = rule["detection"][dataset]
        if found and found["groups"]:
            groups[rule["rule"]] = {float(value): group for value, group in found["groups"].items()}
    if not groups:
        return [words("detection", f"the dataset {dataset} has no groups by {background['by']}")]
    return [
        Drawn("detection", detection(background, groups, noise), _numbers(background, groups, dataset, noise))
    ]


def _numbers(background: dict, groups: dict, dataset: str, noise: int) -> str:
    signals = [label for label in range(len(background["classes"])) if label != noise]
    rules = {rule["rule"]: rule for rule in background["rules"]}
    told = []
    for name, by_distance in groups.items():
        rate, last = rules[name]["measured"], louder_first(by_distance, background["by"])[-1]
        mean = np.array(by_distance[last]["detected"])[signals].mean()
        end = f"a share of {mean:.3f} found at {at(background['by'], last)}"
        told.append(f"{rule_name(name)}: {rate['per_day']:.3g} ± {rate['error']:.2g} per day measured, {end}")
    lost = [rule_name(name) for name, rule in rules.items() if rule["note"]]
    days = {key: background["splits"][background[key]]["live_seconds"] / 86400 for key in SPLIT_LINES}
    text = (
        f"Dataset {dataset}; an example is found when the log odds of signal against noise pass the "
        f"threshold, whatever class it is taken for. Thresholds are set on {days['threshold_split']:.3g} "
        f"days of {background['threshold_split']} noise (circles) and measured on "
        f"{days['measured_split']:.3g} days of {background['measured_split']} noise (squares; none where no "
        f"window passes), bars are 68 % intervals. {'; '.join(told)}."
    )
    return text + (f" Too rare for this much noise: {', '.join(lost)}." if lost else "")
