"""Finish a store: link its whole shards into data.zarr, add what is small, write the manifest."""

from pathlib import Path

SUMMARY = "finish a store of one kind: noise, bank or dataset"


def arguments(parser):
    parser.add_argument("kind", choices=("noise", "bank", "dataset"))
    parser.add_argument("layout", type=Path, help="FOLDER/shards.zarr/zarr.json of the store")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--segments", type=Path, help="segments (JSON), for noise")
    parser.add_argument("--systems", type=Path, help="systems (Parquet), for a bank")
    parser.add_argument("--table", type=Path, help="table of examples (Parquet), for a dataset")
    parser.add_argument("--noise", type=Path, help="manifest.json of the noise store, for a dataset")
    parser.add_argument("--card", type=Path, help="settings of the data card (JSON), for a dataset")


def run(args):
    import json

    settings = json.loads(args.settings.read_text())
    FINISH[args.kind](args, args.layout.parents[1], settings)


def _noise(args, folder, settings):
    import json

    from gwsim import manifest, publish

    blocks = json.loads(args.segments.read_text())["blocks"]
    ranges = [(index, index + 1) for index in range(len(blocks))]
    attributes = publish.plain_attributes("whitened noise", settings)
    manifest.finalise(folder, ranges, publish.noise_arrays(blocks, settings), attributes, {})


def _bank(args, folder, settings):
    import pyarrow.parquet

    from gwsim import manifest, publish, sharding
    from gwsim.waveforms import bank

    systems = pyarrow.parquet.read_metadata(args.systems).num_rows
    ranges = sharding.shard_ranges(systems, bank.SYSTEMS_PER_SHARD)
    manifest.finalise(folder, ranges, {}, publish.plain_attributes("bank of waveforms", settings), {})


def _dataset(args, folder, settings):
    import json

    import pandas as pd

    from gwsim import manifest, noise, publish, sharding, store
    from gwsim.waveforms import surrogates

    ranges = sharding.shard_ranges(settings["examples"], settings["shard_rows"])
    manifest.whole_records(folder, ranges)
    card = json.loads(args.card.read_text())
    card["provenance"] = {
        "noise_manifest_sha256": store.fingerprint(args.noise)["sha256"],
        "surrogates_sha256": surrogates.table_sha256(),
    }
    drawn = pd.read_parquet(args.table)
    card["provenance"] |= drawn.attrs
    table = pd.concat([drawn, store.realised(folder, ranges)], axis=1)
    store.write_table(folder / "table.parquet", table, row_group=settings["shard_rows"])
    source = noise.NoiseStore(args.noise.parent / "data.zarr")
    arrays = publish.dataset_arrays(table, source, settings, card["classes"])
    title = f"{card['experiment']} {card['dataset']}"
    texts = {"README.md": publish.card_text(title, table, card)}
    attributes = publish.attributes(title, card)
    manifest.finalise(folder, ranges, arrays, attributes, texts, beside=("table.parquet",))


FINISH = {"noise": _noise, "bank": _bank, "dataset": _dataset}
