"""Binaries by ml4gw: projection, SNR, noise, whitening. projected.py GIVEN.npz RATE DURATION IFO ..."""

import sys

import answering
import ml4gw_alone
import numpy as np
import torch

FILTER, BAND = 2, (20, 1600)


def main() -> None:
    ml4gw_alone.without_torchaudio()
    from ml4gw import gw
    from ml4gw.transforms import Whiten

    path, (rate, duration), ifos = sys.argv[1], map(int, sys.argv[2:4]), sys.argv[4:]
    given = {name: torch.from_numpy(values) for name, values in np.load(path).items()}
    tensors, vertices = (one.float() for one in gw.get_ifo_geometry(*ifos))
    whiten, size = Whiten(FILTER, rate, *BAND), rate * (duration + FILTER)
    dec, psi, phi, snr = (given[name].float() for name in ("dec", "psi", "phi", "snr"))
    waves = {name: given[name] for name in ("plus", "cross")}

    def work():
        seen = gw.compute_observed_strain(dec, psi, phi, tensors, vertices, rate, **waves)
        seen = gw.reweight_snrs(seen, snr, given["psd"], rate, *BAND)
        strain = torch.stack([given["strain"][:, first : first + size] for first in given["first"]])
        strain[: len(seen)] += seen
        whitened = whiten(strain, given["psd"])
        if not bool(whitened.isfinite().all()):
            raise RuntimeError("ml4gw's whitened examples are not finite")
        return len(whitened)

    answering.answer({"ml4gw, a known PSD": work})


main()
