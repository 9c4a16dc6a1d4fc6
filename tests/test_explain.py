"""Class-activation maps: closed forms, captum, a plain loop, and where an impulse lands."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from captum.attr import LayerGradCam
from torch import nn
from torch.nn import functional as F

from gwsim import checkpoint, dataset, explain, models
from gwsim.cli import explain as verb
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
    mean, total = (explain.grad_cam(model, x, target, reduce=reduce) for reduce in ("mean", "sum"))
    torch.testing.assert_close(mean, plain / count, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(total, plain, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("space", SPACES)
def test_grad_cam_pp_of_a_mean_and_a_dense_layer(space):
    model, x, target = net(space, "mean"), inputs(space), targets()
    cells = model.cam_layer(x).detach()
    w, sums, count = model.dense.weight.detach()[target], cells.flatten(2).sum(-1), cells[0, 0].numel()
    weights = w.relu() / (2 + sums * w / count)
    expected = torch.einsum("sk,sk...->s...", weights, cells).relu()
    torch.testing.assert_close(explain.grad_cam_pp(model, x, target), expected, rtol=1e-12, atol=1e-14)


def test_grad_cam_pp_is_zero_where_its_denominator_is(monkeypatch):
    # 2 + (sum A) g is 2 - 2 = 0 in the first channel, 2 + 2 = 4 in both cells of the second.
    found = torch.tensor([[[-3.0, 1.0], [2.0, 0.0]]]), torch.ones(1, 1, 2, 2)
    monkeypatch.setattr(explain, "_gradients", lambda *_: found)
    maps = explain.grad_cam_pp(net((19,)), inputs((19,), 1), torch.tensor([0]))
    np.testing.assert_array_equal(maps, [[2 * (1 / 4 + 1 / 4), 0]])


@pytest.mark.parametrize("space", SPACES)
def test_grad_cam_agrees_with_captum(space):
    model, x, target = net(space), inputs(space), targets()
    other = LayerGradCam(model, model.cam_layer).attribute(x, target, relu_attributions=True)[:, 0]
    assert other.max() > 1e-4
    torch.testing.assert_close(explain.grad_cam(model, x, target), other.detach(), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("method", explain.METHODS)
@pytest.mark.parametrize("space", SPACES)
def test_operations_in_place_after_the_layer_change_nothing(method, space):
    x, target = inputs(space), targets()
    one, other = (explain.METHODS[method](net(space, "relu", inplace=i), x, target, OPTIONS) for i in (0, 1))
    assert one.max() > 0
    torch.testing.assert_close(one, other, rtol=0, atol=0)


# ---- Score-CAM


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("score", explain.SCORES)
@pytest.mark.parametrize("baseline", [True, False])
def test_score_cam_is_the_plain_loop(space, score, baseline):
    model, x = net(space), inputs(space)
    cells, expected = plain_weights(model, x, score, baseline)
    for chunk in (1, 3, 8, 64):
        found = explain.score_weights(model, x, score=score, chunk=chunk, baseline=baseline)
        torch.testing.assert_close(found[0], cells, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(found[1], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("space", SPACES)
def test_score_cam_of_a_linear_network(space):
    model, x = net(space, "linear"), inputs(space)
    cells, weights = explain.score_weights(model, x, score="logit")
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
    assert explain.score_cam(model, x, targets()).abs().max() == 0
    assert explain.score_weights(model, x, baseline=False)[1].min() > 0


@pytest.mark.parametrize("space", SPACES)
def test_a_dead_channel_has_no_weight(space):
    model, x = net(space), inputs(space)
    with torch.no_grad():
        model.cam_layer.weight[1] = 0.0
        model.cam_layer.bias[1] = 0.3
    _, weights = explain.score_weights(model, x)
    assert (weights[:, 1] == 0).all() and weights.isfinite().all() and (weights[:, 0] != 0).all()


@pytest.mark.parametrize("space", SPACES)
def test_scaled_scores_scale_the_maps(space):
    model, scaled, x, target = net(space), net(space), inputs(space), targets()
    with torch.no_grad():
        scaled.dense.weight.mul_(3.0)
        scaled.dense.bias.mul_(3.0).add_(5.0)
    for of in (explain.grad_cam, lambda *given: explain.score_cam(*given, score="logit")):
        torch.testing.assert_close(of(scaled, x, target), 3 * of(model, x, target), rtol=1e-8, atol=1e-12)


class Cutting(Net):
    """A network that cuts its input's last pixels off by itself, whatever is left or down to a fixed size."""

    fixed = False

    def forward(self, x):
        cut = x[..., :-2]
        return super().forward(cut.reshape(len(x), IFOS, 14, 11) if self.fixed else cut)


