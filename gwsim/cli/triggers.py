"""From a table of glitches' times to a configuration that makes Q-scans of them from open strain."""

from pathlib import Path

SUMMARY = "write a configuration overlay for Q-scans of real glitches, from a table of their times"


def arguments(parser):
    parser.add_argument("table", type=Path, help="times by class (CSV): ifo, ml_label or label, event time")
    parser.add_argument("--output", type=Path, required=True, help="overlay to write (YAML)")
    parser.add_argument("--ifo", required=True, help="interferometer, such as L1")
    parser.add_argument("--classes", nargs="+", help="classes of Gravity Spy; all that the table has")
    parser.add_argument("--each", type=_positive, default=20, help="most glitches of a class (20)")
    parser.add_argument("--confidence", type=float, help="least confidence of a label")
    parser.add_argument("--seconds", type=_even, default=64, help="strain that each whitens itself on (64)")


def _positive(text: str) -> int:
    """Read a whole number of at least one."""
    if (value := int(text)) < 1:
        raise ValueError(text)
    return value


def _even(text: str) -> int:
    """Read an even whole number of seconds, enough for the longest view."""
    if (value := int(text)) < 6 or value % 2:
        raise ValueError(text)
    return value


def run(args):
    import yaml

    from gwsim import files
    from gwsim.errors import GwsimError
    from gwsim.gravityspy import overlays, tables
    from gwsim.gravityspy.glitch import CLASSES

    faults: list[str] = []
    table = tables.times(args.table, faults)
    known = [name for name in CLASSES if name in set(table["label"])]
    if strange := [name for name in args.classes or [] if name not in known]:
        raise GwsimError(
            f"{args.table}: no glitches of class {', '.join(strange)} (it has {', '.join(known)})"
        )
    classes = [name for name in known if not args.classes or name in args.classes]
    chosen = tables.select(table, classes, args.ifo, args.confidence, limit=args.each)
    if chosen.empty:
        ifos = ", ".join(sorted(set(table["ifo"])))
        raise GwsimError(f"{args.table}: no such glitch of {args.ifo} (it has those of {ifos})")
    times = args.output.with_suffix(".csv")
    found = overlays.configuration(chosen, classes, args.ifo, args.seconds, times.resolve())
    files.write_atomic(times, tables.text(chosen))
    text = yaml.safe_dump(found, sort_keys=False, default_flow_style=None, width=110)
    files.write_atomic(args.output, text)
    for fault in faults:
        print(f"left out: {fault}")
    counts = {name: one["examples"] for name, one in found["experiments"]["glitch"]["datasets"].items()}
    split = ", ".join(f"{name} {count}" for name, count in counts.items())
    print(f"{len(chosen)} glitches of {len(classes)} classes: {split}")
    print(f"their times: {times}")
    print(f"next: gwsim strain --plan config.yaml {args.output}   says what of GWOSC is needed")
    print(f"      snakemake --cores 2 all --configfile {args.output}")
