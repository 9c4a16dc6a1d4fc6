"""Compiled loops of the Q-transform, held against what torch does on any device."""

import numpy as np
import pytest
import torch

from gwsim import seeds, stft
from gwsim.qscan import QTransform, splines


def noise(*shape, dtype=torch.float32):
    return torch.as_tensor(seeds.generator("qscan", "kernels").normal(size=shape)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_energies_are_those_of_windowed_spectra(dtype):
    transform = QTransform(4, 2048, f_range=(20, 600), dtype=dtype)
    spectra = transform._spectrum(noise(2, 8192))
    for group in transform.groups:
        windowed = spectra.unfold(-1, group.windows.shape[-1], 1)[:, group.first] * group.windows
        expected = stft.power(torch.fft.ifft(windowed, group.tiles))
        # The transforms' own rounding.
        near = {"rtol": 0, "atol": 50 * torch.finfo(dtype).eps * float(expected.max())}
        torch.testing.assert_close(group.energies(spectra), expected, **near)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("spacing", [0.05, 40.0])  # few samples a point, and many
def test_rows_at_points_are_their_samples_weighed(dtype, spacing):
    taps = splines.TAPS[dtype]
    rows, start = noise(2, 5, 3000, dtype=dtype), torch.tensor([[100.0], [103.3]], dtype=torch.float64)
    places = start + spacing * torch.arange(60) + 0.3
    weight = splines.weights((places - places.floor()).to(dtype), taps)
    expected = splines.weighed(rows, places.floor().long() + 1 - taps, weight)
    near = {"rtol": 0, "atol": 100 * torch.finfo(dtype).eps}
    torch.testing.assert_close(splines.along(rows, places), expected, **near)


def test_what_a_row_begins_with_is_in_none_but_its_own_points():
    rows = noise(1, 1, 200)
    rows[..., 0] = torch.inf
    assert splines.along(rows, torch.tensor([[100.5]])).isfinite().all()


def test_floats_are_the_spectras_own_memory():
    spectra = torch.view_as_complex(noise(3, 4, 2))
    stft.floats(spectra)[:] = 0
    assert not spectra.any()
    with pytest.raises(RuntimeError, match="view"):
        stft.floats(spectra.mT)


def test_weights_across_rows_that_float32_cannot_hold_are_zero():
    matrix = splines.across(np.geomspace(10, 2048, 200), np.geomspace(10, 2048, 50))
    small = abs(matrix[matrix != 0]).min()
    assert small > np.finfo(np.float32).tiny and (matrix == 0).any()
    np.testing.assert_allclose(matrix.sum(-1), 1, rtol=1e-12)


def test_gradients_go_through_a_scan():
    transform = QTransform(4, 2048, f_range=(20, 600), dtype=torch.float64)
    strain = noise(1, 8192, dtype=torch.float64).requires_grad_()
    image = transform.scan(strain, [2.0], mean=True).image([50.0, 200.0], [0.0, 0.1])
    image.sum().backward()
    step, place = 1e-4, int(strain.grad.abs().argmax())
    moved = [strain.detach().clone() for _ in range(2)]
    for one, by in zip(moved, (step, -step), strict=True):
        one[0, place] += by
    ends = [transform.scan(one, [2.0], mean=True).image([50.0, 200.0], [0.0, 0.1]).sum() for one in moved]
    slope = float(ends[0] - ends[1]) / (2 * step)
    assert float(strain.grad[0, place]) == pytest.approx(slope, rel=1e-4)
