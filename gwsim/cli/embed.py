"""The stage `embed`: a network's features of some examples, as maps in a plane."""

from pathlib import Path

SUMMARY = "map a network's features of a dataset in a plane, and measure what the maps keep"
BATCH = 256


def arguments(parser):
    parser.add_argument("--model", type=Path, required=True, help="trained network (safetensors)")
    parser.add_argument("--data", type=Path, required=True, help="manifest.json of the dataset")
    parser.add_argument(
        "--predictions", type=Path, required=True, help="metrics.json of evaluate, predictions beside it"
    )
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="coordinates to write (Parquet)")
    parser.add_argument("--metrics", type=Path, required=True, help="numbers to write (JSON)")
    parser.add_argument(
        "--device", default="auto", help="auto, cpu or cuda; bytes are the same only on one kind"
    )


def run(args):
    import json

    import pandas as pd
    import torch

    from gwsim import checkpoint, dataset, devices, draw, embed, files, models, selection, store
    from gwsim.cli.memory import keep_freed_memory
    from gwsim.cli.progress import progress

    keep_freed_memory()
    # A feature's last bits depend on the number of threads, and a map on the features' last bits.
    torch.set_num_threads(1)
    settings = json.loads(args.settings.read_text())
    device = devices.choose(args.device)
    model, description = checkpoint.load(args.model, device)
    examples = dataset.Examples(args.data, dataset.view_of(description))
    checkpoint.expect(description, examples)
    noise = examples.classes.index(draw.NOISE)
    rows = selection.choose(examples.table, settings["select"], settings["examples"], noise)
    label = examples.table["label"].to_numpy()[rows]
    path = args.predictions.with_name(f"{examples.folder.name}.parquet")
    predictions = selection.fitting(pd.read_parquet(path), examples.table, str(path), examples.name)
    predicted = predictions["predicted"].to_numpy()[rows]
    untrained = models.build(description["model"], examples.shape, len(examples.classes), description["seed"])

    def features(network, name):
        batches = dataset.batches(examples.read, rows, BATCH)
        return embed.extract(network, progress(batches, name, -(-len(rows) // BATCH)), device)

    both = features(model, "features"), features(untrained.to(device).eval(), "untrained features")
    coordinates, numbers = embed.embed(*both, label, settings)
    store.write_table(args.output, embed.embedding(rows, label, predicted, coordinates))
    content = {"numbers": numbers, "classes": examples.classes, "examples": len(rows), "settings": settings}
    files.write_atomic(args.metrics, json.dumps(content, indent=1, allow_nan=False))
