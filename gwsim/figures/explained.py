"""The examples whose maps are shown, and when all maps are greatest, read from their store and datasets.

What is shown of signals and of pictures is of different kinds, see `listing`.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr

from gwsim import cam_times, selection
from gwsim.dataset import Examples, View
from gwsim.figures import atlas, explanation, faithfulness, listing
from gwsim.figures import cam_times as when
from gwsim.figures.drawn import Drawn
from gwsim.figures.explanation import COMPARED, METHODS, Explained, Pair
from gwsim.maps import normalised, placed
from gwsim.view import tiles


def drawn(metrics: Path, examples: dict[str, Examples], tests: dict, setup: dict) -> list[Drawn]:
    """Return the figures of the maps in maps.zarr beside the metrics, and of what puts them to the test."""
    of_kind = {"signals": _signals, "pictures": _pictures}[listing.kind(setup["classes"])]
    maps = of_kind(metrics.with_name("maps.zarr"), examples, tests["numbers"], setup)
    return [*maps, *faithfulness.drawn(tests, METHODS)]


def _signals(path: Path, examples: dict[str, Examples], numbers: dict, setup: dict) -> list[Drawn]:
    stores = {name: opened(path, name) for name in ("table", "atlas", "misclassified")}
    compared = chosen(stores["table"], setup["classes"], setup["noise"])
    of_set, gallery = examples[setup["dataset"]], examples[setup["atlas"]]
    pairs = read(
        stores["misclassified"], np.arange(stores["misclassified"].sizes["sample"]), of_set, setup["align"]
    )
    *_, times = of_set.axes.values()
    found = cam_times.measured(stores["table"], times, of_set.table)
    return [
        *explanation.drawn(
            next(iter(read(stores["table"], compared, of_set, setup["align"])), None),
            read(stores["atlas"], shown(stores["atlas"], setup["classes"]), gallery, setup["align"]),
            paired(pairs, stores["misclassified"]),
            {**setup, "axes": of_set.axes},
        ),
        when.drawn(found, cam_times.spacing(stores["table"], times), METHODS, setup),
    ]


def _pictures(path: Path, examples: dict[str, Examples], numbers: dict, setup: dict) -> list[Drawn]:
    table, gallery, *both = (opened(path, name) for name in ("table", "atlas", "second", "misclassified"))
    of_set, classes, align = examples[setup["dataset"]], setup["classes"], setup["align"]
    setup = {
        **setup,
        "merged": of_set.view.array == "merged",
        "tiles": tiles(of_set.view.array, of_set.shape),
        "origin": "lower" if "frequency" in of_set.axes else "upper",
        "method": METHODS[cam_times.methods(table)[-1]],
    }
    compared = read(table, chosen(table, classes, None, atlas.FIRST), of_set, align)
    setup["mistaken"] = both[1].sizes["sample"] // 2
    # No more than are drawn: there may be hundreds, each as large as the input.
    both[1] = both[1].isel(sample=slice(2 * atlas.MISCLASSIFIED))
    second, wrong = (paired(read(one, np.arange(one.sizes["sample"]), of_set, align), one) for one in both)
    return [
        atlas.comparison(next(iter(compared), None), setup),
        atlas.atlas(read(gallery, shown(gallery, classes), examples[setup["atlas"]], align), setup),
        atlas.second(second, setup),
        atlas.misclassified(wrong, setup),
        atlas.clusters(shapes(table, of_set), setup),
        atlas.quadrants(numbers, setup),
    ]


def shapes(table: xr.Dataset, examples: Examples) -> list[atlas.Shape]:
    """Return the clusters of the classes whose maps have several shapes, the largest of each class first."""
    cells = torch.from_numpy(table["map"].values[-1])
    scaled, size = normalised(cells).numpy(), examples.shape[1:]
    labels, places, found = table["label"].values, table["cluster"].values, []
    for label in np.unique(labels[places > 0]).tolist():
        for place in range(places[labels == label].max() + 1):
            its = np.flatnonzero((labels == label) & (places == place))
            mean = scaled[its].mean(axis=0)
            away = np.square(scaled[its] - mean).reshape(len(its), -1).sum(axis=1)
            nearest = table["row"].values[its[away.argmin()]]
            stretched = placed(torch.from_numpy(mean)[None], size)[0].numpy()
            found.append(atlas.Shape(label, stretched, examples.read(np.array([nearest]))[0], len(its)))
    return found


def opened(path: Path, group: str) -> xr.Dataset:
    """Return one set of maps of a store."""
    return xr.open_zarr(path, group=group, chunks=None, consolidated=False)


def pictured(view: View) -> View:
    """Return how examples are drawn: pictures are colours in [0, 1], whatever scale the network sees."""
    return dataclasses.replace(view, scale="minmax" if view.array == "spectrogram" else "none")


def columns_of(store: xr.Dataset) -> pd.DataFrame:
    """Return row, label and predicted of the samples of a set of maps."""
    return pd.DataFrame({name: store[name].values for name in ("row", "label", "predicted")})


def shown(store: xr.Dataset, classes: list[str]) -> np.ndarray:
    """Return the places of one sample of each class, correctly classified if any is."""
    columns = columns_of(store)
    place = pd.Series(columns.index, columns["row"])
    return place[selection.recognised(columns, len(classes))].to_numpy()


def chosen(store: xr.Dataset, classes: list[str], noise: int | None, wanted: str = COMPARED) -> np.ndarray:
    """Return the place of one signal: of the wanted class if it is there, correctly classified if any is.

    Of those, the first one that has a map by every method, if any has: some are zero everywhere.
    """
    columns = columns_of(store)
    signals = columns[columns["label"] != noise]
    if wanted in classes and (signals["label"] == classes.index(wanted)).any():
        signals = signals[signals["label"] == classes.index(wanted)]
    right = signals[signals["label"] == signals["predicted"]]
    places = (right if len(right) else signals).index.to_numpy()
    found = store["map"].values[:, places]
    mapped = found.any(axis=tuple(range(2, found.ndim))).all(axis=0)
    return places[np.argsort(~mapped, kind="stable")][:1]


def read(store: xr.Dataset, places: np.ndarray, examples: Examples, align: str) -> list[Explained]:
    """Return some samples of a set of maps, the maps at the input's size."""
    if not len(places):
        return []
    part = store.isel(sample=places)
    methods = cam_times.methods(store)
    grid = list(zip(store.attrs["grid_stride"], store.attrs["grid_offset"], strict=True))
    shape = examples.shape[1:]
    maps = [placed(torch.from_numpy(one), shape, align, grid).numpy() for one in part["map"].values]
    rows = part["row"].values
    inputs = examples.read(rows)
    return [
        Explained(
            examples.table.loc[row],
            inputs[i],
            {name: maps[k][i] for k, name in enumerate(methods)},
            int(part["predicted"].values[i]),
            int(part["target"].values[i]),
            float(part["probability"].values[i]),
        )
        for i, row in enumerate(rows)
    ]


def paired(entries: list[Explained], store: xr.Dataset) -> list[Pair]:
    """Return the pairs of a misclassified example (role 0) and its like (role 1)."""
    place = {
        (int(p), int(r)): e
        for p, r, e in zip(store["pair"].values, store["role"].values, entries, strict=True)
    }
    return [Pair(place[number, 0], place[number, 1]) for number in sorted({pair for pair, _ in place})]
