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
import json
import math
import os
import shutil
import uuid
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import tensorstore
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from gwsim.errors import GwsimError

MANIFEST = "manifest.json"


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
    write_atomic(path / "zarr.json", json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {}}))


def laid_out(folder: Path) -> list[str]:
    """Return the names of the arrays that `shards.zarr` has."""
    return sorted(path.parent.name for path in (folder / "shards.zarr").glob("*/zarr.json"))


def _create_array(path: Path, array: Array) -> None:
    compressors = [Crc32cCodec()]
    if array.compress:
        compressors.insert(0, BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle"))
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
        fill_value=math.nan,
        dimension_names=array.dims,
        attributes=array.attributes,
    )


def _grid(path: Path) -> dict:
    metadata = json.loads(path.read_text())
    return {key: value for key, value in metadata.items() if key != "attributes"}


def open_array(path: Path) -> tensorstore.TensorStore:
    """Open one array for reading or writing, with one thread and no cache: jobs are the parallelism."""
    if not (path / "zarr.json").is_file():
        raise GwsimError(f"no Zarr array at {path}: the store is not laid out, or was moved")
    spec = {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": str(path)},
        "context": {"data_copy_concurrency": {"limit": 1}, "file_io_concurrency": {"limit": 1}},
    }
    return tensorstore.open(spec, open=True).result()


def write_shard(folder: Path, index: int, rows: tuple[int, int], arrays: dict[str, np.ndarray]) -> dict:
    """Write one whole shard of every array; return name of file -> {sha256, bytes}."""
    if sorted(arrays) != laid_out(folder):
        raise ValueError(f"got arrays {sorted(arrays)}, the store is laid out for {laid_out(folder)}")
    files = {}
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
        files[path] = fingerprint(folder / "shards.zarr" / path)
    return files


def shard_path(name: str, index: int, ndim: int) -> str:
    """Return a shard's file inside the store."""
    return "/".join([name, "c", str(index), *["0"] * (ndim - 1)])


def fingerprint(path: Path) -> dict:
    """Return a file's sha256 and size."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return {"sha256": sha256, "bytes": os.fstat(file.fileno()).st_size}


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


def write_atomic(path: Path, text: str | bytes) -> None:
    """Write a file beside its place, make it durable, and rename it: whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_table(path: Path, table: pd.DataFrame, row_group: int | None = None) -> None:
    """Write a table as Parquet, whole or not at all; row groups are what readers can take one by one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        table.to_parquet(part, index=False, row_group_size=row_group or max(len(table), 1))
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


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
    return all(path.is_file() and fingerprint(path) == entry for path, entry in paths.items())


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
                record["columns"][path.name] = fingerprint(path)
            write_atomic(record_path(folder, index), json.dumps(record, indent=1, sort_keys=True))
        yield {"shard": index, **record}


def realised(folder: Path, ranges) -> pd.DataFrame:
    """Return the tables of realised columns of all shards, in order."""
    paths = [record_path(folder, index).with_suffix(".parquet") for index in range(len(ranges))]
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)


def finalise(folder: Path, ranges, arrays: dict, attributes: dict, texts: dict, beside=()) -> None:
    """Link whole shards into `data.zarr`, add the small arrays and attributes, and write the manifest.

    arrays: name -> {"dims", "values", "attributes"} of arrays that are written whole; texts: files put
    beside the metadata; beside: files of the folder that the manifest covers too.
    """
    records = whole_records(folder, ranges)
    part = folder / f"data.zarr.{uuid.uuid4().hex}.part"
    try:
        for metadata in sorted((folder / "shards.zarr").rglob("zarr.json")):
            _copy(metadata, part / metadata.relative_to(folder / "shards.zarr"))
        for record in records:
            for name in record["files"]:
                _link(folder / "shards.zarr" / name, part / name)
        _add_small_arrays(part, arrays, attributes)
        for name, text in texts.items():
            (part / name).write_text(text)
        target = folder / "data.zarr"
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        part.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    write_atomic(folder / MANIFEST, json.dumps(manifest(folder, records, beside), indent=1, sort_keys=True))


def whole_records(folder: Path, ranges) -> list[dict]:
    """Return every shard's record, or say which shards are missing or differ from theirs."""
    records = [read_record(folder, index) for index in range(len(ranges))]
    bad = [index for index, record in enumerate(records) if not is_whole(folder, record)]
    if bad:
        raise GwsimError(
            f"shards {bad} of {folder} are missing or differ from their records; "
            "run snakemake with --forcerun on the stage that writes them: whole shards are kept"
        )
    return records


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _link(source: Path, target: Path) -> None:
    """Hard-link a shard; copy it where the file system has no links. Never move it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _add_small_arrays(path: Path, arrays: dict[str, dict], attributes: dict) -> None:
    group = zarr.open_group(path, mode="r+", zarr_format=3)
    for name, array in arrays.items():
        values = np.asarray(array["values"])
        zarr.create_array(
            path / name,
            zarr_format=3,
            data=values,
            chunks=values.shape if values.size else "auto",
            compressors=[BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle")],
            fill_value=math.nan if values.dtype.kind == "f" else 0,
            dimension_names=array["dims"],
            attributes=array["attributes"],
        )
    group.attrs.update(attributes)
    # Consolidate before other files are added: zarr warns about files that it does not know.
    with warnings.catch_warnings():
        # They are a convenience: readers that ignore them read the same.
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        zarr.consolidate_metadata(path, zarr_format=3)


def manifest(folder: Path, records: list[dict], beside=()) -> dict:
    """Return the list of every file of the finished store with its sha256, and each shard's rows."""
    known = {f"data.zarr/{name}": entry for record in records for name, entry in record["files"].items()}
    paths = [p for p in sorted((folder / "data.zarr").rglob("*")) if p.is_file() and not _is_snakemake(p)]
    names = [path.relative_to(folder).as_posix() for path in paths] + list(beside)
    files = {name: known.get(name) or fingerprint(folder / name) for name in names}
    shards = [{"rows": record["rows"], "files": sorted(record["files"])} for record in records]
    return {"format": "gwsim-manifest-1", "files": files, "shards": shards}


