"""Evaluation, held against scikit-learn, scipy and cases made by hand."""

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
import scipy.special
import scipy.stats
import sklearn.metrics
import torch

from gwsim import dataset, evaluate, seeds
from gwsim.errors import GwsimError

CLASSES = ["noise", "s18", "m39", "y20"]
ONE_SIGMA = math.erf(1 / math.sqrt(2))
BY = "distance_target_kpc"


def made(rows=400, classes=CLASSES, strength=1.5):
    """Labels, logits that know something of them, and a table with two distances."""
    rng = seeds.generator("test", "evaluate", rows)
    labels = rng.permutation(np.arange(rows) % len(classes))
    logits = rng.normal(size=(rows, len(classes))) + strength * np.eye(len(classes))[labels]
    signal = labels > 0
    table = pd.DataFrame(
        {
            "label": labels.astype(np.int32),
            "snr": np.where(signal, rng.uniform(5, 50, rows), np.nan),
            BY: np.where(signal, rng.choice([1.0, 10.0], rows), np.nan),
        }
    )
    return labels, logits.astype(np.float32), table


def evaluated(rows=400):
    labels, logits, table = made(rows)
    return evaluate.predictions(logits, np.arange(rows), labels, CLASSES), table


# ---- predictions


def test_scores_are_torchs_softmax_and_logits_stay_as_they_are():
    labels, logits, _ = made()
    found = evaluate.predictions(logits * 20, np.arange(400) + 7, labels, CLASSES)
    softmax = torch.softmax(torch.from_numpy(logits * 20).double(), dim=1).float().numpy()
    np.testing.assert_allclose(found.filter(like="score_").to_numpy(), softmax, rtol=2e-7)
    np.testing.assert_array_equal(found.filter(like="logit_").to_numpy(), logits * 20)
    np.testing.assert_array_equal(evaluate.logits_of(found, CLASSES), (logits * 20).astype(np.float64))
    np.testing.assert_array_equal(found["predicted"], [row.argmax() for row in logits])
    np.testing.assert_array_equal(found["row"], np.arange(400) + 7)
    np.testing.assert_array_equal(found["label"], labels)


def test_the_table_has_the_columns_that_the_module_names():
    lines = re.findall(r"^(\w+) \| (\S+) \| (\w+) \| .+$", evaluate.__doc__, re.M)
    wanted = {}
    for name, _, kind in lines[1:]:
        wanted |= {name.replace("CLASS", one): kind for one in (CLASSES if "CLASS" in name else [""])}
    found, _ = evaluated()
    # One order of columns: all scores, then all logits.
    assert {name: str(kind) for name, kind in found.dtypes.items()} == wanted
    assert list(found) == list(wanted)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_refused(bad):
    labels, logits, _ = made(12)
    logits[[5, 8], 2] = bad
    with pytest.raises(GwsimError, match=r"logits of 2 rows, the first of them row 105, are not finite"):
        evaluate.predictions(logits, np.arange(12) + 100, labels, CLASSES)


def test_apply_gives_what_the_network_gives_batch_by_batch():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(4 * 6 * 4, 5))
    values = seeds.generator("test", "apply").normal(size=(20, 3, 8, 6)).astype(np.float32)
    plain = network(torch.from_numpy(values)).detach().numpy()
    batches = dataset.batches(lambda rows: values[rows], np.arange(20), 8)
    parts = list(evaluate.apply(network, batches, torch.device("cpu")))
    assert [len(part) for part in parts] == [8, 8, 4]
    np.testing.assert_allclose(np.concatenate(parts), plain, atol=1e-6)


# ---- rates


