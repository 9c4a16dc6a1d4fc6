"""Networks: the published sizes, the contract that the stages rest on, and where inner cells look."""

import pytest
import torch

from gwsim import cams, models, networks, onnx_export
from gwsim.errors import GwsimError
from gwsim.models import receptive

SHAPE, CLASSES = (3, 94, 33), 10
SHAPES = {
    "ccsn_cnn": SHAPE,
    "cbc_cnn2d": SHAPE,
    "resnet54": (3, 512),
    "resnet54_mean": (3, 512),
    "merged_view_cnn": (1, 48, 32),
    "glitchnet": (1, 48, 32),
    "toy_cnn": (1, 32, 64),
    "linear_pixels": (1, 32, 64),
}


@pytest.fixture(scope="module", params=models.MODELS)
def network(request):
    """A network that has seen something, so that its batch normalisations are no identities."""
    shape = SHAPES[request.param]
    model = models.build(request.param, shape, CLASSES, 1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for _ in range(3):
            model(torch.rand((8, *shape), generator=generator))
    return model.eval(), torch.rand((2, *shape), generator=generator)


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


def test_merged_view_cnn_is_the_papers():
    """Sizes of its table 2: parameters of each layer, and the 100,352 values that the dense layer sees."""
    model = models.build("merged_view_cnn", (1, 448, 448), 22, 1)
    counts = [value.numel() for name, value in model.named_parameters() if name.endswith("weight")]
    assert counts == [25 * 32, 25 * 32 * 32, 25 * 32 * 64, 25 * 64 * 64, 25 * 64 * 128, 100_352 * 22]
    assert sum(value.numel() for value in model.parameters()) == 2_592_886
    assert model.features(torch.zeros(1, 1, 448, 448)).shape == (1, 100_352)


def test_merged_view_cnn_halves_after_all_but_the_last_convolution():
    """The functional form of the paper's table, written out."""
    from torch.nn import functional as F

    model, x = models.build("merged_view_cnn", (1, 32, 64), 3, 2), torch.rand(2, 1, 32, 64)
    *convolutions, dense = [
        (weight, bias) for weight, bias in zip(*[iter(model.parameters())] * 2, strict=True)
    ]
    y = x
    for place, weights in enumerate(convolutions):
        y = F.relu(F.conv2d(y, *weights, padding="same"))
        y = F.max_pool2d(y, 2) if place < 4 else y
    torch.testing.assert_close(model(x), F.linear(y.flatten(1), *dense))
    torch.testing.assert_close(cams.activations(model.eval(), x), y)


def test_merged_view_cnn_takes_pictures_alone():
    with pytest.raises(GwsimError, match="at least 16 by 16, got shape"):
        models.build("merged_view_cnn", (1, 8, 448), 22, 1)


def test_logits_are_no_probabilities(network):
    model, x = network
    assert model(x).shape == (2, CLASSES)
    assert not torch.allclose(model(x).exp().sum(-1), torch.ones(2))


def test_features_feed_the_dense_layers(network):
    """They are what the first of them sees that has as many inputs."""
    model, x = network
    features = model.features(x)
    dense = (module for module in model.modules() if isinstance(module, torch.nn.Linear))
    first, seen = next(module for module in dense if module.in_features == features.shape[1]), []
    hook = first.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    model(x)
    hook.remove()
    torch.testing.assert_close(features, seen[0].flatten(1))


def test_samples_do_not_meet_once_a_network_has_learnt(network):
    model, x = network
    torch.testing.assert_close(model(x), torch.cat([model(one) for one in x.split(1)]), rtol=1e-4, atol=1e-5)


def test_the_cam_layer_is_the_end_of_its_path(network):
    model, x = network
    if not hasattr(model, "cam_layer"):
        pytest.skip("no layer that could be mapped")
    seen = []
    handle = model.cam_layer.register_forward_hook(lambda module, given, out: seen.append(out))
    model(x)
    handle.remove()
    assert model.cam_path[-1] is model.cam_layer
    y = x
    for module in model.cam_path:
        y = module(y)
    torch.testing.assert_close(seen[0], y)
    # The map has time where the input has time: one axis, or two.
    assert y.ndim == x.ndim and len(receptive.centres(model.cam_path, y.ndim - 2)) == y.ndim - 2


def test_the_papers_network_has_signed_cells():
    model = models.build("ccsn_cnn", SHAPE, CLASSES, 1).eval()
    assert (cams.activations(model, torch.rand(2, *SHAPE)) < 0).any()


@pytest.mark.parametrize("method", cams.METHODS)
def test_every_method_maps_every_network(network, method):
    model, x = network
    if not hasattr(model, "cam_layer"):
        pytest.skip("no layer that could be mapped")
    found = cams.METHODS[method](model, x, torch.tensor([1, 2]), {"reduce": "mean", "score": "softmax"})
    assert found.shape == (2, *cams.activations(model, x).shape[2:]) and found.isfinite().all()


def test_other_programs_get_every_networks_logits(network):
    model, x = network
    shape = tuple(x.shape[1:])
    assert onnx_export.farthest(onnx_export.onnx(model, shape, {}), model, shape) < 1e-5


def test_nothing_works_in_place(network):
    model, _ = network
    assert not any(getattr(module, "inplace", False) for module in model.modules())


@pytest.mark.parametrize("name", models.MODELS)
def test_weights_follow_from_the_seed_alone(name):
    torch.manual_seed(3)
    one = models.build(name, SHAPES[name], CLASSES, 5).state_dict()
    before = torch.random.get_rng_state()
    two, other = (models.build(name, SHAPES[name], CLASSES, seed).state_dict() for seed in (5, 6))
    assert all(torch.equal(one[name], two[name]) for name in one)
    drawn = [key for key in one if one[key].ndim and one[key].std() > 0]
    same = [key for key in drawn if torch.equal(one[key], other[key])]
    # Normalisation in front starts as an identity.
    assert same == [key for key in drawn if key in ("dain.shift.weight", "dain.scale.weight")]
    assert torch.equal(before, torch.random.get_rng_state())


def test_cells_of_the_cam_layer_lie_where_their_gradient_is():
    """The gradient of one cell is a patch, whose middle is the cell's centre; others have their own tests."""
    model, x = models.build("ccsn_cnn", SHAPE, CLASSES, 1).eval(), torch.rand(1, *SHAPE)
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
    # A module with a path stands for the modules of that.
    whole = torch.nn.Module()
    whole.path = path[1:]
    assert receptive.centres([path[0], whole], 1) == [(2.0, 4.0)]


def test_the_mean_forgets_when():
    """Features of the same cells in another order are the same, and those of the flat network are not."""
    flat, mean = (models.build(name, (3, 512), CLASSES, 1).eval() for name in ("resnet54", "resnet54_mean"))
    assert sum(value.numel() for value in mean.dense1.parameters()) == 16 * 64 + 64
    assert mean.blocks.state_dict().keys() == flat.blocks.state_dict().keys()
    x = torch.rand(2, 3, 512)
    cells = cams.activations(mean, x)
    torch.testing.assert_close(mean.features(x), cells.sum(-1) / 16)
    assert (flat.features(x) - cams.activations(flat, x).flip(-1).flatten(1)).abs().max() > 0


@pytest.mark.parametrize("name", models.MODELS)
def test_a_shape_that_does_not_fit_is_refused(name):
    """The configuration refuses what the network would, before anything is made."""
    arrays, least = networks.TAKES[name]
    series, image = (3, least), (3, least, least)
    fits, other = (series, image) if "strain" in arrays else (image, series)
    assert models.build(name, fits, CLASSES, 1)
    for shape in ((*fits[:-1], least - 1), other):
        with pytest.raises(GwsimError, match=r"takes (spectrograms|time series|pictures) .* got shape"):
            models.build(name, shape, CLASSES, 1)


def test_the_configuration_knows_every_model():
    assert set(networks.TAKES) == set(models.MODELS)
    for name, shape in SHAPES.items():
        features = models.build(name, shape, CLASSES, 1).eval().features(torch.zeros(1, *shape)).shape[1]
        assert features == networks.FEATURES.get(name, features) and (name in networks.FEATURES) == (
            features < 200
        )


def test_an_unknown_model_is_named_beside_the_known_ones():
    with pytest.raises(GwsimError, match="no model 'vgg': expected one of ccsn_cnn"):
        models.build("vgg", SHAPE, CLASSES, 1)
