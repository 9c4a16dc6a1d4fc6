"""Say what differs between two datasets: exit status 0 where nothing does, 1 where something does."""

from pathlib import Path

SUMMARY = "say what differs between two datasets"


def arguments(parser):
    for name in ("a", "b"):
        parser.add_argument(
            name, type=Path, help="a store's folder, its data.zarr or its manifest.json", metavar=name.upper()
        )
    parser.add_argument("--json", action="store_true", help="say it as JSON")


def run(args):
    import json
    import sys

    from gwsim import difference, difference_words
    from gwsim.cli.verify import folder_of

    found = difference.found(*(difference.side(folder_of(path)) for path in (args.a, args.b)))
    found["sentence"] = difference_words.sentence(found)
    print(json.dumps(found, indent=1) if args.json else difference_words.text(found))
    sys.exit(0 if found["equal"] else 1)
