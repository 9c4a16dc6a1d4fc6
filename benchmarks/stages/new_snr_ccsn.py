"""Supernova examples at another SNR, on disk: 1 s of three ifos at 4096 Hz, with spectrograms."""

from pathlib import Path

import ccsn
import loudness
import torch
from measuring import CORE, PLAIN, Part, Stage, Way

# Shards that ours writes at once, and examples of the plain script.
SHARDS, FEW = 2, 10
# Examples transformed at once, and how often.
PIECE, PIECES = 8, 16


def build(folder: Path, times: int) -> Stage:
    settings = ccsn.prepare(folder, 1020)
    settings = loudness.more(folder, settings, times * SHARDS * settings["shard_rows"])
    ours, work = loudness.ways(folder, settings), ccsn.plain_work
    whitened, known = (work(folder, settings, FEW, how) for how in ("pycbc", "division"))
    return Stage(
        unit="examples",
        about=f"{__doc__} Noise, waveforms and table stand already. The plain script with PyCBC makes each "
        "example with a signal anew and writes nothing; it estimates a PSD of each example's own 16 s, or "
        "divides 4 s by one that is known. Configurations keep signals where they ask for it.",
        ways=[
            ours[loudness.KEPT],
            ours[loudness.BANK],
            Way("PyCBC's project_wave, sigma, TimeSeries.whiten", PLAIN, lambda: whitened(FEW)),
            Way("the same, a known PSD", PLAIN, lambda: known(FEW)),
        ],
        limit=[
            Part("transforms of the spectrogram, bare", CORE, transforms(settings)),
            *loudness.limit(folder, settings),
        ],
    )


def transforms(settings: dict):
    """Return the transforms of all frames of some examples, a piece that a cache holds."""
    window, ifos = settings["spectrogram"]["window"], len(settings["ifos"])
    frames = round(settings["duration"] * settings["sample_rate"]) // settings["spectrogram"]["hop"] + 1
    pieces = torch.randn(PIECE, ifos, frames, window)

    def work() -> int:
        for _ in range(PIECES):
            torch.fft.rfft(pieces)
        return PIECE * PIECES

    return work
