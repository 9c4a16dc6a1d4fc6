"""What a job works on that has to do with networks, as `work` has it for datasets.

A pass is one example seen once by a network; its cost is in proportion to the network's pixels, so that
passes are counted in millions of pixels. A training step costs as much as three passes. What training itself
decides is assumed: how many examples a network gets wrong, and that patience never ends it early.
"""

import math
from collections.abc import Mapping

from gwsim import loudness, networks, stages, view, work
from gwsim.work import ANY, MILLION, Work

# A forward and a backward pass, and the optimiser's step.
STEP = 3
# A gradient of the last layers alone beside its forward pass.
GRADIENT = 1.3
# Examples that an epoch estimates batch normalisation from, points that an explorer has maps of, and examples
# of each class in an atlas.
ESTIMATED, MAPPED, ATLAS = 2048, 300, 5
# Of all examples, those that a network gets wrong.
WRONG = 0.1
# Memory for examples that were read once already (MB), and of examples compared pair by pair.
KEPT_MB, MEASURED = 1074, 5000
# Model -> the channels of its last layer, those of them that are bright, its layers with weights, whether
# batch normalisation is among them, and by how much its maps are smaller than its input.
MODELS = {
    "ccsn_cnn": (16, 1.0, 4, False, 16),
    "cbc_cnn2d": (32, 1.0, 12, True, 64),
    "resnet54": (16, 1.0, 120, True, 32),
    "resnet54_mean": (16, 1.0, 120, True, 32),
    "merged_view_cnn": (128, 0.8, 6, False, 256),
    "glitchnet": (64, 1.0, 11, True, 16),
    "toy_cnn": (16, 1.0, 3, False, 4),
    "linear_pixels": (1, 1.0, 1, False, 1),
}
# Those that cost what another one does.
LIKE = {"resnet54": "resnet54_mean"}
# An example of a store that others made, whose shape no configuration tells.
FOREIGN = (3, 94, 33)


def train(config: dict, its: Mapping) -> Work:
    experiment, recipe = _recipe(config, its)
    asked, shape = recipe["train"], _shape(config, experiment, recipe)
    rows, held, passes, drawn = 0.0, 0.0, 0.0, 0.0
    for number, phase in enumerate(asked["phases"]):
        rows = _phase_rows(config, experiment, recipe, asked["dataset"], number)
        held = min(_phase_rows(config, experiment, recipe, asked["validation"], number), _held(asked))
        estimated = min(rows, ESTIMATED) if MODELS[recipe["model"]][3] else 0
        passes += phase["epochs"] * (STEP * rows + held + estimated)
        drawn += phase["epochs"] * rows + held if asked["mix"] else 0
    values = math.prod(shape) * 4 / MILLION
    amounts = {_kind(recipe): {"passes": passes * _seen(recipe, shape)}}
    if asked["mix"]:
        amounts[ANY] = {"mixed_mb": drawn * work.row_mb(_settings(config, experiment))}
    kept = min(KEPT_MB, rows * values) + min(KEPT_MB / 4, held * values)
    memory = {_kind(recipe): {"batch": asked["batch"] * _seen(recipe, shape)}, ANY: {"kept_mb": kept}}
    return Work(amounts, memory, 4 * _weights_mb(recipe, shape))


def onnx(config: dict, its: Mapping) -> Work:
    experiment, recipe = _recipe(config, its)
    size = _weights_mb(recipe, _shape(config, experiment, recipe))
    return Work({_kind(recipe): {"models": 1}}, {ANY: {"mb": size}}, size)


def evaluate(config: dict, its: Mapping) -> Work:
    experiment, recipe = _recipe(config, its)
    shape, asked = _shape(config, experiment, recipe), experiment["evaluate"]
    rows = sum(_rows(config, its["experiment"], name) for name in asked["datasets"])
    shared, windows = {"rows": rows}, 0.0
    if networks.detects(experiment):
        splits = asked["background"].values()
        windows = sum(work.split_seconds(config, split) for split in splits) / experiment["duration"]
        shared["windows_mb"] = windows * work.row_mb(_settings(config, experiment))
    amounts = {_kind(recipe): {"passes": (rows + windows) * _seen(recipe, shape)}, ANY: shared}
    batch = min(_batch(shape, 512), max(rows, windows)) * _seen(recipe, shape)
    held = {_kind(recipe): {"batch": batch}, ANY: {"rows": rows + windows}}
    return Work(amounts, held, (rows + windows) * 60 / MILLION)


