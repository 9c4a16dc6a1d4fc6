"""Pictures are explained and shown: sets of maps, numbers and figures of an experiment without noise."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from test_explain import SETTINGS, assert_documented

from gwsim import cams, explain, models, quadrants, seeds
from gwsim.cli import explain as verb
from gwsim.dataset import Examples
from gwsim.figures import atlas, explained, listing, style

CLASSES = ["Blip", "Chirp", "No_Glitch"]
COUNT = 36


class Views(Examples):
    """Merged views in memory: a bright column in each quarter, a bright row, or neither."""

    name, ifos, shape, classes = "x/test", ["H1"], (1, 32, 32), CLASSES
    view = SimpleNamespace(array="merged")

    def __init__(self):
        self.axes = {"row": np.arange(32), "column": np.arange(32)}
        label = np.arange(COUNT) % 3
        self.table = pd.DataFrame({"label": label, "snr": 10.0 + np.arange(COUNT)})
        self.values = 0.2 * seeds.generator("test", "views").random((COUNT, *self.shape), dtype=np.float32)
        self.values[label == 0, :, :, 4::16] = 0.9
        self.values[label == 1, :, 10::16] = 0.9

    def read(self, rows):
        return self.values[rows]


@pytest.fixture(scope="module")
def found():
    """Explain the views by a small network; return it, its predictions, the sets and the metrics."""
    examples, settings = Views(), {**SETTINGS, "select": {}, "examples": 30, "misclassified": explain.ALL}
    settings["methods"] = ["grad_cam", "score_cam"]
    model = models.build("merged_view_cnn", Views.shape, 3, seed=1).eval()
    with torch.no_grad():
        # Fresh weights take everything for one class: scores spread around their mean.
        logits = model(torch.from_numpy(examples.values))
        logits = (5 * (logits - logits.mean(0)) / logits.std(0)).numpy()
    # What is thought of it is given, so that each class has a mistake and a right answer.
    logits[np.arange(COUNT), examples.table["label"]] += np.where(np.arange(COUNT) % 7 == 3, -50, 50)
    predicted = pd.DataFrame({"row": np.arange(COUNT), "label": examples.table["label"]})
    predicted["predicted"] = logits.argmax(1)
    for place, name in enumerate(CLASSES):
        predicted[f"logit_{name}"] = logits[:, place]
    predicted["snr"] = examples.table["snr"]
    network = explain.Network(model, "0f", CLASSES, settings, torch.device("cpu"))
    return network, predicted, *explain.explained(network, {"test": (examples, predicted)})


def test_sets_of_pictures_are_the_documented_ones(found):
    _, _, sets, metrics = found
    assert list(sets) == ["table", "atlas", "second", "misclassified"]
    assert_documented(sets, "pictures")
    assert all(one.attrs["dataset"] == "test" for one in sets.values())
    assert not [name for name in metrics["numbers"] if name.startswith("cam_time")]
    assert {name.rpartition("_")[2] for name in metrics["numbers"] if name.startswith("insertion")} == {
        "zero",
        "noise",
    }


def test_every_misclassified_picture_has_the_maps_of_both_classes(found):
    network, predicted, sets, metrics = found
    wrong = predicted[predicted["predicted"] != predicted["label"]].sort_values("snr", ascending=False)
    one = sets["misclassified"]
    np.testing.assert_array_equal(one["row"], np.repeat(wrong["row"], 2))
    np.testing.assert_array_equal(one["target"][::2], wrong["predicted"])
    np.testing.assert_array_equal(one["target"][1::2], wrong["label"])
    np.testing.assert_array_equal(one["pair"], np.repeat(np.arange(len(wrong)), 2))
    assert metrics["misclassified"] == {"wanted": "all", "found": len(wrong)} and len(wrong) == 5
    x = torch.from_numpy(Views().read(one["row"].values))
    expected = cams.score_cam(network.model, x, torch.from_numpy(one["target"].values))
    np.testing.assert_allclose(one["map"][1], expected, rtol=1e-4, atol=1e-7)
    probability = network.model(x).softmax(1).detach().numpy()[np.arange(len(x)), one["target"].values]
    np.testing.assert_allclose(one["probability"], probability, rtol=1e-5)


def test_the_best_two_classes_are_explained_of_what_is_right(found):
    _, predicted, sets, _ = found
    one, logits = sets["second"], predicted[[f"logit_{name}" for name in CLASSES]].to_numpy()
    rows = one["row"].values[::2]
    assert (predicted["predicted"][rows] == predicted["label"][rows]).all()
    np.testing.assert_array_equal(one["label"][::2], [0, 1, 2])
    ranks = (-logits[rows]).argsort(axis=1)
    np.testing.assert_array_equal(one["target"].values.reshape(-1, 2), ranks[:, :2])
    np.testing.assert_array_equal(one["role"], [0, 1] * 3)


def test_a_number_of_mistakes_are_explained_the_loudest_first():
    predictions = pd.DataFrame({"row": [0, 1, 2, 3], "label": 0, "predicted": [1, 0, 1, 2]})
    predictions["snr"] = [np.nan, 90.0, 5.0, 8.0]
    np.testing.assert_array_equal(explain.errors(predictions, explain.ALL), [3, 2, 0])
    np.testing.assert_array_equal(explain.errors(predictions, 1), [3])


def test_shares_and_shapes_are_of_what_is_right(found):
    _, _, sets, metrics = found
    table, numbers = sets["table"], metrics["numbers"]
    right = (table["label"] == table["predicted"]).values
    assert 0 < (~right).sum() < len(right)
    for label, name in enumerate(CLASSES):
        its = right & (table["label"] == label).values
        shares = quadrants.weights(table["map"].values[-1][its])
        for place, duration in enumerate(("0.5", "1", "2", "4")):
            one = numbers[f"map_weight_{name}_{duration}s"]
            assert one["n"] == np.isfinite(shares[:, 0]).sum()
            if one["n"]:
                assert one["value"] == pytest.approx(np.nanmean(shares[:, place]))
        # A constant map has no shape.
        places = table["cluster"].values[its]
        np.testing.assert_array_equal(places[np.isnan(shares[:, 0])], -1)
        if shape := numbers.get(f"shapes_{name}"):
            assert sum(shape["sizes"]) == shape["n"] == (places >= 0).sum()
            np.testing.assert_array_equal(np.bincount(places[places >= 0]), shape["sizes"])
    assert (table["cluster"].values[~right] == -1).all()


def test_views_that_are_not_merged_have_no_shares(found, monkeypatch):
    network, predicted, _, _ = found
    monkeypatch.setattr(Views, "view", SimpleNamespace(array="scans"))
    few = dataclasses.replace(network, settings={**network.settings, "examples": 6, "misclassified": 1})
    sets, metrics = explain.explained(few, {"test": (Views(), predicted)})
    assert not [name for name in metrics["numbers"] if name.startswith("map_weight")]
    assert sets["misclassified"].sizes["sample"] == 2


def test_without_a_class_of_noise_the_mean_of_all_stands_for_it(found):
    network, x = found[0], torch.zeros(1, *Views.shape)
    views = Views()
    quiet = views.values[views.table["label"] == 2]
    fills = explain.stand_ins(network, views, x)
    np.testing.assert_allclose(fills["mean_noise"], quiet.mean(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(fills["noise"], quiet[0])
    other = dataclasses.replace(network, classes=["Blip", "Chirp", "Helix"])
    fills = explain.stand_ins(other, views, x)
    assert list(fills) == ["zero", "mean"]
    np.testing.assert_allclose(fills["mean"], views.values.mean(axis=0), rtol=1e-5)


# ---- figures

SETUP = {"dataset": "test", "atlas": "test", "align": "resize", "classes": CLASSES, "ifos": ["H1"]}


@pytest.fixture(scope="module")
def drawn(found, tmp_path_factory):
    """Draw the figures of what was explained; return them by name."""
    folder = tmp_path_factory.mktemp("explain")
    _, _, sets, metrics = found
    # Two made-up shapes of a class, so that there are clusters to draw.
    table = sets["table"].copy(deep=True)
    its = np.flatnonzero((table["label"] == 1) & (table["label"] == table["predicted"]))
    table["map"][-1, its] = 0.0
    table["map"][-1, its[:6], :, 0] = 1.0
    table["map"][-1, its[6:], 1, :] = 1.0
    cluster = np.full(len(table["label"]), -1)
    cluster[its] = np.arange(len(its)) >= 6
    table = table.assign_coords(cluster=("sample", cluster))
    verb.write(folder / "maps.zarr", {**sets, "table": table})
    path = folder / "metrics.json"
    path.write_text(json.dumps(metrics))
    with style.look():
        figures = explained.drawn(path, {"test": Views()}, metrics, SETUP)
    return {one.name: one for one in figures}


def test_the_figures_are_the_listed_ones_in_their_order(drawn):
    listed = [one for one, section in listing.figures("pictures").items() if section == listing.EXPLANATION]
    assert list(drawn) == listed
    assert not [name for name, one in drawn.items() if "Nothing is drawn" in one.caption]


def images(figure):
    """Return the pictures and maps of a figure's panels."""
    return [[image.get_array() for image in axis.get_images()] for axis in figure.axes if axis.get_images()]


