"""Which rows stand in which shard, and which shards one job writes: plain arithmetic."""

import math

# A shard is a whole number of render's micro-batches.
LEAST_ROWS = 64
# A bank's shard: some tens of MiB of any source's entries.
BANK_ROWS = 256


def rows_per_shard(row_bytes: int, shard_mib: float) -> int:
    """Return the power of two of rows that comes nearest to the wanted size of a shard."""
    return max(LEAST_ROWS, 2 ** round(math.log2(shard_mib * 2**20 / row_bytes)))


def shard_ranges(rows: int, per_shard: int) -> list[tuple[int, int]]:
    """Return the row range [first, last) of every shard."""
    return [(first, min(first + per_shard, rows)) for first in range(0, rows, per_shard)]


def parts(rows: int, per_shard: int, shards_per_job: int) -> list[str]:
    """Return the names FIRST-LAST of the jobs that write a store's shards, both ends included."""
    last = len(shard_ranges(rows, per_shard)) - 1
    return [f"{a}-{min(a + shards_per_job - 1, last)}" for a in range(0, last + 1, shards_per_job)]


def parse_part(part: str) -> tuple[int, int]:
    """Return the first and the last shard of a job's name."""
    first, _, last = part.partition("-")
    return int(first), int(last)
