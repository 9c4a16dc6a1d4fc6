"""A set of real glitches, whichever form it has: folders of pictures, or one HDF5 file.

Takes a path; gives glitches, their views, and what their tables add to them.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from gwsim.errors import GwsimError
from gwsim.gravityspy import archive, folders
from gwsim.gravityspy.glitch import CLASSES, CORRECTIONS, Found, Glitch, fault


def find(path: str | Path, classes=CLASSES, corrections: dict[str, str] = CORRECTIONS) -> Found:
    """Return the glitches of a folder or of an HDF5 file, and what is wrong with the rest."""
    one = archive if Path(path).is_file() else folders
    return one.find(path, classes, corrections)


def read(glitch: Glitch) -> np.ndarray:
    """Return a glitch's views, uint8 (duration, frequency, time)."""
    return (folders if glitch.archive is None else archive).read(glitch)


def beside(path: str | Path) -> dict[str, np.ndarray]:
    """Return the views of each class's first glitch, for pages that show them beside simulated ones."""
    shown = {}
    for glitch in find(path).glitches:
        if glitch.label not in shown:
            # One that is broken is passed over: its class may have another.
            with contextlib.suppress(GwsimError):
                shown[glitch.label] = read(glitch)
    return shown


def join(glitches: Iterable[Glitch], table: pd.DataFrame) -> tuple[list[Glitch], list[str]]:
    """Return the glitches with ifo, time and split from a table of `tables`, and where they disagree.

    What a glitch's own place or name tells is kept; a glitch of which the table does not tell stays as it is.
    """
    rows = {row["id"]: row for row in table.to_dict("records")}
    joined, absent, differing = [], [], []
    for glitch in glitches:
        row = rows.get(glitch.id)
        if row is None:
            absent.append(glitch.name)
            joined.append(glitch)
            continue
        differing += [
            f"{glitch.name} {what} {ours} and {row[what]}"
            for what, ours in (("ifo", glitch.ifo), ("label", glitch.label), ("split", glitch.split))
            if ours is not None and row.get(what, ours) != ours
        ]
        joined.append(
            replace(glitch, ifo=glitch.ifo or row.get("ifo"), split=glitch.split or row.get("split"))
        )
        if "gps_second" in row:
            gps = row["gps_second"] * 1_000_000_000 + row["gps_nanosecond"]
            joined[-1] = replace(joined[-1], gps=gps)
    faults = fault("glitches are not in the table", absent)
    return joined, faults + fault("differ between pictures and table, where the pictures' count", differing)
