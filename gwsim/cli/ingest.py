"""The stage `ingest`: pictures of real glitches into a dataset of Q-scans."""

from pathlib import Path

SUMMARY = "read one split of a set of labelled pictures into a dataset"


def arguments(parser):
    parser.add_argument("folder", type=Path, help="folder of the dataset to write")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--card", type=Path, required=True, help="settings of the data card (JSON)")


def run(args):
    import hashlib
    import json
    import sys
    import tempfile

    import numpy as np

    from gwsim import ingest, layout, manifest, publish, publish_scans, sharding, store
    from gwsim.cli.progress import progress

    settings, card = json.loads(args.settings.read_text()), json.loads(args.card.read_text())
    its = ingest.find(settings)
    for note in its.notes:
        print(f"note: {note}", file=sys.stderr)
    glitches = ingest.chosen(its, settings)
    args.folder.mkdir(parents=True, exist_ok=True)
    # As large as the dataset: on its disk, not in memory, until all of the set was seen.
    with tempfile.TemporaryFile(dir=args.folder) as room:
        views = np.memmap(room, np.uint8, "w+", shape=layout.scan_shape(len(glitches), settings))
        sound, broken = ingest.views(glitches, views, lambda some: progress(some, "ingest"))
        faults = its.faults + broken
        ingest.refuse(faults, settings)
        for fault in faults:
            print(f"left out: {fault}", file=sys.stderr)
        rows = np.flatnonzero(sound)
        settings["examples"] = len(rows)
        table = ingest.table([glitches[row] for row in rows], settings["models"])
        ranges = sharding.shard_ranges(len(rows), settings["shard_rows"])
        store.create(args.folder, layout.arrays(settings))

        def pixels(index):
            return views[rows[slice(*ranges[index])]]

        def key(index):
            return store.digest([settings, hashlib.sha256(pixels(index).tobytes()).hexdigest()])

        def make(index):
            return {"qscan": pixels(index)}, None

        list(store.write_shards(args.folder, range(len(ranges)), ranges, key, make))
    records = manifest.whole_records(args.folder, ranges)
    title = f"{card['experiment']} {card['dataset']}"
    card["provenance"] = {"left_out": faults, "notes": its.notes}
    numbers = table.select_dtypes("number")
    flags = {"label": settings["models"], "scan_ifo": ingest.IFOS}
    arrays = publish_scans.axes(settings) | publish.as_arrays(numbers, ingest.COLUMNS, flags)
    about, described = publish.about(title, table, card), publish.described(layout.arrays(settings), arrays)
    attributes = publish.attributes(title, card, numbers.columns, about)
    tells = publish.of_table(attributes, arrays)
    store.write_table(args.folder / store.TABLE, table, settings["shard_rows"], tells)
    texts = {"README.md": publish.card_text(title, table, card, described)}
    beside = publish.beside(title, table, card, described)
    manifest.finalise(args.folder, records, arrays, attributes, texts, (store.TABLE,), beside)
    print(f"{len(table)} glitches, {len(glitches) - len(table)} left out", file=sys.stderr)
