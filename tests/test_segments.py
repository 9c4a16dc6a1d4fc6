"""Segments against brute force over sets of seconds, and by hand where a cause takes seconds away."""

from itertools import pairwise

import numpy as np
import pytest

from gwsim import intervals, segments
from gwsim.errors import GwsimError

BLOCK = 64
SETTINGS = {
    "flags": ["DATA", "CAT1"],
    "injections": ["NO_INJ"],
    "events": {},
    "event_margin": 4,
    "block": BLOCK,
    "stretch": 16,
    "stretch_min": 8,
}


def seconds(intervals):
    return {second for start, end in intervals for second in range(start, end)}


def runs(wanted):
    """Stretches of a set of seconds, [start, end)."""
    inside = sorted(wanted)
    starts = [s for s in inside if s - 1 not in wanted]
    return [[a, b + 1] for a, b in zip(starts, [s for s in inside if s + 1 not in wanted], strict=True)]


def random_intervals(rng, count=12, reach=80):
    starts = rng.integers(0, reach, size=rng.integers(0, count))
    return [[int(a), int(a + rng.integers(0, 12))] for a in starts]


def record(start, finite=None, bits=None, files=None, duration=BLOCK):
    """A record of one ifo's block; what is not given is good everywhere."""
    whole = [[start, start + duration]]
    names = (*SETTINGS["flags"], *SETTINGS["injections"])
    return {
        "start": start,
        "duration": duration,
        "files": [{"start": start, "duration": duration}] if files is None else files,
        "finite": whole if finite is None else finite,
        "bits": {name: whole for name in names} | (bits or {}),
    }


def spans(found, kind="segments"):
    return [(entry["split"], entry["start"], entry["end"]) for entry in found[kind]]


@pytest.mark.parametrize("seed", range(200))
def test_algebra_is_that_of_sets(seed):
    rng = np.random.default_rng(seed)
    a, b = random_intervals(rng), random_intervals(rng)
    before = str((a, b))
    for made, expected in (
        (intervals.union(a), seconds(a)),
        (intervals.union(a + b), seconds(a) | seconds(b)),
        (intervals.intersection(a, b), seconds(a) & seconds(b)),
        (intervals.difference(a, b), seconds(a) - seconds(b)),
    ):
        assert made == runs(expected)
        assert intervals.length(made) == len(expected)
    assert str((a, b)) == before


def test_the_brute_force_can_fail():
    assert runs({1, 2, 4}) == [[1, 3], [4, 5]]
    assert intervals.union([[0, 2], [3, 4]]) != runs(seconds([[0, 4]]))


def test_everything_that_is_bad_is_cut_out():
    good = record(0)
    h1 = [
        record(0, finite=[[0, 10], [12, 64]], bits={"CAT1": [[0, 30], [31, 64]]}),
        record(64),
        record(128, files=[{"start": 128, "duration": 32}], finite=[[128, 160]]),
    ]
    l1 = [
        good,
        record(64, files=[], finite=[], bits={name: [] for name in good["bits"]}),
        record(128, bits={"NO_INJ": [[129, 192]]}),
    ]
    settings = SETTINGS | {"events": {"GW1": 50.9}, "event_margin": 4}
    found = segments.find({"H1": h1, "L1": l1}, {"a": [[2, 190]]}, settings)
    # Second 50 holds the event; 46 to 54 go with it. L1 has no file from 64 on, H1 none from 160 on.
    assert spans(found) == [("a", 2, 10), ("a", 12, 30), ("a", 31, 46), ("a", 55, 64), ("a", 129, 160)]
    assert found["removed"] == {
        "events": 9,
        "H1 no file": 30,
        "H1 NaN": 2,
        "H1 DATA": 0,
        "H1 CAT1": 1,
        "H1 NO_INJ": 0,
        "L1 no file": 64,
        "L1 NaN": 0,
        "L1 DATA": 0,
        "L1 CAT1": 0,
        "L1 NO_INJ": 1,
    }
    assert found["splits"] == {"a": [[2, 190]]}


