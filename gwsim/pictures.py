"""Rows into toy pictures: the form of each row's system, and noise from the row's key.

Takes rows of `draw.parquet` and their systems; gives the array and the columns of `layout`. The noise of a
picture is a counter-based stream that its 64-bit key names, so that a row has the same bits whoever asks
for it.
"""

import numpy as np
import pandas as pd

from gwsim import layout, microbatches, seeds, sharding
from gwsim.waveforms import toys


class Renderer(microbatches.MicroBatches):
    """Renders rows of one dataset; systems: the table of what they show."""

    size = sharding.LEAST_ROWS

    def __init__(self, settings: dict, systems: pd.DataFrame):
        self.shape = settings["picture"]["rows"], settings["picture"]["columns"]
        self.noise = settings["picture"]["noise"]
        self.systems = systems.to_dict("records")

    def micro_batch(self, table: pd.DataFrame) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
        """Render one micro-batch of rows."""
        forms = np.stack([self.form(row.system) for row in table.itertuples()])
        noise = np.stack([white(int(row.key), self.shape) for row in table.itertuples()])
        snr = np.where(table["system"] < 0, np.nan, self.snr(forms))
        arrays = {"picture": (forms + self.noise * noise).astype(np.float32)}
        return arrays, pd.DataFrame({"snr": snr.astype(layout.REALISED_PICTURE["snr"][0])})

    def snr(self, forms: np.ndarray) -> np.ndarray:
        """Return the SNR of pictures without noise, (sample, row, column)."""
        return np.sqrt((forms**2).sum(axis=(1, 2))) / self.noise

    def form(self, system: int) -> np.ndarray:
        """Return the picture of a system without noise; nothing, where a row has none."""
        return toys.picture(self.systems[system], *self.shape) if system >= 0 else np.zeros(self.shape)


def white(key: int, shape: tuple[int, int]) -> np.ndarray:
    """Return the white noise of unit variance that a row's key names."""
    return seeds.generator("toy", key).standard_normal(shape)
