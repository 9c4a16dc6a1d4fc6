"""The same examples at another loudness: names, tables, and the workflow that makes them."""

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray
import yaml
from test_glitch_workflow import marks

from gwsim import configuration, draw, loudness, manifest, noise, stages
from gwsim.errors import GwsimError
from gwsim.waveforms.sources import detector_glitches, supernovae

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "workflow" / "configs" / "tiny.yaml"
DEFAULT = configuration.load([ROOT / "config.yaml", TINY])
BLOCKS = [{"split": "train", "start": 1000, "end": 1128}, {"split": "test", "start": 1400, "end": 1464}]
TARGETS = ["snr_target", "distance_target_kpc"]


# Names


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("train-snr12", {"snr": 12}),
        ("train-snr8.5", {"snr": 8.5}),
        ("train-snr8to12", {"snr": {"uniform": [8, 12]}}),
        ("train-snr8.25to12.5", {"snr": {"uniform": [8.25, 12.5]}}),
        ("train-d3kpc", {"distance_kpc": 3}),
        ("train-d0.5kpc", {"distance_kpc": 0.5}),
        ("train-d1to10kpc", {"distance_kpc": {"uniform": [1, 10]}}),
    ],
)
def test_a_name_says_of_which_dataset_it_is_and_how_loud(name, column):
    parent, found = loudness.parse(name)
    assert parent == "train"
    # As JSON has it, so that settings are the same however a dataset was asked for.
    assert json.dumps(found) == json.dumps(column)


WOULD = "train-snr12, train-snr8to12, train-d3kpc or train-d1to10kpc"
BAD = {
    "train-snr": WOULD,
    "train-": WOULD,
    "train-snr-3": WOULD,
    "train-x5": WOULD,
    "train-snr1e2": WOULD,
    "train-snr8to": WOULD,
    "train-snr8to9to10": WOULD,
    "train-d3": WOULD,
    "train-d3Mpc": WOULD,
    "train-snr12-snr8": WOULD,
    "train-snr12 ": WOULD,
    "train-snr0": "'train-snr0': got 0, expected values above zero",
    "train-d0.0to3kpc": "got 0.0, expected values above zero",
    "train-snr12to8": "'train-snr12to8': got 12 to 8, expected the lower value first",
    "train-snr8to8": "got 8 to 8, expected the lower value first",
    "nosuch-snr12": "'nosuch-snr12': no dataset 'nosuch' (known: train, validation, test, gallery)",
    "nosuch": "no dataset 'nosuch': expected one of train, validation, test, gallery; or one of them at "
    "another loudness, as train-snr12, train-snr8to12, train-d3kpc, train-d1to10kpc",
}


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_says_nothing_is_refused_with_what_would(name):
    with pytest.raises(GwsimError) as error:
        configuration.with_dataset(DEFAULT, "ccsn", name)
    assert BAD[name] in str(error.value)


# Configuration


def changed(experiment="ccsn", **datasets):
    """The default with datasets added to an experiment, or changed."""
    config = copy.deepcopy(DEFAULT)
    config["experiments"][experiment]["datasets"] |= datasets
    return config


def of(parent="train", **column):
    return {"of": parent, "draw": column}


GOOD = [12, 8.5, {"uniform": [8, 12]}, {"list": [8, 12, 20]}, {"grid": [8, 12]}, {"log_uniform": [8, 100]}]
GOOD += [{"power_law": {"index": -4, "low": 8, "high": 100}}]
GOOD += [{"normal": {"mean": 12, "sd": 2, "low": 8, "high": 20}}]
GOOD += [{"log_normal": {"median": 12, "sigma": 0.5, "low": 8, "high": 100}}]


@pytest.mark.parametrize("spec", GOOD, ids=str)
@pytest.mark.parametrize("column", ["snr", "distance_kpc"])
def test_every_form_of_a_column_may_be_given(column, spec):
    configuration.check(changed(faint=of(**{column: spec})))


