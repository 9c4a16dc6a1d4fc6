"""The exercise's networks and numbers: one logit against torch's own loss, networks known by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

from gwsim import exercise, models, onnx_export, train
from gwsim.errors import GwsimError
from gwsim.exercise import BLIP, CHIRP

SHAPE = (1, 32, 64)
SETTINGS = {
    "seed": 1,
    "picture": {"rows": 32, "columns": 64, "noise": 0.8},
    "models": {
        "blip": {
            "centre_row": 16,
            "centre_column": {"uniform": [20, 40]},
            "sigma_row": 3,
            "sigma_column": 2,
            "amplitude": 2,
            "drift": 0,
        },
        "chirp": {"start_row": 4, "start_column": 10, "rate": 0.3, "amplitude": 2, "shortest": 8},
    },
}


class Sums(torch.nn.Module):
    """A network known by hand: its log odds of chirp are the picture's weighted sum."""

    def __init__(self, weights, classes=2):
        super().__init__()
        self.weights, self.classes = torch.as_tensor(weights, dtype=torch.float32), classes

    def forward(self, x):
        z = (x[:, 0] * self.weights).sum((1, 2))
        return torch.stack([torch.zeros_like(z), z, 7 * z][: self.classes], dim=1)


# ---- models


@pytest.mark.parametrize("name", ["toy_cnn", "linear_pixels"])
def test_two_classes_are_one_logit_and_its_loss_is_torch_s(name):
    model, x = models.build(name, SHAPE, 2, 1), torch.randn(16, *SHAPE)
    label = torch.arange(16) % 2
    logits = model(x)
    assert logits.shape == (16, 2) and not logits[:, 0].any()
    ours = torch.nn.functional.cross_entropy(logits, label)
    theirs = torch.nn.BCEWithLogitsLoss()(logits[:, 1], label.float())
    torch.testing.assert_close(ours, theirs)
    both = [
        torch.autograd.grad(loss, model.dense.linear.weight, retain_graph=True)[0] for loss in (ours, theirs)
    ]
    torch.testing.assert_close(*both)
    torch.testing.assert_close(logits.softmax(-1)[:, 1], logits[:, 1].sigmoid())
    assert model.dense.linear.out_features == 1
    assert models.build(name, SHAPE, 3, 1)(x).shape == (16, 3)
    assert models.build(name, SHAPE, 3, 1).dense.linear.out_features == 3


def test_the_mean_forgets_where():
    model, x = models.build("toy_cnn", SHAPE, 2, 1), torch.zeros(1, *SHAPE)
    x[..., 12:16, 20:24] = 1.0
    moved = torch.roll(x, (4, 8), (2, 3))
    torch.testing.assert_close(model(moved), model(x), rtol=1e-4, atol=1e-6)
    other = models.build("linear_pixels", SHAPE, 2, 1)
    assert abs(other(moved) - other(x)).max() > 1e-3
    assert other.weights().shape == (1, 32, 64)


def test_a_linear_network_is_its_weights():
    model, x = models.build("linear_pixels", SHAPE, 3, 1), torch.randn(4, *SHAPE)
    expected = torch.einsum("nij,cij->nc", x[:, 0], model.weights()) + model.dense.linear.bias
    torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize("name", ["toy_cnn", "linear_pixels"])
def test_other_programs_get_their_logits(name):
    model = models.build(name, SHAPE, 2, 1).eval()
    assert onnx_export.farthest(onnx_export.onnx(model, SHAPE, {}), model, SHAPE) < 1e-5


@pytest.mark.parametrize(
    ("name", "shape"), [("toy_cnn", (1, 7, 64)), ("toy_cnn", (1, 64)), ("linear_pixels", (64,))]
)
def test_other_shapes_are_refused(name, shape):
    with pytest.raises(GwsimError, match=f"{name} takes pictures .* got shape"):
        models.build(name, shape, 2, 1)


# ---- classes that a network learns from


def test_a_phase_has_the_rows_of_its_classes_alone():
    table = pd.DataFrame({"label": [0, 1, 2, 0, 1, 2], "snr": [9.0, 5.0, np.nan, 7.0, 3.0, np.nan]})
    phase = {"phases": [{}], "curriculum": "replace"}
    two = train.phase_rows(table, phase | {"classes": ["blip", "chirp"]}, 0, "toys")
    assert two.tolist() == [0, 1, 3, 4]
    three = train.phase_rows(table, phase | {"classes": ["blip", "chirp", "noise"]}, 0, "toys")
    assert three.tolist() == list(range(6))


def test_a_network_s_classes_are_the_first_of_its_dataset_s():
    class Set:
        classes, name = ["blip", "chirp", "noise"], "toys"

    train.expect_classes(["blip", "chirp"], Set)
    train.expect_classes(["blip", "chirp", "noise"], Set)
    for wrong in (["chirp", "blip"], ["blip", "noise"], ["blip", "chirp", "noise", "koi"]):
        with pytest.raises(GwsimError, match="the settings have the classes"):
            train.expect_classes(wrong, Set)


