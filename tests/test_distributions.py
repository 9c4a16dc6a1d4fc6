"""Distributions: their ends, and that no value leaves them; test_draw holds their laws against scipy."""

import numpy as np
import pytest
import scipy.stats

from gwsim.distributions import QUANTILES, quantile, value_range

SPECS = [
    {"uniform": [5, 2]},
    {"uniform_cos": [0.3, 1.2]},
    {"uniform_sin": [-0.5, 0.7]},
    {"power_law": {"index": -9, "low": 2, "high": 7}},
    {"power_law": {"index": -1, "low": 2, "high": 7}},
    {"log_uniform": [2, 7]},
    {"normal": {"mean": 3, "sd": 2, "low": -1, "high": 4}},
    {"log_normal": {"median": 3, "sigma": 0.5, "low": 2, "high": 40}},
]
STEPS = {"choice"}


def test_ranges_of_columns():
    assert value_range(3) == (3, 3)
    assert value_range({"uniform": [5, 2]}) == (2, 5)
    assert value_range({"grid": [3, 1, 2]}) == (1, 3)
    assert value_range({"list": [3, 1, 2]}) == (1, 3)
    assert value_range({"power_law": {"index": -9, "low": 2, "high": 7}}) == (2, 7)
    assert value_range({"choice": {4: 0.2, 3: 0.7, 9: 0.1}}) == (3, 9)


def test_every_distribution_is_tested():
    assert {next(iter(spec)) for spec in SPECS} == set(QUANTILES) - STEPS


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


UNIFORM = (np.arange(20000) + 0.5) / 20000


def test_a_cut_normal_is_that_of_scipy():
    expected = scipy.stats.truncnorm(-2, 0.5, loc=3, scale=2).ppf(UNIFORM)
    spec = {"normal": {"mean": 3, "sd": 2, "low": -1, "high": 4}}
    np.testing.assert_allclose(quantile(spec, UNIFORM), expected, atol=1e-9)


def test_a_cut_log_normal_is_that_of_its_logarithm():
    low, high = (np.log(end / 3) / 0.5 for end in (2, 40))
    expected = 3 * np.exp(0.5 * scipy.stats.truncnorm(low, high).ppf(UNIFORM))
    spec = {"log_normal": {"median": 3, "sigma": 0.5, "low": 2, "high": 40}}
    np.testing.assert_allclose(quantile(spec, UNIFORM), expected, rtol=1e-9)


def test_a_log_uniform_is_uniform_in_its_logarithm():
    np.testing.assert_allclose(np.log(quantile({"log_uniform": [2, 7]}, UNIFORM) / 2), UNIFORM * np.log(3.5))


def test_a_choice_takes_each_value_by_its_weight():
    values = quantile({"choice": {4: 1, -3: 2, 0.5: 1}}, UNIFORM)
    assert {value: (values == value).mean() for value in (4, -3, 0.5)} == {4: 0.25, -3: 0.5, 0.5: 0.25}
    # Weights that do not sum to one in floating point leave no uniform without a value.
    assert quantile({"choice": dict.fromkeys(range(10), 0.1)}, np.array([np.nextafter(1, 0)])) == [9]
