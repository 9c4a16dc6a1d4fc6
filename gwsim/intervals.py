"""Intervals of time: half open, in whole GPS seconds, as lists of [start, end]."""

Intervals = list[list[int]]


def union(intervals: Intervals) -> Intervals:
    """Return sorted, disjoint intervals that cover just what the given ones cover."""
    merged: Intervals = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        elif start < end:
            merged.append([start, end])
    return merged


def intersection(first: Intervals, second: Intervals) -> Intervals:
    """Return what two lists of intervals share."""
    one, other, shared = union(first), union(second), []
    i = j = 0
    while i < len(one) and j < len(other):
        start, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if start < end:
            shared.append([start, end])
        # The one that ends first meets nothing more.
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return shared


def difference(first: Intervals, second: Intervals) -> Intervals:
    """Return what of the first the second does not cover."""
    left, gone = union(first), union(second)
    if not left:
        return []
    ends = [left[0][0], *(end for _, end in gone)]
    starts = [*(start for start, _ in gone), left[-1][1]]
    return intersection(left, [[a, b] for a, b in zip(ends, starts, strict=True) if a < b])


def length(intervals: Intervals) -> int:
    """Return the seconds that disjoint intervals cover."""
    return sum(end - start for start, end in intervals)
