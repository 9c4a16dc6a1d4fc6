"""How a worker's allocator treats memory that is free again."""

import ctypes

# Parameters of glibc's mallopt, from <malloc.h>, and what they are set to.
KEEP = {
    "M_TRIM_THRESHOLD": (-1, 2**31 - 1),
    "M_TOP_PAD": (-2, 64 * 2**20),
    "M_MMAP_MAX": (-4, 0),
    "M_ARENA_MAX": (-8, 1),
}


def keep_freed_memory() -> None:
    """Keep what is freed for the next shard, where the C library is glibc.

    A shard's buffers are tens of megabytes, given back to the system and taken again for each one: the
    page faults alone were a third of the time of writing it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in KEEP.values():
            mallopt(parameter, value)
