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
    pairs = ([max(a, c), min(b, d)] for a, b in first for c, d in second if max(a, c) < min(b, d))
    return union(list(pairs))


def difference(first: Intervals, second: Intervals) -> Intervals:
    """Return what of the first the second does not cover."""
    left = union(first)
    for start, end in union(second):
        pieces = ([[a, min(b, start)], [max(a, end), b]] for a, b in left)
        left = [piece for pair in pieces for piece in pair if piece[0] < piece[1]]
    return left


def length(intervals: Intervals) -> int:
    """Return the seconds that disjoint intervals cover."""
    return sum(end - start for start, end in intervals)
