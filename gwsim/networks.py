"""What a configuration says of networks: the settings of each stage that has to do with them, and its faults.

Settings of one network stand under EXPERIMENT/networks/NETWORK, of what all are asked under EXPERIMENT.
"""

from gwsim import draw, loudness, view
from gwsim.conventions import SCAN_DURATIONS
from gwsim.waveforms import columns as of_source

ASKED = ("evaluate", "explain", "embed")
# Sections of an experiment that datasets do not depend on.
SECTIONS = ("networks", *ASKED, "exercise", "reported")
# Model -> the arrays that it takes, and the least size of each of their axes after the first.
TAKES = {
    "ccsn_cnn": (("spectrogram",), 10),
    "cbc_cnn2d": (("spectrogram",), 16),
    "resnet54": (("strain",), 256),
    "resnet54_mean": (("strain",), 256),
    "merged_view_cnn": (view.PICTURES, 16),
    "glitchnet": (("scans",), 16),
    "toy_cnn": (("picture",), 8),
    "linear_pixels": (("picture",), 1),
}
# What an exercise calls its networks, and the model and number of classes that each of them has.
ROLES = {"network": ("toy_cnn", 2), "linear": ("linear_pixels", 2), "three": ("toy_cnn", 3)}
# Model -> its number of features (of each view), where it is so small that a wanted number of components may
# be larger.
FEATURES = {"resnet54_mean": 16, "glitchnet": 64, "toy_cnn": 16}
# Of evaluate: what is asked where signals are detected in noise.
OF_DETECTION = ("by", "shown", "background", "false_alarms_per_day")
# The paper's figures 9 and 10; of experiments without a class of noise all of them.
MISCLASSIFIED = 2


def settings(config: dict, name: str, classes: list[str]) -> dict[str, dict]:
    """Return the settings of an experiment's stages from train on, by the path of their file."""
    experiment = loudness.written_out(config["experiments"][name])
    if not experiment.get("networks"):
        return {}
    trained = {
        f"{name}/networks/{network}/train": {
            **{key: recipe[key] for key in ("model", *view.KEYS) if key in recipe},
            "classes": recipe.get("classes", classes),
            **recipe["train"],
        }
        for network, recipe in experiment["networks"].items()
    }
    if "exercise" in experiment:
        its = {"models": experiment["waveforms"]["models"], "picture": experiment["render"]["picture"]}
        asked = {"seed": config["seed"], "classes": classes, **experiment["exercise"]}
        return trained | {f"{name}/exercise": its | asked}
    evaluate = {**experiment["evaluate"], "classes": classes}
    if experiment["whiten"] == "stored":
        return trained | {f"{name}/evaluate": {**evaluate, "grouped": []}}
    if detects(experiment):
        evaluate["seconds"] = experiment["duration"]
    by = evaluate.get("by")
    evaluate["grouped"] = [one for one in evaluate["datasets"] if by and _values(experiment, one, by)]
    found = {
        f"{name}/evaluate": evaluate,
        f"{name}/explain": {
            "misclassified": MISCLASSIFIED if draw.NOISE in classes else "all",
            **{key: value for key, value in experiment["explain"].items() if key != "align"},
        },
        f"{name}/embed": {**experiment["embed"], "seed": config["seed"]},
        f"{name}/explorer": {"align": experiment["explain"]["align"]},
        f"{name}/figures": {
            "shown": evaluate.get("shown", []),
            "align": experiment["explain"]["align"],
            "atlas": experiment["explain"]["atlas"],
            "dataset": experiment["explain"]["dataset"],
            "tested": next(iter(evaluate["grouped"]), None),
            "reported": experiment.get("reported"),
        },
    }
    return found | trained


def shown(recipe: dict) -> bool:
    """Return whether a network has maps and figures of its own; else it stands beside others alone."""
    return recipe.get("shown", True)


def _values(experiment: dict, dataset: str, column: str) -> list[float]:
    """Return the values that a column of a dataset's table has, where they are few."""
    given = {**experiment.get("draw", {}), **experiment["datasets"][dataset].get("draw", {})}
    spec = {draw.TARGETS.get(name, name): spec for name, spec in given.items()}.get(column)
    if isinstance(spec, dict):
        return spec.get("grid") or spec.get("list") or []
    return [] if spec is None else [spec]


def report_settings(config: dict) -> dict:
    """Return what the report names: networks, their seeds, and the numbers of a publication beside them."""
    return {
        "run": config["run"],
        "experiments": {
            name: {
                "reported": _in_order(experiment.get("reported")),
                "networks": {
                    network: {"seeds": recipe["seeds"]}
                    for network, recipe in experiment.get("networks", {}).items()
                    if shown(recipe) and "exercise" not in experiment and experiment["whiten"] != "stored"
                },
            }
            for name, experiment in config["experiments"].items()
        },
    }