def test_the_atlas_has_input_map_and_both_of_each_class(drawn, found):
    panels, store = images(drawn["atlas"].figure), found[2]["atlas"]
    assert [len(one) for one in panels] == [1, 1, 2] * 3
    rows = store["row"].values[explained.shown(store, CLASSES)]
    for place, row in enumerate(rows):
        np.testing.assert_array_equal(panels[3 * place][0], Views().values[row, 0])
        assert panels[3 * place + 1][0].max() in (0, pytest.approx(1))
        np.testing.assert_array_equal(panels[3 * place + 1][0], panels[3 * place + 2][1])
    titles = [axis.get_title() for axis in drawn["atlas"].figure.axes]
    assert titles[:9:3] == CLASSES
    corners = [text.get_text() for text in drawn["atlas"].figure.axes[0].texts]
    assert corners == ["0.5 s", "1 s", "2 s", "4 s"]


def test_two_classes_are_shown_of_a_chirp_first(drawn, found):
    assert len(images(drawn["second"].figure)) == 5 * atlas.SECOND
    assert drawn["second"].figure.axes[0].get_title() == "Chirp"
    target = found[2]["second"]["target"].values[3]
    assert drawn["second"].figure.axes[3].get_title().startswith(f"for {CLASSES[target]}\nmaximum")
    assert len(images(drawn["misclassified"].figure)) == 5 * 5
    assert "5 of 5 misclassified examples" in drawn["misclassified"].caption


