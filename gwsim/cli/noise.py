"""The stage `noise`: the PSD blocks of one GPS block, whitened or as they are."""

from pathlib import Path

SUMMARY = "put the PSD blocks of one GPS block into a store, whitened or as they are"


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--segments", type=Path, required=True, help="segments (JSON)")
    parser.add_argument("--records", type=Path, nargs="+", required=True, help="records of the GPS block")
    parser.add_argument(
        "--layout", type=Path, required=True, help="FOLDER/shards.zarr/zarr.json of the store"
    )
    parser.add_argument("--gps", type=int, required=True, help="start of the GPS block (s)")
    parser.add_argument("--part", type=Path, required=True, help="record to write (JSON)")


def run(args):
    import json

    import numpy as np

    from gwsim import files, noise, provenance, store
    from gwsim.cli.progress import progress
    from gwsim.strain import records

    settings = json.loads(args.settings.read_text())
    blocks = json.loads(args.segments.read_text())["blocks"]
    of_ifo = {record["ifo"]: record for record in map(records.load, args.records)}
    mine = [index for index, block in enumerate(blocks) if block["gps_block"] == args.gps]
    code = [provenance.code_sha256(__name__), provenance.versions()]

    def key(index):
        files = {ifo: [file["sha256"] for file in record["files"]] for ifo, record in of_ifo.items()}
        return store.digest([settings, blocks[index], files, code])

    def make(index):
        start, end = blocks[index]["start"], blocks[index]["end"]
        strains = [records.read_strain(of_ifo[ifo], start, end) for ifo in settings["ifos"]]
        made = [noise.of_block(strain, settings) for strain in strains]
        return {name: np.stack([one[name] for one in made])[None] for name in made[0]}, None

    ranges = [(index, index + 1) for index in range(len(blocks))]
    shards = store.write_shards(args.layout.parents[1], mine, ranges, key, make)
    made = list(progress(shards, "noise", len(mine)))
    files.write_atomic(args.part, json.dumps(made, indent=1, sort_keys=True))
