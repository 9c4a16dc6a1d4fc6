"""A shard of 256 examples of binaries, 4 s of three ifos, from memory to a store on the disk."""

import shutil
from pathlib import Path

import cbc
import common
import h5py
import numpy as np
import pandas as pd
import zarr
from measuring import (
    CORE,
    DISK,
    MEMORY,
    OURS,
    PEER,
    PLAIN,
    Part,
    Stage,
    Way,
    copied,
    made_durable,
    wait_for_disk,
)
from numcodecs import blosc
from packing import hashed, packed

from gwsim import layout, sharding, store

ROWS = 256


def build(folder: Path, times: int) -> Stage:
    zarr.config.set({"threading.max_workers": 1})
    blosc.set_nthreads(1)
    dataset = cbc.Dataset(folder, "shard", "cbc_scaled", ROWS)
    common.make_bank(dataset.folder / "bank", dataset.systems, dataset.settings["waveforms"])
    renderer = common.renderer_of(dataset.folder, dataset.settings["render"])
    arrays, columns = renderer.rows(pd.read_parquet(dataset.folder / "draw.parquet"))
    (array,) = layout.arrays(dataset.settings["render"] | {"examples": times * ROWS})
    values, out = arrays[array.name], folder / "written"
    ours(out, array, values, columns, times)
    row_bytes = size(out) / (times * ROWS)
    return Stage(
        unit="examples",
        about=f"{__doc__} Mantissas are rounded already. All wait for the disk. Ours writes sha256 and "
        "realised columns besides; zarr-python has the same shards and codec; HDF5 has gzip's first level on "
        "shuffled bytes, .npy no compression.",
        ways=[
            Way("gwsim", OURS, lambda: ours(out, array, values, columns, times)),
            Way("zarr-python, the same shards", PEER, lambda: by_zarr(folder / "zarr", array, values)),
            Way("h5py, gzip", PLAIN, lambda: by_h5py(folder / "plain.h5", values)),
            Way("numpy.save", PLAIN, lambda: by_numpy(folder / "plain.npy", values)),
        ],
        limit=[
            Part("packing by the same codec, bare", CORE, lambda: packed(arrays, [array]) and ROWS),
            Part("sha256 of packed bytes, bare", CORE, hashed(row_bytes)),
            Part("an example read once", MEMORY, copied(values[0].nbytes)),
            Part("an example's packed bytes made durable", DISK, made_durable(folder, row_bytes)),
        ],
    )


def ours(folder: Path, array: store.Array, values: np.ndarray, columns: pd.DataFrame, times: int) -> int:
    """Write whole shards, as `gwsim render` does."""
    shutil.rmtree(folder, ignore_errors=True)
    store.create(folder, [array])
    ranges = sharding.shard_ranges(times * ROWS, ROWS)
    made = {array.name: values}, columns
    list(store.write_shards(folder, range(times), ranges, str, lambda index: made))
    return times * ROWS


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def by_zarr(folder: Path, array: store.Array, values: np.ndarray) -> int:
    shutil.rmtree(folder, ignore_errors=True)
    store.create(folder, [array])
    path = folder / "shards.zarr" / array.name
    zarr.open_array(path, mode="r+")[: len(values)] = values
    for one in (path / "c").rglob("*"):
        if one.is_file():
            wait_for_disk(one)
    return len(values)


def by_h5py(path: Path, values: np.ndarray) -> int:
    packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    with h5py.File(path, "w") as file:
        file.create_dataset("strain", data=values, chunks=(1, *values.shape[1:]), **packed)
    wait_for_disk(path)
    return len(values)


def by_numpy(path: Path, values: np.ndarray) -> int:
    np.save(path, values)
    wait_for_disk(path)
    return len(values)
