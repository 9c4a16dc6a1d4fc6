"""The points of a page, as a script: columns of numbers as base64, and what is said of all of them.

Takes the table of `embed` and the tables of its datasets; gives columns as in COLUMNS, one entry a point.
"""

import base64
import json

import numpy as np
import pandas as pd

from gwsim import embed, render, selection
from gwsim.errors import GwsimError

# name: (dtype, unit, meaning), as JavaScript's typed arrays have them
COLUMNS = {
    "dataset": ("uint8", "1", "place in the list of datasets"),
    "row": ("int32", "1", "row of the dataset"),
    "label": ("uint8", "1", "place of the true class"),
    "predicted": ("uint8", "1", "place of the class that the network gives"),
    "score": ("float32", "1", "the network's score of that class"),
    "snr": ("float32", "1", "signal-to-noise ratio, NaN where there is no signal"),
    "second": ("int32", "s", "GPS second of the event, of noise its window's, -1 where there is none"),
    "nanosecond": ("int32", "ns", "nanoseconds after it"),
    "ifo": ("int8", "1", "place of the ifo that is shown, -1 where all are"),
    "maps": ("uint8", "1", "number of maps that were made of it"),
    **{name: ("float32", "1", meaning) for name, (_, _, meaning) in embed.COLUMNS.items() if "_x" in name},
    **{name: ("float32", "1", meaning) for name, (_, _, meaning) in embed.COLUMNS.items() if "_y" in name},
    "umap3_z": ("float32", "1", embed.COLUMNS["umap3_z"][2]),
    "near": ("int32", "1", "points of the nearest others, the nearest first"),
}
TYPES = {"uint8": "Uint8Array", "int8": "Int8Array", "int32": "Int32Array", "float32": "Float32Array"}


def places(embedding: pd.DataFrame, datasets: list[str]) -> dict[tuple[str, int], int]:
    """Return (dataset, row) -> point."""
    pairs = zip(embedding["dataset"].tolist(), embedding["row"].tolist(), strict=True)
    return {(datasets[number], row): point for point, (number, row) in enumerate(pairs)}


def columns(embedding: pd.DataFrame, tables: dict[str, pd.DataFrame], maps: dict[int, list]) -> dict:
    """Return the columns of all points; tables: of each dataset, in the order of the embedding's numbers.

    Raises GwsimError for an embedding of other examples than the tables have.
    """
    _refuse_strangers(embedding, tables)
    near = embedding[[f"near_{rank + 1}" for rank in range(embed.NEAREST)]].to_numpy()
    parts = [
        _told(table.iloc[embedding.loc[embedding["dataset"] == place, "row"]])
        for place, table in enumerate(tables.values())
    ]
    order = np.argsort(embedding["dataset"].to_numpy(), kind="stable")
    told = pd.concat(parts, ignore_index=True).iloc[np.argsort(order)]
    found = {name: embedding[name] for name in COLUMNS if name in embedding}
    found |= {name: told[name] for name in told}
    found |= {"maps": [len(maps.get(point, [])) for point in range(len(embedding))], "near": near.ravel()}
    return {name: np.asarray(found[name], kind) for name, (kind, _, _) in COLUMNS.items()}


def _refuse_strangers(embedding: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> None:
    sizes = np.array([len(table) for table in tables.values()])
    outside = embedding[embedding["row"].to_numpy() >= sizes[embedding["dataset"].to_numpy()]]
    if len(outside):
        row, name = outside["row"].iloc[0], list(tables)[outside["dataset"].iloc[0]]
        raise GwsimError(
            f"{len(outside)} points have no picture, the first of them row {row} of the dataset {name}, "
            f"which has {len(tables[name])} rows: the dataset was made anew since; run embed again"
        )
    labels = np.concatenate(
        [
            table["label"].to_numpy()[embedding.loc[embedding["dataset"] == place, "row"]]
            for place, table in enumerate(tables.values())
        ]
    )
    theirs = embedding.sort_values("dataset", kind="stable")["label"].to_numpy()
    if count := int((labels != theirs).sum()):
        raise GwsimError(
            f"{count} points have other labels than the rows of their datasets, {', '.join(tables)}: "
            "the datasets were made anew since; run embed again"
        )


def _told(table: pd.DataFrame) -> pd.DataFrame:
    """Return snr, second, nanosecond, ifo of some rows."""
    absent = np.full(len(table), -1)
    second, nanosecond = absent, absent
    if {"gps_second", "event_time"} <= set(table):
        # Noise has no event: the time is its window's.
        second, nanosecond = render.event_gps(table.assign(event_time=table["event_time"].fillna(0)))
    elif "gps_second" in table:
        second, nanosecond = table["gps_second"].to_numpy(), table["gps_nanosecond"].to_numpy()
    snr = selection.snr(table)
    ifo = next((table[name].to_numpy() for name in ("scan_ifo", "ifo") if name in table), absent)
    return pd.DataFrame({"snr": snr, "second": second, "nanosecond": nanosecond, "ifo": ifo})


def script(columns: dict[str, np.ndarray], about: dict) -> str:
    """Return the script that hands the points to the page."""
    packed = {
        name: {"type": TYPES[str(values.dtype)], "data": base64.b64encode(values.tobytes()).decode()}
        for name, values in columns.items()
    }
    return f"const EXPLORER = {json.dumps({'about': about, 'columns': packed, 'maps': {}})};\n"
