"""Draw the Q-scan of an instant of a strain file: one panel for each duration around it."""

from pathlib import Path

SUMMARY = "draw the Q-scan of an instant of a strain file"


def arguments(parser):
    parser.add_argument("file", type=Path, help="strain: HDF5 of GWOSC, GWpy or PyCBC, frames, or text")
    parser.add_argument("gps", type=time, help="GPS time (s)")
    parser.add_argument("--ifo", help="such as L1, where the file has several")
    durations = {"type": duration, "nargs": "+", "default": [0.5, 1.0, 2.0, 4.0]}
    parser.add_argument("--durations", **durations, help="s shown around it, a panel each (0.5 1 2 4)")
    parser.add_argument("--block", type=int, default=64, help="s that are whitened and scanned (64)")
    parser.add_argument("--q", type=float, nargs=2, default=[4.0, 64.0], help="range of Q (4 64)")
    norms = {"choices": ("median", "mean"), "default": "median"}
    parser.add_argument("--norm", **norms, help="what a frequency's energy is taken over (median)")
    parser.add_argument("--output", type=Path, help="PNG to write (IFO-GPS.png in this folder)")
    parser.add_argument("--json", action="store_true", help="say what was found as JSON")


def time(text: str):
    """Read a GPS time, all its digits."""
    from decimal import Decimal

    duration(text)
    return Decimal(text)


def duration(text: str) -> float:
    """Read a positive number."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


def run(args):
    import json
    import sys

    from gwsim import files
    from gwsim.errors import GwsimError
    from gwsim.figures import qscan as figures
    from gwsim.figures import style
    from gwsim.qscan import around, scanned

    if args.output and args.output.suffix != ".png":
        raise GwsimError(f"--output {args.output}: a PNG is written, expected a name that ends in .png")
    block = around.block(args.file, args.gps, args.block, max(args.durations) / 2, args.ifo)
    found, f_range, images = scanned.scanned(block, args.durations, args.q, args.norm == "mean", figures.axes)
    for line in block.told:
        print(f"NOTE: {line}", file=sys.stderr)
    title = (
        f"{block.ifo} at GPS {args.gps:f}: Q {found['q']:.1f}, loudest tile of SNR {found['snr']:.1f} "
        f"at {found['frequency']:.0f} Hz, {found['offset'] * 1e3:+.0f} ms"
    )
    output = args.output or Path(f"{block.ifo}-{args.gps:f}.png")
    with style.look():
        files.write_atomic(output, style.png(figures.panels(images, args.durations, f_range, title)))
    found |= {"ifo": block.ifo, "gps": float(args.gps), "norm": args.norm, "picture": str(output)}
    print(json.dumps(found) if args.json else f"{title}\n{output}")
