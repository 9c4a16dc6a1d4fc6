"""The stage `strain`: the files of one ifo and GPS block, and the record that tells what they hold."""

from pathlib import Path

SUMMARY = "make or find the strain files of one ifo and GPS block, and write their record"


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--ifo", required=True, help="interferometer, such as H1")
    parser.add_argument("--gps", type=int, required=True, help="start of the GPS block (s)")
    parser.add_argument("--record", type=Path, required=True, help="record to write (JSON)")


def run(args):
    import json

    from gwsim.strain import SOURCES, records

    settings = json.loads(args.settings.read_text())
    block, rate, source = settings["block"], settings["sample_rate"], settings["source"]
    own = settings["simulated"] if source == "simulated" else settings
    paths = SOURCES[source](own, settings["seed"], args.ifo, args.gps, block, rate, args.record.parent)
    records.save(records.make_record(args.ifo, args.gps, block, rate, source, paths), args.record)
