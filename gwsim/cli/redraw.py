"""The stage `redraw`: the table of another dataset with its loudness replaced."""

from pathlib import Path

SUMMARY = "replace the SNRs or distances of a drawn table: the same examples, louder or fainter"


def arguments(parser):
    parser.add_argument("table", type=Path, help="table of examples as drawn (Parquet)")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="table of examples to write (Parquet)")


def run(args):
    import json

    import pandas as pd

    from gwsim import draw, store

    settings = json.loads(args.settings.read_text())
    table = draw.redrawn(pd.read_parquet(args.table), settings)
    store.write_table(args.output, table, row_group=draw.ROW_GROUP)
    print(f"{len(table)} examples of '{settings['dataset']}' with {json.dumps(settings['wanted'])}")