def _in_order(reported: dict | None) -> dict | None:
    """Return what was reported with its numbers as pairs: settings are written with their keys sorted."""
    return reported and {**reported, "numbers": [list(pair) for pair in reported["numbers"].items()]}


def faults(experiment: dict, classes: list[str], splits, sample_rate: int) -> list[str]:
    """Return what is wrong with an experiment's networks and what they are asked."""
    if not experiment.get("networks"):
        return ["exercise: it asks networks, and there are none"] if "exercise" in experiment else []
    if "exercise" in experiment:
        return _exercise_faults(experiment, classes, sample_rate)
    if experiment["whiten"] == "none":
        return ["networks: those of toy pictures are asked by an exercise, and there is none"]
    if own := [network for network, recipe in experiment["networks"].items() if "classes" in recipe]:
        return [f"networks: {', '.join(own)} know some classes alone, which goes with an exercise"]
    if lacking := [section for section in ASKED if section not in experiment]:
        return [f"networks: {', '.join(lacking)} are missing, which say what they are asked"]
    found = _recipes(experiment, sample_rate) + _datasets(experiment)
    explain = experiment["explain"]
    if explain["target"] not in ("predicted", "label", *classes):
        known = ", ".join(("predicted", "label", *classes))
        found.append(f"explain.target: got '{explain['target']}', expected one of {known}")
    found += _selected(experiment, "explain", [explain["dataset"]])
    found += _selected(experiment, "embed", experiment["embed"]["datasets"])
    of_noise = (
        _detection(experiment, splits) if detects(experiment) else _no_detection(experiment["evaluate"])
    )
    return found + [f"evaluate.{fault}" for fault in of_noise]


def stored_faults(experiment: dict, seen: dict[str, dict]) -> list[str]:
    """Return what is wrong with networks of stores that others made, which are trained and evaluated alone.

    seen: each dataset's settings of a view, as its attributes tell them.
    """
    if not experiment.get("networks"):
        return []
    more = [name for name in ("explain", "embed", "exercise") if name in experiment]
    found = [
        f"{name}: stores that others made are trained on and evaluated alone, leave it out" for name in more
    ]
    if "evaluate" not in experiment:
        return [*found, "networks: evaluate is missing, which says what they are asked"]
    datasets = experiment["datasets"]
    for name in experiment["evaluate"]["datasets"]:
        found += _unknown("evaluate.datasets", name, datasets)
    found += [f"evaluate.{fault}" for fault in _no_detection(experiment["evaluate"])]
    for network, recipe in experiment["networks"].items():
        place, train = f"networks.{network}", recipe["train"]
        unknown = [
            _unknown(f"{place}.train.{role}", train[role], datasets) for role in ("dataset", "validation")
        ]
        found += [fault for faults in unknown for fault in faults]
        found += [f"{place}.train.{fault}" for fault in _phases(train) + _augmented(recipe)]
        found += [f"{place}.train.mix: stores have no noise by itself to mix"] if train["mix"] else []
        found += [f"{place}.classes: leave it out, all classes are known"] if "classes" in recipe else []
        if not any(unknown):
            found += [f"{place}.train.dataset: {fault}" for fault in _leaks(experiment, train)]
            found += [f"{place}.{fault}" for fault in _sees(recipe, seen[train["dataset"]])]
    return found


def _recipes(experiment: dict, sample_rate: int) -> list[str]:
    """Return what is wrong with how networks are made and trained."""
    found, datasets = [], experiment["datasets"]
    for network, recipe in experiment["networks"].items():
        found += [f"networks.{network}.{fault}" for fault in _seen(experiment, recipe, sample_rate)]
        if detects(experiment) and not shown(recipe):
            found.append(f"networks.{network}.shown: got false, but all are explained where one is noise")
        place, train = f"networks.{network}.train", recipe["train"]
        for role in ("dataset", "validation"):
            found += _unknown(f"{place}.{role}", train[role], datasets)
        found += [f"{place}.{fault}" for fault in _phases(train) + _augmented(recipe)]
        if not found:
            found += [f"{place}.dataset: {fault}" for fault in _leaks(experiment, train)]
    return found


def _unknown(place: str, name: str, datasets) -> list[str]:
    return [] if name in datasets else [f"{place}: no dataset '{name}' (known: {', '.join(datasets)})"]


