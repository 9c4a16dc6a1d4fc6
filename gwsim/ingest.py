"""Pictures of real glitches into the layout of a dataset of Q-scans: what others labelled, read as it is.

Takes the settings of one dataset; gives its glitches with their split, their views and its table. Whatever is
wrong with the set is told all at once, before anything is stored; what is sound goes on only where the
configuration allows it. Splits are of glitches, so that the four views of one never part.

Columns of the table stand in COLUMNS below; `gravityspy_id` is in table.parquet alone.
"""

import dataclasses

import numpy as np
import pandas as pd

from gwsim import seeds
from gwsim.errors import GwsimError
from gwsim.gravityspy import sets, splits, tables
from gwsim.gravityspy.glitch import Found, Glitch, fault
from gwsim.waveforms import columns

# name: (dtype, unit, meaning)
COLUMNS = columns.GIVEN
# In the order of `scan_ifo`.
IFOS = ("H1", "L1", "V1")
NANO = 1_000_000_000


def find(settings: dict) -> Found:
    """Return all glitches of the set that the settings name, each with its split, and what is wrong.

    Raises GwsimError for what is no set at all.
    """
    its = sets.find(settings["path"])
    glitches = [one for one in its.glitches if one.label in settings["models"]]
    others = [one.name for one in its.glitches if one.label not in settings["models"]]
    notes = its.notes + fault("glitches are of classes that are not asked for", others)
    faults = list(its.faults)
    if settings["table"]:
        glitches, apart = sets.join(glitches, tables.metadata(settings["table"], faults))
        faults += apart
    assigned = splits.assign(
        [one.name for one in glitches],
        [one.label for one in glitches],
        settings["fractions"],
        settings["seed"],
        [one.split for one in glitches],
    )
    pairs = zip(glitches, assigned, strict=True)
    return Found([dataclasses.replace(one, split=split) for one, split in pairs], faults, notes)


def chosen(its: Found, settings: dict) -> list[Glitch]:
    """Return the glitches of the settings' split, no more than are asked for; raises GwsimError for none."""
    mine = [one for one in its.glitches if one.split == settings["split"]]
    if not mine:
        there = ", ".join(sorted({str(one.split) for one in its.glitches}))
        raise GwsimError(
            f"{settings['path']}: no glitch of split '{settings['split']}' (its splits: {there}); hint: the "
            "set may bring its own splits, or be too small to be shared out"
        )
    if settings["examples"] is None or settings["examples"] >= len(mine):
        return mine
    # Any of them, the same ones each time, whatever else is in the set.
    first = sorted(mine, key=lambda one: seeds.key(settings["seed"], "ingest", one.name))
    return sorted(first[: settings["examples"]], key=lambda one: (one.label, one.name))


def views(glitches: list[Glitch], out: np.ndarray, seen) -> tuple[np.ndarray, list[str]]:
    """Read every glitch's views into out; return which are sound, and the faults of the rest.

    seen: takes the glitches and yields them, showing how far it is.
    """
    sound, broken = np.zeros(len(glitches), bool), []
    for place, glitch in enumerate(seen(glitches)):
        try:
            out[place] = sets.read(glitch)
            sound[place] = True
        except GwsimError as error:
            broken.append(f"{glitch.name} of {glitch.label} ({error})")
    return sound, fault("glitches cannot be read and are left out", broken)


def table(glitches: list[Glitch], classes: list[str]) -> pd.DataFrame:
    """Return the table of glitches."""
    gps = np.array([-1 if one.gps is None else one.gps for one in glitches], np.int64)
    columns = {
        "label": [classes.index(one.label) for one in glitches],
        "gravityspy_id": [one.id for one in glitches],
        "scan_ifo": [IFOS.index(one.ifo) if one.ifo in IFOS else -1 for one in glitches],
        "gps_second": np.where(gps < 0, -1, gps // NANO),
        "gps_nanosecond": np.where(gps < 0, -1, gps % NANO),
    }
    return pd.DataFrame(
        {name: pd.Series(columns[name], dtype=kind) for name, (kind, _, _) in COLUMNS.items()}
    )


def refuse(faults: list[str], settings: dict) -> None:
    """Raise GwsimError with all faults, unless the settings let the rest go on."""
    if faults and settings["faults"] == "refuse":
        listed = "\n  ".join(faults)
        raise GwsimError(
            f"{settings['path']}: the set has faults:\n  {listed}\n"
            "Hint: mend it, or let the rest go on with `faults: skip` among the experiment's waveforms."
        )
