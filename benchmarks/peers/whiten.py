"""Whitening strain by ml4gw: median PSD of segments of 4 s, a filter of 2 s. whiten.py STRAIN.npy RATE"""

import sys

import answering
import ml4gw_alone
import numpy as np
import torch

SEGMENT, FILTER, BAND = 4, 2, (20, 1600)


def main() -> None:
    ml4gw_alone.without_torchaudio()
    from ml4gw.transforms import SpectralDensity, Whiten

    path, rate = sys.argv[1], int(sys.argv[2])
    strain = torch.from_numpy(np.load(path))[None, None]
    window = torch.hann_window(SEGMENT * rate, dtype=torch.float64)
    # The quicker of its two ways: only the two lowest bins differ.
    density = SpectralDensity(rate, SEGMENT, average="median", window=window, fast=True)
    whiten = Whiten(FILTER, rate, *BAND)

    def work():
        white = whiten(strain, density(strain))
        if not bool(white.isfinite().all()):
            raise RuntimeError("ml4gw's whitened strain is not finite")
        return strain.shape[-1] / rate

    answering.answer({"ml4gw's Whiten": work})


main()
