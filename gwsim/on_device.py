"""Noise and waveforms that lie on a device, all of them: what `bulk` renders without a copy between.

Takes the sources that `render` takes, stores on disk for instance; gives sources that answer the same with
tensors of that device. A day of noise of three ifos at 4096 Hz has 4.2 GB, 10,000 binaries of 4 s 1.4 GB.
"""

import numpy as np
import torch

from gwsim.errors import GwsimError

# Entries that are read or made at once.
ENTRIES = 256


class Noise:
    """The noise of a store; its operators are asked for once a block and stay where they are."""

    def __init__(self, store, device: str):
        blocks, _, time = self.shape = store.shape
        self.taps, self.psd, self.filter = store.taps, store.psd, store.filter
        self._strain = torch.empty(self.shape, device=device)
        for block in range(blocks):
            whole = store.windows(np.array([block]), np.array([0]), time)
            self._strain[block] = torch.as_tensor(whole[0])

    def windows(self, blocks: np.ndarray, first: np.ndarray, size: int) -> torch.Tensor:
        """Return (sample, ifo, time) strain of each block from its first sample on."""
        self._expect_inside(np.asarray(blocks), np.asarray(first), size)
        begins = self._strain.unfold(-1, size, 1)  # (block, ifo, first, time), a view
        blocks, first = (_put(numbers, self._strain.device)[:, None] for numbers in (blocks, first))
        return begins[blocks, torch.arange(self.shape[1], device=self._strain.device), first]

    def _expect_inside(self, blocks: np.ndarray, first: np.ndarray, size: int) -> None:
        """Refuse what a GPU would answer with its end."""
        most, _, time = self.shape
        inside = (blocks >= 0) & (blocks < most) & (first >= 0) & (first + size <= time)
        if not inside.all():
            raise GwsimError(
                f"{(~inside).sum()} of {len(inside)} windows reach past the noise, of {most} blocks with "
                f"{time} samples: the table does not belong to this store; draw it again"
            )


class Bank:
    """The entries of a bank's systems; those of `cbc_scaled` are computed here, once and for all."""

    def __init__(self, bank, device: str):
        self.start, self.samples, self.own = bank.start, bank.samples, bank.own
        self.weights, self.realised = bank.weights, bank.realised
        parts = np.array_split(np.arange(len(bank.systems)), -(-len(bank.systems) // ENTRIES))
        self._entries = torch.cat([_put(np.float32(bank.entries(part)), device) for part in parts])

    def entries(self, systems: np.ndarray) -> torch.Tensor:
        """Return systems' entries, (system, term, time)."""
        return self._entries[_put(systems, self._entries.device)]


def _put(values: np.ndarray, device) -> torch.Tensor:
    """Return an array on the device, which is not waited for."""
    return torch.as_tensor(values).to(device, non_blocking=True)