def _datasets(experiment: dict) -> list[str]:
    """Return where a dataset is asked about that is not there, or was not evaluated."""
    datasets, evaluated = experiment["datasets"], experiment["evaluate"]["datasets"]
    found = [fault for name in evaluated for fault in _unknown("evaluate.datasets", name, datasets)]
    for role in ("dataset", "atlas"):
        place, name = f"explain.{role}", experiment["explain"][role]
        found += _unknown(place, name, datasets)
        if name in datasets and name not in evaluated:
            found.append(f"{place}: '{name}' is not among evaluate.datasets, whose predictions it needs")
    for name in experiment["embed"]["datasets"]:
        found += _unknown("embed.datasets", name, datasets)
    return found


def _selected(experiment: dict, place: str, names: list[str]) -> list[str]:
    """Return where rows are selected by a column, or by a value, that no dataset has."""
    found, known = [], columns_of(experiment["waveforms"]["source"])
    for column, value in experiment[place]["select"].items():
        if column not in known:
            found.append(f"{place}.select: no column '{column}' (known: {', '.join(known)})")
            continue
        values = {name: _values(experiment, name, column) for name in names if name in experiment["datasets"]}
        if any(values.values()) and not any(value in its for its in values.values()):
            told = "; ".join(f"{name} has {', '.join(map(str, its))}" for name, its in values.items() if its)
            found.append(f"{place}.select.{column}: got {value}, {told}")
    return found


def columns_of(source: str):
    """Return the columns by which rows of a source's datasets are selected."""
    return of_source.GIVEN if source == "pictures" else draw.columns(source)


def detects(experiment: dict) -> bool:
    """Return whether networks of an experiment detect signals in noise; else they tell classes apart."""
    return experiment["whiten"] == "block"


def _no_detection(evaluate: dict) -> list[str]:
    """Return what is asked that only a class of noise can answer."""
    told = "expected none where no class is noise"
    return [f"{name}: {told}" for name in OF_DETECTION if name in evaluate]


def _detection(experiment: dict, splits) -> list[str]:
    """Return what is wrong with what is asked of signals in noise."""
    evaluate = experiment["evaluate"]
    if lacking := [name for name in OF_DETECTION if name not in evaluate]:
        return [f"{', '.join(lacking)}: missing, which networks that detect signals are asked"]
    used, found = evaluate["background"], []
    for role, split in used.items():
        if split not in splits:
            found.append(f"background.{role}: no split '{split}' (known: {', '.join(splits)})")
    if len(set(used.values())) == 1:
        (split,) = set(used.values())
        found.append(f"background: thresholds set and measured on '{split}', expected two splits")
    by, tested = evaluate["by"], (one for one in evaluate["datasets"] if one in experiment["datasets"])
    known = {value for name in tested for value in _values(experiment, name, by)}
    if known and (strange := [f"{value:g}" for value in evaluate["shown"] if value not in known]):
        listed = ", ".join(f"{value:g}" for value in sorted(known))
        found.append(f"shown: got {', '.join(strange)}, the values of {by} are {listed}")
    most = 86400 / experiment["duration"]
    return found + [
        f"false_alarms_per_day: got {rate}, expected rates above zero and at most {most:g}, one a window of "
        f"{experiment['duration']} s"
        for rate in evaluate["false_alarms_per_day"]
        if not 0 < rate <= most
    ]


def _exercise_faults(experiment: dict, classes: list[str], sample_rate: int) -> list[str]:
    """Return what is wrong with an exercise and its networks."""
    both = [section for section in ASKED if section in experiment]
    if both:
        return [f"exercise: got {', '.join(both)} beside it, expected an exercise or these"]
    if classes[:3] != ["blip", "chirp", "noise"]:
        got = ", ".join(classes)
        return [f"exercise: its classes are blip, chirp and noise of source toy, in this order (got {got})"]
    datasets, asked, found = experiment["datasets"], experiment["exercise"], []
    for network, recipe in experiment["networks"].items():
        its, train = recipe.get("classes", classes), recipe["train"]
        if its != classes[: len(its)]:
            got, known = ", ".join(its), ", ".join(classes)
            found.append(f"networks.{network}.classes: got {got}, expected the first of {known}")
        found += [f"networks.{network}.{fault}" for fault in _seen(experiment, recipe, sample_rate)]
        found += [f"networks.{network}.train.{fault}" for fault in _phases(train)]
        if train["mix"]:
            found.append(f"networks.{network}.train.mix: toy pictures have no SNR at which to draw them anew")
    for place, name in _named(experiment):
        found += _unknown(place, name, datasets)
    if not asked["drifts"][0] < asked["drifts"][1]:
        found.append(f"exercise.drifts: got {asked['drifts']}, expected least < greatest")
    return found + (_roles(experiment, classes) or _same_rows(experiment) if not found else [])


def _named(experiment: dict):
    """Yield the datasets that an exercise and its networks name, with their places."""
    yield "exercise.dataset", experiment["exercise"]["dataset"]
    for network, recipe in experiment["networks"].items():
        for role in ("dataset", "validation"):
            yield f"networks.{network}.train.{role}", recipe["train"][role]


