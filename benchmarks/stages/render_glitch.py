"""Views of glitches in 32 s of strain of one ifo at 8192 Hz: waveform, whitening, Q-scan, four pictures."""

from pathlib import Path

import glitch
import qscan
import torch
from measuring import CORE, MEMORY, OURS, PLAIN, Part, Stage, Way, copied, repeated

from gwsim.loudest import Loudest

SECONDS, VIEWS, PIXELS = 32, 8, 4 * 224 * 224


def build(folder: Path, times: int) -> Stage:
    source, (systems, rows) = glitch.Noise(), glitch.table(SECONDS, VIEWS)
    render = glitch.renderer(source, SECONDS, systems)
    bare = qscan.bare_jobs(*(one[:1] for one in qscan.blocks(1, SECONDS)))
    bare["loudest tile of the waveform"] = of_waveform(render.waveform)
    return Stage(
        unit="examples",
        about=f"{__doc__} Classes stand in Gravity Spy's proportions. GWpy makes the four transforms of "
        "strain alone, in pixels of 0.5 Hz by 2 ms, as Gravity Spy's code does: no waveform, no picture.",
        ways=[
            Way("gwsim", OURS, repeated(times, lambda: len(render.rows(rows)[1]))),
            Way("GWpy's q_transform", PLAIN, lambda: glitch.by_gwpy(source, SECONDS) or 1),
        ],
        limit=[
            *(Part(f"{name}, bare", CORE, lambda job=job: job() is None or 1) for name, job in bare.items()),
            Part("strain read and views written", MEMORY, copied(4 * SECONDS * glitch.RATE + PIXELS)),
        ],
    )


def of_waveform(loudest: Loudest):
    """Return the transforms of a waveform to strain, whitened, and to the tiles by which it is scaled."""
    whole = torch.randn(loudest.seconds * loudest.rate, dtype=torch.float64)
    seen = torch.randn(loudest.transform.size)
    rows = [torch.randn(len(g.first), g.tiles, dtype=torch.complex64) for g in loudest.transform.groups]

    def work() -> None:
        spectrum = torch.fft.rfft(whole)
        for _ in range(2):
            torch.fft.irfft(spectrum, len(whole))
        torch.fft.rfft(seen)
        for one in rows:
            torch.fft.ifft(one)

    return work