TRAIN = DEFAULT["experiments"]["ccsn"]["datasets"]["train"]
FAULTS = [
    (changed(faint=of("trian", snr=8)), "faint.of: no dataset 'trian' (known: train, validation, test, gal"),
    (changed(faint=of("faint", snr=8)), "faint.of: 'faint' is itself of 'faint'"),
    (
        changed(faint=of(snr=8), fainter=of("faint", snr=4)),
        "fainter.of: 'faint' is itself of 'train' (hint: give of: train)",
    ),
    (changed(faint=of()), "faint.draw: got neither, expected one of snr and distance_kpc"),
    (changed(faint=of(snr=8, distance_kpc=3)), "faint.draw: got snr and distance_kpc, expected one of"),
    (
        changed(faint=of(snr=8, ra=0)),
        "faint.draw.ra: it is that of 'train', only snr or distance_kpc can be another",
    ),
    (changed(faint={**of(snr=8), "examples": 20}), "faint.examples: it is that of 'train', leave it out"),
    (changed(faint={**of(snr=8), "split": "test"}), "faint.split: it is that of 'train', leave it out"),
    (changed(faint=of(snr={"uniform": [0, 8]})), "faint.draw.snr: expected values above zero, got"),
    (changed(faint=of(distance_kpc=-1)), "faint.draw.distance_kpc: expected values above zero, got -1"),
    (
        changed(faint=of(snr={"grid": [8, 9, 10]})),
        "faint.examples: 200, those of 'train', is no multiple of 30 (classes times grid values), so classes "
        "would not be balanced; the nearest is 210",
    ),
    (changed(faint=of(snr={"unifrom": [8, 9]})), "faint.draw.snr: unknown key 'unifrom'"),
    (changed(faint={"of": "train"}), "faint: 'draw' is missing"),
    (changed(faint={"draw": {"snr": 8}, "examples": 20}), "faint: 'split' is missing"),
    (changed(**{"train-snr8": of(snr=9)}), "train-snr8.draw: got of: train, draw: {'snr': 9}, and its name"),
    (changed(**{"test-snr8": of(snr=8)}), "its name says another thing (of: test, draw: {'snr': 8})"),
    (changed(**{"train-x": of(snr=8)}), "'train-x' is no name of a dataset at an SNR or a distance"),
    (changed(**{"train-snr8": TRAIN}), "train-snr8.of: missing, and a name with a hyphen says"),
    (changed("glitch", near=of(distance_kpc=3)), "near.draw.distance_kpc: glitches have no distance"),
    (
        changed(
            "glitch",
            train={"split": "train", "examples": 88, "proportions": "published", "draw": {}},
            faint=of(snr={"grid": [8, 12]}),
        ),
        "faint.proportions: published ones go with no grid and no pairs",
    ),
    (changed("chirp_blip", loud=of(snr=8)), "loud.of: toy pictures have an amplitude"),
]


@pytest.mark.parametrize(("config", "message"), FAULTS, ids=[message for _, message in FAULTS])
def test_a_fault_is_told_in_words(config, message):
    with pytest.raises(GwsimError, match="the configuration has") as error:
        configuration.check(config)
    assert message in str(error.value)


def test_faults_of_the_other_dataset_are_told_once():
    config = changed(faint=of(snr=8))
    config["experiments"]["ccsn"]["datasets"]["train"]["split"] = "trian"
    config["experiments"]["ccsn"]["draw"]["ra"] = 90
    config["experiments"]["ccsn"]["datasets"]["train"]["draw"]["inclination"] = 0
    with pytest.raises(GwsimError) as error:
        configuration.check(config)
    assert str(error.value).count("no split 'trian'") == 1
    assert "faint" not in str(error.value)


@pytest.mark.parametrize("kind", ["pictures", "triggers"])
def test_what_is_as_loud_as_it_is_cannot_be_another(kind):
    experiment = {"waveforms": {"source": kind}, "datasets": {"train": {}, "faint": of(snr=8)}}
    (fault,) = loudness.faults(experiment)
    assert fault.startswith("datasets.faint.of: ") and "as loud as they are" in fault


def test_what_is_not_drawn_here_cannot_be_another():
    experiment = {
        "waveforms": {"source": "ccsn"},
        "datasets": {"theirs": {"store": "x"}, "faint": of("theirs")},
    }
    (fault,) = loudness.faults(experiment)
    assert fault == "datasets.faint.of: 'theirs' is not drawn here, and is as loud as it is"


