"""The 2-D network of compact binaries: its form written out, and what the stages rest on."""

import pytest
import torch
from torch.nn import functional as F

from gwsim import cams, onnx_export
from gwsim.errors import GwsimError
from gwsim.models import receptive
from gwsim.models.cbc_cnn2d import CbcCnn2d

SHAPE, CLASSES = (3, 94, 127), 4


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    model = CbcCnn2d(SHAPE, CLASSES)
    with torch.no_grad():
        for _ in range(3):
            model(2 + torch.randn(8, *SHAPE))
        for value in model.parameters():
            value.add_(0.02 * torch.randn_like(value))
    return model.eval()


def inputs(count=3):
    return 2 + torch.randn((count, *SHAPE), generator=torch.Generator().manual_seed(5))


def test_its_size():
    model = CbcCnn2d(SHAPE, CLASSES)
    convolutions = 9 * (3 * 16 + 16 * 32 + 3 * 32 * 32)
    assert sum(value.numel() for value in model.convolutions.parameters()) == convolutions + 2 * (16 + 4 * 32)
    assert model.features(torch.zeros(1, *SHAPE)).shape == (1, 32 * 5 * 31)
    assert sum(value.numel() for value in model.parameters()) == 104_980 + 64 * 32 * 5 * 24


def test_it_is_its_form_written_out(network):
    w = network.state_dict()
    y = inputs()
    for place in (0, 4, 8, 12, 16):
        y = F.conv2d(y, w[f"convolutions.{place}.weight"], padding=1)
        names = ("running_mean", "running_var", "weight", "bias")
        y = F.batch_norm(y, *(w[f"convolutions.{place + 1}.{name}"] for name in names)).clamp(min=0)
        y = F.max_pool2d(y, (2, 2) if place < 8 else (2, 1)) if place < 16 else y
    y = (y.flatten(1) @ w["dense1.weight"].T + w["dense1.bias"]).clamp(min=0)
    torch.testing.assert_close(network(inputs()), y @ w["dense2.weight"].T + w["dense2.bias"])


def test_the_cam_layer_is_the_end_of_its_path_and_feeds_the_dense_layers(network):
    x = inputs()
    assert network.cam_path[-1] is network.cam_layer
    y = x
    for module in network.cam_path:
        y = module(y)
    torch.testing.assert_close(cams.activations(network, x), y)
    assert y.shape == (3, 32, 5, 31) and y.min() == 0 and y.max() > 0
    torch.testing.assert_close(y.flatten(1), network.features(x))


def test_cells_of_the_cam_layer_lie_where_their_gradient_is(network):
    """Convolutions and means of weights above zero cut nothing off: the gradient is all that a cell sees."""
    grid = receptive.centres(network.cam_path, 2)
    cell, x = (2, 15), torch.ones(1, *SHAPE, requires_grad=True)
    y = x
    for module in network.cam_path:
        if isinstance(module, torch.nn.Conv2d):
            y = F.conv2d(y, module.weight.abs(), padding=1)
        elif isinstance(module, torch.nn.MaxPool2d):
            y = F.avg_pool2d(y, module.kernel_size)
    y[0, :, *cell].sum().backward()
    touched = x.grad.abs().sum((0, 1)).nonzero()
    middle = (touched.min(0).values + touched.max(0).values) / 2
    assert middle.tolist() == [stride * i + offset for i, (stride, offset) in zip(cell, grid, strict=True)]


def test_samples_do_not_meet_in_evaluation(network):
    x = inputs()
    alone = torch.cat([network(one) for one in x.split(1)])
    torch.testing.assert_close(network(x), alone, rtol=1e-4, atol=1e-5)


def test_every_weight_learns():
    torch.manual_seed(1)
    model = CbcCnn2d(SHAPE, CLASSES)
    F.cross_entropy(model(inputs(4)), torch.arange(4)).backward()
    assert not [name for name, value in model.named_parameters() if not value.grad.abs().max() > 0]
    assert not any(getattr(module, "inplace", False) for module in model.modules())


@pytest.mark.parametrize("shape, features", [((1, 16, 16), 32 * 4), ((2, 33, 63), 32 * 2 * 15)])
def test_other_sizes(shape, features):
    model = CbcCnn2d(shape, 5)
    x = torch.rand(2, *shape)
    assert model(x).shape == (2, 5) and model.features(x).shape == (2, features)


@pytest.mark.parametrize("shape", [(3, 4096), (3, 15, 127), (3, 94, 9)])
def test_a_shape_that_does_not_fit_is_refused(shape):
    with pytest.raises(GwsimError, match=r"takes spectrograms .* of at least 16 by 16, got shape"):
        CbcCnn2d(shape, CLASSES)


def test_other_programs_get_its_logits(network):
    content = onnx_export.onnx(network, SHAPE, {})
    assert onnx_export.farthest(content, network, SHAPE) < 1e-5
