"""A bank on disk: one entry a system, the functions of time that its strain is summed from.

A bank's folder has its store and `systems.parquet`, the systems as they were realised.
"""

import functools
import json
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from gwsim import store

SYSTEMS = "systems.parquet"

Weights = tuple[Float[np.ndarray, "sample term"], Float[np.ndarray, "sample term"]]


class Bank:
    """The entries of systems, each (term, time) in cm, from `start` s after the event on.

    path: the store's array. A source's own bank says how terms become plus and cross (`weights`), what else
    follows from a waveform (`realised`), and what a picture shows of a class (`shown`).
    """

    # Its name in the configuration, and whether an entry is of one example or pair: none is kept then.
    source: str
    own: bool

    def __init__(self, path: Path):
        self._array = store.open_array(path)
        self._path, self._folder = path, path.parents[1]
        self._attributes = json.loads((path / "zarr.json").read_text())["attributes"]
        self.start, self.samples = self._attributes["start_s"], self._array.shape[-1]

    @functools.cached_property
    def systems(self) -> pd.DataFrame:
        """The systems as they were realised."""
        return pd.read_parquet(self._folder / SYSTEMS)

    def entries(self, systems: np.ndarray) -> np.ndarray:
        """Return systems' entries, (system, term, time)."""
        return self._array[np.asarray(systems)].read().result()

    def realised(self, table: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return columns that follow from rows' waveforms alone."""
        return {}
