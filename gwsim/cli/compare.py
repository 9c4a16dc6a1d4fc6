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

    from gwsim.figures import compare, drawn, listing, style

    with style.look():
        figures, tables = compare.drawn(args.models, args.data, json.loads(args.settings.read_text()))
        drawn.write(figures, args.list, listing.COMPARISONS, tables=tables)
