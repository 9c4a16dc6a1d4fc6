"""What differs between two datasets, told by themselves: attributes, manifests, tables, and small arrays.

Gives a plain document; `gwsim.difference_words` says it in words. No array of examples is read: equal files
have equal sha256 in their manifests.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd

from gwsim import loudness, manifest, origin, stages, store
from gwsim.errors import GwsimError

# Columns that say how loud an example is, or follow from it alone; there is one more for each ifo.
LOUDNESS = (
    "snr",
    "snr_full",
    "snr_whitened",
    "distance_kpc",
    "snr_target",
    "distance_target_kpc",
    "snr_scan",
)
LOUDNESS_OF_IFO = "snr_"
# Axes that are as long as a dataset is.
COUNTED = ("sample", "block")


@dataclasses.dataclass
class Side:
    """One dataset: its folder, attributes, manifest, table, and the metadata of its arrays by name."""

    folder: Path
    attributes: dict
    manifest: dict
    table: pd.DataFrame
    arrays: dict[str, dict]

    @property
    def name(self) -> str:
        """The dataset's name, in words; its folder's where it tells none."""
        return " ".join(origin.named(self.attributes)).strip() or self.folder.resolve().name


def side(folder: Path) -> Side:
    """Open a finished store; raises GwsimError for one that is not whole, or was altered in what is read."""
    attributes = origin.of_store(folder)
    if not (folder / store.TABLE).is_file():
        raise GwsimError(f"{folder} has no {store.TABLE}: expected a dataset's store")
    listed = _whole(folder)
    arrays = {path.parent.name: json.loads(path.read_text()) for path in folder.glob("data.zarr/*/zarr.json")}
    return Side(folder, attributes, listed, pd.read_parquet(folder / store.TABLE), arrays)


def _whole(folder: Path) -> dict:
    """Return a store's manifest, which speaks for its arrays: so all files are there, in their sizes."""
    listed = manifest.read(folder / manifest.MANIFEST)
    manifest.expect_sizes(folder, listed)
    for name in listed["files"]:
        if name == store.TABLE or name.endswith("zarr.json"):
            manifest.expect_unaltered(folder, listed, name)
    return listed


def found(a: Side, b: Side) -> dict:
    """Return what differs between two datasets, as a document of plain values."""
    files_a, files_b = a.manifest["files"], b.manifest["files"]
    document = {
        "a": {"folder": str(a.folder), "name": a.name},
        "b": {"folder": str(b.folder), "name": b.name},
        "equal": files_a == files_b,
        "configuration": _configurations(a, b),
        "made_with": _pairs(_code(a.attributes), _code(b.attributes)),
        "strain": _strain(a, b),
        "noise": _noise(a, b),
        "waveforms": _waveforms(a, b),
        "rows": (rows := _rows(a, b)),
        "snr": _snr(a, b, rows),
        "arrays": _arrays(a, b),
    }
    return document


# ---- the parts


def flat(value, path: str = "") -> dict:
    """Return the values of nested mappings by their place, its parts joined by dots."""
    if not isinstance(value, dict) or not value:
        return {path: value}
    return {
        place: inner
        for key, one in value.items()
        for place, inner in flat(one, f"{path}.{key}" if path else str(key)).items()
    }


def _pairs(a: dict, b: dict) -> dict[str, list]:
    """Return both values of each key that differs, None where there is none."""
    return {key: [a.get(key), b.get(key)] for key in {**a, **b} if a.get(key) != b.get(key)}


def _code(attributes: dict) -> dict:
    return {**attributes.get("versions", {}), "revision": attributes.get("revision")}


def _configurations(a: Side, b: Side) -> dict[str, list]:
    """Return both values of each setting that differs; a dataset's and an experiment's own name is none."""
    return _pairs(_configured(a), _configured(b))


def _configured(one: Side) -> dict:
    if "configuration" not in one.attributes:
        return {}
    config, (experiment, dataset) = origin.configuration(one.attributes), origin.named(one.attributes)
    # A dataset that is another one's at another loudness is told with all that it has of it.
    its = loudness.written_out(config["experiments"][experiment])
    own = its.pop("datasets")[dataset]
    rest = {key: value for key, value in config.items() if key != "experiments"}
    settings = {key: value for key, value in own.items() if key not in ("of", "draw")}
    settings["draw"] = {**its.pop("draw", {}), **own.get("draw", {})}
    return flat({**rest, "experiment": its, "dataset": stages.DATASET_DEFAULTS | settings})


def _strain(a: Side, b: Side) -> dict:
    return {
        "same": a.attributes.get("source") == b.attributes.get("source"),
        "sources": _both(a, b, "source"),
    }


def _both(a: Side, b: Side, key: str) -> list:
    return [a.attributes.get(key), b.attributes.get(key)]


