"""Which examples of a dataset are looked at, and a network's predictions of them.

Takes a dataset's table, one row per example with its label, and the settings of a stage that looks at some of
them; gives places of rows, ascending, and predictions in the table's order.
"""

import numpy as np
import pandas as pd

from gwsim.errors import GwsimError

# A message names no more values than this.
NAMED = 12


def choose(table: pd.DataFrame, select: dict, examples: int, noise: int | None = None) -> np.ndarray:
    """Return the rows whose columns have the selected values, at most so many and balanced over classes.

    noise: label of the class whose rows are taken besides, where a column does not apply to them and is NaN:
    as many as the largest other class has. All classes are compared then, and each must have a row. Without
    it, rows without a value are left out, and so are classes that have no row.

    Raises GwsimError where a column is not there or rows are lacking.
    """
    if strangers := sorted(set(select) - set(table.columns)):
        raise GwsimError(
            f"select names the columns {strangers}, which the dataset does not have; it has "
            f"{', '.join(table.columns)}"
        )
    labels = table["label"].to_numpy()
    besides = np.zeros(len(table), dtype=bool) if noise is None else labels == noise
    wanted = np.ones(len(table), dtype=bool)
    for name, value in select.items():
        wanted &= ((table[name] == value) | (besides & table[name].isna())).to_numpy()
    rows = np.flatnonzero(wanted)
    lacking = np.setdiff1d(labels, labels[rows]).tolist()
    if not len(rows) or (noise is not None and lacking):
        raise GwsimError(
            f"no row of the classes {lacking} has {select}; the dataset's values are {_values(table, select)}"
        )
    found = labels[rows]
    if noise is not None and (found != noise).any():
        most = np.bincount(found[found != noise]).max()
        rows = rows[_turns(found) < most]
    return rows[balanced(labels[rows], examples)]


def shares(sizes: list[int], count: int) -> list[int]:
    """Return how many of up to count examples each dataset gives: as equally many as their sizes allow."""
    of = np.repeat(np.arange(len(sizes)), sizes)
    return np.bincount(of[balanced(of, count)], minlength=len(sizes)).tolist()


def applying(tables: list[pd.DataFrame], select: dict) -> list[dict]:
    """Return what of a selection applies to each of several tables: columns in which it has any value.

    Raises GwsimError for a column in which none has.
    """
    found = [
        {name: value for name, value in select.items() if name in table and table[name].notna().any()}
        for table in tables
    ]
    if strangers := [name for name in select if not any(name in its for its in found)]:
        raise GwsimError(
            f"select names the columns {strangers}, which no dataset has a value of; they have "
            f"{', '.join(dict.fromkeys(name for table in tables for name in table.columns))}"
        )
    return found


def balanced(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the places of up to count examples, as many of each class as can be, the first ones of each."""
    return np.sort(np.argsort(_turns(labels), kind="stable")[:count])


def recognised(predictions: pd.DataFrame, classes: int) -> np.ndarray:
    """Return each class's first correctly classified row, or its first if none is; a class may have none.

    predictions: row, label, predicted.
    """
    correct = predictions["predicted"] == predictions["label"]
    best = predictions.assign(wrong=~correct).sort_values(["wrong", "row"], kind="stable")
    first = best.drop_duplicates("label").set_index("label")["row"]
    return np.array([first[label] for label in range(classes) if label in first.index], dtype=np.int64)


def _turns(labels: np.ndarray) -> np.ndarray:
    """Return how many of its class stand before each."""
    return pd.Series(labels).groupby(labels).cumcount().to_numpy()


def _values(table: pd.DataFrame, select: dict) -> dict:
    """Return the first few values of each column that is selected by."""
    return {name: table[name].dropna().drop_duplicates().sort_values().tolist()[:NAMED] for name in select}


def fitting(predictions: pd.DataFrame, table: pd.DataFrame, where: str, name: str) -> pd.DataFrame:
    """Return the predictions in the order of the table's rows, with their SNR beside.

    Raises GwsimError, which says where they were and names the dataset, if they are not of all its rows.
    """
    found, labels = predictions.sort_values("row"), table["label"].to_numpy()
    if list(found["row"]) != list(range(len(labels))) or (found["label"] != labels).any():
        raise GwsimError(
            f"{where} has {len(found)} predictions that are not those of {name}, {len(labels)} rows: "
            "rows or labels differ; run evaluate again"
        )
    return found.assign(snr=snr(table))


def snr(table: pd.DataFrame) -> np.ndarray:
    """Return each row's SNR, NaN where it has none: noise, and pictures of which no table tells it."""
    return table["snr"].to_numpy() if "snr" in table else np.full(len(table), np.nan)
