"""A finished store: linked together from whole shards, listed file by file, proved whole and unaltered.

`data.zarr` appears under its name by a rename, when it is complete; `manifest.json` beside it comes last.
"""

import json
import math
import os
import shutil
import warnings
from pathlib import Path, PurePosixPath

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from gwsim import files, store
from gwsim.errors import GwsimError

MANIFEST = "manifest.json"
FORMAT = "gwsim-manifest-1"
# Its own sha256, over all its other keys; manifests of older versions have none.
SEAL = "sha256"
KEYS = {"format", "files", "shards"}


def finalise(
    folder: Path, records, arrays: dict, attributes: dict, texts: dict, beside=(), about=None
) -> None:
    """Link whole shards into `data.zarr`, add the small arrays and attributes, and write the manifest.

    records: of all shards, from whole_records; arrays: name -> {"dims", "values", "attributes"} of arrays
    that are written whole; texts: files put beside the metadata; beside: files of the folder that the
    manifest covers too; about: a function of the manifest's files (name -> {"sha256", "bytes"}) that gives
    the texts of further files of the folder, which it covers as well.
    """
    with files.whole_folder(folder / "data.zarr", replace=True) as part:
        for metadata in sorted((folder / "shards.zarr").rglob("zarr.json")):
            _copy(metadata, part / metadata.relative_to(folder / "shards.zarr"))
        for record in records:
            for name in record["files"]:
                _link(folder / "shards.zarr" / name, part / name)
        _add_small_arrays(part, arrays, attributes)
        for name, text in texts.items():
            (part / name).write_text(text)
        # What it tells of goes now.
        (folder / MANIFEST).unlink(missing_ok=True)
    content = listing(folder, records, beside)
    for name, text in (about(content["files"]) if about else {}).items():
        files.write_atomic(folder / name, text)
        content["files"][name] = files.fingerprint(folder / name)
    write(folder, content)


def whole_records(folder: Path, ranges) -> list[dict]:
    """Return every shard's record, or say which shards are missing or differ from theirs."""
    records = [store.read_record(folder, index) for index in range(len(ranges))]
    bad = [index for index, record in enumerate(records) if not store.is_whole(folder, record)]
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


def listing(folder: Path, records: list[dict], beside=()) -> dict:
    """Return the list of every file of the finished store with its sha256, and each shard's rows."""
    known = {f"data.zarr/{name}": entry for record in records for name, entry in record["files"].items()}
    paths = [p for p in sorted((folder / "data.zarr").rglob("*")) if p.is_file() and not _is_snakemake(p)]
    names = [path.relative_to(folder).as_posix() for path in paths] + list(beside)
    entries = {name: known.get(name) or files.fingerprint(folder / name) for name in names}
    shards = [{"rows": record["rows"], "files": sorted(record["files"])} for record in records]
    return {"format": FORMAT, "files": entries, "shards": shards}


def write(folder: Path, content: dict) -> None:
    """Write a manifest, sealed with the sha256 of its own content: a bit that flips in it shows."""
    sealed = content | {SEAL: store.digest(content)}
    files.write_atomic(folder / MANIFEST, json.dumps(sealed, indent=1, sort_keys=True))


def _is_snakemake(path: Path) -> bool:
    return path.name == ".snakemake_timestamp"


def folder_of(path: Path) -> Path:
    """Return a store's folder from itself, its data.zarr or its manifest."""
    if not path.exists():
        raise GwsimError(f"nothing stands at {path}")
    return path.resolve().parent if path.name in ("data.zarr", MANIFEST) else path


def read(path: Path) -> dict:
    """Return a manifest.

    Raises GwsimError for a file that is none, such as one that was cut or altered.
    """
    return parsed(path.read_bytes(), str(path))


def parsed(text: bytes, where: str) -> dict:
    """Return a manifest from its text, without its seal; where: what a message calls it."""
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    seal = content.pop(SEAL, None) if isinstance(content, dict) else None
    if seal is None:
        whole = isinstance(content, dict) and content.get("format") == FORMAT and set(content) == KEYS
    else:
        whole = store.digest(content) == seal and content.get("format") == FORMAT
    if not whole:
        raise GwsimError(
            f"{where}: no whole manifest of the format {FORMAT}; run snakemake again, or copy it anew"
        )
    if bad := [name for name in content["files"] if not _is_inside(name)]:
        raise GwsimError(
            f"{where} lists {bad[0]!r}, expected names of files in the store's folder; hint: gwsim writes no "
            "such manifest, so ask those from whom it came"
        )
    return content


