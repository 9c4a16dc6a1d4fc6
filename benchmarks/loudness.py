"""What the stages new_snr_ccsn and new_snr_cbc share: shards written at another SNR, and their limit.

Noise, table and bank stand in a folder already, as the script new_snr.py makes them.
"""

import itertools
from pathlib import Path

import common
import new_snr
import numpy as np
import pandas as pd
from measuring import CORE, DISK, MEMORY, OURS, Part, Way, copied, made_durable
from packing import hashed, packed

from gwsim import draw, layout, sharding, store

KEPT, BANK = "gwsim, from kept signals", "gwsim, from the bank"


def more(folder: Path, settings: dict, rows: int) -> dict:
    """Make the folder's table of so many rows, the first ones again and again; return the settings."""
    table = pd.read_parquet(folder / "draw.parquet")
    whole = table.iloc[np.arange(rows) % len(table)].reset_index(drop=True)
    store.write_table(folder / "draw.parquet", whole, draw.ROW_GROUP)
    return settings | {"examples": rows}


def ways(folder: Path, settings: dict) -> dict[str, Way]:
    """Return our two ways, once the folder's signals are kept and its table wants other SNRs."""
    new_snr.keep(folder, settings)
    new_snr.at_new_snr(folder, 8, 12)
    renderers = {KEPT: new_snr.from_kept, BANK: common.renderer_of}
    return {name: Way(name, OURS, written(folder, settings, opened)) for name, opened in renderers.items()}


def written(folder: Path, settings: dict, opened):
    """Return work that writes all shards as `gwsim render` does, though they stand."""
    target = folder / f"out-{opened.__name__}"
    target.mkdir()
    store.create(target, layout.arrays(settings))
    ranges = sharding.shard_ranges(settings["examples"], settings["shard_rows"])
    renderer, kept, number = opened(folder, settings), {}, itertools.count()

    def make(index):
        arrays, columns = renderer.rows(store.read_rows(folder / "draw.parquet", *ranges[index]), out=kept)
        kept.update(arrays)
        return arrays, columns

    def work() -> int:
        anew = next(number)
        list(store.write_shards(target, range(len(ranges)), ranges, lambda index: f"{anew} {index}", make))
        return settings["examples"]

    return work


def limit(folder: Path, settings: dict) -> list[Part]:
    """Return packing, checksums, noise and signals read, and what is stored made durable, an example."""
    ranges = sharding.shard_ranges(settings["examples"], settings["shard_rows"])
    table = store.read_rows(folder / "draw.parquet", *ranges[0]).iloc[: sharding.LEAST_ROWS]
    arrays, _ = common.renderer_of(folder, settings).rows(table)
    laid_out = layout.arrays(settings)
    stored = packed(arrays, laid_out) / len(table)
    strain = arrays["strain"][0].nbytes
    # Noise of every example, a signal of those that have one.
    read = strain * (1 + float((table["system"] >= 0).mean()))
    return [
        Part("packing, bare", CORE, lambda: packed(arrays, laid_out) and len(table)),
        Part("sha256 of stored bytes, bare", CORE, hashed(stored)),
        Part("noise and signals read once", MEMORY, copied(read)),
        Part("stored bytes made durable", DISK, made_durable(folder, stored)),
    ]
