"""Prove a store whole and unaltered."""

from pathlib import Path

SUMMARY = "prove a store whole and unaltered, by the sha256 of every file"


def arguments(parser):
    parser.add_argument("store", type=Path, help="the store's folder, its data.zarr or its manifest.json")


def run(args):
    from gwsim import manifest

    folder = manifest.folder_of(args.store)
    content = manifest.verify(folder)
    rows = content["shards"][-1]["rows"][1]
    print(f"{folder}: whole and unaltered, {len(content['files'])} files, {rows} rows")
