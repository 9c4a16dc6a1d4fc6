"""The table: every random choice of a dataset is drawn here, once, and nowhere else.

Takes the PSD blocks of `segments` and the settings of one dataset; gives `systems.parquet` (the intrinsic
parameters of each source) and `draw.parquet` (one row per example). Each column has its own counter-based
stream, one uniform number per row, of which the value is a quantile: row i is the same for any length of
the dataset, and a new column changes no other. The columns of both tables, with their types, units and
meanings, stand in COLUMNS and SYSTEM_COLUMNS below.

Classes, and any column drawn from a `grid`, are balanced exactly: each cycle of rows is a random permutation
of the classes, and each class meets each of the grids' values equally often.
"""

import itertools

import numpy as np
import pandas as pd

from gwsim import seeds
from gwsim.errors import GwsimError

NOISE = "noise"
# Rows of draw.parquet that can be read without the others.
ROW_GROUP = 1024

# name: (dtype, unit, meaning). Floats that do not apply to a row are NaN, integers -1.
COLUMNS = {
    "label": ("int32", "1", "class of the example, its place in the list of classes"),
    "system": ("int32", "1", "row of systems.parquet, -1 for noise"),
    "psd_block": ("int32", "1", "PSD block, its place in the segments' list of blocks"),
    "start_sample": ("int32", "1", "first sample of the window, counted from the block's start"),
    "gps_second": ("int32", "s", "GPS second of the window's first sample"),
    "gps_nanosecond": ("int32", "ns", "nanoseconds of the window's first sample after gps_second"),
    "event_time": ("float64", "s", "geocentric time of bounce or merger after the window's first sample"),
    "ra": ("float64", "rad", "right ascension"),
    "dec": ("float64", "rad", "declination"),
    "psi": ("float64", "rad", "polarisation angle"),
    "theta": ("float64", "rad", "polar angle of the direction of radiation in the source's frame"),
    "phi": ("float64", "rad", "azimuth of the direction of radiation in the source's frame"),
    "snr_target": ("float64", "1", "wanted network SNR, NaN where a distance is wanted"),
    "distance_target_kpc": ("float64", "kpc", "wanted distance, NaN where an SNR is wanted"),
}

SYSTEM_COLUMNS = {
    "label": ("int32", "1", "class of the source"),
    "model": ("str", "1", "name of the waveform model"),
    "source": ("str", "1", "surrogate, or the format and file that the model is read from"),
    "realisation": ("int64", "1", "realisation of a surrogate, -1 for its default and for files"),
    "fixed_direction": ("bool", "1", "whether the source is known in one direction only"),
}

# Isotropy, and what the configuration may replace. Noise rows have none of these.
DEFAULTS = {
    "ra": {"uniform": [0.0, 2 * np.pi]},
    "dec": {"uniform_sin": [-np.pi / 2, np.pi / 2]},
    "psi": {"uniform": [0.0, np.pi]},
    "theta": {"uniform_cos": [0.0, np.pi]},
    "phi": {"uniform": [0.0, 2 * np.pi]},
}
TARGETS = {"snr": "snr_target", "distance_kpc": "distance_target_kpc"}


def quantile(spec, uniform: np.ndarray) -> np.ndarray:
    """Return the values of a distribution at uniform numbers in [0, 1)."""
    if not isinstance(spec, dict):
        return np.full(len(uniform), float(spec))
    ((name, value),) = spec.items()
    return QUANTILES[name](uniform, value)


def _power_law(uniform, value):
    low, high, index = value["low"], value["high"], value["index"]
    if index == -1:
        return low * (high / low) ** uniform
    a, b = low ** (index + 1), high ** (index + 1)
    return (a + (b - a) * uniform) ** (1 / (index + 1))


def _uniform_cos(uniform, value):
    return np.arccos(np.cos(value[0]) + (np.cos(value[1]) - np.cos(value[0])) * uniform)


def _uniform_sin(uniform, value):
    return np.arcsin(np.sin(value[0]) + (np.sin(value[1]) - np.sin(value[0])) * uniform)


QUANTILES = {
    "uniform": lambda uniform, value: value[0] + (value[1] - value[0]) * uniform,
    "uniform_cos": _uniform_cos,
    "uniform_sin": _uniform_sin,
    "power_law": _power_law,
}


def _stratify(settings: dict, stream: tuple) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return each balanced column's values per row, and the row of randomness that each row uses.

    Every cycle of rows holds each class once, in an order that no grid changes; in a round of as many
    cycles as the grids have combinations, each class meets each combination once. In the paired form the
    rows of a round that differ only in a grid's value share their randomness.
    """
    columns = settings["columns"]
    grids = {n: spec["grid"] for n, spec in columns.items() if isinstance(spec, dict) and "grid" in spec}
    combinations = np.array(list(itertools.product(*grids.values())), dtype=float)
    classes, count = len(settings["classes"]), len(combinations)
    row = np.arange(settings["examples"])
    rounds = -(-settings["examples"] // (classes * count))
    label = _permutations(stream, "label", rounds * count, classes).ravel()[row]
    order = _permutations(stream, "grid", rounds * classes, count).reshape(rounds, classes, count)
    turn = row // (classes * count)
    cell = order[turn, label, row // classes % count]
    values = {"label": label} | {name: combinations[cell, i] for i, name in enumerate(grids)}
    return values, turn * classes + label if settings["paired"] else row


def _permutations(stream: tuple, name: str, count: int, size: int) -> np.ndarray:
    """Return random permutations, (count, size)."""
    uniform = seeds.uniforms(*stream, name, size=count * size)
    return np.argsort(uniform.reshape(count, size), axis=1, kind="stable")


def _starts(blocks: list[dict], settings: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return the split's blocks and how many places each has for a window with all its margins."""
    rate, margin = settings["sample_rate"], settings["margin"]
    mine = np.array([i for i, block in enumerate(blocks) if block["split"] == settings["split"]])
    duration = np.array([blocks[i]["end"] - blocks[i]["start"] for i in mine])
    places = duration * rate - 2 * margin - settings["window_samples"] + 1
    return mine, np.maximum(places, 0)


