"""The shipped events against the UTC in their names, counts as published, and real files around them."""

import csv
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import lal
import pytest

from gwsim.gwosc import catalogue

TABLE = Path(catalogue.__file__).with_name("catalogue.csv")
NAME = re.compile(r"(?P<gw>GW)?(?P<date>\d{6})(_(?P<time>\d{6}))?(\.\d)?")
PAPER = [[1238236470, 1238252308], [1238265720, 1238354855], [1238404064, 1238457121]]


def utc(name) -> int:
    """The GPS time of the UTC in a name; of the day's begin where it has but a date."""
    parts = NAME.fullmatch(name)
    digits = parts["date"] + (parts["time"] or "000000")
    year, *rest = (int(digits[i : i + 2]) for i in range(0, 12, 2))
    return int(lal.UTCToGPS([2000 + year, *rest, 0, 0, 0]))


def late(name, gps) -> bool:
    """Whether an event is not in the second, or on the day, that its name tells."""
    if "_" in name:
        return abs(gps - utc(name) - 0.5) > 1
    return not 0 <= gps - utc(name) < 86400


def test_every_event_is_when_its_name_says():
    assert [name for name, gps in catalogue.known().items() if late(name, gps)] == []


def test_what_is_not_when_its_name_says_is_found():
    leap_seconds = 18
    assert late("GW190403_051519", 1238303737.2 - leap_seconds)
    assert late("GW150914", 1126259462.4 + 86400) and not late("GW150914", 1126259462.4)


def test_the_table_has_just_names_and_times_each_once_in_order():
    with TABLE.open() as file:
        rows = list(csv.reader(file))
    times = [float(gps) for _, gps in rows[1:]]
    assert rows[0] == ["name", "gps"] and {len(row) for row in rows} == {2}
    assert len({name for name, _ in rows[1:]}) == len(times) == len(catalogue.known())
    # An alias would be within a second; the closest two events are twenty minutes apart.
    assert all(other - one > 60 for one, other in pairwise(times))


def test_the_table_has_as_many_events_as_the_catalogues():
    def sort(name, gps):
        run = "O1 and O2" if gps < 1.2e9 else "O3a" if gps < 1256655618 else "O3b"
        return run, "_" in name or name.startswith("GW")

    counts = Counter(sort(name, gps) for name, gps in catalogue.known().items())
    # GWTC-1: 11 confident and 14 marginal. O3a: 44 of GWTC-2.1, its 2 marginal ones, and 2 of GWTC-2 alone.
    # O3b, GWTC-3: 35 with p_astro > 0.5 and 7 marginal, GW200105_162426 among these.
    assert counts == {("O1 and O2", True): 11, ("O1 and O2", False): 14, ("O3a", True): 48, ("O3b", True): 42}


@pytest.mark.parametrize(
    ("name", "gps"),
    [
        ("GW150914", 1126259462.4),
        ("GW170817", 1187008882.4),
        ("GW190412_053044", 1239082262.2),
        ("GW190425_081805", 1240215503.0),
        ("GW190521_030229", 1242442967.4),
        ("GW190814_211039", 1249852257.0),
        ("GW191219_163120", 1260808298.5),
        ("GW200105_162426", 1262276684.1),
        ("GW200115_042309", 1263097407.7),
    ],
)
def test_well_known_events_are_there_under_the_newest_name(name, gps):
    assert catalogue.known()[name] == pytest.approx(gps, abs=0.15)


def test_short_names_of_o3_are_no_rows_of_their_own():
    assert {"GW190412", "GW190425", "GW190521", "GW190814"}.isdisjoint(catalogue.known())


def test_gwosc_centres_its_short_files_on_the_table(shared_data):
    files = [*(shared_data / "strain").glob("*/*-32.hdf5"), *(shared_data / "strain").glob("*/*-32.gwf")]
    starts = {int(path.stem.split("-")[-2]) for path in files}
    assert len(starts) == 4
    for start in starts:
        near = catalogue.within(catalogue.known(), [[start, start + 32]])
        assert len(near) == 1 and abs(next(iter(near.values())) - start - 16) < 1


def test_the_papers_ranges_hold_one_event():
    assert catalogue.within(catalogue.known(), PAPER) == {"GW190403_051519": 1238303737.2}


def test_within_a_margin():
    events = {"b": 29.9, "a": 10.2}
    assert catalogue.within(events, [[11, 20]]) == {}
    assert catalogue.within(events, [[11, 20]], 1) == {"a": 10.2}
    assert catalogue.within(events, [[11, 20]], 9) == {"a": 10.2}
    assert list(catalogue.within(events, [[11, 20]], 10)) == ["a", "b"]


def test_aliases_are_united():
    first, second = {"A_1": 100.0, "C": 300.0}, {"A": 100.9, "B": 200.0, "C": 400.0}
    assert catalogue.united(first, second) == {"A_1": 100.0, "B": 200.0, "C": 300.0, "C at 400.0": 400.0}
    assert list(first) == ["A_1", "C"]
