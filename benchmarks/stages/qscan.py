"""Q-scans of 32 s at 8192 Hz: whitening, the transform, and four views of 224 by 224 pixels."""

from pathlib import Path

import elsewhere
import numpy as np
import qscan as script
from measuring import CORE, MEMORY, OURS, PLAIN, Part, Stage, Way, copied

from gwsim import qscan, scans

SECONDS, VIEWS, SETS = 32, 4 * 224 * 224, scans.MICRO_BATCH
# Views of two points a pixel and axis, as render makes them; GWpy's step in time.
POINTS, STEP = 448, 0.002


def build(folder: Path, times: int) -> Stage:
    strain, at = script.blocks(SETS, SECONDS)
    np.save(folder / "strain.npy", strain.numpy())
    transform = qscan.QTransform(SECONDS, script.RATE)
    bare = script.bare_jobs(strain[:1], at[:1])
    shape = POINTS, round(SECONDS / STEP)
    return Stage(
        unit="sets of four views",
        about=__doc__
        + " GWpy is called for each of the four durations, in pixels of 0.5 Hz by 2 ms, as Gravity Spy's "
        "code does. ml4gw makes one picture of all 32 s, 448 frequencies by 2 ms, without splines: more lies "
        "outside of the views than in them, and its loudest tile is that of the whole block.",
        ways=[
            Way("gwsim", OURS, lambda: sets(transform, strain, at, times)),
            Way("GWpy's q_transform", PLAIN, lambda: script.by_gwpy(strain[0].numpy(), at[0]) or 1),
            *elsewhere.ways("qscan", ["ml4gw's QScan"], folder / "strain.npy", script.RATE, *shape),
        ],
        limit=[
            Part("transforms of the whitening, bare", CORE, lambda: bare["whitening"]() or 1),
            Part("transforms of all tiles, bare", CORE, lambda: bare["transform"]() or 1),
            Part("products of rows by splines that are there", CORE, lambda: bool(bare["views"]())),
            Part("strain read, views written", MEMORY, copied(8 * strain.shape[-1] + VIEWS)),
        ],
    )


def sets(transform: qscan.QTransform, strain, at: list[float], times: int) -> int:
    """Make the views of all blocks, so many times, as render does it for a micro-batch."""
    for _ in range(times):
        qscan.four(transform.scan(qscan.whiten(strain, script.RATE), at))
    return times * len(strain)
