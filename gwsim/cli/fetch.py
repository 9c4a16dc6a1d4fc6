"""The stage `fetch`: the planned files of one ifo and GPS block."""

from pathlib import Path

SUMMARY = "fetch and verify the planned strain files of one ifo and GPS block, and write their receipt"


def arguments(parser):
    parser.add_argument("--site", type=Path, required=True, help="host and mirrors (JSON)")
    parser.add_argument("--plan", type=Path, required=True, help="plan of files, or a lock (JSON)")
    parser.add_argument("--ifo", required=True, help="interferometer, such as H1")
    parser.add_argument("--gps", type=int, required=True, help="start of the GPS block (s)")
    parser.add_argument("--cache", type=Path, required=True, help="folder to download into")
    parser.add_argument(
        "--patience", type=float, default=1800.0, help="seconds without a new byte after which to give up"
    )
    parser.add_argument("--receipt", type=Path, required=True, help="receipt to write (JSON)")


def run(args):
    import json
    import sys

    from gwsim import files
    from gwsim.cli.progress import transfers
    from gwsim.gwosc import fetch, plan

    site, planned = json.loads(args.site.read_text()), plan.load(args.plan)
    rows = fetch.rows_of(planned, args.ifo, args.gps, planned["asked"]["block"])

    def tell(message):
        print(f"fetch: {message}", file=sys.stderr, flush=True)

    with transfers() as advance:
        found = fetch.fetch(rows, site, args.cache, args.patience, tell=tell, advance=advance)
    receipt = {"ifo": args.ifo, "start": args.gps, "files": found}
    files.write_atomic(args.receipt, json.dumps(receipt, indent=1, sort_keys=True) + "\n")
