"""The stage `render`: some shards of a dataset. With --row it makes one example again, anywhere."""

import importlib
from pathlib import Path

SUMMARY = "render some shards of a dataset from its table, or make one example of it again (--row)"
OF_A_PART = ("settings", "draw", "bank", "layout", "part", "record")


def arguments(parser):
    parser.add_argument("--settings", type=Path, help="settings of the stage (JSON)")
    parser.add_argument("--table", dest="draw", type=Path, help="table of examples (Parquet)")
    parser.add_argument(
        "--noise", type=Path, nargs="*", default=[], help="manifest.json of the noise store, if it needs one"
    )
    parser.add_argument(
        "--bank",
        type=Path,
        help="manifest.json of the bank, or of signals that are kept, or systems.parquet where there is none",
    )
    parser.add_argument("--layout", type=Path, help="FOLDER/shards.zarr/zarr.json of the dataset")
    parser.add_argument("--part", help="shards to write, FIRST-LAST")
    parser.add_argument("--record", type=Path, help="record to write (JSON)")
    parser.add_argument("--device", default="cpu", help="torch device; bytes are the same only on one kind")
    alone = parser.add_argument_group("one example, made again from its source")
    alone.add_argument(
        "table", type=Path, nargs="?", help="table.parquet of a finished dataset, or its folder"
    )
    alone.add_argument("--row", type=int, metavar="N", help="number of the example, from 0")
    alone.add_argument("--output", type=Path, help="its arrays and columns to write (.npz, .h5 or .hdf5)")
    alone.add_argument("--figure", type=Path, help="its picture to draw (.png)")
    alone.add_argument(
        "--strain",
        type=Path,
        metavar="FOLDER",
        help="folder with the receipts of fetched strain (results/strain/RUN)",
    )
    parser.set_defaults(refuse=parser.error)


def _strain(settings, noise, bank, device):
    """Return what renders whitened strain with signals of a bank, or with signals that are kept."""
    from gwsim import bulk, files, kept_signals
    from gwsim.waveforms import sources

    if (bank.parent / "data.zarr" / kept_signals.ARRAY).is_dir():
        sha256 = files.fingerprint(noise.manifest)["sha256"]
        signals = kept_signals.Signals(bank.parent, settings, sha256)
        # All that is left is sums of what comes from disk, which a GPU would have to wait for.
        return kept_signals.Renderer(settings, noise, signals)
    return bulk.renderer(settings, noise, sources.opened(bank.parent / "data.zarr"), device)


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
    given = [name for name in OF_A_PART if getattr(args, name) is not None]
    if args.row is not None or args.table is not None:
        if given or args.row is None or args.table is None:
            args.refuse("one example is asked for by --row N TABLE, without the options of a part")
        # By its name: it is no part of what a shard follows from (see provenance.closure).
        importlib.import_module("gwsim.cli.row").show(args)
    elif lacking := [name for name in OF_A_PART if name not in given]:
        names = ", ".join("--table" if name == "draw" else f"--{name}" for name in lacking)
        args.refuse(f"the following arguments are required: {names}")
    else:
        _shards(args)


def _shards(args):
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
        rows = store.read_rows(args.draw, *ranges[index])
        return store.digest([settings, store.table_digest(rows), inputs, code])

    kept: dict = {}

    def make(index):
        arrays, columns = renderer.rows(store.read_rows(args.draw, *ranges[index]), out=kept)
        kept.update(arrays)
        return arrays, columns

    first, last = sharding.parse_part(args.part)
    shards = store.write_shards(args.layout.parents[1], range(first, last + 1), ranges, key, make)
    made = list(progress(shards, "render", last + 1 - first))
    files.write_atomic(args.record, json.dumps(made, indent=1, sort_keys=True))
