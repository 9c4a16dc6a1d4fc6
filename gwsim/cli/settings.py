"""Write one stage's settings, so that Snakemake sees when they change."""

from pathlib import Path

SUMMARY = "write one stage's settings to a file (used by the workflow)"


def arguments(parser):
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("content", help="the settings as JSON, whose order stays")


def run(args):
    import json

    from gwsim import files

    files.write_atomic(args.output, json.dumps(json.loads(args.content), indent=1))
