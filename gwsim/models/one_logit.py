"""The last layer of a small classifier: one number for two classes, one for each of more."""

import torch
from torch import nn


class OneLogit(nn.Module):
    """Logits of classes: of two, (0, z), so that softmax is the sigmoid of z and cross-entropy that of z."""

    def __init__(self, features: int, classes: int):
        super().__init__()
        self.two = classes == 2
        self.linear = nn.Linear(features, 1 if self.two else classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.linear(x)
        return torch.cat([torch.zeros_like(z), z], dim=1) if self.two else z
