"""False alarms, held against brute force, scipy and cases made by hand; the verb `evaluate` as a whole."""

import argparse
import itertools
import json
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.signal
import scipy.stats
import torch

from gwsim import background, checkpoint, dataset, evaluate, models, noise, render, seeds
from gwsim.cli import evaluate as verb
from gwsim.errors import GwsimError
from gwsim.waveforms import sources

CLASSES = ["noise", "s18", "m39"]
BY = "distance_target_kpc"
BLOCKS = [
    {"split": "validation", "start": 100, "end": 112},
    {"split": "test", "start": 112, "end": 119},
    {"split": "validation", "start": 130, "end": 134},
    {"split": "test", "start": 200, "end": 203},
    {"split": "test", "start": 300, "end": 320},
]


# ---- windows


def brute_force(blocks, split, size, margin, rate):
    """Walk through every sample and take a window whenever it has room and nothing was taken yet."""
    found = []
    for number, block in enumerate(blocks):
        samples, free = (block["end"] - block["start"]) * rate, 0
        for start in range(samples if block["split"] == split else 0):
            if start >= max(free, margin) and start + size - 1 + margin <= samples - 1:
                found.append((number, start))
                free = start + size
    return found


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("size, margin", [(16, 20), (16, 0), (24, 17), (7, 33), (1, 1)])
def test_windows_are_all_that_fit_side_by_side_with_their_margins(split, size, margin):
    got = background.windows(BLOCKS, split, size, margin, 16)
    starts = list(zip(got["psd_block"], got["start_sample"], strict=True))
    assert starts == brute_force(BLOCKS, split, size, margin, 16)
    assert (got["system"] == -1).all()
    for (one, first), (other, second) in itertools.pairwise(starts):
        assert one != other or second - first >= size


def test_windows_know_their_gps_time():
    got = background.windows(BLOCKS, "test", 7, 5, 16)
    for row in got.itertuples():
        wanted = BLOCKS[row.psd_block]["start"] + Fraction(int(row.start_sample), 16)
        assert row.gps_second + Fraction(int(row.gps_nanosecond), 10**9) == wanted


def test_a_split_without_windows_is_refused():
    with pytest.raises(GwsimError, match=r"split 'train': expected one of test, validation"):
        background.windows(BLOCKS, "train", 16, 0, 16)
    with pytest.raises(GwsimError, match=r"split 'validation' .*window of 10 s with its margins of 2 s"):
        background.windows(BLOCKS, "validation", 160, 32, 16)


# ---- windows, rendered

RATE, IFOS = 1024, ["H1", "L1", "V1"]
NOISE_SETTINGS = {
    "ifos": IFOS,
    "sample_rate": RATE,
    "band": [20, 400],
    "stretch": 10,
    "stretch_min": 4,
    "kind": "whitened",
    "psd_segment": 1,
    "filter": 1,
    "block": 16,
}
RENDER = {
    "ifos": IFOS,
    "sample_rate": RATE,
    "band": [20, 400],
    "duration": 0.5,
    "event_range": [0.0, 0.1],
    "source": "ccsn",
    "crop": "after",
    "polarisation_convention": "standard",
    "spectrogram": {"window": 64, "hop": 32, "f_max": 400, "stored": True},
    "keep_bits": 23,
    "whiten": "block",
    "glitches": False,
    "shard_rows": 64,
    "examples": 64,
}
SEGMENTS = [
    {"split": "validation", "start": 0, "end": 9},
    {"split": "test", "start": 16, "end": 24},
]


class Noise:
    """Whitened noise of SEGMENTS in memory: NaN where a window must not reach."""

    def __init__(self, path=None):
        lengths = [block["end"] - block["start"] for block in SEGMENTS]
        strain = [seeds.generator("test", "noise", i).normal(size=n * RATE) for i, n in enumerate(lengths)]
        made = [noise.of_block(1e-21 * one, NOISE_SETTINGS) for one in strain]
        self.taps = len(made[0]["filter"])
        self.strain = np.stack([np.stack([one["strain"]] * 3) for one in made])

    def windows(self, blocks, first, size):
        return np.stack([self.strain[b, :, f : f + size] for b, f in zip(blocks, first, strict=True)])


