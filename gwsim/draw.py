"""The table: every random choice of a dataset is drawn here, once, and nowhere else.

Takes the PSD blocks of `segments` and the settings of one dataset; gives `systems.parquet` (the intrinsic
parameters of each source) and `draw.parquet` (one row per example). Each column has its own counter-based
stream, one uniform number per row, of which the value is a quantile: row i is the same for any length of
the dataset, and a new column changes no other. The columns of both tables, with their types, units and
meanings, stand in COLUMNS below, and those of each source of signals in `gwsim.waveforms.columns`.

Classes, and any column drawn from a `grid`, are balanced exactly: each cycle of rows is a random permutation
of the classes, and each class meets each of the grids' values equally often. Or classes are shared out in
proportion to weights.
"""

import itertools

import numpy as np
import pandas as pd

from gwsim import distributions, seeds
from gwsim.errors import GwsimError
from gwsim.waveforms import columns as of_source
from gwsim.waveforms.glitches import rows

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
    "event_time": (
        "float64",
        "s",
        "time of bounce, merger or glitch after the window's first sample, geocentric for signals of the sky",
    ),
}
TARGETS = {"snr": "snr_target", "distance_kpc": "distance_target_kpc"}


def _stratify(settings: dict, stream: tuple) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return each balanced column's values per row, and the row of randomness that each row uses.

    Every cycle of rows holds each class once, in an order that no grid changes; in a round of as many
    cycles as the grids have combinations, each class meets each combination once. In the paired form the
    rows of a round that differ only in a grid's value share their randomness.
    """
    columns = settings["columns"]
    grids = {name: spec["grid"] for name, spec in columns.items() if _is_grid(spec)}
    combinations = np.array(list(itertools.product(*grids.values())), dtype=float)
    classes, count = len(settings["classes"]), len(combinations)
    row = np.arange(settings["examples"])
    if settings.get("weights"):
        return {"label": _apportioned(settings["weights"], len(row))}, row
    rounds = -(-settings["examples"] // (classes * count))
    label = _permutations(stream, "label", rounds * count, classes).ravel()[row]
    order = _permutations(stream, "grid", rounds * classes, count).reshape(rounds, classes, count)
    turn = row // (classes * count)
    cell = order[turn, label, row // classes % count]
    values = {"label": label} | {name: combinations[cell, i] for i, name in enumerate(grids)}
    return values, turn * classes + label if settings["paired"] else row


def _apportioned(weights: list[float], count: int) -> np.ndarray:
    """Return classes in proportion to their weights: each row's is the one that lags most behind its share.

    The first rows are in proportion as well, each class to within one row.
    """
    share, labels = np.asarray(weights) / np.sum(weights), np.empty(count, int)
    lag = np.zeros(len(share))
    for row in range(count):
        lag += share
        labels[row] = lag.argmax()
        lag[labels[row]] -= 1
    return labels


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


def columns(source: str) -> dict[str, tuple]:
    """Return name -> (dtype, unit, meaning) of draw.parquet, for signals of a source."""
    own = of_source.ROW[source] | of_source.TARGETS[source]
    if of_source.WHITENED[source] == "none":
        return {name: COLUMNS[name] for name in ("label", "system")} | own
    return COLUMNS | own


def draw(blocks: list[dict], signals, settings: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the systems and the examples of one dataset.

    signals: the source of its signals, see `gwsim.waveforms.sources`.
    """
    stream = (settings["seed"], settings["experiment"], settings["dataset"])
    values, index = _stratify(settings, stream)
    count = int(index.max()) + 1
    kinds = columns(settings["waveforms"]["source"])

    def column(name: str) -> np.ndarray:
        return seeds.uniforms(*stream, name, size=count)[index]

    label = values["label"].astype(np.int32)
    signal = np.array([name != NOISE for name in settings["classes"]])[label]
    systems, system = _systems(label, signal, index, signals, settings, stream)
    block, start = place_noise(
        blocks, settings, column("noise"), lambda size: seeds.uniforms(*stream, "slot", size=size)
    )
    table = {"label": label, "system": system, "psd_block": block, "start_sample": start}
    table |= _gps(blocks, block, start, settings["sample_rate"])
    for name, spec in (of_source.DEFAULTS[settings["waveforms"]["source"]] | settings["columns"]).items():
        if TARGETS.get(name, name) in kinds:
            drawn = _column(name, spec, values, index, column)
            table[TARGETS.get(name, name)] = np.where(signal, drawn, np.nan)
    names = [settings["classes"][i] for i in label]
    for name in of_source.OWN.get(settings["waveforms"]["source"], ()):
        own, target = signals.own(name, names, column(name)), TARGETS.get(name, name)
        # Silence has no loudness, whatever is wanted.
        table[target] = np.where(np.isnan(own), np.nan, table.get(target, own))
    for target in TARGETS.values():
        table.setdefault(target, np.full(len(label), np.nan))
    if settings["glitches"]:
        table |= rows.drawn(settings["glitches"], settings, column)
        kinds = kinds | of_source.GLITCHED
    _fix_directions(table, systems)
    frame = pd.DataFrame({name: np.asarray(table[name], kinds[name][0]) for name in kinds})
    return systems, frame


