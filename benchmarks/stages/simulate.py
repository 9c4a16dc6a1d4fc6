"""A block of 256 s of simulated strain of one ifo at 4096 Hz: made, written as a file, looked through."""

from pathlib import Path

import common
import numpy as np
import torch
from measuring import (
    CORE,
    DISK,
    MEMORY,
    OURS,
    PLAIN,
    Part,
    Stage,
    Way,
    copied,
    made_durable,
    repeated,
    wait_for_disk,
)

from gwsim import seeds
from gwsim.strain import psds, records, simulated

RATE, START, BLOCK, IFO = 4096, 1238163456, 256, "H1"


def build(folder: Path, times: int) -> Stage:
    settings = common.configuration("ccsn", 0)["strain"]["simulated"]
    bare = settings | {"lines": False, "drift": 0}
    return Stage(
        unit="seconds of strain",
        about=__doc__
        + " Ours has spectral lines, a drift and a record with checksums beside the file; PyCBC's is "
        "stationary noise of the same smooth PSD, saved by itself.",
        ways=[
            Way("gwsim", OURS, repeated(times, lambda: ours(folder, settings))),
            Way("gwsim, stationary and without lines", OURS, lambda: ours(folder, bare)),
            Way("PyCBC's noise_from_psd", PLAIN, lambda: by_pycbc(folder)),
            Way("PyCBC's reproducible noise", PLAIN, lambda: by_pycbc_reproducible(folder)),
        ],
        limit=[
            Part("random numbers, bare", CORE, random_numbers),
            Part("the transforms, bare", CORE, transforms()),
            Part("strain written once", MEMORY, copied(8 * RATE)),
            Part("strain made durable", DISK, made_durable(folder, 8 * RATE)),
        ],
    )


def ours(folder: Path, settings: dict) -> int:
    """Make a block's file and its record, as `gwsim strain` does."""
    paths = simulated.source(settings, 1, IFO, START, BLOCK, RATE, folder)
    record = records.make_record(IFO, START, BLOCK, RATE, "simulated", paths)
    records.save(record, folder / "record.json")
    return BLOCK


def psd():
    """Return the PSD that ours has without lines, as PyCBC has it."""
    from pycbc.types import FrequencySeries

    frequencies = np.arange(0, RATE / 2 + 1 / 8, 1 / 4)
    return FrequencySeries(psds.model_psd("o3", IFO, frequencies), delta_f=1 / 4)


def by_pycbc(folder: Path) -> int:
    from pycbc.noise import noise_from_psd

    return saved(noise_from_psd(BLOCK * RATE, 1 / RATE, psd(), seed=1), folder)


def by_pycbc_reproducible(folder: Path) -> int:
    from pycbc.noise.reproduceable import colored_noise

    made = colored_noise(
        psd(), START, START + BLOCK, seed=1, sample_rate=RATE, low_frequency_cutoff=10, filter_duration=8
    )
    return saved(made, folder)


def saved(series, folder: Path) -> int:
    path = folder / "plain.hdf"
    path.unlink(missing_ok=True)
    series.save(path)
    wait_for_disk(path)
    return BLOCK


def random_numbers() -> int:
    """Draw what no way can do without: a number a sample. Ours has two components, for its drift."""
    generator, room = seeds.generator("limit"), np.empty(RATE)
    for _ in range(BLOCK):
        generator.standard_normal(out=room)
    return BLOCK


def transforms():
    """Return the transforms of chunks, forth and back."""
    size = (simulated.CHUNK + 2 * simulated.HALF) * RATE
    chunk = torch.randn(size, dtype=torch.float64)

    def work():
        for _ in range(BLOCK // simulated.CHUNK):
            torch.fft.irfft(torch.fft.rfft(chunk), size)
        return BLOCK

    return work