class Bank:
    start, samples, own = 0.1, 256, False

    def __init__(self, path=None):
        pass


@pytest.fixture(scope="module")
def source():
    return Noise()


def test_sizes_are_those_of_the_noise_store(source):
    within = {"sample_rate": RATE, "filter": 1, "stft_window": 64}
    wanted = {"size": RATE // 2, "margin": noise.margin_samples(within), "rate": RATE}
    assert background.sizes(RENDER, source.taps) == wanted


def test_rows_of_noise_need_no_more_than_their_place(source):
    table = background.windows(SEGMENTS, "validation", **background.sizes(RENDER, source.taps))
    assert len(table) == (9 - 1) * 2 - 1
    renderer = render.Renderer(RENDER, source, Bank())
    read = background.reader(renderer, table, dataset.View())
    got = read(np.arange(3, 10))
    for values, row in zip(got, table.iloc[3:10].itertuples(), strict=True):
        first = row.start_sample - 32
        strain = source.strain[row.psd_block, :, first : first + RATE // 2 + 64].astype(np.float64)
        _, _, wanted = scipy.signal.stft(
            strain, nperseg=64, noverlap=32, window="hann", boundary=None, padded=False
        )
        wanted = np.abs(wanted[:, :26])
        wanted = (wanted - wanted.min()) / (wanted.max() - wanted.min())
        np.testing.assert_allclose(values, wanted, atol=1e-5)


def test_a_network_of_strain_gets_the_windows_own_samples(source):
    table = background.windows(SEGMENTS, "validation", **background.sizes(RENDER, source.taps))
    renderer = render.Renderer(RENDER, source, Bank())
    got = background.reader(renderer, table, dataset.View("strain", "none"))(np.arange(2, 5))
    for values, row in zip(got, table.iloc[2:5].itertuples(), strict=True):
        first = row.start_sample
        np.testing.assert_array_equal(values, source.strain[row.psd_block, :, first : first + RATE // 2])


def test_windows_fill_what_the_whitening_leaves(source):
    sizes = background.sizes(RENDER, source.taps)
    renderer = render.Renderer(RENDER, source, Bank())
    for block in SEGMENTS:
        table = background.windows(SEGMENTS, block["split"], **sizes)
        assert np.isfinite(renderer.rows(table)[0]["strain"]).all()
        room = (block["end"] - block["start"]) * RATE - sizes["margin"] - table["start_sample"].max()
        assert sizes["size"] <= room < 2 * sizes["size"]
    beyond = table.assign(start_sample=table["start_sample"] - sizes["margin"] + 32)
    with pytest.raises(GwsimError, match="reach past the whitened noise"):
        renderer.rows(beyond)


DESCRIPTION = {
    "network": "paper-1",
    "model": "ccsn_cnn",
    "classes": CLASSES,
    "array": "spectrogram",
    "scale": "minmax",
    "ifos": IFOS,
    "sample_rate": RATE,
    "shape": [3, 26, 17],
}


def test_noise_is_rendered_as_the_network_was_fed():
    background.expect(DESCRIPTION, RENDER, 0.5)
    background.expect(DESCRIPTION | {"shape": (3, 26, 17)}, RENDER | {"duration": 1 / 2}, 0.5)


def test_noise_is_lowered_to_the_networks_rate():
    series = DESCRIPTION | {"array": "strain", "scale": "none", "rate": 256, "shape": [3, 128]}
    background.expect(series, RENDER, 0.5)
    with pytest.raises(GwsimError, match=r"shape: expected \[3, 128\], render makes \[3, 512\]"):
        background.expect(series | {"rate": None}, RENDER, 0.5)


@pytest.mark.parametrize(
    "change, seconds, words",
    [
        ({"ifos": ["H1"]}, 0.5, r"ifos: expected \['H1'\], render makes \['H1', 'L1', 'V1'\]"),
        ({"sample_rate": 4096}, 0.5, "sample_rate: expected 4096, render makes 1024"),
        ({"shape": [3, 94, 33]}, 0.5, r"shape: expected \[3, 94, 33\], render makes \[3, 26, 17\]"),
        ({}, 1, "seconds: expected 1.0, render makes 0.5"),
    ],
)
def test_other_windows_than_the_networks_are_refused(change, seconds, words):
    with pytest.raises(GwsimError, match=f"not what the network paper-1 is for; {words}"):
        background.expect(DESCRIPTION | change, RENDER, seconds)


# ---- thresholds

LOUD = seeds.generator("test", "statistic").normal(size=1728)  # of 100 s each: two days


@pytest.mark.parametrize("rate, alarms", [(864.0, 1728), (100.0, 200), (10.0, 20), (1.7, 3), (0.5, 1)])
def test_a_threshold_has_just_the_wanted_alarms_where_it_is_set(rate, alarms):
    (got,) = background.thresholds(LOUD, 100.0, [rate])
    assert got["alarms"] == alarms
    assert (got["threshold"] <= LOUD).sum() == alarms
    assert (got["per_day"], got["note"]) == (rate, None)


def test_rates_that_are_whole_but_for_rounding_are_not_cut():
    # Three of 100 windows of 60.48 s, which are 2.9999999999999996 in floating point.
    rate = 3 * 86400 / (100 * 60.48)
    assert rate * (100 * 60.48) / 86400 < 3
    (got,) = background.thresholds(LOUD[:100], 60.48, [rate])
    assert got["alarms"] == 3


def test_what_is_as_loud_as_the_threshold_is_an_alarm():
    loud, taken = np.array([1.0, 2.0, 3.0]), np.array([0, 0, 2])
    found = background.flagged({"rule": "10_per_day", "threshold": 2.0}, loud, taken, 0)
    np.testing.assert_array_equal(found, [False, True, True])
    found = background.flagged({"rule": "argmax", "threshold": None}, loud, taken, 0)
    np.testing.assert_array_equal(found, [False, False, True])
    assert background.flagged({"rule": "1_per_day", "threshold": None}, loud, taken, 0) is None


def test_a_rate_below_one_in_the_live_time_is_out_of_reach():
    one, none = background.thresholds(LOUD, 100.0, [0.5, 0.499])
    assert one["threshold"] == LOUD.max()
    assert none["threshold"] is None and none["alarms"] is None
    assert "not reachable: 0.499 per day is less than one in the 172800 s" in none["note"]


def test_ties_never_give_more_alarms_than_wanted():
    tied = np.array([9.0, 5, 5, 5, 1, 0, 0, 0, 0, 0])
    got = background.thresholds(tied, 8640.0, [1.0, 2.0, 3.0, 4.0, 5.0])
    assert [one["alarms"] for one in got] == [1, 1, 1, 4, 5]
    assert [one["threshold"] for one in got] == [9, 9, 9, 5, 1]
    (none,) = background.thresholds(np.ones(10), 8640.0, [4.0])
    assert none["threshold"] is None
    assert "the 10 loudest windows are equally loud, 4 may be alarms" in none["note"]


def test_more_alarms_than_windows_are_refused():
    with pytest.raises(GwsimError, match=r"865 is more than one a window of 100 s: expected at most 864"):
        background.thresholds(LOUD, 100.0, [10.0, 865.0])


def test_a_threshold_holds_on_other_noise_of_the_same_kind():
    rng, chance = seeds.generator("test", "calibrated"), []
    for _ in range(400):
        (rule,) = background.thresholds(rng.normal(size=500), 86.4, [40.0])
        chance.append(scipy.stats.norm.sf(rule["threshold"]))
    # Order statistics: the k-th loudest of n has mean chance k / (n + 1).
    error = math.sqrt(20 * 481 / 501**2 / 502 / 400)
    assert np.mean(chance) == pytest.approx(20 / 501, abs=4 * error)


# ---- what the rules do


@pytest.mark.parametrize("count", [0, 1, 2, 40, 1000])
def test_poisson_intervals_hold_their_tails(count):
    tail = (1 - math.erf(1 / math.sqrt(2))) / 2
    low, high = background.poisson(count)
    assert scipy.stats.poisson.cdf(count, high) == pytest.approx(tail)
    if count:
        assert scipy.stats.poisson.sf(count - 1, low) == pytest.approx(tail)
    else:
        assert low == 0


def test_measured_rates_are_counts_over_live_time():
    alarms = np.arange(43200) % 1080 == 0
    got = background.measured(alarms, 4.0)  # 40 in two days
    assert (got["alarms"], got["live_seconds"], got["per_day"]) == (40, 172800, 20)
    # The exact interval is half an event wider than the root, on either side.
    assert got["error"] == pytest.approx((math.sqrt(40) + 0.5) / 2, rel=0.01)
    assert got["low"] < 20 < got["high"]


def test_detection_counts_each_class():
    labels = np.array([0, 0, 1, 1, 1, 2])
    flags = np.array([False, True, True, True, False, True])
    got = background.detection(flags, labels, 3)
    assert got["detected"] == pytest.approx([1 / 2, 2 / 3, 1])
    assert got["n"] == [2, 3, 1]
    interval = scipy.stats.binomtest(2, 3).proportion_ci(math.erf(1 / math.sqrt(2)), "wilson")
    assert [got["detected_low"][1], got["detected_high"][1]] == pytest.approx([*interval])


def test_the_curve_counts_what_is_as_loud_or_louder():
    got = background.curve(LOUD, 100.0)
    assert len(got["threshold"]) <= 200
    assert (got["threshold"][0], got["threshold"][-1]) == (LOUD.max(), LOUD.min())
    for threshold, per_day in zip(got["threshold"], got["per_day"], strict=True):
        assert per_day == pytest.approx((threshold <= LOUD).sum() / 2)


# ---- all together


def case():
    """One-second windows of noise: four in a hundred are taken for a signal. A dataset of three classes."""
    rng = seeds.generator("test", "case")
    tables = {}
    for split, count in (("validation", 4000), ("test", 2000)):
        taken = (np.arange(count) % 25 == 0).astype(np.int32)
        statistic = np.where(taken == 1, 3.0, -3.0) + rng.normal(size=count)
        tables[split] = pd.DataFrame({"statistic": statistic, "predicted": taken})
    labels = np.arange(300) % 3
    logits = rng.normal(size=(300, 3)) + 3 * np.eye(3)[labels]
    distance = np.where(np.arange(300) % 2, 1.0, 10.0)
    table = pd.DataFrame({"label": labels, BY: np.where(labels > 0, distance, np.nan)})
    return tables, {"set": (evaluate.predictions(logits, np.arange(300), labels, CLASSES), table)}


SETTINGS = {"threshold": "validation", "measured": "test", "seconds": 1.0, "per_day": [4320.0, 432.0, 1.0]}
SETTINGS |= {"by": BY, "grouped": ["set"]}


def test_rules_find_what_their_threshold_lets_through():
    tables, sets = case()
    got = background.described(tables, sets, CLASSES, SETTINGS)
    argmax, often, seldom, never = got["rules"]
    assert [rule["rule"] for rule in got["rules"]] == ["argmax", "4320_per_day", "432_per_day", "1_per_day"]
    assert (argmax["alarms"], argmax["measured"]["alarms"], argmax["measured"]["windows"]) == (160, 80, 2000)
    assert (often["alarms"], seldom["alarms"]) == (200, 20)
    found, table = sets["set"]
    score = found["score_noise"].astype(np.float64)
    for rule in (often, seldom):
        loud = (tables["test"]["statistic"] >= rule["threshold"]).sum()
        assert rule["measured"]["alarms"] == loud
        flags = np.log((1 - score) / score) >= rule["threshold"]
        assert rule["detection"]["set"]["detected"] == pytest.approx(
            list(flags.groupby(found["label"]).mean())
        )
        for value, group in rule["detection"]["set"]["groups"].items():
            mine = (table[BY] == float(value)) | (table["label"] == 0)
            wanted = flags[mine].groupby(found["label"][mine]).mean()
            assert group["detected"] == pytest.approx(list(wanted))
    taken = (found["predicted"] != 0).groupby(found["label"]).mean()
    assert argmax["detection"]["set"]["detected"] == pytest.approx(list(taken))
    assert (never["measured"], never["detection"]) == (None, {"set": None})
    assert got["splits"]["test"] == {"windows": 2000, "live_seconds": 2000}


def test_numbers_have_the_papers_form_and_names_that_stay():
    tables, sets = case()
    described = background.described(tables, sets, CLASSES, SETTINGS)
    got = background.numbers(described)
    ends = ("set", "set_1kpc", "set_10kpc")
    rules = ("4320_per_day", "432_per_day", "1_per_day")
    wanted = {f"detection_{end}_{rule}" for end in ends for rule in ("argmax", *rules)}
    wanted |= {f"{what}_{rule}" for what in ("false_alarms", "threshold") for rule in rules}
    wanted |= {f"false_alarms_per_{span}_argmax" for span in ("day", "second", "25s")}
    assert set(got) == wanted
    # Four in a hundred seconds are one in 25 s.
    assert got["false_alarms_per_25s_argmax"]["value"] == pytest.approx(1)
    assert got["false_alarms_per_25s_argmax"]["error"] == pytest.approx((math.sqrt(80) + 0.5) / 80, rel=0.01)
    assert got["false_alarms_per_second_argmax"]["value"] == pytest.approx(0.04)
    assert got["false_alarms_per_day_argmax"]["value"] == pytest.approx(3456)
    assert got["false_alarms_1_per_day"]["value"] is None
    assert "not reachable: 1 per day" in got["detection_set_10kpc_1_per_day"]["meaning"]
    shares = described["rules"][1]["detection"]["set"]["groups"]["10"]["detected"]
    assert got["detection_set_10kpc_4320_per_day"]["value"] == pytest.approx((shares[1] + shares[2]) / 2)
    assert got["detection_set_10kpc_4320_per_day"]["n"] == 100
    assert json.loads(json.dumps([got, described], allow_nan=False)) == [got, described]


def test_a_threshold_measured_on_its_own_noise_is_refused():
    tables, sets = case()
    with pytest.raises(GwsimError, match="set and measured on split 'test', expected two splits"):
        background.described(tables, sets, CLASSES, SETTINGS | {"threshold": "test"})


# ---- the verb


class Examples:
    """A dataset in memory, in place of a finished one."""

    def __init__(self, folder, view):
        rng = seeds.generator("test", folder.parent.name)
        self.name, self.classes, self.ifos, self.sample_rate = folder.parent.name, CLASSES, IFOS, RATE
        self.shape = view.shape(RENDER)
        labels = np.arange(30) % 3
        grid = np.where(labels > 0, np.where(np.arange(30) % 2, 1.0, 10.0), np.nan)
        self.table = pd.DataFrame({"label": labels.astype(np.int32), "snr": 20.0 / grid, BY: grid})
        self.values = rng.random((30, *self.shape)).astype(np.float32)

    def read(self, rows):
        return self.values[rows]


NETWORKS = {
    "ccsn_cnn": DESCRIPTION,
    "resnet54": DESCRIPTION | {"model": "resnet54", "array": "strain", "scale": "none", "rate": 512},
}
NETWORKS["resnet54"]["shape"] = [3, 256]


@pytest.fixture(params=NETWORKS)
def arguments(request, tmp_path, monkeypatch):
    monkeypatch.setattr(noise, "NoiseStore", Noise)
    monkeypatch.setattr(sources, "opened", Bank)
    monkeypatch.setattr(dataset, "Examples", Examples)
    description = NETWORKS[request.param]
    network = models.build(request.param, tuple(description["shape"]), 3, 1)
    checkpoint.write(tmp_path / "model.safetensors", network.state_dict(), description)
    settings = {
        "datasets": ["validation", "test"],
        "grouped": ["test"],
        "by": BY,
        "background": {"threshold": "validation", "measured": "test"},
        "false_alarms_per_day": [20000, 1],
        "shown": [1],
        "seconds": 0.5,
    }
    for name, content in (("settings", settings), ("render", RENDER), ("segments", {"blocks": SEGMENTS})):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    parser = argparse.ArgumentParser()
    verb.arguments(parser)
    words = [f"--settings {tmp_path / 'settings'}.json --noise"]
    words += [f"{tmp_path / name}.json" for name in ("noise", "segments", "bank", "render")]
    words += [
        f"--model {tmp_path}/model.safetensors",
        f"--metrics {tmp_path}/out/metrics.json",
        "--device cpu",
    ]
    words += [f"--data {tmp_path}/test/manifest.json {tmp_path}/validation/manifest.json"]
    return parser.parse_args(" ".join(words).split())


def test_the_verb_writes_predictions_and_numbers_that_follow_from_them(arguments):
    verb.run(arguments)
    folder = arguments.metrics.parent
    names = ["background.parquet", "metrics.json", "test.parquet", "validation.parquet"]
    assert sorted(path.name for path in folder.iterdir()) == names
    metrics = json.loads(arguments.metrics.read_text())
    assert list(metrics["datasets"]) == ["validation", "test"]
    predicted = pd.read_parquet(folder / "test.parquet")
    found = (predicted["label"] == predicted["predicted"]).mean()
    assert metrics["numbers"]["accuracy_test"]["value"] == pytest.approx(found)
    windows = pd.read_parquet(folder / "background.parquet")
    kinds = {name: str(kind) for name, kind in windows.dtypes.items()}
    assert kinds == {name: kind for name, (kind, _, _) in background.COLUMNS.items()}
    rule = metrics["background"]["rules"][1]
    loud = windows[windows["statistic"] >= rule["threshold"]]["split"].value_counts()
    live = (windows["split"] == "validation").sum() / 2
    assert loud["validation"] == rule["alarms"] == int(20000 * live / 86400)
    assert loud.get("test", 0) == rule["measured"]["alarms"]
    assert metrics["background"]["rules"][2]["measured"] is None


def test_windows_of_noise_get_the_logits_of_their_own_input(arguments, source):
    verb.run(arguments)
    windows = pd.read_parquet(arguments.metrics.with_name("background.parquet"))
    network, description = checkpoint.load(arguments.model)
    row = windows[windows["split"] == "test"].iloc[4]
    table = pd.DataFrame([row]).assign(system=-1)
    values, _ = render.Renderer(RENDER, source, Bank()).rows(table)
    with torch.no_grad():
        logits = network(_input(values, description)).numpy()
    p = np.exp(logits[0].astype(np.float64) - logits[0].max())
    assert row["statistic"] == pytest.approx(math.log((p[1] + p[2]) / p[0]), abs=1e-4)
    assert row["predicted"] == p.argmax()


def _input(values, description):
    if description["array"] == "strain":
        return torch.from_numpy(dataset.view_of(description).raw(values, RENDER))
    values = values["spectrogram"]
    return torch.from_numpy((values - values.min()) / np.ptp(values))


def test_a_dataset_too_many_or_too_few_is_refused(arguments):
    arguments.data = arguments.data[:1]
    with pytest.raises(
        GwsimError, match=r"--data has .*test/manifest.json; expected .* once: validation, test"
    ):
        verb.run(arguments)


def test_a_class_without_rows_is_refused_before_the_work(arguments, monkeypatch):
    whole = Examples.__init__

    def short(self, folder, view):
        whole(self, folder, view)
        self.table = self.table[self.table["label"] != 1]

    monkeypatch.setattr(Examples, "__init__", short)
    with pytest.raises(GwsimError, match=r"dataset 'validation' has no rows of s18"):
        verb.run(arguments)
    assert not arguments.metrics.parent.exists()


def test_a_dataset_that_is_not_grouped_is_told_as_a_whole():
    tables, sets = case()
    (rule, *_) = background.described(tables, sets, CLASSES, SETTINGS | {"grouped": []})["rules"]
    assert rule["detection"]["set"]["groups"] == {} and len(rule["detection"]["set"]["detected"]) == len(
        CLASSES
    )
