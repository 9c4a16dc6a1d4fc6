"""Figures of what puts maps to the test: insertion and deletion, and networks with random weights."""

import numpy as np

from gwsim.faithfulness import KINDS, RANDOM
from gwsim.figures import style
from gwsim.figures.drawn import Drawn

FILLS = {
    "zero": "zeros",
    "mean_noise": "the mean of noise",
    "noise": "a draw of noise",
    "mean": "the mean of all classes",
}


def method_look(place: int, name: str) -> dict:
    """Return the colour and line of a method; a random map is grey."""
    if name == RANDOM:
        return {"color": "#777777", "linestyle": ":"}
    return {"color": style.IFOS[place % len(style.IFOS)], "linestyle": style.LINES[place % 3]}


def curves(found: dict[str, dict[str, dict[str, dict]]], methods: dict[str, str]):
    """Draw scores against the share of pixels: kind (column) -> fill (row) -> method -> mean, error."""
    fills = list(found["insertion"])
    figure, axes = style.subplots(len(fills), len(KINDS), 2.4 * len(fills) + 0.4, sharex=True, sharey=True)
    for row, fill in zip(axes, fills, strict=True):
        for axis, kind in zip(row, KINDS, strict=True):
            for place, (name, scores) in enumerate(found[kind][fill].items()):
                mean, error = (np.array(scores[key], float) for key in ("mean", "error"))
                share, look = np.linspace(0, 1, len(mean)), method_look(place, name)
                axis.plot(share, mean, label=methods.get(name, name), **look)
                band = {"color": look["color"], "alpha": 0.2, "linewidth": 0}
                axis.fill_between(share, mean - error, mean + error, **band)
            axis.set_title(f"{kind}, filled with {FILLS[fill]}")
    for axis, done in zip(axes[-1], KINDS.values(), strict=True):
        axis.set_xlabel(f"share of the input {done}")
    for axis in axes[:, 0]:
        axis.set(ylabel="probability", ylim=(0, 1.02), xlim=(0, 1))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def bars(values: dict[str, list[tuple[float, float]]], groups: list[str], methods: dict[str, str]):
    """Draw a bar (value, error) of each method in each group, NaN where there is none."""
    figure, ((axis,),) = style.subplots(1, 1, 3.2)
    width = 0.8 / len(values)
    for place, (name, pairs) in enumerate(values.items()):
        mean, error = np.array(pairs, float).T
        at = np.arange(len(groups)) + (place - (len(values) - 1) / 2) * width
        colour = method_look(place, name)["color"]
        axis.bar(at, mean, width, yerr=error, color=colour, label=methods.get(name, name), capsize=2)
    axis.axhline(0, color=style.INK, linewidth=0.8)
    axis.axhline(1, color=style.INK, linewidth=0.8, linestyle=":")
    axis.set(ylabel="rank correlation", ylim=(min(-0.1, axis.get_ylim()[0]), 1.05))
    axis.set_xticks(range(len(groups)), groups)
    axis.grid(axis="x", visible=False)
    figure.legend(loc="outside right center")
    return figure


def drawn(tests: dict, methods: dict[str, str]) -> list[Drawn]:
    """Return the figures of the tests in metrics.json of explain; methods: how a method is written."""
    return [_curves(tests, methods), _randomised(tests, methods)]


def _curves(tests: dict, methods: dict[str, str]) -> Drawn:
    found, numbers, told = tests["curves"], tests["numbers"], []
    for fill, by_method in found["insertion"].items():
        areas = [_areas(numbers, name, fill, methods) for name in by_method]
        told.append(f"filled with {FILLS[fill]}: {', '.join(areas)}")
    n = max(numbers[f"insertion_{name}_{fill}"]["n"] for name in by_method)
    text = (
        f"{n} examples of {tests['settings']['dataset']}, mean probability of the explained class with its "
        "standard error. A good map's curve rises earlier than the random map's when the input is inserted, "
        "and falls earlier when it is deleted; what the rest is filled with decides much of it. "
        f"Areas under the curves, insertion / deletion; {'; '.join(told)}."
    )
    return Drawn("faithfulness", curves(found, methods), text)


def _areas(numbers: dict, name: str, fill: str, methods: dict[str, str]) -> str:
    found = [numbers[f"{kind}_{name}_{fill}"] for kind in KINDS]
    areas = " / ".join(f"{one['value']:.3f}" for one in found)
    errors = [one["error"] for one in found if one["error"] is not None]
    return f"{methods.get(name, name)} {areas}" + (f" (± {max(errors):.3f})" if errors else "")


def _randomised(tests: dict, methods: dict[str, str]) -> Drawn:
    layers, steps = (tests["randomisation"][name] for name in ("layers", "methods"))
    # JSON has null where there is no number.
    values = {
        name: [tuple(np.nan if one[key] is None else one[key] for key in ("value", "error")) for one in each]
        for name, each in steps.items()
    }
    told = [f"{methods.get(name, name)} {_last(each[-1])}" for name, each in steps.items()]
    n = max(one["n"] + one["constant"] for each in steps.values() for one in each)
    groups = [layer if step == 0 else f"+ {layer}" for step, layer in enumerate(layers)]
    text = (
        f"{n} examples of {tests['settings']['dataset']}, mean of Spearman's correlation with its standard "
        "error; layers are randomised one more at a time, from the output on. With all of them randomised: "
        f"{', '.join(told)}. Dotted: maps that do not change at all."
    )
    return Drawn("randomisation", bars(values, groups, methods), text)


def _last(one: dict) -> str:
    """Return a mean correlation in words."""
    if one["value"] is None:
        return "undefined, all maps are constant"
    error = "" if one["error"] is None else f" ± {one['error']:.3f}"
    left_out = f" ({one['constant']} constant maps left out)" if one["constant"] else ""
    return f"{one['value']:.3f}{error}{left_out}"
