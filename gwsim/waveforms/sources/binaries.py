"""Compact binaries as LALSimulation makes them: a bank of plus and cross, one entry for each example.

An entry begins before any window does, comes in over a taper that ends there, and goes on to the end of the
last one. Where LAL refuses a system its parameters are drawn anew from streams of its own, again and again;
the realised ones stand beside the bank with the number of attempts.

field | dims | unit | dtype | meaning
polarisations | system, polarisation, time | cm | float32 | D h+ and D hx
"""

import functools

import numpy as np
import pandas as pd

from gwsim import distributions, seeds, sharding, shards, store
from gwsim.errors import GwsimError
from gwsim.waveforms import bank, cbc, columns
from gwsim.waveforms.entry import span

ARRAY = "polarisations"
# Redraws; a prior of which LAL refuses more in a row is at fault itself.
MOST_ATTEMPTS = 20
INTRINSIC = (*columns.MASSES, *columns.SPINS)
ORIENTATION = columns.ORIENTATION["cbc"]
DRAWN = (*INTRINSIC, *ORIENTATION)


def notes(settings: dict) -> list[str]:
    """Return what a person is told before anything is drawn: which approximants are run."""
    return [f"{name}: {spec['approximant']}" for name, spec in settings["models"].items()]


def systems(names: list[str], settings: dict, uniform, integers) -> dict:
    """Return the systems' approximants and drawn parameters."""
    table = {"source": [settings["models"][name]["approximant"] for name in names]}
    return table | {name: _values(name, names, settings, uniform(name)) for name in DRAWN}


def _values(column: str, names, settings: dict, uniform: np.ndarray) -> np.ndarray:
    """Return one column's values of systems of some models."""
    values, names = np.zeros(len(uniform)), np.asarray(names)
    for model in settings["models"]:
        mine = names == model
        values[mine] = distributions.quantile(_spec(column, model, settings), uniform[mine])
    return values


def _spec(column: str, model: str, settings: dict):
    """Return a column's distribution: bodies are the model's own, how they are seen is the dataset's."""
    if column in ORIENTATION:
        return settings["columns"].get(column, ORIENTATION[column])
    return settings["models"][model].get(column, 0.0)


def again(row: pd.Series, attempt: int, settings: dict) -> dict[str, float]:
    """Return the parameters of a refused system's attempt, counted from one, from a stream of its own."""
    own = (*settings["stream"], "again", *(float(row[name]).hex() for name in DRAWN))
    drawn = {name: seeds.uniforms(*own, name, size=attempt)[-1:] for name in DRAWN}
    return {name: float(_values(name, [row["model"]], settings, one)[0]) for name, one in drawn.items()}


def fingerprint(settings: dict) -> dict[str, str]:
    """Return what waveforms are made from besides the settings: no file, and versions are told by others."""
    return {}


def provenance() -> dict[str, str]:
    """Return what a dataset's attributes say of its waveforms; approximants stand in the configuration."""
    return {}


def rows(systems: pd.DataFrame) -> pd.DataFrame:
    """Return what the bank has one row for: each system."""
    return systems


def layout(count: int, settings: dict) -> store.Array:
    """Return the layout of a bank."""
    start, samples = span(settings)
    attributes = {
        "units": "cm",
        "long_name": "D h+ and D hx of each system; time zero is the merger",
        "start_s": start,
        "sample_rate": settings["sample_rate"],
    }
    shape = (count, 2, samples)
    dims = ("system", "polarisation", "time")
    # Compressed it has four fifths of the size, and takes six times as long to read for every new SNR.
    return store.Array(
        ARRAY, dims, shape, sharding.BANK_ROWS, shape[1:], "float32", attributes, compress=False
    )


def make(systems: pd.DataFrame, settings: dict) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the polarisations of some systems, and their realised columns."""
    start, samples = span(settings)
    values, realised = np.empty((len(systems), 2, samples), np.float32), []
    for place, (system, row) in enumerate(systems.iterrows()):
        entry, found = accepted(int(system), row, settings, start, samples)
        values[place] = entry.plus, entry.cross
        realised.append(found)
    return values, pd.DataFrame(realised).astype({"attempt": np.int32})


def accepted(system: int, row: pd.Series, settings: dict, start: float, samples: int):
    """Return a system's entry and realised columns, drawn anew until LAL makes it."""
    parameters = {name: float(row[name]) for name in DRAWN}
    for attempt in range(MOST_ATTEMPTS + 1):
        if attempt:
            parameters = again(row, attempt, settings)
        try:
            entry = cbc.polarisations(
                row["source"],
                parameters,
                settings["sample_rate"],
                start,
                samples,
                settings["taper"],
                settings["end_cycles"],
            )
        except cbc.Refused as error:
            refusal = error
            continue
        made = {"attempt": attempt, "f_start": entry.f_start, "f_low": entry.f_low, "lapse": entry.lapse}
        return entry, parameters | made
    raise GwsimError(
        f"system {system} of {row['model']}: LAL refused {MOST_ATTEMPTS + 1} draws in a row, the last with: "
        f"{refusal}; hint: narrow the masses and spins of waveforms.models.{row['model']}"
    )


class Bank(bank.Bank):
    """A finished bank, as render asks for it."""

    source = "cbc"
    own = True

    def entries(self, systems: np.ndarray) -> np.ndarray:
        """Return systems' entries, (system, polarisation, time)."""
        return self._entries.rows(systems)

    @functools.cached_property
    def _entries(self) -> shards.Array:
        return shards.ours(self._path)

    def weights(self, table: pd.DataFrame, convention: str) -> bank.Weights:
        """Return plus and cross, each (sample, polarisation), of the polarisations' sums: themselves."""
        return np.tile([1.0, 0.0], (len(table), 1)), np.tile([0.0, 1.0], (len(table), 1))

    def realised(self, table: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return the frequency of each row's signal at its window's first sample, Hz."""
        systems, times = table["system"].to_numpy(), table["event_time"].to_numpy()
        its = {name: column[systems] for name, column in self._numbers.items()}
        found = cbc.frequencies(its, times, its.pop("lapse"))
        return {"f_window": before_plunge(found, times, its)}

    @functools.cached_property
    def _numbers(self) -> dict[str, np.ndarray]:
        """What a system's frequency follows from."""
        return {name: self.systems[name].to_numpy() for name in (*columns.MASSES, *columns.SPINS, "lapse")}

    def shown(self, label: int, convention: str) -> np.ndarray:
        """Return D h+ in cm of the system of a class that is most nearly seen face on."""
        return self.entries(face_on(self.systems, label))[0, 0].astype(np.float64)


def before_plunge(frequency: np.ndarray, times: np.ndarray, systems) -> np.ndarray:
    """Return the frequencies of systems some seconds before merger, NaN where they plunge already."""
    masses = {name: np.asarray(systems[name]) for name in columns.MASSES}
    return np.where(times > cbc.plunge_time(masses), frequency, np.nan)


def face_on(systems: pd.DataFrame, label: int) -> np.ndarray:
    """Return the place of the system of a class that is most nearly seen face on."""
    its = np.cos(systems["inclination"].to_numpy()) ** 2 * (systems["label"].to_numpy() == label)
    return np.array([its.argmax()])