def test_masked_passes_leave_out_what_the_network_is_blind_to():
    whole, x = slice(None), inputs((15, 12))
    assert explain._seen(net((15, 12)), x) == (whole, whole, slice(14), whole)
    assert explain._seen(net((15, 13)), inputs((15, 13))) == (whole, whole, slice(14), slice(12))
    assert explain._seen(net((14, 12), "mean"), inputs((14, 12))) == (whole,) * 4


@pytest.mark.parametrize("fixed", [False, True])
def test_a_network_that_cannot_take_a_part_gets_the_whole(fixed):
    model, x = Cutting((14, 11)).double().eval(), inputs((14, 13))
    model.fixed = fixed
    assert explain._seen(model, x) == (slice(None),) * 4


# ---- all methods


@pytest.mark.parametrize("method", explain.METHODS)
@pytest.mark.parametrize("space", SPACES)
def test_maps_of_several_classes_and_of_other_batches_are_the_same(method, space):
    model, x, of = net(space), inputs(space), explain.METHODS[method]
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


@pytest.mark.parametrize("method", explain.METHODS)
def test_hooks_are_gone_whatever_happens(method):
    model, x = net((19,)), inputs((19,))
    explain.METHODS[method](model, x, targets(), OPTIONS)
    assert not model.cam_layer._forward_hooks
    broken = Broken((19,)).double().eval()
    with pytest.raises(KeyError, match="broken"):
        explain.METHODS[method](broken, x, targets(), OPTIONS)
    assert not broken.cam_layer._forward_hooks
    assert all(parameter.grad is None for parameter in model.parameters())


def test_what_cannot_be_explained_is_refused():
    model, x = net((19,)), inputs((19,))
    with pytest.raises(ValueError, match="training mode"):
        explain.grad_cam(net((19,)).train(), x, targets())
    with pytest.raises(ValueError, match="ran 0 times"):
        explain.score_cam(model, x, targets(), layer=nn.ReLU())
    with pytest.raises(GwsimError, match="score is 'probability', expected one of softmax, logit"):
        explain.score_cam(model, x, targets(), score="probability")
    with pytest.raises(GwsimError, match="reduce is 'median', expected one of mean, sum"):
        explain.grad_cam(model, x, targets(), reduce="median")


# ---- on the input


def centroid(values):
    return float((values * torch.arange(len(values))).nansum() / values.nansum())


def test_an_impulse_lands_where_it_is():
    layers = nn.Sequential(nn.Conv2d(1, 1, 3), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3)).double()
    for values in layers.parameters():
        values.data.fill_(float(values.ndim > 1))
    away = {align: [] for align in explain.ALIGNMENTS}
    for row, column in ((8, 24), (20, 9), (49, 17), (85, 20)):
        x = torch.zeros(1, 1, 94, 33, dtype=torch.float64)
        x[0, 0, row, column] = 1.0
        cells = layers(x)[:, 0].detach()
        for align in explain.ALIGNMENTS:
            found = explain.placed(cells, (94, 33), align, [(2.0, 3.5), (2.0, 3.5)])[0]
            away[align] += [centroid(found.nansum(1)) - row, centroid(found.nansum(0)) - column]
    assert np.abs(away["receptive_field"]).max() <= 1.0
    assert np.abs(away["resize"]).max() > 1.8


