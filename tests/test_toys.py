"""Toy pictures: forms against closed forms, noise from keys alone, tables that say what pictures show."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from test_workflow import ROOT

from gwsim import checks, configuration, draw, pictures, stages
from gwsim.errors import GwsimError
from gwsim.figures import picture_sections
from gwsim.waveforms import columns, toys
from gwsim.waveforms.sources import SOURCES

ROWS, COLUMNS, NOISE = 32, 64, 0.8
CHIRP = {
    "model": "chirp",
    "amplitude": 2.0,
    "start_row": 3.4,
    "start_column": 10.0,
    "rate": 0.3,
    "length": 20.0,
}
BLIP = {
    "model": "blip",
    "amplitude": 2.5,
    "centre_row": 12.0,
    "centre_column": 30.0,
    "sigma_row": 3.0,
    "sigma_column": 2.0,
    "drift": 0.25,
}


@pytest.fixture(scope="module")
def whole():
    """The default configuration, with every experiment but the exercise taken away."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    return config | {"experiments": {"chirp_blip": config["experiments"]["chirp_blip"]}}


@pytest.fixture(scope="module")
def made(whole):
    """The settings, systems and table of the training set."""
    found = stages.settings(whole)
    settings = found["chirp_blip/train/draw"]
    systems, table = draw.draw_pictures(SOURCES["toy"], json.loads(json.dumps(settings)))
    return found["chirp_blip/train/render"], systems, table


# ---- forms


def test_a_chirp_is_in_the_row_of_its_line_at_every_column():
    picture = toys.picture(CHIRP, ROWS, COLUMNS)
    for column in range(COLUMNS):
        expected, step = np.zeros(ROWS), column - 10
        if 0 <= step < 20:
            row = int(3.4 + 0.3 * step)
            expected[[row - 1, row, row + 1]] = 0.4 * 2.0, 2.0, 0.4 * 2.0
        np.testing.assert_allclose(picture[:, column], expected)


def test_a_chirp_that_reaches_the_top_stays_there():
    steep = CHIRP | {"start_row": 28.0, "rate": 0.5, "length": 30.0}
    picture = toys.picture(steep, ROWS, COLUMNS)
    last = picture[:, 39]
    assert last[31] == 2.0 and last[30] == 0.8 and np.count_nonzero(last) == 2
    assert np.count_nonzero(picture.sum(axis=0)) == 30


def test_a_chirp_ends_with_the_picture():
    picture = toys.picture(CHIRP | {"start_column": 60.0}, ROWS, COLUMNS)
    assert np.flatnonzero(picture.sum(axis=0)).tolist() == [60, 61, 62, 63]


