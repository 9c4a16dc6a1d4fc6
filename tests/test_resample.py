"""Resampling: both bands against sinusoids, times against pulses, scipy and GWpy in the pass band, gaps."""

import numpy as np
import pytest
import scipy.signal
from gwpy.timeseries import TimeSeries

from gwsim.errors import GwsimError
from gwsim.strain import resample
from gwsim.strain.resample import margin, padded

# (rate, new rate, lead): whole ratios, other ratios, a prime, and no change but of the samples' place.
CASES = [
    (16384, 4096, 0.0),
    (16384, 2048, 0.0),
    (4096, 256, 0.0),
    (16384, 4000, 0.0),
    (4096, 4093, 0.0),
    (20000, 4096, 0.0),
    (4096, 4096, 0.37),
    (4096, 1024, 0.999),
]


def times(rate, new_rate, lead, seconds):
    """Times of the samples that are needed, from the first second's beginning."""
    reach = margin(rate, new_rate)
    return (np.arange(seconds * rate + 2 * reach) - reach - lead) / rate


def made(signal, rate, new_rate, lead=0.0, seconds=1):
    """A function of time, sampled and resampled."""
    return resample.resample(signal(times(rate, new_rate, lead, seconds)), rate, new_rate, lead)


def response(frequency, rate, new_rate, lead, seconds=1):
    """What comes of a sinusoid of unit amplitude, and what should where it passes, as complex numbers."""
    cos, sin = (
        made(lambda t, wave=wave: wave(2 * np.pi * frequency * t), rate, new_rate, lead, seconds)
        for wave in (np.cos, np.sin)
    )
    grid = np.arange(seconds * new_rate) / new_rate
    return cos + 1j * sin, np.exp(2j * np.pi * frequency * grid)


@pytest.mark.parametrize(("rate", "new_rate", "lead"), CASES)
def test_the_pass_band_is_flat_and_on_time(rate, new_rate, lead):
    """Amplitude and phase at once: an error of time at the highest frequency would show as one of phase."""
    for part in (0, 1e-3, 0.03, 0.2, 0.47, 0.7, 0.85, resample.PASS):
        got, expected = response(part * new_rate / 2, rate, new_rate, lead)
        assert np.abs(got - expected).max() < resample.RIPPLE


@pytest.mark.parametrize(("rate", "new_rate", "lead"), [case for case in CASES if case[0] > 1.1 * case[1]])
def test_the_stop_band_is_down(rate, new_rate, lead):
    """From the new Nyquist frequency to the old one."""
    for frequency in (resample.STOP * new_rate / 2, *np.linspace(new_rate / 2, rate / 2, 14)[:-1]):
        got, _ = response(frequency, rate, new_rate, lead)
        assert 20 * np.log10(np.abs(got).max()) < -resample.REJECTION


def test_plain_decimation_would_fail_in_the_stop_band_and_a_shift_in_the_pass_band():
    """The comparisons above can fail."""
    t = times(16384, 4096, 0.0, 1)[:16384]
    assert np.abs(np.exp(2j * np.pi * 3000 * t)[::4]).max() > 0.9
    got, expected = response(1500.0, 16384, 4096, 0.0)
    assert np.abs(got[1:] - expected[:-1]).max() > 0.1
    got, _ = response(1500.0, 4096, 4096, 0.37)
    assert (
        np.abs(got - response(1500.0, 4096, 4096, 0.38)[1] * np.exp(2j * np.pi * 1500 * 0.01 / 4096)).max()
        > 0.01
    )


@pytest.mark.parametrize(("rate", "new_rate", "lead"), CASES)
def test_a_pulse_stands_where_it_stood(rate, new_rate, lead):
    """A chirp inside a Gaussian, centred between samples, against its formula at the new times."""
    width, f = 40 / new_rate, 0.2 * new_rate

    def chirp(t):
        u = t - 0.5 - np.pi / 3e5
        return np.exp(-0.5 * (u / width) ** 2) * np.cos(2 * np.pi * (f * u + 0.1 * f / width * u**2 / 2))

    expected = chirp(np.arange(new_rate) / new_rate)
    assert np.abs(made(chirp, rate, new_rate, lead) - expected).max() < resample.RIPPLE
    # A hundredth of a sample is more than the comparison lets pass.
    moved = chirp(np.arange(new_rate) / new_rate - 0.01 / new_rate)
    assert np.abs(moved - expected).max() > 5 * resample.RIPPLE