def test_cells_stand_at_their_centres():
    ramp = torch.arange(6.0)[None].expand(2, 6)
    found = explain.placed(ramp, (16,), "receptive_field", [(2.0, 3.5)])
    pixel = torch.arange(16.0)
    inside = (pixel >= 3.5) & (pixel <= 13.5)
    torch.testing.assert_close(found[0], torch.where(inside, (pixel - 3.5) / 2, torch.nan), equal_nan=True)
    plain = F.interpolate(ramp[:, None], size=16, mode="linear", align_corners=False)[:, 0]
    torch.testing.assert_close(explain.placed(ramp, (16,)), plain)
    with pytest.raises(GwsimError, match="align is 'centre', expected one of resize, receptive_field"):
        explain.placed(ramp, (16,), "centre")


def test_scaled_maps():
    maps = torch.tensor([[1.0, 3.0, 2.0], [4.0, 4.0, 4.0], [torch.nan, 2.0, 6.0]])
    expected = torch.tensor([[0.0, 1.0, 0.5], [0.0, 0.0, 0.0], [torch.nan, 0.0, 1.0]])
    torch.testing.assert_close(explain.normalised(maps), expected, equal_nan=True)


# ---- examples


def test_examples_are_balanced_and_first():
    labels = np.array([0, 0, 0, 1, 2, 1, 0, 2])
    np.testing.assert_array_equal(explain.balanced(labels, 6), [0, 1, 3, 4, 5, 7])
    np.testing.assert_array_equal(explain.balanced(labels, 100), np.arange(8))


def test_rows_are_selected_and_noise_has_no_distance():
    table = pd.DataFrame({"distance_target_kpc": [1.0, np.nan, 5.0, 1.0]})
    np.testing.assert_array_equal(explain.selected(table, {"distance_target_kpc": 1}), [0, 3])
    with pytest.raises(
        GwsimError, match=r"select names \['mass'\], expected columns among distance_target_kpc"
    ):
        explain.selected(table, {"mass": 1})
    with pytest.raises(GwsimError, match=r"no row has .*values are .*1\.0.*5\.0"):
        explain.selected(table, {"distance_target_kpc": 2})


CASES = pd.DataFrame(
    [  # label 0 is noise
        (0, 0, 1, np.nan),
        (1, 1, 1, 30.0),
        (2, 1, 1, 42.0),
        (3, 2, 1, 40.0),
        (4, 2, 1, 45.0),
        (5, 1, 2, 90.0),
        (6, 2, 0, 20.0),
        (7, 0, 0, np.nan),
        (8, 0, 0, np.nan),
    ],
    columns=["row", "label", "predicted", "snr"],
)


def test_the_atlas_has_what_was_recognised():
    np.testing.assert_array_equal(explain.atlas(CASES, 4), [7, 1, 3])


def test_the_loudest_misclassified_stand_beside_their_supposed_class():
    # Row 5 is the loudest, but no example of class 2 was recognised; noise is no signal.
    assert explain.misclassified(CASES, 2) == [(4, 2), (3, 2)]
    assert explain.misclassified(CASES, 9) == [(4, 2), (3, 2), (6, 7)]


# ---- the verb


class Fake:
    """A dataset in memory."""

    classes, ifos, sample_rate, shape, name = ["noise", "a", "b"], ["H1", "L1"], 4096, (2, 14, 12), "x/test"
    label = np.arange(30) % 3
    snr = np.where(label > 0, np.arange(30.0), np.nan)
    table = pd.DataFrame(
        {"label": label, "snr": snr, "distance_target_kpc": np.where(label > 0, 1.0, np.nan)}
    )

    def __init__(self, *_):
        self.values = np.random.default_rng(0).random((30, *self.shape), dtype=np.float32)

    def read(self, rows):
        return self.values[rows]


SETTINGS = {
    "dataset": "test",
    "select": {"distance_target_kpc": 1},
    "examples": 10,
    "methods": list(explain.METHODS),
    "target": "predicted",
    "score": "softmax",
    "reduce": "mean",
    "align": "receptive_field",
    "faithfulness": 4,
    "steps": 3,
    "atlas": "test",
    "misclassified": 2,
}


