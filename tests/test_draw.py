"""The table: its columns, the laws of its streams, its distributions against scipy, where its noise lies."""

import copy
import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from gwsim import draw, noise, stages
from gwsim.errors import GwsimError
from gwsim.waveforms import ccsn, columns
from gwsim.waveforms.sources import binaries, detector_glitches, supernovae

RATE = 64
BLOCKS = [
    {"split": "train", "start": 1000, "end": 1128},
    {"split": "test", "start": 1200, "end": 1300},
    {"split": "train", "start": 1400, "end": 1464},
    {"split": "train", "start": 1500, "end": 1503},
]
CLASSES = ["noise", "loud", "quiet", "file"]
# Models as `ccsn.describe` tells of them.
MODELS = {
    "loud": {"source": "surrogate", "fixed_direction": False, "realisation": -1},
    "quiet": {"source": "surrogate", "fixed_direction": False, "realisation": -1},
    "file": {"source": "dat /data/x.dat", "fixed_direction": True, "realisation": -1},
}
SETTINGS = {
    "split": "train",
    "examples": 4000,
    "reuse": "overlap",
    "paired": False,
    "columns": {"event_time": {"uniform": [0, 0.15]}, "snr": {"uniform": [20, 50]}},
    "seed": 7,
    "experiment": "ccsn",
    "dataset": "train",
    "classes": CLASSES,
    "own": False,
    "waveforms": {"source": "ccsn", "models": MODELS, "realisations": "default", "columns": {}},
    "sample_rate": RATE,
    "window_samples": RATE,
    "stft_window": 16,
    "filter": 2,
    "glitches": None,
}
SETTINGS["margin"] = noise.margin_samples(SETTINGS)
EVERYWHERE = ("psd_block", "start_sample", "gps_second", "gps_nanosecond", "label", "system")


@pytest.fixture(autouse=True)
def described(monkeypatch):
    """Models stand in the settings as they are described, so that no file is opened."""
    monkeypatch.setattr(ccsn, "describe", lambda spec: spec)


def drawn(columns=None, fresh=False, models=MODELS, **changes):
    """Systems and table under some changes of the settings; columns are added to the usual ones."""
    waveforms = SETTINGS["waveforms"] | {"models": models, "realisations": "fresh" if fresh else "default"}
    changes |= {"own": fresh, "waveforms": waveforms}
    settings = SETTINGS | changes | {"columns": SETTINGS["columns"] | (columns or {})}
    settings["columns"] = {name: spec for name, spec in settings["columns"].items() if spec is not None}
    return draw.draw(BLOCKS, supernovae, settings)


def same(one, other, but=()):
    pd.testing.assert_frame_equal(
        one.drop(columns=list(but)), other.drop(columns=list(but)), check_exact=True
    )


def uniform_p(values):
    return stats.kstest(values, "uniform").pvalue


def test_the_tables_are_what_their_description_says():
    systems, table = drawn()
    assert {name: str(kind) for name, kind in table.dtypes.items()} == {
        name: kind for name, (kind, _, _) in draw.columns("ccsn").items()
    }
    assert {name: str(kind) for name, kind in systems.dtypes.items()} == {
        name: kind for name, (kind, _, _) in columns.SYSTEM["ccsn"].items()
    }
    assert len(table) == 4000 and len(systems) == 3


def test_tables_survive_parquet(tmp_path):
    for part in drawn():
        part.to_parquet(tmp_path / "t.parquet", index=False)
        same(pd.read_parquet(tmp_path / "t.parquet"), part)


@pytest.mark.parametrize("reuse", ["overlap", "never"])
@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("fresh", [False, True])
def test_a_row_is_the_same_in_a_longer_table(reuse, paired, fresh):
    grids = {"snr": {"grid": [8, 12, 20]}, "ra": {"list": [0.1, 0.2, 0.3, 0.4, 0.5]}}
    options = {"reuse": reuse, "paired": paired, "fresh": fresh, "columns": grids}
    short_systems, short = drawn(examples=60, **options)
    systems, table = drawn(examples=132, **options)
    same(table.iloc[:60], short)
    same(systems.iloc[: len(short_systems)], short_systems)
    # 50 rows end inside a round of classes x grid values.
    same(table.iloc[:50], drawn(examples=50, **options)[1])


