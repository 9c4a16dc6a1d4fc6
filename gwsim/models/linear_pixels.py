"""A linear classifier of pixels, beside which networks are measured; it has no layer that could be mapped."""

import math

import torch
from torch import nn

from gwsim.errors import GwsimError
from gwsim.models.one_logit import OneLogit


class LinearPixels(nn.Module):
    def __init__(self, shape: tuple[int, ...], classes: int):
        super().__init__()
        if len(shape) != 3 or min(shape) < 1:
            raise GwsimError(f"linear_pixels takes pictures (1, row, column), got shape {shape}")
        self.shape = tuple(shape)
        self.dense = OneLogit(math.prod(shape), classes)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(self.features(x))

    def weights(self) -> torch.Tensor:
        """Return the weights of its pixels, (class or one, row, column)."""
        return self.dense.linear.weight.detach().unflatten(1, self.shape)[:, 0]
