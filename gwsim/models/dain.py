"""Deep adaptive input normalisation (Passalis et al. 2020, IEEE TNNLS 31, 3760), in front of a network.

Each example of C channels is shifted, scaled and gated by three layers that learn how much of its own mean
and spread to take away. It starts as plain standardisation in shift and scale: both matrices are identities.
It has 3 C^2 + C parameters.
"""

import torch
from torch import nn

# Added to the mean square; a learnt scale that is not above it divides nothing.
TINY = 1e-8


class Dain(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.shift = nn.Linear(channels, channels, bias=False)
        self.scale = nn.Linear(channels, channels, bias=False)
        self.gate = nn.Linear(channels, channels)
        nn.init.eye_(self.shift.weight)
        nn.init.eye_(self.scale.weight)

    @property
    def path(self) -> list[nn.Module]:
        """It moves no sample: each sees the whole example, and stays where it is."""
        return []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x - self.shift(x.mean(-1))[..., None]
        scale = self.scale((x.square().mean(-1) + TINY).sqrt())
        x = x / torch.where(scale > TINY, scale, 1.0)[..., None]
        return x * self.gate(x.mean(-1)).sigmoid()[..., None]
