"""Where a planned file may lie: mirrors in their order, then the site; each a folder or an address.

A mirror is laid out as GWOSC's archive (RUN_4KHZ_R1/BLOCK/NAME), flat (NAME), or as the Open Science Data
Federation (OSDF) has it (RUN/strain.4k/hdf.v1/IFO/BLOCK/NAME).
"""

import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from gwsim.errors import GwsimError

ARCHIVE = "/archive/data/"
# Its director sends a plain client on to a cache. Not tried by us: it cannot be reached from our tests.
OSDF_DIRECTOR = "https://osdf-director.osg-htc.org"
BLOCK = 2**20
# O3a_4KHZ_R1, and LOSC_4_V1 before.
RATE = re.compile(r"_([\d.]+)(?:KHZ_R|_V)\d")


def below_archive(row: dict) -> str:
    """Return where a planned file lies below an archive; raises GwsimError for one that leads out."""
    place = row["path"].removeprefix(ARCHIVE).lstrip("/")
    if ".." in PurePosixPath(place).parts or not place:
        raise GwsimError(f"the plan's path {row['path']!r} does not stay below {ARCHIVE}")
    return place


def sample_rate(row: dict) -> int | None:
    """Return the sample rate (Hz) that a file's name tells."""
    match = RATE.search(row["path"])
    return round(1024 * float(match[1])) if match else None


def layouts(row: dict) -> list[str]:
    """Return the relative paths under which mirrors have the file."""
    place = below_archive(row)
    name = PurePosixPath(place).name
    rate = f"{(sample_rate(row) or 4096) / 1024:g}k"
    osdf = f"{row['run']}/strain.{rate}/hdf.v1/{row['ifo']}/{row['start'] // BLOCK * BLOCK}/{name}"
    return list(dict.fromkeys([place, name, osdf]))


def of(row: dict, site: dict) -> list[tuple[Path | str, list[str]]]:
    """Return each root, a folder or an address, with the places below it where the file may lie."""
    mirrors = [(root(mirror), layouts(row)) for mirror in site["mirrors"]]
    return [*mirrors, (site["host"].rstrip("/"), [ARCHIVE.lstrip("/") + below_archive(row)])]


def name(row: dict) -> str:
    """Return the name of a planned file."""
    return PurePosixPath(row["path"]).name


def root(mirror: str) -> Path | str:
    """Return what a mirror of the configuration is: a folder, or an address for plain requests."""
    parts = urlsplit(mirror)
    if parts.scheme == "osdf":
        return f"{OSDF_DIRECTOR}/{(parts.netloc + parts.path).strip('/')}"
    if parts.scheme in ("http", "https"):
        return mirror.rstrip("/")
    return Path(unquote(parts.path) if parts.scheme == "file" else mirror).expanduser()