def explain(config: dict, its: Mapping) -> Work:
    experiment, recipe = _recipe(config, its)
    shape, asked = _shape(config, experiment, recipe), experiment["explain"]
    classes = len(stages.classes(experiment))
    points = explained(config, its["experiment"])
    few, methods = min(points, asked["faithfulness"]), asked["methods"]
    every = sum(_map_passes(recipe, shape, name) for name in methods)
    detects = networks.detects(experiment)
    others = 4 if detects else 2 * WRONG * _rows(config, its["experiment"], asked["dataset"]) + 2 * classes
    curves = 2 * (3 if detects else 2) * (len(methods) + 1) * (asked["steps"] + 1) * few
    maps = points + ATLAS * classes + others + MODELS[recipe["model"]][2] * few
    amounts = {_kind(recipe): {"passes": (maps * every + curves) * _seen(recipe, shape)}}
    cells = math.prod(shape[1:]) / MODELS[recipe["model"]][4]
    disk = (points + ATLAS * classes + others) * len(methods) * cells * 4 / MILLION
    batch = min(_batch(shape, 64), points) * _seen(recipe, shape)
    held = {ANY: {"few": few * math.prod(shape) / MILLION}, _kind(recipe): {"batch": batch}}
    return Work(amounts, held, disk)


def embed(config: dict, its: Mapping) -> Work:
    experiment, recipe = _recipe(config, its)
    shape, asked = _shape(config, experiment, recipe), experiment["embed"]
    points, features = embedded(config, its["experiment"]), _features(recipe, shape)
    evaluated = set(asked["datasets"]) <= set(experiment["evaluate"]["datasets"])
    # Of what is wide, products of examples with one another; else those of features.
    few, many = sorted((points, features))
    shared = {
        "points": points,
        "pairs": points**2 / MILLION,
        "compared": min(points, MEASURED) ** 2 * few / MILLION,
        "products": few**2 * many / 1e9,
    }
    passes = (2 if evaluated else 3) * points * _seen(recipe, shape)
    batch = min(_batch(shape, 256), points) * _seen(recipe, shape)
    tables = {
        "features_mb": 4 * points * features / MILLION,
        "pairs_mb": 8 * min(points, MEASURED) ** 2 / MILLION,
    }
    held = {_kind(recipe): {"batch": batch}, ANY: tables}
    return Work({_kind(recipe): {"passes": passes}, ANY: shared}, held, points * 100 / MILLION)


def explorer(config: dict, its: Mapping) -> Work:
    experiment, recipe = _recipe(config, its)
    shape, methods = _shape(config, experiment, recipe), experiment["explain"]["methods"]
    points, known = embedded(config, its["experiment"]), explained(config, its["experiment"])
    lacking = max(min(points, MAPPED) - known, WRONG * points, 0)
    preferred = "score_cam" if "score_cam" in methods else methods[-1]
    passes = lacking * _map_passes(recipe, shape, preferred) * _seen(recipe, shape)
    size = points * math.prod(shape) / MILLION
    amounts = {_kind(recipe): {"passes": passes}, ANY: {"mb": size, "points": points}}
    return Work(amounts, {ANY: {"mb": size}}, 1 + size / 4)


def exercise(config: dict, its: Mapping) -> Work:
    asked = config["experiments"][its["experiment"]]["exercise"]
    return Work({ANY: {"pictures": asked["fresh"] + asked["steps"] * asked["sweep"]}}, disk_mb=1)


def figures(config: dict, its: Mapping) -> Work:
    experiment, recipe = _recipe(config, its)
    shape = _shape(config, experiment, recipe)
    rows = sum(_rows(config, its["experiment"], name) for name in experiment["evaluate"]["datasets"])
    kind = "signals" if networks.detects(experiment) else "pictures"
    return Work({kind: {"pages": 1}, ANY: {"rows": rows}}, {ANY: {"pixels": _seen(recipe, shape)}}, 5)


def compare(config: dict, its: Mapping) -> Work:
    experiment = config["experiments"][its["experiment"]]
    count = sum(len(recipe["seeds"]) for recipe in experiment["networks"].values())
    return Work({ANY: {"networks": count}}, disk_mb=0.5)


# ---- sizes


def explained(config: dict, name: str) -> float:
    """Return how many examples `explain` takes: signals alone, of the values that are selected."""
    experiment = config["experiments"][name]
    asked, classes = experiment["explain"], len(stages.classes(experiment))
    signals = (classes - 1) / classes if networks.detects(experiment) and asked["select"] else 1.0
    rows = _rows(config, name, asked["dataset"])
    return min(asked["examples"], rows * signals * _selected(experiment, asked["dataset"], asked["select"]))


def embedded(config: dict, name: str) -> float:
    """Return how many examples `embed` takes: signals that are selected, and as much noise as of a class."""
    experiment = config["experiments"][name]
    asked = experiment["embed"]
    rows = sum(
        _rows(config, name, dataset) * _selected(experiment, dataset, asked["select"])
        for dataset in asked["datasets"]
    )
    return min(asked["examples"], rows)


