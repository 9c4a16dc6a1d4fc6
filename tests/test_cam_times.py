"""When maps are greatest: placed by what a cell sees, counted from the event, with intervals that hold."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import xarray as xr

from gwsim import cam_times, seeds

TIMES = np.arange(64) / 16


def test_a_peak_is_at_the_centre_of_what_its_cell_sees():
    maps = np.zeros((3, 8), np.float32)
    maps[[0, 1, 2], [0, 3, 7]] = 1.0
    # Cell i sees pixels 8 i to 8 i + 7.
    np.testing.assert_allclose(cam_times.peaks(maps, (8.0, 3.5), TIMES), (3.5 + 8 * np.array([0, 3, 7])) / 16)


def test_of_a_plane_only_the_time_counts_and_its_first_moment_may_be_any():
    maps = np.zeros((2, 5, 8), np.float32)
    maps[0, 4, 2] = maps[1, 0, 6] = 0.1
    found = cam_times.peaks(maps, (2.0, 0.0), 10 + TIMES)
    np.testing.assert_allclose(found, 10 + 2 * np.array([2, 6]) / 16)


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_a_constant_map_has_no_peak(value):
    assert np.isnan(cam_times.peaks(np.full((1, 8), value, np.float32), (8.0, 3.5), TIMES)).all()


def store(label, target, cells, method="grad_cam"):
    values = np.zeros((1, len(cells), 8), np.float32)
    values[0, np.arange(len(cells)), cells] = 1.0
    columns = {"label": label, "target": target, "row": np.arange(len(cells))[::-1]}
    names = {"flag_values": [0], "flag_meanings": method}
    coordinates = {name: ("sample", np.asarray(column)) for name, column in columns.items()}
    coordinates["method"] = ("method", [0], names)
    grid = {"grid_stride": [8.0], "grid_offset": [3.5]}
    return xr.Dataset({"map": (("method", "sample", "x"), values)}, coordinates, grid)


def test_times_are_counted_from_each_rows_own_event_for_maps_of_its_own_class():
    # Rows are those of the table backwards; sample 1 explains another class, sample 3 is noise.
    made = store([1, 1, 2, 0], [1, 2, 2, 0], [0, 0, 7, 3])
    table = pd.DataFrame({"event_time": [np.nan, 3.9, 3.0, 3.5]})
    found = cam_times.measured(made, TIMES, table)
    assert found["label"].tolist() == [1, 2] and set(found["method"]) == {"grad_cam"}
    np.testing.assert_allclose(found["before"], [3.5 - 3.5 / 16, 3.9 - 59.5 / 16])
    assert cam_times.spacing(made, TIMES) == 0.5


def test_a_map_after_the_event_is_negative():
    found = cam_times.measured(store([1], [1], [7]), TIMES, pd.DataFrame({"event_time": [1.0]}))
    assert found["before"][0] == pytest.approx(1.0 - 59.5 / 16)


def test_the_interval_holds_the_median_as_often_as_it_says():
    rng, held = seeds.generator("test", "cam times"), []
    for _ in range(4000):
        one = cam_times.median(rng.exponential(size=25))
        held.append(one["low"] <= np.log(2) <= one["high"])
    # Of whole places from the ends: never less often, and here at most one place too often.
    wanted = 1 - 2 * scipy.stats.binom.cdf(9, 25, 0.5)
    assert wanted >= cam_times.ONE_SIGMA
    assert np.mean(held) == pytest.approx(wanted, abs=4 * np.sqrt(wanted * (1 - wanted) / 4000))


def test_a_median_by_hand():
    values = np.array([0.4, np.nan, 0.1, 0.9, 0.2, 0.3])
    # The second and fourth of five hold the median in 5 of 8 cases, under one sigma; the ends in 15 of 16.
    wanted = {"value": 0.3, "low": 0.1, "high": 0.9, "error": 0.4, "n": 5, "constant": 1}
    assert cam_times.median(values) == pytest.approx(wanted)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_values_have_no_interval(count):
    one = cam_times.median(np.arange(count, dtype=float))
    assert (one["n"], one["low"], one["high"], one["error"]) == (count, None, None, None)
    assert one["value"] == (None if not count else (count - 1) / 2)


def test_numbers_are_of_each_method_and_class():
    frame = pd.DataFrame({"method": ["a", "a", "b"], "label": [1, 1, 2], "before": [0.1, np.nan, 0.3]})
    found = cam_times.numbers(frame, ["noise", "x", "y"])
    assert {name: one["value"] for name, one in found.items()} == {"cam_time_a_x": 0.1, "cam_time_b_y": 0.3}
    assert "1 constant maps left out" in found["cam_time_a_x"]["meaning"]
    assert "left out" not in found["cam_time_b_y"]["meaning"]
