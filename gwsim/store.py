"""The Zarr layout: create, write whole shards, finalise, open.

A store grows in a folder of its own: `shards.zarr` holds the metadata first and then one file per shard,
each written by one job as a whole; `records/NNNNN.json` says of each shard what it was made from (its
key) and what it is (sha256); `data.zarr` is linked together from whole shards at the end, and
`manifest.json` beside it, written last, lists every file. Whatever is killed at whatever moment leaves
whole shards with records, which the next run keeps, and no manifest.

Only data types and codecs that every Zarr reader knows are used, categories are integers with CF
flag_values, and mantissas are rounded before writing (readers need no filter for that).
"""

import dataclasses
import hashlib
import io
import json
import math
import os
import shutil
import threading
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet as parquet
import tensorstore
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from gwsim import files, shards
from gwsim.errors import GwsimError

# A finished dataset's table, and what its metadata have of ours.
TABLE = "table.parquet"
ATTRIBUTES = b"gwsim"


@dataclasses.dataclass(frozen=True)
class Array:
    """One sharded array: a shard is `rows` rows of the first axis, an inner chunk one row by `chunk`."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    rows: int
    chunk: tuple[int, ...]
    dtype: str
    attributes: dict
    compress: bool = True
    # Bytes that are compressed together; 0 leaves it to Blosc, which takes 32 KiB.
    block: int = 0


def create(folder: Path, arrays: list[Array]) -> None:
    """Write the metadata of `shards.zarr`; shards that stand there stay, unless their layout changed."""
    path, fresh = folder / "shards.zarr", folder / f"layout-{uuid.uuid4().hex}"
    try:
        for array in arrays:
            _create_array(fresh, array)
            made, there = fresh / array.name / "zarr.json", path / array.name / "zarr.json"
            if not there.exists() or _grid(made) != _grid(there):
                shutil.rmtree(path / array.name, ignore_errors=True)
            there.parent.mkdir(parents=True, exist_ok=True)
            made.replace(there)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    # An array of an older layout would be published without data.
    for name in set(laid_out(folder)) - {array.name for array in arrays}:
        shutil.rmtree(path / name)
    group = {"zarr_format": 3, "node_type": "group", "attributes": {}}
    files.write_atomic(path / "zarr.json", json.dumps(group))


def laid_out(folder: Path) -> list[str]:
    """Return the names of the arrays that `shards.zarr` has."""
    return sorted(path.parent.name for path in (folder / "shards.zarr").glob("*/zarr.json"))


def _create_array(path: Path, array: Array) -> None:
    compressors = [Crc32cCodec()]
    if array.compress:
        # Eight values are shuffled at a time: a block of another number is not shuffled at all.
        eight = 8 * np.dtype(array.dtype).itemsize
        blosc = BloscCodec(
            cname="zstd", clevel=1, shuffle="bitshuffle", blocksize=array.block // eight * eight
        )
        compressors.insert(0, blosc)
    rest = array.shape[1:]
    # A shard is a whole number of inner chunks; readers never see beyond the array's own shape.
    whole = tuple(-(-size // chunk) * chunk for size, chunk in zip(rest, array.chunk, strict=True))
    # Each array alone: for arrays of a group zarr needs hard links, which not every file system has.
    zarr.create_array(
        path / array.name,
        zarr_format=3,
        shape=array.shape,
        chunks=(1, *array.chunk),
        shards=(array.rows, *whole),
        dtype=array.dtype,
        compressors=compressors,
        fill_value=math.nan if np.dtype(array.dtype).kind == "f" else 0,
        dimension_names=array.dims,
        attributes=array.attributes,
    )


def _grid(path: Path) -> dict:
    metadata = json.loads(path.read_text())
    return {key: value for key, value in metadata.items() if key != "attributes"}


# A forked process has lost the threads that tensorstore had started before, and would wait for them for ever.
_started, _lost = threading.Event(), threading.Event()
os.register_at_fork(after_in_child=lambda: _lost.set() if _started.is_set() else None)


def open_array(path: Path) -> tensorstore.TensorStore | shards.Array:
    """Open one array for reading or writing, with one thread and no cache: jobs are the parallelism.

    Where a fork has lost its threads our own reader takes its place, which cannot write.
    """
    if not (path / "zarr.json").is_file():
        raise GwsimError(f"no Zarr array at {path}: the store is not laid out, or was moved")
    if _lost.is_set():
        return _open_after_fork(path)
    _started.set()
    spec = {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": str(path)},
        "context": {"data_copy_concurrency": {"limit": 1}, "file_io_concurrency": {"limit": 1}},
    }
    return tensorstore.open(spec, open=True).result()


def kept_bits(path: Path) -> int | None:
    """Return the mantissa bits that an array's values were rounded to; None where they were not."""
    return json.loads((path / "zarr.json").read_text())["attributes"].get("mantissa_bits_kept")


def _open_after_fork(path: Path) -> shards.Array:
    array = shards.opened(path)
    if array is None:
        raise GwsimError(
            f"{path} is laid out in a way that a forked process cannot read: start processes anew, as with "
            'multiprocessing_context="spawn" of a DataLoader, or read in this one'
        )
    return array


