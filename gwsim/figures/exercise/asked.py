"""What an exercise is answered from: networks, the pictures that they are asked about, and what they say."""

import dataclasses

import numpy as np
import pandas as pd
import torch

from gwsim import evaluate, exercise
from gwsim.exercise import Rate

# What a page calls the networks.
NAMES = {
    "network": "two classes",
    "again": "two classes, another seed",
    "three": "three classes",
    "linear": "linear",
}


@dataclasses.dataclass(frozen=True)
class Asked:
    """The networks, what they are asked about, and what they say: log odds by the name of the network.

    Names are network, linear, three, and again: the first one's second seed, where it has one.
    """

    networks: dict[str, torch.nn.Module]
    histories: dict[str, pd.DataFrame]
    pictures: np.ndarray
    table: pd.DataFrame
    odds: dict[str, np.ndarray]
    settings: dict

    @property
    def labels(self) -> np.ndarray:
        return self.table["label"].to_numpy()


def asked(
    networks: dict, histories: dict, pictures: np.ndarray, table: pd.DataFrame, settings: dict
) -> Asked:
    """Return the networks with their log odds of all pictures."""
    odds = {name: exercise.odds(model, pictures) for name, model in networks.items()}
    return Asked(networks, histories, pictures, table, odds, settings)


def number(share: Rate, meaning: str) -> dict:
    """Return a share as a number of the page."""
    return evaluate.number(share.value, share.error, share.trials, meaning)


def accuracy(its: Asked, name: str) -> Rate:
    """Return how many blips and chirps of the test set a network tells."""
    return exercise.rate(exercise.right(its.odds[name], its.labels))


def surest(its: Asked, label: int) -> np.ndarray:
    """Return the rows of a class of which the network is surest."""
    return exercise.confident(its.odds["network"], its.labels, label, its.settings["confident"])
