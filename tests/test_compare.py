"""Networks beside one another: the same examples, each network's own numbers, nothing mixed up."""

import argparse
import json

import numpy as np
import pandas as pd
import pytest
import test_figures
import test_quality

from gwsim import cam_times
from gwsim.cli import compare as verb
from gwsim.errors import GwsimError
from gwsim.figures import compare, listing, saliency, style, traces
from gwsim.figures.explanation import Explained

CLASSES, IFOS = ["noise", "a", "b"], ["H1", "L1", "V1"]
TIME = np.arange(512) / 128
PLANE = {"frequency": np.arange(6) * 16.0, "frame": np.arange(33) / 8}
SETTINGS = {"atlas": "gallery", "tested": "test", "dataset": "test", "align": "resize", "shown": [8]}


def example(label, row, shape, predicted=None, scale=1.0):
    """What a network makes of an example; its map tells its row."""
    snr, event = (np.nan, np.nan) if label == 0 else (15.0, 3.95)
    table = {"label": label, "snr": snr, "distance_kpc": 1e5, "event_time": event}
    found = scale * test_figures.draws(*shape[1:], name=f"compare{row}{shape}")
    predicted = label if predicted is None else predicted
    values = np.zeros(shape, np.float32)
    return Explained(pd.Series(table, name=row), values, {"grad_cam": found}, predicted, predicted, 0.9)


def groups(*shares):
    return {
        f"{value}": {"balanced_accuracy": share, "balanced_accuracy_error": 0.01}
        for value, share in enumerate(shares, start=8)
    }


def network(name="one-1", rows=(4, 5, 6), plane=False, shares=(0.5, 0.95), wrong=None, median=0.5):
    shape = (3, 6, 33) if plane else (3, 512)
    atlas = [
        example(label, row, shape, wrong if label == 2 else None, 1 + label) for label, row in enumerate(rows)
    ]
    evaluated = {"datasets": {"test": {"groups": groups(*shares)}}, "background": {"by": "snr_target"}}
    frame = pd.DataFrame({"method": "grad_cam", "label": 1, "before": np.full(9, median)})
    numbers = cam_times.numbers(frame, CLASSES) | {"average_drop_grad_cam": {"value": 1.0}}
    description = {"classes": CLASSES, "ifos": IFOS}
    return compare.Network(name, description, evaluated, numbers, PLANE if plane else {"time": TIME}, atlas)


class Strain:
    """The strain of examples, whose samples tell their row."""

    axes = property(lambda self: {"time": TIME})

    def raw(self, rows):
        return np.stack([np.full((3, 512), row, np.float32) for row in rows])


def drawn_maps(*networks):
    with style.look():
        return compare._maps(list(networks), Strain(), SETTINGS)


def series(axis):
    return [line.get_ydata() for line in axis.get_lines() if line.get_linestyle() == "-"]


def panels(figure):
    """The axes of a figure row by row, without colour bars, which stand in the last column."""
    rows = {}
    for axis in figure.axes:
        place = axis.get_subplotspec()
        if place.colspan.stop < place.get_gridspec().ncols:
            rows.setdefault(place.rowspan.start, []).append(axis)
    return [rows[row] for row in sorted(rows)]


# ---- maps


def test_every_network_explains_the_example_that_stands_above():
    one, two = network(), network("two-1", plane=True, wrong=1)
    found = drawn_maps(one, two)
    above, first, second = panels(found.figure)
    assert [axis.get_title() for axis in above] == ["noise", "a, SNR 15.0", "b, SNR 15.0"]
    apart = traces.step([np.full((3, 512), 6.0)])
    for axis, row in zip(above, (4, 5, 6), strict=True):
        np.testing.assert_allclose(series(axis), row - apart * np.arange(3)[:, None] + np.zeros(512))
    for axis, entry in zip(first, one.atlas, strict=True):
        np.testing.assert_array_equal(series(axis)[0], entry.map)
        assert axis.get_ylim()[1] == 1.08 * saliency.greatest([each.map for each in one.atlas])
    for axis, entry in zip(second, two.atlas, strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), entry.map)
        assert axis.images[0].get_clim() == (0, saliency.greatest([each.map for each in two.atlas]))
    assert [[text.get_text() for text in axis.texts] for axis in second] == [[""], [""], ["→ a"]]
    assert {axis.get_xlim() for row in (above, first, second) for axis in row} == {(0.0, 4.0)}
    for row in (above, first, second):
        assert [test_figures.dashed(axis) for axis in row] == [[], [3.95], [3.95]]
    assert first[0].get_ylabel() == "one\nGrad-CAM" and second[0].get_ylabel() == "two\nfrequency (Hz)"
    assert "rows 4, 5, 6" in found.caption and "Not shown" not in found.caption


def test_examples_that_differ_between_networks_are_left_out_and_named():
    found = drawn_maps(network(), network("two-1", rows=(4, 7, 6)))
    assert [axis.get_title() for axis in panels(found.figure)[0]] == ["noise", "b, SNR 15.0"]
    assert found.caption.endswith("no example is explained by all networks: a.")
    none = drawn_maps(network(), network("two-1", rows=(1, 2, 3)))
    assert "the networks explain no example of gallery in common" in none.caption


