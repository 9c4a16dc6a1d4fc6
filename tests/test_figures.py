"""A network's figures: what stands at their axes is what was passed in, and captions say the numbers."""

import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest
import test_quality
import xarray as xr
from matplotlib.colors import to_hex

from gwsim import background, checkpoint, evaluate, models, seeds
from gwsim.cli import figures as verb
from gwsim.dataset import Examples
from gwsim.errors import GwsimError
from gwsim.figures import cam_times as when
from gwsim.figures import (
    classification,
    detection,
    drawn,
    explained,
    explanation,
    faithfulness,
    features,
    listing,
    network,
    saliency,
    samples,
    style,
    traces,
    training,
)

CLASSES = ["noise", "s18", "s25"]
IFOS = ["H1", "L1", "V1"]
BY = "distance_target_kpc"
AXES = {"frequency": np.arange(6) * 16.0, "frame": np.arange(5) / 32}
SETTINGS = {
    "classes": CLASSES,
    "ifos": IFOS,
    "noise": 0,
    "dataset": "test",
    "atlas": "gallery",
    "by": BY,
    "shown": [1, 10],
    "roc": ["test"],
    "align": "resize",
    "axes": AXES,
    "rate": 4096,
}


def draws(*shape, name="figures"):
    return seeds.generator("test", "figures", name).random(shape)


def text_of(figure):
    """Every text of a figure's axes."""
    return [text.get_text() for axis in figure.axes for text in axis.texts]


# ---- names and files


def test_every_figure_has_a_caption_a_title_and_a_section():
    assert set(listing.TITLES) == set(listing.FIGURES)
    names = {*listing.FIGURES, *(name for each in listing.COMPARISONS.values() for name in each)}
    assert {path.stem for path in listing.CAPTIONS.glob("*.rst")} == set(names)
    for name in names:
        assert listing.title(name) and listing.section(name)
        text = listing.static(name)
        assert text.endswith(".")
        assert not re.search(r"[`*|]|::|_\b", text), "markup"
    # The sections are not taken up again once they are left.
    assert [name for name, section in listing.FIGURES.items()] == sorted(
        listing.FIGURES, key=lambda name: listing.SECTIONS.index(listing.FIGURES[name])
    )


SIGNALS = listing.figures("signals")


def test_each_kind_of_experiments_has_its_own_figures():
    assert (listing.kind(["noise", "BBH"]), listing.kind(["Blip", "No_Glitch"])) == listing.KINDS
    pictures = listing.figures("pictures")
    assert set(SIGNALS) | set(pictures) == set(listing.FIGURES) and set(listing.ONLY) < set(listing.FIGURES)
    assert {"loss", "confusion", "faithfulness"} <= set(SIGNALS) & set(pictures)
    assert "waveforms" not in pictures and "atlas" not in SIGNALS
    for found in (SIGNALS, pictures):
        assert list(found.items()) == [one for one in listing.FIGURES.items() if one[0] in found]


def all_drawn():
    return [drawn.words(name, f"no {name}") for name in SIGNALS]


def test_figures_are_written_as_png_and_pdf_and_listed_last(tmp_path):
    drawn.write(all_drawn(), tmp_path / "figures.json", SIGNALS, about={"seed": 3})
    content = json.loads((tmp_path / "figures.json").read_text())
    assert content["about"] == {"seed": 3}
    assert [entry["name"] for entry in content["figures"]] == list(SIGNALS)
    assert content["figures"][0]["caption"].startswith(listing.static("waveforms"))
    assert content["figures"][0]["section"] == listing.SIGNALS
    for name in SIGNALS:
        assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
        assert (tmp_path / f"{name}.pdf").read_bytes()[:5] == b"%PDF-"


@pytest.mark.parametrize("spoil", [lambda figures: figures[1:], lambda figures: figures[::-1]])
def test_a_figure_that_is_missing_or_out_of_order_is_refused(tmp_path, spoil):
    with pytest.raises(GwsimError, match=r"drawn are .*, expected waveforms, spectrograms"):
        drawn.write(spoil(all_drawn()), tmp_path / "figures.json", SIGNALS)
    assert not (tmp_path / "figures.json").exists()


def test_the_same_figure_gives_the_same_bytes_without_a_date():
    with style.look():
        pairs = [(style.png(f, style.FINE_DPI), style.pdf(f)) for f in (_tpr_figure(), _tpr_figure())]
    assert pairs[0] == pairs[1]
    assert not re.search(rb"CreationDate|Producer|Creator", pairs[0][1])
    width = int.from_bytes(pairs[0][0][16:20])
    assert width == round(style.WIDTH * style.FINE_DPI)


def test_where_there_is_nothing_the_figure_says_so():
    empty = drawn.words("tsne", "nothing was computed")
    assert [text.get_text() for text in empty.figure.texts] == ["Nothing to draw: nothing was computed."]
    assert empty.caption == f"{listing.static('tsne')} Nothing is drawn: nothing was computed."


# ---- training


def history():
    epochs = np.arange(1, 7)
    return pd.DataFrame(
        {
            "epoch": epochs,
            "phase": [0, 0, 0, 1, 1, 1],
            "examples": 500,
            "train_loss": 1 / epochs,
            "train_accuracy": 1 - 0.1 / epochs,
            "validation_loss": 2 / epochs,
            "validation_accuracy": 1 - 0.2 / epochs,
            "seconds": 2.0,
        }
    )


PHASES = [{"epochs": 3, "snr": [40, 50]}, {"epochs": 3, "snr": [20, 30]}]


def test_losses_and_borders_of_the_curriculum_are_drawn():
    (one,) = training.drawn(history(), {"phases": PHASES, "curriculum": "replace"})
    loss, accuracy = one.figure.axes
    lines = {line.get_label(): line for line in loss.get_lines()}
    np.testing.assert_array_equal(lines["train"].get_ydata(), history()["train_loss"])
    np.testing.assert_array_equal(lines["validation"].get_ydata(), history()["validation_loss"])
    np.testing.assert_array_equal(accuracy.get_lines()[1].get_ydata(), history()["validation_accuracy"])
    dotted = [line.get_xdata()[0] for line in loss.get_lines() if line.get_linestyle() == ":"]
    assert dotted == [3.5]
    assert text_of(one.figure) == ["SNR 40 to 50", "SNR 20 to 30"]
    for words in ("6 epochs", "3 epochs of 500 examples", "accuracy 0.9667", "only its own SNRs"):
        assert words in one.caption


