"""Packing and checksums alone, as the store has them: bare work of whatever writes examples."""

import hashlib
import os
from collections.abc import Callable

import numpy as np
from numcodecs import blosc

from gwsim import store

# Of Blosc: how the store packs.
ZSTD, LEVEL = b"zstd", 1


def packed(arrays: dict[str, np.ndarray], layout: list[store.Array]) -> int:
    """Pack each example's arrays as the store packs a chunk, by one thread; return the bytes of all."""
    blosc.use_threads = False
    return sum(
        len(blosc.compress(one, ZSTD, LEVEL, blosc.BITSHUFFLE, array.block))
        for array in layout
        for one in arrays[array.name]
    )


def hashed(bytes_a_unit: float) -> Callable[[], float]:
    """Return work that takes the sha256 of bytes that are there."""
    block = os.urandom(16 * 2**20)
    return lambda: bool(hashlib.sha256(block).digest()) * len(block) / bytes_a_unit
