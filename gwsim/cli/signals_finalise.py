"""Finish the whitened signals of a dataset: link their whole shards into data.zarr, join their table."""

from pathlib import Path

SUMMARY = "finish the whitened signals of a dataset"


def arguments(parser):
    parser.add_argument("layout", type=Path, help="FOLDER/shards.zarr/zarr.json of the signals")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--table", type=Path, required=True, help="table of examples (Parquet)")
    parser.add_argument("--noise", type=Path, required=True, help="manifest.json of the noise store")
    parser.add_argument("--bank", type=Path, required=True, help="manifest.json of the bank")


def run(args):
    import json

    import pandas as pd

    from gwsim import files, kept_signals, manifest, sharding, store
    from gwsim.waveforms import sources

    settings, folder = json.loads(args.settings.read_text()), args.layout.parents[1]
    ranges = sharding.shard_ranges(settings["examples"], settings["shard_rows"])
    records = manifest.whole_records(folder, ranges)
    drawn = kept_signals.known_by(pd.read_parquet(args.table), settings)
    table = pd.concat([drawn, store.realised(folder, ranges)], axis=1)
    store.write_table(folder / kept_signals.TABLE, table, settings["shard_rows"])
    bank = sources.opened(args.bank.parent / "data.zarr")
    # Nothing here changes with a revision: what is rendered from the signals depends on their manifest.
    about = kept_signals.attributes(settings, bank, files.fingerprint(args.noise)["sha256"])
    manifest.finalise(folder, records, {}, about, {}, beside=(kept_signals.TABLE,))
