"""A folder of tars, one a shard, that WebDataset reads as they stream by: an example is a few files in a row.

Of example 12, whose key is 00000012:
00000012.cls           its label
00000012.json          its row of the table, null for NaN
00000012.strain.npy    its part of each array of examples, by the array's name
dataset.json beside the tars has the attributes and lists the tars with their examples and sha256.
"""

import io
import json
from pathlib import Path

import numpy as np

from gwsim import files, tarred
from gwsim.errors import GwsimError
from gwsim.finished import Finished, plain


def write(store: Finished, path: Path, seen) -> None:
    """Write the folder."""
    arrays = sorted(one.name for one in store.examples())
    if not arrays or "label" not in store.table:
        raise GwsimError(
            f"{store.folder} is no dataset: WebDataset is of arrays of examples and their labels"
        )
    listed = []
    with files.whole_folder(path) as part:
        part.mkdir()
        for number, (first, last) in enumerate(seen(store.ranges())):
            name = f"{store.name}-{number:06d}.tar"
            values = {array: store.read(array, first, last) for array in arrays}
            with (part / name).open("wb") as file:
                out = tarred.Writer(file)
                for row in range(first, last):
                    for ending, content in _example(store, values, row, first):
                        out.add(f"{row:08d}.{ending}", content)
                listed.append({"tar": name, "rows": [first, last], "sha256": out.end()})
        told = {"attributes": store.attributes, "tars": listed}
        (part / "dataset.json").write_text(json.dumps(told, indent=1))


def _example(store: Finished, values: dict[str, np.ndarray], row: int, first: int):
    """Yield the ending and the content of each file of an example, by name."""
    told = {name: plain(store.table[name].iat[row]) for name in store.table}
    yield "cls", str(told["label"]).encode()
    yield "json", json.dumps(told, allow_nan=False).encode()
    for name, array in values.items():
        content = io.BytesIO()
        np.save(content, array[row - first])
        yield f"{name}.npy", content.getvalue()
