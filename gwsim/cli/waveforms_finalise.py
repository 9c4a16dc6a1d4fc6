"""Finish a dataset's bank: link its whole shards into data.zarr, write the manifest."""

from pathlib import Path

SUMMARY = "finish the bank of a dataset"


def arguments(parser):
    parser.add_argument("layout", type=Path, help="FOLDER/shards.zarr/zarr.json of the bank")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--systems", type=Path, required=True, help="table of systems (Parquet)")


def run(args):
    import json

    import pyarrow.parquet

    from gwsim import manifest, sharding
    from gwsim.waveforms import bank

    settings = json.loads(args.settings.read_text())
    systems = pyarrow.parquet.read_metadata(args.systems).num_rows
    folder = args.layout.parents[1]
    records = manifest.whole_records(folder, sharding.shard_ranges(systems, bank.SYSTEMS_PER_SHARD))
    # Nothing here changes with a revision: what is rendered from the bank depends on its manifest.
    manifest.finalise(folder, records, {}, {"title": "bank of waveforms", "settings": settings}, {})
