"""Where in the input the cells of an inner layer lie."""

from torch import nn

# These move no pixel.
POINTWISE = (nn.ReLU, nn.BatchNorm1d, nn.BatchNorm2d, nn.Identity, nn.Dropout)


def centres(path: list[nn.Module], axes: int) -> list[tuple[float, float]]:
    """Return (stride, offset) of each axis: cell i of the last layer is centred on stride i + offset."""
    return [_centre(path, axis) for axis in range(axes)]


def _centre(path: list[nn.Module], axis: int) -> tuple[float, float]:
    stride, offset = 1.0, 0.0
    for module in _flat(path):
        if not isinstance(module, POINTWISE):
            names = ("kernel_size", "stride", "padding", "dilation")
            kernel, step, padding, dilation = (_of_axis(getattr(module, name), axis) for name in names)
            if isinstance(padding, str):
                raise ValueError(f"the padding of {module} is a word; a path has numbers")
            offset += stride * (dilation * (kernel - 1) / 2 - padding)
            stride *= step
    return stride, offset


def _flat(path: list[nn.Module]):
    """Yield the modules of a path, and in place of one that has a path itself those of that."""
    for module in path:
        if hasattr(module, "path"):
            yield from _flat(module.path)
        else:
            yield module


def _of_axis(value, axis: int):
    return value[axis] if isinstance(value, tuple) else value
