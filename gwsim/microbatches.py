"""Rows in micro-batches of fixed boundaries, so that a row has the same bits whoever asks for it."""

import numpy as np
import pandas as pd


class MicroBatches:
    """Renders rows some at a time. A heir has `size`, and `micro_batch(table)` -> arrays, realised columns.

    size divides sharding.LEAST_ROWS: shards are whole numbers of micro-batches. On a GPU, where no bits are
    promised, `bulk` has more.
    """

    size: int

    def rows(
        self, table: pd.DataFrame, out: dict | None = None
    ) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
        """Render rows that begin at a micro-batch's border; return arrays and realised columns.

        out may hold the arrays of an earlier call, to be written over: fresh memory costs as much time as
        the arithmetic.
        """
        arrays, columns = {}, []
        for first in range(0, len(table), self.size):
            part, realised = self.micro_batch(table.iloc[first : first + self.size])
            for name, values in part.items():
                if name not in arrays:
                    arrays[name] = room(out, name, (len(table), *values.shape[1:]), values.dtype)
                arrays[name][first : first + self.size] = values
            columns.append(realised)
        return arrays, pd.concat(columns, ignore_index=True)

    def example(self, table: pd.DataFrame, row: int) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
        """Render one row of the dataset's whole table: its micro-batch is made, and it is cut out."""
        first = row // self.size * self.size
        arrays, columns = self.micro_batch(table.iloc[first : first + self.size])
        return {name: values[row - first] for name, values in arrays.items()}, columns.iloc[[row - first]]


def room(out: dict | None, name: str, shape: tuple[int, ...], dtype) -> np.ndarray:
    """Return an array to write, of an earlier call where it is large enough."""
    if out and name in out and out[name].shape[0] >= shape[0]:
        return out[name][: shape[0]]
    return np.empty(shape, dtype)


def missing(dtype: str) -> float:
    """Return what a column of a type has where it does not apply to a row."""
    return np.nan if dtype.startswith("float") else -1
