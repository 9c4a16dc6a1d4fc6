"""The stage `explain`: maps of many examples and how faithful they are, an atlas, and what was misclassified.

Takes a network, examples and its predictions for all of them; gives sets of maps and numbers that say how far
these can be believed. Sets: `table` (what the numbers rest on), `atlas` (some examples of each class),
`misclassified` and, of pictures, `second`, which are of pairs. Where a class is noise, a misclassified signal
stands beside an example of the class it was taken for. Of pictures, which have no such class, the two maps
are of one example: of the class it was taken for and of its own, in `second` of the best class and the next
best. In maps.zarr each set is a group, xarray.open_zarr(path, group=SET), with

field | dims | unit | dtype | meaning
map | method, sample, *cells | 1 | float32 | map on the layer's own grid, not normalised; cells are y, x or x
method | method | 1 | int64 | place among the methods, which flag_meanings names
row | sample | 1 | int64 | row of the dataset
label | sample | 1 | int64 | place of the true class
predicted | sample | 1 | int64 | place of the class that the network gives
target | sample | 1 | int64 | place of the class that is explained
probability | sample | 1 | float32 | the network's probability of the target
pair | sample | 1 | int64 | number of the pair; of `misclassified` and `second` only
role | sample | 1 | int64 | 0 the first of the pair, 1 the second; of `misclassified` and `second` only
cluster | sample | 1 | int64 | shape of its class's maps, -1: not compared; of `table` of pictures only
"""

import dataclasses
import itertools
import json

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor, nn

from gwsim import (
    cam_times,
    cams,
    clusters,
    dataset,
    devices,
    draw,
    evaluate,
    faithfulness,
    maps,
    quadrants,
    selection,
)
from gwsim.errors import GwsimError
from gwsim.models import receptive

BATCH = 64
# Examples of which the fills of insertion and deletion are made, and classes that have nothing but noise.
FILL_ROWS, QUIET = 256, (draw.NOISE, "No_Glitch")
# First rows of each class in the atlas, whatever a network makes of them: networks can be compared by these.
FIRST = 4
TARGETS = ("predicted", "label")
# How many misclassified examples are explained: a number, or all.
ALL = "all"
TERMS = {
    "drop": "average drop (%), equation 14",
    "increase": "average increase (%), equation 15",
}


def plainly(items, name: str, total: int | None = None):
    """Return the items: the progress that nobody watches."""
    return items


