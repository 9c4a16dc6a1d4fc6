"""Shuffled batches of 128 spectrograms, 37 KB each, of a finished dataset that the page cache has."""

from pathlib import Path

import finished
import h5py
import loader
import numpy as np
import torch
import zarr
from measuring import CORE, MEMORY, OURS, PEER, PLAIN, Part, Stage, Way, copied
from torch.utils.data import DataLoader

import gwsim

ROWS, FEW = 2048, 256


def build(folder: Path, times: int) -> Stage:
    path = finished.make(folder, times * ROWS)
    data = gwsim.open(path, finished.ARRAY, threads=1)
    whole = data[: finished.RENDERED][0].numpy()
    loader.hdf5(folder / "same.h5", whole)
    file = h5py.File(folder / "same.h5", "r")
    store = zarr.open_array(path / "data.zarr" / finished.ARRAY, mode="r")
    chunks, out = loader.packed(path / "data.zarr" / finished.ARRAY, FEW), np.empty_like(whole[:1])
    return Stage(
        unit="examples",
        about=f"{__doc__} Ours unpacks in one thread. DataLoader asks our dataset for batches, without "
        "workers. zarr-python is asked for batches of the same store; it and h5py are asked for one "
        "example after the other, as a Dataset of torch's does. HDF5 has the same chunks, packed by gzip "
        "or not at all.",
        ways=[
            Way("gwsim.open(...).batches", OURS, lambda: epoch(data)),
            Way(
                "torch's DataLoader over it",
                PEER,
                lambda: all_of(DataLoader(data, loader.BATCH, shuffle=True)),
            ),
            Way("zarr-python, batch by batch", PLAIN, lambda: by_batch(store)),
            Way("zarr-python, one by one", PLAIN, lambda: by_one(store)),
            Way("h5py, gzip, one by one", PLAIN, lambda: by_one(file["gzip"])),
            Way("h5py, not packed, one by one", PLAIN, lambda: by_one(file["plain"])),
        ],
        limit=[
            Part("unpacking, bare", CORE, lambda: loader.unpacked(chunks, out) or len(chunks)),
            Part("unpacked bytes written once", MEMORY, copied(whole[0].nbytes)),
        ],
    )


def epoch(data) -> int:
    """Read all of the next epoch."""
    data.set_epoch(data.epoch + 1)
    return all_of(data.batches(loader.BATCH))


def all_of(batches) -> int:
    return sum(len(x) for x, _ in batches)


def order_of(array) -> np.ndarray:
    return np.random.default_rng().permutation(array.shape[0])[:FEW]


def by_one(array) -> int:
    loader.one_by_one(array, order_of(array))
    return FEW


def by_batch(array) -> int:
    for rows in np.split(order_of(array), FEW // loader.BATCH):
        torch.from_numpy(array.oindex[np.sort(rows)])
    return FEW
