"""A folder of .npy files, one an array, that NumPy maps into memory; the table and the attributes beside.

array            dims as in the store, same type and bits
table.parquet    the table as it is, and table.csv
attributes.json  of the dataset, and of each array with its dims
"""

import json
import shutil
from pathlib import Path

import numpy as np

from gwsim import files
from gwsim.finished import Finished
from gwsim.store import TABLE


def write(store: Finished, path: Path, seen) -> None:
    """Write the folder."""
    with files.whole_folder(path) as part:
        part.mkdir()
        opened = {name: _opened(part / f"{name}.npy", array) for name, array in store.arrays.items()}
        for name, first, last in seen([one for each in store.arrays.values() for one in store.pieces(each)]):
            opened[name][slice(first, last) if store.arrays[name].shape else ...] = store.read(
                name, first, last
            )
            opened[name].flush()
        if (store.folder / TABLE).is_file():
            shutil.copyfile(store.folder / TABLE, part / TABLE)
            store.table.to_csv(part / "table.csv", index=False)
        described = {
            name: {"dims": each.dims, **each.attributes} for name, each in sorted(store.arrays.items())
        }
        told = {"attributes": store.attributes, "arrays": described}
        (part / "attributes.json").write_text(json.dumps(told, indent=1))


def _opened(path: Path, array) -> np.memmap:
    return np.lib.format.open_memmap(path, "w+", np.dtype(array.dtype), array.shape)
