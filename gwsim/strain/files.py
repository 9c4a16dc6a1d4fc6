"""Strain from local files: those of one ifo that hold some of a block.

Takes paths and patterns, gives the paths of a block. A file named as GWOSC names them (H-H1_..-GPS-DURATION)
is chosen by its name, without opening thousands for each block; any other is opened, and may hold several
ifos. The record that is made of the chosen files holds names against contents.
"""

from glob import glob
from pathlib import Path

from gwsim.errors import GwsimError
from gwsim.strain import readers
from gwsim.strain.names import name_parts


def source(settings, seed, ifo, start, duration, sample_rate, folder) -> list[Path]:
    """Return those of settings["files"] (paths, patterns) that hold strain of the ifo in the block.

    Raises GwsimError for a path or pattern without a file, a file that cannot be understood, and where no
    file at all is of this ifo.
    """
    paths = _expand(settings["files"])
    known, offenders = {}, []
    for path in paths:
        try:
            known[path] = name_parts(path) or readers.reader(path).describe(path, ifo)
        except GwsimError as error:
            offenders.append(str(error))
    if offenders:
        raise GwsimError("files of strain cannot be used:\n  " + "\n  ".join(offenders))
    mine = {path: about for path, about in known.items() if about["ifo"] == ifo}
    if not mine:
        present = ", ".join(sorted({about["ifo"] for about in known.values()})) or "nothing"
        raise GwsimError(
            f"no strain of {ifo} among the {len(paths)} files given, which are of {present}. "
            "Hint: add this ifo's files to strain.files, or take it out of ifos."
        )
    return [
        Path(path)
        for path, about in mine.items()
        if about["start"] < start + duration and about["start"] + about["duration"] > start
    ]


def _expand(patterns) -> list[str]:
    # Path.glob refuses absolute patterns, which are what a user has here.
    found = {pattern: sorted(glob(str(pattern), recursive=True)) for pattern in patterns}  # noqa: PTH207
    empty = [str(pattern) for pattern, paths in found.items() if not paths]
    if empty:
        raise GwsimError(
            f"no file of strain matches {', '.join(empty)}. Hint: see strain.files; "
            "paths start at the folder that the workflow runs in."
        )
    folders = [path for paths in found.values() for path in paths if Path(path).is_dir()]
    if folders:
        raise GwsimError(
            f"files of strain: got a folder, {', '.join(folders)}, expected files. Hint: {folders[0]}/*.hdf5"
        )
    return sorted({path for paths in found.values() for path in paths})
