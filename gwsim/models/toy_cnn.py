"""The small network of the exercise on toy pictures: two convolutions, a mean over the picture, one logit.

A mean forgets where something was: a chirp is a chirp wherever it stands. Kernels of five pixels see a rise
of half a row a column; of three they do not.
"""

import torch
from torch import nn

from gwsim.errors import GwsimError
from gwsim.models.one_logit import OneLogit

CHANNELS = (8, 16)
KERNEL = 5
SMALLEST = 8


class ToyCnn(nn.Module):
    def __init__(self, shape: tuple[int, ...], classes: int):
        super().__init__()
        if len(shape) != 3 or min(shape[1:]) < SMALLEST:
            raise GwsimError(
                f"toy_cnn takes pictures (1, row, column) of at least {SMALLEST} by {SMALLEST}, got shape "
                f"{shape}"
            )
        first, second = CHANNELS
        self.conv1 = nn.Conv2d(shape[0], first, KERNEL, padding=KERNEL // 2)
        self.conv2 = nn.Conv2d(first, second, KERNEL, padding=KERNEL // 2)
        self.relu, self.pool, self.mean = nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1)
        self.dense = OneLogit(second, classes)

    @property
    def cam_layer(self) -> nn.Module:
        return self.conv2

    @property
    def cam_path(self) -> list[nn.Module]:
        return [self.conv1, self.relu, self.pool, self.conv2]

    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.relu(self.conv1(x)))  # (sample, 8, 16, 32)
        x = self.pool(self.relu(self.conv2(x)))  # (sample, 16, 8, 16)
        return self.mean(x).flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(self.features(x))
