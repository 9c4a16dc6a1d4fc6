"""A small two-dimensional network over spectrograms of compact binaries, beside the one-dimensional one.

Five convolutions of 3x3, each with batch normalisation and ReLU, the first four pooled by two in frequency
and the first two in time, so that its maps tell time to four frames; then two dense layers. Its maps weigh
the last convolution's output after its ReLU, as the one-dimensional network's do.
"""

import math

import torch
from torch import nn

from gwsim.errors import GwsimError

CHANNELS = (16, 32, 32, 32, 32)
# (frequency, frame), after each of the first convolutions.
POOLS = ((2, 2), (2, 2), (2, 1), (2, 1))
HIDDEN = 64
SMALLEST = 16


class CbcCnn2d(nn.Module):
    def __init__(self, shape: tuple[int, ...], classes: int):
        super().__init__()
        if len(shape) != 3 or min(shape[1:]) < SMALLEST:
            raise GwsimError(
                f"cbc_cnn2d takes spectrograms (ifo, frequency, frame) of at least {SMALLEST} by {SMALLEST}, "
                f"got shape {shape}"
            )
        ifos, *size = shape
        self.convolutions = nn.Sequential(*_layers(ifos))
        self.relu = nn.ReLU()
        # One pooling after the other rounds down as their product does.
        rows, columns = (
            pixels // math.prod(axis) for pixels, axis in zip(size, zip(*POOLS, strict=True), strict=True)
        )
        self.dense1 = nn.Linear(CHANNELS[-1] * rows * columns, HIDDEN)
        self.dense2 = nn.Linear(HIDDEN, classes)

    @property
    def cam_layer(self) -> nn.Module:
        return self.convolutions[-1]

    @property
    def cam_path(self) -> list[nn.Module]:
        return list(self.convolutions)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.convolutions(x).flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense2(self.relu(self.dense1(self.features(x))))


def _layers(channels: int):
    """Yield the modules from the input through the last ReLU."""
    for place, wider in enumerate(CHANNELS):
        yield nn.Conv2d(channels, wider, 3, padding=1, bias=False)
        yield nn.BatchNorm2d(wider)
        yield nn.ReLU()
        if place < len(POOLS):
            yield nn.MaxPool2d(POOLS[place])
        channels = wider
