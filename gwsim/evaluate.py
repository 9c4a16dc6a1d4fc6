"""How well a network tells the classes apart: from its logits to the numbers that stand beside a paper's.

Takes logits, labels and columns of the table; gives predictions, one row an example, and what is counted of
them: confusion matrices, true positive rates (TPR), ROC curves, all rows together and in groups.

The error of a rate is half the width of Wilson's interval at one sigma (68.27 %), which is never zero; its
ends stand beside it, since the rate is not in its middle. Errors take examples for independent: they are
too small where examples share their noise.

field | unit | dtype | meaning
row | 1 | int64 | row of the dataset's table
label | 1 | int32 | class of the example, its place in the list of classes
predicted | 1 | int32 | class with the largest logit
score_CLASS | 1 | float32 | softmax of the logits
logit_CLASS | 1 | float32 | what the network gives

Where a network judges each view for itself, `predicted_0.5s` and so on, int32, are the classes that one view
alone is taken for.
"""

import numpy as np
import pandas as pd
import scipy.special
import torch

from gwsim import devices, selection
from gwsim.draw import NOISE
from gwsim.errors import GwsimError

# Rows that are in work at once: always the same, since the last bits of logits depend on it.
BATCH = 512
ROC_POINTS = 200
# What columns of predictions by one view begin with.
VIEW = "predicted_"
DRAW = "draw more examples, or evaluate another dataset"
# What stands after a group's value in the names of numbers; other columns stand there with their own name.
UNITS = {"distance_target_kpc": "kpc", "snr_target": "snr"}
PLACES = {"distance_target_kpc": "at {} kpc", "snr_target": "at SNR {}"}


def apply(model: torch.nn.Module, batches, device: torch.device):
    """Yield the logits (sample, class) of each batch of (rows, inputs).

    Those of a network that judges each view are (sample, view, class); `joined` has the example's.
    """
    # Convolutions of few channels are 2.6 times as fast on a CPU with the channels last.
    model = model.to(device, memory_format=torch.channels_last)
    for _, inputs in batches:
        with torch.no_grad():
            logits = getattr(model, "each", model)(devices.put(inputs, device))
        yield logits.cpu().numpy()