def place_noise(blocks: list[dict], settings: dict, uniform: np.ndarray, slots) -> tuple[np.ndarray, ...]:
    """Return each row's block and first sample, from uniform numbers; the form is `reuse`'s."""
    mine, places = _starts(blocks, settings)
    # Windows that share no noise must not share their STFT margins either.
    step = settings["window_samples"] + settings["stft_window"] if settings["reuse"] == "never" else 1
    counts = np.where(places > 0, (places - 1) // step + 1, 0)
    total = int(counts.sum())
    if total == 0:
        raise GwsimError(
            f"dataset '{settings['dataset']}': no PSD block of split '{settings['split']}' is as long as an "
            "example with its margins: lengthen noise.stretch_min"
        )
    if settings["reuse"] == "never":
        if total < len(uniform):
            raise GwsimError(
                f"dataset '{settings['dataset']}' asks for {len(uniform)} examples without reuse of noise, "
                f"but split '{settings['split']}' holds {total}: lengthen the split or set `reuse: overlap`"
            )
        position = np.argsort(slots(total), kind="stable")[: len(uniform)]
    else:
        position = np.floor(uniform * total).astype(int)
    edges = np.concatenate([[0], np.cumsum(counts)])
    which = np.searchsorted(edges, position, side="right") - 1
    return mine[which], settings["margin"] + (position - edges[which]) * step


def draw(blocks: list[dict], models: dict[str, dict], settings: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the systems and the examples of one dataset.

    models: class name -> {"source", "fixed_direction", "realisation"} of each waveform model.
    """
    stream = (settings["seed"], settings["experiment"], settings["dataset"])
    values, index = _stratify(settings, stream)
    count = int(index.max()) + 1

    def column(name: str) -> np.ndarray:
        return seeds.uniforms(*stream, name, size=count)[index]

    label = values["label"].astype(np.int32)
    signal = np.array([name != NOISE for name in settings["classes"]])[label]
    systems, system = _systems(label, signal, index, models, settings, stream)
    block, start = place_noise(
        blocks, settings, column("noise"), lambda size: seeds.uniforms(*stream, "slot", size=size)
    )
    table = {"label": label, "system": system, "psd_block": block, "start_sample": start}
    table |= _gps(blocks, block, start, settings["sample_rate"])
    for name, spec in (DEFAULTS | settings["columns"]).items():
        drawn = _column(name, spec, values, index, column)
        table[TARGETS.get(name, name)] = np.where(signal, drawn, np.nan)
    for target in TARGETS.values():
        table.setdefault(target, np.full(len(label), np.nan))
    _fix_directions(table, systems)
    frame = pd.DataFrame({name: np.asarray(table[name], COLUMNS[name][0]) for name in COLUMNS})
    return systems, frame


def _column(name, spec, values, index, column) -> np.ndarray:
    if name in values:
        return values[name]
    if isinstance(spec, dict) and "list" in spec:
        return np.asarray(spec["list"], float)[index % len(spec["list"])]
    return quantile(spec, column(name))


def _gps(blocks, block, start, rate) -> dict[str, np.ndarray]:
    origin = np.array([entry["start"] for entry in blocks])[block]
    nanosecond = (start % rate * 1_000_000_000 + rate // 2) // rate
    return {"gps_second": origin + start // rate, "gps_nanosecond": nanosecond}


def _systems(label, signal, index, models, settings, stream) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the systems' table and each row's place in it: one a model, or one an example if fresh."""
    names = [name for name in settings["classes"] if name != NOISE]
    if settings["fresh"]:
        fresh = seeds.generator(*stream, "realisation").integers(0, 2**63 - 1, size=int(index.max()) + 1)
        labels, realisation = label[signal], fresh[index][signal]
        place = np.cumsum(signal) - 1
    else:
        labels = np.array([settings["classes"].index(name) for name in names], dtype=np.int32)
        realisation = np.array([models[name]["realisation"] for name in names], dtype=np.int64)
        place = np.searchsorted(labels, label)
    model = [settings["classes"][i] for i in labels]
    columns = {
        "label": labels,
        "model": model,
        "source": [models[name]["source"] for name in model],
        "realisation": realisation,
        "fixed_direction": [models[name]["fixed_direction"] for name in model],
    }
    return pd.DataFrame(
        {name: pd.Series(columns[name], dtype=SYSTEM_COLUMNS[name][0]) for name in SYSTEM_COLUMNS}
    ), np.where(signal, place, -1)


def _fix_directions(table: dict, systems: pd.DataFrame) -> None:
    """Put the observer on the pole of sources that are known in one direction only: there they are stored."""
    fixed = np.append(systems["fixed_direction"].to_numpy(bool), False)[table["system"]]
    for name in ("theta", "phi"):
        table[name] = np.where(fixed, 0.0, table[name])


def reuse_factor(examples: int, blocks: list[dict], settings: dict) -> float:
    """Return how many times over the split's noise is used: seconds of examples over seconds of noise."""
    seconds = sum(block["end"] - block["start"] for block in blocks if block["split"] == settings["split"])
    return examples * settings["window_samples"] / settings["sample_rate"] / seconds