def test_networks_may_use_it_and_leaks_are_seen_through_it():
    config = changed(faint=of("test", snr={"grid": [8, 12, 20, 40, 50]}), same=of(snr=8))
    its = config["experiments"]["ccsn"]
    its["evaluate"] |= {"datasets": ["faint", "test", "gallery"], "by": "snr_target", "shown": [8]}
    configuration.check(config)
    assert stages.settings(config)["ccsn/evaluate"]["grouped"] == ["faint", "gallery"]
    its["evaluate"]["datasets"].append("same")
    with pytest.raises(GwsimError, match="its split 'train' is that of the dataset same too"):
        configuration.check(config)


def test_a_name_and_the_configuration_say_the_same():
    by_name = configuration.with_dataset(DEFAULT, "ccsn", "train-snr8to12")
    named = changed(**{"train-snr8to12": of(snr={"uniform": [8, 12]})})
    configuration.check(named)
    found = [stages.dataset_settings(config, "ccsn", "train-snr8to12") for config in (by_name, named)]
    assert json.dumps(found[0], sort_keys=True) == json.dumps(found[1], sort_keys=True)
    assert "train-snr8to12" not in DEFAULT["experiments"]["ccsn"]["datasets"]


def test_what_a_store_carries_makes_it_again():
    its = configuration.with_dataset(DEFAULT, "ccsn", "train-snr8to12")
    wanted = stages.dataset_settings(its, "ccsn", "train-snr8to12")
    carried = configuration.pruned(json.loads(json.dumps(wanted["card"]["configuration"])))
    configuration.check(carried)
    assert list(carried["experiments"]["ccsn"]["datasets"]) == ["train", "train-snr8to12"]
    name, entry = loudness.own(carried["experiments"]["ccsn"]["datasets"])
    assert (name, entry["of"]) == ("train-snr8to12", "train")
    again = stages.dataset_settings(carried, "ccsn", name)
    assert {stage: again[stage] for stage in ("draw", "render")} == {
        stage: wanted[stage] for stage in ("draw", "render")
    }


def test_one_loudness_alone_is_inherited():
    config = changed(faint=of(distance_kpc=3))
    its = config["experiments"]["ccsn"]
    its["draw"]["snr"] = 40
    del its["datasets"]["train"]["draw"]["snr"]
    whole = loudness.written_out(its)
    drawn = {name: {**whole["draw"], **one["draw"]} for name, one in whole["datasets"].items()}
    assert "distance_kpc" not in drawn["train"] and drawn["train"]["snr"] == 40
    assert "snr" not in drawn["faint"] and drawn["faint"]["distance_kpc"] == 3
    assert drawn["faint"]["event_time"] == drawn["train"]["event_time"]
    assert whole["datasets"]["faint"]["examples"] == 200


# Tables


def drawn(config, dataset, experiment="ccsn"):
    """The table of a dataset; of one that is another one's, the other's with its loudness replaced."""
    found = stages.dataset_settings(config, experiment, dataset)["draw"]
    found = json.loads(json.dumps(found, sort_keys=True))
    found["margin"] = noise.margin_samples(found)
    if "wanted" in found:
        return draw.redrawn(drawn(config, found["dataset"], experiment), found)
    signals = {"ccsn": supernovae, "glitch": detector_glitches}[experiment]
    return draw.draw(BLOCKS, signals, found)[1]


def both(parent=None, experiment="ccsn", **column):
    """The tables of a dataset and of the same at another loudness; parent: what the first is to have."""
    train = DEFAULT["experiments"][experiment]["datasets"]["train"] | (parent or {})
    config = changed(experiment, train=train, faint=of(**column))
    configuration.check(config)
    return drawn(config, "train", experiment), drawn(config, "faint", experiment)


def same(one, other, but=()):
    pd.testing.assert_frame_equal(
        one.drop(columns=list(but)), other.drop(columns=list(but)), check_exact=True
    )


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("column", ["snr", "distance_kpc"])
@pytest.mark.parametrize("spec", GOOD, ids=str)
def test_the_distribution_of_before_gives_the_table_of_before(spec, column, paired):
    for others in ({}, {"event_time": {"grid": [0.01, 0.02]}}):
        parent = {"draw": {column: spec, **others}, "examples": 120, "paired": paired}
        same(*both(parent, **{column: spec}))


