"""A finished dataset of supernova spectrograms in a scratch folder, as large as is wanted."""

from pathlib import Path

import ccsn
import common
import numpy as np
import pandas as pd

from gwsim import layout, manifest, publish, sharding, store

# Rows that are rendered; those of a larger dataset are the same ones again.
RENDERED = 1020
ARRAY = "spectrogram"


def make(folder: Path, rows: int) -> Path:
    """Return the folder of a finished dataset of so many rows, spectrograms alone."""
    settings = ccsn.prepare(folder, RENDERED)
    drawn = pd.read_parquet(folder / "draw.parquet")
    arrays, columns = common.renderer_of(folder, settings).rows(drawn)
    table = pd.concat([drawn, columns], axis=1)
    return written(folder / "train", arrays[ARRAY], table, settings, rows)


def written(folder: Path, values: np.ndarray, table: pd.DataFrame, settings: dict, rows: int) -> Path:
    """Write rows, the same ones again and again, and finish the dataset."""
    settings = settings | {"examples": rows}
    places = np.arange(rows) % len(table)
    ranges = sharding.shard_ranges(rows, settings["shard_rows"])
    store.create(folder, [one for one in layout.arrays(settings) if one.name == ARRAY])

    def make(index):
        return {ARRAY: values[places[slice(*ranges[index])]]}, None

    list(store.write_shards(folder, range(len(ranges)), ranges, str, make))
    store.write_table(folder / "table.parquet", table.iloc[places].reset_index(drop=True))
    told = {name: settings[name] for name in ("ifos", "sample_rate", "duration", "spectrogram")}
    classes = [f"class {label}" for label in range(table["label"].max() + 1)]
    attributes = told | {"classes": classes, "experiment": "ccsn", "dataset": "train"}
    manifest.finalise(
        folder,
        manifest.whole_records(folder, ranges),
        publish.axes(settings),
        attributes,
        {},
        ("table.parquet",),
    )
    return folder
