"""Training ccsn_cnn on spectrograms of a finished dataset, batches of 128, a validation left out."""

import itertools
from pathlib import Path

import finished
import h5py
import learn
import loader
import numpy as np
import torch
from measuring import CORE, MEMORY, OURS, PLAIN, Part, Stage, Way, copied, repeated
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, TensorDataset

from gwsim import dataset, models, train

ROWS, KEPT = 1024, 2**30
CPU = torch.device("cpu")


def build(folder: Path, times: int) -> Stage:
    path = finished.make(folder, ROWS)
    examples = dataset.Examples(path)
    values = examples.raw(np.arange(ROWS))
    loader.hdf5(folder / "same.h5", values)
    labels = torch.from_numpy(examples.table["label"].to_numpy("int64"))
    memory = torch.from_numpy(dataset.scaled(values, "minmax"))
    files, arrays = Hdf5(folder / "same.h5", labels), TensorDataset(memory, labels)
    shape, classes = examples.shape, len(examples.classes)
    bare = learn.bare_step(shape, classes, CPU)
    return Stage(
        unit="examples",
        about=f"{__doc__} After its first epoch ours has the rows in memory, up to 1 GiB of them; or it "
        "keeps none. The plain loops take a DataLoader over HDF5, example by example, without workers, "
        "and over tensors in memory, in PyTorch's own layout. More work is more epochs.",
        ways=[
            Way("gwsim", OURS, repeated(times, epochs(examples, KEPT))),
            Way("gwsim, nothing kept", OURS, epochs(examples, 0)),
            Way("a loop over HDF5, packed by gzip", PLAIN, plain_loop(files, shape, classes)),
            Way("a loop over tensors in memory", PLAIN, plain_loop(arrays, shape, classes)),
        ],
        limit=[
            Part("forward, backward and step on one batch", CORE, steps(bare)),
            Part("examples read once", MEMORY, copied(values[0].nbytes)),
        ],
    )


def steps(bare):
    """Return as many bare steps as an epoch has."""
    return lambda: sum(bare() or learn.BATCH for _ in range(ROWS // learn.BATCH))


def epochs(examples: dataset.Examples, keep: int):
    """Return work that trains one more epoch, all steps of it."""
    settings = learn.settings_for(examples) | {"phases": [{"epochs": 1000}]}
    training, number = train.Training(examples, examples, settings, 1, CPU, keep), itertools.count()

    def work() -> int:
        epoch = next(number)
        for step in training.epoch(epoch):
            if step + 1 == training.batches(epoch):
                return len(examples.table)

    return work


class Hdf5(Dataset):
    """Spectrograms of a file, read one by one and scaled, as most datasets of PyTorch's users do it."""

    def __init__(self, path: Path, labels: torch.Tensor):
        self.values, self.labels = h5py.File(path, "r")["gzip"], labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int):
        x = torch.from_numpy(self.values[row])
        low, high = x.min(), x.max()
        return (x - low) / (high - low), self.labels[row]


def plain_loop(data: Dataset, shape: tuple[int, ...], classes: int):
    """Return work that trains one more epoch as PyTorch's tutorials do."""
    model = models.build("ccsn_cnn", shape, classes, 1)
    optimiser = torch.optim.Adam(model.parameters(), 5e-4)
    batches = DataLoader(data, learn.BATCH, shuffle=True)

    def work() -> int:
        for x, y in batches:
            optimiser.zero_grad()
            cross_entropy(model(x), y).backward()
            optimiser.step()
        return len(data)

    return work
