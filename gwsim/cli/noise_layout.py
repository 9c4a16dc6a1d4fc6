"""Lay out the noise store: its arrays' metadata, before any data."""

from pathlib import Path

SUMMARY = "lay out the noise store"


def arguments(parser):
    parser.add_argument("layout", type=Path, help="FOLDER/shards.zarr/zarr.json, to be written last")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--segments", type=Path, required=True, help="segments (JSON)")


def run(args):
    import json

    from gwsim import noise, store

    settings = json.loads(args.settings.read_text())
    blocks = json.loads(args.segments.read_text())["blocks"]
    store.create(args.layout.parents[1], noise.arrays(len(blocks), settings))