def _selected(experiment: dict, dataset: str, select: dict) -> float:
    """Return what part of a dataset's signals has the values that are selected, where a grid tells."""
    part = 1.0
    for column in select:
        values = networks._values(loudness.written_out(experiment), dataset, column)
        part /= max(1, len(values))
    return part


def _recipe(config: dict, its: Mapping) -> tuple[dict, dict]:
    experiment = config["experiments"][its["experiment"]]
    return experiment, experiment["networks"][its["network"]]


def _kind(recipe: dict) -> str:
    return LIKE.get(recipe["model"], recipe["model"])


def _settings(config: dict, experiment: dict) -> dict:
    """Return of render's settings what examples' sizes follow from."""
    rate, ifos = stages.sample_rate(config, experiment), stages.ifos(config, experiment)
    own = {"sample_rate": rate, "ifos": ifos, "duration": experiment.get("duration")}
    return {**experiment.get("render", {}), **own, "whiten": experiment["whiten"]}


def _shape(config: dict, experiment: dict, recipe: dict) -> tuple[int, ...]:
    """Return the shape of what a network sees of one example."""
    if stages.stored(experiment):
        return FOREIGN
    return view.of(recipe).shape(_settings(config, experiment))


def _seen(recipe: dict, shape: tuple[int, ...]) -> float:
    """Return the pixels of one pass, in millions: pictures are channels, but each a pass of glitchnet."""
    views = shape[0] if recipe["model"] == "glitchnet" else 1
    return views * math.prod(shape[1:]) / MILLION


def _map_passes(recipe: dict, shape: tuple[int, ...], method: str) -> float:
    """Return what a map of one example costs, in passes."""
    if method != "score_cam":
        return GRADIENT
    channels, bright, *_ = MODELS[recipe["model"]]
    views = shape[0] if recipe["model"] == "glitchnet" else 1
    return 1 + channels * bright * views


def _features(recipe: dict, shape: tuple[int, ...]) -> float:
    """Return how many features a network has of one example."""
    channels, _, _, _, smaller = MODELS[recipe["model"]]
    if recipe["model"] in networks.FEATURES:
        return networks.FEATURES[recipe["model"]] * (shape[0] if recipe["array"] == "scans" else 1)
    # The pooling after the last convolution halves each axis again.
    smaller *= 4 if recipe["model"] == "ccsn_cnn" else 1
    return max(1.0, channels * math.prod(shape[1:]) / smaller)


def _weights_mb(recipe: dict, shape: tuple[int, ...]) -> float:
    """Return the size of a network's weights: those of a dense layer that sees all features, and the rest."""
    wide = 0 if recipe["model"] in networks.FEATURES else _features(recipe, shape) * 64
    return 4 * (300_000 + wide) / MILLION


def _batch(shape: tuple[int, ...], most: int) -> int:
    """Return how many examples are in work at once: see `dataset.batch_size`."""
    return max(1, min(most, 5_000_000 // math.prod(shape)))


def _held(asked: dict) -> int:
    return asked["validation_examples"]


def _rows(config: dict, experiment: str, dataset: str) -> int:
    return work.rows_of(config, {"experiment": experiment, "dataset": dataset})


def _phase_rows(config: dict, experiment: dict, recipe: dict, dataset: str, number: int) -> float:
    """Return the examples of a phase: those of the network's classes, noise and signals of its SNRs."""
    classes, known = len(stages.classes(experiment)), len(recipe.get("classes", stages.classes(experiment)))
    asked, noise = recipe["train"], 1 if networks.detects(experiment) else 0
    phases = (
        asked["phases"][: number + 1] if asked["curriculum"] == "cumulative" else [asked["phases"][number]]
    )
    ranges = [phase["snr"] for phase in phases if "snr" in phase]
    share = 1.0
    if len(ranges) == len(phases) and not asked["mix"] and not stages.stored(experiment):
        own = loudness.written_out(experiment)["datasets"][dataset]["draw"].get("snr")
        lows, highs = zip(*ranges, strict=True)
        share = _share(own, min(lows), max(highs))
    its = next(name for name, one in config["experiments"].items() if one is experiment)
    return _rows(config, its, dataset) * (noise + (known - noise) * share) / classes


def _share(spec, low: float, high: float) -> float:
    """Return what part of a distribution of SNRs lies in a range; all of it where that is not known here."""
    if isinstance(spec, int | float):
        return float(low <= spec <= high)
    ((name, values),) = spec.items() if spec else (("", ()),)
    if name == "uniform" and values[1] > values[0]:
        return max(0.0, min(high, values[1]) - max(low, values[0])) / (values[1] - values[0])
    if name in ("grid", "list"):
        return sum(low <= value <= high for value in values) / len(values)
    return 1.0
