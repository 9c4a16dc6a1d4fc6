"""All figures of one network, from the products of its stages, in the order in which they are listed."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from gwsim import evaluate, manifest, store
from gwsim.conventions import SCAN_DURATIONS
from gwsim.dataset import Examples, View, view_of
from gwsim.errors import GwsimError
from gwsim.figures import classification, detection, explained, features, recall, samples, training
from gwsim.figures.dataset import plus_of_classes
from gwsim.figures.drawn import Drawn
from gwsim.view import PICTURES


def drawn(description: dict, products: dict[str, Path], data: list[Path], settings: dict) -> list[Drawn]:
    """Return every figure.

    products: history (CSV); evaluate, explain and embed (metrics.json, beside which lie their other files);
    bank (manifest; of signals alone). data: manifests of the datasets; settings: dataset (whose examples are
    explained), tested (whose groups rates stand for, None where no dataset has groups), atlas, shown, align,
    reported.
    """
    view = explained.pictured(view_of(description))
    examples = {manifest.folder_of(path).name: Examples(path, view) for path in data}
    tested = settings["tested"] or settings["dataset"]
    wanted = dict.fromkeys((settings["dataset"], settings["atlas"], tested))
    if lacking := [name for name in wanted if name not in examples]:
        raise GwsimError(f"figures need the datasets {', '.join(lacking)}, given are {', '.join(examples)}")
    evaluated, tests, embedded = (
        json.loads(products[name].read_text()) for name in ("evaluate", "explain", "embed")
    )
    classes = description["classes"]
    setup = {**settings, "classes": classes, "ifos": description["ifos"], "rate": description["sample_rate"]}
    setup["noise"] = evaluate.noise_among(classes)
    rates = {**setup, "dataset": tested}
    # All that were evaluated, but for a dataset that serves the atlas alone: it is a few loud examples.
    rates["roc"] = [
        name
        for name in evaluated["datasets"]
        if name != settings["atlas"] or name in (settings["dataset"], tested)
    ]
    table = pd.read_parquet(products["embed"].with_name("embedding.parquet"))
    its, many = embedded["settings"], "s" if len(embedded["settings"]["datasets"]) > 1 else ""
    selection = f" of the dataset{many} {', '.join(its['datasets'])}{selected(its['select'])}"
    detects = setup["noise"] is not None
    samples_of_classes = _samples(examples, products["bank"], setup) if detects else []
    rated = _detected(evaluated, examples, rates) if detects else _told_apart(evaluated, rates)
    return [
        *samples_of_classes,
        *training.drawn(pd.read_csv(products["history"]), description["training"]),
        *rated,
        *features.drawn(table, embedded["numbers"], {**setup, "selection": selection}),
        *explained.drawn(products["explain"], examples, tests, setup),
    ]


def _detected(evaluated: dict, examples: dict[str, Examples], rates: dict) -> list[Drawn]:
    """Return the figures of rates where signals are detected in noise."""
    # Of a dataset without groups `by` is the column that it lacks.
    rates = {**rates, "by": evaluated["background"]["by"]}
    tables = {name: one.table for name, one in examples.items()}
    return [
        *classification.drawn(evaluated, tables, rates),
        *detection.drawn(evaluated["background"], rates["dataset"], rates["noise"]),
    ]


def _told_apart(evaluated: dict, rates: dict) -> list[Drawn]:
    """Return the figures of rates where classes are told apart."""
    return [*recall.drawn(evaluated, rates), classification.roc_of_sets(evaluated, rates)]


def selected(select: dict) -> str:
    """Return a selection of rows in words; noise has none of the values and is always selected."""
    return "".join(f", {name} {value:g} or noise" for name, value in select.items())


def _samples(examples: dict[str, Examples], bank: Path, setup: dict) -> list[Drawn]:
    """Return the figures of the waveforms and of one example of each class."""
    # Spectrograms, whatever the network sees.
    gallery = Examples(examples[setup["atlas"]].folder, View("spectrogram", "none"))
    rows = samples.of_each_class(gallery.table)
    named = {**setup, "dataset": setup["atlas"]}
    shown = samples.gallery(gallery.raw(rows)[:, 0], gallery.table.loc[rows], gallery.axes, named)
    return [_waveforms(bank, examples, setup), shown]


def _waveforms(bank: Path, examples: dict[str, Examples], setup: dict) -> Drawn:
    """Return the figure of the waveforms of the dataset in whose folder the bank lies."""
    folder = bank.absolute().parents[1]
    (experiment,) = examples[folder.name].attributes["configuration"]["experiments"].values()
    convention = experiment["render"]["polarisation_convention"]
    strains = plus_of_classes(bank.parent / "data.zarr", convention)
    psd = store.open_array(folder / "data.zarr" / "psd")[0].read().result()
    grid = np.asarray(store.open_array(folder / "data.zarr" / "psd_frequency").read().result())
    source = experiment["waveforms"]["source"]
    return samples.waveforms(strains, psd, grid, {**setup, "dataset": folder.name, "source": source})


def about(description: dict, parameters: int, history: pd.DataFrame, evaluated: dict) -> dict:
    """Return what a page says of a network besides its figures and numbers."""
    kept = {name: description[name] for name in ("model", "classes", "ifos", "sample_rate", "revision")}
    datasets = {name: {"examples": int(np.sum(one["n"]))} for name, one in evaluated["datasets"].items()}
    return {
        **kept,
        "seen": seen(view_of(description), description),
        "parameters": parameters,
        "epoch": description.get("epoch", len(history)),
        "epochs": len(history),
        "examples": int(history["examples"].max()),
        "seconds": float(history["seconds"].sum()),
        "phases": training.phase_names(description["training"]["phases"]),
        "datasets": datasets,
    }


def seen(view: View, description: dict) -> str:
    """Return what a network sees, in words."""
    if view.array == "strain":
        return f"strain at {view.rate or description['sample_rate']} Hz"
    if view.array not in PICTURES:
        return view.array
    rows, columns = description["shape"][1:]
    of = " and ".join(f"{one:g} s" for one in view.durations or SCAN_DURATIONS)
    return f"{'a merged view' if view.array == 'merged' else 'scans'} of {of}, {rows} by {columns} pixels"