# ---- answers


def test_log_odds_and_scores_of_a_known_network():
    shown = np.zeros((600, 32, 64), np.float32)
    shown[:, 3, 4] = np.arange(600) - 300
    for classes in (2, 3):
        np.testing.assert_allclose(
            exercise.odds(Sums(np.ones((32, 64)), classes), shown), np.arange(600) - 300.0
        )
    assert exercise.score(np.array([0.0])) == 0.5
    assert [exercise.said(one) for one in np.array([0.0, 20.0, -20.0])] == ["0.500", "1 − 2e-09", "2e-09"]


def test_mistakes_confidence_and_confusion():
    labels = np.array([CHIRP, CHIRP, CHIRP, BLIP, BLIP, BLIP, 2])
    odds = np.array([3.0, -1.0, -4.0, -5.0, 2.0, -0.5, 9.0])
    assert exercise.mistaken(odds, labels, CHIRP, 3).tolist() == [2, 1]
    assert exercise.mistaken(odds, labels, BLIP, 3).tolist() == [4]
    assert exercise.mistaken(odds, labels, CHIRP, 1).tolist() == [2]
    assert exercise.confident(odds, labels, CHIRP, 2).tolist() == [0, 1]
    assert exercise.confident(odds, labels, BLIP, 2).tolist() == [3, 5]
    assert exercise.confusion(odds, labels).tolist() == [[2, 1], [2, 1]]
    assert exercise.right(odds, labels).tolist() == [True, False, False, True, False, True]


def test_a_rate_has_wilson_s_error():
    one = exercise.rate(np.array([True] * 3 + [False] * 7))
    # Half the interval at one sigma: sqrt(p q / n + 1 / 4 n^2) / (1 + 1 / n).
    assert one.value == 0.3 and one.error == pytest.approx(np.sqrt(0.021 + 1 / 400) / 1.1)
    assert exercise.rate(np.zeros(50, bool)).error > 0 and np.isnan(exercise.rate(np.zeros(0, bool)).value)


def test_bins_hold_their_lower_edge():
    rates = exercise.binned(np.array([8, 11, 12, 15, 16]), np.array([1, 0, 1, 1, 0], bool), (8, 12, 16))
    assert [(one.hits, one.trials) for one in rates] == [(1, 2), (2, 2)]


def test_a_crossing_is_where_the_line_is():
    x = np.array([0.0, 1.0, 2.0, 3.0])
    assert exercise.crossing(x, np.array([0.1, 0.3, 0.7, 0.4])) == pytest.approx([1.5, 2 + 2 / 3])
    assert exercise.crossing(x, np.full(4, 0.2)) == []


def test_a_sweep_changes_one_column_and_keeps_the_noise():
    blips = exercise.drawn(SETTINGS, "blip", 5)
    assert blips["centre_column"].between(20, 40).all() and blips["centre_column"].nunique() == 5
    pd.testing.assert_frame_equal(blips, exercise.drawn(SETTINGS, "blip", 9).iloc[:5])
    total = exercise.swept(Sums(np.ones((32, 64))), SETTINGS, blips, "amplitude", [0.0, 1.0, 3.0])
    assert total.shape == (3, 5)
    # The sum of a Gaussian is 2 pi sigma sigma amplitude; noise is the same in each row and drops out.
    np.testing.assert_allclose(total[1:] - total[0], np.outer([1, 3], np.full(5, 2 * np.pi * 6)), rtol=1e-3)
    assert np.ptp(total[0]) > 1
    snr = exercise.snr(SETTINGS, blips)
    np.testing.assert_allclose(snr, 2 * np.sqrt(np.pi * 6) / 0.8, rtol=1e-3)


def test_each_half_is_blank_in_its_turn():
    weights = np.zeros((32, 64))
    weights[:, :32] = 1.0
    weights[16:, :] += 10.0
    found = exercise.blanked(Sums(weights), np.ones((2, 32, 64), np.float32))
    quarter = 16 * 32
    expected = {"earlier half": 10, "later half": 12, "lower half": 21, "upper half": 1}
    assert {name: values.tolist() for name, values in found.items()} == {
        name: [quarter * each] * 2 for name, each in expected.items()
    }


def test_a_narrow_blip_falls_off_as_a_chirp_does():
    from gwsim.waveforms import toys

    blip = {"model": "blip", "amplitude": 1.0, "centre_row": 10.0, "centre_column": 10.0, "drift": 0.0}
    picture = toys.picture(blip | {"sigma_row": exercise.NARROW, "sigma_column": 2.0}, 32, 64)
    np.testing.assert_allclose(picture[[9, 11], 10], 0.4)
