"""The exercise's four tasks: the network, its training, its mistakes, and what it is sure of."""

import numpy as np
import pandas as pd

from gwsim import exercise
from gwsim.exercise import BLIP, CHIRP, Rate
from gwsim.figures import page as pages
from gwsim.figures.exercise import panels
from gwsim.figures.exercise.asked import NAMES, Asked, accuracy, number, surest
from gwsim.figures.picture_sections import sheet

# Edges of bins of the signals' SNR.
SNRS = (0, 8, 10, 12, 14, 16, 20, 30)


def network(its: Asked) -> tuple[pages.Section, dict]:
    """Return what the networks are made of."""
    rows = [
        [NAMES[name], type(model).__name__, f"{sum(one.numel() for one in model.parameters()):,}"]
        for name, model in its.networks.items()
    ]
    table = pages.Table("Networks", ["name", "model", "parameters"], rows)
    prose = (
        "Two blocks of a convolution, a ReLU and a pooling, then the mean over the picture and one logit z. "
        "Its score, 1 / (1 + exp(-z)), is 1 for a chirp and 0 for a blip. Log odds below are z itself."
    )
    return pages.Section("task-1", "Task 1: the network", prose, tables=[table]), {}


def training(its: Asked) -> tuple[pages.Section, dict]:
    """Return how the networks learnt, and how often they are right."""
    said = {
        "network": "accuracy of the network of two classes",
        "again": "the same of another seed",
        "linear": "accuracy of the linear classifier",
        "three": "accuracy of the network that knows noise, asked for blip or chirp alone",
    }
    found = {f"accuracy_{name}": number(accuracy(its, name), said[name]) for name in its.networks}
    rows = [[said[name], str(accuracy(its, name)), accuracy(its, name).trials] for name in its.networks]
    caption = "Loss and accuracy by epoch; full lines are the training set, dashed ones the validation set."
    picture = pages.Picture(
        "training", panels.training({NAMES[name]: one for name, one in its.histories.items()}), caption
    )
    table = pages.Table("Accuracy on the test set", ["network", "accuracy", "pictures"], rows)
    prose = (
        f"The network of two classes tells {accuracy(its, 'network')} of the test set's blips and chirps. "
        "Errors are one standard error of counting."
    )
    return pages.Section("task-2", "Task 2: train and test", prose, [], [table], [picture]), found


def mistakes(its: Asked) -> tuple[pages.Section, dict]:
    """Return what the network mistakes, and which chirps and blips it mistakes most."""
    fresh = {name: exercise.drawn(its.settings, name, its.settings["fresh"]) for name in ("chirp", "blip")}
    model, made = its.networks["network"], {n: exercise.shown(its.settings, one) for n, one in fresh.items()}
    wrong = {
        "chirp": exercise.odds(model, made["chirp"]) <= 0,
        "blip": exercise.odds(model, made["blip"]) > 0,
    }
    by_length = exercise.binned(fresh["chirp"]["length"], wrong["chirp"], exercise.LENGTHS)
    by_snr = {name: exercise.binned(_snr(its, one), wrong[name], SNRS) for name, one in fresh.items()}
    figure = panels.errors(
        {
            "length of the chirp (columns)": (exercise.LENGTHS, {"chirps": by_length}),
            "SNR of the picture": (SNRS, {f"{name}s": rates for name, rates in by_snr.items()}),
        }
    )
    rows = [[f"{low} to {high - 1}", str(one), one.trials] for low, high, one in _bins(by_length)]
    table = pages.Table("Chirps taken for blips, by length", ["columns", "error rate", "chirps"], rows)
    short, long = (exercise.rate(wrong["chirp"][mine]) for mine in _short_and_long(fresh["chirp"]))
    prose = (
        f"Of {its.settings['fresh']} chirps drawn anew the network takes {exercise.rate(wrong['chirp'])} for "
        f"blips, of as many blips {exercise.rate(wrong['blip'])} for chirps. Of chirps shorter than "
        f"{exercise.SHORT} columns it mistakes {short}, of longer ones {long}."
    )
    caption = "Error rates on pictures drawn anew, by the length of chirps and by the SNR of the picture."
    pictures = [*_mistakes(its), pages.Picture("errors", figure, caption)]
    said = "{} taken for the other class, of pictures drawn anew"
    found = {
        f"errors_{name}": number(exercise.rate(one), said.format(f"{name}s")) for name, one in wrong.items()
    }
    found["errors_short_chirp"] = number(
        short, f"chirps shorter than {exercise.SHORT} columns taken for blips"
    )
    found["errors_long_chirp"] = number(long, f"chirps of {exercise.SHORT} columns or more taken for blips")
    return pages.Section("task-3", "Task 3: where it trips up", prose, [], [table], pictures), found


def _bins(rates: list[Rate]):
    return zip(exercise.LENGTHS[:-1], exercise.LENGTHS[1:], rates, strict=True)


def _short_and_long(chirps: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    short = chirps["length"].to_numpy() < exercise.SHORT
    return short, ~short


def _snr(its: Asked, systems: pd.DataFrame) -> np.ndarray:
    return exercise.snr(its.settings, systems)


def _mistakes(its: Asked) -> list[pages.Picture]:
    """Return the misclassified pictures of the test set, the surest mistakes first."""
    odds, shown = its.odds["network"], {}
    for label, name in ((CHIRP, "chirp"), (BLIP, "blip")):
        rows = exercise.mistaken(odds, its.labels, label, its.settings["misclassified"])
        if len(rows):
            shown[f"{name}, mistaken"] = [(_title(its, row), its.pictures[row]) for row in rows]
    if not shown:
        return []
    caption = "Misclassified pictures of the test set, the surest mistakes first. Titles: score, SNR."
    return [pages.Picture("misclassified", sheet(shown), caption)]


def _title(its: Asked, row: int) -> str:
    """Return a picture's score, and what it shows."""
    one, said = its.table.iloc[row], f"score {exercise.said(its.odds['network'][row])}"
    length = f", {one['length']:.0f} columns" if one["label"] == CHIRP else ""
    return f"{said}, SNR {one['snr']:.1f}{length}"


def confidence(its: Asked) -> tuple[pages.Section, dict]:
    """Return the confusion matrix, and the examples of which the network is surest."""
    odds, counts = its.odds["network"], exercise.confusion(its.odds["network"], its.labels)
    shown = {
        f"{name}, surest": [(_title(its, row), its.pictures[row]) for row in surest(its, label)]
        for label, name in ((CHIRP, "chirp"), (BLIP, "blip"))
    }
    pictures = [
        pages.Picture("confusion", panels.confusion(counts), "Confusion matrix at a score of 0.5, test set."),
        pages.Picture(
            "confident",
            sheet(shown),
            "The chirps of highest score, and the blips of lowest. Titles: score, SNR.",
        ),
    ]
    missed, false = (
        Rate(int(counts[1, 0]), int(counts[1].sum())),
        Rate(int(counts[0, 1]), int(counts[0].sum())),
    )
    prose = (
        f"At a score of 0.5 the network calls {missed} of the chirps blips, and {false} of the blips chirps. "
        f"Log odds run from {odds.min():.1f} to {odds.max():.1f}: look whether the sides are alike."
    )
    found = {
        "chirps_missed": number(missed, "chirps of the test set called blips"),
        "blips_as_chirps": number(false, "blips of the test set called chirps"),
    }
    return pages.Section(
        "task-4", "Task 4: confusion, and confident examples", prose, [], [], pictures
    ), found
