"""Maps of pictures as figures with captions: by method, of every class, of two classes, by their shapes.

Takes examples with their maps, as `explained` reads them; gives figures. Where one method alone is shown it
is the last of those that were made.
"""

from dataclasses import dataclass

import numpy as np

from gwsim.conventions import SCAN_DURATIONS
from gwsim.figures import pictures, saliency
from gwsim.figures.drawn import Drawn, words
from gwsim.figures.explanation import METHODS, Explained, Pair
from gwsim.figures.pictures import Panel, triple

# Those that are drawn, of all that were explained.
SECOND, MISCLASSIFIED, CLUSTERED = 2, 6, 8
# The class of the paper's examples, which comes first.
FIRST = "Chirp"
INPUTS = "Inputs in grey, 0 to 1, the brighter the more energy; each map is divided by its own maximum."
QUARTERS = "Quarters are 0.5 and 1 s above, 2 and 4 s below, frequencies rise upwards in each."


@dataclass(frozen=True)
class Shape:
    """A cluster of the maps of a class: the mean map, the input nearest to it, and how many maps it has."""

    label: int
    map: np.ndarray
    example: np.ndarray
    count: int


def said(settings: dict) -> str:
    """Return how a figure shows its inputs, in words."""
    return f"{INPUTS} {QUARTERS}" if settings["merged"] else INPUTS


def snr(one: Explained) -> str:
    """Return an example's loudness in words, where it is known."""
    known = one.row.get("snr", np.nan)
    return f", SNR {known:.1f}" if np.isfinite(known) else ""


def comparison(one: Explained | None, settings: dict) -> Drawn:
    if one is None:
        return words("cam_comparison", f"no example of {settings['dataset']} was explained")
    classes = settings["classes"]
    row = [
        Panel("input", one.example),
        *(Panel(_named(name, each), None, each) for name, each in one.maps.items()),
    ]
    tops = ", ".join(f"{METHODS[name]} {saliency.maximum(each):.3g}" for name, each in one.maps.items())
    numbers = (
        f"Row {one.row.name} of {settings['dataset']}, {classes[one.label]}{snr(one)}, taken for "
        f"{classes[one.predicted]} with probability {one.probability:.3f}; the maps explain "
        f"{classes[one.target]}. {said(settings)} The methods have different units; maxima are {tops}."
    )
    return Drawn("cam_comparison", pictures.grid([row], settings, 2.2), numbers)


def _named(method: str, values: np.ndarray) -> str:
    """Return a method's name, and that its map has nothing to show where it has not."""
    return METHODS[method] if values.any() else f"{METHODS[method]}: zero everywhere"


def atlas(entries: list[Explained], settings: dict) -> Drawn:
    if not entries:
        return words("atlas", f"no example of {settings['atlas']} was explained")
    classes, rows = settings["classes"], []
    for first in range(0, len(entries), pictures.COLUMNS):
        part = entries[first : first + pictures.COLUMNS]
        rows.append([panel for one in part for panel in triple(title(one, classes), one.example, one.map)])
    wrong = [f"{classes[o.label]} for {classes[o.predicted]}" for o in entries if o.label != o.predicted]
    shown = {one.label for one in entries}
    lacking = [name for place, name in enumerate(classes) if place not in shown]
    numbers = (
        f"{METHODS[entries[0].method]} of the class that the network gives, dataset {settings['atlas']}, "
        f"rows {', '.join(str(one.row.name) for one in entries)}; "
        f"{'taken for another class: ' + ', '.join(wrong) if wrong else 'all correctly classified'}"
        f"{'; no example of ' + ', '.join(lacking) if lacking else ''}. {said(settings)} {_dark(entries)}"
    )
    return Drawn("atlas", pictures.grid(rows, settings, 1.35), numbers.strip())


def title(one: Explained, classes: list[str]) -> str:
    """Return an example's class, and the one it was taken for if that is another."""
    return classes[one.label] + ("" if one.label == one.predicted else f"\n→ {classes[one.predicted]}")


def _dark(entries: list[Explained]) -> str:
    dark = sum(saliency.maximum(one.map) == 0 for one in entries)
    return f"{dark} maps are zero: no channel speaks for the class." if dark else ""


