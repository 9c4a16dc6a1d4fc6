"""The stage `render`: some shards of a dataset."""

from pathlib import Path

SUMMARY = "render some shards of a dataset from its table"


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--table", type=Path, required=True, help="table of examples (Parquet)")
    parser.add_argument(
        "--noise", type=Path, nargs="*", default=[], help="manifest.json of the noise store, if it needs one"
    )
    parser.add_argument(
        "--bank",
        type=Path,
        required=True,
        help="manifest.json of the bank, or systems.parquet where there is none",
    )
    parser.add_argument(
        "--layout", type=Path, required=True, help="FOLDER/shards.zarr/zarr.json of the dataset"
    )
    parser.add_argument("--part", required=True, help="shards to write, FIRST-LAST")
    parser.add_argument("--record", type=Path, required=True, help="record to write (JSON)")
    parser.add_argument("--device", default="cpu", help="torch device; bytes are the same only on one kind")


def _strain(settings, noise, bank, device):
    """Return what renders whitened strain with signals of a bank."""
    from gwsim import render
    from gwsim.waveforms import sources

    return render.Renderer(settings, noise, sources.opened(bank.parent / "data.zarr"), device)


def _scans(settings, noise, systems, device):
    """Return what renders Q-scans of strain with glitches."""
    import pandas as pd

    from gwsim import scans

    return scans.Renderer(settings, noise, pd.read_parquet(systems), device)


def _pictures(settings, noise, systems, device):
    """Return what renders toy pictures."""
    import pandas as pd

    from gwsim import pictures

    return pictures.Renderer(settings, pd.read_parquet(systems))


# By what an experiment's examples are whitened on.
RENDERERS = {"block": _strain, "self": _scans, "none": _pictures}


def run(args):
    import json

    import torch

    from gwsim import files, noise, provenance, sharding, store
    from gwsim.cli.memory import keep_freed_memory
    from gwsim.cli.progress import progress
    from gwsim.waveforms import columns

    keep_freed_memory()
    torch.set_num_threads(1)
    settings = json.loads(args.settings.read_text())
    stores = [noise.NoiseStore(path.parent / "data.zarr") for path in args.noise[:1]]
    renderer = RENDERERS[settings["whiten"]](settings, *stores or [None], args.bank, args.device)
    ranges = sharding.shard_ranges(settings["examples"], settings["shard_rows"])
    inputs = [files.fingerprint(path) for path in (*args.noise, args.bank)]
    sha256 = provenance.code_sha256(__name__, columns.others(settings["source"], settings["glitches"]))
    code = [sha256, provenance.versions(), args.device]

    def key(index):
        rows = store.read_rows(args.table, *ranges[index])
        return store.digest([settings, store.table_digest(rows), inputs, code])

    kept: dict = {}

    def make(index):
        arrays, columns = renderer.rows(store.read_rows(args.table, *ranges[index]), out=kept)
        kept.update(arrays)
        return arrays, columns

    first, last = sharding.parse_part(args.part)
    shards = store.write_shards(args.layout.parents[1], range(first, last + 1), ranges, key, make)
    made = list(progress(shards, "render", last + 1 - first))
    files.write_atomic(args.record, json.dumps(made, indent=1, sort_keys=True))
