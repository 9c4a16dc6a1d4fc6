"""The block of a file's strain around an instant, to be whitened and scanned: as long as asked, or shorter.

Takes any file that `strain.readers` reads and gives whole GPS seconds of it at the file's own rate, the
instant in their middle as far as the file allows.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np

from gwsim.errors import GwsimError
from gwsim.shapes import Series
from gwsim.strain import readers

# Whitening by segments of 2 s needs some of them, and loses a second at both ends.
LEAST, EDGE = 4, 1


@dataclass
class Block:
    """Strain from GPS second `start` on, the instant `at` seconds later; what a person should be told."""

    strain: Series
    ifo: str
    start: int
    rate: int
    at: float
    told: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> int:
        return len(self.strain) // self.rate


def block(path: str | Path, gps: Decimal, seconds: int, reach: float, ifo: str | None = None) -> Block:
    """Return a file's block around a GPS time, from which a picture reaches so far (s) to both sides.

    Raises GwsimError where the file has no such ifo or time, too little around it, or a gap in the block.
    """
    kind = readers.reader(path)
    about = kind.describe(path, ifo)
    begin, end = about["start"], about["start"] + about["duration"]
    if ifo not in (None, about["ifo"]):
        raise GwsimError(f"{path}: no strain of {ifo}, it holds that of {about['ifo']}")
    if not begin <= gps < end:
        raise GwsimError(
            f"{path}: no strain at GPS {gps}, it holds [{begin}, {end}), {end - begin} s of {about['ifo']}"
        )
    length = min(seconds, end - begin)
    start = min(max(round(gps - length / Decimal(2)), begin), end - length)
    at = float(gps - start)
    _refuse_narrow(path, gps, (start, start + length), at, reach)
    strain = kind.read(path, start, start + length, about["ifo"])
    _refuse_gaps(path, gps, start, strain, about["sample_rate"])
    told = [f"a block of {length} s instead of {seconds} s: {path} has no more"] * (length < seconds)
    if min(at, length - at) < reach + EDGE:
        told.append(f"{2 * reach:g} s around GPS {gps} reach into the block's tapered ends of {EDGE} s")
    return Block(strain, about["ifo"], start, about["sample_rate"], at, told)


def _refuse_narrow(path, gps, span, at, reach) -> None:
    length = span[1] - span[0]
    if length < LEAST:
        raise GwsimError(f"{path}: a block of {length} s around GPS {gps}, expected {LEAST} s or more")
    if min(at, length - at) < reach:
        raise GwsimError(
            f"{path}: GPS {gps} is {min(at, length - at):g} s from an end of [{span[0]}, {span[1]}), and "
            f"{2 * reach:g} s around it are asked for: ask for less (--durations) or another time"
        )


def _refuse_gaps(path, gps, start, strain, rate) -> None:
    missing = ~np.isfinite(strain).reshape(-1, rate).all(-1)
    if not missing.any():
        return
    bad, own = np.flatnonzero(missing) + start, int(gps)
    first, last = (bad[bad < own] + 1).max(initial=start), bad[bad > own].min(initial=start + len(missing))
    hint = f"whole around it are [{first}, {last}): ask for a shorter block (--block)"
    raise GwsimError(
        f"{path}: gaps in {missing.sum()} of the {len(missing)} s from GPS {start} on, the first in second "
        f"{bad[0]}; {'the instant itself lies in one' if own in bad else hint}"
    )
