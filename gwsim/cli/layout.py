"""Lay out a store: its arrays' metadata, before any data."""

from pathlib import Path

SUMMARY = "lay out a store of one kind: noise, bank or dataset"


def arguments(parser):
    parser.add_argument("kind", choices=("noise", "bank", "dataset"))
    parser.add_argument("layout", type=Path, help="FOLDER/shards.zarr/zarr.json, to be written last")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--segments", type=Path, help="segments (JSON), for noise")
    parser.add_argument("--systems", type=Path, help="systems (Parquet), for a bank")


def run(args):
    import json

    from gwsim import store

    settings = json.loads(args.settings.read_text())
    store.create(args.layout.parents[1], _arrays(args, settings))


def _arrays(args, settings):
    import json

    if args.kind == "noise":
        from gwsim import noise

        return noise.arrays(len(json.loads(args.segments.read_text())["blocks"]), settings)
    if args.kind == "bank":
        import pyarrow.parquet

        from gwsim.waveforms import bank

        return bank.arrays(pyarrow.parquet.read_metadata(args.systems).num_rows, settings)
    from gwsim import layout

    return layout.arrays(settings)