def write_shard(folder: Path, index: int, rows: tuple[int, int], arrays: dict[str, np.ndarray]) -> dict:
    """Write one whole shard of every array; return name of file -> {sha256, bytes}."""
    if sorted(arrays) != laid_out(folder):
        raise ValueError(f"got arrays {sorted(arrays)}, the store is laid out for {laid_out(folder)}")
    written = {}
    for name, values in arrays.items():
        target = open_array(folder / "shards.zarr" / name)
        per_shard = target.chunk_layout.write_chunk.shape[0]
        if rows[0] != index * per_shard or rows[1] != min(rows[0] + per_shard, target.shape[0]):
            raise ValueError(f"rows {rows} are not the whole of {name}'s shard {index} of {per_shard} rows")
        if values.shape != (rows[1] - rows[0], *target.shape[1:]):  # tensorstore would broadcast
            raise ValueError(f"rows {rows} of {name}: got shape {values.shape}, store has {target.shape}")
        path = shard_path(name, index, values.ndim)
        # tensorstore reads a shard that stands, and cannot write over a damaged one.
        (folder / "shards.zarr" / path).unlink(missing_ok=True)
        target[rows[0] : rows[1]].write(values).result()
        # A shard of nothing but fill values is no file.
        if (folder / "shards.zarr" / path).is_file():
            written[path] = files.fingerprint(folder / "shards.zarr" / path)
    return written


def shard_path(name: str, index: int, ndim: int) -> str:
    """Return a shard's file inside the store."""
    return "/".join([name, "c", str(index), *["0"] * (ndim - 1)])


def table_digest(table: pd.DataFrame) -> str:
    """Return the sha256 of a table's columns, their types and values."""
    whole = hashlib.sha256()
    for name in table.columns:
        values = table[name].to_numpy()
        text = json.dumps(values.tolist()).encode() if values.dtype == object else values.tobytes()
        whole.update(f"{name} {values.dtype} ".encode() + text)
    return whole.hexdigest()


def digest(value) -> str:
    """Return the sha256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def write_table(
    path: Path, table: pd.DataFrame, row_group: int | None = None, attributes: dict | None = None
) -> None:
    """Write a table as Parquet, whole or not at all; row groups are what readers can take one by one.

    attributes: what the file tells of itself, as JSON in its metadata. They are no attrs of the frame, which
    pandas would copy with each of its pieces.
    """
    content, whole = io.BytesIO(), pyarrow.Table.from_pandas(table, preserve_index=False)
    metadata = dict(whole.schema.metadata)
    if table.attrs:
        metadata[b"PANDAS_ATTRS"] = json.dumps(table.attrs).encode()
    if attributes is not None:
        metadata[ATTRIBUTES] = json.dumps(attributes).encode()
    whole = whole.replace_schema_metadata(metadata)
    parquet.write_table(whole, content, row_group_size=row_group or max(len(table), 1))
    files.write_atomic(path, content.getvalue())


def table_attributes(path: Path) -> dict | None:
    """Return what a Parquet table tells of itself; None where it tells nothing."""
    try:
        metadata = parquet.read_schema(path).metadata or {}
    except pyarrow.ArrowInvalid as error:
        raise GwsimError(f"{path}: no table in Parquet ({error})") from error
    return json.loads(metadata[ATTRIBUTES]) if ATTRIBUTES in metadata else None


def read_rows(path: Path, first: int, last: int) -> pd.DataFrame:
    """Return rows [first, last) of a Parquet table, indexed by their number; only their groups are read."""
    file = parquet.ParquetFile(path)
    edges = np.cumsum([0, *(file.metadata.row_group(i).num_rows for i in range(file.num_row_groups))])
    groups = [i for i in range(file.num_row_groups) if edges[i] < last and edges[i + 1] > first]
    start = int(edges[groups[0]]) if groups else 0
    table = file.read_row_groups(groups).to_pandas()
    table.index = pd.RangeIndex(start, start + len(table))
    return table.loc[first : last - 1]


def record_path(folder: Path, index: int) -> Path:
    """Return where a shard's record stands."""
    return folder / "records" / f"{index:05d}.json"


def read_record(folder: Path, index: int) -> dict | None:
    """Return a shard's record, or None where it has none that can be read."""
    try:
        return json.loads(record_path(folder, index).read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def is_whole(folder: Path, record: dict | None) -> bool:
    """Return whether a shard's files, and its table of columns, are all there and what its record says."""
    if record is None:
        return False
    paths = {folder / "shards.zarr" / name: entry for name, entry in record["files"].items()}
    paths |= {folder / "records" / name: entry for name, entry in record["columns"].items()}
    return all(path.is_file() and files.fingerprint(path) == entry for path, entry in paths.items())


def write_shards(folder: Path, indices, ranges, key, make):
    """Make shards, those that stand whole under the same key excepted; yield their records.

    key and make are functions of a shard's number: what it is made from, as a hash, and its arrays with
    its table of realised columns (or None).
    """
    for index in indices:
        made_from = key(index)
        record = read_record(folder, index)
        if not (record and record["key"] == made_from and is_whole(folder, record)):
            record = {"key": made_from, "rows": list(ranges[index]), "columns": {}}
            arrays, columns = make(index)
            record["files"] = write_shard(folder, index, ranges[index], arrays)
            if columns is not None:
                path = record_path(folder, index).with_suffix(".parquet")
                write_table(path, columns)
                record["columns"][path.name] = files.fingerprint(path)
            files.write_atomic(record_path(folder, index), json.dumps(record, indent=1, sort_keys=True))
        yield {"shard": index, **record}


def realised(folder: Path, ranges) -> pd.DataFrame:
    """Return the tables of realised columns of all shards, in order."""
    paths = [record_path(folder, index).with_suffix(".parquet") for index in range(len(ranges))]
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)
