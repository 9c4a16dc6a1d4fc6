"""The stage `segments`: from the records of all strain files to segments and PSD blocks."""

from pathlib import Path

SUMMARY = "find coincident analysis-ready segments, cut them into splits and PSD blocks"


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="segments to write (JSON)")
    parser.add_argument("records", nargs="+", type=Path, help="records of the strain files")
    parser.add_argument(
        "--plan", nargs="*", type=Path, default=[], help="plan of what was fetched, if it was"
    )


def run(args):
    import json

    from gwsim import files, segments
    from gwsim.gwosc import catalogue
    from gwsim.strain import records

    settings = json.loads(args.settings.read_text())
    by_ifo: dict[str, list[dict]] = {ifo: [] for ifo in settings["ifos"]}
    for path in args.records:
        record = records.load(path)
        by_ifo[record["ifo"]].append(record)
    if settings["events"] == "known":
        settings["events"] = (
            json.loads(args.plan[0].read_text())["events"] if args.plan else catalogue.known()
        )
    found = segments.find(by_ifo, settings["splits"], settings)
    files.write_atomic(args.output, json.dumps(found, indent=1))
    for split in settings["splits"]:
        seconds = [b["end"] - b["start"] for b in found["blocks"] if b["split"] == split]
        print(f"{split}: {sum(seconds)} s in {len(seconds)} PSD blocks")
