"""The network of Sasaoka et al. 2023 (PRD 108, 123033): two convolutions, two dense layers.

Each convolution is pooled before its ReLU, so that the last one's output, which the maps weigh, is signed.
For three ifos, 94 bins, 33 frames and ten classes it has 427,378 parameters.
"""

import torch
from torch import nn

from gwsim.errors import GwsimError

CHANNELS = 16
HIDDEN = 200


class CcsnCnn(nn.Module):
    def __init__(self, shape: tuple[int, ...], classes: int):
        super().__init__()
        if len(shape) != 3 or min(shape[1:]) < 10:
            raise GwsimError(
                f"ccsn_cnn takes spectrograms (ifo, frequency, frame) of at least 10 by 10, got shape {shape}"
            )
        ifos, *size = shape
        self.conv1 = nn.Conv2d(ifos, CHANNELS, 3)
        self.conv2 = nn.Conv2d(CHANNELS, CHANNELS, 3)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()
        # Each stage takes two pixels off for its kernel, then halves.
        rows, columns = (((pixels - 2) // 2 - 2) // 2 for pixels in size)
        self.dense1 = nn.Linear(CHANNELS * rows * columns, HIDDEN)
        self.dense2 = nn.Linear(HIDDEN, classes)

    @property
    def cam_layer(self) -> nn.Module:
        return self.conv2

    @property
    def cam_path(self) -> list[nn.Module]:
        return [self.conv1, self.pool, self.relu, self.conv2]

    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.pool(self.conv1(x)))  # (sample, 16, 46, 15)
        x = self.relu(self.pool(self.conv2(x)))  # (sample, 16, 22, 6)
        return x.flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense2(self.relu(self.dense1(self.features(x))))
