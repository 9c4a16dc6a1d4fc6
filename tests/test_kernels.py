"""Compiled loops, held against the plain arithmetic of numpy and scipy in double precision."""

import numpy as np
import pytest
import scipy.signal
import torch

from gwsim import bulk, kernels, seeds

# Sizes are no multiples of the 64 terms of a sum, nor of what a processor takes at once.
ROWS, IFOS, TERMS, BINS = 3, 2, 5, 1001


def normal(*shape, name="values"):
    return seeds.generator("kernels", name).normal(size=shape).astype(np.float32)


def waves(*shape, name):
    return normal(*shape, 2, name=name).view(np.complex64)[..., 0]


def test_a_projection_is_the_weighted_sum_with_its_phases():
    entry, weights = waves(TERMS, BINS, name="entry"), normal(ROWS, IFOS, TERMS, name="weights")
    coarse, fine = waves(ROWS, IFOS, 16, name="coarse"), waves(ROWS, IFOS, 64, name="fine")
    found = np.empty((ROWS, IFOS, 2 * BINS), np.float32)
    kernels.project(entry.view(np.float32), weights, coarse, fine, found)
    phases = coarse.astype(complex)[..., None] * fine[..., None, :]
    expected = weights.astype(float) @ entry * phases.reshape(ROWS, IFOS, -1)[..., :BINS]
    # Six float32 operations a value.
    np.testing.assert_allclose(found.view(np.complex64), expected, atol=6e-7 * np.abs(expected).max())


def test_values_are_multiplied_by_their_factors():
    values, factors = normal(IFOS, BINS), normal(IFOS, BINS, name="factors")
    expected = values * factors
    kernels.multiply(factors, values)
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("count", [1, 63, 64, 900])
def test_sums_of_squares_begin_where_their_weights_do(count):
    values, weights, found = normal(IFOS, BINS), normal(IFOS, count, name="weights"), np.empty(IFOS)
    kernels.weighted_squares(values, 101, weights, found)
    terms = values[:, 101 : 101 + count].astype(float) ** 2 * weights
    np.testing.assert_allclose(found, terms.sum(-1), atol=1e-6 * np.abs(terms).sum())


@pytest.mark.parametrize("last", [101, 102, 165, 1001])
def test_squares_are_summed_from_first_to_last(last):
    values, found = normal(ROWS, IFOS, BINS), np.empty((ROWS, IFOS))
    kernels.squares(values, 101, last, found)
    np.testing.assert_allclose(found, (values[..., 101:last].astype(float) ** 2).sum(-1), rtol=1e-6)


def test_sums_are_kept_in_double_precision():
    # A float32 sum of so many ones stands still at 2^24.
    found = np.empty((1, 1))
    kernels.squares(np.ones((1, 1, 2**24 + 64), np.float32), 0, 2**24 + 64, found)
    assert found == 2**24 + 64


def test_a_multiple_of_a_signal_is_added():
    strain, signal = normal(BINS), normal(BINS + 50, name="signal")
    expected = strain + 2.5 * signal[:BINS].astype(float)
    kernels.add(signal, 2.5, strain)
    np.testing.assert_allclose(strain, expected, atol=1e-6)


def by_kernel(values, keep_bits):
    found = np.empty_like(values)
    kernels.round_mantissas(values[None, None], 23 - keep_bits, np.array([0]), found[None, None])
    return found


def in_torch(values, keep_bits):
    return bulk.round_mantissa(torch.as_tensor(values), keep_bits).numpy()


