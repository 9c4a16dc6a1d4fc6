"""The stage `waveforms`: a dataset's bank."""

from pathlib import Path

SUMMARY = "make the waveforms of some systems into the bank"


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--systems", type=Path, required=True, help="table of systems (Parquet)")
    parser.add_argument("--layout", type=Path, required=True, help="FOLDER/shards.zarr/zarr.json of the bank")
    parser.add_argument("--part", required=True, help="shards to write, FIRST-LAST")
    parser.add_argument("--record", type=Path, required=True, help="record to write (JSON)")


def run(args):
    import json

    import pandas as pd

    from gwsim import files, provenance, sharding, store
    from gwsim.cli.progress import progress
    from gwsim.waveforms import columns, sources

    settings = json.loads(args.settings.read_text())
    signals = sources.SOURCES[settings["source"]]
    rows = signals.rows(pd.read_parquet(args.systems))
    ranges = sharding.shard_ranges(len(rows), sharding.BANK_ROWS)
    code = provenance.code_sha256(__name__, columns.others(settings["source"]))
    made_from = [signals.fingerprint(settings), code, provenance.versions()]

    def key(index):
        return store.digest([settings, store.table_digest(rows.iloc[slice(*ranges[index])]), *made_from])

    def make(index):
        values, realised = signals.make(rows.iloc[slice(*ranges[index])], settings)
        return {signals.ARRAY: values}, realised

    first, last = sharding.parse_part(args.part)
    shards = store.write_shards(args.layout.parents[1], range(first, last + 1), ranges, key, make)
    made = list(progress(shards, "waveforms", last + 1 - first))
    files.write_atomic(args.record, json.dumps(made, indent=1, sort_keys=True))
