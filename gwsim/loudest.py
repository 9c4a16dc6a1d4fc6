"""Waveforms of glitches over a known noise: as strain, whitened, and how loud their loudest Q tile is.

Takes a glitch's row and the PSD of the noise that it is put into; gives its strain and where its loudest tile
lies. The SNR of a tile is sqrt(2 E), E its energy over the mean that white noise has. Strain is in units of
STRAIN_UNIT, frequencies in Hz.
"""

import dataclasses

import numpy as np
import torch

from gwsim import qscan, spectral
from gwsim.errors import GwsimError
from gwsim.shapes import Series
from gwsim.waveforms import glitches

# Seconds around a waveform's middle in which its loudest tile is sought, and which are transformed for it.
SEARCHED, TRANSFORMED = 4.0, 16
# Below this a spectrum says nothing of the detector (Hz).
F_LOW = 8.0


@dataclasses.dataclass(frozen=True)
class Waveform:
    """Strain of unit SNR, and its loudest tile: time (s from the strain's start), frequency (Hz) and Q."""

    strain: Series
    time: float
    frequency: float
    q: float

    def put(self, at: float, rate: int) -> Series:
        """Return the strain with its loudest tile at another time, to the nearest sample."""
        return np.roll(self.strain, round((at - self.time) * rate))


class Loudest:
    """Makes the waveforms of glitches in blocks of one length (s) and rate (Hz)."""

    def __init__(self, seconds: int, rate: int, q_range, f_range, device: str = "cpu"):
        self.seconds, self.rate, self.device = seconds, rate, device
        short = min(TRANSFORMED, seconds)
        self.transform = qscan.QTransform(short, rate, q_range, f_range, device=device, truncate=True)

    def __call__(self, system, psd: np.ndarray) -> Waveform:
        """Return a glitch's waveform over the noise of a PSD (one ifo's, 0 Hz to Nyquist)."""
        waveform = glitches.waveform(system, self.seconds, self.seconds / 2, self.rate)
        strain, whitened = self.both(waveform, glitches.domain(system["model"]), psd)
        half, middle = self.transform.size // 2, len(whitened) // 2
        seen = torch.as_tensor(whitened[middle - half : middle + half], device=self.device)[None]
        found = self.transform.loudest(seen, half / self.rate, SEARCHED)
        energy, time, frequency, q = (float(one) for one in found)
        if not energy > 0:
            raise GwsimError(
                f"a glitch of class {system['model']} (key {system['key']}) has no power in the tiles: they "
                f"begin at {self.transform.planes[0].frequencies[0]:g} Hz, strain has {self.rate} Hz"
            )
        return Waveform(strain / np.sqrt(2 * energy), time + (middle - half) / self.rate, frequency, q)

    def both(self, waveform: Series, domain: str, psd: np.ndarray) -> tuple[Series, Series]:
        """Return a waveform as strain and as whitened strain, from whichever of the two it was defined in."""
        size = len(waveform)
        frequencies = np.fft.rfftfreq(size, 1 / self.rate)
        spectrum = np.fft.rfft(waveform)
        spectrum[frequencies < F_LOW] = 0
        if domain == "whitened":
            # A waveform that was defined whitened does not follow spectral lines.
            smooth = spectral.without_lines(psd, self.rate / 2 / (len(psd) - 1), mode="nearest")
            spectrum *= self._amplitude(smooth, frequencies)
        return np.fft.irfft(spectrum, size), np.fft.irfft(spectrum / self._amplitude(psd, frequencies), size)

    def _amplitude(self, psd: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
        """Return the amplitude that whitening divides by: that of noise of unit variance per sample."""
        return np.sqrt(spectral.at_frequencies(psd, self.rate, frequencies) * self.rate / 2)
