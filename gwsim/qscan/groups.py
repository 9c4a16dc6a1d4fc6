"""Rows of all planes that have the same number of tiles, as tensors, transformed by one call."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Complex, Float

from gwsim import stft
from gwsim.qscan import kernels
from gwsim.qscan.tiling import Plane

Spectra = Complex[torch.Tensor, "batch frequency"]


@dataclass
class Group:
    """Rows, plane by plane: their frequencies (Hz), windows (row, bin) from the bins `first` on, planes.

    expected: the mean energy that white noise of unit variance has. places: of each plane, which rows.
    """

    tiles: int
    frequencies: torch.Tensor
    first: torch.Tensor
    windows: torch.Tensor
    expected: torch.Tensor
    numbers: torch.Tensor
    places: dict[int, slice]

    def energies(self, spectrum: Spectra) -> Float[torch.Tensor, "batch row tile"]:
        """Return each tile's energy. Where among the bins a window lies turns phases alone."""
        if kernels.serve(spectrum):
            return self._one_by_one(spectrum)
        windowed = spectrum.unfold(-1, self.windows.shape[-1], 1)[:, self.first]
        return stft.power(torch.fft.ifft(windowed.mul_(self.windows), self.tiles))

    def _one_by_one(self, spectra: Spectra) -> torch.Tensor:
        """Return the energies as loops give them, that a core's cache holds."""
        found = self.windows.new_empty((len(spectra), len(self.windows), self.tiles))
        windowed = spectra.new_empty(found.shape[1:])
        first, windows = self.first.numpy(), self.windows.numpy()
        for spectrum, energies in zip(spectra, found, strict=True):
            kernels.windowed(stft.floats(spectrum), first, windows, stft.floats(windowed))
            kernels.power(stft.floats(torch.fft.ifft(windowed)), energies.numpy())
        return found


def grouped(planes: list[Plane], size: int, device, dtype) -> list[Group]:
    """Return the groups of blocks of so many samples, those with the fewest tiles first.

    A row's tiles grow with its frequency, so that a plane's rows, group after group, keep their order.
    """
    lengths = sorted({row.tiles for plane in planes for row in plane.rows})
    return [_group(planes, tiles, size, device, dtype) for tiles in lengths]


def _group(planes, tiles, size, device, dtype) -> Group:
    rows, places, numbers = [], {}, []
    for number, plane in enumerate(planes):
        some = [row for row in plane.rows if row.tiles == tiles]
        if some:
            places[number] = slice(len(rows), len(rows) + len(some))
            rows += some
            numbers += [number] * len(some)
    windows = np.zeros((len(rows), max(len(row.window) for row in rows)))
    for window, row in zip(windows, rows, strict=True):
        window[: len(row.window)] = row.window
    # White noise of unit variance has a mean square of 4 / N in a bin of twice the mean spectrum.
    expected = 4 / size * np.sum(windows**2, axis=-1) / tiles**2
    return Group(
        tiles,
        torch.tensor([row.frequency for row in rows], dtype=torch.float64, device=device),
        torch.tensor([row.first for row in rows], device=device),
        torch.tensor(windows, device=device, dtype=dtype),
        torch.tensor(expected, device=device, dtype=dtype),
        torch.tensor(numbers, device=device),
        places,
    )