@pytest.mark.parametrize("spec", GOOD, ids=str)
def test_it_is_as_if_it_had_been_drawn_so(spec):
    _, found = both({"draw": {"snr": {"uniform": [20, 50]}}}, distance_kpc=spec)
    same(found, both({"draw": {"distance_kpc": spec}}, snr=8)[0])


def test_nothing_but_loudness_is_another_and_louder_stays_louder():
    table, found = both({"draw": {"snr": {"uniform": [20, 50]}}}, snr={"uniform": [8, 12]})
    same(table, found, but=TARGETS)
    expected = 8 + 4 * (table["snr_target"] - 20) / 30
    np.testing.assert_allclose(found["snr_target"], expected, rtol=1e-12)
    silent = (table["label"] == 0).to_numpy()
    assert silent.sum() == 20 and (found["snr_target"].isna() == silent).all()
    assert found["distance_target_kpc"].isna().all()


def test_an_snr_in_place_of_a_distance_takes_the_distance_away():
    table, found = both({"draw": {"distance_kpc": {"grid": [1, 5]}}}, snr=12)
    signal = (table["label"] > 0).to_numpy()
    assert (
        table.loc[signal, "distance_target_kpc"].notna().all() and found["distance_target_kpc"].isna().all()
    )
    assert (found.loc[signal, "snr_target"] == 12).all() and found.loc[~signal, "snr_target"].isna().all()
    same(table, found, but=TARGETS)


@pytest.mark.parametrize("before", [{"snr": 9}, {"distance_kpc": {"grid": [1, 2, 3]}}], ids=str)
@pytest.mark.parametrize("times", [{"uniform": [0, 0.1]}, {"grid": [0.01, 0.02]}, {"grid": [0, 0.02, 0.03]}])
@pytest.mark.parametrize("paired", [False, True])
def test_each_class_meets_each_value_of_a_new_grid_equally_often(before, times, paired):
    parent = {"draw": {**before, "event_time": times}, "examples": 360, "paired": paired}
    table, found = both(parent, snr={"grid": [8, 12]})
    same(table, found, but=TARGETS)
    cells = ["label", "snr_target", *(["event_time"] if "grid" in times else [])]
    counts = found[found["label"] > 0].groupby(cells).size()
    assert counts.nunique() == 1 and len(counts) == 9 * 2 * len(times.get("grid", [0]))
    # Rounds have orders of their own: nearly all of six or more coins show both sides.
    rounds = found[found["label"] > 0].groupby(cells[:1] + cells[2:])["snr_target"]
    orders = [{tuple(pair) for pair in one.to_numpy().reshape(-1, 2)} for _, one in rounds]
    assert set.union(*orders) == {(8, 12), (12, 8)} and np.mean([len(one) for one in orders]) > 1.6


def test_rows_of_a_pair_share_what_their_loudness_is_drawn_from():
    parent = {"draw": {"distance_kpc": {"grid": [1, 2, 3, 4]}}, "examples": 400, "paired": True}
    _, found = both(parent, snr={"uniform": [8, 12]})
    pairs = found[found["label"] > 0].groupby(["label", "psd_block", "start_sample"])["snr_target"]
    assert (pairs.size() == 4).all() and (pairs.nunique() == 1).all()
    assert found["snr_target"].nunique() == 90
    _, found = both(parent, snr={"grid": [8, 12]})
    pairs = found[found["label"] > 0].groupby(["label", "psd_block", "start_sample"])["snr_target"]
    assert (pairs.nunique() == 2).all()


@pytest.mark.parametrize("proportions", ["equal", "published"])
def test_glitches_have_the_snr_that_is_wanted_and_silence_none(proportions):
    table, found = both({"examples": 440, "proportions": proportions}, "glitch", snr={"uniform": [8, 12]})
    silent = table["snr_target"].isna()
    same(table, found, but=["snr_target"])
    assert silent.any() and (found["snr_target"].isna() == silent).all()
    assert found["snr_target"].dropna().between(8, 12).all() and found["snr_target"].nunique() > 300
    assert "distance_target_kpc" not in found
    names = np.array(DEFAULT["experiments"]["glitch"]["waveforms"]["models"])[table["label"]]
    for name in ("Blip", "Koi_Fish"):
        mine = found.loc[names == name, "snr_target"].rank()
        assert mine.equals(table.loc[names == name, "snr_target"].rank())


