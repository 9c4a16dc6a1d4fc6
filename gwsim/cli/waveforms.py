"""The stage `waveforms`: a dataset's bank."""

from pathlib import Path

SUMMARY = "condition the waveforms of some systems into the bank"


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--systems", type=Path, required=True, help="table of systems (Parquet)")
    parser.add_argument("--layout", type=Path, required=True, help="FOLDER/shards.zarr/zarr.json of the bank")
    parser.add_argument("--part", required=True, help="shards to write, FIRST-LAST")
    parser.add_argument("--record", type=Path, required=True, help="record to write (JSON)")


def run(args):
    import json

    import numpy as np
    import pandas as pd

    from gwsim import files, provenance, sharding, store
    from gwsim.cli.progress import progress
    from gwsim.waveforms import bank, ccsn

    settings = json.loads(args.settings.read_text())
    systems = pd.read_parquet(args.systems)
    ranges = sharding.shard_ranges(len(systems), bank.SYSTEMS_PER_SHARD)
    code = [provenance.code_sha256(__name__), provenance.versions()]
    sources = {name: ccsn.fingerprint(spec) for name, spec in settings["models"].items()}

    def key(index):
        rows = systems.iloc[slice(*ranges[index])]
        return store.digest([settings, store.table_digest(rows), sources, code])

    def make(index):
        rows = systems.iloc[slice(*ranges[index])]
        return {"quadrupole": np.stack([bank.entry(row, settings) for _, row in rows.iterrows()])}, None

    first, last = sharding.parse_part(args.part)
    shards = store.write_shards(args.layout.parents[1], range(first, last + 1), ranges, key, make)
    made = list(progress(shards, "waveforms", last + 1 - first))
    files.write_atomic(args.record, json.dumps(made, indent=1, sort_keys=True))
