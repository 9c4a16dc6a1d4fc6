"""One tar of a finished dataset for an archive: the files of its manifest and the manifest, nothing else."""

from pathlib import Path

from gwsim import files, manifest, tarred
from gwsim.finished import Finished


def write(store: Finished, path: Path, seen) -> str:
    """Write the tar, every file held against the manifest on its way; return the tar's sha256."""
    entries = {**store.content["files"]}
    entries[manifest.MANIFEST] = files.fingerprint(store.folder / manifest.MANIFEST)
    with files.whole_file(path) as file:
        out = tarred.Writer(file)
        for name in seen(sorted(entries)):
            out.copy(f"{store.name}/{name}", store.folder / name, entries[name])
        return out.end()
