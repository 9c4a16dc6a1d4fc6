"""The stage `compare`: the networks of one experiment beside one another."""

from pathlib import Path

SUMMARY = "draw the networks of an experiment beside one another"


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the figures (JSON)")
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        required=True,
        help="checkpoints (safetensors), evaluate and explain beside them",
    )
    parser.add_argument("--data", type=Path, required=True, nargs="+", help="manifest.json of each dataset")
    parser.add_argument("--list", type=Path, required=True, help="list of figures to write, they beside it")


def run(args):
    import json

    from gwsim import checkpoint
    from gwsim.figures import compare, drawn, listing, style

    settings = json.loads(args.settings.read_text())
    kind = listing.kind(checkpoint.read(args.models[0])[1]["classes"])
    with style.look():
        if kind == "signals":
            figures, tables = compare.drawn(args.models, args.data, settings)
        else:
            figures, tables = compare.of_pictures(args.models, settings)
        drawn.write(figures, args.list, listing.COMPARISONS[kind], tables=tables)
