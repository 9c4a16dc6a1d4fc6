"""How alike arrays are: steps of the stored rounding, by arithmetic on the bits."""

import numpy as np
import pandas as pd
import pytest

from gwsim import likeness


def rounded(values, bits):
    """Round float32 to so many bits of mantissa, by frexp and not by masks."""
    mantissa, exponent = np.frexp(values.astype(np.float64))
    return np.ldexp(np.rint(mantissa * 2.0 ** (bits + 1)) / 2.0 ** (bits + 1), exponent).astype(np.float32)


def test_neighbours_of_the_rounding_are_a_step_apart_and_no_more():
    values = rounded(np.random.default_rng(1).normal(size=5000).astype(np.float32), 10)
    values = values[np.abs(values) > 0.1]
    exponent = np.floor(np.log2(np.abs(values)))
    for steps, beyond in ((0, False), (1, False), (3, True)):
        moved = (values + steps * 2.0 ** (exponent - 10)).astype(np.float32)
        found = likeness.compared(moved, values, 10)
        assert (found.differing, found.beyond > 0) == (0 if steps == 0 else len(values), beyond)
        assert found.same == (steps == 0)


def test_one_value_far_off_is_found_among_many():
    values = np.zeros(1000, np.float32)
    values[0] = 1
    other = values.copy()
    other[500] = 0.01
    found = likeness.compared(other, values, 10)
    assert (found.values, found.differing, found.beyond) == (1000, 1, 1) and found.largest == pytest.approx(
        0.01
    )
    assert "1 of 1000 values differ" in found.words() and "by more than one step" in found.words()


def test_nan_is_nan_and_nothing_else():
    values = np.array([np.nan, 1.0, np.nan])
    assert likeness.compared(values, values.copy()).same
    found = likeness.compared(np.array([np.nan, 1.0, 2.0]), values)
    assert (found.differing, found.beyond) == (1, 1)


@pytest.mark.parametrize(("dtype", "beyond"), [(np.uint8, 0), (np.int32, 1), (np.int64, 1)])
def test_pixels_may_be_one_off_and_counts_may_not(dtype, beyond):
    found = likeness.compared(np.array([7, 8], dtype), np.array([7, 9], dtype))
    assert (found.differing, found.beyond) == (1, beyond)
    assert likeness.compared(np.array([255, 0], np.uint8), np.array([0, 0], np.uint8)).beyond == 1


def test_results_of_arithmetic_agree_to_a_part_in_many_thousands():
    value = np.array([31.25])
    assert likeness.compared(value * (1 + 1e-7), value).beyond == 0
    assert likeness.compared(value * (1 + 1e-3), value).beyond == 1


def test_sums_are_of_all_parts():
    parts = [likeness.Likeness(3, 1, 0, 0.5), likeness.Likeness(4, 2, 1, 0.25), likeness.Likeness(5)]
    assert sum(parts, likeness.Likeness()) == likeness.Likeness(12, 3, 1, 0.5)


def test_columns_name_the_rows_that_differ():
    made = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"], "c": [1.0, np.nan, 3.0]})
    stored = pd.DataFrame({"a": [1, 5, 4], "b": ["x", "q", "z"], "c": [1.0, np.nan, 3.0], "d": 0})
    found = likeness.columns(made, stored)
    assert {name: rows.tolist() for name, (_, rows) in found.items()} == {"a": [1, 2], "b": [1], "c": []}
    assert found["b"][0].beyond == 1 and found["c"][0].same


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_not_finite_excuses_nothing(odd, dtype):
    made, stored = np.array([[1, 2, 3]], dtype), np.array([[odd, 14, 21]], dtype)
    for pair in ((made, stored), (stored, made)):
        found = likeness.compared(*pair)
        assert (found.differing, found.beyond) == (3, 3) and found.largest == np.inf
    # Nor does it where it stands in both.
    found = likeness.compared(np.array([[odd, 2]], dtype), np.array([[odd, 14]], dtype))
    assert (found.differing, found.beyond, found.largest) == (1, 1, 12)
    assert likeness.compared(np.array([np.inf]), np.array([-np.inf])).beyond == 1
    assert likeness.compared(np.array([1e308]), np.array([-1e308])).beyond == 1


def test_a_loud_example_excuses_its_own_transform_alone():
    stored = np.array([[1e6, 0.5], [1.0, 0.5]], np.float32)
    other = stored.copy()
    other[0, 1] += 0.4
    assert likeness.compared(other, stored).beyond == 0
    other[1, 1] += 0.4
    assert likeness.compared(other, stored).beyond == 1
    assert likeness.compared(other[None], stored[None]).beyond == 0


def test_columns_are_held_row_by_row():
    made = pd.DataFrame({"distance_kpc": [1e6, 3.0], "number": [1, 3], "ra": [1.0, 2.0]})
    stored = pd.DataFrame({"distance_kpc": [1e6, 4.0], "number": [1.0, 3.00001], "ra": [1.0, 2.00001]})
    found = {name: one.beyond for name, (one, _) in likeness.columns(made, stored).items()}
    assert found == {"distance_kpc": 1, "number": 1, "ra": 0}
    same = pd.DataFrame({"number": [1.0, 3.0], "key": [None, "x"]}, dtype=object)
    made["key"] = [None, "x"]
    assert all(one.same for one, _ in likeness.columns(made, same).values())


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_large_whole_numbers_are_the_same_or_not(dtype):
    made = np.array([2**62, 5], dtype)
    found = likeness.compared(made, made + np.array([200, 0], dtype))
    assert (found.differing, found.beyond, found.largest) == (1, 1, 200)


def test_whole_numbers_of_both_signs_are_far_apart():
    found = likeness.compared(np.array([-(2**62)]), np.array([2**62]))
    assert (found.beyond, found.largest) == (1, 2.0**63)
