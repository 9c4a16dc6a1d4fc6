"""Power spectra and the whitening operator.

The whitening operator of one (ifo, PSD block) is a zero-phase finite impulse response, stored as taps:
a high-pass and the inverse amplitude spectrum, truncated. Noise passes through it by convolution in
float64, signals by multiplication with the taps' frequency response: the same operator, so that
whiten(n + h) = whiten(n) + whiten(h).
"""

import numpy as np
import scipy.ndimage
import scipy.signal

from gwsim import shapes

# A spectral line stands so far over the median of so many Hz around it.
LINE = 6.0
LINE_NEIGHBOURHOOD = 16.0


def welch(strain: shapes.Series, sample_rate: int, seconds: float) -> shapes.Spectrum:
    """Estimate the one-sided PSD: median over Hann segments of the given length, half overlapping."""
    size = round(seconds * sample_rate)
    return scipy.signal.welch(strain, sample_rate, nperseg=size, average="median")[1]


def floored(psd: shapes.Spectrum, frequencies: shapes.Spectrum, band) -> shapes.Spectrum:
    """Raise the PSD outside the band to its smallest value inside.

    Model PSDs are zero below their cut-off and decimated data vanish near the Nyquist frequency; what
    stands there must not be amplified.
    """
    inside = (frequencies >= band[0]) & (frequencies <= band[1])
    return np.where(inside, psd, np.maximum(psd, psd[inside].min()))


def with_wide_lines(psd: shapes.Spectrum, bin_width: float, reach: float) -> shapes.Spectrum:
    """Widen spectral lines by the reach (Hz) at each side.

    A truncated filter cannot follow a line that is narrower than its own resolution: the notch fills up
    and the line rings through it. A line is what stands over LINE times its neighbourhood's median.
    """
    line = psd > LINE * without_lines(psd, bin_width)
    wide = scipy.ndimage.maximum_filter1d(np.where(line, psd, 0.0), 2 * round(reach / bin_width) + 1)
    return np.maximum(psd, wide)


def without_lines(psd: shapes.Spectrum, bin_width: float, mode: str = "reflect") -> shapes.Spectrum:
    """Return the running median over LINE_NEIGHBOURHOOD: the PSD without its spectral lines.

    mode: what stands beyond the ends, as scipy.ndimage has it.
    """
    return scipy.ndimage.median_filter(psd, 2 * round(LINE_NEIGHBOURHOOD / bin_width / 2) + 1, mode=mode)


def high_pass(frequencies: shapes.Spectrum, f_low: float) -> shapes.Spectrum:
    """Return the high-pass response: a raised cosine in amplitude from f_low / 2 to 0.9 f_low."""
    low, high = 0.5 * f_low, 0.9 * f_low
    return np.sin(np.clip((frequencies - low) / (high - low), 0.0, 1.0) * np.pi / 2) ** 2


def whitening_taps(psd: shapes.Spectrum, sample_rate: int, band, seconds: float) -> shapes.Taps:
    """Return the operator's taps (an odd number, the middle one at delay zero).

    The impulse response is tapered by a Hann window, whose resolution is two over its length. What the
    high-pass takes from the variance is made up for by one number that depends on f_low alone, so that
    whitened noise has unit variance; the bias of an estimated PSD is left as it is.
    """
    frequencies = np.linspace(0.0, sample_rate / 2, len(psd))
    passed = high_pass(frequencies, band[0])
    safe = with_wide_lines(floored(psd, frequencies, band), frequencies[1], 2 / seconds)
    response = passed / np.sqrt(safe * sample_rate / 2 * np.mean(passed**2))
    half = round(seconds * sample_rate / 2)
    impulse = np.fft.irfft(response)
    impulse = np.concatenate([impulse[-half:], impulse[: half + 1]])
    return impulse * scipy.signal.windows.hann(2 * half + 1)


def whiten(strain: shapes.Series, taps: shapes.Taps) -> shapes.Series:
    """Pass strain through the operator; half a filter at each end, which lacks its neighbours, is NaN."""
    half = len(taps) // 2
    inside = scipy.signal.oaconvolve(strain, taps, mode="valid")
    return np.pad(inside, half, constant_values=np.nan)


def at_frequencies(psd: shapes.Psds, sample_rate: int, frequencies: shapes.Frequencies) -> shapes.Psd:
    """Interpolate PSDs, linearly, from their own grid (0 to Nyquist) to other frequencies."""
    position = frequencies / (sample_rate / 2) * (psd.shape[-1] - 1)
    left = np.minimum(position.astype(int), psd.shape[-1] - 2)
    share = position - left
    return psd[..., left] * (1 - share) + psd[..., left + 1] * share
