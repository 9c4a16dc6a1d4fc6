"""A finished store as other formats are made of it: its arrays with their axes, read piece by piece."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from gwsim import manifest, origin, sharding, store
from gwsim.errors import GwsimError

SAMPLE = "sample"


@dataclasses.dataclass(frozen=True)
class Array:
    """What the metadata of one array say; rows: of a shard, all where it has none."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    attributes: dict
    rows: int


class Finished:
    """A store with a manifest: all files are there in their sizes, and those without checksums unaltered."""

    def __init__(self, folder: Path):
        self.folder = manifest.folder_of(folder)
        if not (self.folder / manifest.MANIFEST).is_file():
            raise GwsimError(
                f"{self.folder} holds no finished store: `gwsim verify {self.folder}` tells more"
            )
        self.content = manifest.read(self.folder / manifest.MANIFEST)
        manifest.expect_sizes(self.folder, self.content)
        self.path = self.folder / "data.zarr"
        self._expect_unaltered()
        self.attributes = json.loads((self.path / "zarr.json").read_text())["attributes"]
        paths = sorted(self.path.glob("*/zarr.json"))
        self.arrays = {path.parent.name: described(path) for path in paths}
        table = self.folder / store.TABLE
        self.table = pd.read_parquet(table) if table.is_file() else pd.DataFrame()
        self.name = self._name()

    def _name(self) -> str:
        """Return EXPERIMENT-DATASET by a dataset's attributes, else by its folders."""
        if "classes" in self.attributes and isinstance(self.attributes.get("title"), str):
            words = origin.named(self.attributes)
            if all(re.fullmatch(r"[\w.+-]{1,60}", str(word)) for word in words):
                return "-".join(map(str, words))
        folder = self.folder.resolve()
        return f"{folder.parent.name}-{folder.name}"

    def _expect_unaltered(self) -> None:
        """Hold metadata, table and columns against the manifest: no checksum proves them as they are read."""
        proved: dict[str, bool] = {}
        for name in self.content["files"]:
            array = name.removeprefix("data.zarr/").partition("/")[0]
            if array not in proved:
                proved[array] = _has_checksums(self.path / array / "zarr.json")
            chunk = proved[array] and name != f"data.zarr/{array}/zarr.json"
            if not chunk:
                manifest.expect_unaltered(self.folder, self.content, name)

    def examples(self) -> list[Array]:
        """Return the arrays that hold examples: of samples, and more axes than that."""
        return [one for one in self.arrays.values() if one.dims[:1] == (SAMPLE,) and len(one.dims) > 1]

    def columns(self) -> list[Array]:
        """Return the arrays of one value a sample."""
        return [one for one in self.arrays.values() if one.dims == (SAMPLE,)]

    @property
    def size(self) -> int:
        """How many examples there are."""
        return manifest.rows(self.content)

    def ranges(self) -> list[tuple[int, int]]:
        """Return the rows [first, last) of what is read of examples at a time: a shard."""
        first = self.examples()[0] if self.examples() else None
        return spans(self.size, first.rows if first else self.size)

    def read(self, name: str, first: int = 0, last: int | None = None) -> np.ndarray:
        """Return rows [first, last) of an array, all where not given; damaged chunks raise GwsimError."""
        try:
            array = store.open_array(self.path / name)
            # An array of no axis has no rows.
            return np.asarray((array[first:last] if array.rank else array).read().result())
        except (ValueError, OSError) as error:
            raise GwsimError(f"{self.path / name} cannot be read: {str(error)[:200]}") from None

    def pieces(self, array: Array) -> list[tuple[str, int, int]]:
        """Return name, first and last row of an array's pieces, each a shard at most."""
        if not array.shape:
            return [(array.name, 0, 0)]
        return [(array.name, first, last) for first, last in spans(array.shape[0], array.rows)]


def _has_checksums(path: Path) -> bool:
    """Return whether each chunk of an array, and the index of each shard, ends with a checksum."""
    try:
        its = json.loads(path.read_bytes())["codecs"][-1]
        lists = [its["configuration"][name] for name in ("codecs", "index_codecs")]
        return all(one[-1]["name"] == "crc32c" for one in lists)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def spans(rows: int, per_chunk: int) -> list[tuple[int, int]]:
    """Return ranges of rows that are read at a time: whole chunks, many where a chunk is one row."""
    return sharding.shard_ranges(rows, per_chunk if per_chunk > 1 else sharding.LEAST_ROWS)


def described(path: Path) -> Array:
    """Return what the metadata of an array say."""
    metadata = json.loads(path.read_text())
    shape = metadata["shape"]
    return Array(
        name=path.parent.name,
        dims=tuple(metadata.get("dimension_names") or ()),
        shape=tuple(shape),
        dtype=metadata["data_type"],
        attributes=metadata.get("attributes", {}),
        rows=metadata["chunk_grid"]["configuration"]["chunk_shape"][0] if shape else 0,
    )


def plain(value):
    """Return a value as JSON has it: NaN is null."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