@pytest.fixture
def explained(tmp_path, monkeypatch):
    """Run the verb with some settings over and some predictions changed; return its store and numbers."""
    import argparse

    monkeypatch.setattr(dataset, "Examples", Fake)

    def run(predicted=None, **settings):
        model = models.build("ccsn_cnn", Fake.shape, 3, seed=1)
        shared = {name: getattr(Fake, name) for name in checkpoint.SHARED}
        more = {"model": "ccsn_cnn", "array": "spectrogram", "scale": "none", "network": "n"}
        checkpoint.write(tmp_path / "model.safetensors", model.state_dict(), {**shared, **more})
        predicted = (Fake.label + (np.arange(30) % 7 == 4)) % 3 if predicted is None else predicted
        table = pd.DataFrame({"row": np.arange(30), "label": Fake.label, "predicted": predicted})
        table.to_parquet(tmp_path / "test.parquet")
        (tmp_path / "settings.json").write_text(json.dumps({**SETTINGS, **settings}))
        (tmp_path / "test").mkdir(exist_ok=True)
        parser = argparse.ArgumentParser()
        verb.arguments(parser)
        words = "--model model.safetensors --data test/manifest.json --predictions metrics.json "
        words += "--settings settings.json --maps maps.zarr --metrics explain.json --device cpu"
        monkeypatch.chdir(tmp_path)
        verb.run(parser.parse_args(words.split()))
        assert sorted(p.name for p in tmp_path.glob("maps.zarr*")) == ["maps.zarr"]
        return tmp_path / "maps.zarr", json.loads((tmp_path / "explain.json").read_text()), model.eval()

    return run


def test_the_verb_writes_maps_and_numbers(explained):
    path, metrics, model = explained()
    table, atlas, wrong = (xr.open_zarr(path, group=g).load() for g in ("table", "atlas", "misclassified"))
    assert table["map"].dims == ("method", "sample", "y", "x") and table["map"].dtype == np.float32
    assert table.attrs["grid_stride"] == [2.0, 2.0] and table.attrs["grid_offset"] == [3.5, 3.5]
    assert table["method"].attrs["flag_meanings"] == "grad_cam grad_cam_pp score_cam"
    np.testing.assert_array_equal(table["row"], [row for row in range(30) if row % 3][:10])
    x = torch.from_numpy(Fake().read(table["row"].values))
    expected = LayerGradCam(model, model.conv2).attribute(
        x, torch.from_numpy(table["predicted"].values), relu_attributions=True
    )
    np.testing.assert_allclose(table["map"][0], expected[:, 0].detach(), rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(atlas["label"], [0, 1, 2])
    np.testing.assert_array_equal(wrong["role"], [0, 1, 0, 1])
    assert (wrong["label"] != wrong["predicted"])[::2].all() and (wrong["target"] == wrong["predicted"]).all()
    for method in (*SETTINGS["methods"], "random"):
        for name in ("average_drop", "average_increase"):
            assert metrics["numbers"][f"{name}_{method}"]["n"] == 10
        for fill in ("zero", "mean_noise", "noise"):
            assert metrics["numbers"][f"insertion_{method}_{fill}"]["n"] == 4
            assert len(metrics["curves"]["deletion"][fill][method]["mean"]) == 4
    assert metrics["randomisation"]["layers"] == ["dense2", "dense1", "conv2", "conv1"]
    assert -1 <= metrics["numbers"]["randomised_grad_cam"]["value"] <= 1
    assert metrics["atlas"] == {"noise": "correct", "a": "correct", "b": "correct"}


def test_the_verb_with_nothing_misclassified(explained, capsys):
    path, metrics, _ = explained(
        predicted=np.where(Fake.label == 2, 2, Fake.label), target="b", align="resize"
    )
    assert metrics["misclassified"] == {"wanted": 2, "found": 0}
    assert xr.open_zarr(path, group="misclassified")["map"].shape == (3, 0, 4, 3)
    assert (xr.open_zarr(path, group="table")["target"] == 2).all()
    path, metrics, _ = explained(predicted=np.zeros(30, int))
    assert metrics["atlas"]["a"] == "wrong" and "class a has no correctly" in capsys.readouterr().err


def test_the_verb_refuses_what_does_not_fit(explained):
    with pytest.raises(GwsimError, match="target is 'c', expected predicted, label or one of noise, a, b"):
        explained(target="c")
    with pytest.raises(GwsimError, match="uses the dataset 'gallery'; --data has only test"):
        explained(atlas="gallery")
