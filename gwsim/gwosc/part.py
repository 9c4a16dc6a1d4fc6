"""The bytes of a file that have come so far, in NAME.part, and in NAME.part.json where they are from.

One process at a time holds a part; another that wants the same file waits. The file appears under its own
name whole or not at all; after a kill at any moment the next holder goes on with the bytes that are there.
"""

import errno
import fcntl
import json
import os
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path

from gwsim.errors import GwsimError
from gwsim.files import FULL

CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST)
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
# What is known of the whole file that a part is of, and whether a check of it has begun.
FIELDS = ("url", "etag", "last_modified", "length", "checked")


@contextmanager
def claimed(path: Path, url: str):
    """Yield the part of a file from this URL, which no other process holds; wait while one does.

    Raises GwsimError where the folder cannot be written and where the disk is full; the part is kept then.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _held(path) as (note, stem), path.with_name(f"{stem}.part").open("ab+", buffering=0) as file:
            part = Part(path, Path(file.name), file, note, url)
            try:
                yield part
            finally:
                part.leave()
    except OSError as error:
        if cause := _local(error, path):
            raise GwsimError(cause) from error
        raise


class Part:
    """An open part: its size, and `known`, the URL, validators and length of the whole file."""

    def __init__(self, path: Path, place: Path, file, note, url: str):
        self.target, self.path, self.url = path, place, url
        self._file, self._note, self._finished = file, note, False
        self.size, self.known = place.stat().st_size, _read(note)
        # A check that began and did not end took the process with it, as HDF5 may on bad bytes.
        checked = self.known.get("checked", True)
        if checked or self.known["url"] != url or self.size > (self.length or self.size):
            self.clear()

    @property
    def kept(self) -> int:
        """Bytes that the next holder goes on with, if this one leaves now."""
        return self.size if self.path.name == f"{self.target.name}.part" else 0

    @property
    def length(self) -> int | None:
        """Bytes of the whole file, where a host has told them."""
        return self.known["length"]

    def clear(self):
        """Start over."""
        self.begin(None, None, None)

    def begin(self, length: int | None, etag: str | None, last_modified: str | None):
        """Forget the bytes that have come, and note what those to come are of."""
        # Bytes first: a note must never stand beside bytes of something else.
        self._file.truncate(0)
        self.size = 0
        self._write(dict(zip(FIELDS, (self.url, etag, last_modified, length, False), strict=True)))

    def checking(self):
        """Note that a check begins."""
        self._write(self.known | {"checked": True})

    def _write(self, known):
        self.known = known
        self._note.seek(0)
        self._note.truncate()
        self._note.write(json.dumps(self.known))
        self._note.flush()

    def make_room(self):
        """Raise GwsimError where the bytes that are still missing do not fit on the disk."""
        free, missing = shutil.disk_usage(self.path.parent).free, (self.length or self.size) - self.size
        if missing > free:
            raise GwsimError(
                f"{self.target}: {missing} bytes needed, {free} free in {self.path.parent}. "
                "Hint: make room and run again; the bytes that have come are kept."
            )

    def append(self, piece: bytes):
        """Write what came, at the end."""
        rest = memoryview(piece)
        while rest:
            written = self._file.write(rest)
            self.size += written
            rest = rest[written:]

    def finish(self):
        """Make the part durable and give it its own name."""
        os.fsync(self._file.fileno())
        self.path.replace(self.target)
        folder = os.open(self.target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._finished = True
        Path(self._note.name).unlink(missing_ok=True)

    def leave(self):
        """Leave nothing behind that no other holder can use; once finished, the names may be another's."""
        if not self._finished and not self.kept:
            self.path.unlink(missing_ok=True)
            Path(self._note.name).unlink(missing_ok=True)


@contextmanager
def _held(path):
    """Yield the locked note of a file, open, and the stem of its part's name."""
    while True:
        with path.with_name(f"{path.name}.part.json").open("a+") as note:
            if not _locked(note):
                # Two processes must not write one part: without locks each has its own, and cannot resume.
                yield note, f"{path.name}.{uuid.uuid4().hex}"
                return
            # Whoever held it may have finished and removed the note: then the lock is on a nameless file.
            if _same(note):
                yield note, path.name
                return


def _locked(note) -> bool:
    """Wait for the lock; return whether the file system has any."""
    try:
        fcntl.flock(note, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return False
    return True


def _same(note) -> bool:
    try:
        return os.path.samestat(os.fstat(note.fileno()), Path(note.name).stat())
    except FileNotFoundError:
        return False


def _read(note) -> dict:
    """Return what a note says; one that was cut off by a kill says nothing."""
    try:
        note.seek(0)
        known = json.loads(note.read())
    except ValueError:
        return {}
    return known if isinstance(known, dict) and set(known) == set(FIELDS) else {}


def _local(error: OSError, path: Path) -> str | None:
    """Return what is said of a fault of the disk that the user can mend."""
    folder = next(folder for folder in path.absolute().parents if folder.is_dir())
    if error.errno in FULL:
        free = shutil.disk_usage(folder).free
        return (
            f"{path}: cannot write ({error.strerror}), {free} bytes free in {folder}. "
            "Hint: make room and run again; the bytes that have come are kept."
        )
    if error.errno in CLOSED:
        return (
            f"{path}: cannot write in {path.parent} ({error.strerror}). "
            "Hint: name a cache that you may write, or have the file put there by who may."
        )
    return None
