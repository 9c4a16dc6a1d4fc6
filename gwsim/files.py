"""Files that are whole or not there, and what proves them the same."""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import uuid
from pathlib import Path

from gwsim.errors import GwsimError

# The disk is full, the quota used up, or a file larger than allowed.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_atomic(path: Path, text: str | bytes) -> None:
    """Write a file beside its place, make it durable, and rename it: whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def fingerprint(path: Path) -> dict:
    """Return a file's sha256 and size."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return {"sha256": sha256, "bytes": os.fstat(file.fileno()).st_size}


def expect_none(path: Path) -> None:
    """Raise GwsimError where something stands at a path that is to be new."""
    if path.exists() or path.is_symlink():
        raise GwsimError(f"{path} is there already, and nothing is overwritten: name another")


def remove_killed(path: Path) -> None:
    """Remove what killed runs left of this file or folder, and nothing whose name is merely alike."""
    ours = re.compile(re.escape(path.name) + r"\.[0-9a-f]{32}\.part")
    for one in path.parent.iterdir() if path.parent.is_dir() else ():
        if ours.fullmatch(one.name):
            _remove(one)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path, replace: bool = False):
    """Give a folder beside its place, which takes that place in the end: whole or not there.

    replace: whether what stands there goes; else GwsimError says that something does.
    """
    remove_killed(path)
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if replace:
            shutil.rmtree(path, ignore_errors=True)
        else:
            # Looked at as late as can be: a long export gives others time to put something there.
            expect_none(path)
        part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def whole_file(path: Path):
    """Give an open file beside its place, which takes that place in the end where nothing stands there."""
    remove_killed(path)
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        expect_none(path)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
