"""Which rows are looked at: selected, balanced, with noise or without; and whose predictions they are."""

import numpy as np
import pandas as pd
import pytest

from gwsim import selection
from gwsim.errors import GwsimError

NEAR = {"distance_target_kpc": 1}


def table():
    """Thirty rows of three classes in turn, signals at 1, 2, 3, 1, ... kpc, noise (class 0) at none."""
    row = np.arange(30)
    distance = np.where(row % 3 == 0, np.nan, 1 + row // 3 % 3)
    return pd.DataFrame({"label": (row % 3).astype(np.int32), "distance_target_kpc": distance, "split": 7})


def test_examples_are_balanced_and_first():
    labels = np.array([0, 0, 0, 1, 2, 1, 0, 2])
    np.testing.assert_array_equal(selection.balanced(labels, 6), [0, 1, 3, 4, 5, 7])
    np.testing.assert_array_equal(selection.balanced(labels, 100), np.arange(8))


# ---- signals alone


def test_noise_has_no_distance():
    assert selection.choose(table(), NEAR, 100).tolist() == [1, 2, 10, 11, 19, 20, 28, 29]
    assert selection.choose(table(), NEAR, 5).tolist() == [1, 2, 10, 11, 19]


def test_without_a_selection_noise_is_a_class_like_any_other():
    plenty = pd.concat([table(), table()[lambda its: its["label"] == 0]], ignore_index=True)
    assert np.bincount(plenty["label"][selection.choose(plenty, {}, 100)]).tolist() == [20, 10, 10]
    assert np.bincount(plenty["label"][selection.choose(plenty, {}, 30)]).tolist() == [10, 10, 10]


def test_one_class_may_be_looked_at_alone():
    assert selection.choose(table(), {"label": 2}, 3).tolist() == [2, 5, 8]


# ---- with noise


def test_selected_signals_come_with_as_much_noise_in_row_order():
    rows = selection.choose(table(), NEAR, 100, 0)
    # Signals at 1 kpc stand in the cycles of rows 0, 9, 18 and 27; noise is taken from the front.
    assert rows.tolist() == [0, 1, 2, 3, 6, 9, 10, 11, 19, 20, 28, 29]


def test_classes_stay_balanced_when_fewer_are_wanted():
    rows = selection.choose(table(), NEAR, 7, 0)
    assert rows.tolist() == [0, 1, 2, 3, 6, 10, 11]
    counts = np.bincount(table()["label"].to_numpy()[rows])
    assert len(rows) == 7 and np.ptp(counts) == 1


def test_a_small_class_gives_all_it_has_and_the_others_the_rest():
    scarce = table().drop(index=range(5, 30, 3)).reset_index(drop=True)
    rows = selection.choose(scarce, {}, 15, 0)
    assert np.bincount(scarce["label"].to_numpy()[rows]).tolist() == [7, 7, 1]


def test_noise_with_a_value_of_its_own_is_selected_by_it():
    mixed = table()
    mixed.loc[mixed["label"] == 0, "split"] = [7, 8] * 5
    with pytest.raises(GwsimError, match=r"no row of the classes \[1, 2\] has \{'split': 8\}"):
        selection.choose(mixed, {"split": 8}, 100, 0)
    rows = selection.choose(mixed, {"split": 7}, 100, 0)
    assert (mixed["split"][rows] == 7).all() and np.bincount(mixed["label"][rows]).tolist() == [5, 10, 10]


# ---- what does not fit


@pytest.mark.parametrize("noise, lacking", [(0, r"\[1, 2\]"), (None, r"\[0, 1, 2\]")])
def test_bad_selections_name_what_is_there(noise, lacking):
    with pytest.raises(GwsimError, match=r"columns \['redshift'\].*it has label, distance_target_kpc"):
        selection.choose(table(), {"redshift": 1}, 10, noise)
    wanted = lacking + r" has \{'distance_target_kpc': 4\}.*\[1.0, 2.0, 3.0\]"
    with pytest.raises(GwsimError, match=wanted):
        selection.choose(table(), {"distance_target_kpc": 4}, 10, noise)


def test_predictions_are_put_in_the_order_of_the_table():
    known = pd.DataFrame({"label": [0, 1, 2], "snr": [np.nan, 5.0, 7.0]})
    predictions = pd.DataFrame({"row": [2, 0, 1], "label": [2, 0, 1], "predicted": [2, 1, 1]})
    found = selection.fitting(predictions, known, "test.parquet", "x/test")
    np.testing.assert_array_equal(found["predicted"], [1, 1, 2])
    np.testing.assert_array_equal(found["snr"], [np.nan, 5, 7])
    wrong = "test.parquet has .* predictions that are not those of x/test, 3 rows"
    for others in (predictions[:2], predictions.assign(label=0)):
        with pytest.raises(GwsimError, match=wrong):
            selection.fitting(others, known, "test.parquet", "x/test")


def test_datasets_share_the_examples_as_equally_as_their_sizes_allow():
    assert selection.shares([100, 10, 50], 60) == [25, 10, 25]
    assert selection.shares([5, 5], 100) == [5, 5]
    assert selection.shares([5, 5], 7) == [4, 3]


def test_a_selection_applies_to_the_datasets_that_have_its_values():
    tables = [pd.DataFrame({"label": [0, 1], "d": its}) for its in ([np.nan, 1.0], [np.nan, np.nan])]
    assert selection.applying(tables, {"d": 1}) == [{"d": 1}, {}]
    with pytest.raises(GwsimError, match=r"the columns \['e'\], which no dataset has .*label, d"):
        selection.applying(tables, {"d": 1, "e": 2})
