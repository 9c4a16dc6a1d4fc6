"""Core-collapse supernovae: quadrupole second derivatives, which turn to any direction.

A model that lasts longer than the bank's entries is cut there, far behind the end of any window that an
example may have.

field | dims | unit | dtype | meaning
quadrupole | system, component, time | cm | float32 | five components of (G/c^4) d2Q/dt2, conditioned
"""

import numpy as np
import pandas as pd

from gwsim import sharding, store
from gwsim.waveforms import bank, ccsn, quadrupole, surrogates

ARRAY = "quadrupole"
COMPONENTS = 5


def notes(settings: dict) -> list[str]:
    """Return a warning of each model that is known in one direction only."""
    models = {name: ccsn.describe(spec) for name, spec in settings["models"].items()}
    return [
        f"WARNING: {name} is known in one direction only: every example sees it from there"
        for name, model in models.items()
        if model["fixed_direction"]
    ]


def systems(names: list[str], settings: dict, uniform, integers) -> dict:
    """Return what the systems' table says of models: where each comes from, and its realisation."""
    models = {name: ccsn.describe(settings["models"][name]) for name in dict.fromkeys(names)}
    columns = {key: [models[name][key] for name in names] for key in ("source", "fixed_direction")}
    fresh = settings["realisations"] == "fresh"
    realisation = integers("realisation") if fresh else [models[name]["realisation"] for name in names]
    return {**columns, "realisation": realisation}


def fingerprint(settings: dict) -> dict[str, str]:
    """Return a hash of each model's numbers."""
    return {name: ccsn.fingerprint(spec) for name, spec in settings["models"].items()}


def provenance() -> dict[str, str]:
    """Return what a dataset's attributes say of its waveforms."""
    return {"surrogates_sha256": surrogates.table_sha256()}


def rows(systems: pd.DataFrame) -> pd.DataFrame:
    """Return what the bank has one row for: each system."""
    return systems


def samples(settings: dict) -> int:
    """Return the length of an entry, which begins ccsn.START before the bounce."""
    return round(settings["seconds"] * settings["sample_rate"])


def layout(count: int, settings: dict) -> store.Array:
    """Return the layout of a bank."""
    attributes = {
        "units": "cm",
        "long_name": "components of (G/c^4) d2Q_ij/dt2 in an orthonormal trace-free basis",
        "start_s": ccsn.START,
        "sample_rate": settings["sample_rate"],
    }
    shape = (count, COMPONENTS, samples(settings))
    dims = ("system", "component", "time")
    return store.Array(ARRAY, dims, shape, sharding.BANK_ROWS, shape[1:], "float32", attributes)


def make(systems: pd.DataFrame, settings: dict) -> tuple[np.ndarray, None]:
    """Return the conditioned quadrupoles of some systems."""
    return np.stack([entry(system, settings) for _, system in systems.iterrows()]), None


def entry(system: pd.Series, settings: dict) -> np.ndarray:
    """Return one system's conditioned quadrupole, (component, time)."""
    realisation = None if system["realisation"] < 0 else int(system["realisation"])
    moments = ccsn.load(system["model"], settings["models"][system["model"]], realisation)
    conditioned = ccsn.condition(moments, settings["sample_rate"])[:, : samples(settings)]
    padded = np.zeros((COMPONENTS, samples(settings)), dtype=np.float32)
    padded[:, : conditioned.shape[1]] = conditioned
    return padded


class Bank(bank.Bank):
    """A finished bank, as render asks for it."""

    source = "ccsn"
    own = False

    def weights(self, table: pd.DataFrame, convention: str) -> bank.Weights:
        """Return plus and cross, each (sample, component), of the quadrupoles' sums."""
        return quadrupole.weights(table["theta"].to_numpy(), table["phi"].to_numpy(), convention)

    def shown(self, label: int, convention: str) -> np.ndarray:
        """Return D h+ in cm of a class's first system, seen from the pole."""
        system = np.flatnonzero(self.systems["label"] == label)[:1]
        plus, _ = quadrupole.weights(0.0, 0.0, convention)
        return plus @ self.entries(system)[0].astype(np.float64)