@pytest.mark.parametrize("snr", [{"uniform": [8, 24]}, 40, {"list": [8, 12]}, {"grid": [8, 12]}])
def test_a_column_changed_changes_no_other(snr):
    _, table = drawn()
    _, louder = drawn({"snr": snr})
    same(table, louder, but=["snr_target"])
    assert not louder["snr_target"].equals(table["snr_target"])


def test_a_column_added_changes_no_other():
    _, table = drawn()
    same(table, drawn({"theta": 0.5})[1], but=["theta"])
    same(table, drawn({"psi": {"grid": [0.1, 0.2, 0.3]}})[1], but=["psi"])
    same(table, drawn({"snr": None, "distance_kpc": 3})[1], but=["snr_target", "distance_target_kpc"])


def test_louder_is_the_same_quantile():
    _, table = drawn()
    _, louder = drawn({"snr": {"uniform": [120, 150]}})
    signal = table["label"] > 0
    np.testing.assert_allclose(
        louder["snr_target"][signal] - table["snr_target"][signal], 100, rtol=0, atol=1e-12
    )


def test_datasets_seeds_and_experiments_share_no_numbers():
    _, table = drawn(examples=400)
    free = ["ra", "dec", "psi", "theta", "phi", "event_time", "snr_target"]
    for other in ({"dataset": "test"}, {"seed": 8}, {"experiment": "cbc"}):
        _, changed = drawn(examples=400, **other)
        for name in free:
            # 0 is the fixed direction of the model from a file.
            shared = set(table[name].dropna()) & set(changed[name].dropna()) - {0.0}
            assert not shared, name
        assert (table["label"] != changed["label"]).any()
        assert (table["start_sample"] != changed["start_sample"]).mean() > 0.9


def test_columns_share_no_numbers():
    _, table = drawn({"snr": {"uniform": [0, 1]}, "event_time": {"uniform": [0, 1]}})
    signal = table[table["label"] == 1]
    quantiles = {
        "ra": signal["ra"] / (2 * np.pi),
        "dec": (np.sin(signal["dec"]) + 1) / 2,
        "psi": signal["psi"] / np.pi,
        "theta": (1 - np.cos(signal["theta"])) / 2,
        "phi": signal["phi"] / (2 * np.pi),
        "snr": signal["snr_target"],
        "event_time": signal["event_time"],
    }
    correlation = np.corrcoef(list(quantiles.values())) - np.eye(len(quantiles))
    assert np.abs(correlation).max() < 4.5 / np.sqrt(len(signal))
    for name, values in quantiles.items():
        assert uniform_p(values) > 1e-3, name


def test_no_two_choices_have_a_stream_in_common():
    names = ["event_time", "snr", "distance_kpc", "ra", "dec", "psi", "theta", "phi"]
    models = {name: model | {"fixed_direction": False} for name, model in MODELS.items()}
    flat = {name: {"uniform": [0, 1]} for name in names}
    systems, table = drawn(flat, fresh=True, models=models, examples=8000)
    signal = table[table["label"] > 0]
    numbers = {name: signal[draw.TARGETS.get(name, name)].to_numpy() for name in names}
    for one, other in itertools.combinations(names, 2):
        assert not set(numbers[one]) & set(numbers[other]), (one, other)
    numbers["noise"] = signal["psd_block"].to_numpy() * 128.0 * RATE + signal["start_sample"].to_numpy()
    numbers["realisation"] = systems.loc[signal["system"], "realisation"].to_numpy()
    numbers["label"] = signal["label"].to_numpy()
    for one, other in itertools.combinations(numbers, 2):
        correlation = stats.spearmanr(numbers[one], numbers[other]).statistic
        assert abs(correlation) < 5 / np.sqrt(len(signal)), (one, other)


def test_every_class_is_as_frequent_as_any_other():
    _, table = drawn(examples=4000)
    assert table["label"].value_counts().to_dict() == dict.fromkeys(range(4), 1000)
    cycles = table["label"].to_numpy().reshape(-1, 4)
    assert (np.sort(cycles, axis=1) == np.arange(4)).all()
    # All 24 orders occur, each about as often.
    orders = np.unique(cycles, axis=0, return_counts=True)[1]
    assert len(orders) == 24 and stats.chisquare(orders).pvalue > 1e-3