def test_a_cumulative_curriculum_and_a_phase_of_all_examples_say_so():
    (one,) = training.drawn(history(), {"phases": [{"epochs": 3}, PHASES[1]], "curriculum": "cumulative"})
    assert "the SNRs of the phases before it as well" in one.caption
    assert text_of(one.figure)[0] == "all examples"


# ---- predictions


def predictions(count=60):
    """Made-up predictions at 1 and 10 kpc, and 20 of noise: the nearer, the better."""
    label = np.concatenate([np.arange(2 * count) % 2 + 1, np.zeros(20, int)])
    distance = np.concatenate([np.repeat([1.0, 10.0], count), np.full(20, np.nan)])
    table = pd.DataFrame(
        {"label": label.astype(np.int32), BY: distance, "snr": 50 / distance, "distance_kpc": distance}
    )
    table["snr"] *= 0.5 + draws(len(table), name="snr")
    logits = draws(len(table), 3, name="logits")
    logits[np.arange(len(table)), label] += np.where(distance == 10, 0.2, 2.0)
    return evaluate.predictions(logits.astype(np.float32), table.index.to_numpy(), label, CLASSES), table


@pytest.fixture(scope="module")
def evaluated():
    predicted, table = predictions()
    return {"datasets": {"test": evaluate.described(predicted, table, CLASSES, BY, "test", [1, 10])}}


@pytest.fixture(scope="module")
def alarms():
    return in_noise({"test": predictions()}, CLASSES, ["test"])


def in_noise(datasets, classes, grouped):
    """What evaluate tells of made-up noise, and of signals found above it."""
    noise = {}
    for split in ("validation", "test"):
        values = draws(5000, name=split)
        noise[split] = pd.DataFrame({"statistic": values * 4 - 3, "predicted": (values > 0.999).astype(int)})
    settings = {
        "threshold": "validation",
        "measured": "test",
        "seconds": 1.0,
        "per_day": [1000.0, 100.0, 1.0],
        "by": BY,
        "grouped": grouped,
    }
    return background.described(noise, datasets, classes, settings)


def _groups():
    wide = {"tpr_low": [0.9, 0.7, 0.1], "tpr_high": [1.0, 0.85, 0.3], "n": [10, 10, 10]}
    return {1.0: {"tpr": [1.0, 0.8, 0.2], **wide}, 10.0: {"tpr": [0.95, 0.75, 0.15], **wide}}


def _tpr_figure():
    return classification.tpr(_groups(), CLASSES, 0)


def test_rates_and_their_intervals_stand_at_the_axes():
    (axis,) = _tpr_figure().axes
    for label, (line, _, (bars,)) in enumerate(axis.containers):
        rates = [_groups()[value]["tpr"][label] for value in (1.0, 10.0)]
        np.testing.assert_array_equal(line.get_xdata(), [1.0, 10.0])
        np.testing.assert_array_equal(line.get_ydata(), rates)
        ends = [segment[:, 1] for segment in bars.get_segments()]
        low, high = _groups()[1.0]["tpr_low"][label], _groups()[1.0]["tpr_high"][label]
        np.testing.assert_allclose(ends, [[low, high]] * 2)
    colours = {to_hex(line.get_color()) for line, *_ in axis.containers}
    assert len(colours) == len(CLASSES)


def test_captions_of_predictions_have_their_numbers(evaluated):
    _, table = predictions()
    accuracy, tpr, confusion, roc, each = classification.drawn(evaluated, {"test": table}, SETTINGS)
    group = evaluated["datasets"]["test"]["groups"]["1"]
    assert f"{np.mean(group['tpr'][1:]):.3f} at 1 kpc" in tpr.caption
    assert "30 examples of each signal class" in tpr.caption
    assert "its 20 examples" in tpr.caption
    assert f"accuracy {group['balanced_accuracy']:.3f}" in confusion.caption
    assert f"{group['median_snr'][1]:.3g} (" in confusion.caption
    areas = [curve["area"] for curve in evaluated["datasets"]["test"]["roc"].values()]
    assert f"test {np.mean(areas):.4f}, least {min(areas):.4f}" in roc.caption
    assert [axis.get_title() for axis in each.figure.axes] == ["1 kpc", "10 kpc"]
    assert f"1 kpc: noise {group['roc']['noise']['area']:.4f}, s18" in each.caption
    assert "the 20 examples of noise are the same at every value" in accuracy.caption


def balanced(*shares):
    """Groups of some accuracies, at 1, 2, 3 ..."""
    return {
        float(value): {"balanced_accuracy": share, "balanced_accuracy_error": 0.01}
        for value, share in enumerate(shares, start=1)
    }


@pytest.mark.parametrize(
    "shares, by, words",
    [
        ((0.5, 0.91, 0.89, 0.93, 0.99), "snr_target", "at least 90 % from SNR 4 on (0.890 at SNR 3)"),
        ((0.5, 0.6), "snr_target", "below 90 % even at SNR 2"),
        ((0.99, 0.95, 0.8, 0.95), BY, "at least 90 % up to 2 kpc (0.800 at 3 kpc)"),
        ((0.8, 0.95), BY, "below 90 % even at 1 kpc"),
        ((0.9, 0.95), BY, "at least 90 % everywhere"),
    ],
)
def test_where_accuracy_passes_is_said_towards_the_louder_ones(shares, by, words):
    assert classification.passes(balanced(*shares), by) == words


def test_accuracies_and_their_errors_stand_at_the_axes():
    lines = {"a": (balanced(0.5, 0.7), {"color": "k"}), "b": (balanced(0.6, 0.8), {"color": "r"})}
    (axis,) = classification.accuracy(lines, "snr_target").axes
    for (line, _, (bars,)), shares in zip(axis.containers, ([0.5, 0.7], [0.6, 0.8]), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), shares)
        np.testing.assert_allclose(
            [one[:, 1] for one in bars.get_segments()], np.c_[shares, shares] + [-0.01, 0.01]
        )
    assert axis.get_ylim()[0] <= 0.49 and axis.get_xlabel() == "network SNR"
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["a", "b"]


def test_groups_of_snr_have_matrices_alone():
    predicted, table = predictions()
    table = table.rename(columns={BY: "snr_target"})
    found = {"datasets": {"test": evaluate.described(predicted, table, CLASSES, "snr_target", "test", [10])}}
    settings = {**SETTINGS, "by": "snr_target"}
    accuracy, tpr, confusion, _, each = classification.drawn(found, {"test": table}, settings)
    assert [axis.get_title() for axis in confusion.figure.axes] == ["SNR 1, n = 80", "SNR 10, n = 80"]
    counts = np.array(found["datasets"]["test"]["groups"]["10"]["confusion"])
    image = confusion.figure.axes[1].images[0].get_array()
    np.testing.assert_allclose(image, counts / counts.sum(axis=1, keepdims=True))
    assert "violins" not in confusion.caption
    assert [axis.get_title() for axis in each.figure.axes] == ["SNR 10"]
    assert {one.figure.axes[0].get_xlabel() for one in (accuracy, tpr)} == {"network SNR"}
    assert "at SNR 1 and" in tpr.caption