def test_a_blip_has_its_peak_its_widths_and_its_drift():
    rows, columns = 401, 401
    wide = BLIP | {"centre_row": 200.0, "centre_column": 200.0, "sigma_row": 30.0, "sigma_column": 20.0}
    picture = toys.picture(wide, rows, columns)
    assert picture.max() == picture[200, 200] == 2.5
    weight = picture / picture.sum()
    row, column = np.arange(rows)[:, None] - 200, np.arange(columns) - 200
    moments = [(weight * each).sum() for each in (row, column, column**2, row * column)]
    # A middle that rises by d rows a column has a covariance of d sigma_column^2.
    np.testing.assert_allclose(moments, [0, 0, 20**2, 0.25 * 20**2], atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose((weight * row**2).sum(), 30**2 + 0.25**2 * 20**2, rtol=1e-6)


def test_noise_alone_is_nothing_and_strangers_are_refused():
    assert not toys.picture({"model": "noise"}, ROWS, COLUMNS).any()
    with pytest.raises(GwsimError, match="unknown toy koi: expected one of blip, chirp, noise"):
        toys.picture({"model": "koi"}, ROWS, COLUMNS)
    with pytest.raises(GwsimError, match="unknown toys koi"):
        toys.systems(["blip", "koi"], {}, COLUMNS, lambda name: np.zeros(2))


def test_lengths_are_as_likely_from_the_shortest_to_the_picture_s_end():
    count = 20000
    uniform = np.random.default_rng(1).random
    models = {
        "chirp": {
            **dict.fromkeys(("amplitude", "start_row", "rate"), 1.0),
            "start_column": 40.7,
            "shortest": 8,
        }
    }
    found = toys.systems(["chirp"] * count, models, COLUMNS, lambda name: uniform(count))
    assert set(found["start_column"]) == {40.0}
    counts = np.bincount(found["length"].astype(int))
    assert np.flatnonzero(counts).tolist() == list(range(8, 24)) and (abs(counts[8:] - 1250) < 5 * 35).all()
    assert np.isnan(found["drift"]).all()


# ---- tables and pictures


def test_the_table_has_each_class_as_often_and_a_key_of_its_own(made):
    _, systems, table = made
    assert list(table) == ["label", "system", "key"] and len(table) == 1200
    assert np.bincount(table["label"]).tolist() == [400, 400, 400] and table["key"].is_unique
    assert ((table["system"] < 0) == (table["label"] == 2)).all()
    assert (systems["model"].to_numpy()[table["system"][table["label"] == 1]] == "chirp").all()
    kinds = columns.SYSTEM["toy"]
    assert list(systems) == list(kinds) and systems["drift"].abs().max() <= 0.1


def test_a_shorter_table_is_the_first_rows_of_a_longer_one(whole, made):
    settings = stages.settings(whole)["chirp_blip/train/draw"] | {"examples": 30}
    _, table = draw.draw_pictures(SOURCES["toy"], settings)
    pd.testing.assert_frame_equal(table, made[2].iloc[:30])


def test_pictures_are_their_signal_and_their_key_s_noise(made):
    settings, systems, table = made
    renderer = pictures.Renderer(settings, systems)
    arrays, realised = renderer.rows(table)
    assert arrays["picture"].shape == (1200, ROWS, COLUMNS) and arrays["picture"].dtype == np.float32
    for row in (0, 63, 64, 1199):
        system = table["system"][row]
        form = toys.picture(systems.iloc[system].to_dict(), ROWS, COLUMNS) if system >= 0 else 0.0
        noise = pictures.white(int(table["key"][row]), (ROWS, COLUMNS))
        np.testing.assert_array_equal(arrays["picture"][row], (form + NOISE * noise).astype(np.float32))
        expected = np.sqrt(np.sum(np.square(form))) / NOISE if system >= 0 else np.nan
        np.testing.assert_allclose(realised["snr"][row], expected, rtol=1e-12)


def test_a_row_has_the_same_bits_whoever_asks(made):
    settings, systems, table = made
    renderer = pictures.Renderer(settings, systems)
    whole, _ = renderer.rows(table.iloc[:192])
    later, _ = pictures.Renderer(settings, systems).rows(table.iloc[128:192])
    assert whole["picture"][128:].tobytes() == later["picture"].tobytes()
    alone, _ = renderer.example(table, 150)
    assert alone["picture"].tobytes() == whole["picture"][150].tobytes()


def test_noise_is_white_normal_and_of_its_own_in_every_picture(made):
    _, _, table = made
    noise = np.stack([pictures.white(int(key), (ROWS, COLUMNS)) for key in table["key"][:400]])
    assert all(check.ok for check in picture_sections.noise_checks(noise))
    flat = noise.reshape(400, -1)
    between = (flat @ flat.T / flat.shape[1])[np.triu_indices(400, 1)]
    assert abs(between).max() < 6 / np.sqrt(flat.shape[1])


@pytest.mark.parametrize("wrong", ["louder", "shifted", "smooth", "skewed"])
def test_the_checks_of_noise_can_fail(wrong):
    noise = np.random.default_rng(2).standard_normal((200, ROWS, COLUMNS))
    assert all(check.ok for check in picture_sections.noise_checks(noise))
    changed = {
        "louder": noise * 1.02,
        "shifted": noise + 0.02,
        "smooth": noise + 0.05 * np.roll(noise, 1, axis=2),
        "skewed": noise + 0.02 * (noise**2 - 1),
    }[wrong]
    assert not all(check.ok for check in picture_sections.noise_checks(changed))


def test_parameters_have_the_distributions_of_the_configuration(whole, made):
    _, systems, _ = made
    for model, specs in whole["experiments"]["chirp_blip"]["waveforms"]["models"].items():
        mine = systems[systems["model"] == model]
        for name in set(toys.DRAWN[model]) - {"start_column"}:
            assert checks.uniform(name, mine[name].to_numpy(), specs[name]).ok, name


# ---- the configuration


def refused(whole, change, message):
    with pytest.raises(GwsimError, match=message):
        configuration.check(
            configuration.pruned(configuration.overlay(whole, {"experiments": {"chirp_blip": change}}))
        )


def test_the_configuration_of_the_exercise_needs_no_strain(whole):
    configuration.check(whole)
    found = stages.settings(whole)
    assert {"chirp_blip/train/draw", "chirp_blip/exercise", "chirp_blip/networks/cnn/train"} <= set(found)
    assert "chirp_blip/evaluate" not in found and stages.noises(whole).keys() == {"demo"}
    assert found["chirp_blip/networks/cnn/train"]["classes"] == ["blip", "chirp"]
    assert found["chirp_blip/networks/cnn_noise/train"]["classes"] == ["blip", "chirp", "noise"]
    assert found["report"]["experiments"]["chirp_blip"]["networks"] == {}
    assert "exercise" not in found["chirp_blip/train/card"]["configuration"]["experiments"]["chirp_blip"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ifos": ["H1"]}, "chirp_blip.ifos: toy pictures have none"),
        ({"sample_rate": 4096}, "chirp_blip.sample_rate: toy pictures have none"),
        ({"duration": 1}, "chirp_blip.duration: toy pictures have none"),
        ({"draw": {"snr": 8}}, "chirp_blip.draw: got snr, toys are drawn as waveforms.models say"),
        (
            {"datasets": {"test": {"examples": 301}}},
            "datasets.test.examples: got 301, expected a multiple of 3",
        ),
        ({"datasets": {"test": {"reuse": "never"}}}, "datasets.test.reuse: toys have none"),
        ({"waveforms": {"models": {"blip": {"sigma_row": 0}}}}, "blip.sigma_row: expected values above zero"),
        ({"waveforms": {"models": {"blip": {"sigma_row": {"uniform": None, "grid": [1, 2]}}}}}, "got a grid"),
        ({"waveforms": {"models": {"chirp": {"shortest": 15}}}}, "a shortest chirp leaves the 64 columns"),
        ({"waveforms": {"models": {"koi": {}}}}, "unknown key 'koi'"),
        (
            {"networks": {"cnn": {"classes": ["chirp", "blip"]}}},
            "cnn.classes: got chirp, blip, expected the first of",
        ),
        (
            {"networks": {"cnn": {"classes": ["blip", "noise"]}}},
            "cnn.classes: got blip, noise, expected the first of",
        ),
        ({"networks": {"cnn": {"array": "strain"}}}, "cnn.array: got strain, expected picture"),
        ({"networks": {"cnn": {"train": {"mix": True}}}}, "cnn.train.mix: toy pictures have no SNR"),
        ({"networks": {"cnn": {"train": {"dataset": "test"}}}}, "'test' is what the exercise asks about"),
        (
            {"exercise": {"linear": "cnn"}},
            "exercise.linear: 'cnn' is toy_cnn of 2 classes, expected linear_pixels of 2",
        ),
        ({"exercise": {"three": "none"}}, "exercise.three: no network 'none'"),
        ({"exercise": {"dataset": "gallery"}}, "exercise.dataset: no dataset 'gallery'"),
        ({"exercise": {"drifts": [1, 1]}}, "expected least < greatest"),
        ({"evaluate": {"datasets": ["test"]}}, "exercise: got evaluate beside it"),
        ({"whiten": "given", "duration": 1}, "chirp_blip"),
    ],
)
def test_what_is_wrong_with_an_exercise_is_said(whole, change, message):
    refused(whole, change, message)


def test_classes_of_a_network_go_with_an_exercise_alone():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    change = {"experiments": {"ccsn": {"networks": {"paper": {"classes": ["noise", "he3.5"]}}}}}
    with pytest.raises(GwsimError, match="paper know some classes alone, which goes with an exercise"):
        configuration.check(configuration.overlay(config, change))


def test_strain_still_needs_its_duration():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    change = {"experiments": {"ccsn": {"duration": None}}}
    with pytest.raises(GwsimError, match=r"ccsn: 'duration' is missing .*Length of an example"):
        configuration.check(configuration.pruned(configuration.overlay(config, change)))
