"""Supernova examples of three ifos, 1 s at 4096 Hz, with their spectrograms, in memory."""

from pathlib import Path

import ccsn
import common
import rendering
from measuring import OURS, PLAIN, Stage, Way, repeated

CLASSES, SHARD, FEW = 10, 1024, 24


def build(folder: Path, times: int) -> Stage:
    settings = ccsn.prepare(folder, SHARD)
    renderer = common.renderer_of(folder, settings)
    estimated, known = (ccsn.plain_work(folder, settings, FEW, one) for one in ("pycbc", "division"))
    return Stage(
        unit="examples",
        about=f"{__doc__} Noise and moments stand already; ours has its noise whitened, and a tenth of its "
        "examples has nothing else. PyCBC's scripts make signals in noise one by one: project_wave, sigma, "
        "whitening by the example's own 16 s or by a PSD that is known, over 4 s; then scipy's STFT.",
        ways=[
            Way("gwsim", OURS, repeated(times, rendering.in_memory(renderer, folder))),
            Way("PyCBC, TimeSeries.whiten", PLAIN, lambda: estimated(FEW)),
            Way("PyCBC, a known PSD", PLAIN, lambda: known(FEW)),
        ],
        limit=rendering.limit(renderer, CLASSES),
    )
