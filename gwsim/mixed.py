"""A dataset that is nowhere on disk: rows of a table, rendered in memory, each at an SNR of its own.

Noise comes from its store and waveforms from their bank. A row's whitened signal does not change with its
SNR: it is made when the row is first asked for, and stays in memory, as many of them as a number of bytes
holds. Each later time it is scaled, added to the noise and transformed. The arithmetic is the renderer's own,
and each row is worked on by itself: examples have the bits that a store of them would have, in any order.
"""

import copy
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from gwsim import bulk, dataset, files, loudness, manifest, noise, render, stages
from gwsim.errors import GwsimError
from gwsim.per_process import PerProcess
from gwsim.waveforms import sources

# What examples that are rendered have of those on disk.
SHARED = ("name", "folder", "attributes", "table", "classes", "ifos", "sample_rate", "view", "shape", "axes")
# Rows that are in work at once: with fewer, what is asked once for all of them counts.
PIECE = 64
# What says how loud a row shall be.
TARGETS = ["snr_target", "distance_target_kpc"]


class Mixed:
    """A finished dataset's rows, rendered at the SNRs that `at` gave them; else as loud as they were drawn.

    examples: see `dataset`; noise and bank: folders of their stores; keep_bytes: for signals in memory.
    """

    def __init__(self, examples, noise: Path, bank: Path, device: str = "cpu", keep_bytes: int = 0):
        self.examples = examples
        for name in SHARED:
            setattr(self, name, getattr(examples, name))
        self.settings = render_settings(examples)
        self._system, self._targets = self.table["system"].to_numpy(), self.table[TARGETS]
        make = partial(_Signals, self.settings, noise, bank, device, len(self.table), keep_bytes)
        self._signals = PerProcess(make)

    def at(self, snr: np.ndarray) -> "Mixed":
        """Return the same examples, each signal at its own wanted SNR."""
        other = copy.copy(self)
        other._targets = pd.DataFrame({"snr_target": snr, "distance_target_kpc": np.nan})
        return other

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Render the rows, scaled."""
        rows = np.asarray(rows)
        found = np.empty((len(rows), *self.shape), np.float32)
        for first in range(0, len(rows), PIECE):
            arrays = self._rendered(rows[first : first + PIECE])
            raw = self.view.raw(arrays, self.examples.settings)
            found[first : first + PIECE] = dataset.scaled(raw, self.view.scale)
        return found

    def _rendered(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        signals = self._signals()
        places = np.flatnonzero(self._system[rows] >= 0)
        units, snr = signals.of(self.table, rows[places])
        factors = render.scales(self._targets.iloc[rows[places]], snr).tolist()
        return signals.renderer.mix(self.table, rows, zip(places, units, factors, strict=True))


class _Signals:
    """Whitened signals at 1 kpc, and their SNRs there, of a table's rows: kept as bytes allow."""

    def __init__(self, settings, noise_store, bank, device, count: int, keep_bytes: int):
        forked = torch.device(device).type == "cuda" and torch.cuda._is_in_bad_fork()
        if forked:
            raise GwsimError(
                "a forked process cannot use the GPU of the one before it: let the DataLoader have "
                'num_workers=0, or multiprocessing_context="spawn"'
            )
        self.renderer = bulk.renderer(settings, noise.NoiseStore(noise_store), sources.opened(bank), device)
        shape = (len(self.renderer.ifos), self.renderer.geometry.stored)
        # Workers of a DataLoader share the memory of one.
        worker = torch.utils.data.get_worker_info()
        most = keep_bytes // (4 * int(np.prod(shape)) * (worker.num_workers if worker else 1))
        self._kept = torch.empty((min(count, most), *shape), device=device)
        self._snr, self._slot, self._used = np.full(count, np.nan), np.full(count, -1), 0
        # Batches are read ahead by a thread, and rows may be asked for beside it.
        self._alone = threading.Lock()

    def of(self, table: pd.DataFrame, rows: np.ndarray) -> tuple[list[torch.Tensor], np.ndarray]:
        """Return the signals of some rows, and their SNRs."""
        with self._alone:
            return self._of(table, rows)

    def _of(self, table: pd.DataFrame, rows: np.ndarray) -> tuple[list[torch.Tensor], np.ndarray]:
        new = np.unique(rows[self._slot[rows] < 0])
        if not len(new):
            return [self._kept[slot] for slot in self._slot[rows]], self._snr[rows]
        made, self._snr[new] = self.renderer.units(table.iloc[new])
        place = dict(zip(new.tolist(), made, strict=True))
        slots = self._slot[rows].tolist()
        units = [
            place[row] if slot < 0 else self._kept[slot]
            for row, slot in zip(rows.tolist(), slots, strict=True)
        ]
        fits = min(len(new), len(self._kept) - self._used)
        self._kept[self._used : self._used + fits] = made[:fits]
        self._slot[new[:fits]] = np.arange(self._used, self._used + fits)
        self._used += fits
        return units, self._snr[rows]


