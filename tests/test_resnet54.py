"""The 1-D network of compact binaries: published sizes, its form written out, its normalisation by hand."""

import copy

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from gwsim import cams, onnx_export
from gwsim.errors import GwsimError
from gwsim.models import receptive
from gwsim.models.dain import Dain
from gwsim.models.resnet54 import Block, ResNet54

IFOS, SAMPLES, CLASSES = 3, 1024, 4
STRIDE, FIELD = 32, 1661


def network(samples=SAMPLES, ifos=IFOS, seed=1):
    """A network in eval mode whose batch normalisations have seen data: nothing in it is an identity."""
    torch.manual_seed(seed)
    model = ResNet54((ifos, samples), CLASSES)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.02 * torch.randn_like(value))
        for module in model.modules():
            module.momentum = 1.0
        model(inputs(8, samples, ifos))
    return model.eval()


def inputs(count=4, samples=SAMPLES, ifos=IFOS, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((count, ifos, samples), generator=generator)


def size(module):
    return sum(value.numel() for value in module.parameters())


# ---- sizes and form


@pytest.mark.parametrize("ifos, backbone", [(2, 296_232), (3, 296_264)])
def test_the_backbone_is_the_narrow_one(ifos, backbone):
    model = ResNet54((ifos, SAMPLES), CLASSES)
    assert size(model.blocks) == backbone
    assert size(model.dain) == 3 * ifos**2 + ifos


def test_the_whole_is_the_tables():
    model = ResNet54((3, 16384), 4)
    assert size(model) == 820_906
    assert size(model.dense1) + size(model.dense2) == (8192 * 64 + 64) + (64 * 4 + 4)


def test_54_convolutions_and_8_on_the_way_around_them():
    kernels = [one.kernel_size[0] for one in ResNet54((3, 256), 4).modules() if hasattr(one, "kernel_size")]
    assert (kernels.count(3), kernels.count(1), len(kernels)) == (54, 8, 62)


def test_each_block_has_the_tables_channels_and_length():
    model, found = network(2048), []
    for block in model.blocks:
        block.register_forward_hook(lambda module, given, out: found.append(tuple(out.shape[1:])))
    model(inputs(1, 2048))
    table = [(8, 2048)] * 4 + [(16, 1024)] * 3 + [(32, 512)] * 3 + [(64, 256)] * 3 + [(64, 128)] * 3
    assert found == table + [(64, 64)] * 3 + [(32, 64)] * 5 + [(16, 64)] * 3


def written_out(model, x):
    """Logits by functions alone, from the weights' names and the table of blocks."""
    w = model.state_dict()

    def norm(y, name):
        mean, var, gain, bias = (
            w[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")
        )
        return (y - mean[:, None]) / (var[:, None] + 1e-5).sqrt() * gain[:, None] + bias[:, None]

    def conv(y, name, **more):
        return F.conv1d(y, w[f"{name}.weight"], w[f"{name}.bias"], **more)

    y = x - (w["dain.shift.weight"] @ x.mean(2, keepdim=True))
    y = y / (w["dain.scale.weight"] @ (y.square().mean(2, keepdim=True) + 1e-8).sqrt())
    gate = w["dain.gate.weight"] @ y.mean(2, keepdim=True) + w["dain.gate.bias"][:, None]
    y = y / (1 + (-gate).exp())
    halving, wider = {4, 7, 10, 13, 16}, {0, 4, 7, 10, 13, 16, 19, 24}
    for place in range(27):
        name, step = f"blocks.{place}", 2 if place in halving else 1
        z = norm(conv(y, f"{name}.conv1", padding=1), f"{name}.norm1").clamp(min=0)
        z = norm(conv(z, f"{name}.conv2", padding=1, stride=step), f"{name}.norm2")
        y = conv(y, f"{name}.skip", stride=step) if place in wider else y
        y = (z + y).clamp(min=0)
    y = (y.flatten(1) @ w["dense1.weight"].T + w["dense1.bias"]).clamp(min=0)
    return y @ w["dense2.weight"].T + w["dense2.bias"]


def test_it_is_its_form_written_out():
    model, x = network().double(), inputs().double()
    expected = written_out(model, x)
    assert expected.std(0).min() > 1e-3
    torch.testing.assert_close(model(x), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("ifos, samples", [(1, 256), (2, 257), (3, 1000), (5, 4095)])
def test_any_number_of_ifos_and_any_length(ifos, samples):
    model = ResNet54((ifos, samples), 7)
    x = inputs(2, samples, ifos)
    assert model(x).shape == (2, 7)
    assert model.features(x).shape == (2, 16 * -(-samples // 32))


@pytest.mark.parametrize("shape", [(3, 94, 33), (3, 255), (4096,)])
def test_a_shape_that_does_not_fit_is_refused(shape):
    with pytest.raises(GwsimError, match=r"takes time series .* of at least 256 samples, got shape"):
        ResNet54(shape, CLASSES)


# ---- what the stages rest on


def test_the_cam_layer_is_the_end_of_its_path_and_feeds_the_dense_layers():
    model, x = network(), inputs()
    assert model.cam_path[-1] is model.cam_layer
    y = x
    for module in model.cam_path:
        y = module(y)
    torch.testing.assert_close(cams.activations(model, x), y)
    assert y.shape == (4, 16, SAMPLES // STRIDE) and y.min() == 0 and y.max() > 0
    torch.testing.assert_close(y.flatten(1), model.features(x))


@pytest.mark.parametrize("method", cams.METHODS)
def test_maps_have_a_cell_for_each_32_samples(method):
    model, target = network(), torch.tensor([0, 1, 2, 3])
    found = cams.METHODS[method](model, inputs(), target, {"reduce": "sum", "score": "softmax"})
    assert found.shape == (4, SAMPLES // STRIDE) and found.isfinite().all() and found.max() > 0


def test_cells_of_the_cam_layer_lie_where_their_gradient_is():
    """With weights above zero nothing is cut off: a cell's gradient is all that it sees."""
    model = network(4096).double()
    with torch.no_grad():
        for value in model.blocks.parameters():
            value.abs_()
    assert receptive.centres(model.cam_path, 1) == [(STRIDE, 0)]
    for cell in (40, 64, 100):
        x = torch.ones(1, IFOS, 4096, dtype=torch.float64, requires_grad=True)
        model.blocks(x)[0, :, cell].sum().backward()
        touched = x.grad[0].abs().sum(0).nonzero()
        assert [touched.min(), touched.max()] == [cell * STRIDE - FIELD // 2, cell * STRIDE + FIELD // 2]


def test_samples_do_not_meet_in_evaluation_and_do_in_training():
    model, x = network().double(), inputs().double()
    alone = torch.cat([model(one) for one in x.split(1)])
    torch.testing.assert_close(model(x), alone, rtol=1e-9, atol=1e-9)
    before = {name: value.clone() for name, value in model.named_buffers()}
    model.train()
    first = model(x)[0]
    assert (first - alone[0]).abs().max() > 1e-3
    assert all(not torch.equal(before[name], value) for name, value in model.named_buffers())


def test_every_weight_learns():
    model = network()
    F.cross_entropy(model(inputs()), torch.arange(4)).backward()
    still = [name for name, value in model.named_parameters() if not value.grad.abs().max() > 0]
    assert not still


def few():
    """Sixteen short examples and their classes, which are only learnt by heart."""
    return inputs(16, 256), torch.arange(16) % CLASSES


def trained(steps):
    torch.manual_seed(2)
    model, (x, y) = ResNet54((IFOS, 256), CLASSES), few()
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(steps):
        loss = F.cross_entropy(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model, loss.item()


@pytest.fixture(scope="module")
def learnt():
    return trained(25)


def test_it_learns_what_it_sees(learnt):
    assert learnt[1] < 0.1


def test_it_learns_the_same_twice():
    one, other = (trained(2)[0].state_dict() for _ in range(2))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_nothing_works_in_place_and_the_input_stays():
    model, x = network(), inputs()
    before = x.clone()
    model(x)
    assert torch.equal(x, before)
    assert not any(getattr(module, "inplace", False) for module in model.modules())


def test_half_precision_does_as_well(learnt):
    (model, _), (x, y) = learnt, few()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        logits = copy.deepcopy(model)(x)
    assert logits.dtype is torch.bfloat16
    assert F.cross_entropy(logits.float(), y) < 0.3


def test_other_programs_get_its_logits(learnt):
    model = copy.deepcopy(learnt[0]).eval()
    content = onnx_export.onnx(model, (IFOS, 256), {})
    onnx.checker.check_model(onnx.load_model_from_string(content))
    session = onnxruntime.InferenceSession(content)
    for count in (1, 3, 17):
        x = inputs(count, 256, seed=count)
        expected = model(x).detach()
        (logits,) = session.run(None, {"input": x.numpy()})
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5 * expected.abs().max().item())


# ---- one block


def test_a_block_without_weights_is_its_skip():
    x = inputs(2, 64, 8)
    for block, expected in ((Block(8, 8, 1), x), (Block(8, 8, 2), x[..., ::2])):
        with torch.no_grad():
            block.conv2.weight.zero_()
            block.conv2.bias.zero_()
            if block.skip.__class__ is torch.nn.Conv1d:
                block.skip.weight.copy_(torch.eye(8)[..., None])
                block.skip.bias.zero_()
        torch.testing.assert_close(block(x), expected.relu())


# ---- DAIN


def dain(channels=2, shift=None, scale=None, gate=None, bias=0.0):
    """A layer with these matrices; none given is zero: no shift, division by one, a gate of one half."""
    layer = Dain(channels)
    with torch.no_grad():
        for module, matrix in ((layer.shift, shift), (layer.scale, scale), (layer.gate, gate)):
            module.weight.copy_(torch.zeros(channels, channels) if matrix is None else torch.tensor(matrix))
        layer.gate.bias.fill_(bias)
    return layer.double()


OPEN = 100.0  # as a gate's bias: a gate of one
EYE = [[1.0, 0.0], [0.0, 1.0]]


def strain():
    """(1, 2, 4): means 2 and -1, mean squares about them 5 and 4."""
    return torch.tensor([[[5.0, 3.0, 1.0, -1.0], [1.0, -3.0, 1.0, -3.0]]], dtype=torch.float64)


def test_the_first_sub_layer_takes_the_mean_off():
    found = dain(shift=EYE, bias=OPEN)(strain())
    expected = torch.tensor([[[3.0, 1, -1, -3], [2, -2, 2, -2]]], dtype=torch.float64)
    torch.testing.assert_close(found, expected)


def test_it_can_take_another_channels_mean_off():
    found = dain(shift=[[0.0, 1.0], [0.0, 0.0]], bias=OPEN)(strain())
    expected = torch.tensor([[[6.0, 4, 2, 0], [1, -3, 1, -3]]], dtype=torch.float64)
    torch.testing.assert_close(found, expected)


def test_the_second_divides_by_the_rms_of_what_the_first_left():
    found = dain(shift=EYE, scale=EYE, bias=OPEN)(strain())
    torch.testing.assert_close(found.square().mean(-1), torch.ones(1, 2, dtype=torch.float64))
    torch.testing.assert_close(found[0, 1], torch.tensor([1.0, -1, 1, -1], dtype=torch.float64))
    raw = dain(scale=[[0.0, 2.0], [0.0, 1.0]], bias=OPEN)(strain())
    torch.testing.assert_close(raw[0, 0], strain()[0, 0] / (2 * 5**0.5))


def test_a_scale_that_is_not_above_zero_divides_by_one():
    found = dain(scale=[[-1.0, 0.0], [0.0, 0.0]], bias=OPEN)(strain())
    torch.testing.assert_close(found, strain())


def test_the_third_gates_by_the_mean_of_what_is_left():
    found = dain(gate=[[1.0, 0.5], [0.0, -1.0]], bias=0.25)(strain())
    gates = 1 / (1 + np.exp(-np.array([2 - 0.5 + 0.25, 1 + 0.25])))
    torch.testing.assert_close(found, strain() * torch.tensor(gates)[None, :, None])


def test_a_new_layer_forgets_offset_and_amplitude():
    layer, x = Dain(3).double(), inputs(2, 64).double()
    offsets = torch.tensor([4.0, -7.0, 0.1], dtype=torch.float64)[:, None]
    found = layer(x)
    torch.testing.assert_close(layer(30 * x + offsets), found, rtol=1e-6, atol=1e-7)
    assert (layer(-x) - found).abs().max() > 0.1


def test_silence_stays_silent():
    x = torch.zeros(2, 3, 64, requires_grad=True)
    layer = Dain(3)
    found = layer(x)
    found.sum().backward()
    assert (found == 0).all() and x.grad.isfinite().all()


def test_its_gradients_are_those_of_finite_differences():
    torch.manual_seed(4)
    layer, x = Dain(2).double(), inputs(3, 8, 2).double().requires_grad_()
    weights = list(layer.parameters())
    assert torch.autograd.gradcheck(lambda given, *_: layer(given), (x, *weights))
