"""The bank: the quadrupole second derivatives of every system of a dataset, conditioned, ready to project.

Takes the systems' table and the models' specifications; gives one row per system. A model that lasts longer
than the bank's entries is cut there, far behind the end of any window that an example may have.

field | dims | unit | dtype | meaning
quadrupole | system, component, time | cm | float32 | five components of (G/c^4) d2Q/dt2, conditioned
"""

from pathlib import Path

import numpy as np
import pandas as pd

from gwsim import sharding, store
from gwsim.waveforms import ccsn

COMPONENTS = 5
SYSTEMS_PER_SHARD = sharding.LEAST_ROWS


def samples(settings: dict) -> int:
    """Return the length of an entry, which begins ccsn.START before the bounce."""
    return round(settings["seconds"] * settings["sample_rate"])


def arrays(systems: int, settings: dict) -> list[store.Array]:
    """Return the layout of the store."""
    meaning = "components of (G/c^4) d2Q_ij/dt2 in an orthonormal trace-free basis"
    start = {
        "units": "cm",
        "long_name": meaning,
        "start_s": ccsn.START,
        "sample_rate": settings["sample_rate"],
    }
    shape = (systems, COMPONENTS, samples(settings))
    dims = ("system", "component", "time")
    return [store.Array("quadrupole", dims, shape, SYSTEMS_PER_SHARD, shape[1:], "float32", start)]


def entry(system: pd.Series, settings: dict) -> np.ndarray:
    """Return one system's conditioned quadrupole, (component, time)."""
    realisation = None if system["realisation"] < 0 else int(system["realisation"])
    moments = ccsn.load(system["model"], settings["models"][system["model"]], realisation)
    conditioned = ccsn.condition(moments, settings["sample_rate"])[:, : samples(settings)]
    padded = np.zeros((COMPONENTS, samples(settings)), dtype=np.float32)
    padded[:, : conditioned.shape[1]] = conditioned
    return padded


class BankStore:
    """A bank on disk, as render asks for it."""

    def __init__(self, path: Path):
        self._quadrupole = store.open_array(path / "quadrupole")
        self.samples = self._quadrupole.shape[-1]

    def entry(self, system: int) -> np.ndarray:
        """Return one system's quadrupole, (component, time)."""
        return self._quadrupole[system].read().result()
