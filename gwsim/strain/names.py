"""What the names of files and of series tell: the ifo, the GPS seconds, and which series is the strain."""

import re
from pathlib import Path

from gwsim.errors import GwsimError

# An ifo at the beginning of a name or of a part of it: H1:STRAIN, H1/strain, H-H1_GWOSC, strain_L1.txt.
_IFO = re.compile(r"(?:^|[-_/ ])([A-Z][0-9])(?=$|[-_/:. ])")
# Initial, ifo and description, start, duration (LIGO-T010150). With several initials it is not one ifo's.
_NAME = re.compile(r"[A-Z]-([A-Z][0-9])(?:_[^-]*)?-([0-9]+)-([0-9]+)(?:\.|$)")
# Names of channels that are no strain, though they stand beside it under the same ifo.
_MASK = re.compile(r"MASK$|STATE_?VECTOR|DQ_", re.IGNORECASE)


def name_parts(path: str | Path) -> dict | None:
    """Return ifo, start and duration as a name like H-H1_GWOSC_4KHZ_R1-1126259447-32.hdf5 states them."""
    match = _NAME.match(Path(path).name)
    return match and {"ifo": match[1], "start": int(match[2]), "duration": int(match[3])}


def ifo_in(*names: str) -> str | None:
    """Return the first ifo that the names tell, asked in their order."""
    found = (_IFO.search(name) for name in names)
    return next((match[1] for match in found if match), None)


def strain_of(path: str | Path, series: dict[str, str | None], ifo: str | None) -> tuple[str, str]:
    """Return the name of the one series that is the ifo's strain, and its ifo.

    series: the ifo of each, by name. Where none is of the ifo asked for, or none was asked for, the first
    other is taken. The one whose name ends in STRAIN comes first, then one that speaks of it, then the only
    one that there is.

    Raises GwsimError, with all names, where that leaves none or several.
    """
    known = {name: its or ifo_in(Path(path).name) for name, its in series.items() if not _MASK.search(name)}
    ifos = [its for its in known.values() if its]
    wanted = ifo if ifo in ifos else next(iter(ifos), None)
    mine = [name for name, its in known.items() if its == wanted]
    for wording in (r"STRAIN$", r"STRAIN", r""):
        found = [name for name in mine if re.search(wording, name, re.IGNORECASE)]
        if wanted and len(found) == 1:
            return found[0], wanted
    listed = ", ".join(series) or "none"
    if wanted is None and known:
        raise GwsimError(
            f"{path}: no ifo in its name or in its series' names, such as H1:STRAIN; it has {listed}"
        )
    raise GwsimError(
        f"{path}: {len(mine)} series can be the strain of {wanted or ifo or 'an ifo'}, expected one, or one "
        f"whose name ends in STRAIN; it has {listed}"
    )