def test_many_values_are_marked_every_other_one():
    _, ((axis,),) = style.subplots(1, 1, 2.0)
    classification.ticks(axis, np.arange(8.0, 25))
    assert [tick.get_text() for tick in axis.get_xticklabels()] == [f"{value}" for value in range(8, 25, 2)]


def test_confusion_matrices_have_percent_of_each_true_class():
    counts = np.array([[10, 0, 0], [1, 299, 0], [25, 25, 50]])
    figure = classification.confusion(
        [("1 kpc", counts, [np.array([])] + [np.array([8.0, 9.0, 12.0])] * 2)], CLASSES, 0
    )
    left, right = figure.axes
    np.testing.assert_allclose(left.images[0].get_array(), counts / counts.sum(axis=1, keepdims=True))
    assert left.images[0].get_clim() == (0.0, 1.0)
    assert [text.get_text() for text in left.texts] == ["100", "<1", "100", "25", "25", "50"]
    assert len(right.collections) == 2
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["s18", "s25"]


def test_violins_lie_within_their_values_and_have_their_medians():
    values = np.geomspace(5, 80, 31)
    _, ((axis,),) = style.subplots(1, 1, 3.0)
    classification.violins(axis, [np.array([]), values, np.array([30.0, 31.0])], CLASSES, 0)
    (body,) = axis.collections
    heights = body.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(5)
    assert heights.max() == pytest.approx(80)
    marks = {line.get_marker(): line.get_ydata() for line in axis.get_lines()}
    np.testing.assert_allclose(marks["_"], np.median(values))
    # Too few for a density: the values themselves.
    np.testing.assert_array_equal(marks["."], [30.0, 31.0])


def test_the_roc_has_every_class(evaluated):
    curves = evaluated["datasets"]["test"]["roc"]
    (axis,) = classification.roc({"test": curves}, CLASSES, 0).axes
    lines = {line.get_label(): line for line in axis.get_lines()}
    for name in CLASSES:
        np.testing.assert_array_equal(lines[name].get_ydata(), curves[name]["true_positive"])
        np.testing.assert_array_equal(lines[name].get_xdata(), curves[name]["false_positive"])
    assert axis.get_xscale() == "log"


def test_a_dataset_without_groups_says_so(evaluated):
    plain = {"datasets": {"test": {**evaluated["datasets"]["test"], "groups": {}}}}
    found = classification.drawn(plain, {}, SETTINGS)
    assert [one.name for one in found] == ["accuracy", "tpr", "confusion", "roc", "roc_groups"]
    assert "the dataset test has no groups by" in found[1].caption
    for place in (0, 2, 4):
        assert "Nothing is drawn" in found[place].caption
    groups = evaluated["datasets"]["test"]["groups"]
    bare = {key: {k: v for k, v in one.items() if k != "roc"} for key, one in groups.items()}
    plain["datasets"]["test"]["groups"] = bare
    found = classification.drawn(plain, {"test": pd.DataFrame()}, {**SETTINGS, "shown": [3, 4]})
    assert all(f"no example of test has {BY} 3, 4" in found[place].caption for place in (2, 4))


def test_detection_is_that_of_the_rules(alarms):
    (one,) = detection.drawn(alarms, "test", 0)
    rates, means, loose, strict = one.figure.axes
    by_rule = {rule["rule"]: rule["detection"]["test"] for rule in alarms["rules"]}
    lines = {line.get_label(): line.get_ydata() for line in means.get_lines()}
    assert list(lines) == ["largest score", "1000 per day", "100 per day"]
    for name, rule in (("largest score", "argmax"), ("100 per day", "100_per_day")):
        wanted = [np.mean(by_rule[rule]["groups"][value]["detected"][1:]) for value in ("1", "10")]
        np.testing.assert_allclose(lines[name], wanted)
    for axis, rule in ((loose, "argmax"), (strict, "100_per_day")):
        wanted = [by_rule[rule]["groups"][value]["detected"][2] for value in ("1", "10")]
        np.testing.assert_array_equal(axis.containers[2][0].get_ydata(), wanted)
    thresholds = [rule["threshold"] for rule in alarms["rules"] if rule["threshold"] is not None]
    drawn_at = [line.get_xdata()[0] for line in rates.get_lines() if line.get_fillstyle() == "none"]
    assert drawn_at == thresholds
    measured = alarms["rules"][1]["measured"]
    assert f"{measured['per_day']:.3g} ± {measured['error']:.2g} per day measured" in one.caption
    assert "Too rare for this much noise: 1 per day." in one.caption


def test_without_groups_there_is_no_detection(alarms):
    none = [rule | {"detection": {"test": {"groups": {}}}} for rule in alarms["rules"]]
    found = detection.drawn({**alarms, "rules": none}, "test", 0)[0]
    assert f"the dataset test has no groups by {BY}" in found.caption


# ---- features


def test_points_have_their_classes_colours_and_errors_are_crosses():
    points, labels = draws(30, 2, name="points"), np.arange(30) % 3
    predicted = np.where(np.arange(30) < 4, 0, labels)
    (axis,) = features.scatter(points, labels, predicted, CLASSES, 0).axes
    lines = axis.get_lines()
    dots, crosses = ([line for line in lines if line.get_marker() == mark] for mark in ".x")
    right = labels == predicted
    for label, line in enumerate(dots):
        np.testing.assert_array_equal(np.c_[line.get_data()], points[(labels == label) & right])
        assert line.get_color() == style.class_look(label, 0)["color"]
    assert sum(len(line.get_xdata()) for line in crosses) == np.sum(~right) == 2
    assert [text.get_text() for text in axis.texts] == CLASSES