def draw_pictures(signals, settings: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the systems and the examples of a dataset that needs no strain."""
    stream = (settings["seed"], settings["experiment"], settings["dataset"])
    values, index = _stratify(settings, stream)
    label = values["label"].astype(np.int32)
    signal = np.array([name != NOISE for name in settings["classes"]])[label]
    systems, system = _systems(label, signal, index, signals, settings, stream)
    drawn = seeds.uniforms(*stream, "key", size=len(label))
    table = {"label": label, "system": system, "key": np.floor(drawn * 2**53)}
    kinds = columns(settings["waveforms"]["source"])
    return systems, pd.DataFrame({name: np.asarray(table[name], kinds[name][0]) for name in kinds})


def redrawn(table: pd.DataFrame, settings: dict) -> pd.DataFrame:
    """Return the same examples at another loudness: a new SNR or distance stands where one was wanted.

    settings: those that the table was drawn by, and `wanted`, the new column. It is drawn from its stream of
    the old table, shared by the rows of a pair, so that the distribution of before gives the table of before.
    Rows that have no loudness stay so.
    """
    ((name, spec),) = settings["wanted"].items()
    stream = (settings["seed"], settings["experiment"], settings["dataset"])
    before, index = _stratify(settings, stream)
    if len(index) != len(table):
        got = f"got a table of {len(table)} rows"
        raise GwsimError(f"{got}, expected the {len(index)} of '{settings['dataset']}': draw it again")
    values = {name: _regridded(before, settings, stream)} if _is_grid(spec) else {}

    def column(name: str) -> np.ndarray:
        return seeds.uniforms(*stream, name, size=int(index.max()) + 1)[index]

    targets = [target for target in TARGETS.values() if target in table]
    loud = table[targets].notna().any(axis=1)
    drawn = np.where(loud, _column(name, spec, values, index, column), np.nan)
    return table.assign(**{target: drawn if target == TARGETS[name] else np.nan for target in targets})


def _regridded(before: dict, settings: dict, stream: tuple) -> np.ndarray:
    """Return a new grid's values over old rows: each class meets each equally often.

    So it does with each value of other grids; before: the balanced columns as they were.
    """
    ((name, spec),) = settings["wanted"].items()
    columns = {(name if one in TARGETS else one): its for one, its in settings["columns"].items()}
    after, _ = _stratify(settings | {"columns": columns | settings["wanted"]}, stream)
    others = [one for one in before if one not in TARGETS]
    if all(np.array_equal(before[one], after[one]) for one in others):
        return after[name]
    # Another number of values changes how grids are combined, but the rows keep the other grids' values.
    cells = pd.DataFrame(before).groupby(others)
    cell, place, size = cells.ngroup().to_numpy(), cells.cumcount().to_numpy(), len(spec["grid"])
    turn = place // size
    order = _permutations(stream, f"grid of {name}", (int(turn.max()) + 1) * cells.ngroups, size)
    return np.asarray(spec["grid"], float)[order[turn * cells.ngroups + cell, place % size]]


def _is_grid(spec) -> bool:
    return isinstance(spec, dict) and "grid" in spec


def _column(name, spec, values, index, column) -> np.ndarray:
    if name in values:
        return values[name]
    if isinstance(spec, dict) and "list" in spec:
        return np.asarray(spec["list"], float)[index % len(spec["list"])]
    return distributions.quantile(spec, column(name))


def _gps(blocks, block, start, rate) -> dict[str, np.ndarray]:
    origin = np.array([entry["start"] for entry in blocks])[block]
    nanosecond = (start % rate * 1_000_000_000 + rate // 2) // rate
    return {"gps_second": origin + start // rate, "gps_nanosecond": nanosecond}


def _systems(label, signal, index, signals, settings, stream) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the systems' table and each row's place in it: one a model, or if own one a row or pair."""
    count = int(index.max()) + 1
    if settings["own"]:
        # Rows of a pair share their randomness and their system; systems stand in the order of their rows.
        shared, places = pd.factorize(index[signal])
        labels, place = label[signal][np.unique(shared, return_index=True)[1]], np.full(len(label), -1)
        place[signal] = shared
    else:
        labels = np.flatnonzero([name != NOISE for name in settings["classes"]]).astype(np.int32)
        places, place = np.zeros(len(labels), int), np.searchsorted(labels, label)

    def uniform(name: str) -> np.ndarray:
        return seeds.uniforms(*stream, name, size=count)[places]

    def integers(name: str) -> np.ndarray:
        return seeds.generator(*stream, name).integers(0, 2**63 - 1, size=count)[places]

    model = [settings["classes"][i] for i in labels]
    found = {"label": labels, "model": model}
    found |= signals.systems(model, settings["waveforms"], uniform, integers)
    kinds = of_source.SYSTEM[settings["waveforms"]["source"]]
    table = {name: pd.Series(found[name], dtype=kind) for name, (kind, _, _) in kinds.items()}
    return pd.DataFrame(table), np.where(signal, place, -1)


def _fix_directions(table: dict, systems: pd.DataFrame) -> None:
    """Put the observer on the pole of sources that are known in one direction only: there they are stored."""
    if "fixed_direction" not in systems:
        return
    fixed = np.append(systems["fixed_direction"].to_numpy(bool), False)[table["system"]]
    for name in ("theta", "phi"):
        table[name] = np.where(fixed, 0.0, table[name])


def systems(signals, settings: dict) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return a dataset's systems, and each row's class and system: they are drawn without any noise."""
    stream = (settings["seed"], settings["experiment"], settings["dataset"])
    values, index = _stratify(settings, stream)
    label = values["label"].astype(np.int32)
    signal = np.array([name != NOISE for name in settings["classes"]])[label]
    return *_systems(label, signal, index, signals, settings, stream), label


def reuse_factor(examples: int, blocks: list[dict], settings: dict) -> float:
    """Return how many times over the split's noise is used: seconds of examples over seconds of noise."""
    seconds = sum(block["end"] - block["start"] for block in blocks if block["split"] == settings["split"])
    return examples * settings["window_samples"] / settings["sample_rate"] / seconds
