"""A residual network of 54 convolutions over time series, for Sasaoka et al., PoS ICRC2023 1498.

Its backbone is that of Nousi et al. 2023 (PRD 108, 024022) in its narrow form, with deep adaptive input
normalisation in front and two dense layers in place of the convolutions at its end. The paper gives neither
width nor head: assumed are 8 to 64 channels, and flatten, 64, ReLU, logits. For three ifos, 16384 samples
and four classes it has 820,906 parameters.
"""

import torch
from torch import nn

from gwsim.errors import GwsimError
from gwsim.models.dain import Dain

# (blocks, channels, stride of the first)
STAGES = ((4, 8, 1), (3, 16, 2), (3, 32, 2), (3, 64, 2), (3, 64, 2), (3, 64, 2), (5, 32, 1), (3, 16, 1))
HIDDEN = 64
SHORTEST = 256


class ResNet54(nn.Module):
    def __init__(self, shape: tuple[int, ...], classes: int):
        super().__init__()
        if len(shape) != 2 or shape[1] < SHORTEST:
            raise GwsimError(
                f"resnet54 takes time series (ifo, time) of at least {SHORTEST} samples, got shape {shape}"
            )
        ifos, samples = shape
        self.dain = Dain(ifos)
        self.blocks = nn.Sequential(*_blocks(ifos))
        self.relu = nn.ReLU()
        for _, _, stride in STAGES:
            samples = -(-samples // stride)
        self.dense1 = nn.Linear(STAGES[-1][1] * self._pooled(samples), HIDDEN)
        self.dense2 = nn.Linear(HIDDEN, classes)

    @property
    def cam_layer(self) -> nn.Module:
        return self.blocks[-1]

    @property
    def cam_path(self) -> list[nn.Module]:
        return [self.dain, *self.blocks]

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.dain(x)).flatten(1)  # (sample, 16 * 512)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense2(self.relu(self.dense1(self.features(x))))

    @staticmethod
    def _pooled(cells: int) -> int:
        """Return how many times the dense layers see each channel of so many cells."""
        return cells


class ResNet54Mean(ResNet54):
    """The same with each channel's mean over time before the dense layers: it cannot tell when."""

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.dain(x)).mean(-1)  # (sample, 16)

    @staticmethod
    def _pooled(cells: int) -> int:
        return 1


class Block(nn.Module):
    """Two convolutions beside a skip, which is the identity where the shape allows it; ReLU after the sum."""

    def __init__(self, given: int, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv1d(given, channels, 3, padding=1)
        self.norm1 = nn.BatchNorm1d(channels)
        self.conv2 = nn.Conv1d(channels, channels, 3, stride, padding=1)
        self.norm2 = nn.BatchNorm1d(channels)
        self.relu = nn.ReLU()
        same = given == channels and stride == 1
        self.skip = nn.Identity() if same else nn.Conv1d(given, channels, 1, stride)

    @property
    def path(self) -> list[nn.Module]:
        """The modules that say where a cell lies: the skip's lie there too."""
        return [self.conv1, self.norm1, self.relu, self.conv2, self.norm2]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu(self.norm1(self.conv1(x)))
        return self.relu(self.norm2(self.conv2(y)) + self.skip(x))


def _blocks(channels: int):
    """Yield all 27 blocks."""
    for count, wider, stride in STAGES:
        for place in range(count):
            yield Block(channels, wider, 1 if place else stride)
            channels = wider
