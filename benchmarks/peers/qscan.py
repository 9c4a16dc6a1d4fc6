"""Whitening and a Q-scan of a block by ml4gw. qscan.py STRAIN.npy RATE FREQUENCIES TIMES"""

import sys

import answering
import ml4gw_alone
import numpy as np
import torch

SEGMENT, FILTER, Q, BAND = 2, 2, [4, 64], [10, 2048]


def main() -> None:
    ml4gw_alone.without_torchaudio()
    from ml4gw.transforms import QScan, SpectralDensity, Whiten

    path, (rate, *shape) = sys.argv[1], map(int, sys.argv[2:])
    strain = torch.from_numpy(np.load(path))[:, None]
    window = torch.hann_window(SEGMENT * rate, dtype=torch.float64)
    density = SpectralDensity(rate, SEGMENT, average="median", window=window, fast=True)
    whiten = Whiten(FILTER, rate)
    # Whitening drops half a filter at each end: zeros take its place, for a scan of the whole block.
    scan, half = QScan(strain.shape[-1] // rate, rate, tuple(shape), Q, BAND), FILTER * rate // 2

    def work():
        for block in strain.split(1):  # in a batch all would be shown in the plane of the loudest
            whitened = torch.nn.functional.pad(whiten(block, density(block)), (half, half))
            if not bool(scan(whitened).isfinite().all()):
                raise RuntimeError("ml4gw's Q-scan is not finite")
        return len(strain)

    answering.answer({"ml4gw's QScan": work})


main()
