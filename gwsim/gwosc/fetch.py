"""The planned files of one ifo and GPS block, verified, from wherever they are to be had.

Takes rows of a plan; gives for each a file that is whole, is what the row says and, where the row is of a
lock, has the lock's bytes. A file in the cache that was verified before is not read again, one in a mirror's
folder is used where it lies, any other is downloaded into the cache, beside a note of what was verified.

field | unit | meaning
ifo | | the ifo
start | GPS s | first second of the GPS block
files | | list of {path, name, bytes, sha256}, one for each planned file of the block
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import requests

from gwsim.errors import GwsimError
from gwsim.files import write_atomic
from gwsim.gwosc import routes
from gwsim.gwosc.answers import NotThere, Unobtainable
from gwsim.gwosc.download import download
from gwsim.gwosc.part import CLOSED
from gwsim.gwosc.verification import PROOF, fits, verify


def fetch(
    rows: list[dict],
    site: dict,
    cache: Path,
    patience: float,
    *,
    tell: Callable[[str], None] = lambda message: None,
    advance: Callable[[str, int, int | None], None] | None = None,
    **download_options,
) -> list[dict]:
    """Return the receipt's files of these rows: {path, name, bytes, sha256}.

    site: `mirrors`, tried in order, and `host`. `patience` is that of `download`, as are the options.
    `tell` is told what was corrupt and replaced, `advance` a file's name, its bytes so far and its length.

    Raises GwsimError that names every file that cannot be had and why, by each route, once all the others are
    there.
    """
    found, offenders = [], []
    with requests.Session() as session:
        for row in rows:
            options = {"session": session, "patience": patience, "tell": tell, **download_options}
            if advance:
                options["advance"] = partial(advance, routes.name(row))
            try:
                found.append(_obtain(row, site, cache, tell, options))
            except Unobtainable as error:
                offenders.append(str(error))
    if offenders:
        raise GwsimError(
            f"{len(offenders)} of {len(rows)} files of strain cannot be had:\n" + "\n".join(offenders) + "\n"
            "Hint: see strain.gwosc.host and strain.gwosc.mirrors, or run again later; what is whole is kept."
        )
    return found


def rows_of(plan: dict, ifo: str, gps: int, block: int) -> list[dict]:
    """Return the planned files of an ifo that hold some of [gps, gps + block)."""
    return [
        row
        for row in plan["files"]
        if row["ifo"] == ifo and row["start"] < gps + block and row["start"] + row["duration"] > gps
    ]


def _obtain(row, site, cache, tell, options) -> dict:
    path = Path(cache) / routes.below_archive(row)
    if proof := _known(path, row) or _standing(path, row, tell):
        return _entry(path, proof)
    causes = []
    for root, places in routes.of(row, site):
        if isinstance(root, Path):
            entry = _in_place(root, places, row, tell, causes)
        else:
            entry = _downloaded(root, places, path, row, options, causes)
        if entry:
            return entry
    raise Unobtainable(f"{routes.name(row)}:\n  " + "\n  ".join(causes))


def _in_place(root, places, row, tell, causes) -> dict | None:
    """Return the entry of a file in a mirror's folder, if it is there and whole; else the cause is added."""
    refused = []
    if not root.is_dir():
        tell(f"{root}: no such folder, strain.gwosc.mirrors names it; the next route is tried")
    for path in (root / place for place in places):
        try:
            if path.is_file():
                return _entry(path, _verified(path, row))
        except (GwsimError, OSError) as error:
            tell(f"not used, the next route is tried: {error}")
            refused.append(str(error))
    causes += refused or [f"{root}: no such file, neither {' nor '.join(places)}"]
    return None


def _downloaded(root, places, path, row, options, causes) -> dict | None:
    """Return the entry of a file that one of these places under an address gave; else the cause is added."""
    proof, refused = {}, []
    for place in places:
        try:
            download(f"{root}/{place}", path, lambda at: proof.update(_verified(at, row)), **options)
            _write_note(path, proof)
            return _entry(path, proof)
        except NotThere as error:
            refused.append(str(error))
        except Unobtainable as error:
            # The host fails, not the place.
            refused = [str(error)]
            break
    causes += refused
    return None


def _standing(path, row, tell) -> dict | None:
    """Return the proof of a file that stands in the cache and has not been verified, as far as is known."""
    if not path.is_file():
        return None
    try:
        proof = _verified(path, row)
    except GwsimError as error:
        tell(f"in the cache and not used, it is fetched anew: {error}")
        return None
    _write_note(path, proof)
    return proof


def _write_note(path, proof):
    """Note beside a file what was verified; in a cache that is only read it is verified each time."""
    note = proof | {"mtime_ns": path.stat().st_mtime_ns}
    try:
        write_atomic(_note(path), json.dumps(note, indent=1, sort_keys=True) + "\n")
    except OSError as error:
        if error.errno not in CLOSED:
            raise


def _known(path, row) -> dict | None:
    """Return the proof that is noted of a file in the cache, if it is still that file and the row's."""
    try:
        stat, note = path.stat(), json.loads(_note(path).read_text())
        same = (note["bytes"], note["mtime_ns"]) == (stat.st_size, stat.st_mtime_ns)
        return {key: note[key] for key in PROOF} if same and fits(note, row) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _verified(path, row) -> dict:
    return verify(path, row, routes.sample_rate(row))


def _entry(path, proof) -> dict:
    return {"path": str(path), "name": path.name, **{key: proof[key] for key in PROOF}}


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
