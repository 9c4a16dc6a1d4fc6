"""Prove a store whole and unaltered."""

from pathlib import Path

# What a store's folder has, from its first moment on or when it was copied.
STORE = ("shards.zarr", "data.zarr", "manifest.json")
SUMMARY = "prove a store whole and unaltered, by the sha256 of every file"


def arguments(parser):
    parser.add_argument("store", type=Path, help="the store's folder, its data.zarr or its manifest.json")


def run(args):
    from functools import partial

    from gwsim import manifest
    from gwsim.cli.progress import progress

    folder = folder_of(args.store)
    content = manifest.verify(folder, partial(progress, name="verify"))
    rows = content["shards"][-1]["rows"][1]
    print(f"{folder}: whole and unaltered, {len(content['files'])} files, {rows} rows")


def folder_of(path):
    """Return a store's folder; of what is none, say what it is and which stores are near."""
    from gwsim import manifest
    from gwsim.errors import GwsimError

    if not path.exists() and (near := _stores(path.parent)):
        raise GwsimError(f"nothing stands at {path}; stores are {near}")
    folder = manifest.folder_of(path)
    if not folder.is_dir():
        raise GwsimError(f"{path} is a file, expected a store's folder, its data.zarr or its manifest.json")
    if not any((folder / name).exists() for name in STORE):
        near = _stores(folder)
        held = f"; stores in it are {near}" if near else ", nor one in it"
        raise GwsimError(f"{path} is no store: it has none of {', '.join(STORE)}{held}")
    return folder


def _stores(folder):
    """Return the stores in a folder, down to a bank in a dataset among experiments, as text."""
    found = {
        at.parents[1] for depth in ("", "*/", "*/*/") for at in folder.glob(f"{depth}*/shards.zarr/zarr.json")
    }
    return ", ".join(sorted(map(str, found)))
