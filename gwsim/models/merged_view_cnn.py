"""The network of Koyama et al. 2024 (Mach. Learn.: Sci. Technol. 5, 035028): five convolutions, one dense
layer.

Each convolution of 5 by 5 keeps the picture's size and has a ReLU; the first four are followed by a pooling
that halves it. Maps weigh the last ReLU's output, whose dark channels weigh nothing. For one merged view of
448 by 448 pixels and 22 classes it has 2,592,886 parameters. A picture of one duration, or a smaller one, is
as good: the dense layer has as many inputs as are left.
"""

import torch
from torch import nn

from gwsim.errors import GwsimError

CHANNELS = (32, 32, 64, 64, 128)
KERNEL = 5
# The first four halve the picture.
LEAST = 2 ** (len(CHANNELS) - 1)


class MergedViewCnn(nn.Module):
    def __init__(self, shape: tuple[int, ...], classes: int):
        super().__init__()
        if len(shape) != 3 or min(shape[1:]) < LEAST:
            raise GwsimError(
                f"merged_view_cnn takes pictures (view, row, column) of at least {LEAST} by {LEAST}, got "
                f"shape {shape}"
            )
        views, *size = shape
        layers: list[nn.Module] = []
        for before, after in zip((views, *CHANNELS), CHANNELS, strict=False):
            layers += [nn.Conv2d(before, after, KERNEL, padding=KERNEL // 2), nn.ReLU(), nn.MaxPool2d(2)]
        self.convolutions = nn.Sequential(*layers[:-1])
        cells = (size[0] // LEAST) * (size[1] // LEAST)
        self.dense = nn.Linear(CHANNELS[-1] * cells, classes)

    @property
    def cam_layer(self) -> nn.Module:
        return self.convolutions[-1]

    @property
    def cam_path(self) -> list[nn.Module]:
        return list(self.convolutions)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.convolutions(x).flatten(1)  # (sample, 128 * 28 * 28)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(self.features(x))
