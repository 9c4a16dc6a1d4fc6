"""Finish the noise store: link its whole shards into data.zarr, write the manifest."""

from pathlib import Path

SUMMARY = "finish the noise store"


def arguments(parser):
    parser.add_argument("layout", type=Path, help="FOLDER/shards.zarr/zarr.json of the store")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--segments", type=Path, required=True, help="segments (JSON)")


def run(args):
    import json

    from gwsim import manifest, noise

    settings = json.loads(args.settings.read_text())
    blocks = json.loads(args.segments.read_text())["blocks"]
    folder = args.layout.parents[1]
    records = manifest.whole_records(folder, [(index, index + 1) for index in range(len(blocks))])
    # Nothing here changes with a revision: what is rendered from the store depends on its manifest.
    attributes = {"title": f"{settings['kind']} noise", "settings": settings}
    manifest.finalise(folder, records, noise.described(blocks, settings), attributes, {})
