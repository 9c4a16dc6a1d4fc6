"""The stage `strain`: the files of one ifo and GPS block, and the record that tells what they hold.

With --plan it only says beforehand what of GWOSC's strain a configuration needs.
"""

import importlib
from pathlib import Path

SUMMARY = "make or find the strain files of one ifo and GPS block, and write their record"
OF_A_BLOCK = ("settings", "ifo", "gps", "record")


def arguments(parser):
    parser.add_argument("--settings", type=Path, help="settings of the stage (JSON)")
    parser.add_argument("--ifo", help="interferometer, such as H1")
    parser.add_argument("--gps", type=int, help="start of the GPS block (s)")
    parser.add_argument("--record", type=Path, help="record to write (JSON)")
    parser.add_argument(
        "--plan",
        nargs="+",
        type=Path,
        metavar="CONFIG",
        help="instead: say how many of GWOSC's files, bytes and hours a configuration (and overlays) needs",
    )
    parser.set_defaults(refuse=parser.error)


def run(args):
    lacking = [name for name in OF_A_BLOCK if getattr(args, name) is None]
    if args.plan:
        if len(lacking) < len(OF_A_BLOCK):
            args.refuse("argument --plan: not allowed with the options of one block")
        # By its name: planning is no part of what a record follows from (see provenance.closure).
        importlib.import_module("gwsim.cli.fetch_plan").show(args.plan)
    elif lacking:
        args.refuse(f"the following arguments are required: {', '.join(f'--{name}' for name in lacking)}")
    else:
        _record(args)


def _record(args):
    import json

    from gwsim.strain import records
    from gwsim.strain.sources import SOURCES

    settings = json.loads(args.settings.read_text())
    block, rate, source = settings["block"], settings["sample_rate"], settings["source"]
    own = settings["simulated"] if source == "simulated" else settings
    paths = SOURCES[source](own, settings["seed"], args.ifo, args.gps, block, rate, args.record.parent)
    records.save(records.make_record(args.ifo, args.gps, block, rate, source, paths), args.record)
