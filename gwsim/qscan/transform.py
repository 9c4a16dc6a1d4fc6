"""The Q-transform of batches of whitened blocks, its loudest tile, and its energy at any frequency and time.

Rows of all planes with the same number of tiles are transformed together. Each row's energy is taken over its
median, or mean, over the whole block; what an image needs around the instant is kept, the rest dropped. An
image is of the one plane with the loudest tile near the instant: cubic splines along time, then across
frequencies.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float

from gwsim import q_planes
from gwsim.errors import GwsimError
from gwsim.qscan import splines, tiling
from gwsim.qscan.groups import Group, grouped
from gwsim.qscan.loudest import Best, Loudest, Scalars, cut, joined
from gwsim.qscan.whitening import middle

Blocks = Float[torch.Tensor, "batch time"]
Flags = Bool[torch.Tensor, "batch"]
# Tiles that are transformed at once on a GPU.
AT_ONCE = 2**26


class QTransform:
    """The transform of blocks of one length (s) and rate (Hz)."""

    def __init__(
        self,
        seconds: float,
        rate: float,
        q_range=q_planes.Q_RANGE,
        f_range=tiling.F_RANGE,
        mismatch: float = 0.2,
        device="cpu",
        dtype=torch.float32,
        truncate: bool = False,
    ):
        """truncate: lower each plane's upper frequency to what the rate allows, do not raise GwsimError."""
        self.seconds, self.rate, self.size = float(seconds), float(rate), round(seconds * rate)
        self.device, self.dtype = torch.device(device), dtype
        self.planes = tiling.planes(self.seconds, self.rate, q_range, f_range, mismatch, truncate)
        self.qs = torch.tensor([plane.q for plane in self.planes], dtype=torch.float64, device=self.device)
        self.groups = grouped(self.planes, self.size, self.device, dtype)
        self._across = {}
        largest = max(group.tiles * len(group.first) for group in self.groups)
        # One by one a processor's caches hold what is worked on, and a batch gives its items' very bits.
        self.at_once = 1 if self.device.type == "cpu" else max(1, AT_ONCE // largest)

    def _spectrum(self, whitened: Blocks) -> torch.Tensor:
        """Return twice the mean spectrum, with zeros after it for the windows' last bins, which are zero.

        No window reaches the bin of frequency zero, which is not to be doubled.
        """
        if whitened.shape[-1] != self.size:
            raise GwsimError(
                f"blocks of {whitened.shape[-1]} samples: expected {self.size}, "
                f"{self.seconds:g} s at {self.rate:g} Hz"
            )
        spectrum = torch.fft.rfft(whitened.to(self.device, self.dtype)) * (2 / self.size)
        reach = max(group.windows.shape[-1] for group in self.groups)
        return torch.nn.functional.pad(spectrum, (0, reach))

    def scan(self, whitened: Blocks, at, mean=False, search: float = 0.5, reach: float = 2.0) -> "Scans":
        """Return the scans of blocks around the instants `at` (batch,), in s from the block's start.

        mean: (batch,) or one bool, rows are taken over their mean instead of their median. The plane is the
        one with the loudest tile within search / 2 of the instant, images reach `reach` to each side of it.
        """
        at = self._instants(whitened, at)
        mean = torch.as_tensor(mean, device=self.device).expand(len(at))
        parts = [
            self._scan(*part, search, max(reach, search / 2))
            for part in zip(*(x.split(self.at_once) for x in (whitened, at, mean)), strict=True)
        ]
        rows, firsts = zip(*(part[1:] for part in parts), strict=True)
        return Scans(
            self,
            at,
            joined([part[0] for part in parts]),
            [torch.cat(same) for same in zip(*rows, strict=True)],
            [torch.cat(same) for same in zip(*firsts, strict=True)],
        )

    def loudest(self, whitened: Blocks, at, search: float | None = 0.5) -> Loudest:
        """Return the loudest tile within search / 2 of the instants, or of the whole block.

        Its energy is over the mean that white noise of unit variance has, so that a waveform without
        noise has the peak-tile SNR sqrt(2 energy).
        """
        at = self._instants(whitened, at)
        parts = zip(whitened.split(self.at_once), at.split(self.at_once), strict=True)
        return joined([self._loudest(*part, search) for part in parts])

    def _instants(self, whitened, at) -> torch.Tensor:
        at = torch.as_tensor(at, dtype=torch.float64, device=self.device).expand(len(whitened))
        bad = ((at < 0) | (at > self.seconds) | ~at.isfinite()).nonzero().flatten().tolist()
        if bad:
            raise GwsimError(
                f"instants outside their blocks of {self.seconds:g} s: {at[bad[0]]:g} s of block {bad[0]}"
                + (f" and {len(bad) - 1} more" if len(bad) > 1 else "")
            )
        return at

    def _scan(self, whitened, at, mean, search, reach):
        spectrum, best = self._spectrum(whitened), Best(self.groups, self.qs, self.seconds)
        rows, firsts = [], []
        taps = splines.TAPS[self.dtype]
        for group in self.groups:
            energies = group.energies(spectrum)
            level = _level(energies, mean)[..., None]
            step = self.seconds / group.tiles
            # Both ends' samples around, and one for what rounding does to instants at the very end.
            size = min(int(2 * reach / step) + 3, group.tiles) + 2 * taps
            first = ((at - reach) / step).floor().long() - taps
            first = first.clamp(-taps, group.tiles + taps - size)
            # A division makes a copy, so that the rest of the rows is let go.
            if int(first.min()) < 0 or int(first.max()) + size > group.tiles:
                kept = cut(splines.continued(energies, taps), first + taps, size) / level
            else:
                kept = cut(energies, first, size) / level
            best.see(group, kept, first, *self._window(group, at, search))
            rows.append(kept)
            firsts.append(first)
        return best.found(), rows, firsts

    def _loudest(self, whitened, at, search) -> Loudest:
        spectrum, best = self._spectrum(whitened), Best(self.groups, self.qs, self.seconds)
        for group in self.groups:
            energies = group.energies(spectrum)
            start, end = self._window(group, at, search)
            first = torch.zeros_like(start)
            best.see(group, energies, first, start, end)
        return best.found(expected=True)

    def _window(self, group: Group, at, search) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the first tiles that are searched and those after the last, one tile at the least."""
        if search is None:
            return torch.zeros_like(at, dtype=torch.long), torch.full_like(at, group.tiles, dtype=torch.long)
        step = self.seconds / group.tiles
        start = ((at - search / 2) / step).floor().long().clamp(0, group.tiles - 1)
        end = ((at + search / 2) / step).floor().long().clamp(max=group.tiles)
        return start, torch.maximum(end, start + 1)

    def across(self, plane: int, frequencies: np.ndarray) -> torch.Tensor:
        """Return the matrix (frequency, row of the plane) of the splines across frequencies."""
        key = plane, frequencies.tobytes()
        if key not in self._across:
            matrix = splines.across(self.planes[plane].frequencies, frequencies)
            # Rows with more tiles have higher frequencies: groups, one after the other, keep their order.
            self._across[key] = torch.tensor(matrix, dtype=self.dtype, device=self.device)
        return self._across[key]


class Scans:
    """Scans of a batch: of each item the loudest tile near its instant, and images of that tile's plane."""

    def __init__(self, transform: QTransform, at: Scalars, loudest: Loudest, rows: list, firsts: list):
        self.transform, self.at = transform, at
        self.energy, self.time, self.frequency, self.q = loudest
        self.plane = loudest.plane
        self._rows, self._firsts = rows, firsts

    def __len__(self) -> int:
        return len(self.at)

    def image(self, frequencies, times) -> Float[torch.Tensor, "batch frequency time"]:
        """Return the energies at frequencies (Hz) and times (s from the instant), neither cut nor rounded.

        Beyond the first and the last row they are those of that row. Raises GwsimError for times that a
        block does not have, or beyond the scan's reach.
        """
        frequencies = np.asarray(frequencies, float)
        times = torch.as_tensor(np.asarray(times, float), device=self.at.device)
        image = self.at.new_empty((len(self), len(frequencies), len(times)), dtype=self._rows[0].dtype)
        for number in range(len(self.transform.planes)):
            items = (self.plane == number).nonzero().flatten()
            for some in items.split(self.transform.at_once):
                if len(some):
                    rows = self._at(number, some, times)
                    image[some] = self.transform.across(number, frequencies) @ rows
        return image

    def _at(self, number: int, items: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """Return (item, row, time): a plane's rows at the times."""
        found = []
        for group, rows, firsts in zip(self.transform.groups, self._rows, self._firsts, strict=True):
            if number in group.places:
                step = self.transform.seconds / group.tiles
                places = (self.at[items, None] + times) / step - firsts[items, None]
                self._refuse_outside(places, rows.shape[-1])
                found.append(splines.along(rows[items, group.places[number]], places))
        return torch.cat(found, 1)

    def _refuse_outside(self, places, size) -> None:
        taps = splines.TAPS[self._rows[0].dtype]
        if int(places.min().floor()) < taps - 1 or int(places.max().floor()) + taps >= size:
            raise GwsimError(
                "no image at such times: they lie beyond the block, or beyond the reach of the scan"
            )


def _level(energies: torch.Tensor, mean: Flags) -> torch.Tensor:
    """Return each row's mean or median over the block."""
    if bool(mean.all()):
        return energies.mean(-1)
    level = middle(energies)
    return torch.where(mean[:, None], energies.mean(-1), level) if bool(mean.any()) else level
