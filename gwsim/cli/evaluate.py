"""The stage `evaluate`: what a network makes of whole datasets, and of noise that holds nothing."""

from pathlib import Path

SUMMARY = "evaluate a network: predictions, rates, false alarms"
NOISE_FILES = ("manifest of the noise", "segments", "manifest of a bank", "settings of its render")


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--model", type=Path, required=True, help="network (safetensors)")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="manifest.json of each dataset")
    parser.add_argument(
        "--noise",
        type=Path,
        nargs="*",
        default=[],
        help="manifest of the noise, segments, manifest of any dataset's bank, settings of its render, for "
        "false alarms of whole stretches of noise; none where classes are told apart and nothing is detected",
    )
    parser.add_argument(
        "--metrics",
        type=Path,
        required=True,
        help="numbers to write (JSON), tables of predictions beside them",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="of torch on a CPU")


def run(args):
    import json

    import torch

    from gwsim import background, checkpoint, devices, evaluate, files
    from gwsim.cli.memory import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(args.threads)
    settings = json.loads(args.settings.read_text())
    paths = named(args.data, settings["datasets"])
    device = devices.choose(args.device)
    network = *checkpoint.load(args.model, device), device

    datasets = {name: predicted(name, path, network, args.metrics.parent) for name, path in paths.items()}
    classes = network[1]["classes"]
    by = {name: settings["by"] if name in settings["grouped"] else None for name in datasets}
    shown = settings.get("shown", ())
    described = {
        name: evaluate.described(*both, classes, by[name], name, shown) for name, both in datasets.items()
    }
    numbers = {key: one for name in described for key, one in evaluate.numbers(name, described[name]).items()}
    for name, (found, _) in datasets.items():
        numbers |= evaluate.view_numbers(name, found)
    metrics = {"numbers": numbers, "datasets": described}
    if args.noise:
        splits = noise(args, settings, network)
        wanted = {name: settings[name] for name in ("seconds", "by", "grouped")} | settings["background"]
        wanted["per_day"] = settings["false_alarms_per_day"]
        metrics["background"] = background.described(splits, datasets, classes, wanted)
        numbers |= background.numbers(metrics["background"])
    files.write_atomic(args.metrics, json.dumps(metrics, indent=1, allow_nan=False))


def named(manifests, wanted):
    """Return name -> manifest of the datasets, which must be those that the settings want."""
    from gwsim.errors import GwsimError

    found = {path.resolve().parent.name: path for path in manifests}
    if sorted(found) != sorted(wanted) or len(found) != len(manifests):
        raise GwsimError(
            f"--data has {', '.join(map(str, manifests))}; expected the manifest.json of each dataset of the "
            f"settings once: {', '.join(wanted)}"
        )
    return {name: found[name] for name in wanted}


def predicted(name, path, network, folder):
    """Write one dataset's predictions; return them and the dataset's table."""
    from gwsim import checkpoint, dataset, evaluate, store

    _, description, _ = network
    examples = dataset.Examples(path, dataset.view_of(description))
    checkpoint.expect(description, examples)
    labels, classes = examples.table["label"].to_numpy(), description["classes"]
    # Before the work, not after it.
    evaluate.require_every_class(labels, classes, f"dataset '{name}'")
    found = ask(f"evaluate {name}", examples.read, labels, network)
    store.write_table(folder / f"{name}.parquet", found)
    return found, examples.table


def noise(args, settings, network):
    """Write the predictions for all windows of the two splits' noise; return split -> table."""
    import json

    import numpy as np
    import pandas as pd

    from gwsim import background, dataset, evaluate, render, store
    from gwsim import noise as whitening
    from gwsim.errors import GwsimError
    from gwsim.waveforms import sources

    description, classes = network[1], network[1]["classes"]
    if len(args.noise) != len(NOISE_FILES):
        wanted = ", ".join(NOISE_FILES)
        raise GwsimError(f"--noise has {len(args.noise)} files, expected in this order: {wanted}")
    stored, segments, bank, its_settings = args.noise
    made = json.loads(its_settings.read_text())
    background.expect(description, made, settings["seconds"])
    source = whitening.NoiseStore(stored.parent / "data.zarr")
    renderer = render.Renderer(made, source, sources.opened(bank.parent / "data.zarr"))
    blocks, label = json.loads(segments.read_text())["blocks"], evaluate.noise_place(classes)
    found = {}
    for split in (settings["background"]["threshold"], settings["background"]["measured"]):
        table = background.windows(blocks, split, **background.sizes(made, source.taps))
        read = background.reader(renderer, table, dataset.view_of(description))
        asked = ask(f"noise of {split}", read, np.full(len(table), label), network)
        statistic = evaluate.statistic(evaluate.logits_of(asked, classes), label)
        found[split] = table.assign(split=split, statistic=statistic, predicted=asked["predicted"])
    together = pd.concat(found.values(), ignore_index=True)
    store.write_table(args.metrics.with_name("background.parquet"), together[list(background.COLUMNS)])
    return found


def ask(name, read, labels, network):
    """Return the network's predictions for all rows that read gives."""
    import numpy as np

    from gwsim import conventions, dataset, evaluate
    from gwsim.cli.progress import progress

    model, description, device = network
    rows, size = np.arange(len(labels)), dataset.batch_size(tuple(description["shape"]), evaluate.BATCH)
    logits = evaluate.apply(model, dataset.batches(read, rows, size), device)
    found = np.concatenate(list(progress(logits, name, -(-len(rows) // size))))
    durations = dataset.view_of(description).durations or conventions.SCAN_DURATIONS
    both = evaluate.joined(model, found), rows, labels, description["classes"]
    return evaluate.predictions(*both).assign(**evaluate.of_views(found, durations))