def test_captions_of_maps_have_their_numbers():
    points = draws(30, 2, name="points")
    table = pd.DataFrame({"row": range(30), "label": np.arange(30) % 3, "predicted": 0})
    table[["tsne_x", "tsne_y"]], table[["umap_x", "umap_y"]] = points, 2 * points
    numbers = {
        "trustworthiness_tsne": {"value": 0.987, "meaning": "trustworthiness of the map"},
        "trustworthiness_umap": {"value": 0.876, "meaning": "trustworthiness of the other map"},
        "knn_tsne": {"value": 0.913, "meaning": "neighbours in the map"},
        "knn_umap": {"value": 0.812, "meaning": "neighbours in the other map"},
        "knn_features": {"value": 0.944, "meaning": "neighbours in the features"},
    }
    tsne, umap = features.drawn(table, numbers, {**SETTINGS, "selection": " of test"})
    for words in ("30 examples of test", "20 of them misclassified", "0.987", "0.913", "0.944"):
        assert words in tsne.caption
    for words in ("0.876", "0.812", "neighbours in the features: 0.944"):
        assert words in umap.caption


# ---- maps


def example_of(label, row=0, predicted=None, scale=1.0, methods=("grad_cam", "score_cam")):
    predicted = label if predicted is None else predicted
    snr = np.nan if label == 0 else 40.0
    event = np.nan if label == 0 else 0.1
    table = pd.Series({"label": label, "snr": snr, "distance_kpc": snr / 10, "event_time": event}, name=row)
    maps = {
        name: scale * draws(6, 5, name=f"{name}{row}") * (0.9 + 0.1 * place)
        for place, name in enumerate(methods)
    }
    example = draws(3, 6, 5, name=f"example{row}").astype(np.float32)
    return explanation.Explained(table, example, maps, predicted, predicted, 0.875)


def pictures(figure):
    """The images of a figure: coloured ones, and maps."""
    images = [image for axis in figure.axes for image in axis.images]
    return [i for i in images if i.get_array().ndim == 3], [i for i in images if i.get_array().ndim == 2]


def test_three_ifos_are_red_green_and_blue_and_another_number_is_grey():
    example = draws(3, 6, 5).astype(np.float32)
    np.testing.assert_array_equal(saliency.rgb(example), example.transpose(1, 2, 0))
    grey = saliency.rgb(example[:2])
    np.testing.assert_array_equal(grey, np.stack([example[0]] * 3, axis=-1))
    assert saliency.channels(IFOS) == "red, green and blue are H1, L1 and V1"
    assert saliency.channels(["H1", "L1"]) == "in grey, H1 alone"


def test_pixels_are_centred_on_their_axes():
    assert saliency.extent(AXES["frame"], AXES["frequency"]) == (-1 / 64, 9 / 64, -8.0, 88.0)


def drawn_maps(compared=None, atlas=(), pairs=()):
    figures = explanation.drawn(compared, list(atlas), list(pairs), SETTINGS)
    return {one.name: one for one in figures}


def dashed(axis):
    """Where the dashed lines of an axis stand."""
    return [line.get_xdata()[0] for line in axis.get_lines() if line.get_linestyle() == "--"]


def test_the_comparison_has_all_methods_on_one_scale_and_says_their_maxima():
    one = example_of(2, 17)
    found = drawn_maps(one)["cam_comparison"]
    inputs, maps = pictures(found.figure)
    np.testing.assert_allclose(inputs[0].get_array(), saliency.rgb(one.example))
    assert {image.get_clim() for image in maps} == {(0.0, 1.0)}
    for image, values in zip(maps, one.maps.values(), strict=True):
        np.testing.assert_allclose(image.get_array(), values / values.max())
        assert f"{values.max():.3g}" in found.caption
    for words in ("Row 17 of test, s25, SNR 40.0 at 4 kpc", "0.875", "red, green and blue are H1, L1 and V1"):
        assert words in found.caption


def test_the_atlas_shares_one_scale_so_that_noise_is_dark():
    entries = [example_of(0, 0, scale=0.01), example_of(1, 1), example_of(2, 2, predicted=1)]
    found = drawn_maps(atlas=entries)["cam_atlas"]
    inputs, maps = pictures(found.figure)
    top = max(one.maps["score_cam"].max() for one in entries)
    assert {image.get_clim() for image in maps} == {(0.0, top)}
    np.testing.assert_array_equal(maps[0].get_array(), entries[0].maps["score_cam"])
    assert len(inputs) == len(maps) == 3
    assert f"one colour scale, 0 to {top:.3g}" in found.caption
    assert "taken for another class: s25 for s18" in found.caption
    assert "Score-CAM, dataset gallery" in found.caption
    titles = [axis.get_title() for axis in found.figure.axes[:3]]
    assert titles == ["noise", "s18, SNR 40.0", "s25, SNR 40.0\n→ s18"]
    assert [dashed(axis) for axis in found.figure.axes[:6]] == [[], [0.1], [0.1]] * 2
    assert f"noise {entries[0].maps['score_cam'].max():.3g}" in found.caption


def test_misclassified_examples_stand_beside_their_likes_on_one_scale():
    wrong, like = example_of(2, 5, predicted=1), example_of(1, 6, scale=0.1)
    found = drawn_maps(pairs=[explanation.Pair(wrong, like)])
    inputs, maps = pictures(found["misclassified_1"].figure)
    np.testing.assert_allclose(inputs[0].get_array(), saliency.rgb(wrong.example))
    np.testing.assert_allclose(inputs[1].get_array(), saliency.rgb(like.example))
    top = wrong.maps["score_cam"].max()
    assert {image.get_clim() for image in maps} == {(0.0, top)}
    titles = [axis.get_title() for axis in found["misclassified_1"].figure.axes]
    assert titles[:4] == ["s25 taken for s18", "its map, for s18", "an example of s18", "its map, for s18"]
    assert "Row 5 of test, s25, SNR 40.0 at 4 kpc, taken for s18" in found["misclassified_1"].caption
    assert "test has 1 such misclassified examples" in found["misclassified_2"].caption


def test_maps_that_were_not_made_are_said_to_be_missing():
    found = drawn_maps()
    assert "no signal of the dataset test was explained" in found["cam_comparison"].caption
    assert "no example of gallery was explained" in found["cam_atlas"].caption


def test_the_last_method_is_the_one_that_is_shown_alone():
    found = drawn_maps(atlas=[example_of(1, methods=("score_cam", "grad_cam"))])["cam_atlas"]
    assert found.figure.axes[-1].get_ylabel() == "Grad-CAM"
    assert " Grad-CAM, dataset gallery" in found.caption


@pytest.mark.parametrize("kpc, words", [(412345.0, "412 Mpc"), (999.0, "999 kpc"), (8.2, "8.2 kpc")])
def test_distances_beyond_the_galaxy_are_in_mpc(kpc, words):
    assert explanation.snr(pd.Series({"snr": 15.0, "distance_kpc": kpc})) == f", SNR 15.0 at {words}"


