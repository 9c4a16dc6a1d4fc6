"""The stage `exercise`: the answers of the exercise on toy pictures, as a page."""

from pathlib import Path

SUMMARY = "answer the exercise on toy pictures: a page of figures, and its numbers"
ROLES = ("network", "linear", "three")


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    for role in ROLES:
        parser.add_argument(
            f"--{role}", type=Path, nargs="+", required=True, help=f"networks called {role}, by seed"
        )
    parser.add_argument("--data", type=Path, required=True, help="manifest.json of the dataset")
    parser.add_argument("--metrics", type=Path, required=True, help="numbers to write (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="page to write (HTML)")


def run(args):
    import json

    import pandas as pd
    import torch

    from gwsim import checkpoint, dataset, files, train
    from gwsim.figures import exercise, page, style
    from gwsim.figures.exercise.asked import asked

    torch.set_num_threads(1)
    settings = json.loads(args.settings.read_text())
    paths = {role: getattr(args, role)[0] for role in ROLES}
    if args.network[1:]:
        paths["again"] = args.network[1]
    examples = dataset.Examples(args.data, dataset.View("picture", "none"))
    networks = {}
    for name, path in paths.items():
        networks[name], description = checkpoint.load(path)
        train.expect_classes(description["classes"], examples)
    histories = {name: pd.read_csv(path.with_name("metrics.csv")) for name, path in paths.items()}
    pictures = examples.raw(range(len(examples.table)))[:, 0]
    with style.look():
        its = asked(networks, histories, pictures, examples.table, settings)
        sections, numbers = exercise.answers(its)
        page.write(args.output, exercise.TITLE, exercise.lead(its), sections)
    files.write_atomic(args.metrics, json.dumps({"numbers": numbers}, indent=1, allow_nan=False))