def _roles(experiment: dict, classes: list[str]) -> list[str]:
    """Return where an exercise names a network that cannot answer."""
    found = []
    for role, (model, count) in ROLES.items():
        name = experiment["exercise"][role]
        recipe = experiment["networks"].get(name)
        if recipe is None:
            known = ", ".join(experiment["networks"])
            found.append(f"exercise.{role}: no network '{name}' (known: {known})")
        elif (recipe["model"], len(recipe.get("classes", classes))) != (model, count):
            got = f"{recipe['model']} of {len(recipe.get('classes', classes))}"
            found.append(f"exercise.{role}: '{name}' is {got} classes, expected {model} of {count}")
    return found


def _same_rows(experiment: dict) -> list[str]:
    """Return networks that learn from what they are asked."""
    asked = experiment["exercise"]["dataset"]
    return [
        f"networks.{network}.train.dataset: '{asked}' is what the exercise asks about"
        for network, recipe in experiment["networks"].items()
        if asked == recipe["train"]["dataset"]
    ]


def _seen(experiment: dict, recipe: dict, sample_rate: int) -> list[str]:
    """Return where a network's model does not take what its recipe lets it see."""
    features, pca = _features(recipe), experiment.get("embed", {}).get("pca", 0)
    if features and features < pca:
        return [
            f"model: {recipe['model']} has {features} features, of which embed.pca wants {pca} components"
        ]
    settings = {**experiment["render"], "sample_rate": sample_rate, "duration": experiment.get("duration")}
    return _sees(recipe, settings)


def _sees(recipe: dict, settings: dict) -> list[str]:
    """Return where a network's model does not take what its recipe lets it see of examples."""
    arrays, least = TAKES[recipe["model"]]
    if recipe["array"] not in arrays:
        known = " or ".join(arrays)
        return [f"array: got {recipe['array']}, expected {known}, which {recipe['model']} takes"]
    seen = view.of(recipe)
    if faults := seen.faults(settings):
        return faults
    axes = {name: len(values) for name, values in seen.axes(settings).items()}
    if min(axes.values()) >= least:
        return []
    sizes = " and ".join(f"{size} along {name}" for name, size in axes.items())
    return [f"model: {recipe['model']} takes at least {least} values along each axis, got {sizes}"]


def _features(recipe: dict) -> int | None:
    """Return a network's number of features where it is known to be small."""
    views = len(recipe.get("durations") or SCAN_DURATIONS) if recipe["array"] == "scans" else 1
    found = FEATURES.get(recipe["model"])
    return found and found * views


def _leaks(experiment: dict, train: dict) -> list[str]:
    """Return where noise that a network has learnt from would judge it."""
    datasets, asked = experiment["datasets"], experiment["evaluate"]
    split = datasets[train["dataset"]]["split"]
    others = {f"the dataset {name}": datasets.get(name, {}).get("split") for name in asked["datasets"]}
    others[f"the validation set {train['validation']}"] = datasets[train["validation"]]["split"]
    others |= {f"evaluate.background.{role}": other for role, other in asked.get("background", {}).items()}
    return [f"its split '{split}' is that of {name} too" for name, other in others.items() if other == split]


def _augmented(recipe: dict) -> list[str]:
    """Return why a network's training examples cannot be augmented."""
    if "augment" not in recipe["train"]:
        return []
    wanted = f"augment: got {recipe['train']['augment']}"
    if recipe["array"] not in view.PICTURES:
        return [f"{wanted} for {recipe['array']}, expected it for {' and '.join(view.PICTURES)} alone"]
    if recipe["scale"] != "none":
        return [f"{wanted} with scale: {recipe['scale']}, which hides energies; expected scale: none"]
    if recipe["train"]["mix"]:
        return [f"{wanted} with mix: true, which renders examples at new SNRs; expected one of the two"]
    return []


def _phases(train: dict) -> list[str]:
    found = []
    if "patience" in train and len(train["phases"]) > 1:
        found.append("patience: losses of several phases cannot be compared; it needs a single phase")
    if train["mix"] and train["curriculum"] == "cumulative":
        found.append(
            "curriculum: mix draws from a phase's own range: widen it, and let the curriculum be replace"
        )
    for place, phase in enumerate(train["phases"]):
        if "snr" not in phase:
            if train["mix"]:
                found.append(f"phases[{place}]: mix draws SNRs from the phase's snr, and there is none")
        elif not 0 < phase["snr"][0] < phase["snr"][1]:
            found.append(f"phases[{place}].snr: got {phase['snr']}, expected 0 < low < high")
    return found