def _is_snakemake(path: Path) -> bool:
    return path.name == ".snakemake_timestamp"


def folder_of(path: Path) -> Path:
    """Return a store's folder from itself, its data.zarr or its manifest."""
    if not path.exists():
        raise GwsimError(f"nothing stands at {path}")
    return path.resolve().parent if path.name in ("data.zarr", MANIFEST) else path


def verify(folder: Path) -> dict:
    """Return the manifest of a store proved whole and unaltered, or say everything that is wrong with it."""
    path = folder / MANIFEST
    if not (folder / "data.zarr").is_dir() or not path.is_file():
        raise GwsimError(f"INCOMPLETE: {_progress(folder)}")
    content = json.loads(path.read_text())
    faults = []
    for name, entry in content["files"].items():
        if not (folder / name).is_file():
            faults.append(f"missing: {name}{_rows(content, name)}")
        elif fingerprint(folder / name) != entry:
            faults.append(f"altered: {name}{_rows(content, name)}")
    found = {p.relative_to(folder).as_posix() for p in (folder / "data.zarr").rglob("*") if p.is_file()}
    strangers = sorted(n for n in found - set(content["files"]) if not _is_snakemake(Path(n)))
    faults += [f"not in the manifest: {name}" for name in strangers]
    if faults:
        raise GwsimError(f"{folder} is not what its manifest says:\n  " + "\n  ".join(faults))
    return content


def _rows(content: dict, name: str) -> str:
    rows = [shard["rows"] for shard in content["shards"] if name.removeprefix("data.zarr/") in shard["files"]]
    return f" (rows {rows[0][0]} to {rows[0][1] - 1})" if rows else ""


def _progress(folder: Path) -> str:
    shards = folder / "shards.zarr"
    if not (shards / "zarr.json").is_file():
        return f"{folder} holds no store yet (no data.zarr with a manifest.json beside it)"
    metadata = [json.loads((shards / name / "zarr.json").read_text()) for name in laid_out(folder)]
    grids = [(m["shape"][0], m["chunk_grid"]["configuration"]["chunk_shape"][0]) for m in metadata]
    total = max((-(-rows // per_shard) for rows, per_shard in grids), default=0)
    whole = sum(is_whole(folder, read_record(folder, index)) for index in range(total))
    return f"{folder} has {whole} of {total} shards and no manifest; run again, whole shards are kept"
