"""Ours over what users write today, measured in one process: floors under ratios, never a time.

A floor is about a third of what an idle machine has measured (docs/benchmarks), so that a loss of two thirds
shows and a busy machine does not. Processors' time is taken, since tests share their cores. Where ours does
more than the others, or as much by the same library, there is no floor.
"""

import functools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
ROUNDS = 3
FLOORS = [
    ("read", "GWpy's TimeSeries.read", 1.5),
    ("whiten", "PyCBC's TimeSeries.whiten", 0.6),
    ("waveforms_cbc_scaled", "PyCBC's get_td_waveform", 10),
    ("draw", "numpy, row by row", 6),
    ("render_ccsn", "PyCBC, TimeSeries.whiten", 40),
    ("render_ccsn", "PyCBC, a known PSD", 11),
    ("render_cbc", "PyCBC, TimeSeries.whiten", 50),
    ("new_snr_cbc", "PyCBC: get_td_waveform to TimeSeries.whiten", 50),
    ("qscan", "GWpy's q_transform", 11),
    ("shuffled", "zarr-python, one by one", 4),
    ("train", "a loop over HDF5, packed by gzip", 1.0),
    ("tsne", "scikit-learn's TSNE", 0.6),
]


@pytest.fixture
def measuring(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import measuring

    return measuring


@functools.cache
def measured(stage: str) -> dict:
    """Measure a stage, in a process in which no shapes are checked."""
    with tempfile.TemporaryDirectory() as folder:
        words = (stage, "--apart", "--rounds", str(ROUNDS), "--out", folder)
        command = [sys.executable, BENCHMARKS / "run.py", *words]
        said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(said.splitlines()[-1])


def ratio(found: dict, name: str) -> float:
    """Return how many times as fast ours is as another way, by processors' time."""
    ours, *_ = found["ways"].values()
    return ours["by processor time"] / found["ways"][name]["by processor time"]


def hold(found: dict, name: str, floor: float) -> None:
    """Complain where ours is not so many times as fast as another way."""
    times = ratio(found, name)
    assert times >= floor, f"{times:.2g} times as fast as {name}: the floor is {floor:g}"


@pytest.mark.parametrize(("stage", "name", "floor"), FLOORS)
def test_ours_is_so_many_times_as_fast(stage, name, floor):
    hold(measured(stage), name, floor)


def busy(seconds: float):
    """Return work of a second's thousandths that keeps a processor busy."""

    def work():
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass
        return 1

    return work


def test_a_way_that_became_slow_is_found(measuring):
    ours = measuring.Way("ours", measuring.OURS, busy(0.04))
    plain = measuring.Way("plain", measuring.PLAIN, busy(0.02))
    bare = measuring.Part("bare", measuring.CORE, busy(0.01))
    found = measuring.measured(measuring.Stage("works", "", [ours, plain], [bare]), ROUNDS)
    assert 0.3 < ratio(found, "plain") < 0.7 and 0.1 < found["limit"]["our fraction"] < 0.5
    with pytest.raises(AssertionError, match="times as fast as plain: the floor is 2"):
        hold(found, "plain", 2)


def test_the_limit_is_the_resource_that_is_asked_for_most(measuring):
    parts = [("one", measuring.CORE, 2), ("another", measuring.CORE, 3), ("bytes", measuring.DISK, 4)]
    limit = [measuring.Part(name, resource, lambda: 1) for name, resource, _ in parts]
    found = {name: measuring.Spent(1, seconds, seconds) for name, _, seconds in parts}
    assert measuring.limit(measuring.Stage("works", "", [], limit), found) == 5