@dataclasses.dataclass(frozen=True)
class Network:
    """A network, and the settings under which it is explained."""

    model: nn.Module
    sha256: str
    classes: list[str]
    settings: dict
    device: torch.device

    def __post_init__(self):
        target = self.settings["target"]
        if target not in (*TARGETS, *self.classes):
            known = f"{', '.join(TARGETS)} or one of {', '.join(self.classes)}"
            raise GwsimError(f"explain: target is '{target}', expected {known}")

    @property
    def detects(self) -> bool:
        """Return whether a class is noise, from which signals are told; else classes are told apart."""
        return draw.NOISE in self.classes

    @property
    def method(self) -> str:
        """Return the method of which one alone is shown or counted."""
        return self.settings["methods"][-1]

    def targets(self, predictions: pd.DataFrame, kind: str) -> np.ndarray:
        """Return the class that is explained of each row of the predictions."""
        if kind in TARGETS:
            return predictions[kind].to_numpy(np.int64, copy=True)
        return np.full(len(predictions), self.classes.index(kind))

    def maps(self, x: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return each method's maps (sample, *cells)."""
        methods = self.settings["methods"]
        return {name: cams.METHODS[name](self.model, x, target, self.settings) for name in methods}

    def cells(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a map of an input of a shape."""
        with torch.no_grad():
            black = torch.zeros((1, *shape), device=self.device)
            return tuple(cams.activations(self.model, black).shape[2:])

    def grid(self, axes: int) -> list[tuple[float, float]]:
        """Return (stride, offset) of each axis of a map."""
        return receptive.centres(self.model.cam_path, axes)

    def masks(self, found: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return the masks L of equation 13: maps stretched over the input, scaled to [0, 1].

        This is the paper's definition, however figures align their maps.
        """
        return maps.normalised(maps.placed(found, shape, "resize"))


# ---- the stage


def explained(network: Network, data: dict, progress=plainly) -> tuple[dict[str, xr.Dataset], dict]:
    """Return the sets of maps, and the metrics.

    data: name -> (examples, predictions) of the two datasets that the settings name, predictions as from
    `selection.fitting`. progress(items, name, total) gives the items on.
    """
    settings = network.settings
    test, gallery = data[settings["dataset"]], data[settings["atlas"]]
    # Signals alone, under a selection of distance or SNR: noise has none.
    rows = selection.choose(test[0].table, settings["select"], settings["examples"])
    table, each = measured(network, *test, rows, progress)
    numbers, tests = faithful(network, test[0], table, progress)
    shown = mapped(network, *gallery, atlas(gallery[1], len(network.classes)), "predicted", progress)
    of_kind = signals if network.detects else pictures
    sets, more = of_kind(network, *test, table, progress)
    sets, numbers = {"table": table, "atlas": shown} | sets, numbers | more
    for name, one in sets.items():
        one.attrs["dataset"] = settings["atlas" if name == "atlas" else "dataset"]
    return sets, {
        "numbers": averages(each) | numbers,
        "settings": settings,
        "model": network.sha256,
        "zero_maps": {name: int(found["zero"].sum()) for name, found in each.items()},
        "rows": table.sizes["sample"],
        **tests,
        "atlas": recognised(shown, network.classes),
        "misclassified": {
            "wanted": settings["misclassified"],
            "found": sets["misclassified"].sizes["sample"] // 2,
        },
    }


def signals(network, examples, predictions, table, progress=plainly) -> tuple[dict, dict]:
    """Return further sets of maps and numbers where signals are detected in noise."""
    numbers = cam_times.numbers(when(table, examples), network.classes)
    return {"misclassified": pairs(network, examples, predictions, progress)}, numbers


def pictures(network, examples, predictions, table, progress=plainly) -> tuple[dict, dict]:
    """Return further sets of maps and numbers where classes are told apart, the table among the sets."""
    labels = table["label"].values
    right = np.flatnonzero((labels == table["predicted"].values) & (labels == table["target"].values))
    found = table["map"].values[-1][right]
    shaped = np.ptp(found.reshape(len(found), -1), axis=1) > 0
    shapes = maps.normalised(torch.from_numpy(found[shaped])).numpy()
    places, numbers = clusters.compared(shapes, labels[right][shaped], network.classes, network.method)
    column = np.full(len(labels), -1)
    column[right[shaped]] = places
    if examples.view.array == "merged":
        shares = quadrants.weights(found)
        numbers |= quadrants.numbers(shares, labels[right], network.classes, network.method)
    wrong = errors(predictions, network.settings["misclassified"])
    both = predictions.set_index("row").loc[wrong, ["predicted", "label"]].to_numpy(np.int64, copy=True)
    best = rivals(predictions, network.classes)
    sets = {
        "table": table.assign_coords(cluster=maps.column("cluster", column)),
        "second": twice(network, examples, predictions, *best, progress),
        "misclassified": twice(network, examples, predictions, wrong, both, progress),
    }
    return sets, numbers


def attributes(network: Network, axes: int) -> dict:
    """Return what the store of maps says of the network and of the place of a map's cells."""
    grid = network.grid(axes)
    return {
        "model_sha256": network.sha256,
        "classes": " ".join(network.classes),
        "settings": json.dumps(network.settings),
        "grid_stride": [float(stride) for stride, _ in grid],
        "grid_offset": [float(offset) for _, offset in grid],
        "grid": "cell i of an axis is centred on pixel stride * i + offset of the input",
    }


# ---- which examples


def atlas(predictions: pd.DataFrame, classes: int) -> np.ndarray:
    """Return the first rows of each class and the one that is shown of it, by class."""
    by_class = predictions.sort_values(["label", "row"])
    first = by_class.groupby("label").cumcount() < FIRST
    shown = by_class["row"].isin(selection.recognised(predictions, classes))
    return by_class["row"][first | shown].to_numpy(np.int64)


def errors(predictions: pd.DataFrame, count: int | str) -> np.ndarray:
    """Return the rows of the misclassified examples, the loudest first and those without SNR last."""
    wrong = predictions[predictions["predicted"] != predictions["label"]]
    rows = wrong.sort_values(["snr", "row"], ascending=[False, True])["row"].to_numpy(np.int64)
    return rows if count == ALL else rows[:count]


def rivals(predictions: pd.DataFrame, classes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return one correctly classified row of each class that has one, and its best two classes (row, 2)."""
    rows = selection.recognised(predictions, len(classes))
    found = predictions.set_index("row", drop=False).loc[rows]
    found = found[found["predicted"] == found["label"]]
    order = np.argsort(-evaluate.logits_of(found, classes), axis=1, kind="stable")
    return found["row"].to_numpy(np.int64), order[:, :2]


def misclassified(predictions: pd.DataFrame, count: int | str) -> list[tuple[int, int]]:
    """Return the loudest misclassified signals, each with an example of the class that it was taken for.

    predictions: row, label, predicted and snr, NaN for noise. The example is correctly classified and nearest
    in SNR; noise has none, and gives its first. A class without an example leaves its signals out.
    """
    correct = predictions[predictions["predicted"] == predictions["label"]].sort_values("row")
    wrong = predictions.set_index("row", drop=False).loc[errors(predictions, ALL)]
    pairs = []
    for one in wrong[wrong["snr"].notna()].itertuples():
        if len(pairs) == count:
            break
        like = correct[correct["label"] == one.predicted]
        if len(like):
            away = (like["snr"] - one.snr).abs().fillna(np.inf).to_numpy()
            pairs.append((int(one.row), int(like["row"].iloc[away.argmin()])))
    return pairs


# ---- sets of maps


def mapped(
    network, examples, predictions, rows, target: str, progress=plainly, watch=None, **columns
) -> xr.Dataset:
    """Return one set of maps, with further columns; watch(x, target, maps, scores) sees each batch."""
    targets = network.targets(predictions.set_index("row").loc[rows], target)
    return of_targets(network, examples, predictions, rows, targets[:, None], progress, watch, **columns)


def twice(network, examples, predictions, rows, targets: np.ndarray, progress=plainly) -> xr.Dataset:
    """Return a set of the maps of two classes (row, 2) of each example, as pairs."""
    columns = {"pair": np.repeat(np.arange(len(rows)), 2), "role": np.tile([0, 1], len(rows))}
    return of_targets(network, examples, predictions, rows, targets, progress, **columns)


def of_targets(
    network, examples, predictions, rows, targets, progress=plainly, watch=None, **columns
) -> xr.Dataset:
    """Return the maps of the classes (row, target) of some rows, all of a row one after the other."""
    methods, shape = network.settings["methods"], network.cells(examples.shape)
    values = np.empty((len(methods), *targets.shape, *shape), np.float32)
    probability, done = np.empty(targets.shape, np.float32), 0
    size = dataset.batch_size(examples.shape, BATCH)
    batches = dataset.batches(examples.read, rows, size)
    for part, x in progress(batches, f"explain {examples.name}", -(-len(rows) // size)):
        place = slice(done, done := done + len(part))
        x, wanted = devices.put(x, network.device), torch.as_tensor(targets[place], device=network.device)
        made = network.maps(x, wanted)
        scores = torch.stack([faithfulness.scores(network.model, x, one) for one in wanted.T], dim=1)
        values[:, place] = [one.cpu().numpy() for one in made.values()]
        probability[place] = scores.cpu().numpy()
        if watch:
            watch(x, wanted[:, 0], {name: one[:, 0] for name, one in made.items()}, scores[:, 0])
    count = targets.shape[1]
    found = predictions.set_index("row").loc[np.repeat(rows, count)].reset_index()
    of_all = {name: found[name] for name in ("row", "label", "predicted")}
    of_all |= {"target": targets.ravel(), "probability": probability.ravel(), **columns}
    flat = values.reshape(len(methods), -1, *shape)
    return maps.described(flat, methods, of_all, attributes(network, len(shape)))


def measured(network, examples, predictions, rows, progress=plainly) -> tuple[xr.Dataset, dict]:
    """Return the maps that the numbers rest on, and each method's `terms`."""
    parts = []

    def watch(x, target, made, before):
        cells = next(iter(made.values())).shape[1:]
        noise = faithfulness.random_maps((len(x), *cells), "table", len(parts)).to(x.device)
        both = {**made, faithfulness.RANDOM: noise}
        parts.append({name: terms(network, x, target, one, before) for name, one in both.items()})

    table = mapped(network, examples, predictions, rows, network.settings["target"], progress, watch)
    return table, {name: pd.concat([part[name] for part in parts]) for name in parts[0]}


def terms(network, x: Tensor, target: Tensor, found: Tensor, before: Tensor) -> pd.DataFrame:
    """Return what a method's map makes of each sample's score: drop, increase, and whether it is zero."""
    masked = faithfulness.masked(x, network.masks(found, tuple(x.shape[2:])))
    after = faithfulness.scores(network.model, masked, target)
    columns = {
        "drop": faithfulness.drop(before, after),
        "increase": faithfulness.increase(before, after),
        "zero": (found.flatten(1) == 0).all(1),
    }
    return pd.DataFrame({name: values.cpu().numpy() for name, values in columns.items()})


def pairs(network, examples, predictions, progress=plainly) -> xr.Dataset:
    """Return the maps of the loudest misclassified signals, each with one of the class it was taken for."""
    found = misclassified(predictions, network.settings["misclassified"])
    rows = np.array(found, dtype=np.int64).reshape(-1)
    columns = {"pair": np.arange(len(rows)) // 2, "role": np.arange(len(rows)) % 2}
    return mapped(network, examples, predictions, rows, "predicted", progress, **columns)


def recognised(shown: xr.Dataset, classes: list[str]) -> dict[str, str]:
    """Return of each class whether an example in the atlas is correct, all are wrong, or that it has none."""
    label, predicted = shown["label"].values, shown["predicted"].values
    right = set(label[label == predicted].tolist())
    states = {place: "correct" if place in right else "wrong" for place in label.tolist()}
    return {name: states.get(place, "no example") for place, name in enumerate(classes)}


# ---- numbers


def when(found: xr.Dataset, examples) -> pd.DataFrame:
    """Return how long before the event each signal's maps are greatest; the last axis of inputs is time."""
    *_, times = examples.axes.values()
    return cam_times.measured(found, times, examples.table)


def averages(found: dict[str, pd.DataFrame]) -> dict:
    """Return average drop and average increase of each method's terms."""
    return {
        f"average_{kind}_{name}": faithfulness.summary(columns[kind], f"{meaning}, {name}")
        for name, columns in found.items()
        for kind, meaning in TERMS.items()
    }


def faithful(network, examples, table: xr.Dataset, progress=plainly) -> tuple[dict, dict]:
    """Return the numbers of insertion, deletion and randomisation of some samples of the table, and more.

    The second has the curves behind the numbers, and the correlations after each randomised layer.
    """
    places = selection.balanced(table["label"].values, network.settings["faithfulness"])
    few = table.isel(sample=places)
    x, target = (
        torch.as_tensor(values, device=network.device)
        for values in (examples.read(few["row"].values), few["target"].values)
    )
    made = dict(zip(network.settings["methods"], map(torch.as_tensor, few["map"].values), strict=True))
    noise = faithfulness.random_maps(few["map"].shape[1:], "faithfulness")
    masks = {
        name: network.masks(one.to(x.device), tuple(x.shape[2:]))
        for name, one in {**made, faithfulness.RANDOM: noise}.items()
    }
    areas, shapes = curves(network, x, target, masks, stand_ins(network, examples, x), progress)
    alike, layers = randomisation(network, x, target, made, progress)
    return areas | alike, {"curves": shapes, "randomisation": layers}


def stand_ins(network, examples, x: Tensor) -> dict[str, Tensor]:
    """Return what may stand for a pixel that is taken away: black, noise on average, noise drawn.

    Where no class is noise alone, the mean of all classes stands for noise, and none is drawn.
    """
    labels = examples.table["label"].to_numpy()
    quiet = [place for place, name in enumerate(network.classes) if name in QUIET]
    rows, black = np.flatnonzero(np.isin(labels, quiet))[:FILL_ROWS], torch.zeros_like(x[0])
    if not len(rows):
        rows = selection.balanced(labels, FILL_ROWS)
        return {"zero": black, "mean": torch.as_tensor(examples.read(rows).mean(axis=0), device=x.device)}
    found = torch.as_tensor(examples.read(rows), device=x.device)
    return {"zero": black, "mean_noise": found.mean(dim=0), "noise": found[0]}


def curves(network, x: Tensor, target: Tensor, masks: dict, fills: dict, progress=plainly):
    """Return the areas under the curves as numbers, and the curves: kind, fill, mask -> mean, error."""
    steps, areas = network.settings["steps"], {}
    found = {kind: {fill: {} for fill in fills} for kind in faithfulness.KINDS}
    cases = list(itertools.product(faithfulness.KINDS, fills, masks))
    for kind, fill, name in progress(cases, "insertion and deletion"):
        each = faithfulness.curve(network.model, x, masks[name], target, fills[fill], steps, kind).cpu()
        points = [faithfulness.summary(point, kind) for point in each.T]
        found[kind][fill][name] = {
            "mean": [point["value"] for point in points],
            "error": [point["error"] for point in points],
        }
        meaning = f"area under the {kind} curve of probability, {name}, pixels filled with {fill}"
        areas[f"{kind}_{name}_{fill}"] = faithfulness.summary(faithfulness.area(each), meaning)
    return areas, found


def randomisation(network, x: Tensor, target: Tensor, made: dict, progress=plainly):
    """Return numbers and all correlations of maps with those of randomised networks, the last layer first."""
    names = faithfulness.layers(network.model)[::-1]
    found = {name: [] for name in made}
    steps = faithfulness.cascade(network.model, "explain")
    for _, model in progress(steps, "randomised networks", len(names)):
        other = dataclasses.replace(network, model=model)
        for name, trained in made.items():
            found[name].append(correlation(other, name, trained, x, target))
    numbers = {}
    for name, each in found.items():
        for number, one, which in (("randomised", each[-1], "all"), ("randomised_last", each[0], 1)):
            numbers[f"{number}_{name}"] = {**one, "meaning": f"{one['meaning']} ({which})"}
    return numbers, {"layers": names, "methods": found}


def correlation(network, name: str, trained: Tensor, x: Tensor, target: Tensor) -> dict:
    """Return the mean correlation of a method's maps with a randomised network's, and how many have none."""
    make, batches = cams.METHODS[name], (one.split(BATCH) for one in (trained, x, target))
    values = np.concatenate(
        [
            faithfulness.rank_correlation(one, make(network.model, part, wanted, network.settings))
            for one, part, wanted in zip(*batches, strict=True)
        ]
    )
    meaning = f"Spearman correlation of {name} with that of the network whose last layers are randomised"
    return faithfulness.summary(values, meaning) | {"constant": int(np.isnan(values).sum())}
