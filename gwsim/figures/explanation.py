"""Class-activation maps as figures with captions: the comparison, the atlas, misclassified examples.

What a network sees decides how it is drawn: spectrograms as pictures, strain as traces. Where one method
alone is shown it is the last of those that were made.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gwsim.figures import faithfulness, saliency, traces
from gwsim.figures.drawn import Drawn, words
from gwsim.figures.saliency import Shown

METHODS = {
    "grad_cam": "Grad-CAM",
    "grad_cam_pp": "Grad-CAM++",
    "score_cam": "Score-CAM",
    faithfulness.RANDOM: "random map",
}
# The class of the paper's comparison.
COMPARED = "s25"
# Distances from here on are written in Mpc (kpc).
FAR = 1000.0
ALIGNED = {
    "resize": "Maps are stretched over the input, which puts cells near its edges up to a few pixels off.",
    "receptive_field": "Each cell stands at the centre of what it sees; grey is outside of all centres.",
}


@dataclass(frozen=True)
class Explained:
    """An example, its row of the table, and its maps by method at its size; spectrograms are in [0, 1]."""

    row: pd.Series
    example: np.ndarray
    maps: dict[str, np.ndarray]
    predicted: int
    target: int
    probability: float

    @property
    def label(self) -> int:
        return int(self.row["label"])

    @property
    def event(self) -> float:
        return float(self.row["event_time"])

    @property
    def method(self) -> str:
        return list(self.maps)[-1]

    @property
    def map(self) -> np.ndarray:
        return self.maps[self.method]


@dataclass(frozen=True)
class Pair:
    """A misclassified example, and one of the class that it was taken for."""

    wrong: Explained
    like: Explained


def snr(row: pd.Series) -> str:
    """Return an example's loudness in words."""
    if np.isnan(row["snr"]):
        return ""
    kpc = row["distance_kpc"]
    return f", SNR {row['snr']:.1f} at {f'{kpc:.3g} kpc' if kpc < FAR else f'{kpc / 1000:.3g} Mpc'}"


def drawn(compared: Explained | None, atlas: list[Explained], pairs: list[Pair], settings: dict):
    """Return the figures of the maps.

    settings: classes, ifos, axes (time, or frame, in s; frequency in Hz), align, dataset, atlas (name of its
    dataset).
    """
    return [
        _comparison(compared, settings),
        _atlas(atlas, settings),
        *(_misclassified(pairs, place, settings) for place in (0, 1)),
    ]


def drawer(axes: dict):
    """Return the module that draws inputs of these axes."""
    return traces if "time" in axes else saliency


def _inputs(entries: list[Explained], settings: dict) -> str:
    """Return how a figure shows its inputs and the event, in words."""
    said = drawer(settings["axes"]).inputs(settings["ifos"], [one.example for one in entries])
    return f"{said} Dashed: the event, bounce or merger, at the Earth's centre."


def _comparison(one: Explained | None, settings: dict) -> Drawn:
    if one is None:
        return words("cam_comparison", f"no signal of the dataset {settings['dataset']} was explained")
    classes, named = settings["classes"], {METHODS[name]: values for name, values in one.maps.items()}
    figure = drawer(settings["axes"]).comparison(one.example, named, one.event, settings)
    tops = ", ".join(f"{METHODS[name]} {saliency.maximum(values):.3g}" for name, values in one.maps.items())
    numbers = (
        f"Row {one.row.name} of {settings['dataset']}, {classes[one.label]}{snr(one.row)}, taken for "
        f"{classes[one.predicted]} with probability {one.probability:.3f}; the maps explain "
        f"{classes[one.target]}. {_inputs([one], settings)} The methods have different units: each "
        f"map is divided by its maximum ({tops}), all on one scale from 0 to 1. {ALIGNED[settings['align']]}"
    )
    return Drawn("cam_comparison", figure, numbers)


def _atlas(entries: list[Explained], settings: dict) -> Drawn:
    if not entries:
        return words("cam_atlas", f"no example of {settings['atlas']} was explained")
    classes, look, method = settings["classes"], drawer(settings["axes"]), METHODS[entries[0].method]
    top = saliency.greatest([one.map for one in entries])
    panels = [Shown(_atlas_title(one, classes), one.example, one.map, one.event) for one in entries]
    own = [f"{classes[one.label]} {saliency.maximum(one.map):.3g}" for one in entries]
    wrong = [f"{classes[o.label]} for {classes[o.predicted]}" for o in entries if o.label != o.predicted]
    numbers = (
        f"{method}, dataset {settings['atlas']}, rows {', '.join(str(one.row.name) for one in entries)}; "
        f"{'taken for another class: ' + ', '.join(wrong) if wrong else 'all correctly classified'}. "
        f"{_inputs(entries, settings)} All maps share {look.SCALE}, 0 to {top:.3g}; their own maxima are "
        f"{', '.join(own)}. {ALIGNED[settings['align']]}"
    )
    return Drawn("cam_atlas", look.atlas(panels, settings, top, method), numbers)


def _atlas_title(one: Explained, classes: list[str]) -> str:
    taken = "" if one.label == one.predicted else f"\n→ {classes[one.predicted]}"
    return title(one, classes) + taken


def title(one: Explained, classes: list[str]) -> str:
    """Return an example's class and SNR."""
    return classes[one.label] + ("" if np.isnan(one.row["snr"]) else f", SNR {one.row['snr']:.1f}")


def _misclassified(pairs: list[Pair], place: int, settings: dict) -> Drawn:
    name = f"misclassified_{place + 1}"
    if place >= len(pairs):
        why = f"{settings['dataset']} has {len(pairs)} such misclassified examples that were explained"
        return words(name, why)
    wrong, like, classes = pairs[place].wrong, pairs[place].like, settings["classes"]
    taken, look, method = classes[wrong.predicted], drawer(settings["axes"]), METHODS[wrong.method]
    titles = f"{classes[wrong.label]} taken for {taken}", f"an example of {classes[like.label]}"
    shown = [
        Shown(over, one.example, one.map, one.event, f"its map, for {classes[one.target]}")
        for over, one in zip(titles, (wrong, like), strict=True)
    ]
    top = saliency.greatest([one.map for one in shown])
    numbers = (
        f"{method}. Row {wrong.row.name} of {settings['dataset']}, {classes[wrong.label]}{snr(wrong.row)}, "
        f"taken for {taken} with probability {wrong.probability:.3f}; beside it row {like.row.name}, "
        f"{classes[like.label]}{snr(like.row)}. {_inputs([wrong, like], settings)} Maps on {look.SCALE}, 0 "
        f"to {top:.3g}; their own maxima are "
        f"{', '.join(f'{saliency.maximum(one.map):.3g}' for one in shown)}. {ALIGNED[settings['align']]}"
    )
    return Drawn(name, look.misclassified(shown, settings, top, method), numbers)
