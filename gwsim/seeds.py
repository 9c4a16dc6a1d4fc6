"""Random streams that are pure functions of their labels.

A stream is a Philox counter-based generator whose key is the sha256 of its labels, so that no stream
depends on how much of another one was drawn, nor on the number of workers or their order.
"""

import hashlib

import numpy as np


def key(*labels) -> int:
    """Return the 128-bit key that the labels name."""
    text = "\x1f".join(str(label) for label in labels)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")


def generator(*labels, block: int = 0) -> np.random.Generator:
    """Return the labels' generator at its block: blocks of one stream never overlap (2^65 words each)."""
    return np.random.Generator(np.random.Philox(key=key(*labels), counter=block << 64))


def uniforms(*labels, size: int) -> np.ndarray:
    """Return the stream's first values in [0, 1): value i is the same for every size above i."""
    return generator(*labels).random(size)
