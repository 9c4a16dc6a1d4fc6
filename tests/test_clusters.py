"""Shapes of maps within a class: made-up shapes are found, and nothing is found in noise."""

import numpy as np
import pytest

from gwsim import clusters, seeds


def shapes(counts, noise=0.05, name="shapes"):
    """Return maps with a bright column, row or corner, so many of each, mixed, and which each is."""
    draws = seeds.generator("test", "clusters", name)
    which = draws.permutation(np.repeat(np.arange(len(counts)), counts))
    pure = np.zeros((3, 8, 8))
    pure[0, :, 3] = pure[1, 6, :] = pure[2, :3, 5:] = 1.0
    return pure[which] + noise * draws.random((len(which), 8, 8)), which


@pytest.mark.parametrize("counts", [(9, 5), (4, 12), (10, 7, 4)])
def test_made_up_shapes_are_found(counts):
    maps, which = shapes(counts)
    places, silhouette = clusters.clustered(maps)
    assert silhouette > 0.5
    np.testing.assert_array_equal(np.bincount(places), sorted(counts, reverse=True))
    # Each cluster is one shape.
    assert len(set(zip(places.tolist(), which.tolist(), strict=True))) == len(counts)
    again, _ = clusters.clustered(maps.copy())
    np.testing.assert_array_equal(places, again)


@pytest.mark.parametrize(
    "maps",
    [
        seeds.generator("test", "clusters", "noise").random((30, 8, 8)),
        np.ones((12, 4, 4)),
        shapes((4, 3))[0],  # too few
        shapes((14, 2))[0],  # two odd ones
        shapes((12,))[0],
    ],
)
def test_maps_without_several_shapes_are_of_one(maps):
    places, silhouette = clusters.clustered(maps)
    assert not places.any() and silhouette is None


def test_equal_clusters_are_in_the_order_of_their_first_maps():
    np.testing.assert_array_equal(clusters._by_size(np.array([2, 0, 1, 1, 0, 1])), [2, 1, 0, 0, 1, 0])
    np.testing.assert_array_equal(clusters._by_size(np.array([1, 1, 0, 0])), [0, 0, 1, 1])


def test_each_class_is_compared_by_itself():
    several, _ = shapes((8, 4))
    alike, _ = shapes((9,), name="alike")
    maps = np.concatenate([several, alike, several[:3]])
    labels = np.repeat([0, 2, 1], [12, 9, 3])
    places, numbers = clusters.compared(maps, labels, ["a", "b", "c"], "score_cam")
    assert list(numbers) == ["shapes_a", "shapes_c"] and (places[-3:] == -1).all()
    assert (numbers["shapes_a"]["value"], numbers["shapes_a"]["sizes"], numbers["shapes_a"]["n"]) == (
        2,
        [8, 4],
        12,
    )
    assert (numbers["shapes_c"]["value"], numbers["shapes_c"]["silhouette"]) == (1, None)
    assert numbers["shapes_a"]["silhouette"] > 0.5 and not places[12:21].any()