def test_a_map_that_is_zero_or_unknown_is_drawn():
    zero = drawn_maps(atlas=[example_of(1, scale=0.0)])["cam_atlas"]
    assert "their own maxima are s18 0." in zero.caption
    assert saliency.greatest([np.zeros((6, 5))]) == 1.0
    assert saliency.greatest([np.full((6, 5), np.nan)]) == 1.0
    assert saliency.greatest([np.array([[np.nan, 0.25]])]) == 0.25
    values = np.full((6, 5), np.nan)
    values[2:4] = 0.5
    entry = saliency.Shown("s25", draws(3, 6, 5).astype(np.float32), values, 0.1)
    figure = saliency.atlas([entry], SETTINGS, 0.5, "Score-CAM")
    _, (image,) = pictures(figure)
    np.testing.assert_array_equal(image.get_array().mask, np.isnan(values))


# ---- maps of time series

TIME = np.arange(400) / 100
SERIES = {**SETTINGS, "axes": {"time": TIME}}


def series_of(label, row=0, predicted=None, scale=1.0, methods=("grad_cam",)):
    made = example_of(label, row, predicted, scale)
    maps = {name: scale * draws(400, name=f"series {name}{row}") for name in methods}
    table = pd.Series({**made.row, "event_time": np.nan if label == 0 else 3.95}, name=row)
    strain = (draws(3, 400, name=f"strain{row}") - 0.5).astype(np.float32)
    return explanation.Explained(table, strain, maps, made.predicted, made.target, 0.875)


def drawn_series(compared=None, atlas=(), pairs=()):
    return {one.name: one for one in explanation.drawn(compared, list(atlas), list(pairs), SERIES)}


def lines(axis):
    return [line.get_ydata() for line in axis.get_lines() if line.get_linestyle() == "-"]


def test_strain_stands_over_its_map_with_the_event_in_both():
    entries = [series_of(0, 0, scale=0.1), series_of(1, 1), series_of(2, 2, predicted=1)]
    found = drawn_series(atlas=entries)["cam_atlas"]
    top = max(one.map.max() for one in entries)
    strains, maps = (
        found.figure.axes[:2] + found.figure.axes[4:5],
        found.figure.axes[2:4] + found.figure.axes[5:],
    )
    apart = traces.step([one.example for one in entries])
    for one, above, below in zip(entries, strains, maps, strict=True):
        wanted = one.example - apart * np.arange(3)[:, None]
        np.testing.assert_allclose(lines(above), wanted, rtol=1e-5)
        np.testing.assert_array_equal(lines(below)[0], one.map)
        assert below.get_ylim() == (0, 1.08 * top) and below.get_xlim() == (0, 4.0)
        assert dashed(above) == dashed(below) == ([] if one.label == 0 else [3.95])
    assert [axis.get_title() for axis in strains] == ["noise", "s18, SNR 40.0", "s25, SNR 40.0\n→ s18"]
    assert [tick.get_text() for tick in strains[0].get_yticklabels()] == IFOS
    assert (
        f"one scale, 0 to {top:.3g}" in found.caption and "baselines 1 standard deviations" in found.caption
    )


def test_baselines_keep_nearly_all_samples_apart():
    strain = seeds.generator("test", "traces").normal(size=(3, 20000))
    apart = traces.step([strain])
    assert apart == np.ceil(apart) and np.mean(np.abs(strain) > apart / 2) < 1e-3 < np.mean(
        np.abs(strain) > 3
    )


def test_a_comparison_of_time_series_has_a_map_of_each_method_over_its_maximum():
    one = series_of(2, 3, methods=("grad_cam", "score_cam"))
    found = drawn_series(one)["cam_comparison"]
    first, *rest = found.figure.axes
    assert [axis.get_title() for axis in found.figure.axes] == ["input", "Grad-CAM", "Score-CAM"]
    for axis, values in zip(rest, one.maps.values(), strict=True):
        np.testing.assert_allclose(lines(axis)[0], values / values.max())
    assert len(lines(first)) == 3


def test_misclassified_time_series_stand_side_by_side():
    pair = explanation.Pair(series_of(2, 5, predicted=1), series_of(1, 6, scale=0.1))
    found = drawn_series(pairs=[pair])["misclassified_1"]
    assert [axis.get_title() for axis in found.figure.axes[:2]] == ["s25 taken for s18", "an example of s18"]
    said = text_of(found.figure)
    assert said == [f"its map, for s18, maximum {one.map.max():.2g}" for one in (pair.wrong, pair.like)]


def test_where_a_map_of_a_time_series_says_nothing_is_grey():
    values = np.full(400, 0.5)
    values[:50] = values[390:] = np.nan
    _, ((axis,),) = style.subplots(1, 1, 2.0)
    traces.curve(axis, values, TIME, 3.95, 1.0)
    grey = [patch for patch in axis.patches if to_hex(patch.get_facecolor()) == saliency.UNKNOWN]
    ends = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in grey]
    np.testing.assert_allclose(ends, [(0.0, 0.5), (3.9, 4.0)])


# ---- when maps are greatest


def before():
    """Seconds from maxima to events of two methods: the second class earlier, one map constant."""
    rng = seeds.generator("test", "figures", "before")
    parts = []
    for method in ("grad_cam", "score_cam"):
        for label, middle in ((1, 0.05), (2, 1.0)):
            values = middle + 0.1 * rng.normal(size=40)
            values[:1] = np.nan if label == 2 else middle
            parts.append(pd.DataFrame({"method": method, "label": label, "before": values}))
    return pd.concat(parts, ignore_index=True)


def test_times_of_maxima_have_their_medians_and_their_histograms_all_values():
    frame = before()
    one = when.drawn(frame, 0.0625, explanation.METHODS, SETTINGS)
    assert [axis.get_title() for axis in one.figure.axes] == ["Grad-CAM", "Score-CAM"]
    axis, its = one.figure.axes[0], frame[frame["method"] == "grad_cam"]
    medians = its.groupby("label")["before"].median()
    # Upright lines: of each class its median, and the event.
    upright = [line.get_xdata()[0] for line in axis.get_lines() if len(set(line.get_xdata())) == 1]
    np.testing.assert_allclose(upright, [*medians, 0.0])
    assert text_of(one.figure)[:2] == [f"median {value:.3f} s" for value in medians]
    for patch, label in zip(axis.patches, (1, 2), strict=True):
        heights, edges, base = patch.get_data()
        values = its["before"][its["label"] == label]
        counts = np.array([((values >= a) & (values < b)).sum() for a, b in itertools.pairwise(edges)])
        assert counts.sum() == values.notna().sum()
        np.testing.assert_allclose((heights - base) / (heights - base).max(), counts / counts.max())
    # Time runs to the right, towards the event and beyond.
    assert axis.get_xlim()[0] > its["before"].max() and axis.get_xlim()[1] < 0
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["s18", "s25"]
    for words in (f"s25 {medians[2]:.3f} s (", "n = 39", "62.5 ms apart", "2 constant maps"):
        assert words in one.caption


