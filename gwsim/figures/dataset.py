"""A finished dataset as its quality page asks for it, read in slices.

Columns are read whole, strain a few rows at a time, and never more than NOISE_EXAMPLES of them: memory does
not grow with the dataset's arrays.
"""

import functools
import json
from pathlib import Path

import numpy as np
import pandas as pd

from gwsim import checks, draw, loudness, manifest, noise, stages, store
from gwsim.conventions import KPC_CM
from gwsim.dataset import Examples, View
from gwsim.waveforms import columns, sources

NOISE_EXAMPLES = 4096
SLICE = 64
# The paper's sample spectrograms have this SNR.
SHOWN_SNR = 40.0


class Dataset:
    """A finished dataset as the page asks for it."""

    def __init__(self, folder: Path, blocks: list[dict]):
        self.folder, self.blocks = folder, blocks
        self.block_seconds = np.array([block["end"] - block["start"] for block in blocks])
        self.attributes = json.loads((folder / "data.zarr" / "zarr.json").read_text())["attributes"]
        self.manifest = json.loads((folder / manifest.MANIFEST).read_text())
        self.table = pd.read_parquet(folder / store.TABLE)
        self.configuration = self.attributes["configuration"]
        # The attributes of a dataset hold its own experiment and its own entry, no other but its parent's.
        (experiment,) = self.configuration["experiments"].values()
        self.experiment = loudness.written_out(experiment)
        _, self.settings = loudness.own(self.experiment["datasets"])
        self.source = self.experiment["waveforms"]["source"]
        self.toys = not stages.of_strain(self.experiment)
        self.scans = not (self.toys or stages.whitened(self.experiment))
        self.columns = columns.DEFAULTS.get(self.source, {}) | self.experiment["draw"] | self.settings["draw"]
        self.classes, self.ifos = self.attributes["classes"], stages.ifos(self.configuration, self.experiment)
        self.rate = stages.sample_rate(self.configuration, self.experiment)
        self.window = 0 if self.toys else round(self.experiment["duration"] * self.rate)
        self.half_stft = (
            0 if self.scans or self.toys else self.experiment["render"]["spectrogram"]["window"] // 2
        )
        self.noise = self.classes.index(draw.NOISE) if draw.NOISE in self.classes else None
        self.signals = self.table[self.table["label"] != self.noise]

    @functools.cached_property
    def systems(self) -> pd.DataFrame:
        """The systems as they were drawn; those of a dataset at another loudness are its parent's."""
        folder = self.folder.with_name(self.settings.get("of", self.folder.name))
        return pd.read_parquet(folder / "systems.parquet")

    def array(self, name: str):
        """Return one array of the store, not yet read."""
        return store.open_array(self.folder / "data.zarr" / name)

    def values(self, name: str) -> np.ndarray:
        """Return a small array of the store."""
        return self.array(name).read().result()

    def windows(self, rows: np.ndarray):
        """Yield the strain of the rows' windows, without margins, in slices (sample, ifo, time)."""
        strain, cut = self.array("strain"), slice(self.half_stft, self.half_stft + self.window)
        for first in range(0, len(rows), SLICE):
            yield strain[rows[first : first + SLICE], :, cut].read().result()

    def spectrograms(self, rows: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return rows' spectrograms in the first ifo, and their axes, stored or not."""
        examples = Examples(self.folder, View("spectrogram", "none"))
        return examples.raw(rows)[:, 0], examples.axes

    def waveforms(self, bank_path: Path) -> dict[int, np.ndarray]:
        """Return h+ of one system of each class, by label."""
        return plus_of_classes(bank_path, self.experiment["render"]["polarisation_convention"])

    def drawn(self) -> dict[str, tuple[np.ndarray, dict]]:
        """Return name -> (values, distribution) of the signals' drawn columns, those of models by class."""
        its, found = self.independent[self.independent["label"] != self.noise], {}
        fixed = self._fixed()[its["system"].to_numpy()]
        for name, spec in self.columns.items():
            column = its[draw.TARGETS.get(name, name)]
            found[name] = (column[~fixed] if name in ("theta", "phi") else column).to_numpy(), spec
        for model, specs in self.experiment["waveforms"]["models"].items():
            mine = its["label"] == self.classes.index(model)
            for name in columns.PUBLISHED[self.source] if isinstance(specs, dict) else ():
                if name in specs:
                    found[f"{name} {model}"] = its.loc[mine, name].to_numpy(), specs[name]
        return {name: (values, spec) for name, (values, spec) in found.items() if len(values)}

    def _fixed(self) -> np.ndarray:
        """Return of each system whether it is known in one direction only."""
        return self.systems.get("fixed_direction", pd.Series(False, self.systems.index)).to_numpy(bool)

    @property
    def reuse(self) -> str:
        """The form in which noise is used again."""
        return self.settings.get("reuse", "overlap")

    @functools.cached_property
    def independent(self) -> pd.DataFrame:
        """The rows that repeat no other's draws; those of the paired form do, at another distance."""
        paired = self.settings.get("paired", False)
        return self.table.drop_duplicates(["label", "psd_block", "start_sample"]) if paired else self.table

    @functools.cached_property
    def margin(self) -> int:
        """Samples that a window keeps from its block's edges."""
        settings = {
            "sample_rate": self.rate,
            "filter": 0 if self.scans else self.configuration["noise"]["filter"],
        }
        return noise.margin_samples({**settings, "stft_window": 2 * self.half_stft})


def noise_rows(dataset: Dataset) -> tuple[np.ndarray, int]:
    """Return rows of noise alone of which no two share noise, and how many there are of them in all.

    Noise with a simulated glitch is not alone.
    """
    alone = dataset.table[dataset.table["label"] == dataset.noise]
    if "glitch" in alone:
        alone = alone[alone["glitch"] < 0]
    place = checks.disjoint(alone["psd_block"].to_numpy(), alone["start_sample"].to_numpy(), dataset.window)
    rows = alone.index.to_numpy()[place]
    return spread(rows, NOISE_EXAMPLES), len(rows)


def spread(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many of the rows, evenly spread over them."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(int)]


def shown_rows(dataset: Dataset) -> list[int]:
    """Return one row of each class, signals first: the one nearest to SHOWN_SNR, or the first."""
    rows = []
    for label in range(len(dataset.classes)):
        its = dataset.table[dataset.table["label"] == label]
        if len(its):
            far = (its["snr"] - SHOWN_SNR).abs()
            rows.append(int(far.idxmin() if far.notna().any() else its.index[0]))
    return sorted(rows, key=lambda row: dataset.table["label"][row] == dataset.noise)


def plus_of_classes(bank_path: Path, convention: str) -> dict[int, np.ndarray]:
    """Return h+ of one system of each class, by label: `columns.SHOWN` says which, whence and how far."""
    bank = sources.opened(bank_path)
    far = KPC_CM * columns.SHOWN_KPC[bank.source]
    return {int(k): bank.shown(int(k), convention) / far for k in sorted(bank.systems["label"].unique())}
