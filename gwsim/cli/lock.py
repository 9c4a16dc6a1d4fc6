"""The stage `lock`: the plan with the sha256 of every file, to be committed."""

from pathlib import Path

SUMMARY = "write a lock: the plan with bytes and sha256 of every file, from the receipts of all"


def arguments(parser):
    parser.add_argument("--plan", type=Path, required=True, help="plan of files (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="lock to write (JSON)")
    parser.add_argument(
        "--named",
        type=Path,
        nargs="*",
        default=[],
        help="the configuration's plan or lock, to be equal to",
    )
    parser.add_argument("receipts", type=Path, nargs="*", metavar="RECEIPT", help="receipts of `gwsim fetch`")


def run(args):
    import json

    from gwsim import files
    from gwsim.gwosc import lock, plan

    receipts = [json.loads(path.read_text()) for path in args.receipts]
    locked = lock.lock(plan.load(args.plan), receipts)
    for path in args.named:
        lock.hold(locked, plan.load(path), str(path))
    files.write_atomic(args.output, json.dumps(locked, indent=1) + "\n")
