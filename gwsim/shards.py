"""Rows of a sharded array, read straight from the files of its shards: quick, and possible after a fork.

Reads arrays as this package writes them: Zarr 3, little endian, whole rows in shards, inner chunks of one row
that are compressed by Blosc or not at all and end with a CRC-32C. `opened` gives None for any other array.
Reads ask the files alone, by position, so that any number of threads and processes may read at once;
tensorstore, whose threads a forked process has lost, waits there for ever. What is not compressed is mapped
into memory: its checksums are looked at once, and a part of a chunk is read without the rest.
"""

import concurrent.futures
import itertools
import json
import math
import mmap
import os
import threading
from functools import partial
from pathlib import Path

import google_crc32c
import numpy as np
from numcodecs import blosc

from gwsim.errors import GwsimError
from gwsim.per_process import PerProcess

# Files that stay open; those of further shards are opened for each read.
MOST_OPEN = 256
# Of an inner chunk that was never written, in a shard's index.
ABSENT = 2**64 - 1


def ours(path: Path) -> "Array":
    """Return an array that this package has laid out."""
    if (array := opened(path)) is None:
        raise GwsimError(f"{path} is not laid out as this version does it: make the store again")
    return array


def opened(path: Path, threads: int = 1) -> "Array | None":
    """Return the array at a path for reading by so many threads, None where it is laid out otherwise."""
    metadata = json.loads((path / "zarr.json").read_text())
    return Array(path, metadata, threads) if readable(metadata) else None


def readable(metadata: dict) -> bool:
    """Return whether an array is laid out as ours are."""
    try:
        (sharding,), kind = metadata["codecs"], np.dtype(metadata["data_type"])
        inner, key = sharding["configuration"], metadata["chunk_key_encoding"]
        grid, codecs = metadata["chunk_grid"]["configuration"]["chunk_shape"], inner["codecs"]
        little = codecs[0].get("configuration", {}).get("endian") == "little" or kind.itemsize == 1
        return (
            sharding["name"] == "sharding_indexed"
            and [one["name"] for one in codecs] in (["bytes", "crc32c"], ["bytes", "blosc", "crc32c"])
            and [one["name"] for one in inner["index_codecs"]] == ["bytes", "crc32c"]
            and (little, kind.kind in "fiu", inner.get("index_location", "end")) == (True, True, "end")
            and key == {"name": "default", "configuration": {"separator": "/"}}
            and inner["chunk_shape"][0] == 1
            # One shard holds rows whole.
            and all(size <= whole for size, whole in zip(metadata["shape"][1:], grid[1:], strict=True))
            and not metadata.get("storage_transformers")
        )
    except (KeyError, TypeError, ValueError):
        return False