def _is_inside(name: str) -> bool:
    """Return whether a name, as it stands, is that of a file in a folder, on any system."""
    path = PurePosixPath(name)
    plain = path.as_posix() == name and not {"\\", "\0"} & set(name)
    return plain and not path.is_absolute() and path.parts != () and ".." not in path.parts


def verify(folder: Path, watch=iter) -> dict:
    """Return the manifest of a store proved whole and unaltered, or say everything that is wrong with it.

    watch may wrap the list of files to show how many are done.
    """
    path = folder / MANIFEST
    if not (folder / "data.zarr").is_dir() or not path.is_file():
        raise GwsimError(f"INCOMPLETE: {_progress(folder)}")
    content, found = read(path), {}
    for name in watch(list(content["files"])):
        found[name] = files.fingerprint(folder / name) if (folder / name).is_file() else None
    there = {p.relative_to(folder).as_posix() for p in (folder / "data.zarr").rglob("*") if p.is_file()}
    strangers = {name: {} for name in there - set(found) if not _is_snakemake(Path(name))}
    refuse(str(folder), differences(content, found | strangers))
    return content


def expect_sizes(folder: Path, content: dict) -> None:
    """Raise GwsimError where a file of a manifest is missing or of another size: nothing is read."""
    bad = [
        name
        for name, entry in content["files"].items()
        if not (folder / name).is_file() or (folder / name).stat().st_size != entry["bytes"]
    ]
    if bad:
        raise GwsimError(
            f"{folder} is not whole: {len(bad)} files are missing or of another size, such as "
            f"{bad[0]}; `gwsim verify {folder}` names all of them"
        )


def expect_unaltered(folder: Path, content: dict, name: str) -> None:
    """Raise GwsimError where a file is not the one that the manifest lists."""
    if files.fingerprint(folder / name) != content["files"][name]:
        raise GwsimError(
            f"{folder / name} is not what its manifest says; `gwsim verify {folder}` names "
            "all that is altered"
        )


def differences(content: dict, found: dict[str, dict | str | None]) -> list[str]:
    """Return how files differ from those of a manifest.

    found: name -> sha256 and size, or of a file that was not to be had why, as far as that is known.
    """
    faults, altered = [], []
    for name, entry in content["files"].items():
        got = found.get(name)
        if got is None or isinstance(got, str):
            faults.append(f"missing: {name}{_rows(content, name)}{f': {got}' if got else ''}")
        elif got != entry:
            altered.append(f"altered: {name}{_rows(content, name)}")
    strangers = sorted(set(found) - set(content["files"]))
    return faults + altered + [f"not in the manifest: {name}" for name in strangers]


def refuse(where: str, faults: list[str]) -> None:
    """Raise GwsimError with all the faults of a store, if it has some."""
    if faults:
        raise GwsimError(f"{where} is not what its manifest says:\n  " + "\n  ".join(faults))


def rows(content: dict) -> int:
    """Return how many rows the store of a manifest has."""
    return content["shards"][-1]["rows"][1]


def _rows(content: dict, name: str) -> str:
    rows = [shard["rows"] for shard in content["shards"] if name.removeprefix("data.zarr/") in shard["files"]]
    return f" (rows {rows[0][0]} to {rows[0][1] - 1})" if rows else ""


def _progress(folder: Path) -> str:
    shards = folder / "shards.zarr"
    if not (shards / "zarr.json").is_file():
        return f"{folder} holds no store yet (no data.zarr with a manifest.json beside it)"
    metadata = [json.loads((shards / name / "zarr.json").read_text()) for name in store.laid_out(folder)]
    grids = [(m["shape"][0], m["chunk_grid"]["configuration"]["chunk_shape"][0]) for m in metadata]
    total = max((-(-rows // per_shard) for rows, per_shard in grids), default=0)
    whole = sum(store.is_whole(folder, store.read_record(folder, index)) for index in range(total))
    return f"{folder} has {whole} of {total} shards and no manifest; run again, whole shards are kept"
