"""The stage `quality`: the page that tells whether a dataset can be trusted."""

from pathlib import Path

SUMMARY = "draw a dataset's quality page: figures and numbers"


def arguments(parser):
    parser.add_argument("store", type=Path, help="the dataset's folder, its data.zarr or its manifest.json")
    parser.add_argument(
        "--bank", type=Path, nargs="*", help="manifest.json of the dataset's bank, if it has one"
    )
    parser.add_argument("--segments", type=Path, nargs="*", help="segments (JSON), if it has any")
    parser.add_argument("--output", type=Path, required=True, help="page to write (HTML)")


def run(args):
    import json

    from gwsim import manifest
    from gwsim.figures import quality

    blocks = [block for path in args.segments or [] for block in json.loads(path.read_text())["blocks"]]
    banks = [path.parent / "data.zarr" for path in args.bank or []]
    quality.page(manifest.folder_of(args.store), *banks[:1] or [None], blocks, args.output)
