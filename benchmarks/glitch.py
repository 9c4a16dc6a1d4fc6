"""How long a view of a glitch takes: strain, waveform, whitening, Q-scan, four pictures; beside GWpy alone.

python benchmarks/glitch.py [--views 88] [--gwpy 2]

Prints, for blocks of 16, 32 and 64 s at 8192 Hz, processor time per merged view in the proportions of Gravity
Spy's training set, the time of 8,583 views on two cores that this makes, GWpy's q_transform for the same four
durations (no waveform, no picture) in the same run, and the peak memory.
"""

import argparse
import resource
import time

import numpy as np
import pandas as pd
import qscan
import torch

from gwsim import draw, scans, spectral
from gwsim.cli.memory import keep_freed_memory
from gwsim.conventions import STRAIN_UNIT
from gwsim.strain import simulated
from gwsim.waveforms import glitches, sources

RATE, START, SECONDS, SET, CORES = qscan.RATE, 1238236160, 256, 8583, 2
QUIET = {
    "psd": "o3",
    "lines": True,
    "drift": 0.0,
    "gaps_per_day": 0,
    "gap_seconds": [1, 2],
    "failed_bits_per_day": 0,
    "failed_bit_seconds": [1, 2],
    "glitches_per_hour": 0,
    "glitch_snr": [8, 50],
}


class Noise:
    """One PSD block of one ifo, in memory."""

    ifos = ("L1",)

    def __init__(self):
        strain = simulated.make(QUIET, 1, "L1", START, START + SECONDS, RATE).strain
        self.strain = (strain / STRAIN_UNIT).astype(np.float32)
        self.spectrum = spectral.welch(strain / STRAIN_UNIT, RATE, 4)[None]

    def series(self, block, ifo, first, size):
        return self.strain[first : first + size]

    def psd(self, block):
        return self.spectrum


def table(seconds: int, views: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return systems and examples in the published proportions."""
    settings = {
        **{"columns": {"event_time": seconds / 2, "scan_ifo": 0}, "examples": views, "paired": False},
        **{"classes": list(glitches.CLASSES), "own": True, "reuse": "overlap", "split": "train"},
        **{"seed": 1, "experiment": "glitch", "dataset": "train", "waveforms": {"source": "glitch"}},
        **{"sample_rate": RATE, "window_samples": seconds * RATE, "stft_window": 0, "margin": 0},
        **{"weights": [glitches.table()[name]["count"] for name in glitches.CLASSES], "glitches": None},
    }
    blocks = [{"split": "train", "start": START, "end": START + SECONDS}]
    return draw.draw(blocks, sources.SOURCES["glitch"], settings)


def renderer(source: Noise, seconds: int, systems: pd.DataFrame) -> scans.Renderer:
    """Return what renders examples of some seconds, as config.yaml's experiment `glitch` has them."""
    settings = {"duration": seconds, "sample_rate": RATE, "whiten": "self", "source": "glitch"}
    settings |= {"ifos": list(source.ifos)}
    settings["qscan"] = {"size": 224, "q": [4, 64], "frequencies": [10, 2048], "search": 0.5}
    return scans.Renderer(settings, source, systems)


def measured(source: Noise, seconds: int, views: int) -> float:
    """Return the processor time of a view, in s."""
    systems, rows = table(seconds, views)
    render = renderer(source, seconds, systems)
    render.rows(rows.iloc[:4])
    begun = time.process_time()
    render.rows(rows)
    return (time.process_time() - begun) / views


def gwpys(source: Noise, seconds: int, times: int) -> float:
    """Return the processor time of GWpy's four Q-transforms of a block, in s."""
    by_gwpy(source, seconds)  # the first one loads libraries
    begun = time.process_time()
    for _ in range(times):
        by_gwpy(source, seconds)
    return (time.process_time() - begun) / times


def by_gwpy(source: Noise, seconds: int) -> None:
    """Make GWpy's four Q-transforms of a block."""
    qscan.by_gwpy(source.strain[: seconds * RATE].astype(float), seconds / 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--views", type=int, default=88)
    parser.add_argument("--gwpy", type=int, default=2)
    args = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    source = Noise()
    print(f"{'block':>6}{'a view':>12}{SET:>8} on {CORES} cores{'GWpy':>12}{'ratio':>8}{'peak':>12}")
    for seconds in (16, 32, 64):
        view, other = measured(source, seconds, args.views), gwpys(source, seconds, args.gwpy)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        whole = view * SET / CORES / 60
        print(
            f"{seconds:>4} s{view * 1e3:>9.0f} ms{whole:>16.1f} min{other * 1e3:>10.0f} ms"
            f"{other / view:>8.1f}{peak:>8.0f} MiB"
        )


if __name__ == "__main__":
    main()