def _noise(a: Side, b: Side) -> dict:
    """Return whether two datasets have the same store of noise, and the same blocks and operators."""
    stores = _both(a, b, "noise_manifest_sha256")
    document = {"same_store": stores[0] == stores[1] if all(stores) else None}
    if all("block_gps_second" in one.arrays for one in (a, b)):
        blocks = [_blocks(one) for one in (a, b)]
        shared = sorted(set(blocks[0]) & set(blocks[1]))
        document |= {"blocks": [len(one) for one in blocks], "shared_blocks": len(shared)}
        for name in ("psd", "filter"):
            if shared and all(name in one.arrays for one in (a, b)):
                values = [store.open_array(one.folder / "data.zarr" / name).read().result() for one in (a, b)]
                same = [np.array_equal(values[0][blocks[0][k]], values[1][blocks[1][k]]) for k in shared]
                document[f"same_{name}s"] = sum(same)
    return document


def _blocks(one: Side) -> dict[tuple, int]:
    """Return the place of each PSD block, by its first GPS second and its length."""
    path = one.folder / "data.zarr"
    names = ("block_gps_second", "block_seconds")
    start, seconds = (store.open_array(path / name).read().result().tolist() for name in names)
    return {key: place for place, key in enumerate(zip(start, seconds, strict=True))}


def _waveforms(a: Side, b: Side) -> dict:
    """Return whether two datasets have the same systems and banks; None where they do not tell."""
    told = {"systems": "systems_sha256", "bank": "bank_manifest_sha256"}
    pairs = {name: _both(a, b, key) for name, key in told.items()}
    return {f"same_{name}": pair[0] == pair[1] if all(pair) else None for name, pair in pairs.items()}


def _rows(a: Side, b: Side) -> dict:
    """Return the numbers of rows, the classes, and of each column in how many rows it differs.

    Rows are held against each other by their numbers, as many as both have.
    """
    count = min(len(a.table), len(b.table))
    columns = {}
    for name in (name for name in a.table.columns if name in b.table.columns):
        ours, theirs = a.table[name].to_numpy()[:count], b.table[name].to_numpy()[:count]
        missing = pd.isna(ours) & pd.isna(theirs)
        if differing := int((~((ours == theirs) | missing)).sum()):
            columns[name] = differing
    return {
        "numbers": [len(a.table), len(b.table)],
        "classes": [a.attributes.get("classes"), b.attributes.get("classes")],
        "compared": count,
        "columns": columns,
        "only": [sorted(set(a.table) - set(b.table)), sorted(set(b.table) - set(a.table))],
    }


def louder_alone(rows: dict) -> bool:
    """Return whether two datasets have the same rows but for how loud they are."""
    alike = rows["numbers"][0] == rows["numbers"][1] and rows["only"] == [[], []]
    known = (name in LOUDNESS or name.startswith(LOUDNESS_OF_IFO) for name in rows["columns"])
    return alike and bool(rows["columns"]) and all(known)


def _snr(a: Side, b: Side, rows: dict) -> dict | None:
    """Return the range and median of each one's SNR; of the same examples the ratio, too, row by row."""
    if not all("snr" in one.table and one.table["snr"].notna().any() for one in (a, b)):
        return None
    document = {"a": _span(a.table["snr"]), "b": _span(b.table["snr"])}
    if louder_alone(rows):
        document["ratio"] = _span(b.table["snr"] / a.table["snr"])
    return document


def _span(values: pd.Series) -> dict[str, float]:
    values = values[np.isfinite(values)]
    return {"least": float(values.min()), "median": float(values.median()), "greatest": float(values.max())}


def _arrays(a: Side, b: Side) -> dict:
    """Return which arrays are laid out otherwise, and how many shards have the same bytes."""
    layouts = [{name: _layout(array) for name, array in one.arrays.items()} for one in (a, b)]
    shards = [_shards(one) for one in (a, b)]
    return {
        "laid_out_otherwise": [n for n in layouts[0] if n in layouts[1] and layouts[0][n] != layouts[1][n]],
        "only": [sorted(set(layouts[0]) - set(layouts[1])), sorted(set(layouts[1]) - set(layouts[0]))],
        "shards": [len(shards[0]), len(shards[1])],
        "same_shards": sum(shards[1].get(name) == entry for name, entry in shards[0].items()),
    }


def _layout(array: dict) -> list:
    """Return an array's type, axes and codecs; how many samples and blocks there are is told elsewhere."""
    dims = array.get("dimension_names") or [None] * len(array["shape"])
    sizes = [None if dim in COUNTED else size for dim, size in zip(dims, array["shape"], strict=True)]
    return [array["data_type"], dims, sizes, array["codecs"]]


def _shards(one: Side) -> dict[str, dict]:
    """Return what the manifest says of each shard."""
    names = (name for shard in one.manifest["shards"] for name in shard["files"])
    return {name: one.manifest["files"][f"data.zarr/{name}"] for name in names}
