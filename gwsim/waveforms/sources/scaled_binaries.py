"""Compact binaries without spin, each computed when it is rendered: a bank on mass ratio alone, rescaled.

The bank has one row for each approximant; see `gwsim.waveforms.cbc_scaled` for what its curves are.

field | dims | unit | dtype | meaning
curves | approximant, order, coefficient, piece | 1 | float64 | pieces of phase and size, as polynomials
"""

import functools
from pathlib import Path

import numpy as np
import pandas as pd

from gwsim import sharding, store
from gwsim.waveforms import cbc_scaled, columns
from gwsim.waveforms.sources import binaries
from gwsim.waveforms.sources.binaries import fingerprint, notes, provenance, systems

__all__ = ["fingerprint", "notes", "provenance", "systems"]

ARRAY = "curves"


def rows(systems: pd.DataFrame) -> pd.DataFrame:
    """Return what the bank has one row for: each approximant."""
    return pd.DataFrame({"source": sorted(systems["source"].unique())})


def layout(count: int, settings: dict) -> store.Array:
    """Return the layout of a bank: room for the longest approximant's curves."""
    start, samples = binaries.span(settings)
    kept = {name: settings[name] for name in ("taper", "end_cycles", "sample_rate")}
    attributes = {
        "units": "1",
        "long_name": "cubic pieces of orbital phase and size, as Chebyshev polynomials of log(eta)",
        "start_s": start,
        "samples": samples,
        **kept,
    }
    shape = (count, *cbc_scaled.LARGEST)
    dims = ("approximant", "order", "coefficient", "piece")
    return store.Array(ARRAY, dims, shape, sharding.BANK_ROWS, shape[1:], "float64", attributes)


def make(approximants: pd.DataFrame, settings: dict) -> tuple[np.ndarray, None]:
    """Return the curves of some approximants, zero where one has fewer than the others."""
    values = np.zeros((len(approximants), *cbc_scaled.LARGEST))
    for place, name in enumerate(approximants["source"]):
        pieces = cbc_scaled.bank(name).pieces
        values[(place, *map(slice, pieces.shape))] = pieces
    return values, None


class Bank(binaries.Bank):
    """A finished bank, as render asks for it: entries are computed here."""

    source = "cbc_scaled"

    def __init__(self, path: Path):
        super().__init__(path)
        self.samples = self._attributes["samples"]
        values = self._array.read().result()
        self._curves = {
            name: cbc_scaled.held(name, one)
            for name, one in zip(rows(self.systems)["source"], values, strict=True)
        }

    def entries(self, systems: np.ndarray) -> np.ndarray:
        """Return systems' D h+ and D hx, (system, polarisation, time)."""
        found = np.empty((len(systems), 2, self.samples), np.float32)
        for name, part, its in self._by_approximant(systems):
            found[part] = cbc_scaled.polarisations(
                name,
                its,
                self._attributes["sample_rate"],
                self.start,
                self.samples,
                fade_in=self._attributes["taper"],
                taper=self._attributes["end_cycles"] > 0,
                dtype="float32",
                curves=self._curves[name],
            )
        return found

    def realised(self, table: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return the frequency of each row's signal at its window's first sample, Hz."""
        times, found = table["event_time"].to_numpy(), np.empty(len(table))
        for name, part, its in self._by_approximant(table["system"].to_numpy()):
            frequency = cbc_scaled.frequency(self._curves[name], its, -times[part])
            found[part] = binaries.before_plunge(frequency, times[part], its)
        return {"f_window": found}

    @functools.cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        """What a system is made from."""
        names = ("source", *cbc_scaled.COLUMNS, *columns.SPINS)
        return {name: self.systems[name].to_numpy() for name in names}

    def _by_approximant(self, systems: np.ndarray):
        """Yield each approximant with the places of its systems, and their columns."""
        systems = np.asarray(systems)
        names = self._columns["source"][systems]
        for name in np.unique(names):
            part = np.flatnonzero(names == name)
            yield name, part, {key: column[systems[part]] for key, column in self._columns.items()}
