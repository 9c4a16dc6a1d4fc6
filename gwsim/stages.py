"""Each stage's own part of the configuration, and the sizes that follow from it.

`settings` gives the settings that each stage reads and nothing else, so that a changed number reruns just
the stages that use it; paths of settings are STAGE, or EXPERIMENT/DATASET/STAGE.
"""

import math

from gwsim import networks, segments, sharding
from gwsim.conventions import SCAN_DURATIONS, SPLIT_FRACTIONS
from gwsim.distributions import value_range
from gwsim.waveforms import columns as of_source
from gwsim.waveforms import glitches

NOISE = "noise"
# Stores of noise that are not whitened, for experiments of `whiten: self`.
RAW = "raw"
# Of `whiten`: whole stores are given.
STORED = "stored"
# Values that a dataset need not give.
DATASET_DEFAULTS = {"reuse": "overlap", "paired": False, "proportions": "equal", "glitches": None}
# What the systems of a dataset are drawn from.
DRAWN_FROM = ("source", "models", "realisations", "columns", "path", "faults", "least_confidence")


def splits(config: dict) -> dict:
    return segments.resolve_splits(config["segments"]["splits"], config["segments"]["guard"])


def classes(experiment: dict) -> list[str]:
    """Return the names of the classes in the order of their labels."""
    models = list(experiment["waveforms"]["models"])
    return [NOISE, *models] if whitened(experiment) else models


def whitened(experiment: dict) -> bool:
    """Return whether noise is whitened once for all; else each example is whitened on its own strain."""
    return experiment["whiten"] == "block"


def of_strain(experiment: dict) -> bool:
    """Return whether an experiment's examples have to do with strain at all; toys do not."""
    return experiment.get("whiten") not in ("none", STORED)  # stores of older versions do not tell


def stored(experiment: dict) -> bool:
    """Return whether an experiment's datasets are stores that others made."""
    return experiment["whiten"] == STORED


def sample_rate(config: dict, experiment: dict) -> int:
    """Return an experiment's sampling rate, the run's unless it has its own (Hz)."""
    return experiment.get("sample_rate", config["sample_rate"])


def ifos(config: dict, experiment: dict) -> list[str]:
    """Return an experiment's interferometers, the run's unless it has its own; none of toys."""
    return experiment.get("ifos", config["ifos"]) if of_strain(experiment) else []


def strain_of(config: dict, rate: int) -> str:
    """Return the name of a run's strain at a rate: strain at another rate than the run's stands beside it."""
    return config["run"] if rate == config["sample_rate"] else f"{config['run']}-{rate}"


def noise_of(config: dict, experiment: dict) -> str:
    """Return the name of the store of noise that an experiment uses."""
    strain = strain_of(config, sample_rate(config, experiment))
    return strain if whitened(experiment) else f"{strain}-{RAW}"


def strains(config: dict) -> dict[str, int]:
    """Return the sampling rate of each strain of a run, by name."""
    rates = [config["sample_rate"], *(sample_rate(config, one) for one in config["experiments"].values())]
    return {strain_of(config, rate): rate for rate in rates}


def cycle_length(experiment: dict, dataset: dict) -> int:
    """Return how many rows it takes to have every class with every grid value once."""
    if dataset.get("proportions") == "published":
        return 1
    columns = {**experiment["draw"], **dataset["draw"]}
    grids = [len(spec["grid"]) for spec in columns.values() if isinstance(spec, dict) and "grid" in spec]
    return len(classes(experiment)) * math.prod(grids)


def own_systems(experiment: dict) -> bool:
    """Return whether each signal has a system of its own; else all signals of a model share one."""
    return experiment["waveforms"].get("realisations") != "default"


def banked(experiment: dict) -> bool:
    """Return whether signals come out of a bank; else `render` computes each of them."""
    return experiment["waveforms"]["source"] not in of_source.BANKLESS


def signals_kept(experiment: dict) -> bool:
    """Return whether datasets at another loudness are made of whitened signals that are kept."""
    return experiment["render"].get("keep_signals", False)


def bank_rows(experiment: dict, dataset: dict) -> int:
    """Return the rows of a dataset's bank: its systems, or what they are computed from in `render`."""
    models = experiment["waveforms"]["models"]
    if not banked(experiment):
        return 0
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
    found = {
        "segments": {
            **config["segments"],
            **{name: config["noise"][name] for name in ("stretch", "stretch_min")},
            "block": config["strain"]["block"],
            "ifos": config["ifos"],
            "splits": splits(config),
        }
    }
    for name, rate in strains(config).items():
        found[f"strain/{name}"] = _strain(config, rate)
        found |= _gwosc(config, found["segments"], name, rate)
    found |= {f"noise/{name}": part for name, part in noises(config).items()}
    for name, experiment in config["experiments"].items():
        for dataset_name in experiment["datasets"]:
            parts = dataset_settings(config, name, dataset_name)
            found |= {f"{name}/{dataset_name}/{stage}": part for stage, part in parts.items()}
        found |= networks.settings(config, name, classes(experiment))
    return found | {"report": networks.report_settings(config)}


