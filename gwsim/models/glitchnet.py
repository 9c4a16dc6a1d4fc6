"""GlitchNet, the network of the GravGlitch classifier: each duration's picture is an example of its own.

A view is coloured as Gravity Spy's pictures are, by viridis from dark to bright, and normalised by the mean
and deviation of the published ones. A convolution of 7 by 7 and a pooling quarter it; two residual blocks
keep its size; the mean over all pixels feeds one dense layer. For 22 classes it has 159,254 parameters,
whatever the size of a view and their number, since all go through the same weights. Trained, the views of a
glitch decide together, by the mean of their probabilities.

A map weighs the cells of all views, which lie on the same pixels: it tells where, not in which view.
"""

import torch
from torch import nn

from gwsim.errors import GwsimError

CHANNELS = 64
# Of the published pictures, in red, green and blue from 0 to 1.
MEAN = (0.2401, 0.0731, 0.3198)
DEVIATION = (0.1364, 0.1343, 0.1486)
LEAST = 16


class GlitchNet(nn.Module):
    def __init__(self, shape: tuple[int, ...], classes: int):
        super().__init__()
        if len(shape) != 3 or min(shape[1:]) < LEAST:
            raise GwsimError(
                f"glitchnet takes pictures (duration, row, column) of at least {LEAST} by {LEAST}, got shape "
                f"{shape}"
            )
        self.coloured = Coloured()
        self.conv = nn.Conv2d(len(MEAN), CHANNELS, 7, stride=2, padding=3)
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.block1, self.block2 = Block(CHANNELS), Block(CHANNELS)
        self.together = Together(shape[0])
        self.dense = nn.Linear(CHANNELS, classes)

    @property
    def cam_layer(self) -> nn.Module:
        return self.together

    @property
    def cam_path(self) -> list[nn.Module]:
        inner = [self.conv, self.norm, self.relu, self.pool, self.block1, self.block2]
        return [self.coloured, *inner, self.together]

    def _views(self, x: torch.Tensor) -> torch.Tensor:
        """Return each view's mean of the cells, (sample, duration, 64)."""
        for module in self.cam_path:
            x = module(x)
        return x.mean((-2, -1)).unflatten(1, (-1, CHANNELS))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self._views(x).flatten(1)  # (sample, duration * 64)

    def each(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(self._views(x))  # (sample, duration, class)

    @staticmethod
    def joined(each: torch.Tensor) -> torch.Tensor:
        """Return the logits of the views' mean probability, as large as theirs: one view's are its own."""
        scale = each.logsumexp(-1, keepdim=True)
        return (each - scale).logsumexp(1) + scale.mean(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.joined(self.each(x))


class Block(nn.Module):
    """Two convolutions beside the identity; ReLU after the sum."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    @property
    def path(self) -> list[nn.Module]:
        return [self.conv1, self.norm1, self.relu, self.conv2, self.norm2]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu(self.norm1(self.conv1(x)))
        return self.relu(self.norm2(self.conv2(y)) + x)


class Coloured(nn.Module):
    """Views (sample, duration, row, column), 0 to 1, as examples (sample * duration, colour, row, column)."""

    def __init__(self):
        super().__init__()
        # Moves no pixel.
        self.path: list[nn.Module] = []
        # Known from the start: no weights, and in no checkpoint.
        self.register_buffer("colours", _normalised_viridis(), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        place = x.flatten(0, 1) * (len(self.colours) - 1)
        # Where a pixel is no number it has no place in the table; its colour is none, either.
        below = place.nan_to_num().clamp(0, len(self.colours) - 2).long()
        low, high = self.colours[below], self.colours[below + 1]
        return (low + (place - below)[..., None] * (high - low)).permute(0, 3, 1, 2)


class Together(nn.Module):
    """Cells of views (sample * duration, channel, ...) side by side, as (sample, duration * channel, ...)."""

    def __init__(self, views: int):
        super().__init__()
        self.views = views
        self.path: list[nn.Module] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(0, (-1, self.views)).flatten(1, 2)


def _normalised_viridis() -> torch.Tensor:
    """Return the colour map (256, 3), less the mean and over the deviation."""
    from matplotlib import colormaps

    return (torch.tensor(colormaps["viridis"].colors) - torch.tensor(MEAN)) / torch.tensor(DEVIATION)
