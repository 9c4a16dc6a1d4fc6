"""Where maps have their weight: closed forms on even and odd grids."""

import numpy as np
import pytest

from gwsim import quadrants


def test_a_map_of_one_quarter_has_all_its_weight_there():
    maps = np.zeros((4, 28, 28))
    maps[0, :14, :14] = maps[1, :14, 14:] = maps[2, 14:, :14] = maps[3, 14:, 14:] = 3.0
    np.testing.assert_allclose(quadrants.weights(maps), np.eye(4))


def test_cells_in_two_quarters_are_shared_by_their_area():
    maps = np.zeros((3, 7, 3))
    maps[0, 3, 1] = 2.0  # the middle of both axes
    maps[1, 0, 1] = 1.0  # above, in the middle
    maps[2, 3, 2] = 1.0  # on the right, in the middle
    expected = [[0.25] * 4, [0.5, 0.5, 0, 0], [0, 0.5, 0, 0.5]]
    np.testing.assert_allclose(quadrants.weights(maps), expected)
    np.testing.assert_allclose(quadrants.weights(np.ones((1, 5, 9))), [[0.25] * 4])


def test_a_zero_map_has_no_place_and_is_left_out():
    maps = np.zeros((4, 2, 2), np.float32)
    maps[0] = [[1, 0], [0, 0]]
    maps[1] = [[0.5, 0], [0, 0.5]]
    found = quadrants.weights(maps)
    assert np.isnan(found[2:]).all()
    numbers = quadrants.numbers(found, np.array([1, 1, 1, 0]), ["Chirp", "Blip"], "score_cam")
    blip = numbers["map_weight_Blip_0.5s"]
    assert (blip["value"], blip["n"]) == (0.75, 2)
    assert blip["error"] == pytest.approx(0.25 / np.sqrt(2))
    assert blip["meaning"] == "share of the map's weight at 0.5 s, Blip, score_cam"
    assert numbers["map_weight_Blip_4s"]["value"] == 0.25
    assert (numbers["map_weight_Chirp_1s"]["value"], numbers["map_weight_Chirp_1s"]["n"]) == (None, 0)
    assert len(numbers) == 8
