"""Whitened signals of a dataset that are kept, put at 1 kpc: at a new SNR only noise and a multiple are left.

A folder of them has the store `data.zarr` and `table.parquet`, with one row for each row of the dataset. Rows
without a signal are NaN, and take no room. The table has the drawn columns but for loudness, by which it is
known whose signals these are, and the columns of `units` as they are at 1 kpc.

field | dims | unit | dtype | meaning
signal | sample, ifo, time | 1 | float32 | whitened signal at 1 kpc, with half an STFT window at each side
"""

import functools
import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from gwsim import layout, microbatches, render, shards, store
from gwsim.errors import GwsimError
from gwsim.waveforms import columns as of_source

ARRAY, TABLE = "signal", "table.parquet"
# Of the settings of `render`, those that a signal at 1 kpc follows from.
FOLLOWS_FROM = (
    *("ifos", "sample_rate", "duration", "band", "event_range", "source"),
    *("crop", "polarisation_convention", "spectrogram", "examples", "shard_rows"),
)
# Shards whose columns are at hand.
TABLES = 4


def array(settings: dict) -> store.Array:
    """Return the layout: that of the dataset's strain, but not compressed: reading is to cost little."""
    (strain,) = (one for one in layout.arrays(settings) if one.name == "strain")
    return store.Array(
        ARRAY,
        strain.dims,
        strain.shape,
        strain.rows,
        strain.chunk,
        "float32",
        {"units": "1", "long_name": "whitened signal at 1 kpc"},
        compress=False,
    )


def units(settings: dict) -> list[str]:
    """Return the names of the columns that are kept: those of rendering that do not follow from the rest."""
    return [name for name in layout.realised_columns(settings) if name not in ("snr_kind", "distance_kpc")]


def known_by(table: pd.DataFrame, settings: dict) -> pd.DataFrame:
    """Return the drawn columns but for loudness: rows that share them have the same signal at 1 kpc."""
    return table.drop(columns=list(of_source.TARGETS[settings["source"]]))


def attributes(settings: dict, bank, noise_sha256: str) -> dict:
    """Return what a store of signals says of itself; bank and noise: those that it was made from."""
    return {
        "title": "whitened signals at 1 kpc",
        "settings": {name: settings[name] for name in FOLLOWS_FROM},
        "columns_at_one_kpc": units(settings),
        "bank_start_s": bank.start,
        "bank_samples": bank.samples,
        "noise_manifest_sha256": noise_sha256,
    }


def of_rows(
    renderer: render.Renderer, table: pd.DataFrame, out: dict | None = None
) -> tuple[dict, pd.DataFrame]:
    """Return the signals of rows that begin at a micro-batch's border, and their columns.

    out may hold the array of an earlier call, to be written over.
    """
    shape = (len(table), len(renderer.ifos), renderer.geometry.stored)
    values = microbatches.room(out, ARRAY, shape, np.float32)
    values[table["system"].to_numpy() < 0] = np.nan
    columns = {name: np.full(len(table), np.nan) for name in units(renderer.settings)}
    for first in range(0, len(table), renderer.size):
        part = table.iloc[first : first + renderer.size]
        loud = np.flatnonzero(part["system"].to_numpy() >= 0)
        for places, whitened, unit in renderer.at_one_kpc(part.iloc[loud]):
            rows = first + loud[places]
            values[rows] = whitened.cpu().numpy()
            for name, one in unit.items():
                columns[name][rows] = one
    return {ARRAY: values}, pd.DataFrame(columns)


class Signals:
    """The kept signals of a dataset, as `Renderer` asks for them: start and samples are those of its bank."""

    def __init__(self, folder: Path, settings: dict, noise_sha256: str):
        self._folder, path = folder, folder / "data.zarr"
        if not ((folder / "manifest.json").is_file() and (path / ARRAY).is_dir()):
            raise GwsimError(
                f"no finished store of signals at {folder}; "
                "hint: run snakemake with --forcerun signals_finalise"
            )
        told = json.loads((path / "zarr.json").read_text())["attributes"]
        wanted = {name: settings[name] for name in FOLLOWS_FROM}
        differing = [name for name in FOLLOWS_FROM if told["settings"].get(name) != wanted[name]]
        differing += ["noise"] if told["noise_manifest_sha256"] != noise_sha256 else []
        if differing:
            raise GwsimError(
                f"the signals of {folder} were made with another {', '.join(differing)} than is asked for; "
                "hint: run snakemake with --forcerun signals_layout"
            )
        self.start, self.samples = told["bank_start_s"], told["bank_samples"]
        self._columns, self._rows = told["columns_at_one_kpc"], settings["shard_rows"]
        self._values, self._at = shards.ours(path / ARRAY), set()
        self._table = functools.lru_cache(TABLES)(self._of_shard)

    def of(self, table: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return the columns at 1 kpc of rows, which are those of the dataset by the table's index.

        Raises GwsimError where rows are not those that the signals were made of.
        """
        rows = table.index.to_numpy()
        parts = [self._table(int(shard)) for shard in np.unique(rows // self._rows)]
        its = pd.concat(parts) if len(parts) > 1 else parts[0]
        places = its.index.get_indexer(rows)
        mine, drawn = its.iloc[places], [name for name in its if name not in self._columns]
        there = set(drawn) <= set(table) and (places >= 0).all()
        if not (there and mine[drawn].equals(table[drawn])):
            raise GwsimError(
                f"rows {rows[0]} to {rows[-1]} are not those of which {self._folder} has the signals: the "
                "table is another dataset's; hint: run snakemake with --forcerun signals_layout"
            )
        return {name: mine[name].to_numpy() for name in self._columns}

    def _of_shard(self, shard: int) -> pd.DataFrame:
        return store.read_rows(self._folder / TABLE, shard * self._rows, (shard + 1) * self._rows)

    def read(self, rows: np.ndarray) -> list[torch.Tensor]:
        """Return rows' signals, each (ifo, time), as they lie in the files: they are not to be written to.

        Whoever renders goes through them shard by shard: files of rows before are let go.
        """
        at = set((rows // self._rows).tolist())
        if at != self._at:
            self._values.let_go(besides=at)
            self._at = at
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            return [torch.from_numpy(self._values.whole(int(row))) for row in rows]


class Renderer(render.Renderer):
    """Renders rows from the signals that are kept, on the CPU: to the bit what their bank gives there."""

    def __init__(self, settings: dict, noise, signals: Signals):
        super().__init__(settings, noise, signals)

    def at_one_kpc(self, table: pd.DataFrame):
        """Yield pieces as any renderer does."""
        columns, rows = self.bank.of(table), table.index.to_numpy()
        for places in self.pieces(table):
            unit = {name: values[places] for name, values in columns.items()}
            yield places, self.bank.read(rows[places]), unit
