"""One block of strain scanned: what stands around its instant, in numbers and in images."""

from collections.abc import Callable

import numpy as np
import torch

from gwsim import q_planes
from gwsim.conventions import STRAIN_UNIT
from gwsim.qscan import tiling
from gwsim.qscan.around import Block
from gwsim.qscan.transform import QTransform
from gwsim.qscan.whitening import whiten


def scanned(
    block: Block, durations, q_range, mean: bool, axes: Callable
) -> tuple[dict, tuple, list[np.ndarray]]:
    """Return what was found, the range of frequencies (Hz), and an image (frequency, time) of each duration.

    axes(f_range, duration): an image's frequencies and times. What the rate does not allow of the range of
    frequencies is left out, and told. offset: of the loudest tile, s after the instant.
    """
    low, high = tiling.F_RANGE
    top = q_planes.highest_frequency(block.rate, q_range)
    if top < high:
        block.told.append(f"frequencies up to {top:.0f} Hz instead of {high:g} Hz: strain at {block.rate} Hz")
    f_range = low, min(high, top)
    transform = QTransform(block.seconds, block.rate, q_range, f_range=f_range, dtype=torch.float64)
    whitened = whiten(torch.from_numpy(block.strain / STRAIN_UNIT)[None], block.rate)
    scans = transform.scan(whitened, [block.at], mean, reach=max(durations) / 2)
    images = [scans.image(*axes(f_range, duration))[0].numpy() for duration in durations]
    energy = float(scans.energy)
    found = {
        "start": block.start,
        "block": block.seconds,
        "sample_rate": block.rate,
        "q": float(scans.q),
        "energy": energy,
        "snr": (2 * energy) ** 0.5,
        "frequency": float(scans.frequency),
        "offset": float(scans.time) - block.at,
    }
    return found, f_range, images
