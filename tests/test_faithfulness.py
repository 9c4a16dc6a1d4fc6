"""Numbers that put maps to the test: hand-made cases, laws of a linear network, ranks of scipy."""

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

from gwsim import cams, faithfulness
from gwsim.errors import GwsimError

SPACE = (4, 5)


class Linear(nn.Module):
    """Scores that are linear in the input."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(2)
        self.weight = torch.randn(2 * 20, 3, generator=generator, dtype=torch.float64)

    def forward(self, x):
        return x.flatten(1) @ self.weight


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.cam_layer, self.norm = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)
        self.dense = nn.Linear(4 * 6 * 7, 3)

    def forward(self, x):
        return self.dense(self.norm(self.cam_layer(x)).relu().flatten(1))


def inputs(space=SPACE, dtype=torch.float64):
    return torch.rand((6, 2, *space), generator=torch.Generator().manual_seed(1), dtype=dtype)


TARGET = torch.tensor([0, 1, 2, 0, 1, 2])


# ---- average drop and increase


def test_average_drop_and_increase_by_hand():
    before = torch.tensor([0.8, 0.5, 0.5, 0.0, 0.4], dtype=torch.float64)
    after = torch.tensor([0.6, 0.5, 0.9, 0.2, 0.0], dtype=torch.float64)
    # (0.8 - 0.6) / 0.8, nothing, nothing, nothing to drop from, all
    np.testing.assert_allclose(faithfulness.drop(before, after), [25, 0, 0, 0, 100])
    # equal is no increase
    np.testing.assert_array_equal(faithfulness.increase(before, after), [0, 0, 100, 100, 0])
    assert faithfulness.summary(faithfulness.drop(before, after), "")["value"] == pytest.approx(25.0)


def test_scores_are_probabilities_of_the_class_in_chunks():
    model, x = Linear(), inputs()
    logits = (x.flatten(1) @ model.weight).numpy()
    expected = scipy.special.softmax(logits, axis=1)[np.arange(6), TARGET]
    for chunk in (1, 4, 64):
        np.testing.assert_allclose(faithfulness.scores(model, x, TARGET, chunk=chunk), expected)
    np.testing.assert_allclose(faithfulness.scores(model, x, TARGET, "logit"), logits[np.arange(6), TARGET])


def test_a_map_of_ones_and_a_map_of_zeros():
    model, x = Linear(), inputs()
    before = faithfulness.scores(model, x, TARGET)
    ones = faithfulness.scores(model, faithfulness.masked(x, torch.ones(6, *SPACE, dtype=x.dtype)), TARGET)
    assert faithfulness.drop(before, ones).abs().max() == 0
    assert faithfulness.increase(before, ones).abs().max() == 0
    zeros = faithfulness.scores(model, faithfulness.masked(x, torch.zeros(6, *SPACE, dtype=x.dtype)), TARGET)
    # A linear network without bias gives all three classes the same for a black input.
    expected = 100 * np.maximum(0, before.numpy() - 1 / 3) / before.numpy()
    assert expected.max() > 0
    np.testing.assert_allclose(faithfulness.drop(before, zeros), expected)


def test_where_a_map_is_nan_nothing_is_shown():
    x, maps = inputs(), torch.ones(6, *SPACE, dtype=torch.float64)
    maps[:, 0] = torch.nan
    found = faithfulness.masked(x, maps)
    assert (found[:, :, 0] == 0).all() and (found[:, :, 1:] == x[:, :, 1:]).all()


# ---- insertion and deletion


def test_insertion_and_deletion_of_a_linear_network_add_up():
    model, x = Linear(), inputs()
    maps, fill = torch.rand(6, *SPACE, dtype=x.dtype), torch.rand(2, *SPACE, dtype=x.dtype)
    inserted, deleted = (
        faithfulness.curve(model, x, maps, TARGET, fill, 7, k, "logit") for k in faithfulness.KINDS
    )
    whole = faithfulness.scores(model, x, TARGET, "logit")
    empty = faithfulness.scores(model, fill.expand_as(x), TARGET, "logit")
    expected = (whole + empty)[:, None].expand(6, 8)
    torch.testing.assert_close(inserted + deleted, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(inserted[:, 0], empty)
    torch.testing.assert_close(inserted[:, -1], whole)
    assert (inserted[:, 3] - expected[:, 0] / 2).abs().max() > 0.01


def test_the_highest_pixels_come_first():
    class Sum(nn.Module):
        def forward(self, x):
            return x.flatten(1).sum(1, keepdim=True)

    x = torch.tensor([[[1.0, 2.0, 4.0, 8.0]]])
    maps, fill = torch.tensor([[0.1, 0.9, torch.nan, 0.5]]), torch.zeros(1, 4)
    found = faithfulness.curve(Sum(), x, maps, torch.tensor([0]), fill, 4, "insertion", "logit")
    np.testing.assert_array_equal(found, [[0, 2, 10, 11, 15]])
    found = faithfulness.curve(Sum(), x, maps, torch.tensor([0]), fill, 4, "deletion", "logit")
    np.testing.assert_array_equal(found, [[15, 13, 5, 4, 0]])
    # Trapezoids of width 1/4: (15 / 2 + 13 + 5 + 4 + 0) / 4
    assert faithfulness.area(found).item() == pytest.approx(29.5 / 4)
    with pytest.raises(GwsimError, match="kind is 'removal', expected one of insertion, deletion"):
        faithfulness.curve(Sum(), x, maps, torch.tensor([0]), fill, 4, "removal")


def test_equal_pixels_are_in_no_order_of_the_axes():
    ranks = faithfulness.ranks(torch.zeros(1, 400))[0].numpy()
    np.testing.assert_array_equal(np.sort(ranks), np.arange(400))
    assert abs(scipy.stats.spearmanr(ranks, np.arange(400))[0]) < 0.2
    np.testing.assert_array_equal(ranks, faithfulness.ranks(torch.ones(1, 400))[0])


# ---- randomised networks


def test_rank_correlation_is_scipys_with_ties():
    generator = np.random.default_rng(0)
    one, other = generator.integers(0, 5, (2, 6, 4, 5)).astype(float)
    other[0], other[1], other[2] = one[0], -one[1], 3.0
    found = faithfulness.rank_correlation(torch.from_numpy(one), torch.from_numpy(other))
    np.testing.assert_allclose(found[:2], [1.0, -1.0])
    assert np.isnan(found[2])
    expected = [scipy.stats.spearmanr(one[i].ravel(), other[i].ravel())[0] for i in range(3, 6)]
    np.testing.assert_allclose(found[3:], expected)


def test_a_network_that_is_not_randomised_gives_the_same_map():
    model, x = Net().eval(), inputs((8, 9), torch.float32)
    same = faithfulness.randomised(model, [], "seed")
    maps = [cams.grad_cam_pp(one, x, TARGET) for one in (model, same)]
    assert maps[0].flatten(1).std(dim=1).min() > 0
    np.testing.assert_allclose(faithfulness.rank_correlation(*maps), 1.0)


def test_randomised_layers_are_drawn_anew_and_others_kept():
    model = Net().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fresh = faithfulness.randomised(model, ["dense"], "seed")
    bound = (4 * 6 * 7) ** -0.5
    weight = fresh.dense.weight.detach()
    assert weight.abs().max() <= bound and weight.std() == pytest.approx(bound / 3**0.5, rel=0.1)
    assert (weight != before["dense.weight"]).all() and (fresh.dense.bias != before["dense.bias"]).all()
    torch.testing.assert_close(fresh.cam_layer.weight.detach(), before["cam_layer.weight"])
    assert all((model.state_dict()[name] == value).all() for name, value in before.items())
    again, other = (
        faithfulness.randomised(model, ["dense"], seed).dense.weight for seed in ("seed", "another")
    )
    assert (again == weight).all() and (other != weight).all()


def test_the_cascade_goes_from_the_output_to_the_input():
    model = Net().eval()
    assert faithfulness.layers(model) == ["cam_layer", "dense"]
    (first, one), (second, both) = faithfulness.cascade(model, "seed")
    assert (first, second) == ("dense", "cam_layer")
    assert (one.cam_layer.weight == model.cam_layer.weight).all()
    assert (both.cam_layer.weight != model.cam_layer.weight).all()
    assert (both.dense.weight == one.dense.weight).all()


def test_random_maps_are_uniform_and_named():
    maps = faithfulness.random_maps((100, 44, 13), "a")
    assert maps.shape == (100, 44, 13) and maps.dtype == torch.float32
    assert maps.mean().item() == pytest.approx(0.5, abs=5 * 0.29 / 57200**0.5)
    assert (maps == faithfulness.random_maps((100, 44, 13), "a")).all()
    assert (maps != faithfulness.random_maps((100, 44, 13), "b")).float().mean() > 0.99


# ---- numbers


def test_a_summary_has_the_binomial_error_and_leaves_out_nan():
    found = faithfulness.summary([0, 100, 100, 0, np.nan, 0], "share")
    assert found["value"] == pytest.approx(40.0) and found["n"] == 5 and found["meaning"] == "share"
    assert found["error"] == pytest.approx(100 * (0.4 * 0.6 / 5) ** 0.5)
    assert faithfulness.summary([np.nan], "none") == {"value": None, "error": None, "n": 0, "meaning": "none"}
