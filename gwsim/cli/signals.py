"""The stage `signals`: some shards of a dataset's whitened signals at 1 kpc."""

from pathlib import Path

SUMMARY = "keep the whitened signals of a dataset at 1 kpc"


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--table", type=Path, required=True, help="table of examples (Parquet)")
    parser.add_argument("--noise", type=Path, required=True, help="manifest.json of the noise store")
    parser.add_argument("--bank", type=Path, required=True, help="manifest.json of the bank")
    parser.add_argument(
        "--layout", type=Path, required=True, help="FOLDER/shards.zarr/zarr.json of the signals"
    )
    parser.add_argument("--part", required=True, help="shards to write, FIRST-LAST")
    parser.add_argument("--record", type=Path, required=True, help="record to write (JSON)")


def run(args):
    import json

    import torch

    from gwsim import files, kept_signals, noise, provenance, render, sharding, store
    from gwsim.cli.memory import keep_freed_memory
    from gwsim.cli.progress import progress
    from gwsim.waveforms import columns, sources

    keep_freed_memory()
    torch.set_num_threads(1)
    settings = json.loads(args.settings.read_text())
    bank = sources.opened(args.bank.parent / "data.zarr")
    renderer = render.Renderer(settings, noise.NoiseStore(args.noise.parent / "data.zarr"), bank)
    ranges = sharding.shard_ranges(settings["examples"], settings["shard_rows"])
    inputs = [files.fingerprint(path) for path in (args.noise, args.bank)]
    code = [provenance.code_sha256(__name__, columns.others(settings["source"])), provenance.versions()]

    def key(index):
        rows = kept_signals.known_by(store.read_rows(args.table, *ranges[index]), settings)
        return store.digest([settings, store.table_digest(rows), inputs, code])

    kept: dict = {}

    def make(index):
        arrays, columns = kept_signals.of_rows(renderer, store.read_rows(args.table, *ranges[index]), kept)
        kept.update(arrays)
        return arrays, columns

    first, last = sharding.parse_part(args.part)
    shards = store.write_shards(args.layout.parents[1], range(first, last + 1), ranges, key, make)
    made = list(progress(shards, "signals", last + 1 - first))
    files.write_atomic(args.record, json.dumps(made, indent=1, sort_keys=True))
