"""What a configuration says of networks: the settings of each stage that has to do with them, and its faults.

Settings of one network stand under EXPERIMENT/networks/NETWORK, of what all are asked under EXPERIMENT.
"""

from gwsim import draw

ASKED = ("evaluate", "explain", "embed")
# Sections of an experiment that datasets do not depend on.
SECTIONS = ("networks", *ASKED, "reported")
# The paper's figures 9 and 10.
MISCLASSIFIED = 2


def settings(config: dict, name: str, classes: list[str]) -> dict[str, dict]:
    """Return the settings of an experiment's stages from train on, by the path of their file."""
    experiment = config["experiments"][name]
    if not experiment.get("networks"):
        return {}
    evaluate = {key: value for key, value in experiment["evaluate"].items() if key != "shown"}
    evaluate |= {"classes": classes, "seconds": experiment["duration"]}
    found = {
        f"{name}/evaluate": evaluate,
        f"{name}/explain": {**experiment["explain"], "misclassified": MISCLASSIFIED},
        f"{name}/embed": {**experiment["embed"], "seed": config["seed"]},
        f"{name}/figures": {
            "shown": experiment["evaluate"]["shown"],
            "align": experiment["explain"]["align"],
            "atlas": experiment["explain"]["atlas"],
            "dataset": experiment["explain"]["dataset"],
        },
    }
    for network, recipe in experiment["networks"].items():
        kind = {key: recipe[key] for key in ("model", "array", "scale")}
        found[f"{name}/networks/{network}/train"] = {**kind, "classes": classes, **recipe["train"]}
    return found


def report_settings(config: dict) -> dict:
    """Return what the report names: networks, their seeds, and the numbers of a publication beside them."""
    return {
        "run": config["run"],
        "experiments": {
            name: {
                "reported": experiment.get("reported"),
                "networks": {
                    network: {"seeds": recipe["seeds"]}
                    for network, recipe in experiment.get("networks", {}).items()
                },
            }
            for name, experiment in config["experiments"].items()
        },
    }


def faults(experiment: dict, classes: list[str], splits) -> list[str]:
    """Return what is wrong with an experiment's networks and what they are asked."""
    if not experiment.get("networks"):
        return []
    if lacking := [section for section in ASKED if section not in experiment]:
        return [f"networks: {', '.join(lacking)} are missing, which say what they are asked"]
    datasets, found = experiment["datasets"], []

    def needs(place: str, name: str, known) -> None:
        if name not in known:
            kind = "split" if known is splits else "dataset"
            found.append(f"{place}: no {kind} '{name}' (known: {', '.join(known)})")

    for network, recipe in experiment["networks"].items():
        place = f"networks.{network}.train"
        for role in ("dataset", "validation"):
            needs(f"{place}.{role}", recipe["train"][role], datasets)
        found += [f"{place}.{fault}" for fault in _phases(recipe["train"])]
    evaluate, explain, embed = (experiment[name] for name in ASKED)
    for name in evaluate["datasets"]:
        needs("evaluate.datasets", name, datasets)
    for role, split in evaluate["background"].items():
        needs(f"evaluate.background.{role}", split, splits)
    if len(set(evaluate["background"].values())) == 1:
        (split,) = set(evaluate["background"].values())
        found.append(f"evaluate.background: thresholds set and measured on '{split}', expected two splits")
    for place, name in (
        ("explain.dataset", explain["dataset"]),
        ("explain.atlas", explain["atlas"]),
        ("embed.dataset", embed["dataset"]),
    ):
        needs(place, name, datasets)
        if name in datasets and name not in evaluate["datasets"]:
            found.append(f"{place}: '{name}' is not among evaluate.datasets, whose predictions it needs")
    if explain["target"] not in ("predicted", "label", *classes):
        known = ", ".join(("predicted", "label", *classes))
        found.append(f"explain.target: got '{explain['target']}', expected one of {known}")
    for place in ("explain", "embed"):
        for column in experiment[place]["select"]:
            if column not in draw.COLUMNS:
                found.append(f"{place}.select: no column '{column}' (known: {', '.join(draw.COLUMNS)})")
    for rate in evaluate["false_alarms_per_day"]:
        if rate <= 0:
            found.append(f"evaluate.false_alarms_per_day: got {rate}, expected rates above zero")
    return found


def _phases(train: dict) -> list[str]:
    found = []
    for place, phase in enumerate(train["phases"]):
        if "snr" not in phase:
            if train["mix"]:
                found.append(f"phases[{place}]: mix draws SNRs from the phase's snr, and there is none")
        elif not 0 < phase["snr"][0] < phase["snr"][1]:
            found.append(f"phases[{place}].snr: got {phase['snr']}, expected 0 < low < high")
    return found
