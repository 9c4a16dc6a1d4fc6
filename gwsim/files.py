"""Files that are whole or not there, and what proves them the same."""

import contextlib
import errno
import hashlib
import os
import shutil
import uuid
from pathlib import Path

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


@contextlib.contextmanager
def whole_folder(path: Path):
    """Give a folder beside its place, which takes that place in the end: whole or not there."""
    for killed in path.parent.glob(f"{path.name}.*.part"):
        shutil.rmtree(killed)
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        yield part
        shutil.rmtree(path, ignore_errors=True)
        part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def whole_file(path: Path):
    """Give an open file beside its place, which takes that place in the end: whole or not there."""
    for killed in path.parent.glob(f"{path.name}.*.part"):
        killed.unlink()
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
