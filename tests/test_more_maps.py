"""Maps that the explorer makes itself: which points get one, and that it is the network's of that point."""

import numpy as np
import pandas as pd
import pytest
import torch

from gwsim import cams, explain, models
from gwsim.explorer import more_maps, saliency

CLASSES = ["left", "right", "none"]
SETTINGS = {"target": "predicted", "methods": ["grad_cam", "score_cam"], "score": "softmax", "reduce": "mean"}


def points(count=30, wrong=(4, 17)):
    label = np.arange(count) % 3
    predicted = label.copy()
    predicted[list(wrong)] = (label[list(wrong)] + 1) % 3
    return pd.DataFrame({"label": label, "predicted": predicted})


def known(*places):
    return {place: [saliency.Map(0, "score_cam", np.zeros((2, 2), np.uint8))] for place in places}


@pytest.mark.parametrize(
    "there, least, expected",
    [
        ((), 0, [4, 17]),
        ((4,), 0, [17]),
        ((4, 17), 2, []),
        ((4, 17, 20), 3, []),
        ((), 5, [0, 1, 2, 4, 17]),
        ((0, 1), 5, [2, 4, 17]),
        ((), 100, list(range(30))),
    ],
)
def test_every_misclassified_point_gets_a_map_and_others_up_to_a_number(there, least, expected):
    assert more_maps.lacking(points(), known(*there), least).tolist() == expected


def test_maps_are_those_of_the_points_and_the_class_that_is_given(monkeypatch):
    """Read in batches of two; what was there stays as it was."""
    monkeypatch.setattr(more_maps.explain, "BATCH", 2)
    monkeypatch.setattr(more_maps, "LEAST", 6)
    examples = torch.rand(30, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    model, table, before = models.build("merged_view_cnn", (1, 32, 32), 3, 1).eval(), points(), known(9)
    network = explain.Network(model, "sha", CLASSES, SETTINGS, torch.device("cpu"))
    found = more_maps.added(before, network, lambda places: examples[places].numpy(), table, (1, 1))
    assert sorted(found) == [0, 1, 2, 4, 9, 17] and found[9] is before[9] and list(before) == [9]
    for point in (0, 4, 17):
        (one,) = found[point]
        assert (one.target, one.method) == (table["predicted"][point], "score_cam")
        target = torch.tensor([one.target])
        expected = saliency.byte(cams.score_cam(model, examples[[point]], target)[0].numpy())
        assert np.abs(one.cells.astype(int) - expected).max() <= 1


def test_a_network_without_score_cam_gets_its_first_method():
    model, settings = (
        models.build("merged_view_cnn", (1, 16, 16), 3, 1).eval(),
        SETTINGS | {"methods": ["grad_cam"]},
    )
    network = explain.Network(model, "sha", CLASSES, settings, torch.device("cpu"))
    found = more_maps.added(
        {}, network, lambda places: np.ones((len(places), 1, 16, 16), np.float32), points(3, ()), (1, 1)
    )
    assert {one.method for (one,) in found.values()} == {"grad_cam"} and len(found) == 3
