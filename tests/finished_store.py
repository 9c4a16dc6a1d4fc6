"""A small finished dataset of compact binaries, written by gwsim's store: ten rows in three shards."""

import numpy as np
import pandas as pd

from gwsim import coordinates, manifest, store

ROWS, PER_SHARD, IFOS, RATE, SECONDS, MARGIN = 10, 4, ["H1", "L1"], 512, 2, 64
RANGES = [(0, 4), (4, 8), (8, 10)]
CLASSES = ["noise", "BBH", "BNS"]
SAMPLES = SECONDS * RATE + MARGIN
SPECTROGRAM = {"window": MARGIN, "hop": 32, "f_max": 100, "stored": True}
BINS, FRAMES = 100 * MARGIN // RATE + 1, SECONDS * RATE // 32 + 1
MODELS = {"BBH": {"approximant": "SEOBNRv4_opt"}, "BNS": {"approximant": "SpinTaylorT4"}}
ATTRIBUTES = {
    "title": "cbc train",
    "classes": CLASSES,
    "ifos": IFOS,
    "sample_rate": RATE,
    "duration": SECONDS,
    "spectrogram": SPECTROGRAM,
    "note": None,
    "configuration": {"band": [20, 200], "experiments": {"cbc": {"waveforms": {"models": MODELS}}}},
}


def values():
    """Return the arrays of examples."""
    rng = np.random.default_rng(8)
    strain = rng.normal(size=(ROWS, 2, SAMPLES)).astype(np.float32)
    return {"strain": strain, "spectrogram": np.abs(rng.normal(size=(ROWS, 2, BINS, FRAMES))).astype("f4")}


def table():
    """Return the table; noise has no system, and so NaN."""
    rng, label = np.random.default_rng(9), np.arange(ROWS, dtype=np.int32) % 3
    columns = {
        name: np.where(label == 0, np.nan, rng.uniform(1, 50, ROWS))
        for name in ("mass_1", "mass_2", "ra", "dec", "psi", "inclination", "phase", "snr", "distance_kpc")
    }
    spins = {f"spin_{body}{axis}": np.where(label == 0, np.nan, 0.0) for body in "12" for axis in "xyz"}
    times = {"event_time": rng.uniform(1.5, 2, ROWS), "gps_second": np.full(ROWS, 1238236160, np.int32)}
    made = pd.DataFrame({"label": label, **columns, **spins, **times})
    return made.assign(name=[f"example {row}" for row in range(ROWS)])


def small_arrays(rows):
    """Return the coordinates, and the columns of the table."""
    time = (np.arange(SAMPLES) - MARGIN // 2) / RATE
    columns = {
        name: coordinates.array(("sample",), rows[name].to_numpy(), "1", name)
        for name in rows
        if name not in ("label", "name")
    }
    label = coordinates.flags(("sample",), rows["label"].to_numpy(), CLASSES, "class")
    ifo, seconds = coordinates.ifo_axis(IFOS), coordinates.array(("time",), time, "s", "time")
    return {**ifo, "time": seconds, "label": label, **columns}


def make(folder):
    """Return the folder, in which the dataset now stands."""
    arrays, rows = values(), table()
    dims = {"strain": ("time",), "spectrogram": ("frequency", "frame")}
    told = {"units": "1", "long_name": "whitened", "mantissa_bits_kept": 23}
    layouts = [
        store.Array(
            name, ("sample", "ifo", *dims[name]), one.shape, PER_SHARD, one.shape[1:], "float32", told
        )
        for name, one in arrays.items()
    ]
    store.create(folder, layouts)

    def shard(index):
        return {name: one[slice(*RANGES[index])] for name, one in arrays.items()}, None

    list(store.write_shards(folder, range(3), RANGES, str, shard))
    store.write_table(folder / "table.parquet", rows)
    records = manifest.whole_records(folder, RANGES)
    texts = {"README.md": "# cbc train\n"}
    manifest.finalise(folder, records, small_arrays(rows), ATTRIBUTES, texts, beside=("table.parquet",))
    return folder
