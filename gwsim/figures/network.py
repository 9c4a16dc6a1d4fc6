"""All figures of one network, from the products of its stages, in the order in which they are listed."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from gwsim import manifest, store
from gwsim.dataset import Examples, View, view_of
from gwsim.draw import NOISE
from gwsim.errors import GwsimError
from gwsim.figures import classification, detection, explained, features, samples, training
from gwsim.figures.dataset import plus_of_classes
from gwsim.figures.drawn import Drawn


def drawn(description: dict, products: dict[str, Path], data: list[Path], settings: dict) -> list[Drawn]:
    """Return every figure.

    products: history (CSV); evaluate, explain and embed (metrics.json, beside which lie their other files);
    bank (manifest). data: manifests of the datasets; settings: dataset (whose examples are explained), tested
    (whose groups rates stand for, None where no dataset has groups), atlas, shown, align.
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
    setup["noise"] = classes.index(NOISE)
    # Of a dataset without groups this is the column that it lacks.
    rates = {**setup, "dataset": tested, "by": evaluated["background"]["by"]}
    # All that were evaluated, but for a dataset that serves the atlas alone: it is a few loud examples.
    rates["roc"] = [
        name
        for name in evaluated["datasets"]
        if name != settings["atlas"] or name in (settings["dataset"], tested)
    ]
    table = pd.read_parquet(products["embed"].with_name("embedding.parquet"))
    its, many = embedded["settings"], "s" if len(embedded["settings"]["datasets"]) > 1 else ""
    selection = f" of the dataset{many} {', '.join(its['datasets'])}{selected(its['select'])}"
    return [
        *_samples(examples, products["bank"], setup),
        *training.drawn(pd.read_csv(products["history"]), description["training"]),
        *classification.drawn(evaluated, {name: one.table for name, one in examples.items()}, rates),
        *detection.drawn(evaluated["background"], tested, setup["noise"]),
        *features.drawn(table, embedded["numbers"], {**setup, "selection": selection}),
        *explained.drawn(products["explain"], examples, tests, setup),
    ]


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
    view = view_of(description)
    return {
        **kept,
        "seen": f"strain at {view.rate or description['sample_rate']} Hz"
        if view.array == "strain"
        else view.array,
        "parameters": parameters,
        "epochs": len(history),
        "examples": int(history["examples"].max()),
        "seconds": float(history["seconds"].sum()),
        "phases": training.phase_names(description["training"]["phases"]),
        "datasets": datasets,
    }
