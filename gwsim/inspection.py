"""What is in a store, in words: read from its metadata, its manifest and its table, never from its arrays."""

import json
from pathlib import Path

import pandas as pd

from gwsim import manifest, store
from gwsim.errors import GwsimError

QUANTILES = (0.05, 0.5, 0.95)


def describe(folder: Path) -> str:
    """Return a page of text about a finished store."""
    path = folder / "data.zarr" / "zarr.json"
    if not path.is_file() or not (folder / manifest.MANIFEST).is_file():
        raise GwsimError(f"{folder} holds no finished store; `gwsim verify {folder}` says how far it is")
    metadata = json.loads(path.read_text())
    content = manifest.read(folder / manifest.MANIFEST)
    size = sum(entry["bytes"] for entry in content["files"].values())
    attributes = metadata["attributes"]
    title = attributes.get("title", f"{folder.resolve().parent.name} {folder.name}")
    head = f"{title}: {len(content['shards'])} shards, {size / 2**20:.1f} MiB"
    lines = [head, "", "arrays"]
    paths = sorted((folder / "data.zarr").glob("*/zarr.json"))
    arrays = {each.parent.name: json.loads(each.read_text()) for each in paths}
    lines += [_array(name, array) for name, array in sorted(arrays.items()) if len(array["shape"]) > 1]
    narrow = sum(len(array["shape"]) == 1 for array in arrays.values())
    lines.append(f"  and {narrow} coordinates and columns")
    if (folder / store.TABLE).is_file():
        lines += ["", *_classes(pd.read_parquet(folder / store.TABLE), attributes["classes"])]
    kept = ("source", "licence", "seed", "revision", "versions")
    lines += ["", "made with", *(f"  {name}: {attributes[name]}" for name in kept if name in attributes)]
    return "\n".join(lines)


def _array(name: str, array: dict) -> str:
    axes = zip(array["dimension_names"], array["shape"], strict=True)
    dims = ", ".join(f"{dim} {size}" for dim, size in axes)
    units = array.get("attributes", {}).get("units", "no units")
    return f"  {name:12s} ({dims}) {array['data_type']}, {units}"


def _classes(table: pd.DataFrame, classes: list[str]) -> list[str]:
    head = "  ".join(f"{f'SNR {q:.0%}':>8s}" for q in QUANTILES)
    lines = [f"{'class':12s} {'examples':>8s}  {head}  {'kpc 50%':>8s}"]
    for label, name in enumerate(classes):
        rows = table[table["label"] == label]
        if "snr" in rows and rows["snr"].notna().any():
            quantiles = "  ".join(f"{rows['snr'].quantile(q):8.2f}" for q in QUANTILES)
            far = f"{rows['distance_kpc'].median():8.2f}" if "distance_kpc" in rows else f"{'–':>8s}"
            lines.append(f"{name:12s} {len(rows):8d}  {quantiles}  {far}")
        else:
            lines.append(f"{name:12s} {len(rows):8d}")
    return lines