def test_a_bit_that_no_file_tells_of_is_refused_and_one_that_some_tell_of_is_not_set_elsewhere():
    without = record(64)
    del without["bits"]["CAT1"]
    with pytest.raises(GwsimError, match=r"no file of strain of H1 tells of CAT1: .* flags: \[DATA\]"):
        segments.find({"H1": [without]}, {"a": [[64, 128]]}, SETTINGS)
    found = segments.find({"H1": [record(0), without]}, {"a": [[0, 128]]}, SETTINGS)
    assert found["removed"]["H1 CAT1"] == 64 and found["segments"][-1]["end"] == 64


def test_the_order_of_events_records_and_ifos_does_not_count():
    h1 = [record(0, finite=[[3, 64]]), record(64)]
    settings = SETTINGS | {"events": {"one": 20, "two": 80.5}}
    splits = {"a": [[0, 128]]}
    there = segments.find({"H1": h1, "L1": [record(0), record(64)]}, splits, settings)
    back = SETTINGS | {"events": {"two": 80.5, "one": 20}}
    again = segments.find({"L1": [record(64), record(0)], "H1": h1[::-1]}, splits, back)
    assert there["segments"] == again["segments"] and there["blocks"] == again["blocks"]


@pytest.mark.parametrize("seed", range(60))
def test_find_against_sets_of_seconds(seed):
    rng = np.random.default_rng(seed)
    settings = SETTINGS | {"stretch_min": int(rng.integers(2, 8)), "stretch": int(rng.integers(8, 40))}
    settings["events"] = {str(k): float(rng.uniform(0, 500)) for k in range(rng.integers(0, 3))}
    splits = {"b": [[280, 500]], "a": [[int(rng.integers(0, 60)), 200], [210, 260]]}
    bad, records = set(), {"H1": [], "L1": []}
    for its_records in records.values():
        for start in segments.gps_blocks(splits, BLOCK):
            finite, bit = (
                intervals.difference([[start, start + BLOCK]], _holes(rng, start)) for _ in range(2)
            )
            its_records.append(record(start, finite=finite, bits={rng.choice(["DATA", "NO_INJ"]): bit}))
            bad |= set(range(start, start + BLOCK)) - (seconds(finite) & seconds(bit))
    for gps in settings["events"].values():
        bad |= set(range(int(gps) - 4, int(gps) + 5))
    expected = {split: runs(seconds(ranges) - bad) for split, ranges in splits.items()}
    found = segments.find(records, splits, settings)
    assert sorted(spans(found)) == sorted((split, *run) for split in splits for run in expected[split])
    assert spans(found) == sorted(spans(found), key=lambda span: span[1])
    _check_blocks(found, settings)


def _holes(rng, start):
    begin = start + rng.integers(0, BLOCK, size=rng.integers(0, 3))
    return [[int(a), int(a + rng.integers(1, 6))] for a in begin]