def render_settings(examples) -> dict:
    """Return the settings by which a dataset was rendered.

    Raises GwsimError where its examples do not follow from noise and a bank, or were made by another version.
    """
    attributes, made = examples.attributes, f"{examples.name} cannot be mixed at other SNRs: "
    try:
        configuration = attributes["configuration"]
        ((experiment, content),) = configuration["experiments"].items()
        if content["whiten"] != "block":
            raise GwsimError(
                f"{made}whiten is '{content['whiten']}', expected 'block': noise that is whitened once, to "
                "which signals of a bank are added"
            )
        name, _ = loudness.own(content["datasets"])
        return stages.settings(configuration)[f"{experiment}/{name}/render"]
    except (KeyError, TypeError, ValueError) as error:
        raise GwsimError(
            f"{made}its attributes do not tell how this version would render it ({error!r}); hint: make it "
            "anew with this version"
        ) from error


def sources_of(examples, noise_store=None, bank=None) -> tuple[Path, Path]:
    """Return the folders of the noise and the waveforms that a dataset was made from.

    They are looked for beside it, where the workflow leaves them; noise_store and bank name other places.
    Raises GwsimError where there is none, or one of which the dataset was not made.
    """
    attributes, folder = examples.attributes, examples.folder.resolve()
    (content,) = attributes["configuration"]["experiments"].values()
    _, own = loudness.own(content["datasets"])
    found = _finished(
        "noise",
        noise_store,
        [folder.parents[1] / "noise" / stages.noise_of(attributes["configuration"], content)],
    )
    _expect("noise", found, examples)
    # A dataset at another SNR has the waveforms of the one that it is of.
    places = [folder / "bank", *([folder.parent / own["of"] / "bank"] if "of" in own else [])]
    waveforms = _finished("bank", bank, places)
    _expect("bank", waveforms, examples)
    return found, waveforms


def _expect(what: str, path: Path, examples) -> None:
    """Refuse a store that is not the one of which a dataset was made, where the dataset tells that."""
    made = files.fingerprint(path.parent / manifest.MANIFEST)["sha256"]
    told = examples.attributes.get(f"{what}_manifest_sha256", made)
    if told != made:
        raise GwsimError(
            f"{path.parent} is not the {what} that {examples.name} was made from: its manifest has the "
            f"sha256 {made}, expected {told}; name the right one by {what}="
        )


def _finished(what: str, given, places: list[Path]) -> Path:
    """Return the first finished store of some places, or the one that is given."""
    places = [manifest.folder_of(Path(given))] if given else places
    for place in places:
        if (place / manifest.MANIFEST).is_file() and (place / "data.zarr").is_dir():
            return place / "data.zarr"
    looked = " or ".join(str(place) for place in places)
    raise GwsimError(
        f"no finished store of {what} at {looked}: mixing needs what the dataset was made from; name its "
        f"place by {what}=FOLDER, or make it again with snakemake"
    )
