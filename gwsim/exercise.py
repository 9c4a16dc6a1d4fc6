"""The exercise on toy pictures: what a network of two classes makes of chirps and blips, and why.

Takes trained networks whose first classes are blip and chirp, the pictures (sample, row, column) of a
dataset with their labels, and the settings of the exercise; gives the numbers and examples of its tasks and
questions. A network's answer is its log odds of chirp against blip: above zero it says chirp, and its score,
from 0 to 1, is their sigmoid.
"""

import dataclasses

import numpy as np
import pandas as pd
import scipy.special
import torch

from gwsim import evaluate, pictures, seeds
from gwsim.waveforms import toys

BLIP, CHIRP, NOISE = range(3)
# Lengths (columns) between which error rates of chirps are counted.
LENGTHS = (8, 12, 16, 24, 32, 40, 64)
# Chirps of fewer columns than this are short: a blip lasts about as long.
SHORT = 16
# Of a Gaussian whose neighbouring rows have the part of its middle that a chirp's have.
NARROW = float((-2 * np.log(toys.SIDE)) ** -0.5)
# How blips are changed before their drift is: narrow ones, and those that last as long as a chirp besides.
KINDS = {
    "as drawn": {},
    "as narrow as a chirp": {"sigma_row": NARROW},
    "narrow and long": {"sigma_row": NARROW, "sigma_column": 8.0},
}


@dataclasses.dataclass(frozen=True)
class Rate:
    """A share of some trials, and its error: half of Wilson's interval at one sigma."""

    hits: int
    trials: int

    @property
    def value(self) -> float:
        return self.hits / self.trials if self.trials else float("nan")

    @property
    def error(self) -> float:
        if not self.trials:
            return float("nan")
        low, high = evaluate.wilson(np.array([self.hits]), np.array([self.trials]))
        return float(high[0] - low[0]) / 2

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} ± {100 * self.error:.1f} %"


def rate(happened: np.ndarray) -> Rate:
    """Return how often something happened."""
    return Rate(int(np.sum(happened)), len(happened))


def logits(model: torch.nn.Module, shown: np.ndarray) -> np.ndarray:
    """Return a network's logits (sample, class) of pictures (sample, row, column), in float64."""
    parts = (torch.from_numpy(shown[first : first + evaluate.BATCH, None]) for first in _starts(len(shown)))
    found = evaluate.apply(model, ((None, part) for part in parts), torch.device("cpu"))
    return np.concatenate(list(found)).astype(np.float64)


def _starts(count: int) -> range:
    return range(0, count, evaluate.BATCH)


def odds(model: torch.nn.Module, shown: np.ndarray) -> np.ndarray:
    """Return the log odds of chirp against blip, whatever other classes there are."""
    found = logits(model, shown)
    return found[:, CHIRP] - found[:, BLIP]


def score(log_odds: np.ndarray | np.floating) -> np.ndarray | np.floating:
    """Return the score of log odds: 1 for a chirp, 0 for a blip."""
    return scipy.special.expit(log_odds)


def said(log_odds: np.floating) -> str:
    """Return a score in words, near 0 and 1 by what it lacks of them."""
    value, rest = score(log_odds), score(-log_odds)
    return f"{value:.0e}" if value < 0.001 else f"1 − {rest:.0e}" if rest < 0.001 else f"{value:.3f}"


# ---- the test set


def mistaken(log_odds: np.ndarray, labels: np.ndarray, label: int, most: int) -> np.ndarray:
    """Return rows of a class that are taken for the other one, the surest mistakes first."""
    against = np.where(labels == label, log_odds * (-1 if label == CHIRP else 1), -np.inf)
    rows = np.argsort(-against, kind="stable")[:most]
    return rows[(against[rows] > 0) | ((label == CHIRP) & (against[rows] == 0))]


def confident(log_odds: np.ndarray, labels: np.ndarray, label: int, most: int) -> np.ndarray:
    """Return rows of a class of which the network is surest that they are of it, the surest first."""
    its = np.flatnonzero(labels == label)
    towards = log_odds[its] if label == CHIRP else -log_odds[its]
    return its[np.argsort(-towards, kind="stable")[:most]]


def confusion(log_odds: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return counts (true class, class said) of blips and chirps, at a score of 0.5."""
    known = labels <= CHIRP
    return evaluate.confusion(labels[known], (log_odds[known] > 0).astype(int), 2)


def right(log_odds: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return of each blip and chirp whether it is told at a score of 0.5."""
    known = labels <= CHIRP
    return (log_odds[known] > 0) == (labels[known] == CHIRP)


# ---- pictures drawn anew


def drawn(settings: dict, name: str, count: int) -> pd.DataFrame:
    """Return systems of one class, drawn as a dataset's are, from the exercise's own streams."""

    def uniform(column: str) -> np.ndarray:
        return seeds.uniforms(settings["seed"], "exercise", name, column, size=count)

    columns = settings["picture"]["columns"]
    found = toys.systems([name] * count, settings["models"], columns, uniform)
    return pd.DataFrame({"model": [name] * count, **found})


def shown(settings: dict, systems: pd.DataFrame) -> np.ndarray:
    """Return pictures of systems, each with noise of its own, which is the place's whatever the system."""
    table = pd.DataFrame({"system": np.arange(len(systems)), "key": np.arange(len(systems))})
    arrays, _ = pictures.Renderer(settings, systems).rows(table)
    return arrays["picture"]


def snr(settings: dict, systems: pd.DataFrame) -> np.ndarray:
    """Return the SNR of systems, as their dataset's table has it."""
    renderer = pictures.Renderer(settings, systems)
    return renderer.snr(np.stack([renderer.form(place) for place in range(len(systems))]))


def binned(values: np.ndarray, happened: np.ndarray, edges) -> list[Rate]:
    """Return how often something happened, by value, in bins [low, high)."""
    place = np.digitize(values, edges) - 1
    return [rate(happened[place == each]) for each in range(len(edges) - 1)]


def swept(model: torch.nn.Module, settings: dict, systems: pd.DataFrame, column: str, values) -> np.ndarray:
    """Return log odds (value, system): the same systems and noise at each value of one of their columns."""
    changed = ({column: value} for value in values)
    return np.stack([odds(model, shown(settings, systems.assign(**each))) for each in changed])


def crossing(x: np.ndarray, y: np.ndarray, level: float = 0.5) -> list[float]:
    """Return where a line through points passes a level."""
    before, after = y[:-1] - level, y[1:] - level
    places = np.flatnonzero(np.sign(before) * np.sign(after) < 0)
    part = before[places] / (before[places] - after[places])
    return (x[places] + part * (x[places + 1] - x[places])).tolist()


# ---- halves


def halves(rows: int, columns: int) -> dict[str, tuple[slice, slice]]:
    """Return the pixels of each half of a picture."""
    every, row, column = slice(None), rows // 2, columns // 2
    return {
        "earlier half": (every, slice(None, column)),
        "later half": (every, slice(column, None)),
        "lower half": (slice(None, row), every),
        "upper half": (slice(row, None), every),
    }


def blanked(model: torch.nn.Module, whole: np.ndarray) -> dict[str, np.ndarray]:
    """Return the log odds of pictures whose pixels of one half are zero, the mean of noise."""
    found = {}
    for name, pixels in halves(*whole.shape[1:]).items():
        part = whole.copy()
        part[:, *pixels] = 0
        found[name] = odds(model, part)
    return found
