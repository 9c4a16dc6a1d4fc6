"""Lay out a dataset's bank: its array's metadata, before any data."""

from pathlib import Path

SUMMARY = "lay out the bank of a dataset"


def arguments(parser):
    parser.add_argument("layout", type=Path, help="FOLDER/shards.zarr/zarr.json, to be written last")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--systems", type=Path, required=True, help="table of systems (Parquet)")


def run(args):
    import json

    import pyarrow.parquet

    from gwsim import store
    from gwsim.waveforms import bank

    settings = json.loads(args.settings.read_text())
    systems = pyarrow.parquet.read_metadata(args.systems).num_rows
    store.create(args.layout.parents[1], bank.arrays(systems, settings))
