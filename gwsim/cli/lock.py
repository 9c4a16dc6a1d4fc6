"""The stage `lock`: the plan with the sha256 of every file, to be committed."""

from pathlib import Path

SUMMARY = "write a lock: the plan with bytes and sha256 of every file, from the receipts of all"


def arguments(parser):
    parser.add_argument("--plan", type=Path, required=True, help="plan of files (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="lock to write (JSON)")
    parser.add_argument("receipts", type=Path, nargs="*", metavar="RECEIPT", help="receipts of `gwsim fetch`")


def run(args):
    import json

    from gwsim import files
    from gwsim.gwosc import fetch, plan

    receipts = [json.loads(path.read_text()) for path in args.receipts]
    locked = fetch.lock(plan.load(args.plan), receipts)
    files.write_atomic(args.output, json.dumps(locked, indent=1) + "\n")
