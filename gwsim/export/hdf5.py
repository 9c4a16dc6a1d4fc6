"""One HDF5 file: each array a dataset of the same bits, its axes as dimension scales, with units and meaning.

Examples are chunks, shuffled, of gzip's first level and with a checksum, which every HDF5 library reads.
Attributes that are no number, text or list of these are JSON. Columns of the table that the store has no
array of (names, say) are datasets of text. The bytes follow from the store alone.
"""

import json
from pathlib import Path

import h5py
import numpy as np

from gwsim import files
from gwsim.finished import SAMPLE, Array, Finished

# Any library reads gzip; its first level is the quickest and nearly as small.
PACKED = {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True}


def write(store: Finished, path: Path, seen) -> None:
    """Write the file."""
    # Attributes of any length, whole configurations say, need the layout of 1.8 or newer.
    with files.whole_file(path) as out, h5py.File(out, "w", libver=("v108", "v108")) as file:
        for array in store.arrays.values():
            _dataset(file, array)
        for name, first, last in seen([one for each in store.arrays.values() for one in store.pieces(each)]):
            if last > first:
                file[name][first:last] = store.read(name, first, last)
            elif not store.arrays[name].shape:
                file[name][()] = store.read(name)
        _texts(file, store)
        _axes(file, store)
        _attributes(file, store.attributes)


def _dataset(file: h5py.File, array: Array) -> None:
    large = array.dims[:1] == (SAMPLE,) and len(array.dims) > 1
    packed = {"chunks": (1, *array.shape[1:]), **PACKED} if large else {}
    made = file.create_dataset(array.name, array.shape, np.dtype(array.dtype), **packed)
    _attributes(made, array.attributes)


def _texts(file: h5py.File, store: Finished) -> None:
    """Add columns that the table alone has."""
    for name in store.table.columns:
        if name in store.arrays:
            continue
        values = store.table[name]
        if values.dtype.kind in "iufb":
            made = file.create_dataset(name, data=values.to_numpy())
        else:
            text = [str(one) for one in values]
            made = file.create_dataset(name, data=text, dtype=h5py.string_dtype())
        made.dims[0].label = SAMPLE


def _axes(file: h5py.File, store: Finished) -> None:
    """Name every axis, and give it its coordinate where there is one."""
    for name, array in store.arrays.items():
        if array.dims == (name,):
            file[name].make_scale(name)
    for name, array in store.arrays.items():
        for place, dim in enumerate(array.dims):
            file[name].dims[place].label = dim
            if dim != name and store.arrays.get(dim) and store.arrays[dim].dims == (dim,):
                file[name].dims[place].attach_scale(file[dim])


def _attributes(node, attributes: dict) -> None:
    for name, value in attributes.items():
        simple = isinstance(value, (str, bool, int, float)) or (
            isinstance(value, list)
            and value
            and (
                all(isinstance(one, str) for one in value) or all(type(one) in (int, float) for one in value)
            )
        )
        node.attrs[name] = value if simple else json.dumps(value)