def test_where_no_map_is_its_classes_the_figure_says_so():
    one = when.drawn(before()[:0], 0.1, explanation.METHODS, SETTINGS)
    assert "no signal of test has a map of its own class" in one.caption


def test_of_many_classes_the_caption_tells_the_earliest_and_the_latest():
    names = ["noise", *"abcdefg"]
    frame = pd.DataFrame({"method": "grad_cam", "label": np.repeat(range(1, 8), 3)})
    frame["before"] = np.repeat([0.2, 0.7, np.nan, 0.4, 0.1, 0.6, 0.3], 3)
    one = when.drawn(frame, 0.1, explanation.METHODS, {**SETTINGS, "classes": names})
    assert "Grad-CAM: b 0.700 s (0.700 to 0.700), n = 3, e 0.100 s (0.100 to 0.100), n = 3." in one.caption
    assert "no map" in text_of(one.figure)


# ---- samples


def test_one_example_of_each_class_is_shown_as_it_is_stored():
    table = pd.DataFrame({"label": [2, 1, 1, 0], "snr": [40.0, 39.96, 20.0, np.nan]})
    rows = samples.of_each_class(table)
    assert rows.tolist() == [3, 1, 0]
    panels = draws(3, 6, 5, name="panels")
    one = samples.gallery(panels, table.loc[rows], AXES, {**SETTINGS, "dataset": "gallery"})
    meshes = [axis.collections[0].get_array() for axis in one.figure.axes[:3]]
    np.testing.assert_array_equal(np.reshape(meshes, panels.shape), panels)
    assert [axis.get_title() for axis in one.figure.axes[:3]] == ["noise", "s18, SNR 40.0", "s25, SNR 40.0"]
    assert "rows 3, 1, 0 in H1" in one.caption


def test_waveforms_say_whose_noise_they_stand_over():
    strains = {1: 1e-21 * np.sin(np.arange(4096)), 2: 1e-22 * np.sin(np.arange(4096) / 3)}
    grid = np.arange(1, 2049.0)
    setup = {**SETTINGS, "dataset": "validation", "source": "ccsn"}
    one = samples.waveforms(strains, np.full((3, 2048), 1e-4), grid, setup)
    labels = [line.get_label() for line in one.figure.axes[0].get_lines()]
    assert labels == ["noise H1", "noise L1", "noise V1", "s18", "s25"]
    assert "2 classes, at 1 kpc" in one.caption and "surrogate" in one.caption
    binaries = samples.waveforms(strains, np.full((3, 2048), 1e-4), grid, {**setup, "source": "cbc"})
    assert "at 100 Mpc" in binaries.caption and "surrogate" not in binaries.caption
    assert "the dataset validation" in one.caption


# ---- maps put to the test

METHODS = ("grad_cam", "score_cam", "random")


def put_to_the_test():
    """What the stage explain tells, with fractions that differ by method."""
    fraction, fills = np.linspace(0, 1, 5), ("zero", "mean_noise")
    curves, numbers = {kind: {fill: {} for fill in fills} for kind in ("insertion", "deletion")}, {}
    for fill in fills:
        for place, name in enumerate(METHODS):
            scores = fraction ** (place + 1)
            for kind, mean in (("insertion", scores), ("deletion", 1 - scores)):
                curves[kind][fill][name] = {"mean": mean.tolist(), "error": [0.01, None, 0.01, 0.01, 0.01]}
                numbers[f"{kind}_{name}_{fill}"] = {"value": 0.25 * place, "error": 0.0123, "n": 40}
    steps = {
        "grad_cam": [
            {"value": 0.75, "error": 0.05, "n": 40, "constant": 0},
            {"value": 0.25, "error": 0.04, "n": 37, "constant": 3},
        ],
        "score_cam": [
            {"value": 0.5, "error": None, "n": 1, "constant": 39},
            {"value": None, "error": None, "n": 0, "constant": 40},
        ],
    }
    randomisation = {"layers": ["second", "first"], "methods": steps}
    settings = {"dataset": "test"}
    return {"numbers": numbers, "curves": curves, "randomisation": randomisation, "settings": settings}


def test_insertion_and_deletion_have_every_method_and_fill():
    curves, _ = faithfulness.drawn(put_to_the_test(), explanation.METHODS)
    axes = curves.figure.axes
    assert len(axes) == 4
    for axis, kind in zip(axes[:2], ("insertion", "deletion"), strict=True):
        for line, name in zip(axis.get_lines(), METHODS, strict=True):
            scores = put_to_the_test()["curves"][kind]["zero"][name]["mean"]
            np.testing.assert_array_equal(line.get_ydata(), scores)
            assert line.get_label() == explanation.METHODS[name]
    assert "filled with zeros" in axes[0].get_title()
    assert "filled with the mean of noise" in axes[3].get_title()
    for words in ("40 examples of test", "Score-CAM 0.250 / 0.250 (± 0.012)", "random map 0.500"):
        assert words in curves.caption


def test_randomisation_has_a_bar_per_method_and_layer():
    _, randomised = faithfulness.drawn(put_to_the_test(), explanation.METHODS)
    (axis,) = randomised.figure.axes
    bars = [patch.get_height() for patch in axis.patches]
    np.testing.assert_array_equal(bars, [0.75, 0.25, 0.5, np.nan])
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["second", "+ first"]
    assert "Grad-CAM 0.250 ± 0.040 (3 constant maps left out)" in randomised.caption
    assert "Score-CAM undefined, all maps are constant" in randomised.caption


# ---- the verb, on datasets and a network of a test's own

made = test_quality.made
MODELS = ["noise", "s18", "m39"]


