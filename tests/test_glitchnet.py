"""GlitchNet: its published size and form, colours as Gravity Spy's, views that judge alone and together."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch
from torch.nn import functional as F

from gwsim import cams, evaluate, faithfulness, models, onnx_export, train
from gwsim.cli import evaluate as verb
from gwsim.errors import GwsimError
from gwsim.models import glitchnet, receptive

SHAPE, CLASSES = (4, 32, 48), 5


@pytest.fixture(scope="module")
def network():
    """A network whose batch normalisations have seen something."""
    model = models.build("glitchnet", SHAPE, CLASSES, 1)
    for seed in range(3):
        model(pictures(8, seed))
    return model.eval()


def pictures(count, seed=7, shape=SHAPE):
    return torch.rand((count, *shape), generator=torch.Generator().manual_seed(seed))


def test_its_size_is_the_published_one():
    model = models.build("glitchnet", (4, 224, 224), 22, 1)
    sizes = {name: tuple(value.shape) for name, value in model.named_parameters() if value.ndim > 1}
    inner = {f"block{block}.conv{place}.weight": (64, 64, 3, 3) for block in (1, 2) for place in (1, 2)}
    assert sizes == {"conv.weight": (64, 3, 7, 7), **inner, "dense.weight": (22, 64)}
    assert sum(value.numel() for value in model.parameters()) == 159_254
    # The means and variances of five normalisations, and how often each was updated: no colours.
    assert sum(value.numel() for value in model.state_dict().values()) == 159_254 + 645


def test_layers_have_the_published_sizes():
    model, found = models.build("glitchnet", (1, 224, 224), 22, 1), []
    for module in model.cam_path:
        module.register_forward_hook(lambda module, given, out: found.append(tuple(out.shape)))
    model(torch.zeros(1, 1, 224, 224))
    half, quarter = (1, 64, 112, 112), (1, 64, 56, 56)
    assert found == [(1, 3, 224, 224), half, half, half, *4 * [quarter]]


def test_each_view_goes_through_the_published_layers(network):
    """The functional form, written out for one view at a time in matplotlib's colours."""
    x, weights = pictures(3), network.state_dict()

    def conv(name, y, **how):
        return F.conv2d(y, weights[f"{name}.weight"], weights[f"{name}.bias"], **how)

    def norm(name, y):
        names = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(y, *(weights[f"{name}.{one}"] for one in names))

    table = np.array(matplotlib.colormaps["viridis"].colors)
    for place in range(4):
        index = 255 * x[:, place].numpy()
        rgb = np.stack([np.interp(index, np.arange(256), table[:, colour]) for colour in range(3)], 1)
        mean, deviation = [0.2401, 0.0731, 0.3198], [0.1364, 0.1343, 0.1486]
        y = (rgb - np.reshape(mean, (3, 1, 1))) / np.reshape(deviation, (3, 1, 1))
        y = F.relu(norm("norm", conv("conv", torch.from_numpy(y).float(), stride=2, padding=3)))
        y = F.max_pool2d(y, 3, stride=2, padding=1)
        for block in ("block1", "block2"):
            inner = F.relu(norm(f"{block}.norm1", conv(f"{block}.conv1", y, padding=1)))
            y = F.relu(norm(f"{block}.norm2", conv(f"{block}.conv2", inner, padding=1)) + y)
        logits = F.linear(y.mean((2, 3)), weights["dense.weight"], weights["dense.bias"])
        torch.testing.assert_close(network.each(x)[:, place], logits, rtol=1e-4, atol=1e-5)
        features = network.features(x)[:, 64 * place : 64 * place + 64]
        torch.testing.assert_close(features, y.mean((2, 3)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("place", [0, 1, 127, 254, 255])
def test_whole_indices_have_the_published_colours(place):
    (found,) = glitchnet.Coloured()(torch.full((1, 1, 1, 1), place / 255)).flatten(1)
    rgb = found * torch.tensor([0.1364, 0.1343, 0.1486]) + torch.tensor([0.2401, 0.0731, 0.3198])
    np.testing.assert_allclose(rgb, matplotlib.colormaps["viridis"](place)[:3], atol=1e-5)


def test_a_pixel_that_is_no_number_has_no_colour():
    """From which a map tells what part of a picture the network sees."""
    x = torch.tensor([0.5, torch.nan]).reshape(1, 1, 1, 2)
    assert glitchnet.Coloured()(x).isnan().all((0, 1)).tolist() == [[False, True]]


def test_views_decide_by_the_mean_of_their_probabilities(network):
    x, alone = pictures(6), models.build("glitchnet", (1, *SHAPE[1:]), CLASSES, 1).eval()
    alone.load_state_dict(network.state_dict())
    each, logits = network.each(x), network(x)
    torch.testing.assert_close(each, torch.stack([alone(one[:, None]) for one in x.unbind(1)], 1))
    torch.testing.assert_close(logits.softmax(-1), each.softmax(-1).mean(1))
    # They are as large as the views' own.
    torch.testing.assert_close(logits.logsumexp(-1) - each.logsumexp(-1).mean(1), torch.full((6,), np.log(4)))


def test_one_view_is_an_ordinary_network():
    model = models.build("glitchnet", (1, 32, 48), CLASSES, 1).eval()
    x = pictures(2, shape=(1, 32, 48))
    torch.testing.assert_close(model(x), model.each(x)[:, 0])


def test_the_number_of_views_is_no_part_of_the_weights():
    one, four = (models.build("glitchnet", (views, 32, 48), CLASSES, 1).state_dict() for views in (1, 4))
    assert all(torch.equal(one[name], four[name]) for name in four)


@pytest.mark.parametrize("shape", [(4, 15, 32), (4, 32, 15), (3, 512)])
def test_it_takes_pictures_alone(shape):
    with pytest.raises(GwsimError, match=r"glitchnet takes pictures .* at least 16 by 16, got shape"):
        models.build("glitchnet", shape, CLASSES, 1)


# ---- what the stages ask


def test_cells_of_all_views_lie_side_by_side(network):
    x, seen = pictures(2), []
    handle = network.together.register_forward_hook(lambda module, given, out: seen.append((given[0], out)))
    network(x)
    handle.remove()
    ((given, out),) = seen
    assert given.shape == (8, 64, 8, 12) and out.shape == (2, 256, 8, 12)
    for sample in range(2):
        for place in range(4):
            torch.testing.assert_close(out[sample, 64 * place : 64 * place + 64], given[4 * sample + place])


def test_a_map_sums_the_cells_of_all_views(network):
    """Grad-CAM's equation for views whose gradients are taken one view at a time."""
    x, target = pictures(3), torch.tensor([1, 4, 0])
    found = cams.grad_cam(network, x, target)
    cells = cams.activations(network, x).unflatten(1, (4, 64)).detach().requires_grad_()
    each = network.dense(cells.mean((-2, -1)))
    log_mean = each.softmax(-1).mean(1).log() + each.logsumexp(-1).mean(1, keepdim=True)
    (slope,) = torch.autograd.grad(log_mean.gather(1, target[:, None]).sum(), cells)
    maps = (slope.mean((-2, -1), keepdim=True) * cells).sum((1, 2)).relu()
    assert found.shape == (3, 8, 12)
    torch.testing.assert_close(found, maps.detach(), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("method", cams.METHODS)
def test_every_method_maps_all_views(network, method):
    found = cams.METHODS[method](
        network, pictures(2), torch.tensor([1, 2]), {"reduce": "mean", "score": "softmax"}
    )
    assert found.shape == (2, 8, 12) and found.isfinite().all() and (found > 0).any()


def test_cells_are_centred_where_they_look():
    """Four pixels apart; convolutions and the pooling are padded alike at both ends."""
    model = models.build("glitchnet", SHAPE, CLASSES, 1)
    assert receptive.centres(model.cam_path, 2) == [(4.0, 0.0), (4.0, 0.0)]


def test_layers_that_can_be_randomised_are_the_weighted_ones(network):
    blocks = [f"block{block}.conv{place}" for block in (1, 2) for place in (1, 2)]
    assert faithfulness.layers(network) == ["conv", *blocks, "dense"]


def test_other_programs_get_the_logits_of_all_views(network):
    assert onnx_export.farthest(onnx_export.onnx(network, SHAPE, {}), network, SHAPE) < 1e-5


def test_evaluation_has_the_logits_of_the_glitch_and_what_each_view_says(network):
    x, cpu = pictures(6), torch.device("cpu")
    logits = np.concatenate(list(evaluate.apply(network, [(None, x[:4]), (None, x[4:])], cpu)))
    assert logits.shape == (6, 4, CLASSES)
    np.testing.assert_allclose(evaluate.joined(network, logits), network(x).detach(), rtol=1e-5, atol=1e-5)
    found = evaluate.of_views(logits, (0.5, 1, 2, 4))
    assert list(found) == [f"predicted_{name}" for name in ("0.5s", "1s", "2s", "4s")]
    np.testing.assert_array_equal(found["predicted_2s"], network.each(x)[:, 2].argmax(-1))


@pytest.mark.parametrize("durations", [None, [0.5, 4]])
def test_predictions_have_what_each_view_is_taken_for(durations, network):
    """As the verb writes them: the glitch as usual, and a column for each view."""
    named = durations or [0.5, 1, 2, 4]
    shape, names = (len(named), *SHAPE[1:]), [f"predicted_{duration:g}s" for duration in named]
    model = models.build("glitchnet", shape, CLASSES, 1).eval()
    model.load_state_dict(network.state_dict())
    x, labels = pictures(9, shape=shape), np.arange(9) % CLASSES
    description = {"array": "scans", "classes": list("abcde"), "durations": durations, "shape": list(shape)}
    found = verb.ask("test", lambda rows: x[rows].numpy(), labels, (model, description, torch.device("cpu")))
    usual = evaluate.predictions(model(x).detach().numpy(), np.arange(9), labels, list("abcde"))
    pd.testing.assert_frame_equal(found[usual.columns], usual, rtol=1e-4)
    assert list(found.columns) == [*usual.columns, *names]
    np.testing.assert_array_equal(found[names], model.each(x).argmax(-1))


def test_accuracies_of_views_have_wilsons_errors():
    label = np.arange(40) % 4
    predicted = pd.DataFrame(
        {
            "label": label,
            "predicted": label,
            "predicted_0.5s": label,
            "predicted_4s": np.where(label, label, 1),
        }
    )
    found = evaluate.view_numbers("test", predicted)
    assert list(found) == ["accuracy_test_view_0.5s", "accuracy_test_view_4s", "accuracy_test_view"]
    for (name, one), hits in zip(found.items(), (40, 30, 35), strict=True):
        assert one["value"] == hits / 40 and one["n"] == 40, name
        interval = scipy.stats.binomtest(hits, 40).proportion_ci(0.6826894921370859, "wilson")
        assert one["error"] == pytest.approx((interval.high - interval.low) / 2)
    assert "their view of 0.5 s alone" in found["accuracy_test_view_0.5s"]["meaning"]
    assert evaluate.view_numbers("test", predicted[["label", "predicted"]]) == {}


# ---- learning


def test_the_loss_is_the_mean_of_all_views():
    model, x, labels = (
        models.build("glitchnet", SHAPE, CLASSES, 1),
        pictures(6),
        torch.tensor([0, 1, 2, 3, 4, 0]),
    )
    learner = train.Training.__new__(train.Training)
    learner.model, learner.device, learner.settings = model, torch.device("cpu"), {"precision": "float32"}
    learner._labels = lambda examples, rows: labels[rows]
    logits, loss = learner._forward(None, np.arange(6), x)
    each = model.each(x)
    expected = sum(F.cross_entropy(each[:, place], labels) for place in range(4)) / 4
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(logits, model.joined(each))
