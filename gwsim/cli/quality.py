"""The stage `quality`: the page that tells whether a dataset can be trusted."""

from pathlib import Path

SUMMARY = "draw a dataset's quality page: figures and numbers"


def arguments(parser):
    parser.add_argument("store", type=Path, help="the dataset's folder, its data.zarr or its manifest.json")
    parser.add_argument("--bank", type=Path, required=True, help="manifest.json of the dataset's bank")
    parser.add_argument("--segments", type=Path, required=True, help="segments (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="page to write (HTML)")


def run(args):
    import json

    from gwsim import manifest
    from gwsim.figures import quality

    blocks = json.loads(args.segments.read_text())["blocks"]
    quality.page(manifest.folder_of(args.store), args.bank.parent / "data.zarr", blocks, args.output)
