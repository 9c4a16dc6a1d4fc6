"""False alarms of noise: how often a network alone would report a signal, and what it finds at that price.

Takes the PSD blocks of `segments`, and a network's predictions for every window of one length that their
whitened noise holds. A rule says which windows are alarms: `argmax` (the largest score is a signal's, as a
classifier decides), or a threshold of the detection statistic (see `evaluate.statistic`), set on one split's
noise to a wanted rate and measured on another's. Rates have Poisson errors: half the width of the exact
interval at one sigma, whose ends stand beside it. Live time is windows times their length.

The columns of the table of windows stand in COLUMNS below.
"""

import numpy as np
import pandas as pd
import scipy.stats

from gwsim import dataset, evaluate
from gwsim.errors import GwsimError
from gwsim.noise import margin_samples

DAY = 86400.0
ARGMAX = "argmax"
ONE_SIGMA = float(scipy.stats.chi2.cdf(1, 1))
# The paper's one false alarm in 25 s is 4 % of one-second windows.
PAPER_SECONDS = 25.0
CURVE_POINTS = 200


# name: (dtype, unit, meaning)
COLUMNS = {
    "split": ("str", "1", "split that the window is of"),
    "psd_block": ("int32", "1", "PSD block, its place in the segments' list of blocks"),
    "start_sample": ("int32", "1", "first sample of the window, counted from the block's start"),
    "gps_second": ("int32", "s", "GPS second of the window's first sample"),
    "gps_nanosecond": ("int32", "ns", "nanoseconds of the window's first sample after gps_second"),
    "statistic": ("float64", "1", "detection statistic"),
    "predicted": ("int32", "1", "class with the largest logit"),
}


def sizes(settings: dict, taps: int) -> dict[str, int]:
    """Return what windows are made of, in samples, from render's settings and the filter's taps."""
    rate, stft_window = settings["sample_rate"], settings["spectrogram"]["window"]
    within = {"sample_rate": rate, "filter": (taps - 1) / rate, "stft_window": stft_window}
    return {"size": round(settings["duration"] * rate), "margin": margin_samples(within), "rate": rate}


