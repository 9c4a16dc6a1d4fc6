"""A folder of files as the challenge MLGWSC-1 has them, for programs that train or are judged on those.

foreground.hdf  IFO/START: strain of one ifo, all examples end to end; attributes start_time and delta_t
background.hdf  the same of the examples of noise alone
injections.hdf  one value a signal: tc, mass1, mass2, spins, ra, dec, polarization, inclination, coa_phase,
                distance (Mpc), snr, and the row of the table
table.parquet   the table, with the start_time of each row in foreground.hdf

The challenge's strain is raw, at 2048 Hz, and goes on for days; ours is whitened already, of unit variance,
each example of another time. Its examples are joined because the challenge's evaluation passes over 30 s at
both ends of every stretch. Times are not GPS times: they count from the file's begin. The sky position of a
signal is that at its own GPS time, columns gps_second and gps_nanosecond of the table.
"""

import contextlib
import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from gwsim import dataset, draw, files
from gwsim import store as stores
from gwsim.errors import GwsimError
from gwsim.finished import Finished

# Name in the challenge's files -> column of ours, and the factor between their units.
PARAMETERS = {
    "mass1": ("mass_1", 1),
    "mass2": ("mass_2", 1),
    **{f"spin{body}{axis}": (f"spin_{body}{axis}", 1) for body in "12" for axis in "xyz"},
    "ra": ("ra", 1),
    "dec": ("dec", 1),
    "polarization": ("psi", 1),
    "inclination": ("inclination", 1),
    "coa_phase": ("phase", 1),
    "distance": ("distance_kpc", 1e-3),
    "snr": ("snr", 1),
}
NEEDED = ("mass_1", "mass_2", "distance_kpc", "event_time", "label")
TOLD = "whitened strain of unit variance, examples of different times end to end, in file time, not GPS"


def write(store: Finished, path: Path, seen, rate: int | None = None) -> None:
    """Write the folder, with strain at another rate (Hz) where one is given."""
    _expect(store)
    view = dataset.View(array="strain", scale="none", rate=rate)
    examples = dataset.Examples(store.folder, view)
    noise = _noise(examples)
    samples, seconds = examples.shape[-1], float(examples.settings["duration"])
    with files.whole_folder(path) as part, contextlib.ExitStack() as opened:
        part.mkdir()
        whole = _strains(opened, part / "foreground.hdf", examples, len(noise), samples)
        alone = _strains(opened, part / "background.hdf", examples, int(noise.sum()), samples)
        for first, last in seen(store.ranges()):
            strain, quiet = examples.raw(np.arange(first, last)), noise[first:last]
            _put(whole, strain, first * samples)
            _put(alone, strain[quiet], int(noise[:first].sum()) * samples)
        start = np.arange(len(noise)) * seconds
        _injections(part / "injections.hdf", examples, start, ~noise)
        stores.write_table(part / stores.TABLE, examples.table.assign(start_time=start))


def _expect(store: Finished) -> None:
    lacking = [name for name in NEEDED if name not in store.table]
    if "strain" not in store.arrays or lacking:
        what = f"no {', '.join(lacking)} in its table" if lacking else "no strain"
        raise GwsimError(f"{store.folder} has {what}: MLGWSC-1 is of compact binaries in strain")


def _noise(examples) -> np.ndarray:
    """Return which rows hold no signal."""
    label = examples.classes.index(draw.NOISE) if draw.NOISE in examples.classes else -1
    return examples.table["label"].to_numpy() == label


def _strains(opened, path: Path, examples, count: int, samples: int) -> list[h5py.Dataset]:
    """Open one file of strain; return each ifo's dataset."""
    file = opened.enter_context(h5py.File(path, "w"))
    rate = examples.view.rate or examples.sample_rate
    band = examples.attributes.get("configuration", {}).get("band", [0])
    file.attrs.update(
        detectors=examples.ifos, sample_rate=rate, low_frequency_cutoff=float(band[0]), note=TOLD
    )
    file.attrs["duration"] = count * samples / rate
    made = []
    for ifo in examples.ifos:
        one = file.create_dataset(f"{ifo}/0", (count * samples,), np.float32)
        one.attrs.update(start_time=0.0, delta_t=1 / rate)
        made.append(one)
    return made


def _put(out: list[h5py.Dataset], strain: np.ndarray, place: int) -> None:
    for number, one in enumerate(out):
        values = strain[:, number].ravel()
        one[place : place + len(values)] = values


def _injections(path: Path, examples, start: np.ndarray, signal: np.ndarray) -> None:
    table = examples.table[signal]
    with h5py.File(path, "w") as file:
        file.attrs.update(injtype="cbc", static_args=[], note=TOLD)
        file["tc"] = start[signal] + table["event_time"].to_numpy()
        for name, (column, factor) in PARAMETERS.items():
            if column in table:
                file[name] = table[column].to_numpy(np.float64) * factor
        file["row"] = np.flatnonzero(signal)
        if approximants := _approximants(examples, table):
            file.create_dataset("approximant", data=approximants, dtype=h5py.string_dtype())
        file.attrs["classes"] = json.dumps(examples.classes)


def _approximants(examples, table: pd.DataFrame) -> list[str]:
    """Return each signal's approximant, as far as the configuration tells."""
    experiments = examples.attributes.get("configuration", {}).get("experiments", {})
    models = next(iter(experiments.values()), {}).get("waveforms", {}).get("models", {})
    names = [examples.classes[label] for label in table["label"]]
    known = isinstance(models, dict) and all("approximant" in models.get(name, {}) for name in names)
    return [models[name]["approximant"] for name in names] if known else []