def test_every_class_has_every_combination_of_grid_values_equally_often():
    _, table = drawn({"snr": {"grid": [8, 12]}, "psi": {"grid": [0, 1, 2]}}, examples=240)
    signal = table[table["label"] > 0]
    counts = signal.groupby(["label", "snr_target", "psi"]).size()
    assert len(counts) == 3 * 6 and set(counts) == {240 // 24}
    # And so in each round of 24 rows, in no fixed order.
    first = signal[signal.index < 24].groupby(["label", "snr_target", "psi"]).size()
    assert set(first) == {1} and len(first) == 18
    values = signal[signal["label"] == 1]["snr_target"].to_numpy().reshape(-1, 6)
    assert len(np.unique(values, axis=0)) > 1
    # Nor in one order for all classes.
    cycles = table.index.to_numpy() // 4
    assert signal["snr_target"].groupby(cycles[table["label"] > 0]).nunique().max() == 2


def test_paired_rows_differ_in_the_grid_alone():
    systems, table = drawn({"snr": {"grid": [8, 12, 20]}}, examples=120, paired=True, fresh=True)
    _, alone = drawn({"snr": {"grid": [8, 12, 20]}}, examples=120, fresh=True)
    for start in range(0, 120, 12):
        part = table.iloc[start : start + 12]
        for label, rows in part.groupby("label"):
            alike = rows.drop(columns=["snr_target", "system"]).drop_duplicates()
            assert len(rows) == 3 and len(alike) == 1
            if label:
                assert set(rows["snr_target"]) == {8, 12, 20}
                assert systems.loc[rows["system"], "realisation"].nunique() == 1
    assert table["ra"].nunique() == 30 and alone["ra"].nunique() == 90


LOG = {"power_law": {"index": -1, "low": 2, "high": 200}}
VOLUME = {"power_law": {"index": 2, "low": 1, "high": 10}}
STEEP = {"power_law": {"index": -2.5, "low": 1, "high": 40}}


@pytest.mark.parametrize(
    ("spec", "cdf"),
    [
        ({"uniform": [20, 50]}, stats.uniform(20, 30).cdf),
        ({"uniform": [50, 20]}, stats.uniform(20, 30).cdf),
        ({"uniform_cos": [0, np.pi]}, lambda x: (1 - np.cos(x)) / 2),
        ({"uniform_cos": [0.3, 1.2]}, lambda x: (np.cos(0.3) - np.cos(x)) / (np.cos(0.3) - np.cos(1.2))),
        ({"uniform_sin": [-np.pi / 2, np.pi / 2]}, lambda x: (1 + np.sin(x)) / 2),
        ({"uniform_sin": [0.1, 0.7]}, lambda x: (np.sin(x) - np.sin(0.1)) / (np.sin(0.7) - np.sin(0.1))),
        (LOG, stats.loguniform(2, 200).cdf),
        (VOLUME, lambda x: stats.powerlaw(3).cdf(x / 10) * 1000 / 999 - 1 / 999),
        (STEEP, stats.truncpareto(1.5, 40).cdf),
    ],
)
def test_distributions_are_those_of_scipy(spec, cdf):
    _, table = drawn({"snr": spec})
    values = table["snr_target"].dropna()
    assert stats.kstest(values, cdf).pvalue > 1e-3
    ((name, value),) = spec.items()
    low, high = (value["low"], value["high"]) if name == "power_law" else sorted(value)
    assert low - 1e-12 <= values.min() and values.max() <= high + 1e-12


def test_the_test_of_distributions_can_fail():
    _, table = drawn({"snr": {"uniform": [20, 51]}})
    assert stats.kstest(table["snr_target"].dropna(), stats.uniform(20, 30).cdf).pvalue < 1e-3


def test_constants_and_lists_are_given_as_they_are():
    _, table = drawn({"snr": 40, "psi": {"list": [0.1, 0.2, 0.3]}})
    signal = table["label"] > 0
    assert set(table["snr_target"][signal]) == {40.0}
    wanted = np.array([0.1, 0.2, 0.3])[np.arange(len(table)) % 3]
    np.testing.assert_array_equal(table["psi"], np.where(signal, wanted, np.nan))


def test_directions_are_isotropic_by_default():
    _, table = drawn(examples=8000)
    sky, source = table[table["label"] > 0], table[table["label"].isin([1, 2])]
    for values in (
        sky["ra"] / (2 * np.pi),
        (np.sin(sky["dec"]) + 1) / 2,
        sky["psi"] / np.pi,
        (1 - np.cos(source["theta"])) / 2,
        source["phi"] / (2 * np.pi),
    ):
        assert uniform_p(values) > 1e-3


def test_noise_has_noise_and_nothing_else():
    _, table = drawn()
    rows = table[table["label"] == 0]
    assert (rows["system"] == -1).all()
    assert rows.drop(columns=list(EVERYWHERE)).isna().all(axis=None)
    signal = table[table["label"] > 0]
    assert signal.drop(columns="distance_target_kpc").notna().all(axis=None)
    assert signal["distance_target_kpc"].isna().all()
    assert (table["psd_block"] >= 0).all()


def test_a_source_known_in_one_direction_is_seen_from_its_pole():
    systems, table = drawn()
    assert list(systems["fixed_direction"]) == [False, False, True]
    of_file = table["label"] == 3
    assert (table.loc[of_file, ["theta", "phi"]] == 0).all(axis=None)
    assert (table.loc[table["label"].isin([1, 2]), ["theta", "phi"]] > 0).all(axis=None)
    assert table.loc[of_file, "ra"].nunique() == of_file.sum()


def test_systems_are_one_a_model_or_one_an_example():
    systems, table = drawn()
    assert list(systems["model"]) == CLASSES[1:] and list(systems["label"]) == [1, 2, 3]
    assert list(systems["source"]) == ["surrogate", "surrogate", "dat /data/x.dat"]
    signal = table[table["label"] > 0]
    np.testing.assert_array_equal(systems.loc[signal["system"], "label"], signal["label"])
    fresh, table = drawn(fresh=True)
    signal = table[table["label"] > 0]
    np.testing.assert_array_equal(signal["system"], np.arange(3000))
    np.testing.assert_array_equal(fresh["label"], signal["label"])
    assert fresh["realisation"].nunique() == 3000 and (fresh["realisation"] >= 0).all()
    others = drawn(fresh=True, dataset="test")[0]
    assert not set(others["realisation"]) & set(fresh["realisation"])


def test_windows_stay_in_their_blocks_with_all_their_margins():
    _, table = drawn(examples=40_000)
    margin = SETTINGS["filter"] * RATE / 2 + SETTINGS["stft_window"] / 2 + 0.025 * RATE
    assert SETTINGS["margin"] >= margin
    assert set(table["psd_block"]) == {0, 2}  # the block of 3 s is too short, block 1 is another split's
    starts = {}
    for number, rows in table.groupby("psd_block"):
        samples = (BLOCKS[number]["end"] - BLOCKS[number]["start"]) * RATE
        last = samples - SETTINGS["margin"] - RATE
        assert rows["start_sample"].min() >= margin and rows["start_sample"].max() + RATE + margin <= samples
        starts[number] = rows["start_sample"] - SETTINGS["margin"], last - SETTINGS["margin"]
    # Each place is as likely as any other, in either block.
    places = np.concatenate([starts[0][0], starts[2][0] + starts[0][1] + 1])
    total = starts[0][1] + starts[2][1] + 2
    assert uniform_p((places + 0.5) / total) > 1e-3


def test_every_place_can_be_reached_and_none_else():
    settings = SETTINGS | {"reuse": "overlap"}
    blocks = [{"split": "train", "start": 0, "end": 5}, {"split": "train", "start": 9, "end": 14}]
    free = 5 * RATE - 2 * settings["margin"] - RATE + 1
    uniform = np.array([0.0, 0.5 - 1e-12, 0.5, 1 - 2**-53])
    block, start = draw.place_noise(blocks, settings, uniform, None)
    assert list(block) == [0, 0, 1, 1]
    first, last = settings["margin"], settings["margin"] + free - 1
    assert list(start) == [first, last, first, last]
    assert last + RATE + settings["margin"] == 5 * RATE
    every = draw.place_noise(blocks, settings, (np.arange(2 * free) + 0.5) / (2 * free), None)
    assert set(zip(*map(list, every), strict=True)) == {
        (b, s) for b in (0, 1) for s in range(first, last + 1)
    }


def test_blocks_too_short_for_an_example_are_an_error():
    with pytest.raises(GwsimError, match=r"no PSD block of split 'train' is as long as an example"):
        draw.draw(BLOCKS[3:], supernovae, SETTINGS)


def test_noise_that_is_never_reused_is_not_shared_even_in_margins():
    _, table = drawn(examples=132, reuse="never")
    half = SETTINGS["stft_window"] // 2
    for _, rows in table.groupby("psd_block"):
        starts = np.sort(rows["start_sample"])
        assert (np.diff(starts) >= RATE + 2 * half).all()
    assert set(table["psd_block"]) == {0, 2}
    assert (np.diff(table["start_sample"]) < 0).any()  # in random order, not along the block
    same(table[["ra"]], drawn(examples=132)[1][["ra"]])


def test_too_little_noise_is_an_error_with_its_numbers():
    step, margin = RATE + SETTINGS["stft_window"], SETTINGS["margin"]
    holds = sum(((b["end"] - b["start"]) * RATE - 2 * margin - RATE) // step + 1 for b in BLOCKS[:3:2])
    drawn(examples=holds, reuse="never")
    message = (
        rf"'train' asks for {holds + 1} examples without reuse .* split 'train' holds {holds}: .*overlap"
    )
    with pytest.raises(GwsimError, match=message):
        drawn(examples=holds + 1, reuse="never")


@pytest.mark.parametrize("rate", [64, 4096, 16384])
def test_gps_is_that_of_the_first_sample(rate):
    settings = SETTINGS | {"sample_rate": rate, "window_samples": rate, "examples": 400}
    settings["margin"] = noise.margin_samples(settings)
    _, table = draw.draw(BLOCKS, supernovae, settings)
    for row in table.itertuples():
        exact = BLOCKS[row.psd_block]["start"] + Fraction(row.start_sample, rate)
        assert row.gps_second == exact // 1 and 0 <= row.gps_nanosecond < 10**9
        assert abs(Fraction(row.gps_nanosecond, 10**9) - exact % 1) <= Fraction(1, 2 * 10**9)
    assert table["gps_nanosecond"].nunique() > 10


def test_reuse_factor_counts_seconds():
    assert draw.reuse_factor(4000, BLOCKS, SETTINGS) == pytest.approx(4000 / (128 + 64 + 3))
    half = SETTINGS | {"window_samples": RATE // 2, "split": "test"}
    assert draw.reuse_factor(50, BLOCKS, half) == pytest.approx(0.25)


def test_an_overlap_without_blocks_of_its_split_is_an_error():
    with pytest.raises(GwsimError, match="no PSD block of split 'other'"):
        drawn(split="other")


# Compact binaries: no two examples share a system

BODIES = {
    "heavy": {"approximant": "A", "mass_1": {"uniform": [5, 80]}, "mass_2": {"uniform": [5, 80]}},
    "light": {
        "approximant": "B",
        "mass_1": {"uniform": [1, 2]},
        "mass_2": 1.4,
        "spin_1z": {"uniform": [-1, 1]},
    },
}
BINARIES = {
    "own": True,
    "classes": ["noise", *BODIES],
    "waveforms": {"source": "cbc", "models": BODIES, "columns": {}},
}


def binary(columns=None, models=BODIES, orbits=None, **changes):
    """Systems and table of binaries; orbits are the columns of the dataset that its systems are drawn by."""
    waveforms = BINARIES["waveforms"] | {"models": models, "columns": orbits or {}}
    settings = SETTINGS | BINARIES | {"waveforms": waveforms} | changes
    settings["columns"] = SETTINGS["columns"] | (columns or {}) | (orbits or {})
    return draw.draw(BLOCKS, binaries, settings)


def test_tables_of_binaries_are_what_their_description_says():
    systems, table = binary(examples=300)
    for part, known in ((table, draw.columns("cbc")), (systems, columns.SYSTEM["cbc"])):
        assert [(name, str(kind)) for name, kind in part.dtypes.items()] == [
            (name, kind) for name, (kind, _, _) in known.items()
        ]
    assert "theta" not in table and "inclination" not in table
    signal = table[table["label"] > 0]
    np.testing.assert_array_equal(signal["system"], np.arange(200))
    np.testing.assert_array_equal(systems["label"], signal["label"])
    assert (systems["source"] == systems["model"].map({"heavy": "A", "light": "B"})).all()


@pytest.mark.parametrize("paired", [False, True])
def test_a_binary_is_the_same_in_a_longer_table(paired):
    grid = {"snr": {"grid": [8, 12, 20]}}
    short_systems, short = binary(grid, examples=45, paired=paired)
    systems, table = binary(grid, examples=90, paired=paired)
    same(table.iloc[:45], short)
    same(systems.iloc[: len(short_systems)], short_systems)


def test_parameters_of_binaries_have_the_laws_of_their_class():
    systems, _ = binary(examples=6000)
    heavy, light = (systems[systems["model"] == name] for name in BODIES)
    assert len(heavy) == len(light) == 2000
    quantiles = {
        "heavy mass_1": (heavy["mass_1"] - 5) / 75,
        "heavy mass_2": (heavy["mass_2"] - 5) / 75,
        "light mass_1": light["mass_1"] - 1,
        "light spin_1z": (light["spin_1z"] + 1) / 2,
        "inclination": (1 - np.cos(systems["inclination"])) / 2,
        "phase": systems["phase"] / (2 * np.pi),
    }
    for name, values in quantiles.items():
        assert uniform_p(values) > 1e-3, name
    assert (light["mass_2"] == 1.4).all()
    without = [name for name in columns.SPINS if name != "spin_1z"]
    assert (systems[without] == 0).all(axis=None) and (heavy["spin_1z"] == 0).all()
    names = ["mass_1", "mass_2", "inclination", "phase"]
    correlation = heavy[names].corr(method="spearman").to_numpy() - np.eye(len(names))
    assert np.abs(correlation).max() < 4.5 / np.sqrt(len(heavy))


def test_a_body_changed_changes_no_other_column_nor_class():
    systems, table = binary(examples=300)
    spinning = BODIES | {"heavy": BODIES["heavy"] | {"spin_1z": {"uniform": [-0.5, 0.5]}}}
    changed, its_table = binary(examples=300, models=spinning)
    same(table, its_table)
    same(systems, changed, but=["spin_1z"])
    heavy = systems["model"] == "heavy"
    same(systems[~heavy], changed[~heavy])
    assert (changed.loc[heavy, "spin_1z"] != 0).all()


def test_how_a_binary_is_seen_is_the_datasets():
    systems, table = binary(examples=300)
    seen, its_table = binary(examples=300, orbits={"inclination": 0.3, "phase": {"uniform": [0, 1]}})
    same(table, its_table)
    same(systems, seen, but=["inclination", "phase"])
    assert (seen["inclination"] == 0.3).all()
    # The same quantile of another law.
    np.testing.assert_allclose(seen["phase"] * 2 * np.pi, systems["phase"], rtol=1e-12)


def test_paired_binaries_differ_in_the_grid_alone():
    systems, table = binary({"snr": {"grid": [8, 12, 20]}}, examples=90, paired=True)
    signal = table[table["label"] > 0]
    parameters = systems.loc[signal["system"]].set_index(signal.index)
    alike = pd.concat(
        [signal.drop(columns=["system", "snr_target"]), parameters.drop(columns="label")], axis=1
    )
    assert len(alike.drop_duplicates()) == len(signal) / 3
    # A pair has one system, which is made once.
    assert systems["mass_1"].nunique() == len(systems) == len(signal) / 3


# ---- glitches

# Glitches of each class in the set of Gravity Spy that Koyama et al. (2024) use, their table 1.
PUBLISHED = {
    "1080Lines": 328,
    "1400Ripples": 232,
    "Air_Compressor": 58,
    "Blip": 1869,
    "Chirp": 66,
    "Extremely_Loud": 454,
    "Helix": 279,
    "Koi_Fish": 830,
    "Light_Modulation": 573,
    "Low_Frequency_Burst": 657,
    "Low_Frequency_Lines": 453,
    "No_Glitch": 181,
    "None_of_the_Above": 88,
    "Paired_Doves": 27,
    "Power_Line": 453,
    "Repeating_Blips": 285,
    "Scattered_Light": 459,
    "Scratchy": 354,
    "Tomte": 116,
    "Violin_Mode": 472,
    "Wandering_Line": 44,
    "Whistle": 305,
}
CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())


def glitches(examples, columns=None, **dataset):
    """Systems and table of glitches, as the workflow's settings have them."""
    config = copy.deepcopy(CONFIG)
    one = {"split": "train", "examples": examples, "draw": columns or {}}
    config["experiments"]["glitch"]["datasets"] = {"train": one | dataset}
    settings = stages.settings(config)["glitch/train/draw"]
    settings |= {"margin": noise.margin_samples(settings)}
    return draw.draw([{"split": "train", "start": 0, "end": 4096}], detector_glitches, settings)


def test_published_proportions_are_those_of_the_published_set():
    _, table = glitches(8583, proportions="published")
    label = table["label"].to_numpy()
    assert np.bincount(label).tolist() == list(PUBLISHED.values()) and sum(PUBLISHED.values()) == 8583
    # And so in every first part of them, each class to within one row.
    share = np.array(list(PUBLISHED.values())) / 8583
    counts = np.cumsum(label[:, None] == np.arange(22), axis=0)
    assert np.abs(counts - np.arange(1, 8584)[:, None] * share).max() < 1


@pytest.mark.parametrize("options", [{"proportions": "published"}, {}, {"columns": {"snr": 12}}])
def test_a_glitch_is_the_same_in_a_longer_table(options):
    (short_systems, short), (systems, table) = (glitches(examples, **options) for examples in (66, 220))
    same(table.iloc[:66], short)
    same(systems.iloc[:66], short_systems)


def test_equal_proportions_have_every_class_equally_often():
    _, table = glitches(440)
    assert np.bincount(table["label"]).tolist() == [20] * 22
    assert (np.sort(table["label"].to_numpy().reshape(-1, 22), axis=1) == np.arange(22)).all()


def test_tables_of_glitches_are_what_their_description_says():
    systems, table = glitches(2200)
    assert {name: str(kind) for name, kind in table.dtypes.items()} == {
        name: kind for name, (kind, _, _) in draw.columns("glitch").items()
    }
    assert not {"ra", "dec", "psi", "theta", "phi", "distance_target_kpc"} & set(table)
    # Each has a system of its own, of its own class, and silence has one too.
    assert (table["system"] == np.arange(2200)).all() and (systems["label"] == table["label"]).all()
    assert (systems["model"] == np.array(list(PUBLISHED))[table["label"]]).all()
    assert systems["key"].nunique() == 2200
    # Most pictures are over the mean of their rows, those of the loudest classes all.
    loud = table["label"].isin([list(PUBLISHED).index(name) for name in ("Extremely_Loud", "Koi_Fish")])
    assert (table["mean_norm"][loud] == 1).all() and loud.sum() == 200
    assert stats.binomtest(int((table["mean_norm"][~loud] == 1).sum()), 2000, 0.85).pvalue > 1e-3
    assert set(table["mean_norm"]) == {0, 1} == set(table["scan_ifo"])
    assert stats.binomtest(int((table["scan_ifo"] == 1).sum()), 2200, 0.5).pvalue > 1e-3
    assert uniform_p((table["event_time"] - 15.99) / 0.02) > 1e-3


def test_glitches_use_all_of_their_noise():
    """Nothing is filtered before: windows keep off their block's ends by light's way through the Earth."""
    _, table = glitches(8800)
    rate, margin = 8192, 205
    assert (
        table["start_sample"].min() >= margin and table["start_sample"].max() <= (4096 - 32) * rate - margin
    )
    assert uniform_p((table["start_sample"] - margin + 0.5) / ((4096 - 32) * rate - 2 * margin + 1)) > 1e-3


@pytest.mark.parametrize("snr", [None, 12, {"uniform": [8, 9]}, {"grid": [8, 9]}])
def test_silence_has_no_loudness_whatever_is_wanted(snr):
    _, table = glitches(440, {} if snr is None else {"snr": snr})
    silent = table["label"] == list(PUBLISHED).index("No_Glitch")
    np.testing.assert_array_equal(table["snr_target"].isna(), silent)
    wanted = table["snr_target"][~silent]
    if snr is None:
        assert wanted.min() > 5 and wanted.max() > 200 and wanted.nunique() == len(wanted)
    else:
        assert wanted.between(8, 12).all() and (wanted.nunique() == 1) == (snr == 12)
