"""Whitening 4096 Hz strain of one ifo in blocks of 256 s, PSD and filter of each block included."""

from pathlib import Path

import common
import elsewhere
import numpy as np
import torch
from measuring import CORE, MEMORY, OURS, PLAIN, Part, Stage, Way, copied, counted, repeated

from gwsim import noise
from gwsim.strain import simulated

RATE, START, BLOCK = 4096, 1238163456, 256
SETTINGS = {
    "ifos": ["H1"],
    "sample_rate": RATE,
    "band": [20, 1600],
    "block": 4096,
    "stretch": BLOCK,
    "stretch_min": 128,
    "kind": "whitened",
    "psd_segment": 4,
    "filter": 2,
}
STRAIN = common.configuration("ccsn", 0)["strain"]["simulated"]


def build(folder: Path, times: int) -> Stage:
    strain = simulated.make(STRAIN, 1, "H1", START, START + BLOCK, RATE).strain
    np.save(folder / "strain.npy", strain)
    return Stage(
        unit="seconds of strain",
        about=__doc__ + " PyCBC, GWpy and ml4gw take a PSD and a filter of the same lengths.",
        ways=[
            Way("gwsim", OURS, repeated(times, counted(BLOCK, lambda: noise.of_block(strain, SETTINGS)))),
            Way("PyCBC's TimeSeries.whiten", PLAIN, counted(BLOCK, lambda: by_pycbc(strain))),
            Way("GWpy's TimeSeries.whiten", PLAIN, counted(BLOCK, lambda: by_gwpy(strain))),
            *elsewhere.ways("whiten", ["ml4gw's Whiten"], folder / "strain.npy", RATE),
        ],
        limit=[
            Part("the transforms of PSD and filter, bare", CORE, transforms()),
            # Read in float64, written in float32.
            Part("strain read and written once", MEMORY, copied(12 * RATE)),
        ],
    )


def by_pycbc(strain):
    from pycbc.types import TimeSeries

    segment, taps = SETTINGS["psd_segment"], SETTINGS["filter"]
    return TimeSeries(strain, delta_t=1 / RATE).whiten(segment, taps, trunc_method="hann")


def by_gwpy(strain):
    from gwpy.timeseries import TimeSeries

    segment, taps = SETTINGS["psd_segment"], SETTINGS["filter"]
    series = TimeSeries(strain, sample_rate=RATE)
    return series.whiten(fftlength=segment, overlap=segment / 2, fduration=taps, method="median")


def transforms():
    """Return the Fourier transforms of Welch's segments, and those to the filter's bins and back."""
    size = SETTINGS["psd_segment"] * RATE
    segments = torch.randn(2 * BLOCK // SETTINGS["psd_segment"] - 1, size, dtype=torch.float64)
    # One transform of the block forth and back is about what overlapping pieces of it take.
    block = torch.randn(BLOCK * RATE, dtype=torch.float64)

    def work():
        torch.fft.rfft(segments)
        torch.fft.irfft(torch.fft.rfft(block), len(block))
        return BLOCK

    return work
