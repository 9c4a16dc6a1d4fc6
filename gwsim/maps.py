"""Maps of a network's layer after they are made: placed on the input, scaled, and described to be stored.

Takes maps (sample, *cells) on the layer's own grid, as gwsim.cams gives them. A cell's place in the input
follows from the layers before it: pixel stride * i + offset of each axis.
"""

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from gwsim import cams

Placed = Float[Tensor, "sample *pixels"]

ALIGNMENTS = ("resize", "receptive_field")
# name: (dtype, meaning) of what is stored of each sample beside its maps.
COLUMNS = {
    "row": ("int64", "row of the dataset"),
    "label": ("int64", "class of the example"),
    "predicted": ("int64", "class that the network gives"),
    "target": ("int64", "class that is explained"),
    "probability": ("float32", "the network's probability of the target"),
    "pair": ("int64", "number of the pair"),
    "role": ("int64", "0 the first of the pair, 1 the second"),
    "cluster": ("int64", "kind of shape among its class's maps, -1 where they were not compared"),
}


# ---- on the input


def placed(maps: cams.Maps, shape: tuple[int, ...], align: str = "resize", grid=None) -> Placed:
    """Return maps (sample, *cells) at the input's size (sample, *shape).

    align "resize" stretches a map over the input, as the papers do. "receptive_field" puts each cell on the
    centre of what it sees, pixel stride * i + offset with grid = [(stride, offset)] of each axis, and
    interpolates between; what lies outside the outermost centres is NaN.
    """
    cams.demand("align", align, ALIGNMENTS)
    if align == "resize":
        return cams.resized(maps[:, None], tuple(shape))[:, 0]
    for axis, (size, (stride, offset)) in enumerate(zip(shape, grid, strict=True), start=1):
        operator = _between_centres(maps.shape[axis], size, stride, offset).to(maps)
        maps = torch.movedim(torch.movedim(maps, axis, -1) @ operator.T, -1, axis)
    return maps


def _between_centres(cells: int, size: int, stride: float, offset: float) -> Tensor:
    """Return the matrix (size, cells) of linear interpolation between centres, NaN outside them."""
    place = (torch.arange(size, dtype=torch.float64) - offset) / stride
    operator = (1 - (place[:, None] - torch.arange(cells)).abs()).clamp(min=0)
    operator[(place < 0) | (place > cells - 1)] = torch.nan
    return operator


def normalised(maps: cams.Maps) -> cams.Maps:
    """Return each sample's map scaled to [0, 1]; a constant map is zero, NaN stay."""
    flat = maps.flatten(1)
    low = torch.where(flat.isnan(), torch.inf, flat).amin(1, keepdim=True)
    span = torch.where(flat.isnan(), -torch.inf, flat).amax(1, keepdim=True) - low
    return torch.where(span > 0, (flat - low) / span, flat * 0).reshape(maps.shape)


# ---- as they are stored


def described(
    maps: Float[np.ndarray, "method sample *cells"], methods: list[str], columns: dict, attributes: dict
) -> xr.Dataset:
    """Return maps with the methods' names, and with columns of their samples, as COLUMNS has them."""
    dims = ("method", "sample", *("y", "x")[-(maps.ndim - 2) :])
    number = np.arange(len(methods), dtype=np.int64)
    flags = {"flag_values": number.tolist(), "flag_meanings": " ".join(methods)}
    long_name = "class-activation map, not normalised"
    coordinates = {name: column(name, values) for name, values in columns.items()}
    coordinates["method"] = ("method", number, {"units": "1", "long_name": "method", **flags})
    arrays = {"map": (dims, maps.astype(np.float32), {"units": "1", "long_name": long_name})}
    return xr.Dataset(arrays, coordinates, attributes)


def column(name: str, values) -> tuple:
    """Return a column of COLUMNS as xarray takes a coordinate."""
    dtype, meaning = COLUMNS[name]
    return "sample", np.asarray(values, dtype), {"units": "1", "long_name": meaning}
