"""The stage `draw`: the table of a dataset and the systems it speaks of."""

from pathlib import Path

SUMMARY = "draw one dataset's table: everything random, once"


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument(
        "--segments", type=Path, nargs="*", default=[], help="segments (JSON), if it needs any"
    )
    parser.add_argument("--systems", type=Path, required=True, help="table of systems to write (Parquet)")
    parser.add_argument("--table", type=Path, required=True, help="table of examples to write (Parquet)")


def run(args):
    import json

    from gwsim import draw, noise, store
    from gwsim.waveforms import sources

    settings = json.loads(args.settings.read_text())
    signals = sources.SOURCES[settings["waveforms"]["source"]]
    for line in signals.notes(settings["waveforms"]):
        print(line)
    if not args.segments:
        systems, table = draw.draw_pictures(signals, settings)
        store.write_table(args.systems, systems)
        store.write_table(args.table, table, row_group=draw.ROW_GROUP)
        print(f"{len(table)} examples, which need no strain")
        return
    settings["margin"] = noise.margin_samples(settings)
    blocks = json.loads(args.segments[0].read_text())["blocks"]
    if hasattr(signals, "listed"):
        kinds = draw.columns(settings["waveforms"]["source"])
        systems, table, left_out = signals.listed(blocks, kinds, settings)
        print(*(f"left out: {fault}" for fault in left_out), sep="\n")
        table.attrs["left_out"] = left_out
    else:
        systems, table = draw.draw(blocks, signals, settings)
    factor = draw.reuse_factor(len(table), blocks, settings)
    table.attrs["noise_reuse"] = factor
    store.write_table(args.systems, systems)
    store.write_table(args.table, table, row_group=draw.ROW_GROUP)
    print(f"{len(table)} examples of {len(systems)} systems; each second of noise is used {factor:.2f} times")