@pytest.mark.parametrize("rounded", [by_kernel, in_torch])
class TestRounding:
    @pytest.mark.parametrize("keep_bits", [7, 10, 22])
    def test_mantissas_are_rounded_half_to_even(self, rounded, keep_bits):
        values = seeds.generator("test", "mantissa").normal(size=10000).astype(np.float32)
        # Values in the middle between two that stay: 1.5, 2.5, 3.5 steps and so on.
        middle = (np.arange(2**keep_bits, 2 ** (keep_bits + 1), dtype=np.int64)[:200] + 0.5) * 2.0**-keep_bits
        values = np.concatenate([values, middle.astype(np.float32), np.zeros(1, np.float32)])
        mantissa, exponent = np.frexp(values.astype(np.float64))
        # np.rint rounds half to even; frexp's mantissa lies in [0.5, 1), so one bit more counts.
        expected = np.ldexp(np.rint(np.ldexp(mantissa, keep_bits + 1)), exponent - keep_bits - 1)
        np.testing.assert_array_equal(rounded(values, keep_bits), expected.astype(np.float32))

    def test_all_bits_kept_changes_nothing(self, rounded):
        values = normal(100)
        np.testing.assert_array_equal(rounded(values, 23), values)


def test_rows_go_to_their_places():
    values, found = normal(ROWS, IFOS, BINS), np.zeros((6, IFOS, BINS), np.float32)
    kernels.round_mantissas(values, 0, np.array([4, 0, 5]), found)
    np.testing.assert_array_equal(found[[4, 0, 5]], values)
    assert not found[[1, 2, 3]].any()


def test_frames_and_their_magnitudes_are_a_short_time_transform():
    strain, places, taper = normal(5, IFOS, 640), np.array([3, 1]), np.hanning(128).astype(np.float32)
    frames = np.empty((2, IFOS, 9, 128), np.float32)
    kernels.frame(strain, places, taper, 64, frames)
    spectra = np.fft.rfft(frames).astype(np.complex64).view(np.float32)
    found = np.zeros((5, IFOS, 40, 9), np.float32)
    kernels.magnitudes(spectra, 0, places, found)
    transform = scipy.signal.ShortTimeFFT(taper.astype(float), hop=64, fs=1, fft_mode="onesided")
    expected = np.abs(transform.stft(strain[places].astype(float), p0=1, p1=10, k_offset=0))[..., :40, :]
    np.testing.assert_allclose(found[places], expected, rtol=1e-4, atol=1e-5)
    assert not found[[0, 2, 4]].any()
    kernels.magnitudes(spectra, 13, places, found)
    np.testing.assert_array_equal(found.ravel(), by_kernel(found.ravel(), 10))
    np.testing.assert_allclose(found[places], expected, rtol=2**-10.9, atol=1e-5)


def test_where_nothing_can_be_kept_kernels_are_compiled_all_the_same(monkeypatch):
    def refuse(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(kernels.numba, "njit", refuse)
    assert kernels.compiled(len) is len


@pytest.mark.parametrize(
    "misfit",
    [
        lambda a: kernels.project(a[0], a, waves(3, 2, 1, name="c"), waves(3, 2, 64, name="f"), a),
        lambda a: kernels.multiply(a[0, :, :5], a[0]),
        lambda a: kernels.weighted_squares(a[0], 1, a[0], np.empty(2)),
        lambda a: kernels.weighted_squares(a[0], -1, a[0, :, :5].copy(), np.empty(2)),
        lambda a: kernels.squares(a, 0, 11, np.empty((3, 2))),
        lambda a: kernels.squares(a, -1, 5, np.empty((3, 2))),
        lambda a: kernels.add(a[0, 0, :5], 1.0, a[0, 0]),
        lambda a: kernels.round_mantissas(a, 3, np.array([0, 1, 3]), a.copy()),
        lambda a: kernels.round_mantissas(a, 3, np.array([0, 1]), a.copy()),
        lambda a: kernels.round_mantissas(a.astype(float), 3, np.arange(3), a.copy()),
        lambda a: kernels.frame(a, np.arange(3), a[0, 0, :4].copy(), 4, np.empty((3, 2, 3, 4), np.float32)),
        lambda a: kernels.magnitudes(
            np.ones((3, 2, 4, 6), np.float32), 3, np.arange(3), np.empty((3, 2, 4, 4), np.float32)
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused(misfit):
    with pytest.raises(ValueError, match="shapes do not fit"):
        misfit(normal(3, 2, 10))