def test_of_several_examples_the_one_that_most_networks_recognise_is_shown():
    one, two = network(), network("two-1", wrong=1)
    for each in (one, two):
        each.atlas.append(example(2, 8, (3, 512), 2))
        each.atlas.append(example(1, 9, (3, 512), 1))
    found = compare.shared([one, two])
    assert {label: each[0].row.name for label, each in found.items()} == {0: 4, 1: 5, 2: 8}
    assert all(a.row.name == b.row.name for a, b in found.values())


def test_of_several_seeds_the_first_is_shown():
    found = drawn_maps(network(), network("one-2", rows=(1, 2, 3)), network("two-5"))
    assert len(panels(found.figure)) == 3
    assert "one-1 " in found.caption and "two-5 " in found.caption and "one-2" not in found.caption


def test_many_classes_stand_in_blocks():
    columns = [compare.Column(str(k), np.ones((3, 512)), [example(1, k, (3, 512))]) for k in range(6)]
    figure = compare.maps(columns, [network()], TIME, [2.0], "Grad-CAM")
    found = panels(figure)
    assert [len(row) for row in found] == [4, 4, 2, 2]
    assert [axis.get_title() for axis in found[2]] == ["4", "5"]


# ---- accuracies and times


def test_accuracies_of_all_networks_stand_in_one_panel():
    with style.look():
        found = compare._accuracy(
            [network(), network("one-2", shares=(0.6, 0.8)), network("two-1")], SETTINGS
        )
    (axis,) = found.figure.axes
    looks = {text: (line[0].get_color(), line[0].get_linestyle()) for text, line in legend(axis)}
    assert list(looks) == ["one-1", "one-2", "two-1"]
    assert looks["one-1"][0] == looks["one-2"][0] != looks["two-1"][0]
    assert looks["one-1"][1] != looks["one-2"][1]
    np.testing.assert_array_equal(axis.containers[1][0].get_ydata(), [0.6, 0.8])
    assert "one-1: at least 90 % from SNR 9 on" in found.caption
    assert "one-2: below 90 % even at SNR 9" in found.caption


def legend(axis):
    return [(one.get_label(), one) for one in axis.containers]


def test_without_groups_there_is_no_accuracy():
    assert "no dataset has groups" in compare._accuracy([network()], {**SETTINGS, "tested": None}).caption


def test_the_table_has_each_networks_own_median_and_a_dash_where_there_is_none():
    found = compare.times([network(), network("two-1", median=0.25)])
    assert found["heads"] == ["network", "method", "a", "b"]
    assert found["rows"] == [
        ["one-1", "Grad-CAM", "0.500 s (0.500 to 0.500), n = 9", "–"],
        ["two-1", "Grad-CAM", "0.250 s (0.250 to 0.250), n = 9", "–"],
    ]


# ---- the verb

made, products = test_quality.made, test_figures.products


@pytest.fixture
def networks(products, tmp_path):
    """Two networks that were evaluated and explained: of spectrograms, and of strain at 512 Hz."""
    flat, long = (tmp_path / "networks" / name for name in ("flat-1", "long-1"))
    flat.mkdir(parents=True)
    for name in ("evaluate", "explain", "model.safetensors"):
        (flat / name).symlink_to(products / name)
    test_figures.of_strain(products, long)
    return [folder / "model.safetensors" for folder in (flat, long)]


def run(models, products, output, data=("far", "gallery")):
    parser = argparse.ArgumentParser()
    verb.arguments(parser)
    words = ["--settings", products / "figures.json", "--models", *models, "--list", output]
    words += ["--data", *(products / name / "manifest.json" for name in data)]
    verb.run(parser.parse_args([str(word) for word in words]))
    return json.loads(output.read_text())


def test_the_verb_draws_networks_of_both_kinds(networks, products, tmp_path):
    content = run(networks, products, tmp_path / "compare" / "figures.json")
    assert [entry["name"] for entry in content["figures"]] == list(listing.COMPARISONS["signals"])
    assert not any("Nothing is drawn" in entry["caption"] for entry in content["figures"])
    assert {entry["section"] for entry in content["figures"]} == {listing.COMPARISON}
    assert "flat-1 " in content["figures"][1]["caption"] and "long-1 " in content["figures"][1]["caption"]
    names = {f"{name}.{kind}" for name in listing.COMPARISONS["signals"] for kind in ("png", "pdf")}
    assert {path.name for path in (tmp_path / "compare").iterdir()} == names | {"figures.json"}
    (table,) = content["tables"]
    assert set(table) == {"caption", "heads", "rows"}


def test_the_verb_names_the_dataset_that_is_lacking(networks, products, tmp_path):
    with pytest.raises(GwsimError, match="compare needs the dataset gallery, given are far"):
        run(networks, products, tmp_path / "figures.json", data=["far"])