def maps_store(
    path, rows, columns, grid=((2.0, 3.5), (2.0, 3.5)), methods=("grad_cam", "score_cam"), cells=(44, 13)
):
    """A set of maps as the stage explain writes it."""
    attributes = {"grid_stride": [g[0] for g in grid], "grid_offset": [g[1] for g in grid]}
    names = {"flag_values": list(range(len(methods))), "flag_meanings": " ".join(methods)}
    values = draws(len(methods), len(rows), *cells, name=path.name).astype(np.float32)
    coordinates = {name: ("sample", np.asarray(column)) for name, column in columns.items()}
    coordinates |= {"row": ("sample", np.asarray(rows)), "method": ("method", np.arange(len(methods)), names)}
    coordinates["probability"] = ("sample", np.full(len(rows), 0.75, np.float32))
    dims = ("method", "sample", *("y", "x")[-len(cells) :])
    found = xr.Dataset({"map": (dims, values)}, coordinates, attributes)
    found.to_zarr(path.parent, group=path.name, mode="a", zarr_format=3, consolidated=False)
    return values


WANTED = {"dataset": "far", "tested": "far", "atlas": "gallery", "shown": [1, 10], "align": "receptive_field"}


def columns_of(table, rows, **more):
    label = table["label"].to_numpy()[rows].astype(np.int64)
    return {"label": label, "predicted": label, "target": label} | more


@pytest.fixture(scope="module")
def products(tmp_path_factory, made):
    """What the stages before have left: two datasets, a bank, an untrained network, what was found."""
    folder = tmp_path_factory.mktemp("products")
    sets = {name: Examples(test_quality.dataset(folder / name, name, made[0])) for name in ("far", "gallery")}
    (folder / "gallery" / "bank").symlink_to(made[1].parent)
    training = {"phases": PHASES, "curriculum": "replace"}
    description = {"model": "ccsn_cnn", "classes": MODELS, "array": "spectrogram", "scale": "minmax"}
    description |= {"ifos": IFOS, "sample_rate": 4096, "shape": list(sets["far"].shape), "training": training}
    description |= {"network": "toy-1", "seed": 1, "revision": "abc123"}
    network = models.build("ccsn_cnn", sets["far"].shape, 3, 1)
    checkpoint.write(folder / "model.safetensors", network.state_dict(), description)
    history().to_csv(folder / "metrics.csv", index=False)
    for stage in ("evaluate", "explain", "embed"):
        (folder / stage).mkdir()
    datasets, found = {}, {}
    for name, one in sets.items():
        label = one.table["label"].to_numpy()
        logits = draws(len(label), 3, name=name).astype(np.float32)
        predicted = evaluate.predictions(logits, one.table.index.to_numpy(), label, MODELS)
        found[name] = predicted, one.table
        by = BY if name == "far" else None
        datasets[name] = evaluate.described(predicted, one.table, MODELS, by, name, [1, 10])
    metrics = {"numbers": {}, "datasets": datasets, "background": in_noise(found, MODELS, ["far"])}
    (folder / "evaluate" / "metrics.json").write_text(json.dumps(metrics))
    table, maps = sets["far"].table, folder / "explain" / "maps.zarr"
    signals = np.flatnonzero(table["label"] > 0)
    maps_store(maps / "table", signals, columns_of(table, signals))
    rows = np.arange(3)
    maps_store(maps / "atlas", rows, columns_of(sets["gallery"].table, rows))
    pair = {"predicted": [2, 2], "target": [2, 2], "pair": [0, 0], "role": [0, 1]}
    rows = np.array([np.flatnonzero(table["label"] == label)[0] for label in (1, 2)])
    maps_store(maps / "misclassified", rows, columns_of(table, rows, **pair))
    (folder / "explain" / "metrics.json").write_text(json.dumps(put_to_the_test()))
    points = pd.DataFrame({"row": table.index, "label": table["label"], "predicted": table["label"]})
    points[["tsne_x", "tsne_y", "umap_x", "umap_y"]] = draws(len(table), 4, name="map")
    points.to_parquet(folder / "embed" / "embedding.parquet")
    names = [f"{what}_{name}" for what in ("trustworthiness", "knn") for name in ("tsne", "umap", "features")]
    numbers = {name: {"value": 0.5, "meaning": name} for name in names}
    content = {"numbers": numbers, "settings": {"datasets": ["far"], "select": {BY: 1}}}
    (folder / "embed" / "metrics.json").write_text(json.dumps(content))
    (folder / "figures.json").write_text(json.dumps(WANTED))
    return folder


def of_strain(products, folder):
    """The same of a network over strain at 512 Hz: what the stages before have left in a folder."""
    (folder / "explain").mkdir(parents=True)
    for name in (
        "far",
        "gallery",
        "evaluate",
        "embed",
        "metrics.csv",
        "figures.json",
        "explain/metrics.json",
    ):
        (folder / name).symlink_to(products / name)
    description = checkpoint.read(products / "model.safetensors")[1]
    description |= {"array": "strain", "scale": "none", "rate": 512, "model": "resnet54_mean"}
    description |= {"network": "long-1", "shape": [3, 512]}
    network = models.build("resnet54_mean", (3, 512), 3, 1)
    checkpoint.write(folder / "model.safetensors", network.state_dict(), description)
    for name in ("table", "atlas", "misclassified"):
        path = products / "explain" / "maps.zarr"
        store = xr.open_zarr(path, group=name, chunks=None, consolidated=False)
        kept = ("label", "predicted", "target", "pair", "role")
        columns = {one: store[one].values for one in kept if one in store}
        own = folder / "explain" / "maps.zarr" / name
        maps_store(own, store["row"].values, columns, grid=((32.0, 15.5),), cells=(16,))
    return folder


def run(folder, output, data=("far", "gallery")):
    import argparse

    parser = argparse.ArgumentParser()
    verb.arguments(parser)
    words = ["--settings", folder / "figures.json", "--model", folder / "model.safetensors"]
    words += ["--history", folder / "metrics.csv", "--list", output / "figures.json"]
    for stage in ("evaluate", "explain", "embed"):
        words += [f"--{stage}", folder / stage / "metrics.json"]
    words += ["--bank", folder / "gallery" / "bank" / "manifest.json"]
    words += ["--data", *(folder / name / "manifest.json" for name in data)]
    verb.run(parser.parse_args([str(word) for word in words]))
    return json.loads((output / "figures.json").read_text())


