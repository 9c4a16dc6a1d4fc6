"""Finish a dataset: join its table, link its whole shards into data.zarr, write the manifest."""

from pathlib import Path

SUMMARY = "finish a dataset"


def arguments(parser):
    parser.add_argument("layout", type=Path, help="FOLDER/shards.zarr/zarr.json of the dataset")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--table", type=Path, required=True, help="table of examples as drawn (Parquet)")
    parser.add_argument(
        "--noise", type=Path, nargs="*", default=[], help="manifest.json of the noise store, if it needs one"
    )
    parser.add_argument("--systems", type=Path, required=True, help="systems as realised (Parquet)")
    parser.add_argument("--card", type=Path, required=True, help="settings of the data card (JSON)")


def run(args):
    import json

    import pandas as pd

    from gwsim import files, layout, manifest, noise, publish, sharding, store
    from gwsim.waveforms import sources

    settings, card = json.loads(args.settings.read_text()), json.loads(args.card.read_text())
    folder = args.layout.parents[1]
    ranges = sharding.shard_ranges(settings["examples"], settings["shard_rows"])
    records = manifest.whole_records(folder, ranges)
    drawn = pd.read_parquet(args.table)
    card["provenance"] = {
        **sources.SOURCES[settings["source"]].provenance(),
        **drawn.attrs,
    }
    if args.noise:
        card["provenance"]["noise_manifest_sha256"] = files.fingerprint(args.noise[0])["sha256"]
    systems = pd.read_parquet(args.systems)
    card["provenance"]["systems_sha256"] = store.table_digest(systems)
    if args.systems.parent.name == "bank":
        bank = files.fingerprint(args.systems.with_name(manifest.MANIFEST))
        card["provenance"]["bank_manifest_sha256"] = bank["sha256"]
    told = publish.of_systems(drawn, systems, settings["source"])
    table = pd.concat([drawn, told, store.realised(folder, ranges)], axis=1)
    stores = [noise.NoiseStore(path.parent / "data.zarr") for path in args.noise[:1]]
    arrays = publish.dataset_arrays(table, *stores or [None], settings, card["classes"])
    title = f"{card['experiment']} {card['dataset']}"
    about, described = publish.about(title, table, card), publish.described(layout.arrays(settings), arrays)
    texts = {"README.md": publish.card_text(title, table, card, described)}
    attributes = publish.attributes(title, card, table.columns, about)
    tells = publish.of_table(attributes, arrays)
    store.write_table(folder / store.TABLE, table, settings["shard_rows"], tells)
    beside = publish.beside(title, table, card, described)
    manifest.finalise(folder, records, arrays, attributes, texts, (store.TABLE,), beside)
