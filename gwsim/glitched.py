"""Glitches in the noise of examples of whitened strain, signal or none: as the configuration wants them.

Takes rows of `draw.parquet` that say which class, in which ifo, when and how loud (see
`gwsim.waveforms.glitches.rows`); gives the whitened glitches. They pass through the operator that the noise
and the signals pass through.
"""

import numpy as np
import torch

from gwsim import loudest
from gwsim.waveforms.glitches import rows

# Glitches are made in blocks of so many seconds at the least, in whose middle the window lies.
BLOCK = 16


class Glitches:
    """Makes the whitened glitches of rows. noise: psd(block) and filter(block); sizes: see geometry."""

    def __init__(self, noise, sizes, device: str = "cpu"):
        self.noise, self.sizes, self.device = noise, sizes, device
        seconds = BLOCK + 2 * int(np.ceil(sizes.window / sizes.rate))
        self.waveform = loudest.Loudest(seconds, sizes.rate, (4, 64), (sizes.band[0], 2048), device)
        self.samples = seconds * sizes.rate

    def whitened(self, row) -> torch.Tensor:
        """Return a row's whitened glitch over the samples that are stored."""
        block, ifo = int(row.psd_block), int(row.glitch_ifo)
        made = self.waveform(rows.system(row), self.noise.psd(block)[ifo])
        # The window begins so that a tile at its middle is at the block's.
        first = (self.samples - self.sizes.window) // 2
        strain = row.glitch_snr * made.put(first / self.sizes.rate + row.glitch_time, self.sizes.rate)
        taps = self.noise.filter(block)[ifo]
        response = np.fft.rfft(np.roll(np.pad(taps, (0, self.samples - len(taps))), -(len(taps) // 2)))
        whitened = np.fft.irfft(np.fft.rfft(strain) * response, self.samples)
        begin = first - self.sizes.half_stft
        cut = whitened[begin : begin + self.sizes.stored]
        return torch.as_tensor(cut, dtype=torch.float32, device=self.device)
