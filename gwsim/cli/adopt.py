"""Take in a store that others made: check its layout, link it beside ours, list its files."""

from pathlib import Path

SUMMARY = "check a store made elsewhere and take it in as a dataset"


def arguments(parser):
    parser.add_argument("store", type=Path, help="the store: a Zarr 3 group, or the folder of its data.zarr")
    parser.add_argument("folder", type=Path, help="folder of the dataset to write, which has none yet")
    parser.add_argument("--settings", type=Path, help="settings of the stage (JSON), where there are some")


def run(args):
    import json
    import sys
    from functools import partial

    from gwsim import foreign, manifest
    from gwsim.cli.progress import progress

    classes = json.loads(args.settings.read_text())["classes"] if args.settings else None
    its = foreign.Foreign(args.store)
    foreign.expect_room(its, args.folder)
    foreign.expect(its, classes, partial(progress, name="adopt"))
    content = foreign.adopt(its, args.folder)
    print(f"{args.folder}: {manifest.rows(content)} rows of {its.path}", file=sys.stderr)
