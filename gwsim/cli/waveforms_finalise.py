"""Finish a dataset's bank: link its whole shards into data.zarr, say how systems were realised."""

from pathlib import Path

SUMMARY = "finish the bank of a dataset"


def arguments(parser):
    parser.add_argument("layout", type=Path, help="FOLDER/shards.zarr/zarr.json of the bank")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--systems", type=Path, required=True, help="table of systems (Parquet)")


def run(args):
    import json
    import sys

    import pandas as pd

    from gwsim import manifest, sharding, store
    from gwsim.waveforms import bank, sources

    settings = json.loads(args.settings.read_text())
    systems = pd.read_parquet(args.systems)
    folder = args.layout.parents[1]
    ranges = sharding.shard_ranges(len(sources.SOURCES[settings["source"]].rows(systems)), sharding.BANK_ROWS)
    records = manifest.whole_records(folder, ranges)
    if records[0]["columns"]:
        systems = systems.assign(**store.realised(folder, ranges))
        refused = int((systems["attempt"] > 0).sum())
        print(f"{refused} of {len(systems)} systems were refused as drawn and drawn anew", file=sys.stderr)
    store.write_table(folder / bank.SYSTEMS, systems)
    # Nothing here changes with a revision: what is rendered from the bank depends on its manifest.
    about = {"title": "bank of waveforms", "settings": settings}
    manifest.finalise(folder, records, {}, about, {}, beside=(bank.SYSTEMS,))
