"""Examples as a network sees them, read from a finished store; `mixed` renders them in memory at other SNRs.

Both kinds have `table`, `classes`, `ifos`, `sample_rate`, a `view` (see there), `shape` (ifo, ...), `axes`
and `read(rows)`; `batches` reads ahead in a thread of its own, so that a network never waits and never more
than a few batches are held. A network's input is scaled here: by default min-max over all of an example's
ifos together, to [0, 1].
"""

import json
import queue
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from gwsim import manifest, shards, stages, store, view
from gwsim.errors import GwsimError
from gwsim.per_process import PerProcess

View, view_of = view.View, view.of
SPECTROGRAMS = View()
SCALES = ("minmax", "none")
# Batches that are ready before they are asked for.
AHEAD = 4
# Values of inputs that are in work at once where nothing is learnt: first layers give tens of times as many.
MOST_VALUES = 5_000_000


class Examples:
    """A finished dataset, as a view shows it."""

    def __init__(self, folder: Path, view: View = SPECTROGRAMS, threads: int = 1):
        self.folder = manifest.folder_of(folder)
        manifest.read(self.folder / manifest.MANIFEST)
        path = self.folder / "data.zarr"
        self.name = "/".join(self.folder.resolve().parts[-2:])
        self.attributes = json.loads((path / "zarr.json").read_text())["attributes"]
        self.classes = self.attributes["classes"]
        self.settings = _settings(self.attributes)
        self.ifos, self.sample_rate = self.settings["ifos"], self.settings["sample_rate"]
        self.view = view
        self.shape, self.axes = view.shape(self.settings), view.axes(self.settings)
        self._source = view.source([each.parent.name for each in path.glob("*/zarr.json")])
        self._values = PerProcess(partial(_rows_of, path / self._source, threads))
        self._values()  # an array that cannot be read is told now
        self.table = pd.read_parquet(self.folder / store.TABLE)

    def raw(self, rows: np.ndarray) -> np.ndarray:
        """Return what the view shows of the rows, not yet scaled."""
        stored = self._values()(np.asarray(rows))
        return self.view.raw({self._source: stored}, self.settings)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows, scaled."""
        return scaled(self.raw(rows), self.view.scale)


def _rows_of(path: Path, threads: int):
    """Return what reads rows of an array: straight from the shards' files where they are laid out as ours."""
    own = shards.opened(path, threads)
    if own:
        return own.rows
    array = store.open_array(path)
    return lambda rows: array[rows].read().result()


def _settings(attributes: dict) -> dict:
    """Return what a view needs of a dataset's own attributes, as render's settings have it."""
    if "ifos" in attributes:
        known = ("ifos", "sample_rate", "duration", *dict.fromkeys(view.NEEDS.values()))
        return {"sample_rate": None} | {name: attributes[name] for name in known if name in attributes}
    # Stores of older versions have it in their configuration alone.
    configuration = attributes["configuration"]
    (experiment,) = configuration["experiments"].values()
    if not stages.of_strain(experiment):
        return {**experiment["render"], "ifos": [], "sample_rate": None}
    return {
        **experiment["render"],
        "duration": experiment["duration"],
        "ifos": stages.ifos(configuration, experiment),
        "sample_rate": stages.sample_rate(configuration, experiment),
    }


class Kept:
    """Rows of a source that stay in memory once they were read, as many as a number of bytes holds."""

    def __init__(self, source, rows: np.ndarray, most_bytes: int):
        self._source = source
        count = min(len(rows), most_bytes // (4 * int(np.prod(source.shape))))
        self._place = np.full(len(source.table), -1)
        self._place[rows[:count]] = np.arange(count)
        self._values = np.empty((count, *source.shape), np.float32)
        self._there = np.zeros(count, bool)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows, from memory where they are there."""
        place = self._place[rows]
        there = (place >= 0) & self._there[place] if len(self._there) else np.zeros(len(rows), bool)
        if there.all():
            return self._values[place]
        values = np.empty((len(rows), *self._values.shape[1:]), np.float32)
        values[there] = self._values[place[there]]
        values[~there] = self._source.read(rows[~there])
        new = ~there & (place >= 0)
        self._values[place[new]], self._there[place[new]] = values[new], True
        return values


def scaled(values: np.ndarray, scale: str) -> np.ndarray:
    """Return examples scaled each by itself: `minmax` to [0, 1], jointly over ifos; `none` as they are."""
    if scale == "none":
        return values
    if scale != "minmax":
        raise GwsimError(f"no scale '{scale}': expected one of {', '.join(SCALES)}")
    axes = tuple(range(1, values.ndim))
    low = values.min(axis=axes, keepdims=True)
    span = values.max(axis=axes, keepdims=True) - low
    # A constant example has no span: it becomes zero.
    return (values - low) / np.where(span > 0, span, 1)


def batch_size(shape: tuple[int, ...], most: int) -> int:
    """Return how many examples of a shape are in work at once: `most` but where they are large."""
    return max(1, min(most, MOST_VALUES // int(np.prod(shape))))


def batches(read, rows: np.ndarray, size: int):
    """Yield (rows, tensor) of `size` rows at a time, in order, read ahead in a thread."""
    ready: queue.Queue = queue.Queue(AHEAD)
    stopped = threading.Event()

    def put(item) -> bool:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work():
        try:
            for first in range(0, len(rows), size):
                part = rows[first : first + size]
                if not put((part, torch.from_numpy(read(part)))):
                    return
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()