def dataset_settings(config: dict, name: str, dataset_name: str) -> dict[str, dict]:
    """Return the settings of the stages of one dataset of an experiment."""
    experiment = config["experiments"][name]
    dataset = experiment["datasets"][dataset_name]
    if "of" in dataset:
        kind = _redrawn_stages
    else:
        kind = {"given": _given_stages, "none": _toy_stages, STORED: _store_stages}.get(
            experiment["whiten"], _dataset_stages
        )
        dataset = DATASET_DEFAULTS | dataset
    return kind(config, name, experiment, dataset_name, dataset)


def noises(config: dict) -> dict[str, dict]:
    """Return the settings of each store of noise, by name: whitened, or as it is for `whiten: self`."""
    blocks = {**config["noise"], "block": config["strain"]["block"]}
    whole = {name: config[name] for name in ("run", "ifos", "sample_rate", "band")}
    found = {config["run"]: {**whole, **blocks, "kind": "whitened"}}
    for experiment in config["experiments"].values():
        if experiment["whiten"] != "self":
            continue
        rate, name = sample_rate(config, experiment), noise_of(config, experiment)
        mine = {*ifos(config, experiment), *found.get(name, {"ifos": []})["ifos"]}
        raw = {key: blocks[key] for key in ("block", "stretch", "psd_segment")}
        raw |= {"run": strain_of(config, rate), "sample_rate": rate, "kind": RAW}
        found[name] = {**raw, "ifos": [ifo for ifo in config["ifos"] if ifo in mine]}
    return found


def _strain(config: dict, rate: int) -> dict:
    """Return what the strain of a block follows from: its source's own part alone."""
    strain = config["strain"]
    own = {name: strain[name] for name in ("source", "block", strain["source"]) if name in strain}
    # Where files come from is no part of what they hold.
    own.pop("gwosc", None)
    return {**own, "seed": config["seed"], "sample_rate": rate}


def _gwosc(config: dict, segments: dict, name: str, rate: int) -> dict[str, dict]:
    """Return what is asked of GWOSC, and where its files may come from, for a source that is GWOSC."""
    strain = config["strain"]
    if strain["source"] != "gwosc":
        return {}
    site = {"plan": None, **strain["gwosc"]}
    plan = {**segments, "sample_rate": rate, "runs": site.pop("runs")}
    # A plan that the configuration names is of files at the run's own rate.
    site["plan"] = site["plan"] if name == config["run"] else None
    return {f"plan/{name}": plan, f"site/{name}": site}


def _dataset_stages(config: dict, name: str, experiment: dict, dataset_name: str, dataset: dict) -> dict:
    """Return the settings of one dataset's stages."""
    rate, columns = sample_rate(config, experiment), {**experiment["draw"], **dataset["draw"]}
    samples, margin = round(experiment["duration"] * rate), _margin(experiment)
    event_range = list(value_range(columns["event_time"])) if whitened(experiment) else None
    waveforms = {**experiment["waveforms"], "sample_rate": rate}
    if waveforms["source"] in of_source.BINARIES:  # entries that are a dataset's own, as long as its windows
        waveforms |= {
            "stream": [config["seed"], name, dataset_name],
            "columns": {key: columns[key] for key in ("inclination", "phase") if key in columns},
            "duration": experiment["duration"],
            "event_range": event_range,
            "margin": margin / 2 / rate,
        }
    if not whitened(experiment):  # one of its interferometers, any of them
        columns["scan_ifo"] = {"uniform": [0, len(ifos(config, experiment))]}
    draw = {
        **{key: dataset[key] for key in ("split", "examples", "reuse", "paired", "glitches")},
        "columns": columns,
        "seed": config["seed"],
        "experiment": name,
        "dataset": dataset_name,
        "classes": classes(experiment),
        "own": own_systems(experiment),
        "waveforms": {key: waveforms[key] for key in DRAWN_FROM if key in waveforms},
        "weights": _weights(experiment, dataset),
        "ifos": ifos(config, experiment),
        "sample_rate": rate,
        "window_samples": samples,
        "stft_window": margin,
        # What whitens itself has its whole window to do it on.
        "filter": config["noise"]["filter"] if whitened(experiment) else 0,
    }
    row_bytes = _row_bytes(config, experiment, samples + margin)
    # Whether signals are kept changes nothing of what is rendered.
    its = {key: value for key, value in experiment["render"].items() if key != "keep_signals"}
    render = {
        **its,
        **({"band": config["band"], "event_range": event_range} if whitened(experiment) else {}),
        "whiten": experiment["whiten"],
        "ifos": ifos(config, experiment),
        "sample_rate": rate,
        "shard_rows": sharding.rows_per_shard(row_bytes, experiment["render"]["shard_mib"]),
        "duration": experiment["duration"] if whitened(experiment) else round(experiment["duration"]),
        "examples": dataset["examples"],
        "source": waveforms["source"],
        "glitches": dataset["glitches"] is not None,
    }
    card = _card(config, name, experiment, dataset_name, dataset)
    found = {"draw": draw, "waveforms": waveforms, "render": render, "card": card}
    if signals_kept(experiment):  # neither rounded nor in noise
        found["signals"] = render | {"keep_bits": 23, "glitches": False}
    return found


