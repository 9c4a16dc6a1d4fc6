"""Strain fetched from GWOSC: the files that a block's receipt names, if they still are those."""

import json
from pathlib import Path

from gwsim.errors import GwsimError
from gwsim.files import fingerprint


def source(settings, seed, ifo, start, duration, sample_rate, folder) -> list[Path]:
    """Return the verified files of the block, none where none is needed.

    Raises GwsimError that names every file that is gone or no longer the one that was verified.
    """
    receipt = Path(folder) / "fetched" / f"{ifo}-{start}.json"
    files = json.loads(receipt.read_text())["files"]
    offenders = [f"{file['path']}: {fault}" for file in files if (fault := _fault(file))]
    if offenders:
        listed = "\n  ".join(offenders)
        raise GwsimError(
            f"fetched files are not those of their receipt:\n  {listed}\n"
            f"Hint: remove them, if they are there, and {receipt}, and run again: they are fetched anew."
        )
    return [Path(file["path"]) for file in files]


def _fault(file) -> str | None:
    path = Path(file["path"])
    if not path.is_file():
        return "no such file"
    now = fingerprint(path)
    same = all(now[key] == file[key] for key in now)
    return None if same else f"sha256 {now['sha256'][:12]}..., the receipt says {file['sha256'][:12]}..."
