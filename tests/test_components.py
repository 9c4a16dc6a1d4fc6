"""Components of more features than examples, against a singular value decomposition; nearest neighbours."""

import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gwsim import components, embed, seeds
from gwsim.errors import GwsimError


def features(examples=60, count=300, label="wide"):
    draw = seeds.generator("test_components", label)
    return (draw.normal(size=(examples, count)) * np.linspace(3, 1, count) + 5).astype(np.float32)


def test_more_features_than_examples_give_the_components_of_a_singular_value_decomposition():
    wide = features()
    left, scale, right = np.linalg.svd(wide - wide.mean(axis=0, dtype=float), full_matrices=False)
    largest = right[np.arange(6), np.abs(right[:6]).argmax(axis=1)]
    expected = left[:, :6] * scale[:6] * np.sign(largest)
    found = components.principal(wide, 6)
    np.testing.assert_allclose(found, expected / expected[:, 0].std(), atol=1.2e-5)
    assert found.dtype == np.float32


@pytest.mark.parametrize("columns", [7, 100, 8192])
def test_both_ways_agree_whatever_columns_are_taken_at_a_time(monkeypatch, columns):
    monkeypatch.setattr(components, "COLUMNS", columns)
    wide = features()
    known = components.products(wide)
    np.testing.assert_allclose(known, _products(wide), rtol=1e-12, atol=1e-6)
    by_products, by_covariance = components.principal(wide, 8), _by_covariance(wide, 8)
    np.testing.assert_allclose(by_products, by_covariance, atol=1.1e-5)
    np.testing.assert_array_equal(components.principal(wide, 8, known), by_products)


def _products(values):
    centred = values - values.mean(axis=0, dtype=float)
    return np.einsum("if,jf->ij", centred, centred)


def _by_covariance(values, count):
    points = components._from_covariance(values, count)
    return np.round(points / points[:, 0].std(), components.DECIMALS)


def test_points_that_stand_for_features_are_as_far_apart():
    wide = features()
    wide[41] = wide[3]  # spanned already: no axis of its own
    points = components.compact(wide)
    assert points.dtype == np.float32 and points.shape[0] == 60 and points.shape[1] <= 59
    np.testing.assert_allclose(cdist(points, points), cdist(wide, wide), rtol=1e-5, atol=1e-4)
    narrow = features(60, 60)
    assert components.compact(narrow) is narrow


def test_numbers_of_the_maps_are_those_of_the_features_themselves():
    wide, labels = features(), np.arange(60) % 3
    wide[:, :20] += 4 * labels[:, None]
    points = components.principal(wide, 5)
    told = [embed.trustworthiness(one, points, 1) for one in (wide, components.compact(wide))]
    assert told[0] == pytest.approx(told[1], abs=1e-6)
    told = [embed.neighbour_accuracy(one, labels) for one in (wide, components.compact(wide))]
    assert told[0] == told[1] > 0.5


def test_features_are_not_copied_whole(monkeypatch):
    monkeypatch.setattr(components, "COLUMNS", 1000)
    wide = features(50, 60_000)
    tracemalloc.start()
    try:
        components.compact(wide)
        components.principal(wide, 3)
        assert tracemalloc.get_traced_memory()[1] < wide.nbytes / 2  # in float64 they take twice their bytes
    finally:
        tracemalloc.stop()


def test_the_refusals_hold_for_many_features():
    wide = features()
    wide[5, 7] = np.nan
    with pytest.raises(GwsimError, match=r"1 of 60 examples .* not finite .*first: \[5\]"):
        components.principal(wide, 3)
    with pytest.raises(GwsimError, match="61 principal components are wanted of 60 examples with 300"):
        components.principal(features(), 61)


# ---- nearest


def test_nearest_are_those_of_brute_force():
    points = seeds.generator("test_components", "near").normal(size=(70, 4)).astype(np.float32)
    apart = ((points[:, None].astype(float) - points[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(apart, np.inf)
    np.testing.assert_array_equal(components.nearest(points, 8), apart.argsort(axis=1)[:, :8])


@pytest.mark.parametrize("rows", [1, 3, 512])
def test_of_equally_near_ones_the_first_stand_first(monkeypatch, rows):
    monkeypatch.setattr(components, "ROWS", rows)
    points = np.array([[0.0], [1], [1], [-1], [0], [5]])
    assert components.nearest(points, 4).tolist() == [
        [4, 1, 2, 3], [2, 0, 4, 3], [1, 0, 4, 3], [0, 4, 1, 2], [0, 1, 2, 3], [1, 2, 0, 4]
    ]  # fmt: skip
    with pytest.raises(GwsimError, match="6 examples are too few for 6 nearest others"):
        components.nearest(points, 6)
