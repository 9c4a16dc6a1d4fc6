"""The stage `explain`: which examples are taken, what is stored and counted of them, and the verb."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from captum.attr import LayerGradCam
from torch.nn import functional as F

from gwsim import cams, checkpoint, dataset, explain, models, selection
from gwsim.cli import explain as verb
from gwsim.errors import GwsimError

# ---- examples


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


def test_what_was_recognised_is_shown():
    np.testing.assert_array_equal(selection.recognised(CASES, 4), [7, 1, 3])


def test_the_atlas_has_the_first_of_each_class_for_any_network_and_what_it_recognises(monkeypatch):
    np.testing.assert_array_equal(explain.atlas(CASES, 4), [0, 7, 8, 1, 2, 5, 3, 4, 6])
    monkeypatch.setattr(explain, "FIRST", 1)
    np.testing.assert_array_equal(explain.atlas(CASES, 4), [0, 7, 1, 3])
    other = CASES.assign(predicted=[0, 0, 0, 2, 2, 1, 2, 0, 0])
    np.testing.assert_array_equal(explain.atlas(other, 4), [0, 1, 5, 3])


def test_the_loudest_misclassified_stand_beside_their_supposed_class():
    # Row 5 is the loudest, but no example of class 2 was recognised; noise is no signal.
    assert explain.misclassified(CASES, 0) == [] and explain.misclassified(CASES, 1) == [(4, 2)]
    assert explain.misclassified(CASES, 2) == [(4, 2), (3, 2)]
    assert explain.misclassified(CASES, 9) == [(4, 2), (3, 2), (6, 7)]


# ---- numbers and sets


class Fake:
    """A dataset in memory."""

    classes, ifos, sample_rate, shape, name = ["noise", "a", "b"], ["H1", "L1"], 4096, (2, 14, 12), "x/test"
    label = np.arange(30) % 3
    snr = np.where(label > 0, np.arange(30.0), np.nan)
    table = pd.DataFrame(
        {"label": label, "snr": snr, "distance_target_kpc": np.where(label > 0, 1.0, np.nan)}
    )
    table["event_time"] = np.where(label > 0, 0.25, np.nan)

    def __init__(self, *_):
        self.axes = {"frequency": np.arange(14) * 16.0, "frame": np.arange(12) / 32}
        self.values = np.random.default_rng(0).random((30, *self.shape), dtype=np.float32)

    def read(self, rows):
        return self.values[rows]


SETTINGS = {
    "dataset": "test",
    "select": {"distance_target_kpc": 1},
    "examples": 10,
    "methods": list(cams.METHODS),
    "target": "predicted",
    "score": "softmax",
    "reduce": "mean",
    "faithfulness": 4,
    "steps": 3,
    "atlas": "test",
    "misclassified": 2,
}

PREDICTED = (Fake.label + (np.arange(30) % 7 == 4)) % 3


def asked(progress=explain.plainly, **settings):
    """Explain Fake without the verb; return the model, the sets and the metrics."""
    model = models.build("ccsn_cnn", Fake.shape, 3, seed=1).eval()
    network = explain.Network(model, "0f", Fake.classes, {**SETTINGS, **settings}, torch.device("cpu"))
    predictions = pd.DataFrame({"row": np.arange(30), "label": Fake.label, "predicted": PREDICTED})
    data = {"test": (Fake(), predictions.assign(snr=Fake.snr))}
    return model, *explain.explained(network, data, progress)


ROWS = [line.split(" | ") for line in explain.__doc__.splitlines() if line.count("|") == 4][1:]


def documented(name, kind):
    """Return the documented fields of a set of experiments of a kind."""

    def has(meaning):
        where, only, _ = meaning.rpartition(" only")
        return not only or (f"`{name}`" in where and not (kind == "signals" and where.endswith("pictures")))

    return {row[0]: row for row in ROWS if has(row[4])}


def assert_documented(sets, kind):
    for name, one in sets.items():
        wanted = documented(name, kind)
        assert set(one.variables) == set(wanted)
        for field, dims, unit, dtype, _ in wanted.values():
            assert one[field].dims == tuple(dims.replace("*cells", "y, x").split(", "))
            assert one[field].dtype == dtype and one[field].attrs["units"] == unit


def test_sets_are_the_documented_ones():
    _, sets, _ = asked()
    assert list(sets) == ["table", "atlas", "misclassified"]
    assert_documented(sets, "signals")
    assert not {"pair", "role", "cluster"} & set(sets["table"].variables) and len(ROWS) == 10


def test_average_drop_and_increase_are_those_of_the_stored_maps():
    model, sets, metrics = asked()
    table, method = sets["table"], SETTINGS["methods"].index("score_cam")
    x, target = torch.from_numpy(Fake().read(table["row"].values)), table["target"].values
    masks = F.interpolate(
        torch.from_numpy(table["map"].values[method])[:, None], size=Fake.shape[1:], mode="bilinear"
    ).numpy()
    low, high = (of(masks, axis=(1, 2, 3), keepdims=True) for of in (np.min, np.max))
    masks = torch.from_numpy((masks - low) / np.where(high > low, high - low, 1))
    with torch.no_grad():
        before, after = (model(given).softmax(1).numpy()[np.arange(10), target] for given in (x, x * masks))
    np.testing.assert_allclose(table["probability"], before, rtol=1e-5)
    numbers, drop = metrics["numbers"], 100 * np.maximum(before - after, 0) / before
    assert drop.max() > 0 and np.abs(after / before - 1).min() > 1e-5
    assert numbers["average_drop_score_cam"]["value"] == pytest.approx(drop.mean(), rel=1e-3)
    assert numbers["average_increase_score_cam"]["value"] == pytest.approx(100 * (after > before).mean())


def test_batches_are_put_one_after_the_other(monkeypatch):
    _, whole, metrics = asked()
    monkeypatch.setattr(explain, "BATCH", 4)
    _, parts, others = asked()
    for name in whole:
        xr.testing.assert_allclose(whole[name], parts[name], rtol=1e-4, atol=1e-6)
    assert metrics["zero_maps"] == others["zero_maps"]
    for name in ("average_drop_grad_cam", "randomised_grad_cam"):
        assert others["numbers"][name]["value"] == pytest.approx(metrics["numbers"][name]["value"], rel=1e-3)
    assert others["numbers"]["average_drop_random"]["n"] == 10


def test_progress_sees_all_work_and_changes_nothing():
    seen = []

    def progress(items, name, total=None):
        for item in items:
            seen.append(name)
            yield item

    _, sets, metrics = asked()
    _, again, others = asked(progress)
    assert metrics == others and all(sets[name].identical(again[name]) for name in sets)
    counts = {name: seen.count(name) for name in dict.fromkeys(seen)}
    # Three sets of a batch each; 2 kinds x 3 fills x 4 masks; 4 layers.
    assert counts == {"explain x/test": 3, "insertion and deletion": 24, "randomised networks": 4}


def test_times_of_the_maxima_are_those_of_the_stored_maps():
    _, sets, metrics = asked()
    table, named = sets["table"], {k: v for k, v in metrics["numbers"].items() if k.startswith("cam_time_")}
    right = table["label"].values == table["target"].values
    for place, method in enumerate(SETTINGS["methods"]):
        for label, name in ((1, "a"), (2, "b")):
            maps = table["map"].values[place][right & (table["label"].values == label)]
            cells = [np.unravel_index(one.argmax(), one.shape)[1] for one in maps if np.ptp(one)]
            # Two unpadded 3x3 convolutions, a pooling by two between them: cell 0 sees frames 0 to 7.
            before = 0.25 - (3.5 + 2 * np.array(cells)) / 32
            found = named.pop(f"cam_time_{method}_{name}")
            assert (found["n"], found["constant"]) == (len(cells), len(maps) - len(cells))
            assert found["value"] == pytest.approx(np.median(before))
    # Noise has no event.
    assert not named


class Series(Fake):
    """A dataset of time series."""

    shape = (2, 256)

    def __init__(self):
        super().__init__()
        self.axes = {"time": np.arange(256) / 256}


class Small(torch.nn.Module):
    """A network over time series, whose cells see eight samples each."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.dense = (
            torch.nn.Conv1d(2, 4, 8, 8),
            torch.nn.ReLU(),
            torch.nn.Linear(128, 3),
        )
        self.cam_layer, self.cam_path = self.relu, [self.conv, self.relu]

    def forward(self, x):
        return self.dense(self.relu(self.conv(x)).flatten(1))