def predictions(logits: np.ndarray, rows: np.ndarray, labels: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """Return one row an example: its number, its label, the class taken for it, every class's score.

    Raises GwsimError where a logit is not finite.
    """
    broken = np.asarray(rows)[~np.isfinite(logits).all(axis=-1)]
    if len(broken):
        raise GwsimError(
            f"the network's logits of {len(broken)} rows, the first of them row {broken[0]}, are not finite: "
            "the checkpoint holds broken weights, or the examples broken values; train again"
        )
    scores = scipy.special.softmax(logits.astype(np.float64), axis=-1)
    columns = {
        "row": np.asarray(rows, np.int64),
        "label": np.asarray(labels, np.int32),
        "predicted": logits.argmax(axis=-1).astype(np.int32),
    }
    columns |= {f"score_{name}": scores[:, i].astype(np.float32) for i, name in enumerate(classes)}
    columns |= {f"logit_{name}": logits[:, i].astype(np.float32) for i, name in enumerate(classes)}
    return pd.DataFrame(columns)


def joined(model: torch.nn.Module, logits: np.ndarray) -> np.ndarray:
    """Return the logits (sample, class) of `apply`'s, of which views may have some each."""
    return logits if logits.ndim == 2 else model.joined(torch.from_numpy(logits)).numpy()


def of_views(logits: np.ndarray, durations: tuple[float, ...]) -> dict[str, np.ndarray]:
    """Return columns of predictions: the class that each view, of some duration (s), is taken for."""
    if logits.ndim == 2:
        return {}
    taken = logits.argmax(axis=-1).astype(np.int32)
    return {f"{VIEW}{duration:g}s": taken[:, i] for i, duration in enumerate(durations)}


def logits_of(predicted: pd.DataFrame, classes: list[str]) -> np.ndarray:
    """Return the logits (sample, class) of a table of predictions, in float64."""
    return predicted[[f"logit_{name}" for name in classes]].to_numpy(np.float64)


def noise_among(classes: list[str]) -> int | None:
    """Return the label of noise; none where classes are told apart and nothing is detected."""
    return classes.index(NOISE) if NOISE in classes else None


def noise_place(classes: list[str]) -> int:
    """Return the label of noise.

    Raises GwsimError where there is none.
    """
    if NOISE not in classes:
        raise GwsimError(
            f"the network's classes are {', '.join(classes)}: expected '{NOISE}' among them, "
            "without which nothing can be detected"
        )
    return classes.index(NOISE)


def require_every_class(labels: np.ndarray, classes: list[str], where: str, hint: str = DRAW) -> None:
    """Raise GwsimError where a label is no class's, or a class has no rows."""
    strange = np.unique(labels[(labels < 0) | (labels >= len(classes))])
    if len(strange):
        raise GwsimError(
            f"{where} has labels {', '.join(map(str, strange))}, expected 0 to {len(classes) - 1}, the "
            f"places of the network's classes {', '.join(classes)}: it is labelled for other classes"
        )
    counts = np.bincount(labels, minlength=len(classes))
    empty = [name for name, count in zip(classes, counts, strict=True) if count == 0]
    if empty:
        raise GwsimError(
            f"{where} has no rows of {', '.join(empty)}, expected some of each of the network's "
            f"{len(classes)} classes: {hint}"
        )


# ---- rates


def wilson(hits: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of Wilson's interval at one sigma."""
    rate = hits / trials
    half = np.sqrt(rate * (1 - rate) / trials + 1 / (4 * trials**2))
    middle, scale = rate + 1 / (2 * trials), 1 + 1 / trials
    return np.maximum(middle - half, 0) / scale, np.minimum((middle + half) / scale, 1)


def shares(hits: np.ndarray, trials: np.ndarray, name: str) -> dict[str, list]:
    """Return rates under a name, with NAME_error, NAME_low, NAME_high and n, as lists."""
    low, high = wilson(hits, trials)
    columns = {
        name: hits / trials,
        f"{name}_error": (high - low) / 2,
        f"{name}_low": low,
        f"{name}_high": high,
    }
    return {key: values.tolist() for key, values in columns.items()} | {"n": trials.tolist()}


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return how many examples of each class (first axis) were taken for each class (second axis)."""
    counts = np.bincount(labels.astype(np.int64) * classes + predicted, minlength=classes**2)
    return counts.reshape(classes, classes)


def mean_of(values: list[float], errors: list[float]) -> tuple[float, float]:
    """Return the mean of independent numbers and its error."""
    return float(np.mean(values)), float(np.sqrt(np.square(errors).sum()) / len(errors))


# ---- curves


def log_odds(logits: np.ndarray, place: int) -> np.ndarray:
    """Return log(p / (1 - p)) of one class's softmax score p, which has no ties where p rounds to 0 or 1."""
    others = np.delete(logits, place, axis=-1)
    return logits[:, place] - scipy.special.logsumexp(others, axis=-1)


def statistic(logits: np.ndarray, noise: int) -> np.ndarray:
    """Return the detection statistic: logsumexp of the signals' logits minus the noise's logit.

    It rises with 1 - p_noise, of which it is the log odds. In 1 - p_noise itself the loudest examples are
    equal, since it rounds to 1; but rare false alarms are told apart by just these.
    """
    return -log_odds(logits, noise)


def roc(positive: np.ndarray, score: np.ndarray) -> dict:
    """Return the curve of true against false positive rates as the threshold falls, and the area under it.

    The area is that of the whole curve, which is then thinned; ties make a slanted step.
    """
    order = np.argsort(-score, kind="stable")
    last_of_ties = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    hits = np.concatenate([[0], np.cumsum(positive[order])[last_of_ties]])
    alarms = np.concatenate([[0], last_of_ties + 1]) - hits
    true, false = hits / hits[-1], alarms / alarms[-1]
    # Points where the curve moves, on a linear axis or a logarithmic one.
    kept = thinned(true + false + np.log1p(alarms) / np.log1p(alarms[-1]), ROC_POINTS)
    area = float(np.trapezoid(true, false))
    return {"false_positive": false[kept].tolist(), "true_positive": true[kept].tolist(), "area": area}


def curves(labels: np.ndarray, logits: np.ndarray, classes: list[str]) -> dict[str, dict]:
    """Return each class's ROC curve against all others, by the log odds of its score."""
    return {one: roc(labels == i, log_odds(logits, i)) for i, one in enumerate(classes)}


def thinned(way: np.ndarray, most: int) -> np.ndarray:
    """Return places of at most so many points, evenly along an ascending way, both ends among them."""
    if len(way) <= most:
        return np.arange(len(way))
    return np.unique(np.searchsorted(way, np.linspace(way[0], way[-1], most)))


# ---- one dataset


def groups(values: np.ndarray, labels: np.ndarray, noise: int | None) -> dict[float, np.ndarray]:
    """Return each value of a column, ascending, with the mask of its rows: noise belongs to every value."""
    found = np.unique(values[~np.isnan(values) & (labels != noise)])
    return {float(value): (values == value) | (labels == noise) for value in found}


def grouped(table: pd.DataFrame, by: str | None, labels: np.ndarray, noise: int | None, name: str) -> dict:
    """Return the groups of a dataset's rows; none where it has no column to group by."""
    return {} if by is None else groups(column(table, by, name), labels, noise)


def column(table: pd.DataFrame, by: str, name: str) -> np.ndarray:
    """Return a column of numbers of a dataset's table."""
    if by not in table:
        raise GwsimError(
            f"dataset '{name}' has no column '{by}' to group by: expected one of {', '.join(table.columns)}"
        )
    return table[by].to_numpy(np.float64)


def counted(labels: np.ndarray, predicted: np.ndarray, snr: np.ndarray, classes: list[str]) -> dict:
    """Return what is counted of some rows: lists have the classes' order, null where there is nothing."""
    counts = confusion(labels, predicted, len(classes))
    hits, trials = np.diag(counts), counts.sum(axis=1)
    rates = shares(hits, trials, "tpr")
    overall = shares(hits.sum(keepdims=True), trials.sum(keepdims=True), "accuracy")
    balanced, balanced_error = mean_of(rates["tpr"], rates["tpr_error"])
    signal = [i for i, name in enumerate(classes) if name != NOISE]
    snrs = [float(np.median(snr[labels == i])) if i in signal else None for i in range(len(classes))]
    return {
        "confusion": counts.tolist(),
        **rates,
        "accuracy": overall["accuracy"][0],
        "accuracy_error": overall["accuracy_error"][0],
        "balanced_accuracy": balanced,
        "balanced_accuracy_error": balanced_error,
        "median_snr": [finite(value) for value in snrs],
    }


def finite(value: float | None) -> float | None:
    """Return a number that JSON has: null stands for what is missing or not finite."""
    return None if value is None or not np.isfinite(value) else float(value)


def described(
    predicted: pd.DataFrame, table: pd.DataFrame, classes: list[str], by: str | None, name: str, shown=()
) -> dict:
    """Return all that figures need of one dataset; groups are by a column that is NaN where it has no part.

    A dataset whose rows fall into no groups has by = None. Groups of the values `shown` have ROC curves too.

    Raises GwsimError for labels that are no class's, and for a class without rows, of the whole or a group.
    """
    table = table.iloc[predicted["row"].to_numpy()]
    labels, taken = predicted["label"].to_numpy(), predicted["predicted"].to_numpy()
    require_every_class(labels, classes, f"dataset '{name}'")
    snr, found, logits = selection.snr(table), {}, logits_of(predicted, classes)
    for value, mask in grouped(table, by, labels, noise_among(classes), name).items():
        where = f"group {by} = {value:g} of dataset '{name}'"
        hint = "group by a column that is drawn from a grid, or draw more examples"
        require_every_class(labels[mask], classes, where, hint)
        found[f"{value:g}"] = counted(labels[mask], taken[mask], snr[mask], classes)
        if value in shown:
            found[f"{value:g}"]["roc"] = curves(labels[mask], logits[mask], classes)
    whole = counted(labels, taken, snr, classes)
    return {"classes": classes, **whole, "roc": curves(labels, logits, classes), "by": by, "groups": found}


# ---- numbers with names


def number(value: float | None, error: float | None, n: int | None, meaning: str) -> dict:
    """Return one number as `metrics.json` has it."""
    return {
        "value": finite(value),
        "error": finite(error),
        "n": n if n is None else int(n),
        "meaning": meaning,
    }


def suffix(value: float | str, by: str) -> str:
    """Return what ends the name of a group's number, such as _10kpc."""
    return f"_{float(value):g}{UNITS.get(by, by)}"


def numbers(name: str, dataset: dict) -> dict[str, dict]:
    """Return the named numbers of one dataset as `described` gives it.

    accuracy of the whole is of its examples, accuracy of a group the mean over classes: noise, which belongs
    to every group, weighs as one class there.
    """
    whole = f"share of {name}'s examples taken for what they are"
    found = {
        f"accuracy_{name}": number(dataset["accuracy"], dataset["accuracy_error"], sum(dataset["n"]), whole),
        f"balanced_accuracy_{name}": _balanced(dataset, f"mean of all classes' TPR, {name}"),
    }
    found |= _of_classes(dataset, dataset["classes"], name, name)
    for value, group in dataset["groups"].items():
        end = suffix(value, dataset["by"])
        words = f"{name} {PLACES.get(dataset['by'], dataset['by'] + ' = {}').format(value)}"
        found[f"accuracy_{name}{end}"] = _balanced(group, f"mean of all classes' TPR, {words}")
        found |= _of_classes(group, dataset["classes"], name + end, words)
        found |= _areas(group, name + end, words)
    found |= _areas(dataset, name, name)
    noise = noise_among(dataset["classes"])
    if noise is None:
        return found
    flagged, error, n = 1 - dataset["tpr"][noise], dataset["tpr_error"][noise], dataset["n"][noise]
    words = f"share of {name}'s noise taken for a signal; its examples may share noise, the error counts none"
    return found | {f"noise_flagged_{name}": number(flagged, error, n, words)}


def view_numbers(name: str, predicted: pd.DataFrame) -> dict[str, dict]:
    """Return the accuracy of each view alone, and of all; nothing where views were not judged alone."""
    right = {
        column.removeprefix(VIEW): float((predicted[column] == predicted["label"]).mean())
        for column in predicted
        if column.startswith(VIEW)
    }
    words = f"share of {name}'s examples taken for what they are by their view of {{}} alone"
    each = {
        f"accuracy_{name}_view_{view}": _share(rate, len(predicted), words.format(view.replace("s", " s")))
        for view, rate in right.items()
    }
    # The views of an example are mostly right or wrong together: they count as one.
    words = f"share of {name}'s views that are taken for what they are"
    mean = float(np.mean(list(right.values()))) if right else 0.0
    return each and each | {f"accuracy_{name}_view": _share(mean, len(predicted), words)}


def _share(rate: float, n: int, meaning: str) -> dict:
    """Return a share of so many examples with its error."""
    error = shares(np.array([rate * n]), np.array([n]), "rate")["rate_error"][0]
    return number(rate, error, n, meaning)


def _balanced(part: dict, words: str) -> dict:
    return number(part["balanced_accuracy"], part["balanced_accuracy_error"], sum(part["n"]), words)


def _areas(part: dict, end: str, words: str) -> dict[str, dict]:
    """Return the area under each class's ROC curve; none of a group that has no curves."""
    meaning = "area under the ROC curve of {} against all others, {}"
    return {
        f"auc_{one}_{end}": number(curve["area"], None, sum(part["n"]), meaning.format(one, words))
        for one, curve in part.get("roc", {}).items()
    }


def _of_classes(part: dict, classes: list[str], end: str, words: str) -> dict[str, dict]:
    """Return each class's TPR and median SNR, and the mean and the least TPR of the signals."""
    found, rates, errors, n = {}, part["tpr"], part["tpr_error"], part["n"]
    for i, one in enumerate(classes):
        found[f"tpr_{one}_{end}"] = number(rates[i], errors[i], n[i], f"TPR of {one}, {words}")
        if part["median_snr"][i] is not None:
            meaning = f"median network SNR of {one}, {words}"
            found[f"median_snr_{one}_{end}"] = number(part["median_snr"][i], None, n[i], meaning)
    signal = [i for i, one in enumerate(classes) if one != NOISE]
    if signal:
        least = min(signal, key=lambda i: rates[i])
        mean = mean_of([rates[i] for i in signal], [errors[i] for i in signal])
        total = sum(n[i] for i in signal)
        found[f"mean_tpr_{end}"] = number(*mean, total, f"mean TPR of the signals' classes, {words}")
        meaning = f"least TPR of a signal's class, which is {classes[least]}, {words}"
        found[f"least_tpr_{end}"] = number(rates[least], errors[least], n[least], meaning)
    return found
