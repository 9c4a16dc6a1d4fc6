"""Windows of an uncompressed array, read from its shards straight into memory that is given.

What a general reader does for every chunk (its index, its checksum, a copy) costs several times as much as
the bytes themselves. Here a shard's index is read once, and a chunk's checksum is held against it when the
chunk is used first.
"""

import functools
import json
import math
import os
from pathlib import Path

import google_crc32c
import numpy as np

from gwsim.errors import GwsimError

# Files that are open at once.
OPEN = 128
# A chunk that has no offset is not there: it is all fill value.
_ABSENT = np.uint64(2**64 - 1)
_CODECS = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]


class Uncompressed:
    """An array (row, series, time) of which a shard is one row or more, and a chunk all series of one row."""

    def __init__(self, path: Path):
        metadata = json.loads((path / "zarr.json").read_text())
        (sharding,) = metadata["codecs"]
        laid_out = sharding.get("configuration", {})
        known = laid_out.get("codecs") == laid_out.get("index_codecs") == _CODECS
        if not known or metadata["data_type"] != "float32" or laid_out["index_location"] != "end":
            raise GwsimError(
                f"{path} is not laid out as expected: uncompressed float32 in shards; make it again"
            )
        self.shape, self._path = tuple(metadata["shape"]), path
        self._rows, _, whole = metadata["chunk_grid"]["configuration"]["chunk_shape"]
        _, self._series, self._long = laid_out["chunk_shape"]
        self._chunks = whole // self._long
        if self._series != self.shape[1] or laid_out["chunk_shape"][0] != 1:
            raise GwsimError(f"{path}: a chunk is {laid_out['chunk_shape']}, expected all series of one row")
        self._fill = math.nan if metadata["fill_value"] == "NaN" else metadata["fill_value"]
        self._shard = functools.lru_cache(OPEN)(self._opened)
        self._checked: set[tuple[int, int]] = set()

    def read(self, row: int, first: int, out: np.ndarray) -> None:
        """Fill out, (series, time), with a row from a sample on; what lies outside is fill value."""
        size, length = out.shape[-1], self.shape[-1]
        begin = min(max(-first, 0), size)
        end = max(begin, min(length - first, size))
        out[:, :begin] = out[:, end:] = self._fill
        while begin < end:
            chunk, inside = divmod(first + begin, self._long)
            count = min(self._long - inside, end - begin)
            self._read(row, chunk, inside, out[:, begin : begin + count])
            begin += count

    def _read(self, row: int, chunk: int, first: int, out: np.ndarray) -> None:
        file, offsets = self._shard(row // self._rows)
        offset = offsets[row % self._rows, chunk]
        if offset == _ABSENT:
            out[:] = self._fill
            return
        if (row, chunk) not in self._checked:
            self._check(file, int(offset), row, chunk)
        for number, series in enumerate(out):
            place = int(offset) + 4 * (number * self._long + first)
            if os.preadv(file.fileno(), [series], place) != series.nbytes:
                raise GwsimError(f"{file.name} ends early: make the store again")

    def _opened(self, shard: int):
        """Return a shard's file, and where its chunks begin, (row, chunk)."""
        path = self._path / "c" / str(shard) / "0" / "0"
        if not path.is_file():
            raise GwsimError(f"no {path}: the store lacks a shard; hint: run gwsim verify, or make it again")
        file, size = path.open("rb", buffering=0), 16 * self._rows * self._chunks + 4
        raw = os.pread(file.fileno(), size, max(0, path.stat().st_size - size))
        _expect(raw, f"{file.name}, its index")
        index = np.frombuffer(raw[:-4], "<u8").reshape(self._rows, self._chunks, 2)
        return file, index[..., 0]

    def _check(self, file, offset: int, row: int, chunk: int) -> None:
        raw = os.pread(file.fileno(), 4 * self._series * self._long + 4, offset)
        _expect(raw, f"{file.name}, row {row}, chunk {chunk}")
        self._checked.add((row, chunk))


def _expect(raw: bytes, what: str) -> None:
    """Refuse bytes that do not end with their own checksum."""
    if len(raw) < 4 or google_crc32c.value(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
        raise GwsimError(f"{what}: the checksum is wrong, the file was damaged; hint: run gwsim verify")