def windows(blocks: list[dict], split: str, size: int, margin: int, rate: int) -> pd.DataFrame:
    """Return all windows of a split's noise, side by side in each block, as rows that Renderer takes.

    size and margin in samples. No two windows share a sample; neighbours share, as consecutive stretches of
    time do, the half STFT window that a spectrogram reaches beyond its ends.

    Raises GwsimError where the split is unknown or holds no window.
    """
    splits = sorted({block["split"] for block in blocks})
    if split not in splits:
        raise GwsimError(f"no PSD block is of split '{split}': expected one of {', '.join(splits)}")
    starts = {
        number: np.arange(margin, (block["end"] - block["start"]) * rate - margin - size + 1, size)
        for number, block in enumerate(blocks)
        if block["split"] == split
    }
    number = np.repeat(list(starts), [len(start) for start in starts.values()])
    if len(number) == 0:
        raise GwsimError(
            f"no PSD block of split '{split}' is as long as a window of {size / rate:g} s with its margins "
            f"of {margin / rate:g} s: lengthen noise.stretch_min"
        )
    start = np.concatenate(list(starts.values()))
    origin = np.array([block["start"] for block in blocks])[number]
    columns = {
        "psd_block": number,
        "start_sample": start,
        "system": np.full(len(start), -1),
        "gps_second": origin + start // rate,
        "gps_nanosecond": (start % rate * 1_000_000_000 + rate // 2) // rate,
    }
    return pd.DataFrame({name: values.astype(np.int32) for name, values in columns.items()})


def reader(renderer, table: pd.DataFrame, view: dataset.View):
    """Return a function that renders rows of the table as a network sees them; whole batches only."""

    def read(rows: np.ndarray) -> np.ndarray:
        arrays, _ = renderer.rows(table.iloc[rows])
        return dataset.scaled(view.raw(arrays, renderer.settings), view.scale)

    return read


def expect(description: dict, settings: dict, seconds: float) -> None:
    """Raise GwsimError where windows rendered by these settings are not what the network is for."""
    names, shape = ("ifos", "sample_rate"), dataset.view_of(description).shape(settings)
    wanted = {name: description[name] for name in names} | {"shape": list(description["shape"])}
    made = {name: settings[name] for name in names} | {"shape": list(shape)}
    wanted["seconds"], made["seconds"] = float(seconds), float(settings["duration"])
    faults = [
        f"{name}: expected {wanted[name]}, render makes {made[name]}"
        for name in wanted
        if wanted[name] != made[name]
    ]
    if faults:
        raise GwsimError(
            f"windows of noise are not what the network {description['network']} is for; "
            f"{'; '.join(faults)}: use the render settings of the data that it was trained on"
        )


# ---- rules


def thresholds(statistic: np.ndarray, seconds: float, per_day: list[float]) -> list[dict]:
    """Return for each wanted rate the threshold at which that many windows are alarms, loudest first.

    An alarm is a window whose statistic is the threshold or above it: of n windows of so many seconds the
    k-th loudest, k the whole number in rate times live time. Where k is 0, or ties leave no threshold with at
    most k alarms, the threshold is None and `note` says so. The k that set it scatter by sqrt(k) themselves.
    """
    loudest, counts = np.unique(-statistic, return_counts=True)
    reached = np.cumsum(counts)
    return [_threshold(-loudest, reached, len(statistic) * seconds, seconds, float(rate)) for rate in per_day]


def _threshold(values, reached, live: float, seconds: float, rate: float) -> dict:
    """Return one threshold; values descend, reached counts the windows that are as loud or louder."""
    # A wanted number that is whole but for rounding is that number.
    wanted = int(np.floor(rate * live / DAY * (1 + 1e-12)))
    if wanted > reached[-1]:
        raise GwsimError(
            f"false_alarms_per_day {rate:g} is more than one a window of {seconds:g} s: "
            f"expected at most {DAY / seconds:g}"
        )
    place = int(np.searchsorted(reached, wanted, side="right")) - 1
    found = {"rule": f"{rate:g}_per_day", "per_day": rate, "threshold": None, "alarms": None, "note": None}
    if wanted == 0:
        note = (
            f"not reachable: {rate:g} per day is less than one in the {live:g} s of noise that set thresholds"
        )
        return found | {"note": note}
    if place < 0:
        note = f"not reachable: the {reached[0]} loudest windows are equally loud, {wanted} may be alarms"
        return found | {"note": note}
    return found | {"threshold": float(values[place]), "alarms": int(reached[place])}


def rules(statistic: np.ndarray, predicted: np.ndarray, noise: int, seconds: float, per_day) -> list[dict]:
    """Return the argmax rule and the thresholds, each with its alarms in the noise that set it."""
    argmax = {"rule": ARGMAX, "per_day": None, "threshold": None, "note": None}
    argmax["alarms"] = int((predicted != noise).sum())
    return [argmax, *thresholds(statistic, seconds, list(per_day))]


def flagged(rule: dict, statistic: np.ndarray, predicted: np.ndarray, noise: int) -> np.ndarray | None:
    """Return which examples a rule takes for signals; None where its rate is not reachable."""
    if rule["rule"] == ARGMAX:
        return predicted != noise
    return None if rule["threshold"] is None else statistic >= rule["threshold"]


# ---- what the rules do


def poisson(count: int) -> tuple[float, float]:
    """Return the ends of the exact (Garwood) interval of a Poisson mean at one sigma."""
    tail = (1 - ONE_SIGMA) / 2
    low = scipy.stats.chi2.ppf(tail, 2 * count) / 2 if count else 0.0
    return float(low), float(scipy.stats.chi2.isf(tail, 2 * count + 2) / 2)


def measured(alarms: np.ndarray, seconds: float) -> dict:
    """Return how many of a split's windows are alarms, and the rate with its error, per day."""
    count, days = int(alarms.sum()), len(alarms) * seconds / DAY
    low, high = (end / days for end in poisson(count))
    rate = {"per_day": count / days, "error": (high - low) / 2, "low": low, "high": high}
    return {"alarms": count, "windows": len(alarms), "live_seconds": len(alarms) * seconds, **rate}


def detection(flags: np.ndarray, labels: np.ndarray, classes: int) -> dict[str, list]:
    """Return the share of each class's examples that are flagged, with errors."""
    trials = np.bincount(labels, minlength=classes)
    hits = np.bincount(labels[flags], minlength=classes)
    return evaluate.shares(hits, trials, "detected")


def curve(statistic: np.ndarray, seconds: float) -> dict[str, list]:
    """Return the rate of windows as loud or louder against their statistic, loudest first, thinned.

    Points stand evenly in the logarithm of the rate.
    """
    loudest = -np.sort(-statistic)
    rank = np.arange(1, len(loudest) + 1)
    kept = evaluate.thinned(np.log(rank), CURVE_POINTS)
    per_day = rank[kept] * DAY / (len(loudest) * seconds)
    return {"threshold": loudest[kept].tolist(), "per_day": per_day.tolist()}


def described(noise: dict, datasets: dict, classes: list[str], settings: dict) -> dict:
    """Return all that figures need of false alarms and of what is detected at their price.

    noise: split -> table of all its windows; datasets: name -> (predictions, table);
    settings: "threshold" and "measured" (names of splits), "seconds" of a window, "per_day" (wanted rates),
    "by" (a column) and "grouped" (the datasets whose rows it groups).
    """
    setting, measuring = settings["threshold"], settings["measured"]
    if setting == measuring:
        raise GwsimError(
            f"background: thresholds are set and measured on split '{setting}', expected two splits: a rate "
            "measured on the noise that set its threshold is the wanted one by construction"
        )
    place, seconds = evaluate.noise_place(classes), settings["seconds"]
    columns = {split: _columns(table) for split, table in noise.items()}
    asked = {
        name: _asked(*both, classes, settings["by"] if name in settings["grouped"] else None, name)
        for name, both in datasets.items()
    }
    found = rules(*columns[setting], place, seconds, settings["per_day"])
    for rule in found:
        alarms = flagged(rule, *columns[measuring], place)
        rule["measured"] = None if alarms is None else measured(alarms, seconds)
        rule["detection"] = {name: _detected(rule, *one, classes) for name, one in asked.items()}
    live = {
        split: {"windows": len(table), "live_seconds": len(table) * seconds} for split, table in noise.items()
    }
    curves = {split: curve(statistic, seconds) for split, (statistic, _) in columns.items()}
    about = {"threshold_split": setting, "measured_split": measuring, "seconds": seconds, "classes": classes}
    return {**about, "by": settings["by"], "splits": live, "curves": curves, "rules": found}


def _columns(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return table["statistic"].to_numpy(), table["predicted"].to_numpy()


def _asked(predicted, table, classes, by, name) -> tuple:
    """Return what every rule asks of a dataset: statistic, predicted class, label, and groups."""
    place, labels = evaluate.noise_place(classes), predicted["label"].to_numpy()
    statistic = evaluate.statistic(evaluate.logits_of(predicted, classes), place)
    masks = evaluate.grouped(table.iloc[predicted["row"].to_numpy()], by, labels, place, name)
    return statistic, predicted["predicted"].to_numpy(), labels, masks


def _detected(rule, statistic, taken, labels, masks, classes) -> dict | None:
    """Return one rule's detections in a dataset, whole and in groups."""
    flags = flagged(rule, statistic, taken, evaluate.noise_place(classes))
    if flags is None:
        return None
    groups = {f"{v:g}": detection(flags[mask], labels[mask], len(classes)) for v, mask in masks.items()}
    return {**detection(flags, labels, len(classes)), "groups": groups}


# ---- numbers with names


def numbers(found: dict) -> dict[str, dict]:
    """Return the named numbers of what `described` gives; those of a rate out of reach have no value."""
    named = {}
    for rule in found["rules"]:
        named |= _rates(rule, found["measured_split"], found["threshold_split"])
        for name in rule["detection"]:
            # The argmax rule, the first, always detects: its groups are the dataset's.
            ends = {value: evaluate.suffix(value, found["by"]) for value in _groups(found["rules"][0], name)}
            named |= _detections(rule, name, ends, evaluate.noise_place(found["classes"]))
    return named


def _groups(rule: dict, name: str) -> dict:
    return rule["detection"][name]["groups"]


def _rates(rule: dict, measuring: str, setting: str) -> dict[str, dict]:
    """Return a rule's false alarms, and its threshold where it has one."""
    name, rate = rule["rule"], rule["measured"]
    why = f"; {rule['note']}" if rule["note"] else ""
    if name != ARGMAX:
        value, error, n = (rate["per_day"], rate["error"], rate["windows"]) if rate else (None, None, None)
        words = f"false alarms per day in {measuring}'s noise, {_words(rule)}{why}"
        where = f"detection statistic of {setting}'s noise, {_words(rule)}{why}"
        return {
            f"false_alarms_{name}": evaluate.number(value, error, n, words),
            f"threshold_{name}": evaluate.number(rule["threshold"], None, rule["alarms"], where),
        }
    spans = {"day": DAY, "second": 1.0, f"{PAPER_SECONDS:g}s": PAPER_SECONDS}
    return {
        f"false_alarms_per_{span}_{name}": evaluate.number(
            rate["per_day"] * seconds / DAY,
            rate["error"] * seconds / DAY,
            rate["windows"],
            f"false alarms in {seconds:g} s of {measuring}'s noise, {_words(rule)}",
        )
        for span, seconds in spans.items()
    }


def _words(rule: dict) -> str:
    """Return what a rule takes for a signal, as words."""
    if rule["rule"] == ARGMAX:
        return "where the largest score is a signal's"
    return f"where {rule['per_day']:g} per day are wanted"


def _detections(rule: dict, name: str, ends: dict[str, str], noise: int) -> dict[str, dict]:
    """Return the mean detection probability of the signals' classes, of the whole and each group."""
    detected, named = rule["detection"][name], {}
    for value, end in {None: "", **ends}.items():
        words = f"mean detection probability of the signals' classes, {name}{end}, {_words(rule)}"
        key = f"detection_{name}{end}_{rule['rule']}"
        if detected is None:
            named[key] = evaluate.number(None, None, None, f"{words}; {rule['note']}")
            continue
        part = detected if value is None else detected["groups"][value]
        rates, errors, n = (
            [*part[k][:noise], *part[k][noise + 1 :]] for k in ("detected", "detected_error", "n")
        )
        named[key] = evaluate.number(*evaluate.mean_of(rates, errors), sum(n), words)
    return named