def _redrawn_stages(config: dict, name: str, experiment: dict, dataset_name: str, dataset: dict) -> dict:
    """Return the settings of a dataset that is another one's but for its loudness: it has no bank."""
    its = dataset_settings(config, name, dataset["of"])
    card = _card(config, name, experiment, dataset_name, dataset)
    return {"draw": its["draw"] | {"wanted": dataset["draw"]}, "render": its["render"], "card": card}


def _given_stages(config: dict, name: str, experiment: dict, dataset_name: str, dataset: dict) -> dict:
    """Return the settings of a dataset of given pictures."""
    its, render = experiment["waveforms"], experiment["render"]
    ingest = {
        **{key: its.get(key) for key in ("path", "table", "models", "faults")},
        "fractions": its.get("fractions", SPLIT_FRACTIONS),
        "split": dataset["split"],
        "examples": dataset.get("examples"),
        "seed": config["seed"],
        "whiten": "given",
        "qscan": {"size": render["qscan"]["size"]},
        "shard_rows": sharding.rows_per_shard(_row_bytes(config, experiment, 0), render["shard_mib"]),
    }
    card = _card(config, name, experiment, dataset_name, dataset) | {"strain": "pictures"}
    return {"ingest": ingest, "card": card}


def _store_stages(config: dict, name: str, experiment: dict, dataset_name: str, dataset: dict) -> dict:
    """Return the settings of a dataset that others made."""
    return {
        "adopt": {"store": dataset["store"], "classes": classes(experiment)},
        "card": _card(config, name, experiment, dataset_name, dataset),
    }


def _toy_stages(config: dict, name: str, experiment: dict, dataset_name: str, dataset: dict) -> dict:
    """Return the settings of a dataset of toy pictures."""
    its, picture, examples = experiment["waveforms"], experiment["render"]["picture"], dataset["examples"]
    draw = {
        **{"seed": config["seed"], "experiment": name, "dataset": dataset_name, "examples": examples},
        **{"classes": classes(experiment), "columns": {}, "paired": False, "own": True, "weights": None},
        "waveforms": {"source": its["source"], "models": its["models"], "picture": picture},
    }
    render = {
        **{"whiten": "none", "source": its["source"], "glitches": False, "examples": examples},
        "picture": picture,
        "shard_rows": sharding.rows_per_shard(
            _row_bytes(config, experiment, 0), experiment["render"]["shard_mib"]
        ),
    }
    card = _card(config, name, experiment, dataset_name, dataset) | {"strain": "toys"}
    return {"draw": draw, "render": render, "card": card}


def _card(config: dict, name: str, experiment: dict, dataset_name: str, dataset: dict) -> dict:
    """Return what a data card is made from."""
    card = {"experiment": name, "dataset": dataset_name, "run": config["run"], "seed": config["seed"]}
    card |= {"strain": config["strain"]["source"], "classes": classes(experiment)}
    card["source"] = experiment["waveforms"]["source"]
    # What is learnt from a dataset is no part of it.
    own = {key: value for key, value in experiment.items() if key not in networks.SECTIONS}
    datasets = {dataset_name: dataset}
    if "of" in dataset:
        its = experiment["datasets"][dataset["of"]]
        datasets = {dataset["of"]: DATASET_DEFAULTS | its, **datasets}
    card["configuration"] = {**config, "experiments": {name: {**own, "datasets": datasets}}}
    return card


def _weights(experiment: dict, dataset: dict) -> list[int] | None:
    """Return how often each class is drawn beside the others; none where all are drawn equally often."""
    if dataset["proportions"] == "equal":
        return None
    return [glitches.table()[name]["count"] for name in classes(experiment)]


def _margin(experiment: dict) -> int:
    """Return the samples of strain that are stored beside the window, both sides together."""
    return experiment["render"]["spectrogram"]["window"] if whitened(experiment) else 0


def _row_bytes(config: dict, experiment: dict, samples: int) -> int:
    """Return the bytes of an example's largest array."""
    if whitened(experiment):
        return 4 * len(ifos(config, experiment)) * samples
    if not of_strain(experiment):
        return 4 * experiment["render"]["picture"]["rows"] * experiment["render"]["picture"]["columns"]
    return len(SCAN_DURATIONS) * experiment["render"]["qscan"]["size"] ** 2
