"""Supernova examples at another SNR, on disk: 1 s of three ifos at 4096 Hz, with spectrograms."""

from pathlib import Path

import ccsn
import common
import loudness
import rendering
from measuring import CORE, PLAIN, Part, Stage, Way

# Shards that ours writes at once, and examples of the plain script.
SHARDS, FEW = 2, 10


def build(folder: Path, times: int) -> Stage:
    settings = ccsn.prepare(folder, 1020)
    settings = loudness.more(folder, settings, times * SHARDS * settings["shard_rows"])
    ours, work = loudness.ways(folder, settings), ccsn.plain_work
    whitened, known = (work(folder, settings, FEW, how) for how in ("pycbc", "division"))
    renderer = common.renderer_of(folder, settings)
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
            Part("transforms of spectrograms, bare", CORE, rendering.of_frames(renderer)),
            *loudness.limit(folder, settings),
        ],
    )
