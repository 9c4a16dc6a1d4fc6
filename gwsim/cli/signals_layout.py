"""Lay out the whitened signals of a dataset: their array's metadata, before any data."""

from pathlib import Path

SUMMARY = "lay out the whitened signals of a dataset"


def arguments(parser):
    parser.add_argument("layout", type=Path, help="FOLDER/shards.zarr/zarr.json, to be written last")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")


def run(args):
    import json

    from gwsim import kept_signals, store

    settings = json.loads(args.settings.read_text())
    store.create(args.layout.parents[1], [kept_signals.array(settings)])