def test_clusters_show_the_mean_map_and_an_input_near_it(drawn):
    panels = images(drawn["clusters"].figure)
    assert len(panels) == 4
    assert "Maps of each cluster: Chirp 6 and" in drawn["clusters"].caption
    assert panels[1][0][:, 0].min() == panels[3][0][31].min() == 1 and panels[1][0][:, 31].max() == 0


def test_shares_are_written_into_their_cells(drawn, found):
    numbers, axis = found[3]["numbers"], drawn["quadrants"].figure.axes[0]
    # A class whose maps are all zero has no row.
    rows = [text.get_text() for text in axis.get_yticklabels()]
    assert rows == [name for name in CLASSES if numbers[f"map_weight_{name}_2s"]["n"]]
    one, place = numbers[f"map_weight_{rows[-1]}_2s"], len(rows) - 1
    (text,) = [each.get_text() for each in axis.texts if each.get_position() == (2, place)]
    assert text == f"{one['value']:.2f} ± {one['error']:.2f}"


def test_where_nothing_was_found_figures_say_so():
    setup = {**SETUP, "merged": True, "origin": "upper", "method": "Score-CAM"}
    empty = [atlas.comparison(None, setup), atlas.atlas([], setup), atlas.second([], setup)]
    empty += [atlas.misclassified([], setup), atlas.clusters([], setup), atlas.quadrants({}, setup)]
    assert all("Nothing is drawn" in one.caption for one in empty)


def test_a_map_that_is_zero_everywhere_is_called_so(drawn):
    """An empty panel would look like a fault."""
    one = atlas.Explained(
        pd.Series({"snr": 10.0, "label": 1}, name=3),
        np.full((1, 32, 32), 0.5, np.float32),
        {"grad_cam": np.zeros((32, 32)), "score_cam": np.ones((32, 32))},
        predicted=1,
        target=1,
        probability=0.9,
    )
    setup = {**SETUP, "merged": True, "origin": "upper", "tiles": (1, 1)}
    titles = [axis.get_title() for axis in atlas.comparison(one, setup).figure.axes]
    assert titles[:3] == ["input", "Grad-CAM: zero everywhere", "Score-CAM"]
