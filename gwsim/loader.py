"""A dataset for PyTorch: examples of a finished store, or the same rows mixed in memory at other SNRs.

`gwsim.open` is its door. A dataset works in torch's DataLoader, with or without workers, and has `batches` of
its own, which threads read ahead: the quickest way on one machine.
"""

from pathlib import Path

import numpy as np
import torch

from gwsim import dataset, devices, manifest, schedule, seeds, selection
from gwsim.errors import GwsimError

# What is shown of a store where nothing else is asked for: array of the store -> what a view calls it.
FIRST = {"spectrogram": "spectrogram", "strain": "strain", "qscan": "merged", "picture": "picture"}
# As a schedule: as loud as the rows were drawn.
STORED = "stored"
MIB = 2**20


def opened(
    path,
    array: str | None = None,
    scale: str = "none",
    rate: int | None = None,
    durations: tuple[float, ...] | None = None,
    pool: int = 1,
    *,
    snr=None,
    seed: int = 0,
    noise=None,
    bank=None,
    device="cpu",
    keep_mib: int = 1024,
    threads: int = 2,
) -> "Dataset":
    """Return a dataset for PyTorch.

    path: folder of a finished dataset, such as results/ccsn/train. array to pool say what is seen of an
    example, as for a network (see `gwsim.view`).
    snr: mixes the rows anew in each epoch, at these SNRs (see `gwsim.schedule`), or at "stored" ones.
    seed: of SNRs and orders. noise, bank: folders of what is mixed, where they do not stand as the workflow
    leaves them. device: where it is mixed. keep_mib: memory for signals that were made once. threads: that
    read a store.
    """
    folder = manifest.folder_of(Path(path))
    if not (folder / manifest.MANIFEST).is_file():
        raise GwsimError(
            f"{folder} holds no finished dataset (data.zarr with a manifest.json): run snakemake"
        )
    view = dataset.View(array or _first(folder), scale, rate, durations and tuple(durations), pool)
    dataset.scaled(np.zeros((1, 1)), scale)  # an unknown one is told now
    examples = dataset.Examples(folder, view, threads)
    if snr is None:
        if named := [name for name, value in (("noise", noise), ("bank", bank)) if value is not None]:
            raise GwsimError(f"{' and '.join(named)}: got a folder, expected it with snr, for mixing alone")
        return Dataset(examples, None, seed)
    # Whoever reads a store alone loads nothing that renders.
    from gwsim import mixed

    device = str(devices.found(str(device)))
    source = mixed.Mixed(examples, *mixed.sources_of(examples, noise, bank), device, keep_mib * MIB)
    return Dataset(source, None if isinstance(snr, str) and snr == STORED else snr, seed)


def _first(folder: Path) -> str:
    found = [shown for name, shown in FIRST.items() if (folder / "data.zarr" / name).is_dir()]
    if not found:
        held = ", ".join(sorted(one.parent.name for one in (folder / "data.zarr").glob("*/zarr.json")))
        wanted = ", ".join(FIRST)
        raise GwsimError(f"{folder} has no examples: expected one of the arrays {wanted} (it has: {held})")
    return found[0]


class Dataset(torch.utils.data.Dataset):
    """Examples and their labels: (tensor, label) of one row, or (tensors, labels) of a list or slice of rows.

    `table` tells what was drawn and realised of each row, `classes` what labels mean, `axes` what a tensor's
    dimensions after the first do.
    """

    def __init__(self, source, snrs, seed: int):
        self._source, self._schedule, self.seed = source, snrs, seed
        for name in ("name", "table", "classes", "ifos", "sample_rate", "view", "shape", "axes"):
            setattr(self, name, getattr(source, name))
        self.labels = self.table["label"].to_numpy(np.int64)
        # Randomness is that of the dataset, wherever a copy of it lies.
        told = [source.attributes.get(name) for name in ("experiment", "dataset")]
        self._stream = (seed, "/".join(told) if all(told) else self.name)
        # Workers of a DataLoader that outlive an epoch learn of the next one by this.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        self._turned: tuple = (None, None, None)
        self._now()  # SNRs that cannot be are told now

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def epoch(self) -> int:
        """The epoch, from which SNRs and orders follow; counted from zero."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch."""
        self._epoch[0] = epoch
        self._now()

    @property
    def snr(self) -> np.ndarray:
        """Each row's SNR in this epoch, NaN where it has none."""
        return self._now()[1]

    def __getitem__(self, rows):
        if np.ndim(rows) or isinstance(rows, slice):
            return self._batch(np.arange(len(self))[rows])
        x, labels = self._batch(np.arange(len(self))[rows : rows + 1 or None])
        if not len(x):
            raise IndexError(f"row {rows} of {len(self)} in {self.name}")
        return x[0], int(labels[0])

    def __getitems__(self, rows: list[int]) -> list[tuple[torch.Tensor, int]]:
        # A DataLoader asks so for a batch, and stacks it.
        x, labels = self[rows]
        return list(zip(x, labels.tolist(), strict=True))

    def batches(self, size: int, shuffle: bool = True, drop_last: bool = False):
        """Yield (tensors, labels) of all rows, in an order of this epoch, read ahead by a thread."""
        order = np.arange(len(self))
        if shuffle:
            order = seeds.generator(*self._stream, "shuffle", self.epoch).permutation(order)
        if drop_last:
            order = order[: len(order) // size * size]
        for rows, x in dataset.batches(self._now()[2].read, order, size):
            yield x, torch.from_numpy(self.labels[rows])

    def _batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(self._now()[2].read(rows)), torch.from_numpy(self.labels[rows])

    def _now(self) -> tuple:
        """Return the epoch, its SNRs, and what is read from in it."""
        epoch = self.epoch
        if self._turned[0] != epoch:
            if self._schedule is None:
                self._turned = (epoch, selection.snr(self.table), self._source)
            else:
                system = self.table["system"].to_numpy()
                snrs = schedule.snrs(self._schedule, epoch, self._stream, system)
                self._turned = (epoch, snrs, self._source.at(snrs))
        return self._turned