def test_confusion_and_accuracies_are_those_of_scikit_learn():
    found, table = evaluated()
    got = evaluate.described(found, table, CLASSES, BY, "test")
    labels, taken = found["label"], found["predicted"]
    np.testing.assert_array_equal(got["confusion"], sklearn.metrics.confusion_matrix(labels, taken))
    np.testing.assert_allclose(got["tpr"], sklearn.metrics.recall_score(labels, taken, average=None))
    assert got["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(labels, taken))
    assert got["balanced_accuracy"] == pytest.approx(sklearn.metrics.balanced_accuracy_score(labels, taken))
    assert got["n"] == [100] * 4
    for value, group in got["groups"].items():
        mine = ((table[BY] == float(value)) | (table["label"] == 0)).to_numpy()
        wanted = sklearn.metrics.confusion_matrix(labels[mine], taken[mine])
        np.testing.assert_array_equal(group["confusion"], wanted)
        balanced = sklearn.metrics.balanced_accuracy_score(labels[mine], taken[mine])
        assert group["balanced_accuracy"] == pytest.approx(balanced)
        medians = table[mine].groupby("label")["snr"].median()
        assert group["median_snr"][0] is None
        np.testing.assert_allclose(group["median_snr"][1:], medians[1:])
    assert list(got["groups"]) == ["1", "10"]


def test_a_class_that_nothing_is_taken_for_keeps_its_column():
    counts = evaluate.confusion(np.array([0, 1, 2]), np.array([0, 0, 0]), 3)
    np.testing.assert_array_equal(counts, [[1, 0, 0]] * 3)


@pytest.mark.parametrize("hits, trials", [(0, 20), (20, 20), (1, 1), (37, 50), (980, 1000)])
def test_errors_of_rates_are_wilsons_of_scipy(hits, trials):
    low, high = evaluate.wilson(np.array([hits]), np.array([trials]))
    wanted = scipy.stats.binomtest(hits, trials).proportion_ci(ONE_SIGMA, "wilson")
    assert [low[0], high[0]] == pytest.approx([wanted.low, wanted.high], abs=1e-12)
    shares = evaluate.shares(np.array([hits]), np.array([trials]), "tpr")
    assert shares["tpr_error"] == pytest.approx([(wanted.high - wanted.low) / 2])
    assert shares["tpr_error"][0] > 0


def test_the_error_of_a_mean_is_its_scatter():
    rng, p, n = seeds.generator("test", "mean"), np.array([0.9, 0.5, 0.2]), 200
    trials = rng.binomial(n, p, size=(20000, 3)) / n
    errors = evaluate.shares(p * n, np.full(3, float(n)), "tpr")["tpr_error"]
    # Wilson's half width is that of sqrt(p (1 - p) / n) up to 1 / n.
    assert evaluate.mean_of(list(p), errors)[1] == pytest.approx(trials.mean(axis=1).std(), rel=0.02)


# ---- curves


@pytest.mark.parametrize("rows", [60, 3000])
@pytest.mark.parametrize("digits", [0, 1, 9])
def test_roc_is_that_of_scikit_learn_ties_included(rows, digits):
    labels, logits, _ = made(rows)
    score = np.round(evaluate.log_odds(logits.astype(np.float64), 2), digits)
    got = evaluate.roc(labels == 2, score)
    assert got["area"] == pytest.approx(sklearn.metrics.roc_auc_score(labels == 2, score), abs=1e-12)
    false, true = np.array(got["false_positive"]), np.array(got["true_positive"])
    assert len(false) <= 200
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    wanted = sklearn.metrics.roc_curve(labels == 2, score, drop_intermediate=False)
    on_curve = {(round(a, 12), round(b, 12)) for a, b in zip(*wanted[:2], strict=True)}
    assert {(round(a, 12), round(b, 12)) for a, b in zip(false, true, strict=True)} <= on_curve
    assert np.trapezoid(true, false) == pytest.approx(got["area"], abs=0.01)
    # The least rate of false alarms is not thinned away: figures have a logarithmic axis.
    least = min(a for a, _ in on_curve if a > 0)
    assert false[false > 0].min() == pytest.approx(least)


def test_groups_that_are_shown_have_curves_of_their_rows_and_areas_with_names():
    found, table = evaluated()
    got = evaluate.described(found, table, CLASSES, BY, "test", [10])
    assert "roc" not in got["groups"]["1"] and set(got["groups"]["10"]["roc"]) == set(CLASSES)
    mine = ((table[BY] == 10) | (table["label"] == 0)).to_numpy()
    logits, numbers = evaluate.logits_of(found, CLASSES), evaluate.numbers("test", got)
    for place, name in enumerate(CLASSES):
        score = evaluate.log_odds(logits, place)[mine]
        wanted = sklearn.metrics.roc_auc_score(found["label"][mine] == place, score)
        assert got["groups"]["10"]["roc"][name]["area"] == pytest.approx(wanted, abs=1e-12)
        one = numbers[f"auc_{name}_test_10kpc"]
        assert (one["value"], one["n"]) == (pytest.approx(wanted, abs=1e-12), mine.sum())
        assert f"auc_{name}_test_1kpc" not in numbers
    assert numbers["auc_s18_test"]["n"] == 400


def test_roc_is_resolved_on_a_logarithmic_axis():
    labels, logits, _ = made(100_000)
    false = np.array(evaluate.roc(labels == 2, logits[:, 2].astype(np.float64))["false_positive"])
    for decade in (1e-4, 1e-3, 1e-2):
        assert ((false >= decade) & (false < 10 * decade)).sum() > 9


def test_log_odds_order_as_scores_do_and_know_more_where_those_round_to_one():
    _, logits, _ = made()
    score = torch.softmax(torch.from_numpy(logits).double(), dim=1).numpy()
    for place in range(4):
        wanted = scipy.special.logit(score[:, place])
        np.testing.assert_allclose(evaluate.log_odds(logits.astype(np.float64), place), wanted, atol=1e-9)
    np.testing.assert_allclose(
        evaluate.statistic(logits.astype(np.float64), 0), scipy.special.logit(1 - score[:, 0]), atol=1e-9
    )
    loud = np.array([[0.0, 50.0, 1.0], [0.0, 60.0, 1.0], [0.0, 2.0, 900.0]])
    assert (1 - scipy.special.softmax(loud, axis=1)[:, 0] == 1).all()
    np.testing.assert_allclose(evaluate.statistic(loud, 0), [50, 60, 900])


def test_thinned_keeps_both_ends():
    way = np.cumsum(seeds.generator("test", "thin").random(1000))
    kept = evaluate.thinned(way, 50)
    assert len(kept) <= 50 and kept[0] == 0 and kept[-1] == 999
    assert (np.diff(kept) > 0).all()
    assert np.diff(way[kept]).max() < 2 * (way[-1] - way[0]) / 49 + 1
    np.testing.assert_array_equal(evaluate.thinned(way[:50], 50), np.arange(50))


# ---- groups, and what is refused


def test_noise_belongs_to_every_group():
    labels, values = np.array([0, 1, 1, 2, 0]), np.array([np.nan, 1, 10, 1, np.nan])
    got = evaluate.groups(values, labels, 0)
    assert {value: mask.tolist() for value, mask in got.items()} == {
        1.0: [True, True, False, True, True],
        10.0: [True, False, True, False, True],
    }
    assert evaluate.groups(np.full(5, np.nan), labels, 0) == {}


def test_predictions_of_some_rows_meet_their_own_rows_of_the_table():
    found, table = evaluated()
    some = found.iloc[::-1].iloc[:300]
    got = evaluate.described(some, table, CLASSES, BY, "test")
    at_one = table.iloc[some["row"]].query(f"{BY} == 1")
    assert got["groups"]["1"]["n"][1:] == [int((at_one["label"] == i).sum()) for i in (1, 2, 3)]


def test_an_empty_class_of_a_dataset_is_named():
    found, table = evaluated()
    left = found[~found["label"].isin([1, 3])]
    with pytest.raises(GwsimError, match=r"dataset 'test' has no rows of s18, y20, expected some of each of"):
        evaluate.described(left, table, CLASSES, BY, "test")


def test_an_empty_class_of_a_group_is_named():
    found, table = evaluated()
    table.loc[(table["label"] == 2) & (table[BY] == 10), BY] = 1.0
    wanted = r"group distance_target_kpc = 10 of dataset 'test' has no rows of m39, .*drawn from a grid"
    with pytest.raises(GwsimError, match=wanted):
        evaluate.described(found, table, CLASSES, BY, "test")


@pytest.mark.parametrize("strange", [-1, 4])
def test_a_label_of_no_class_is_refused(strange):
    found, table = evaluated()
    found.loc[3, "label"] = strange
    wanted = rf"dataset 'test' has labels {strange}, expected 0 to 3, .*noise, s18, m39, y20"
    with pytest.raises(GwsimError, match=wanted):
        evaluate.described(found, table, CLASSES, BY, "test")


def test_a_column_that_is_not_there_and_classes_without_noise_are_refused():
    found, table = evaluated()
    with pytest.raises(GwsimError, match=r"dataset 'test' has no column 'redshift' .* label, snr, distance"):
        evaluate.described(found, table, CLASSES, "redshift", "test")
    with pytest.raises(GwsimError, match=r"classes are s18, m39: expected 'noise' among them"):
        evaluate.noise_place(["s18", "m39"])


# ---- numbers


def by_hand():
    """Noise: 3 of 4 right. s18 at 1 kpc 2 of 2, at 2.5 kpc 0 of 1; m39 at 1 kpc 1 of 2, at 2.5 kpc 1 of 1."""
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    taken = np.array([0, 0, 0, 1, 1, 1, 0, 2, 1, 2])
    distance = [np.nan] * 4 + [1, 1, 2.5, 1, 1, 2.5]
    snr = [np.nan] * 4 + [10, 30, 5, 40, 60, 20]
    table = pd.DataFrame({"label": labels, "snr": snr, BY: distance})
    found = evaluate.predictions(5 * np.eye(3)[taken], np.arange(10), labels, ["noise", "s18", "m39"])
    return evaluate.described(found, table, ["noise", "s18", "m39"], BY, "test")


def test_numbers_of_a_case_made_by_hand():
    got = evaluate.numbers("test", by_hand())
    wanted = {
        "accuracy_test": 7 / 10,
        "balanced_accuracy_test": (3 / 4 + 2 / 3 + 2 / 3) / 3,
        "tpr_noise_test": 3 / 4,
        "tpr_s18_test": 2 / 3,
        "tpr_m39_test": 2 / 3,
        "mean_tpr_test": 2 / 3,
        "least_tpr_test": 2 / 3,
        "median_snr_s18_test": 10,
        "median_snr_m39_test": 40,
        # Noise weighs as one class, though it has as many rows as the others together.
        "accuracy_test_1kpc": (3 / 4 + 1 + 1 / 2) / 3,
        "tpr_noise_test_1kpc": 3 / 4,
        "tpr_s18_test_1kpc": 1,
        "tpr_m39_test_1kpc": 1 / 2,
        "mean_tpr_test_1kpc": 3 / 4,
        "least_tpr_test_1kpc": 1 / 2,
        "median_snr_s18_test_1kpc": 20,
        "median_snr_m39_test_1kpc": 50,
        "accuracy_test_2.5kpc": (3 / 4 + 0 + 1) / 3,
        "tpr_noise_test_2.5kpc": 3 / 4,
        "tpr_s18_test_2.5kpc": 0,
        "tpr_m39_test_2.5kpc": 1,
        "mean_tpr_test_2.5kpc": 1 / 2,
        "least_tpr_test_2.5kpc": 0,
        "median_snr_s18_test_2.5kpc": 5,
        "median_snr_m39_test_2.5kpc": 20,
        # Log odds of three kinds of rows: areas from shares of hits and false alarms.
        "auc_noise_test": (1 + 3 / 4 - 1 / 6) / 2,
        "auc_s18_test": (1 + 2 / 3 - 2 / 7) / 2,
        "auc_m39_test": (1 + 2 / 3 - 0) / 2,
        "noise_flagged_test": 1 / 4,
    }
    assert {name: number["value"] for name, number in got.items()} == pytest.approx(wanted)
    assert got["accuracy_test"]["n"] == 10
    assert got["accuracy_test_1kpc"]["n"] == 4 + 4
    assert got["mean_tpr_test_1kpc"]["n"] == 4
    assert "which is m39" in got["least_tpr_test_1kpc"]["meaning"]
    low, high = scipy.stats.binomtest(1, 4).proportion_ci(ONE_SIGMA, "wilson")
    assert got["noise_flagged_test"]["error"] == pytest.approx((high - low) / 2)


def test_numbers_are_plain_json():
    found = by_hand()
    text = json.dumps([found, evaluate.numbers("test", found)], allow_nan=False)
    assert json.loads(text)[0] == found
    assert all(set(one) == {"value", "error", "n", "meaning"} for one in json.loads(text)[1].values())


@pytest.mark.parametrize(
    "value, by, end",
    [(10.0, BY, "_10kpc"), ("2.5", BY, "_2.5kpc"), (40, "snr_target", "_40snr"), (1, "x", "_1x")],
)
def test_groups_end_the_names_of_their_numbers(value, by, end):
    assert evaluate.suffix(value, by) == end


def test_what_is_not_finite_is_null():
    got = evaluate.number(math.nan, math.inf, 3, "x")
    assert got == {"value": None, "error": None, "n": 3, "meaning": "x"}
