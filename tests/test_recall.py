"""Figures of what is recognised of each class, and of networks beside one another."""

import json

import numpy as np
import pytest

from gwsim import checkpoint, evaluate, models
from gwsim.figures import compare, listing, recall, style

CLASSES = ["Blip", "Chirp", "Whistle"]
REPORTED = {"source": "A. Paper 2000", "numbers": {"tpr_Blip_test": 0.9, "tpr_Whistle_test": 0.5}}
SETTINGS = {"classes": CLASSES, "dataset": "test", "reported": REPORTED}


def counted(taken):
    """What evaluate counts of ten examples of each class; taken: what each class is taken for."""
    label = np.repeat(np.arange(3), 10)
    predicted = np.concatenate([np.asarray(one) for one in taken])
    return evaluate.counted(label, predicted, np.full(30, np.nan), CLASSES) | {"roc": {}}


@pytest.fixture
def evaluated():
    """Blips are all right, one Chirp is taken for a Blip, four Whistles for Chirps."""
    return {"datasets": {"test": counted([[0] * 10, [1] * 9 + [0], [2] * 6 + [1] * 4])}}


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_each_class_has_its_recall_beside_the_reported_one(evaluated):
    with style.look():
        drawn, _ = recall.drawn(evaluated, SETTINGS)
    (axis,) = drawn.figure.axes
    ours = axis.containers[0].lines[0].get_xdata()
    np.testing.assert_allclose(ours, [100, 90, 60])
    theirs = axis.lines[-1].get_xdata()
    np.testing.assert_allclose(theirs, [90, np.nan, 50])
    assert [one.get_text() for one in axis.get_yticklabels()] == ["Blip (10)", "Chirp (10)", "Whistle (10)"]
    # The first class stands at the top.
    assert axis.yaxis_inverted()
    assert "Accuracy 0.8333 of all examples" in drawn.caption and "A. Paper 2000" in drawn.caption
    assert "Whistle 0.600, Chirp 0.900" in drawn.caption


def test_without_reported_numbers_there_are_ours_alone(evaluated):
    with style.look():
        drawn, _ = recall.drawn(evaluated, SETTINGS | {"reported": None})
    assert len(drawn.figure.axes[0].lines) < 5 and "Open circles" not in drawn.caption


def test_the_most_frequent_mistakes_are_told(evaluated):
    with style.look():
        _, drawn = recall.drawn(evaluated, SETTINGS)
    assert "Most often mistaken: Whistle for Chirp (4), Chirp for Blip (1)." in drawn.caption
    assert texts(drawn.figure) == ["100", "10", "90", "40", "60"]
    perfect = {"datasets": {"test": counted([[0] * 10, [1] * 10, [2] * 10])}}
    with style.look():
        _, drawn = recall.drawn(perfect, SETTINGS)
    assert "No example is mistaken." in drawn.caption


def test_networks_stand_beside_one_another_and_the_reported_numbers(evaluated):
    other = {"datasets": {"test": counted([[1] * 10, [1] * 10, [2] * 10])}}
    with style.look():
        drawn, table = recall.compared({"one-1": evaluated, "two-1": other}, SETTINGS)
    assert table["heads"] == ["class", "examples", "one-1", "two-1", "reported"]
    assert table["rows"] == [
        ["Blip", "10", "100.0", "0.0", "90.0"],
        ["Chirp", "10", "90.0", "100.0", "–"],
        ["Whistle", "10", "60.0", "100.0", "50.0"],
    ]
    assert texts(drawn.figure) == [cell for row in table["rows"] for cell in row[2:]]
    assert "one-1 0.8333, two-1 0.6667" in drawn.caption


def test_networks_are_read_from_their_folders(evaluated, tmp_path):
    for name in ("one-1", "two-1"):
        folder = tmp_path / name
        model = models.build("merged_view_cnn", (1, 16, 16), 3, 1)
        about = {"model": "merged_view_cnn", "shape": [1, 16, 16], "classes": CLASSES}
        checkpoint.write(folder / "model.safetensors", model.state_dict(), about)
        (folder / "evaluate").mkdir()
        (folder / "evaluate" / "metrics.json").write_text(json.dumps(evaluated))
    paths = [tmp_path / name / "model.safetensors" for name in ("one-1", "two-1")]
    with style.look():
        figures, tables = compare.of_pictures(paths, SETTINGS)
    assert [one.name for one in figures] == list(listing.COMPARISONS["pictures"])
    assert tables[0]["heads"][2:] == ["one-1", "two-1", "reported"]
