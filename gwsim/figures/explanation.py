"""Class-activation maps as figures with captions: the comparison, the atlas, misclassified examples."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gwsim.figures import faithfulness, saliency
from gwsim.figures.drawn import Drawn, words

METHODS = {
    "grad_cam": "Grad-CAM",
    "grad_cam_pp": "Grad-CAM++",
    "score_cam": "Score-CAM",
    faithfulness.RANDOM: "random map",
}
# The class of the paper's comparison.
COMPARED = "s25"
SCORE_CAM = "score_cam"
ALIGNED = {
    "resize": "Maps are stretched over the input, which puts cells near its edges up to a few pixels off.",
    "receptive_field": "Each cell stands at the centre of what it sees; grey is outside of all centres.",
}


@dataclass(frozen=True)
class Explained:
    """An example, scaled to [0, 1], its maps by method at the input's size, and its row of the table."""

    row: pd.Series
    example: np.ndarray
    maps: dict[str, np.ndarray]
    predicted: int
    target: int
    probability: float

    @property
    def label(self) -> int:
        return int(self.row["label"])


@dataclass(frozen=True)
class Pair:
    """A misclassified example, and one of the class that it was taken for."""

    wrong: Explained
    like: Explained


def snr(row: pd.Series) -> str:
    """Return an example's loudness in words."""
    return "" if np.isnan(row["snr"]) else f", SNR {row['snr']:.1f} at {row['distance_kpc']:.3g} kpc"


def drawn(compared: Explained | None, atlas: list[Explained], pairs: list[Pair], tests: dict, settings: dict):
    """Return the figures of the maps and of what puts them to the test.

    tests: metrics.json of explain; settings: classes, ifos, axes (frame in s, frequency in Hz), align,
    dataset, atlas (name of its dataset).
    """
    return [
        _comparison(compared, settings),
        _atlas(atlas, settings),
        *(_misclassified(pairs, place, settings) for place in (0, 1)),
        *faithfulness.drawn(tests, METHODS),
    ]


def _channels(settings: dict) -> str:
    return f"Inputs are shown scaled to [0, 1]: {saliency.channels(settings['ifos'])}."


def _comparison(one: Explained | None, settings: dict) -> Drawn:
    if one is None:
        return words("cam_comparison", f"no signal of the dataset {settings['dataset']} was explained")
    classes = settings["classes"]
    figure = saliency.comparison(one.example, {METHODS[k]: v for k, v in one.maps.items()}, settings["axes"])
    tops = ", ".join(f"{METHODS[name]} {saliency.maximum(values):.3g}" for name, values in one.maps.items())
    numbers = (
        f"Row {one.row.name} of {settings['dataset']}, {classes[one.label]}{snr(one.row)}, taken for "
        f"{classes[one.predicted]} with probability {one.probability:.3f}; the maps explain "
        f"{classes[one.target]}. {_channels(settings)} The methods have different units: each map is divided "
        f"by its maximum ({tops}), all on one scale from 0 to 1. {ALIGNED[settings['align']]}"
    )
    return Drawn("cam_comparison", figure, numbers)


def _atlas(entries: list[Explained], settings: dict) -> Drawn:
    entries = [one for one in entries if SCORE_CAM in one.maps]
    if not entries:
        return words("cam_atlas", f"no example of {settings['atlas']} was explained by Score-CAM")
    classes = settings["classes"]
    top = saliency.greatest([one.maps[SCORE_CAM] for one in entries])
    panels = [(_atlas_title(one, classes), one.example, one.maps[SCORE_CAM]) for one in entries]
    own = [f"{classes[one.label]} {saliency.maximum(one.maps[SCORE_CAM]):.3g}" for one in entries]
    wrong = [f"{classes[o.label]} for {classes[o.predicted]}" for o in entries if o.label != o.predicted]
    numbers = (
        f"Dataset {settings['atlas']}, rows {', '.join(str(one.row.name) for one in entries)}; "
        f"{'taken for another class: ' + ', '.join(wrong) if wrong else 'all correctly classified'}. "
        f"{_channels(settings)} All maps share one colour scale, 0 to {top:.3g}; their own maxima are "
        f"{', '.join(own)}. {ALIGNED[settings['align']]}"
    )
    return Drawn("cam_atlas", saliency.atlas(panels, settings["axes"], top), numbers)


def _atlas_title(one: Explained, classes: list[str]) -> str:
    taken = "" if one.label == one.predicted else f" → {classes[one.predicted]}"
    return f"{classes[one.label]}{taken}"


def _misclassified(pairs: list[Pair], place: int, settings: dict) -> Drawn:
    name = f"misclassified_{place + 1}"
    if place >= len(pairs):
        why = f"{settings['dataset']} has {len(pairs)} such misclassified examples that were explained"
        return words(name, why)
    wrong, like, classes = pairs[place].wrong, pairs[place].like, settings["classes"]
    shown = [one.maps[SCORE_CAM] for one in (wrong, like) if SCORE_CAM in one.maps]
    if SCORE_CAM not in wrong.maps:
        return words(name, "Score-CAM is not among the methods of the configuration")
    top = saliency.greatest(shown)
    taken = classes[wrong.predicted]
    titles = [
        f"{classes[wrong.label]} taken for {taken}",
        f"its map, for {classes[wrong.target]}",
        f"an example of {classes[like.label]}",
        f"its map, for {classes[like.target]}",
    ]
    figure = saliency.misclassified(titles, [wrong.example, like.example], shown, settings["axes"], top)
    numbers = (
        f"Row {wrong.row.name} of {settings['dataset']}, {classes[wrong.label]}{snr(wrong.row)}, taken for "
        f"{taken} with probability {wrong.probability:.3f}; beside it row {like.row.name}, "
        f"{classes[like.label]}{snr(like.row)}. {_channels(settings)} Maps on one colour scale, 0 to "
        f"{top:.3g}; their own maxima are {', '.join(f'{saliency.maximum(one):.3g}' for one in shown)}. "
        f"{ALIGNED[settings['align']]}"
    )
    return Drawn(name, figure, numbers)
