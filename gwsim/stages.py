"""Each stage's own part of the configuration, and the sizes that follow from it.

`settings` gives the settings that each stage reads and nothing else, so that a changed number reruns just
the stages that use it; paths of settings are STAGE, or EXPERIMENT/DATASET/STAGE.
"""

import math

from gwsim import networks, segments, sharding
from gwsim.distributions import value_range

NOISE = "noise"
# Values that a dataset need not give.
DATASET_DEFAULTS = {"reuse": "overlap", "paired": False}
# What the systems of a dataset are drawn from.
DRAWN_FROM = ("source", "models", "realisations", "columns")


def splits(config: dict) -> dict:
    return segments.resolve_splits(config["segments"]["splits"], config["segments"]["guard"])


def classes(experiment: dict) -> list[str]:
    """Return the names of the classes in the order of their labels."""
    return [NOISE, *experiment["waveforms"]["models"]]


def cycle_length(experiment: dict, dataset: dict) -> int:
    """Return how many rows it takes to have every class with every grid value once."""
    columns = {**experiment["draw"], **dataset["draw"]}
    grids = [len(spec["grid"]) for spec in columns.values() if isinstance(spec, dict) and "grid" in spec]
    return len(classes(experiment)) * math.prod(grids)


def own_systems(experiment: dict) -> bool:
    """Return whether each signal has a system of its own; else all signals of a model share one."""
    return experiment["waveforms"].get("realisations") != "default"


def bank_rows(experiment: dict, dataset: dict) -> int:
    """Return the rows of a dataset's bank: its systems, or what they are computed from in `render`."""
    models = experiment["waveforms"]["models"]
    if experiment["waveforms"]["source"] == "cbc_scaled":
        return len({spec["approximant"] for spec in models.values()})
    if not own_systems(experiment):
        return len(models)
    pairs = cycle_length(experiment, dataset) // len(classes(experiment)) if dataset.get("paired") else 1
    return dataset["examples"] * len(models) // len(classes(experiment)) // pairs


def gps_blocks(config: dict) -> list[int]:
    """Return the starts of the strain files' GPS blocks."""
    return segments.gps_blocks(splits(config), config["strain"]["block"])


def settings(config: dict) -> dict[str, dict]:
    """Return the settings of every stage by the path of its settings file."""
    signal = {name: config[name] for name in ("ifos", "sample_rate", "band")}
    blocks = {**config["noise"], "block": config["strain"]["block"]}
    found = {
        "strain": _strain(config),
        "segments": {
            **config["segments"],
            **{name: blocks[name] for name in ("block", "stretch", "stretch_min")},
            "ifos": config["ifos"],
            "splits": splits(config),
        },
        "noise": {**signal, **blocks},
    }
    found |= _gwosc(config, found["segments"])
    for name, experiment in config["experiments"].items():
        for dataset_name, dataset in experiment["datasets"].items():
            parts = _dataset_stages(config, name, experiment, dataset_name, DATASET_DEFAULTS | dataset)
            found |= {f"{name}/{dataset_name}/{stage}": part for stage, part in parts.items()}
        found |= networks.settings(config, name, classes(experiment))
    return found | {"report": networks.report_settings(config)}


def _strain(config: dict) -> dict:
    """Return what the strain of a block follows from: its source's own part alone."""
    strain = config["strain"]
    own = {name: strain[name] for name in ("source", "block", strain["source"]) if name in strain}
    # Where files come from is no part of what they hold.
    own.pop("gwosc", None)
    return {**own, "seed": config["seed"], "sample_rate": config["sample_rate"]}


def _gwosc(config: dict, segments: dict) -> dict[str, dict]:
    """Return what is asked of GWOSC, and where its files may come from, for a source that is GWOSC."""
    strain = config["strain"]
    if strain["source"] != "gwosc":
        return {}
    site = {"plan": None, **strain["gwosc"]}
    plan = {**segments, "sample_rate": config["sample_rate"], "runs": site.pop("runs")}
    return {"plan": plan, "site": site}


def _dataset_stages(config: dict, name: str, experiment: dict, dataset_name: str, dataset: dict) -> dict:
    """Return the settings of one dataset's stages."""
    signal = {key: config[key] for key in ("ifos", "sample_rate", "band")}
    columns = {**experiment["draw"], **dataset["draw"]}
    stft = experiment["render"]["spectrogram"]
    event_range = list(value_range(columns["event_time"]))
    waveforms = {**experiment["waveforms"], "sample_rate": config["sample_rate"]}
    if waveforms["source"] != "ccsn":  # entries that are a dataset's own, as long as its windows
        waveforms |= {
            "stream": [config["seed"], name, dataset_name],
            "columns": {key: columns[key] for key in ("inclination", "phase") if key in columns},
            "duration": experiment["duration"],
            "event_range": event_range,
            "margin": stft["window"] / 2 / config["sample_rate"],
        }
    draw = {
        **{key: dataset[key] for key in ("split", "examples", "reuse", "paired")},
        "columns": columns,
        "seed": config["seed"],
        "experiment": name,
        "dataset": dataset_name,
        "classes": classes(experiment),
        "own": own_systems(experiment),
        "waveforms": {key: waveforms[key] for key in DRAWN_FROM if key in waveforms},
        "sample_rate": config["sample_rate"],
        "window_samples": round(experiment["duration"] * config["sample_rate"]),
        "stft_window": stft["window"],
        "filter": config["noise"]["filter"],
    }
    samples = round(experiment["duration"] * config["sample_rate"]) + stft["window"]
    row_bytes = 4 * len(config["ifos"]) * samples
    render = {
        **signal,
        **experiment["render"],
        "shard_rows": sharding.rows_per_shard(row_bytes, experiment["render"]["shard_mib"]),
        "duration": experiment["duration"],
        "event_range": event_range,
        "examples": dataset["examples"],
        "source": waveforms["source"],
    }
    card = {"experiment": name, "dataset": dataset_name, "run": config["run"], "seed": config["seed"]}
    card |= {"strain": config["strain"]["source"], "classes": classes(experiment)}
    card["source"] = waveforms["source"]
    # What is learnt from a dataset is no part of it.
    own = {key: value for key, value in experiment.items() if key not in networks.SECTIONS}
    card["configuration"] = {**config, "experiments": {name: {**own, "datasets": {dataset_name: dataset}}}}
    return {"draw": draw, "waveforms": waveforms, "render": render, "card": card}