def test_a_network_over_time_series_is_explained():
    torch.manual_seed(1)
    network = explain.Network(Small().eval(), "0f", Fake.classes, SETTINGS, torch.device("cpu"))
    predictions = pd.DataFrame({"row": np.arange(30), "label": Fake.label, "predicted": Fake.label})
    data = {"test": (Series(), predictions.assign(snr=Fake.snr))}
    sets, metrics = explain.explained(network, data)
    table = sets["table"]
    assert table["map"].dims == ("method", "sample", "x") and table.sizes["x"] == 32
    assert (table.attrs["grid_stride"], table.attrs["grid_offset"]) == ([8.0], [3.5])
    maps = table["map"].values[0][table["label"].values == 1]
    cell = maps[np.ptp(maps, axis=1) > 0].argmax(axis=1)
    wanted = np.median(0.25 - (8 * cell + 3.5) / 256)
    assert metrics["numbers"]["cam_time_grad_cam_a"]["value"] == pytest.approx(wanted)
    assert metrics["numbers"]["insertion_score_cam_noise"]["n"] == 4


# ---- the verb


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
        predicted = PREDICTED if predicted is None else predicted
        table = pd.DataFrame({"row": np.arange(30), "label": Fake.label, "predicted": predicted})
        table.to_parquet(tmp_path / "test.parquet")
        (tmp_path / "settings.json").write_text(json.dumps({**SETTINGS, **settings}))
        (tmp_path / "test").mkdir(exist_ok=True)
        parser = argparse.ArgumentParser()
        verb.arguments(parser)
        words = "--model model.safetensors --data test/manifest.json --predictions metrics.json "
        words += "--settings settings.json --maps maps.zarr --metrics explain.json --device cpu --threads 2"
        monkeypatch.chdir(tmp_path)
        verb.run(parser.parse_args(words.split()))
        assert torch.get_num_threads() == 2
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
    np.testing.assert_array_equal(atlas["label"], np.repeat([0, 1, 2], 4))
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
    path, metrics, _ = explained(predicted=np.where(Fake.label == 2, 2, Fake.label), target="b")
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