@pytest.mark.parametrize(("rate", "new_rate"), [(16384, 4096), (16384, 4000)])
def test_noise_agrees_with_scipy_and_gwpy_in_the_pass_band(rate, new_rate):
    seconds = 8
    noise = np.random.default_rng(3).standard_normal((seconds + 2) * rate)
    reach = margin(rate, new_rate)
    ours = resample.resample(noise[rate - reach : -rate + reach], rate, new_rate)
    ratio = np.gcd(rate, new_rate)
    taps = scipy.signal.firwin(40 * rate // ratio * 2 + 1, 0.95 * ratio / rate, window=("kaiser", 10.0))
    theirs = {"scipy": scipy.signal.resample_poly(noise, new_rate // ratio, rate // ratio, window=taps)}
    if rate % new_rate == 0:  # GWpy's FIR filter decimates by whole numbers
        theirs["gwpy"] = TimeSeries(noise, sample_rate=rate).resample(new_rate, ftype="fir", n=2000).value
    window = scipy.signal.windows.hann(seconds * new_rate)
    band = slice(1, int(0.85 * new_rate / 2 * seconds))
    spectrum = np.fft.rfft(ours * window)[band]
    for name, other in theirs.items():
        their = np.fft.rfft(other[new_rate:-new_rate] * window)[band]
        assert np.linalg.norm(their - spectrum) < 2e-3 * np.linalg.norm(spectrum), name
        assert np.linalg.norm(np.roll(their, 1) - spectrum) > np.linalg.norm(spectrum)


@pytest.mark.parametrize(("rate", "new_rate", "lead"), CASES)
def test_pieces_are_the_whole_bit_for_bit(rate, new_rate, lead):
    reach = margin(rate, new_rate)
    noise = np.random.default_rng(4).standard_normal(5 * rate + 2 * reach)
    whole = resample.resample(noise, rate, new_rate, lead)
    for a, b in ((0, 1), (1, 3), (2, 5), (4, 5)):
        piece = resample.resample(noise[a * rate : b * rate + 2 * reach], rate, new_rate, lead)
        assert piece.tobytes() == whole[a * new_rate : b * new_rate].tobytes()


@pytest.mark.parametrize(("rate", "new_rate", "lead"), CASES)
def test_nan_comes_out_just_where_a_missing_sample_would_matter(rate, new_rate, lead):
    """An output is NaN if and only if it would change with that sample; the others are as they were."""
    reach = margin(rate, new_rate)
    noise = np.random.default_rng(5).standard_normal(2 * rate + 2 * reach)
    for bad in ([reach + rate // 3], [0, reach + rate], [len(noise) - 1], [len(noise) - reach - 1]):
        missing, other = noise.copy(), noise.copy()
        missing[bad], other[bad] = [np.nan, np.inf][: len(bad)], 1e9
        full, changed, holed = (resample.resample(x, rate, new_rate, lead) for x in (noise, other, missing))
        np.testing.assert_array_equal(np.isnan(holed), full != changed)
        np.testing.assert_array_equal(holed[~np.isnan(holed)], full[~np.isnan(holed)])


def test_margins_suffice_and_are_small():
    """One sample beyond the margins never matters, half of them does; a second's twentieth at 4096 Hz."""
    for rate, new_rate, lead in CASES:
        reach = margin(rate, new_rate)
        impulse = np.zeros(3 * rate + 2 * reach)
        impulse[rate + reach // 2] = 1.0
        assert resample.resample(impulse, rate, new_rate, lead)[new_rate : 2 * new_rate].any()
    assert margin(16384, 4096) < 16384 / 50


@pytest.mark.parametrize(("rate", "new_rate"), [(16384, 4000), (4096, 4000), (4096, 3000)])
def test_large_low_frequencies_leave_nothing_elsewhere(rate, new_rate):
    """Strain under 1 Hz may be 1e6 times that at 300 Hz; a ratio not whole must not fold it there."""
    slow = made(lambda t: 1e6 * np.cos(np.pi * t), rate, new_rate, seconds=4)
    spectrum = np.abs(np.fft.rfft(slow * np.kaiser(4 * new_rate, 30))) / new_rate
    assert spectrum[4 * 50 :].max() < 0.02


def test_rates_are_never_raised():
    with pytest.raises(
        GwsimError, match="strain at 4096 Hz, expected 16384 Hz or more: it is never up-sampled"
    ):
        margin(4096, 16384)
    with pytest.raises(ValueError, match="no whole seconds at 4096 Hz"):
        resample.resample(np.zeros(5000), 4096, 1024)


def test_padding_is_nan_outside():
    series = np.arange(5.0)
    np.testing.assert_array_equal(padded(series, -2, 3), [np.nan, np.nan, 0, 1, 2])
    np.testing.assert_array_equal(padded(series, 3, 7), [3, 4, np.nan, np.nan])
    assert np.isnan(padded(series, 8, 10)).all() and np.isnan(padded(series, -9, -3)).all()
