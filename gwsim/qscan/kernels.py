"""What a Q-transform does on a CPU beside Fourier transforms, in compiled loops (see `gwsim.kernels`).

Complex values are given as floats, real and imaginary parts in turns; the last argument is written into.
"""

from typing import no_type_check

import torch

from gwsim.kernels import compiled, fit


def serve(values: torch.Tensor) -> bool:
    """Return whether loops can have these values: on a CPU, where no gradient is asked for."""
    return values.device.type == "cpu" and not values.requires_grad


@compiled
@no_type_check
def windowed(spectrum, first, windows, out):
    """Write each row's bins of a spectrum times its window, and zeros up to the row's tiles."""
    width = windows.shape[1]
    fit(len(first) == len(windows) == len(out) and 2 * width <= out.shape[1])
    fit(first.min() >= 0 and 2 * (first.max() + width) <= len(spectrum))
    for row in range(len(windows)):
        source, window, result = spectrum[2 * first[row] :], windows[row], out[row]
        for k in range(width):
            result[2 * k] = source[2 * k] * window[k]
            result[2 * k + 1] = source[2 * k + 1] * window[k]
        result[2 * width :] = 0


@compiled
@no_type_check
def power(values, out):
    """Write |z|^2 of (row, tile)."""
    fit(len(values) == len(out) and values.shape[1] == 2 * out.shape[1])
    for row in range(len(out)):
        source, result = values[row], out[row]
        for k in range(len(result)):
            result[k] = source[2 * k] * source[2 * k] + source[2 * k + 1] * source[2 * k + 1]


@compiled
@no_type_check
def along(rows, first, weights, out):
    """Write rows (row, sample) at points: their samples from `first` on, summed by weights (point, tap)."""
    fit(out.shape == (len(rows), len(first)) and len(weights) == len(first))
    fit(first.min() >= 0 and first.max() + weights.shape[1] <= rows.shape[1])
    for row in range(len(rows)):
        for point in range(len(first)):
            source, weight, total = rows[row, first[point] :], weights[point], weights[point, 0] * 0
            for k in range(len(weight)):
                total += source[k] * weight[k]
            out[row, point] = total
