"""The loudest tile: of each row, as groups of rows are transformed, then of each plane, then of all."""

from dataclasses import dataclass

import torch
from jaxtyping import Float

from gwsim.qscan.groups import Group

Scalars = Float[torch.Tensor, "batch"]


@dataclass
class Loudest:
    """Per item the loudest tile: energy, its time (s from the block's start), frequency (Hz), Q and plane."""

    energy: Scalars
    time: Scalars
    frequency: Scalars
    q: Scalars
    plane: torch.Tensor

    def __iter__(self):
        return iter((self.energy, self.time, self.frequency, self.q))


class Best:
    """The loudest tiles of rows, from all groups seen in their order, and then of planes."""

    def __init__(self, groups: list[Group], qs: Scalars, seconds: float):
        self.groups, self.qs, self.seconds = groups, qs, seconds
        self.energies, self.times = [], []

    def see(self, group: Group, kept, first, start, end) -> None:
        """Take a group's tiles (item, row, tile), which begin at the tiles `first`, between two tiles."""
        size = int((end - start).max())
        begin = (start - first).clamp(max=kept.shape[-1] - size)
        place = torch.arange(size, device=kept.device) + (begin + first)[:, None]
        outside = (place < start[:, None]) | (place >= end[:, None])
        energy, column = cut(kept, begin, size).masked_fill(outside[:, None], -torch.inf).max(-1)
        self.energies.append(energy)
        self.times.append(((begin + first)[:, None] + column) * (self.seconds / group.tiles))

    def found(self, expected: bool = False) -> Loudest:
        """Return the loudest tile of all; of planes as loud as each other the one with the lower Q counts.

        expected: energies are over those that white noise has.
        """
        energies, times = torch.cat(self.energies, -1), torch.cat(self.times, -1)
        if expected:
            energies = energies / torch.cat([group.expected for group in self.groups])
        frequencies = torch.cat([group.frequencies for group in self.groups])
        numbers = torch.cat([group.numbers for group in self.groups])
        planes = torch.arange(len(self.qs), device=energies.device)
        others = numbers != planes[:, None]
        best = energies[:, None].masked_fill(others, -torch.inf).amax(-1)
        plane = torch.zeros_like(best[:, 0], dtype=torch.long)
        for number in range(1, best.shape[-1]):
            louder = best[:, number] > best.gather(-1, plane[:, None])[:, 0]
            plane = torch.where(louder, number, plane)
        row = energies.masked_fill(others[plane], -torch.inf).argmax(-1)
        energy, time = (values.gather(-1, row[:, None])[:, 0] for values in (energies, times))
        return Loudest(energy, time, frequencies[row], self.qs[plane], plane)


def joined(parts: list[Loudest]) -> Loudest:
    """Return the parts of a batch as one."""
    names = ("energy", "time", "frequency", "q", "plane")
    return Loudest(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def cut(values: torch.Tensor, first: torch.Tensor, size: int) -> torch.Tensor:
    """Return (item, row, size): of each item's rows the samples from its first on."""
    if len(first) == 1:
        return values[..., int(first) : int(first) + size]
    index = first[:, None, None] + torch.arange(size, device=values.device)
    return values.gather(-1, index.expand(-1, values.shape[1], -1))
