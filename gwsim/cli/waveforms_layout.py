"""Lay out a dataset's bank: its array's metadata, before any data."""

from pathlib import Path

SUMMARY = "lay out the bank of a dataset"


def arguments(parser):
    parser.add_argument("layout", type=Path, help="FOLDER/shards.zarr/zarr.json, to be written last")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--systems", type=Path, required=True, help="table of systems (Parquet)")


def run(args):
    import json

    import pandas as pd

    from gwsim import store
    from gwsim.waveforms import sources

    settings = json.loads(args.settings.read_text())
    signals = sources.SOURCES[settings["source"]]
    rows = len(signals.rows(pd.read_parquet(args.systems)))
    store.create(args.layout.parents[1], [signals.layout(rows, settings)])