def _check_blocks(found, settings):
    """Each block is inside one segment, split and GPS block; what is left out is too short, nothing else."""
    pieces, spanned = set(), set()
    for segment in found["segments"]:
        for gps in range(segment["start"] // BLOCK * BLOCK, segment["end"], BLOCK):
            start, end = max(gps, segment["start"]), min(gps + BLOCK, segment["end"])
            if end - start >= settings["stretch_min"]:
                pieces.add((segment["split"], gps, start, end))
    for split, gps, start, end in pieces:
        inside = [b for b in found["blocks"] if start <= b["start"] and b["end"] <= end]
        assert {(b["split"], b["gps_block"]) for b in inside} == {(split, gps)}
        assert [b["start"] for b in inside] == [start, *(b["end"] for b in inside[:-1])]
        assert inside[-1]["end"] == end
        sizes = [b["end"] - b["start"] for b in inside]
        assert max(sizes) - min(sizes) <= 1 and min(sizes) >= settings["stretch_min"]
        # noise.sizes rests on this.
        assert max(sizes) < 2 * settings["stretch"]
        spanned |= {tuple(b.values()) for b in inside}
    assert spanned == {tuple(b.values()) for b in found["blocks"]}


def test_a_segment_is_cut_at_file_borders_and_into_nearly_equal_parts():
    settings = SETTINGS | {"stretch": 20}
    found = segments.find({"H1": [record(0), record(64)]}, {"a": [[5, 70]]}, settings)
    # 59 s in the first file give two parts of at least 20 s; 6 s in the second are too short.
    assert spans(found, "blocks") == [("a", 5, 34), ("a", 34, 64)]
    assert [block["gps_block"] for block in found["blocks"]] == [0, 0]


def test_a_split_without_blocks_is_an_error_that_says_why():
    records = {"H1": [record(0, finite=[[0, 3], [8, 14], [20, 64]]), record(64)]}
    splits = {"a": [[0, 16]], "b": [[20, 60]], "c": [[60, 66]]}
    with pytest.raises(
        GwsimError, match=r"no PSD block of 8 s is left in split a, c: .*'H1 NaN': 7.*shorter"
    ):
        segments.find(records, splits, SETTINGS)


@pytest.mark.parametrize("seed", range(100))
def test_fractions_are_disjoint_in_order_guarded_and_of_their_length(seed):
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, 5000, size=4)
    ranges = intervals.union([[int(a), int(a + rng.integers(50, 900))] for a in starts])
    parts = rng.dirichlet(np.ones(rng.integers(1, 5))) * rng.choice([1, 0.8])
    guard = int(rng.integers(0, 5))
    fractions = {f"s{i}": float(part) for i, part in enumerate(parts)}
    resolved = segments.resolve_splits({"ranges": ranges, "fractions": fractions}, guard)
    assert list(resolved) == list(fractions)
    sets = [seconds(part) for part in resolved.values()]
    assert set().union(*sets) <= seconds(ranges)
    total = intervals.length(ranges)
    for name, inside in zip(resolved, sets, strict=True):
        room = guard if name != list(resolved)[-1] else 0
        assert abs(len(inside) - max(0, fractions[name] * total - room)) <= 1
    for one, other in pairwise([inside for inside in sets if inside]):
        assert max(one) + guard < min(other)
    if all(sets):
        faults = segments.check_splits(resolved, guard, 1)
        assert faults == []


def test_fractions_of_everything_use_everything_but_the_guards():
    resolved = segments.resolve_splits(
        {"ranges": [[100, 200], [300, 400]], "fractions": {"a": 0.5, "b": 0.25, "c": 0.25}}, 10
    )
    assert resolved == {"a": [[100, 190]], "b": [[300, 340]], "c": [[350, 400]]}


def test_plain_ranges_are_merged_and_kept():
    assert segments.resolve_splits({"a": [[5, 9], [0, 5]]}, 3) == {"a": [[0, 9]]}


@pytest.mark.parametrize(
    ("splits", "faults"),
    [
        ({"a": [[0, 100]], "b": [[104, 200]]}, []),
        ({"a": [[0, 100]], "b": [[103, 200]]}, ["splits 'a' and 'b' are closer than the guard of 4 s"]),
        ({"b": [[104, 200]], "a": [[0, 101]]}, ["splits 'b' and 'a' are closer than the guard of 4 s"]),
        ({"a": [[0, 100]], "b": [[90, 200]]}, ["splits 'a' and 'b' overlap over GPS 90 to 100"]),
        ({"a": [[0, 9], [20, 29]]}, ["split 'a' has no range of at least 10 s, which one PSD block needs"]),
        (
            {"a": [[0, 100]], "b": [[50, 150]], "c": [[152, 155]]},
            [
                "split 'c' has no range of at least 10 s, which one PSD block needs",
                "splits 'a' and 'b' overlap over GPS 50 to 100",
                "splits 'b' and 'c' are closer than the guard of 4 s",
            ],
        ),
    ],
)
def test_faults_of_splits_are_all_told(splits, faults):
    assert segments.check_splits(splits, 4, 10) == faults


def test_gps_blocks_are_those_that_a_split_touches():
    splits = {"a": [[0, 64], [130, 140]], "b": [[319, 321]]}
    assert segments.gps_blocks(splits, 64) == [0, 128, 256, 320]
    assert segments.gps_blocks({"a": [[64, 65]]}, 64) == [64]
