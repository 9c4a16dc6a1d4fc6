"""Class-activation maps: closed forms, captum, and a plain loop."""

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn
from torch.nn import functional as F

from gwsim import cams
from gwsim.errors import GwsimError

SPACES = [(19,), (14, 11)]
CONV = {1: nn.Conv1d, 2: nn.Conv2d}
POOL = {1: nn.MaxPool1d, 2: nn.MaxPool2d}
MODE = {1: "linear", 2: "bilinear"}
IFOS, CHANNELS, CLASSES = 2, 4, 3
OPTIONS = {"reduce": "mean", "score": "softmax"}


class Net(nn.Module):
    """A convolution, then what `head` makes of its output (or, if linear, of the input)."""

    def __init__(self, space, head="pooled", inplace=False):
        super().__init__()
        axes, self.head = len(space), head
        self.cam_layer = CONV[axes](IFOS, CHANNELS, 3)
        self.pool, self.relu = POOL[axes](2), nn.ReLU(inplace=inplace)
        cells = [(size - 2) // 2 for size in space]
        sizes = {"pooled": CHANNELS * np.prod(cells), "mean": CHANNELS, "linear": IFOS * np.prod(space)}
        sizes["relu"] = CHANNELS * np.prod([size - 2 for size in space])
        self.dense = nn.Linear(int(sizes[head]), CLASSES)

    def forward(self, x):
        cells = self.cam_layer(x)
        if self.head == "linear":
            return self.dense(x.flatten(1))
        if self.head == "mean":
            return self.dense(cells.flatten(2).mean(-1))
        cells = self.relu(cells) if self.head == "relu" else self.relu(self.pool(cells))
        return self.dense(cells.flatten(1))


def net(space, head="pooled", **more):
    torch.manual_seed(3)
    return Net(space, head, **more).double().eval()


def inputs(space, count=5):
    generator = torch.Generator().manual_seed(5)
    return torch.rand((count, IFOS, *space), generator=generator, dtype=torch.float64)


def targets(count=5):
    return torch.arange(count) % CLASSES


def plain_weights(model, x, score, baseline):
    """Score-CAM's weights by a loop over samples and channels, contiguous inputs, one at a time."""
    f = {"logit": lambda z: z, "softmax": lambda z: torch.softmax(z, 1)}[score]
    with torch.no_grad():
        cells, found = model.cam_layer(x), torch.zeros(len(x), CHANNELS, CLASSES, dtype=x.dtype)
        for i in range(len(x)):
            for k in range(CHANNELS):
                mask = F.interpolate(cells[i, k][None, None], size=x.shape[2:], mode=MODE[x.ndim - 2])[0]
                if cells[i, k].max() > cells[i, k].min():
                    mask = (mask - mask.min()) / (mask.max() - mask.min())
                    found[i, k] = f(model((x[i] * mask)[None]))[0]
                    found[i, k] -= f(model(torch.zeros_like(x[:1])))[0] if baseline else 0
    return cells, found


# ---- Grad-CAM and Grad-CAM++


@pytest.mark.parametrize("space", SPACES)
def test_of_a_mean_and_a_dense_layer_it_is_the_plain_map(space):
    model, x, target = net(space, "mean"), inputs(space), targets()
    cells = model.cam_layer(x).detach()
    count = cells[0, 0].numel()
    weight = model.dense.weight.detach()
    plain = [sum(weight[target[i], k] * cells[i, k] for k in range(CHANNELS)) for i in range(len(x))]
    plain = torch.stack(plain)
    plain = plain.relu()
    assert plain.max() > 0.01
    mean, total = (cams.grad_cam(model, x, target, reduce=reduce) for reduce in ("mean", "sum"))
    torch.testing.assert_close(mean, plain / count, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(total, plain, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("space", SPACES)
def test_grad_cam_pp_of_a_mean_and_a_dense_layer(space):
    model, x, target = net(space, "mean"), inputs(space), targets()
    cells = model.cam_layer(x).detach()
    w, sums, count = model.dense.weight.detach()[target], cells.flatten(2).sum(-1), cells[0, 0].numel()
    weights = w.relu() / (2 + sums * w / count)
    expected = torch.einsum("sk,sk...->s...", weights, cells).relu()
    torch.testing.assert_close(cams.grad_cam_pp(model, x, target), expected, rtol=1e-12, atol=1e-14)


def test_grad_cam_pp_is_zero_where_its_denominator_is(monkeypatch):
    # 2 + (sum A) g is 2 - 2 = 0 in the first channel, 2 + 2 = 4 in both cells of the second.
    found = torch.tensor([[[-3.0, 1.0], [2.0, 0.0]]]), torch.ones(1, 1, 2, 2)
    monkeypatch.setattr(cams, "_gradients", lambda *_: found)
    maps = cams.grad_cam_pp(net((19,)), inputs((19,), 1), torch.tensor([0]))
    np.testing.assert_array_equal(maps, [[2 * (1 / 4 + 1 / 4), 0]])


@pytest.mark.parametrize("space", SPACES)
def test_grad_cam_agrees_with_captum(space):
    model, x, target = net(space), inputs(space), targets()
    other = LayerGradCam(model, model.cam_layer).attribute(x, target, relu_attributions=True)[:, 0]
    assert other.max() > 1e-4
    torch.testing.assert_close(cams.grad_cam(model, x, target), other.detach(), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("method", cams.METHODS)
@pytest.mark.parametrize("space", SPACES)
def test_operations_in_place_after_the_layer_change_nothing(method, space):
    x, target = inputs(space), targets()
    one, other = (cams.METHODS[method](net(space, "relu", inplace=i), x, target, OPTIONS) for i in (0, 1))
    assert one.max() > 0
    torch.testing.assert_close(one, other, rtol=0, atol=0)


# ---- Score-CAM


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("score", cams.SCORES)
@pytest.mark.parametrize("baseline", [True, False])
def test_score_cam_is_the_plain_loop(space, score, baseline):
    model, x = net(space), inputs(space)
    cells, expected = plain_weights(model, x, score, baseline)
    for chunk in (1, 3, 8, 64):
        found = cams.score_weights(model, x, score=score, chunk=chunk, baseline=baseline)
        torch.testing.assert_close(found[0], cells, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(found[1], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("space", SPACES)
def test_score_cam_of_a_linear_network(space):
    model, x = net(space, "linear"), inputs(space)
    cells, weights = cams.score_weights(model, x, score="logit")
    masks = F.interpolate(cells, size=space, mode=MODE[len(space)]).flatten(2)
    low, high = masks.amin(-1, keepdim=True), masks.amax(-1, keepdim=True)
    masked = (((masks - low) / (high - low))[:, :, None] * x.flatten(2)[:, None]).flatten(2)
    torch.testing.assert_close(weights, masked @ model.dense.weight.T, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("space", SPACES)
def test_a_constant_network_has_no_map(space):
    model, x = net(space), inputs(space)
    with torch.no_grad():
        model.dense.weight.zero_()
        model.dense.bias.copy_(torch.tensor([1.0, -2.0, 3.0]))
    assert cams.score_cam(model, x, targets()).abs().max() == 0
    assert cams.score_weights(model, x, baseline=False)[1].min() > 0


@pytest.mark.parametrize("space", SPACES)
def test_a_dead_channel_has_no_weight(space):
    model, x = net(space), inputs(space)
    with torch.no_grad():
        model.cam_layer.weight[1] = 0.0
        model.cam_layer.bias[1] = 0.3
    _, weights = cams.score_weights(model, x)
    assert (weights[:, 1] == 0).all() and weights.isfinite().all() and (weights[:, 0] != 0).all()


@pytest.mark.parametrize("space", SPACES)
def test_dead_channels_have_no_pass_and_passes_are_filled_from_all_samples(space):
    model, x = net(space), inputs(space)
    with torch.no_grad():
        model.cam_layer.weight[1] = 0.0
    _, expected = plain_weights(model, x, "softmax", True)
    seen = []
    hook = model.register_forward_hook(lambda module, given, found: seen.append(len(given[0])))
    found = cams.score_weights(model, x, chunk=4)[1]
    hook.remove()
    # Five samples of three live channels, once what the network can see is known; black and a batch besides.
    assert seen[-4:] == [4, 4, 4, 3]
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    model.cam_layer.weight.data.zero_()
    assert (cams.score_weights(model, x)[1] == 0).all()


def test_a_pass_has_no_more_inputs_than_bytes_allow():
    assert cams.fitting_chunk(torch.zeros(1, 3, 94, 33)) == cams.CHUNK
    assert cams.fitting_chunk(torch.zeros(9, 1, 448, 448)) == 5
    assert cams.fitting_chunk(torch.zeros(1, 4, 2048, 2048)) == 1


def test_pictures_of_one_channel_say_that_it_is_the_last_in_memory():
    x = torch.rand(2, 1, 8, 6)
    for given in (x, torch.rand(2, 2, 8, 6)[:, :1]):
        assert cams.laid_out(given).stride() == (48, 1, 6, 1)
        torch.testing.assert_close(cams.laid_out(given), given, rtol=0, atol=0)
    assert cams.laid_out(torch.rand(2, 3, 8, 6)).stride() == (144, 1, 18, 3)


@pytest.mark.parametrize("ifos", [1, 3])
def test_masks_in_single_precision_on_images_are_those_of_plain_interpolation(ifos):
    generator = torch.Generator().manual_seed(2)
    x, cells = (torch.rand(shape, generator=generator) for shape in ((3, ifos, 16, 12), (5, 4, 3)))
    masked = cams._Masked(x, cams.laid_out(x[..., :15, :11]), (4, 3), 5)
    sample = torch.tensor([0, 0, 1, 2, 2])
    masks = F.interpolate(cells[:, None], size=(16, 12), mode="bilinear")
    low, high = (of(masks, (2, 3), keepdim=True) for of in (torch.amin, torch.amax))
    expected = (((masks - low) / (high - low)) * x[sample])[..., :15, :11]
    found = masked(sample, cells)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("space", SPACES)
def test_scaled_scores_scale_the_maps(space):
    model, scaled, x, target = net(space), net(space), inputs(space), targets()
    with torch.no_grad():
        scaled.dense.weight.mul_(3.0)
        scaled.dense.bias.mul_(3.0).add_(5.0)
    for of in (cams.grad_cam, lambda *given: cams.score_cam(*given, score="logit")):
        torch.testing.assert_close(of(scaled, x, target), 3 * of(model, x, target), rtol=1e-8, atol=1e-12)


class Cutting(Net):
    """A network that cuts its input's last pixels off by itself, whatever is left or down to a fixed size."""

    fixed = False

    def forward(self, x):
        cut = x[..., :-2]
        return super().forward(cut.reshape(len(x), IFOS, 14, 11) if self.fixed else cut)


def test_masked_passes_leave_out_what_the_network_is_blind_to():
    whole, x = slice(None), inputs((15, 12))
    assert cams._seen(net((15, 12)), x) == (whole, whole, slice(14), whole)
    assert cams._seen(net((15, 13)), inputs((15, 13))) == (whole, whole, slice(14), slice(12))
    assert cams._seen(net((14, 12), "mean"), inputs((14, 12))) == (whole,) * 4


@pytest.mark.parametrize("fixed", [False, True])
def test_a_network_that_cannot_take_a_part_gets_the_whole(fixed):
    model, x = Cutting((14, 11)).double().eval(), inputs((14, 13))
    model.fixed = fixed
    assert cams._seen(model, x) == (slice(None),) * 4


# ---- all methods


@pytest.mark.parametrize("method", cams.METHODS)
@pytest.mark.parametrize("space", SPACES)
def test_maps_of_several_classes_and_of_other_batches_are_the_same(method, space):
    model, x, of = net(space), inputs(space), cams.METHODS[method]
    target = torch.tensor([[0, 2], [1, 1], [2, 0], [0, 1], [1, 2]])
    both = of(model, x, target, OPTIONS)
    assert both.shape[:2] == (5, 2)
    for column in (0, 1):
        torch.testing.assert_close(both[:, column], of(model, x, target[:, column], OPTIONS))
    torch.testing.assert_close(both[3:4], of(model, x[3:4], target[3:4], OPTIONS))
    assert (both[0, 0] - both[0, 1]).abs().max() > 0


class Broken(Net):
    def forward(self, x):
        super().forward(x)
        raise KeyError("broken")


@pytest.mark.parametrize("method", cams.METHODS)
def test_hooks_are_gone_whatever_happens(method):
    model, x = net((19,)), inputs((19,))
    cams.METHODS[method](model, x, targets(), OPTIONS)
    assert not model.cam_layer._forward_hooks
    broken = Broken((19,)).double().eval()
    with pytest.raises(KeyError, match="broken"):
        cams.METHODS[method](broken, x, targets(), OPTIONS)
    assert not broken.cam_layer._forward_hooks
    assert all(parameter.grad is None for parameter in model.parameters())


def test_what_cannot_be_explained_is_refused():
    model, x = net((19,)), inputs((19,))
    with pytest.raises(ValueError, match="training mode"):
        cams.grad_cam(net((19,)).train(), x, targets())
    with pytest.raises(ValueError, match="ran 0 times"):
        cams.score_cam(model, x, targets(), layer=nn.ReLU())
    with pytest.raises(GwsimError, match="score is 'probability', expected one of softmax, logit"):
        cams.score_cam(model, x, targets(), score="probability")
    with pytest.raises(GwsimError, match="reduce is 'median', expected one of mean, sum"):
        cams.grad_cam(model, x, targets(), reduce="median")