def test_the_verb_draws_every_figure(products, tmp_path):
    content = run(products, tmp_path)
    captions = {entry["name"]: entry["caption"] for entry in content["figures"]}
    assert list(captions) == list(SIGNALS)
    empty = {name for name, caption in captions.items() if "Nothing is drawn" in caption}
    assert empty == {"misclassified_2"}
    names = {f"{name}.{kind}" for name in SIGNALS for kind in ("png", "pdf")}
    assert {path.name for path in tmp_path.iterdir()} == names | {"figures.json"}
    assert "s18, SNR 100.0 at 1 kpc, taken for m39 with probability 0.750" in captions["misclassified_1"]
    assert "the dataset gallery" in captions["waveforms"]
    assert "42 examples of the dataset far, distance_target_kpc 1 or noise" in captions["tsne"]
    about = content["about"]
    # Seven classes less than the paper's network, of 200 weights and a bias each.
    assert about["parameters"] == 427378 - 7 * 201
    assert about["datasets"] == {"far": {"examples": 42}, "gallery": {"examples": 3}}
    assert about["seen"] == "spectrogram"
    assert (about["epochs"], about["seconds"], about["revision"]) == (6, 12.0, "abc123")


def test_the_verb_draws_every_figure_of_a_network_over_strain(products, tmp_path):
    content = run(of_strain(products, tmp_path / "products"), tmp_path / "figures")
    captions = {entry["name"]: entry["caption"] for entry in content["figures"]}
    empty = {name for name, caption in captions.items() if "Nothing is drawn" in caption}
    assert empty == {"misclassified_2"}
    for name in ("cam_comparison", "cam_atlas", "misclassified_1"):
        assert "whitened strain that the network sees" in captions[name]
    assert content["about"]["seen"] == "strain at 512 Hz"
    # Cells are 32 samples apart at 512 Hz, and spectrograms are shown of what is seen as strain.
    assert "62.5 ms apart" in captions["cam_times"]
    assert "STFT magnitude" in captions["spectrograms"]


def panels(products, scale="minmax", **settings):
    """Draw every figure under other settings; return them by name."""
    description = checkpoint.load(products / "model.safetensors")[1] | {"scale": scale}
    paths = {stage: products / stage / "metrics.json" for stage in ("evaluate", "explain", "embed")}
    paths |= {"history": products / "metrics.csv", "bank": products / "gallery" / "bank" / "manifest.json"}
    data = [products / name / "manifest.json" for name in ("far", "gallery")]
    with style.look():
        return {one.name: one for one in network.drawn(description, paths, data, WANTED | settings)}


def test_an_atlas_has_no_roc_unless_it_is_the_dataset_itself(products, monkeypatch):
    for settings, names in (
        ({}, ["far"]),
        ({"atlas": "far"}, ["far", "gallery"]),
        ({"dataset": "gallery"}, ["far", "gallery"]),
    ):
        monkeypatch.setattr(explained, "drawn", lambda *_: [])
        found = panels(products, **settings)
        assert [axis.get_title() for axis in found["roc"].figure.axes] == names


def test_rates_are_of_the_tested_dataset_and_maps_of_the_explained_one(products, monkeypatch):
    monkeypatch.setattr(explained, "drawn", lambda *_: [])
    found = panels(products, dataset="gallery")
    of_groups = ("accuracy", "tpr", "confusion", "roc_groups", "detection")
    assert all("Dataset far" in found[name].caption for name in of_groups)
    found = panels(products, dataset="gallery", tested=None)
    for name in of_groups:
        assert f"the dataset gallery has no groups by {BY}" in found[name].caption
    assert found["roc"].figure.axes


def test_pictures_are_colours_whatever_scale_the_network_sees(products):
    whole, raw = (panels(products, scale)["cam_atlas"] for scale in ("minmax", "none"))
    for one, other in zip(pictures(whole.figure)[0], pictures(raw.figure)[0], strict=True):
        np.testing.assert_array_equal(one.get_array(), other.get_array())
        assert (other.get_array().min(), other.get_array().max()) == (0, 1)
    assert "shown scaled to [0, 1]" in raw.caption


def test_a_dataset_that_is_lacking_is_named(products, tmp_path):
    with pytest.raises(GwsimError, match="figures need the datasets gallery, given are far"):
        run(products, tmp_path, data=["far"])


def test_maps_are_read_at_the_input_size_in_their_order(products):
    far = Examples(products / "far")
    store = xr.open_zarr(products / "explain" / "maps.zarr", group="table", chunks=None, consolidated=False)
    places = np.array([3, 0])
    found = explained.read(store, places, far, "resize")
    for one, place in zip(found, places, strict=True):
        row = int(store["row"].values[place])
        np.testing.assert_array_equal(one.example, far.read(np.array([row]))[0])
        assert one.row["label"] == far.table["label"][row]
        for number, name in enumerate(("grad_cam", "score_cam")):
            raw = store["map"].values[number, place]
            assert one.maps[name].shape == far.shape[1:]
            assert one.maps[name].max() == pytest.approx(raw.max(), rel=0.2)
            # The mean of a stretched map is nearly that of its cells.
            assert one.maps[name].mean() == pytest.approx(raw.mean(), rel=0.05)
    assert np.isnan(explained.read(store, places, far, "receptive_field")[0].maps["grad_cam"]).any()


@pytest.mark.parametrize(
    "label, predicted, dark, place",
    [
        ([0, 1, 2, 2], [0, 1, 1, 2], [], 3),
        ([0, 1, 2, 2], [0, 1, 1, 1], [], 2),
        ([0, 1, 1, 0], [0, 0, 1, 0], [], 2),
        ([0], [0], [], None),
        # The first with maps by every method, if there is one.
        ([0, 2, 2, 2], [0, 2, 2, 2], [(0, 1)], 2),
        ([0, 2, 2, 2], [0, 2, 2, 2], [(0, 1), (1, 2)], 3),
        ([0, 2, 2, 1], [0, 2, 2, 1], [(0, 1), (0, 2)], 1),
    ],
)
def test_the_compared_example_is_a_signal_of_the_papers_class_and_rightly_classified(
    label, predicted, dark, place
):
    columns = {"row": np.arange(len(label)), "label": label, "predicted": predicted}
    maps = np.ones((2, len(label), 3, 3), np.float32)
    for method, sample in dark:
        maps[method, sample] = 0
    coords = {name: ("sample", values) for name, values in columns.items()}
    store = xr.Dataset({"map": (("method", "sample", "y", "x"), maps)}, coords=coords)
    assert explained.chosen(store, CLASSES, 0).tolist() == ([] if place is None else [place])


def test_of_each_class_a_recognised_example_of_the_atlas_is_shown():
    columns = {"row": [5, 7, 2, 9], "label": [1, 1, 2, 0], "predicted": [0, 1, 1, 0]}
    store = xr.Dataset(coords={name: ("sample", np.array(values)) for name, values in columns.items()})
    assert explained.shown(store, CLASSES).tolist() == [3, 1, 2]