def test_a_longer_table_has_the_same_rows():
    times = {"event_time": {"grid": [0.01, 0.02, 0.03]}}
    parent = {"draw": {"snr": 9, **times}, "examples": 120}
    for spec in GOOD:
        _, short = both(parent, snr=spec)
        same(short, both(parent | {"examples": 360}, snr=spec)[1].iloc[:120])


def test_a_table_of_another_length_is_refused():
    config = changed(faint=of(snr=8))
    found = stages.dataset_settings(config, "ccsn", "faint")["draw"]
    with pytest.raises(GwsimError, match="got a table of 199 rows, expected the 200 of 'train'"):
        draw.redrawn(drawn(config, "train").iloc[:199], found)


def test_what_a_table_says_of_itself_stays():
    config = changed(faint=of(snr=8))
    table = drawn(config, "train")
    table.attrs["noise_reuse"] = 1.5
    found = draw.redrawn(table, stages.dataset_settings(config, "ccsn", "faint")["draw"])
    assert found.attrs == {"noise_reuse": 1.5} and "wanted" not in found


# The workflow


ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
MADE = ("train", "train-snr10", "train-snr20", "train-snr8to12", "train-d3kpc")
FAINT = "experiments: {ccsn: {datasets: {faint: {of: train, draw: {snr: {grid: [8, 12]}}}}}}"


def snakemake(folder, *arguments, targets=(), overlays=(), alone="ccsn"):
    """Run the workflow in a scratch folder; what it said."""
    command = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--cores", "2", *arguments]
    command += ["--configfile", str(TINY), str(ROOT / "tests" / f"{alone}_alone.yaml"), *map(str, overlays)]
    run = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    return run.returncode, run.stdout + run.stderr


def store(name):
    return f"results/ccsn/{name}/data.zarr"