class Array:
    """One array; `array[key].read().result()` is asked as of tensorstore, `rows` by whole rows at once."""

    def __init__(self, path: Path, metadata: dict, threads: int = 1):
        sharding = metadata["codecs"][0]["configuration"]
        self.path, self.threads = path, threads
        self.shape = tuple(metadata["shape"])
        self.dtype = np.dtype(metadata["data_type"]).newbyteorder("<")
        self._shard = tuple(metadata["chunk_grid"]["configuration"]["chunk_shape"])
        self._chunk = tuple(sharding["chunk_shape"])
        self._grid = tuple(a // b for a, b in zip(self._shard, self._chunk, strict=True))
        self._absent = np.nan if metadata["fill_value"] == "NaN" else metadata["fill_value"]
        self._compressed = any(one["name"] == "blosc" for one in sharding["codecs"])
        self._checked: set[tuple[int, int]] = set()
        self._files = PerProcess(partial(_Files, path, self._grid))
        # Blosc has threads of its own for the first thread of a process alone: all is read by others.
        self._readers = PerProcess(partial(concurrent.futures.ThreadPoolExecutor, threads))

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Return whole rows, in the order asked for."""
        return self._read(rows, tuple(slice(0, size) for size in self.shape[1:]))

    def __getitem__(self, key) -> "_Read":
        first, *rest = key if isinstance(key, tuple) else (key,)
        rest = [*rest, *[slice(None)] * (len(self.shape) - 1 - len(rest))]
        # A place along a further axis, which then goes, is a slice of one.
        gone = tuple(1 + axis for axis, one in enumerate(rest) if not isinstance(one, slice))
        ranges = [
            slice(*one.indices(size)[:2]) if isinstance(one, slice) else slice(one, one + 1)
            for one, size in zip(rest, self.shape[1:], strict=True)
        ]
        rows = np.arange(self.shape[0])[first]
        return _Read(self, np.atleast_1d(rows), tuple(ranges), (0, *gone) if np.ndim(rows) == 0 else gone)

    def read(self) -> "_Read":
        """Read all of it."""
        return self[:]

    def _read(self, rows: np.ndarray, ranges: tuple[slice, ...]) -> np.ndarray:
        rows = np.asarray(rows)
        if len(rows) and not (rows.min() >= 0 and rows.max() < self.shape[0]):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {self.shape[0]} in {self.path}")
        values = np.empty((len(rows), *(one.stop - one.start for one in ranges)), self.dtype)
        parts = np.array_split(np.arange(len(rows)), min(self.threads, max(len(rows), 1)))
        work = partial(self._fill_rows, rows, ranges, values)
        list(self._readers().map(work, parts))
        return values

    def _fill_rows(self, rows, ranges, values, places) -> None:
        for place in places:
            self.fill(int(rows[place]), ranges, values[place])

    def fill(self, row: int, ranges: tuple[slice, ...], out: np.ndarray) -> None:
        """Read some ranges of one row into `out`: from each inner chunk that they touch."""
        shard, row = divmod(row, self._shard[0])
        index, whole = self._files().index(shard)[row], self._chunk[1:]
        if whole == self.shape[1:] == out.shape and self._compressed:
            # A chunk that is the row is unpacked where it shall be.
            self._unpack(shard, index[(0,) * len(whole)], out)
            return
        touched = [range(one.start // n, -(-one.stop // n)) for one, n in zip(ranges, whole, strict=True)]
        for place in itertools.product(*touched):
            source, target = [], []
            for at, size, one in zip(place, whole, ranges, strict=True):
                low, high = max(at * size, one.start), min((at + 1) * size, one.stop)
                source.append(slice(low - at * size, high - at * size))
                target.append(slice(low - one.start, high - one.start))
            out[tuple(target)] = self._inner(shard, index[place])[tuple(source)]

    def whole(self, row: int) -> np.ndarray:
        """Return a row that is one inner chunk: as it lies in the file, read only, if not compressed."""
        shard, row = divmod(row, self._shard[0])
        return self._inner(shard, self._files().index(shard)[row].reshape(2))

    def let_go(self, besides: set[int]) -> None:
        """Unmap other shards' files, whose pages count as this process's memory while they are mapped."""
        self._files().unmap(besides)

    def window(self, row: int, first: int, out: np.ndarray) -> None:
        """Fill `out` with one row, from a place along the last axis on; what lies outside is fill value."""
        size, length = out.shape[-1], self.shape[-1]
        begin = min(max(-first, 0), size)
        end = max(begin, min(length - first, size))
        out[..., :begin] = out[..., end:] = self._absent
        if begin < end and self._chunk[1:-1] == self.shape[1:-1]:
            self._fill_along(row, first + begin, out[..., begin:end])
        elif begin < end:
            whole = tuple(slice(0, each) for each in self.shape[1:-1])
            self.fill(row, (*whole, slice(first + begin, first + end)), out[..., begin:end])

    def _fill_along(self, row: int, first: int, out: np.ndarray) -> None:
        """Read as `fill` does, where chunks lie one after the other along the last axis alone."""
        shard, row = divmod(row, self._shard[0])
        index, size = self._files().index(shard)[row].reshape(-1, 2), self._chunk[-1]
        end = first + out.shape[-1]
        for number in range(first // size, -(-end // size)):
            low, high = max(number * size, first), min((number + 1) * size, end)
            chunk = self._inner(shard, index[number])
            out[..., low - first : high - first] = chunk[..., low - number * size : high - number * size]

    def _inner(self, shard: int, entry: np.ndarray) -> np.ndarray:
        """Return one inner chunk; one that is not compressed lies in the file."""
        if self._compressed or int(entry[1]) == ABSENT:
            chunk = np.empty(self._chunk[1:], self.dtype)
            self._unpack(shard, entry, chunk)
            return chunk
        offset, size = int(entry[0]), int(entry[1])
        mapped = self._files().mapped(shard)
        if (shard, offset) not in self._checked:
            self._check(shard, offset, size, np.frombuffer(mapped, np.uint8, size, offset))
            self._checked.add((shard, offset))
        return np.frombuffer(mapped, self.dtype, math.prod(self._chunk), offset).reshape(self._chunk[1:])

    def _unpack(self, shard: int, entry: np.ndarray, out: np.ndarray) -> None:
        """Read and check one inner chunk, and unpack it into `out`."""
        offset, size = int(entry[0]), int(entry[1])
        if size == ABSENT:
            out[...] = self._absent
            return
        blosc.decompress(self._check(shard, offset, size, self._files().read(shard, offset, size)), out)

    def _check(self, shard: int, offset: int, size: int, content):
        """Return a chunk's bytes without their checksum, which they must have."""
        body = content[:-4]
        if len(content) != size or checksum(body) != bytes(content[-4:]):
            raise GwsimError(
                f"{self._files().path(shard)} is damaged between its bytes {offset} and {offset + size}: "
                "gwsim verify tells what else is; make or copy the dataset anew"
            )
        return body


class _Read:
    """What is wanted of an array, asked for in the words of tensorstore."""

    def __init__(self, array: Array, rows: np.ndarray, ranges: tuple[slice, ...], gone: tuple[int, ...]):
        self._array, self._rows, self._ranges, self._gone = array, rows, ranges, gone

    def read(self) -> "_Read":
        return self

    def result(self) -> np.ndarray:
        """Return the values."""
        return self._array._read(self._rows, self._ranges).squeeze(self._gone)


class _Files:
    """The files of an array's shards, and where their inner chunks lie."""

    def __init__(self, folder: Path, grid: tuple[int, ...]):
        self._folder, self._grid = folder, grid
        self._open: dict[int, int] = {}
        self._indices: dict[int, np.ndarray] = {}
        self._maps: dict[int, mmap.mmap] = {}
        self._lock = threading.Lock()

    def path(self, shard: int) -> Path:
        """Return the file of a shard."""
        return self._folder.joinpath("c", str(shard), *["0"] * (len(self._grid) - 1))

    def index(self, shard: int) -> np.ndarray:
        """Return offset and size of each inner chunk of a shard, (row, ..., 2)."""
        if shard not in self._indices:
            size = 16 * math.prod(self._grid) + 4
            if not self.path(shard).is_file():
                raise GwsimError(
                    f"no {self.path(shard)}: the array lacks a shard; gwsim verify tells what else is missing"
                )
            content = self.read(shard, self.path(shard).stat().st_size - size, size)
            if len(content) != size or checksum(content[:-4]) != content[-4:]:
                raise GwsimError(
                    f"{self.path(shard)} is cut or damaged at its end: gwsim verify tells what else is; "
                    "make or copy the dataset anew"
                )
            self._indices[shard] = np.frombuffer(content[:-4], "<u8").reshape(*self._grid, 2)
        return self._indices[shard]

    def read(self, shard: int, offset: int, size: int) -> bytes:
        """Return bytes of a shard's file."""
        file = self._open.get(shard)
        if file is not None:
            return os.pread(file, size, max(offset, 0))
        with self._lock:
            if len(self._open) < MOST_OPEN:
                if shard not in self._open:
                    self._open[shard] = os.open(self.path(shard), os.O_RDONLY)
                return os.pread(self._open[shard], size, max(offset, 0))
        with self.path(shard).open("rb", buffering=0) as file:
            return os.pread(file.fileno(), size, max(offset, 0))

    def mapped(self, shard: int) -> mmap.mmap:
        """Return a shard's file as memory."""
        with self._lock:
            if shard not in self._maps:
                with self.path(shard).open("rb") as file:
                    self._maps[shard] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return self._maps[shard]

    def unmap(self, besides: set[int]) -> None:
        """Forget mapped files of other shards; arrays that lie in one hold it until they are gone."""
        with self._lock:
            self._maps = {shard: mapped for shard, mapped in self._maps.items() if shard in besides}

    def __del__(self):
        for file in self._open.values():
            os.close(file)


def checksum(content: bytes | np.ndarray) -> bytes:
    """Return the CRC-32C of some bytes, as it stands behind them."""
    return google_crc32c.value(content).to_bytes(4, "little")
