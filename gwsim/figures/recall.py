"""Figures of how many examples of each class are recognised, where classes are many and nothing is detected.

Takes what `evaluate` has counted of whole datasets. Reported numbers are those of the configuration,
tpr_CLASS_DATASET.
"""

import numpy as np

from gwsim.figures import classification, style
from gwsim.figures.drawn import Drawn

# Height of a class's line or cell (inches).
LINE = 0.21
# In percent, what is told apart in the colours of a table.
LEAST, MOST = 50, 100


def drawn(evaluated: dict, settings: dict) -> list[Drawn]:
    """Return the recall of each class and the confusion of one dataset.

    settings: classes, dataset, reported (numbers by name, or none).
    """
    counted = evaluated["datasets"][settings["dataset"]]
    return [_per_class(counted, settings), _confusion(counted, settings)]


def reported(settings: dict, dataset: str) -> np.ndarray:
    """Return the reported recall of each class, NaN where there is none."""
    numbers = (settings.get("reported") or {}).get("numbers", {})
    return np.array([numbers.get(f"tpr_{one}_{dataset}", np.nan) for one in settings["classes"]], float)


def _per_class(counted: dict, settings: dict) -> Drawn:
    classes, name = settings["classes"], settings["dataset"]
    theirs = reported(settings, name)
    figure = per_class(counted, classes, theirs, (settings.get("reported") or {}).get("source", ""))
    rates = np.array(counted["tpr"])
    order = np.argsort(rates, kind="stable")[:3]
    worst = ", ".join(f"{classes[i]} {rates[i]:.3f}" for i in order)
    numbers = (
        f"Dataset {name}, {sum(counted['n'])} examples; the number of each class stands beside its name. "
        f"Accuracy {counted['accuracy']:.4f} of all examples, {counted['balanced_accuracy']:.4f} the mean "
        f"over classes; the least recognised are {worst}. Bars are 68 % intervals of counting."
    )
    if np.isfinite(theirs).any():
        numbers += f" Open circles: {settings['reported']['source']}."
    return Drawn("per_class", figure, numbers)


def per_class(counted: dict, classes: list[str], theirs: np.ndarray, source: str):
    """Draw the recall of each class as a point with its interval, reported values as open circles."""
    figure, ((axis,),) = style.subplots(1, 1, 1.0 + LINE * len(classes))
    place = np.arange(len(classes))
    rate, low, high = (100 * np.array(counted[f"tpr{end}"]) for end in ("", "_low", "_high"))
    bars = np.maximum([rate - low, high - rate], 0)
    look = {"color": style.IFOS[0], "marker": "o", "markersize": 4, "linestyle": "", "capsize": 2}
    axis.errorbar(rate, place, xerr=bars, label="ours", **look)
    if np.isfinite(theirs).any():
        look = {"markerfacecolor": "none", "markersize": 7, "linestyle": "", "marker": "o"}
        axis.plot(100 * theirs, place, color=style.IFOS[1], label=source, **look)
        figure.legend(loc="outside upper right", ncols=2)
    axis.set_yticks(place, [f"{one} ({n})" for one, n in zip(classes, counted["n"], strict=True)])
    axis.set(xlim=(-2, 102), xlabel="recognised (%)")
    axis.invert_yaxis()
    return figure


def _confusion(counted: dict, settings: dict) -> Drawn:
    classes, counts = settings["classes"], np.array(counted["confusion"])
    figure, ((axis,),) = style.subplots(1, 1, 2.0 + LINE * len(classes))
    classification.matrix(axis, counts, classes)
    axis.set(title=f"{settings['dataset']}, n = {counts.sum()}", xlabel="predicted")
    apart = counts - np.diag(np.diag(counts))
    order = np.argsort(-apart, axis=None, kind="stable")[:3]
    often = [divmod(int(one), len(classes)) for one in order if apart.flat[one]]
    told = ", ".join(f"{classes[i]} for {classes[j]} ({apart[i, j]})" for i, j in often)
    numbers = (
        f"Dataset {settings['dataset']}. Percent of each true class; cells without an example are empty. "
        f"{f'Most often mistaken: {told}.' if told else 'No example is mistaken.'}"
    )
    return Drawn("confusion", figure, numbers)


# ---- networks beside one another


def compared(evaluated: dict[str, dict], settings: dict) -> tuple[Drawn, dict]:
    """Return the figure and the table of each class's recall by several networks.

    evaluated: NETWORK-SEED -> metrics.json of evaluate; settings: classes, dataset, reported.
    """
    name, classes = settings["dataset"], settings["classes"]
    counted = {network: one["datasets"][name] for network, one in evaluated.items()}
    columns = {network: 100 * np.array(one["tpr"]) for network, one in counted.items()}
    theirs = 100 * reported(settings, name)
    if np.isfinite(theirs).any():
        columns["reported"] = theirs
    overall = ", ".join(f"{network} {one['accuracy']:.4f}" for network, one in counted.items())
    n = next(iter(counted.values()))["n"]
    numbers = (
        f"Dataset {name}, {sum(n)} examples, the same for all networks (NETWORK-SEED). Percent of each class "
        f"that each of them recognises. Accuracy of all examples: {overall}."
    )
    rows = [
        [one, str(n[place]), *(_percent(values[place]) for values in columns.values())]
        for place, one in enumerate(classes)
    ]
    caption = f"Percent of each class's examples of {name} that are recognised"
    table = {"caption": caption, "heads": ["class", "examples", *columns], "rows": rows}
    return Drawn("compare_classes", table_of(columns, classes), numbers), table


def _percent(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.1f}"


def table_of(columns: dict[str, np.ndarray], classes: list[str]):
    """Draw values (%) of classes as a coloured table, one column a network."""
    figure, ((axis,),) = style.subplots(1, 1, 1.0 + LINE * len(classes))
    values = np.stack(list(columns.values()), axis=1)
    axis.imshow(values, vmin=LEAST, vmax=MOST, cmap="Blues", aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value > (LEAST + MOST) / 2 + 5 else style.INK
        axis.text(column, row, _percent(value), ha="center", va="center", color=colour, fontsize=8)
    axis.set_xticks(range(len(columns)), list(columns))
    axis.set_yticks(range(len(classes)), classes)
    axis.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axis.grid(visible=False)
    return figure
