"""Cubic splines through rows of tiles, as linear maps: weights on the samples around a point.

Along time a point's value depends on the samples around it alone, with weights that fall by 0.27 from one to
the next: TAPS of them say it to 3e-9 of the greatest in float32, and to rounding in float64. Beyond a row's
end the samples are continued by the last piece of the spline whose third derivative does not jump at its last
knot but one (not-a-knot), so that the same weights give that spline up to the end.
"""

import functools

import numpy as np
import scipy.interpolate
import torch

from gwsim.qscan import kernels

# Samples at each side of a point, by the type of the rows.
TAPS = {torch.float32: 16, torch.float64: 28}
# Of the filter that turns samples into coefficients of B-splines.
POLE = 3**0.5 - 2
# Of a weight, beside others of about one.
NOTHING = 1e-20
# Samples at a row's end that say how it goes on.
END = 64


def weights(fraction: torch.Tensor, taps: int) -> torch.Tensor:
    """Return (..., 2 taps) weights for points at i + fraction on the samples i - taps + 1 to i + taps."""
    u, v = fraction, 1 - fraction
    basis = torch.stack([v * v * v, 4 - 3 * u * u * (1 + v), 4 - 3 * v * v * (1 + u), u * u * u], -1)
    offset = np.arange(-1, 3)[:, None] - np.arange(1 - taps, taps + 1)
    return basis @ torch.from_numpy(3**0.5 / 6 * POLE ** np.abs(offset)).to(fraction)


def across(knots: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the matrix (point, knot) of the not-a-knot cubic spline, held beyond the first and last knot."""
    degree = min(3, len(knots) - 1)
    if degree == 0:
        return np.ones((len(points), 1))
    spline = scipy.interpolate.make_interp_spline(knots, np.eye(len(knots)), k=degree)
    matrix = spline(np.clip(points, knots[0], knots[-1]))
    # Weights of far knots change nothing, but where float32 has no normal number for them cost twenty times.
    matrix[abs(matrix) < NOTHING] = 0
    return matrix


@functools.cache
def _beyond(size: int, count: int) -> np.ndarray:
    """Return the matrix (size, count) from a row's last samples to those that would follow."""
    spline = scipy.interpolate.make_interp_spline(np.arange(size), np.eye(size), k=min(3, size - 1))
    return spline(np.arange(size, size + count)).T.copy()


def continued(rows: torch.Tensor, count: int) -> torch.Tensor:
    """Return rows (..., sample) with so many samples more at both ends."""
    size = min(END, rows.shape[-1])
    matrix = torch.from_numpy(_beyond(size, count)).to(rows)
    after = rows[..., -size:] @ matrix
    before = (rows[..., :size].flip(-1) @ matrix).flip(-1)
    return torch.cat([before, rows, after], -1)


def along(rows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return (item, row, point): rows (item, row, sample) at places (item, point), in samples.

    A place lies TAPS or more from both ends.
    """
    taps, left = TAPS[rows.dtype], places.floor()
    first, weight = left.long() + 1 - taps, weights((places - left).to(rows.dtype), taps)
    if kernels.serve(rows):
        found = rows.new_empty(*rows.shape[:2], places.shape[-1])
        for item in zip(rows, first, weight, found, strict=True):
            kernels.along(*(each.numpy() for each in item))
        return found
    return weighed(rows, first, weight)


def weighed(rows: torch.Tensor, first: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return rows' samples from each point's first on, weighed, on any device.

    Few samples a point are weighed by a full matrix, which is the quicker; many are picked.
    """
    (items, points), taps = first.shape, weight.shape[-1]
    start = int(first.min())
    size = int(first.max()) + taps - start
    index = first[..., None] + torch.arange(taps, device=rows.device)
    if size < 32 * taps:
        matrix = rows.new_zeros(items, points, size).scatter_(-1, index - start, weight)
        return rows[..., start : start + size] @ matrix.mT
    picked = rows.gather(-1, index.view(items, 1, -1).expand(-1, rows.shape[1], -1))
    return (picked.view(items, -1, points, taps) * weight[:, None]).sum(-1)
