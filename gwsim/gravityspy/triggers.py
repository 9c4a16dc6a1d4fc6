"""From times of real glitches to strain around them: which are in a PSD block, and what to fetch for others.

Takes tables with gps_second and gps_nanosecond, and the PSD blocks of segments. `place` gives the blocks of
strain that Q-scans of these times need; `overlay` the GPS ranges of a configuration whose segments hold them.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gwsim import seeds
from gwsim.conventions import SPLIT_FRACTIONS
from gwsim.errors import GwsimError
from gwsim.intervals import union

NANO = 1_000_000_000


def place(
    times: pd.DataFrame, blocks: list[dict], seconds: int
) -> tuple[pd.DataFrame, dict[str, int], list[str]]:
    """Return the times that have a block of strain of so many whole seconds around them inside one PSD block.

    The block's middle is the whole second nearest to the time. Added columns: psd_block (its place in the
    list), split, start_second (GPS), event_second (offset of the time from there, s). Besides, how many were
    left out by cause, and the same as faults.

    Raises GwsimError for seconds that are odd or none, and for PSD blocks that overlap.
    """
    if seconds < 2 or seconds % 2:
        raise GwsimError(f"blocks of {seconds} s: wanted an even whole number of seconds, at least 2")
    order = np.argsort([block["start"] for block in blocks], kind="stable")
    starts, ends = (np.array([blocks[i][name] for i in order], dtype=np.int64) for name in ("start", "end"))
    if (starts[1:] < ends[:-1]).any():
        raise GwsimError("PSD blocks overlap: a time would be in two of them")
    second = times["gps_second"].to_numpy(np.int64)
    nanosecond = times["gps_nanosecond"].to_numpy(np.int64)
    start = second + (nanosecond >= NANO // 2) - seconds // 2
    within = np.searchsorted(starts, second, side="right") - 1
    inside = (within >= 0) & (second < np.append(ends, 0)[within])
    whole = inside & (start >= np.append(starts, 0)[within])
    whole &= start + seconds <= np.append(ends, 0)[within]
    causes = {"no strain": int((~inside).sum()), "too near the block's edge": int((inside & ~whole).sum())}
    number = order[within[whole]] if len(blocks) else np.zeros(0, dtype=np.int64)
    placed = times[whole].assign(
        psd_block=number.astype(np.int64),
        split=[blocks[i]["split"] for i in number],
        start_second=start[whole],
        event_second=second[whole] - start[whole] + nanosecond[whole] / NANO,
    )
    faults = [f"{count} of {len(times)} times left out: {cause}" for cause, count in causes.items() if count]
    return placed.reset_index(drop=True), causes, faults


def overlay(
    times: pd.DataFrame,
    around: int = 256,
    guard: int = 4,
    fractions: dict[str, float] = SPLIT_FRACTIONS,
    seed: int = 0,
    block: int = 4096,
) -> dict:
    """Return the part of a configuration whose splits are GPS ranges around these times.

    Each time has `around` seconds centred on it, moved where the border of a strain file's GPS block would
    cut them. Ranges closer than the guard are a group, of one split. Groups are dealt out so that the splits
    have the fractions of the times as nearly as can be, equal ones in the order of the seed.

    Raises GwsimError if there are fewer groups than splits, or the files' blocks are shorter than a range.
    """
    if around > block or around < 2:
        raise GwsimError(f"ranges of {around} s: wanted 2 to {block}, the length of the strain's files")
    second = np.sort(times["gps_second"].to_numpy(np.int64))
    files = second // block * block
    starts = np.clip(second - around // 2, files, files + block - around)
    groups = _groups(starts, starts + around, guard)
    if len(groups) < len(fractions):
        raise GwsimError(
            f"{len(second)} times make {len(groups)} ranges at least {guard} s apart, and {len(fractions)} "
            "splits need one each: take more times, of more days"
        )
    dealt = _dealt([len(members) for members in groups], fractions, seed)
    splits = {name: [] for name in fractions}
    for members, name in zip(groups, dealt, strict=True):
        splits[name] += [[int(starts[i]), int(starts[i] + around)] for i in members]
    return {"segments": {"splits": {name: union(ranges) for name, ranges in splits.items()}, "guard": guard}}


def _groups(starts: np.ndarray, ends: np.ndarray, guard: int) -> list[list[int]]:
    """Return places of ascending ranges that are closer than the guard to another of their group."""
    groups: list[list[int]] = []
    for i, start in enumerate(starts):
        if groups and start - ends[groups[-1][-1]] < guard:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def _dealt(sizes: Sequence[int], fractions: dict[str, float], seed: int) -> list[str]:
    """Return each group's split: the larger ones first, each to the split that lacks most of its share."""
    names, total = list(fractions), sum(sizes)
    turns = seeds.uniforms(seed, "ranges", size=len(sizes))
    lacking = {name: fractions[name] * total for name in names}
    dealt = [""] * len(sizes)
    order = sorted(range(len(sizes)), key=lambda i: (-sizes[i], turns[i]))
    for done, i in enumerate(order):
        empty = [name for name in names if name not in dealt]
        # The last groups are for splits that have none yet.
        among = empty if len(order) - done <= len(empty) else names
        dealt[i] = max(among, key=lambda name: lacking[name])
        lacking[dealt[i]] -= sizes[i]
    return dealt
