"""The stage `embed`: a network's features of some examples, as maps in a plane and in space."""

from pathlib import Path

SUMMARY = "map a network's features of datasets in a plane and in space, and measure what the maps keep"
BATCH = 256


def arguments(parser):
    parser.add_argument("--model", type=Path, required=True, help="trained network (safetensors)")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="manifest.json of each dataset")
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

    import torch

    from gwsim import checkpoint, components, dataset, devices, embed, files, models, store
    from gwsim.cli.memory import keep_freed_memory
    from gwsim.cli.progress import progress

    keep_freed_memory()
    # A feature's last bits depend on the number of threads, and a map on the features' last bits.
    torch.set_num_threads(1)
    settings = json.loads(args.settings.read_text())
    device = devices.choose(args.device)
    model, description = checkpoint.load(args.model, device)
    data = chosen(args.data, description, settings)
    shape, classes = data[0][0].shape, description["classes"]
    untrained = models.build(description["model"], shape, len(classes), description["seed"])
    table = described(data, args.predictions, model, device)
    count = len(table)

    def features(network, name):
        size = dataset.batch_size(shape, BATCH)
        batches = progress(together(data, size), name, sum(-(-len(rows) // size) for _, rows in data))
        return embed.extract(network, batches, device, count)

    # One after the other: there may be no room for the features of both.
    before = components.compact(features(untrained.to(device).eval(), "untrained features"))
    label = table["label"].to_numpy()
    coordinates, numbers = embed.embed(features(model, "features"), before, label, settings)
    store.write_table(args.output, embed.embedding(table, coordinates))
    content = {"numbers": numbers, "classes": classes, "datasets": settings["datasets"]}
    content |= {"examples": count, "settings": settings}
    files.write_atomic(args.metrics, json.dumps(content, indent=1, allow_nan=False))


def chosen(manifests, description, settings):
    """Return (examples, rows) of each dataset that the settings name."""
    from gwsim import checkpoint, dataset, evaluate, selection
    from gwsim.errors import GwsimError

    found = {path.resolve().parent.name: path for path in manifests}
    if lacking := [name for name in settings["datasets"] if name not in found]:
        raise GwsimError(f"embed uses the datasets {', '.join(lacking)}; --data has only {', '.join(found)}")
    examples = [dataset.Examples(found[name], dataset.view_of(description)) for name in settings["datasets"]]
    for one in examples:
        checkpoint.expect(description, one)
    select = selection.applying([one.table for one in examples], settings["select"])
    counts = selection.shares([len(one.table) for one in examples], settings["examples"])
    classes = description["classes"]
    noise = evaluate.noise_among(classes)
    rows = map(selection.choose, [one.table for one in examples], select, counts, [noise] * len(examples))
    return list(zip(examples, rows, strict=True))


def together(data, size):
    """Yield batches of (rows, examples) of one dataset after the other."""
    from gwsim import dataset

    for examples, rows in data:
        yield from dataset.batches(examples.read, rows, size)


def described(data, predictions, model, device):
    """Return dataset, row, label, predicted, score of all; the network is asked where it was not yet."""
    import json

    import numpy as np
    import pandas as pd

    from gwsim import dataset, evaluate, selection

    evaluated, parts = json.loads(predictions.read_text())["datasets"], []
    for place, (examples, rows) in enumerate(data):
        path = predictions.with_name(f"{examples.folder.name}.parquet")
        if examples.folder.name in evaluated:
            told = selection.fitting(pd.read_parquet(path), examples.table, str(path), examples.name)
            told = told.iloc[rows]
        else:  # what a network has learnt from is not evaluated
            size = dataset.batch_size(examples.shape, BATCH)
            logits = evaluate.apply(model, dataset.batches(examples.read, rows, size), device)
            logits = evaluate.joined(model, np.concatenate(list(logits)))
            label = examples.table["label"].to_numpy()[rows]
            told = evaluate.predictions(logits, rows, label, examples.classes)
        score = told[[f"score_{name}" for name in examples.classes]].max(axis=1)
        parts.append(told[["row", "label", "predicted"]].assign(dataset=place, score=score))
    return pd.concat(parts, ignore_index=True)
