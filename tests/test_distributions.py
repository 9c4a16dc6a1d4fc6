"""Distributions: their ends, and that no value leaves them; test_draw holds their laws against scipy."""

import numpy as np
import pytest

from gwsim.distributions import QUANTILES, quantile, value_range

SPECS = [
    {"uniform": [5, 2]},
    {"uniform_cos": [0.3, 1.2]},
    {"uniform_sin": [-0.5, 0.7]},
    {"power_law": {"index": -9, "low": 2, "high": 7}},
    {"power_law": {"index": -1, "low": 2, "high": 7}},
]


def test_ranges_of_columns():
    assert value_range(3) == (3, 3)
    assert value_range({"uniform": [5, 2]}) == (2, 5)
    assert value_range({"grid": [3, 1, 2]}) == (1, 3)
    assert value_range({"list": [3, 1, 2]}) == (1, 3)
    assert value_range({"power_law": {"index": -9, "low": 2, "high": 7}}) == (2, 7)


def test_every_distribution_is_tested():
    assert {next(iter(spec)) for spec in SPECS} == set(QUANTILES)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_values_lie_in_the_range_and_reach_its_ends(spec):
    low, high = value_range(spec)
    values = quantile(spec, np.linspace(0, 1, 1001))
    assert low - 1e-12 <= values.min() and values.max() <= high + 1e-12
    np.testing.assert_allclose(sorted(values[[0, -1]]), [low, high], atol=1e-12)
    step = np.diff(values)
    assert (step > 0).all() or (step < 0).all()


def test_a_number_is_itself_for_every_row():
    np.testing.assert_array_equal(quantile(3, np.array([0.0, 0.5])), [3.0, 3.0])