def second(pairs: list[Pair], settings: dict) -> Drawn:
    """Return the figure of the maps of the best two classes."""
    if not pairs:
        return words("second", f"no example of {settings['dataset']} was correctly classified")
    classes = settings["classes"]
    order = sorted(pairs, key=lambda pair: classes[pair.wrong.label] != FIRST)[:SECOND]
    numbers = (
        f"{METHODS[order[0].wrong.method]}. {'; '.join(_probabilities(pair, settings) for pair in order)}. "
        f"All are correctly classified. {said(settings)}"
    )
    return Drawn("second", _two_maps(order, settings), numbers)


def misclassified(pairs: list[Pair], settings: dict) -> Drawn:
    """Return the figure of misclassified examples, with the maps of the class taken and of the right one."""
    if not pairs:
        return words("misclassified", f"no misclassified example of {settings['dataset']} was explained")
    few = pairs[:MISCLASSIFIED]
    numbers = (
        f"{METHODS[few[0].wrong.method]}, {len(few)} of {settings['mistaken']} misclassified examples that "
        f"were explained, the loudest first. {'; '.join(_probabilities(pair, settings) for pair in few)}. "
        f"{said(settings)}"
    )
    return Drawn("misclassified", _two_maps(few, settings), numbers)


def _probabilities(pair: Pair, settings: dict) -> str:
    """Return an example, and the probabilities of the classes that its two maps explain."""
    classes, one = settings["classes"], pair.wrong
    both = " and ".join(f"{classes[each.target]} {each.probability:.3g}" for each in (pair.wrong, pair.like))
    return (
        f"Row {one.row.name} of {settings['dataset']}, {classes[one.label]}{snr(one)}: probability of {both}"
    )


def _two_maps(pairs: list[Pair], settings: dict):
    """Draw examples in rows: the input, and of two classes the map and the map over the input."""
    classes, rows = settings["classes"], []
    for pair in pairs:
        row = [Panel(title(pair.wrong, classes), pair.wrong.example)]
        for each in (pair.wrong, pair.like):
            _, alone, over = triple("", each.example, each.map)
            row += [Panel(f"for {classes[each.target]}\n{alone.title}", None, each.map), over]
        rows.append(row)
    return pictures.grid(rows, settings, 1.65)


def clusters(found: list[Shape], settings: dict) -> Drawn:
    """Return the figure of the classes whose maps have several shapes."""
    if not found:
        return words("clusters", f"no class of {settings['dataset']} has maps of several shapes")
    classes, labels = settings["classes"], list(dict.fromkeys(one.label for one in found))
    rows = [
        [
            panel
            for one in found
            if one.label == label
            for panel in (
                Panel(f"{classes[label]}, {one.count}", one.example),
                Panel("mean map", None, one.map),
            )
        ]
        for label in labels[:CLUSTERED]
    ]
    told = (
        f"{classes[label]} {' and '.join(str(o.count) for o in found if o.label == label)}"
        for label in labels
    )
    numbers = (
        f"{settings['method']} of correctly classified examples of {settings['dataset']}, each map scaled to "
        f"[0, 1]; clusters by Ward's method, their number that of the greatest silhouette, none where it is "
        f"poor. Maps of each cluster: {', '.join(told)}. Beside each mean map the input whose own map is "
        f"nearest to it. {said(settings)}"
    )
    return Drawn("clusters", pictures.grid(rows, settings, 1.35), numbers)


def quadrants(known: dict[str, dict], settings: dict) -> Drawn:
    """Return the figure of the share of each duration; known: the numbers of explain."""
    found = {
        name: [known.get(f"map_weight_{name}_{one:g}s", {}) for one in SCAN_DURATIONS]
        for name in settings["classes"]
    }
    found = {name: each for name, each in found.items() if any(one.get("n") for one in each)}
    if not found:
        return words("quadrants", "the network sees no merged view, or recognises nothing")
    values, errors = (
        np.array([[_number(one.get(key)) for one in each] for each in found.values()])
        for key in ("value", "error")
    )
    counts = ", ".join(f"{name} {max(one['n'] for one in each)}" for name, each in found.items())
    numbers = (
        f"{settings['method']}, mean over correctly classified examples of {settings['dataset']} and its "
        f"standard error; maps that are zero are left out. Maps: {counts}."
    )
    return Drawn("quadrants", pictures.shares(values, errors, list(found)), numbers)


def _number(value: float | None) -> float:
    return np.nan if value is None else value
