"""The stage `figures`: every figure of one network, as PNG and PDF."""

from pathlib import Path

SUMMARY = "draw every figure of a network from what its stages found"


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--model", type=Path, required=True, help="trained network (safetensors)")
    parser.add_argument("--history", type=Path, required=True, help="metrics of each epoch (CSV)")
    for stage in ("evaluate", "explain", "embed"):
        parser.add_argument(f"--{stage}", type=Path, required=True, help=f"metrics.json of the stage {stage}")
    parser.add_argument("--data", type=Path, required=True, nargs="+", help="manifest.json of each dataset")
    parser.add_argument(
        "--bank", type=Path, nargs="*", default=[], help="manifest.json of a dataset's bank; none of pictures"
    )
    parser.add_argument("--list", type=Path, required=True, help="list of figures to write, they beside it")


def run(args):
    import json

    import pandas as pd

    from gwsim import checkpoint
    from gwsim.figures import drawn, listing, network, style

    model, description = checkpoint.load(args.model)
    products = {name: getattr(args, name) for name in ("history", "evaluate", "explain", "embed")}
    if args.bank:
        (products["bank"],) = args.bank
    settings = json.loads(args.settings.read_text())
    with style.look():
        figures = network.drawn(description, products, args.data, settings)
        parameters = sum(values.numel() for values in model.parameters())
        evaluated = json.loads(args.evaluate.read_text())
        about = network.about(description, parameters, pd.read_csv(args.history), evaluated)
        wanted = listing.figures(listing.kind(description["classes"]))
        drawn.write(figures, args.list, wanted, about=about)
