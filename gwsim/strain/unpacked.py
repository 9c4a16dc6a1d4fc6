"""Samples of files that can only be read whole: unpacked once in a process, then read by pieces from disk.

Takes what unpacks a file, and the pieces that come out of it; keeps float64 samples in a nameless temporary
file (in TMPDIR) that goes with the process. A stage reads several ifos in turn, so that one file's samples
kept in memory would be unpacked over and over, and those of all would be too many.
"""

import functools
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gwsim.errors import GwsimError

# Files unpacked at a time: those of several ifos, and two of each where one block has two.
KEPT = 8


class Samples:
    """Samples on disk, which have a length and slice as an array does."""

    def __init__(self, pieces: Iterable[np.ndarray]):
        self._file, self._length = tempfile.TemporaryFile(), 0  # noqa: SIM115
        for piece in pieces:
            values = piece.astype(np.float64, copy=False)
            try:
                values.tofile(self._file)
                self._file.flush()
            except OSError as error:
                folder = tempfile.gettempdir()
                raise GwsimError(
                    f"{folder}: no room for unpacked strain ({error}). Hint: set TMPDIR."
                ) from error
            self._length += len(values)

    def __len__(self):
        return self._length

    def __getitem__(self, wanted: slice) -> np.ndarray:
        first, last, _ = wanted.indices(self._length)
        self._file.seek(first * 8)
        return np.fromfile(self._file, np.float64, last - first)


def once(unpack):
    """Let a function of a path and further words run once for each file as it stands."""

    @functools.lru_cache(maxsize=KEPT)
    def kept(path, size, mtime_ns, *words):
        return unpack(path, *words)

    @functools.wraps(unpack)
    def asked(path, *words):
        stat = Path(path).stat()
        return kept(str(path), stat.st_size, stat.st_mtime_ns, *words)

    return asked
