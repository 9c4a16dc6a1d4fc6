"""Networks: the published sizes, the contract that the stages rest on, and where inner cells look."""

import pytest
import torch

from gwsim import models
from gwsim.errors import GwsimError
from gwsim.models import receptive

SHAPE, CLASSES = (3, 94, 33), 10


@pytest.fixture(scope="module", params=[("ccsn_cnn", SHAPE)], ids=lambda param: param[0])
def network(request):
    name, shape = request.param
    return models.build(name, shape, CLASSES, 1).eval(), torch.rand(2, *shape)


def test_ccsn_cnn_is_the_papers():
    model = models.build("ccsn_cnn", SHAPE, CLASSES, 1)
    assert sum(value.numel() for value in model.parameters()) == 427_378
    assert model.features(torch.zeros(1, *SHAPE)).shape == (1, 2112)
    sizes = {name: tuple(value.shape) for name, value in model.named_parameters() if name.endswith("weight")}
    assert sizes == {
        "conv1.weight": (16, 3, 3, 3),
        "conv2.weight": (16, 16, 3, 3),
        "dense1.weight": (200, 2112),
        "dense2.weight": (10, 200),
    }


def test_ccsn_cnn_pools_before_its_relu():
    """The functional form of the paper's figure, written out."""
    from torch.nn import functional as F

    model, x = models.build("ccsn_cnn", SHAPE, CLASSES, 2), torch.rand(4, *SHAPE)
    weights = dict(model.named_parameters())
    y = x
    for name in ("conv1", "conv2"):
        y = F.relu(F.max_pool2d(F.conv2d(y, weights[f"{name}.weight"], weights[f"{name}.bias"]), 2))
    y = F.relu(F.linear(y.flatten(1), weights["dense1.weight"], weights["dense1.bias"]))
    y = F.linear(y, weights["dense2.weight"], weights["dense2.bias"])
    torch.testing.assert_close(model(x), y)


def test_logits_are_no_probabilities(network):
    model, x = network
    assert model(x).shape == (2, CLASSES)
    assert not torch.allclose(model(x).exp().sum(-1), torch.ones(2))


def test_features_feed_the_dense_layers(network):
    model, x = network
    assert model.features(x).ndim == 2 and model.features(x).shape[0] == 2


def test_the_cam_layer_is_the_end_of_its_path_and_signed(network):
    model, x = network
    seen = []
    handle = model.cam_layer.register_forward_hook(lambda module, given, out: seen.append(out))
    model(x)
    handle.remove()
    assert model.cam_path[-1] is model.cam_layer
    y = x
    for module in model.cam_path:
        y = module(y)
    torch.testing.assert_close(seen[0], y)
    assert (y < 0).any()


def test_nothing_works_in_place(network):
    model, _ = network
    assert not any(getattr(module, "inplace", False) for module in model.modules())


def test_weights_follow_from_the_seed_alone():
    torch.manual_seed(3)
    one = models.build("ccsn_cnn", SHAPE, CLASSES, 5).state_dict()
    before = torch.random.get_rng_state()
    two, other = (models.build("ccsn_cnn", SHAPE, CLASSES, seed).state_dict() for seed in (5, 6))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not any(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(before, torch.random.get_rng_state())


def test_cells_of_the_cam_layer_lie_where_their_gradient_is(network):
    """The gradient of one cell is a patch, whose middle is the cell's centre."""
    model, x = network
    (stride_y, offset_y), (stride_x, offset_x) = receptive.centres(model.cam_path, 2)
    for cell in ((0, 0), (20, 7), (43, 12)):
        given = x[:1].clone().requires_grad_()
        y = given
        for module in model.cam_path:
            # A mean where the network takes the greatest: every pixel that could count does.
            y = torch.nn.functional.avg_pool2d(y, 2) if module is model.pool else y
            y = y if module in (model.pool, model.relu) else module(y)
        y[0, :, cell[0], cell[1]].sum().backward()
        touched = given.grad.abs().sum((0, 1)).nonzero()
        middle = (touched.min(0).values + touched.max(0).values) / 2
        assert middle.tolist() == [stride_y * cell[0] + offset_y, stride_x * cell[1] + offset_x]


def test_centres_of_strides_paddings_and_dilations():
    path = [
        torch.nn.Conv1d(1, 1, 5, stride=2, padding=2),
        torch.nn.ReLU(),
        torch.nn.Conv1d(1, 1, 3, dilation=2),
    ]
    assert receptive.centres(path, 1) == [(2.0, 4.0)]


@pytest.mark.parametrize("name, shape", [("ccsn_cnn", (3, 4096)), ("ccsn_cnn", (3, 94, 9))])
def test_a_shape_that_does_not_fit_is_refused(name, shape):
    with pytest.raises(GwsimError, match=r"takes spectrograms .* got shape"):
        models.build(name, shape, CLASSES, 1)


def test_an_unknown_model_is_named_beside_the_known_ones():
    with pytest.raises(GwsimError, match="no model 'vgg': expected one of ccsn_cnn"):
        models.build("vgg", SHAPE, CLASSES, 1)