def jobs(text):
    """The rules and their numbers of jobs that a dry run prints."""
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A dataset, and then the same at other loudnesses by their names alone; what was told before those."""
    folder = tmp_path_factory.mktemp("louder")
    status, text = snakemake(folder, targets=[store("train")])
    assert status == 0, text
    status, text = snakemake(folder, "--dry-run", targets=[store("train-snr8to12")])
    assert status == 0, text
    (folder / "dry.txt").write_text(text)
    before = {path: path.stat().st_mtime_ns for path in (folder / "results").rglob("*") if path.is_file()}
    status, text = snakemake(folder, targets=[store(name) for name in MADE])
    assert status == 0, text
    assert {path: path.stat().st_mtime_ns for path in before} == before
    return folder


@pytest.fixture(scope="module")
def found(folder):
    """The stores as xarray reads them."""
    return {name: xarray.open_zarr(folder / store(name), chunks=None).load() for name in MADE}


def test_nothing_upstream_runs_for_another_loudness(folder):
    told = jobs((folder / "dry.txt").read_text())
    told.pop("total")
    assert set(told) == {"settings", "redraw", "layout", "render", "finalise"}
    assert told["settings"] == 3 and told["redraw"] == 1
    made = {path.name for path in (folder / "results/ccsn/train-snr8to12").iterdir()}
    assert made == {
        *("draw.parquet", "table.parquet", "manifest.json", "data.zarr"),
        *("shards.zarr", "records", "parts"),
        *("croissant.json", "CITATION.cff", "datacite.json", ".zenodo.json"),
    }


def test_each_is_whole_and_has_the_loudness_of_its_name(folder, found):
    for name in MADE:
        assert manifest.verify(folder / "results" / "ccsn" / name)["files"]
    signal = found["train"].label.values > 0
    for name, low, high in (("train-snr10", 10, 10), ("train-snr20", 20, 20), ("train-snr8to12", 8, 12)):
        snr = found[name].snr.values[signal]
        assert (snr > low * (1 - 1e-6)).all() and (snr < high * (1 + 1e-6)).all()
        np.testing.assert_allclose(snr, found[name].snr_target.values[signal], rtol=1e-6)
        np.testing.assert_allclose(found[name].snr_whitened.values[signal], snr, rtol=0.3)
    assert np.ptp(found["train-snr8to12"].snr.values[signal]) > 3
    np.testing.assert_allclose(found["train-d3kpc"].distance_kpc.values[signal], 3, rtol=1e-12)


# What follows from loudness, by the power of the distance with which it goes.
FOLLOWS = {"snr": -1, "snr_full": -1, "snr_whitened": -1, "distance_kpc": 1}
FOLLOWS |= {f"snr_{ifo}": -1 for ifo in ("H1", "L1", "V1")}


def test_all_else_is_the_same(found):
    train = found["train"]
    other = {name for name in train.variables if name not in (*FOLLOWS, *TARGETS, "strain", "spectrogram")}
    assert {"ra", "psi", "event_time", "gps_second", "filter", "psd", "arrival_V1", "system"} <= other
    signal = train.label.values > 0
    for name in MADE[1:]:
        for column in other:
            np.testing.assert_array_equal(found[name][column].values, train[column].values)
        nearer = (found[name].distance_kpc / train.distance_kpc).values[signal]
        for column, power in FOLLOWS.items():
            ratio = (found[name][column] / train[column]).values[signal]
            # The whitened signal's is summed after it was scaled in single precision.
            np.testing.assert_allclose(ratio, nearer**power, rtol=1e-5 if column == "snr_whitened" else 1e-9)


@pytest.mark.parametrize(("one", "other"), [("train-snr20", "train"), ("train-snr8to12", "train-d3kpc")])
def test_the_signals_are_one_signal_at_several_scales_in_one_noise(found, one, other):
    """Differences of strain are proportional, sample by sample, to within the stored rounding."""
    names, signal = ("train-snr10", one, other), found["train"].label.values > 0
    first, second, third = (found[name].strain.values.astype(float) for name in names)
    scales = [1 / found[name].distance_kpc.values[:, None, None] for name in names]
    np.testing.assert_array_equal(first[~signal], third[~signal])
    lhs, rhs = (second - first) * (scales[2] - scales[0]), (third - first) * (scales[1] - scales[0])
    step = 2.0**-11 * 1.01  # half of the last of ten bits of mantissa, and single precision below it
    error = np.abs(scales[2] - scales[0]) * (np.abs(second) + np.abs(first))
    error += np.abs(scales[1] - scales[0]) * (np.abs(third) + np.abs(first))
    assert (np.abs(lhs - rhs) <= step * error + 1e-9)[signal].all()
    # And there is a signal.
    assert (np.abs(lhs).max(axis=(1, 2)) > 0.1 * step)[signal].all()
    assert (np.abs(second - first).max(axis=(1, 2)) > 0.01)[signal].mean() > 0.9


def test_a_second_run_is_idle(folder):
    status, text = snakemake(folder, targets=[store(name) for name in MADE])
    assert status == 0 and "Nothing to be done" in text


def test_the_configuration_that_says_the_same_finds_it_made(folder, tmp_path):
    overlay = tmp_path / "named.yaml"
    overlay.write_text("experiments: {ccsn: {datasets: {train-snr20: {of: train, draw: {snr: 20}}}}}")
    status, text = snakemake(folder, targets=[store("train-snr20")], overlays=[overlay])
    assert status == 0 and "Nothing to be done" in text


def test_a_dataset_of_the_configuration_has_a_page_and_is_of_the_whole_run(folder, tmp_path):
    overlay = tmp_path / "faint.yaml"
    overlay.write_text(FAINT)
    page = "results/ccsn/faint/quality/index.html"
    status, text = snakemake(folder, targets=[page], overlays=[overlay])
    assert status == 0, text
    table = pd.read_parquet(folder / "results/ccsn/faint/table.parquet")
    counts = table[table["label"] > 0].groupby(["label", "snr_target"]).size()
    assert (counts == 10).all() and len(counts) == 18
    status, text = snakemake(folder, targets=[page.replace("faint", "train")], overlays=[overlay])
    assert status == 0, text
    # What few examples let one look at, and nothing beside.
    faint, train = (marks(folder / page.replace("faint", name)) for name in ("faint", "train"))
    looked = [{name for name, mark in found.items() if mark == "look"} for found in (faint, train)]
    assert looked[0] == looked[1] and "examples of a class at a value of snr, most less least" in faint
    status, text = snakemake(folder, "--dry-run", targets=["all"], overlays=[overlay])
    assert status == 0 and jobs(text)["quality"] == 3  # of the others


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *((name, BAD[name]) for name in ("train-snr", "train-snr0", "train-snr-3", "train-snr12to8")),
        *((name, BAD[name]) for name in ("nosuch-snr12", "train-x5")),
        ("faint-snr8", "'faint' is itself of 'train' (hint: ask for train-snr8)"),
    ],
)
def test_a_bad_name_ends_with_what_would_be_understood(folder, tmp_path, name, message):
    overlay = tmp_path / "faint.yaml"
    overlay.write_text(FAINT)
    message = message.partition(" (known:")[0]
    before = sorted((folder / "results").rglob("*"))
    status, text = snakemake(folder, targets=[store(name)], overlays=[overlay])
    assert status != 0 and message in " ".join(text.split()), text
    assert sorted((folder / "results").rglob("*")) == before


def test_a_network_that_mixes_has_the_bank_of_the_other(folder, tmp_path):
    overlay = tmp_path / "mixed.yaml"
    its = yaml.safe_load(FAINT)
    its["experiments"]["ccsn"]["networks"] = {"paper": {"train": {"dataset": "faint", "mix": True}}}
    overlay.write_text(yaml.safe_dump(its))
    model = "results/ccsn/networks/paper-1/model.safetensors"
    status, text = snakemake(folder, "--dry-run", "-p", targets=[model], overlays=[overlay])
    (command,) = re.findall(r"gwsim train .*", text)
    assert status == 0 and "results/ccsn/train/bank/manifest.json" in command
    assert "results/ccsn/faint/bank" not in text and "--train results/ccsn/faint/manifest.json" in command


def test_binaries_are_the_same_at_another_distance(tmp_path):
    """Their systems are columns of the table, and the bank is as long as the windows of the other dataset."""
    name = "results/cbc/gallery"
    status, text = snakemake(tmp_path, targets=[f"{name}-d40000kpc/data.zarr"], alone="cbc")
    assert status == 0, text
    assert not (tmp_path / name / "data.zarr").exists()  # its table and its bank are enough
    status, text = snakemake(tmp_path, targets=[f"{name}/data.zarr"], alone="cbc")
    table, far = (pd.read_parquet(tmp_path / f"{one}/table.parquet") for one in (name, f"{name}-d40000kpc"))
    follows = [*FOLLOWS, *TARGETS]
    pd.testing.assert_frame_equal(table.drop(columns=follows), far.drop(columns=follows), check_exact=True)
    assert "mass_1" in table and (far["distance_kpc"].dropna() == 40000).all() and len(far) == 4
    ratio = (table["snr"] * table["distance_kpc"] / far["distance_kpc"]).dropna()
    np.testing.assert_allclose(far["snr"].dropna(), ratio, rtol=1e-9)


def test_another_runs_datasets_by_name_are_not_written_over(folder, tmp_path):
    overlay = tmp_path / "other.yaml"
    overlay.write_text("run: other")
    for card in (folder / "results/config/ccsn").glob("*/card.json"):
        if "-" not in card.parent.name:
            card.rename(tmp_path / f"{card.parent.name}.json")
    status, text = snakemake(folder, "--dry-run", targets=[store("train")], overlays=[overlay])
    for path in tmp_path.glob("*.json"):
        path.rename(folder / "results/config/ccsn" / path.stem / "card.json")
    assert status != 0 and "results/ccsn/train-d3kpc belongs to run 'tiny'" in text


def test_what_stands_on_disk_says_of_which_dataset_it_is(folder):
    attributes = json.loads((folder / store("train-d3kpc") / "zarr.json").read_text())["attributes"]
    assert attributes["title"] == "ccsn train-d3kpc"
    name, entry = loudness.own(attributes["configuration"]["experiments"]["ccsn"]["datasets"])
    assert (name, entry) == ("train-d3kpc", {"of": "train", "draw": {"distance_kpc": 3}})
    (folder / "carried.yaml").write_text(yaml.safe_dump(attributes["configuration"]))
    configuration.load([folder / "carried.yaml"])
