"""Whitening of a block by its own amplitude spectrum, as GWpy does before a Q-transform.

The spectrum is the median over Hann segments of 2 s, half overlapping; its inverse, cut to 2 s in time by a
Hann window, is the filter. The block's first and last second are tapered before they are filtered. Whitened
noise has unit variance but for the edges. All of it is float64: strain near 1e-23 has no float32 square.
"""

import math

import numpy as np
import scipy.fft
import scipy.signal
import torch
from jaxtyping import Float

from gwsim import stft
from gwsim.errors import GwsimError

# Seconds of the filter, and of a segment of the spectrum where the rate is 1024 Hz or more.
FILTER = 2
# Samples of the inverse spectrum that are tapered at each end.
ENDS = 5

Strain = Float[torch.Tensor, "batch time"]
Spectra = Float[torch.Tensor, "batch frequency"]
FinerSpectra = Float[torch.Tensor, "batch finer"]
Taps = Float[torch.Tensor, "batch tap"]


def whiten(strain: Strain, rate: int) -> Strain:
    """Return strain over its own amplitude spectrum, of unit variance; in float64, whatever it was.

    Raises GwsimError for blocks too short, not finite, or without power at some frequency.
    """
    strain = strain.double()
    size, taps = strain.shape[-1], int(FILTER * rate)
    segment = max(2, math.ceil(2048 / rate)) * int(rate)
    if size < segment:
        raise GwsimError(f"cannot whiten {size / rate:g} s of strain: expected {segment / rate:g} s or more")
    bad = (~torch.isfinite(strain)).any(-1).nonzero().flatten().tolist()
    if bad:
        raise GwsimError(f"cannot whiten strain that is not finite: blocks {_some(bad)} of {len(strain)}")
    asd = _at(welch(strain, rate, segment).sqrt(), size // 2 + 1, segment * (size // 2) / size)
    dead = (asd[:, 1:-1] <= 0).any(-1).nonzero().flatten().tolist()
    if dead:
        raise GwsimError(f"cannot whiten strain without power at some frequency: blocks {_some(dead)}")
    return _filtered(strain, _filter(asd, size, taps)) * (2 / rate) ** 0.5


def _some(places: list[int]) -> str:
    return ", ".join(map(str, places[:8])) + (f" and {len(places) - 8} more" if len(places) > 8 else "")


def welch(strain: Strain, rate: int, segment: int) -> Spectra:
    """Estimate the one-sided PSD: median over Hann segments, half overlapping, without the median's bias."""
    pieces = strain.unfold(-1, segment, segment - segment // 2)
    hann = torch.hann_window(segment, dtype=strain.dtype, device=strain.device)
    spectra = torch.fft.rfft((pieces - pieces.mean(-1, keepdim=True)) * hann)
    power = stft.power(spectra) / (rate * hann.square().sum())
    power[..., 1 : power.shape[-1] - (segment % 2 == 0)] *= 2
    return middle(power.mT.contiguous()) / _median_bias(pieces.shape[-2])


def _median_bias(count: int) -> float:
    """Return the mean of the median of so many periodograms, over their mean."""
    twice = 2.0 * np.arange(1, (count - 1) // 2 + 1)
    return 1 + float(np.sum(1 / (twice + 1) - 1 / twice))


def middle(values: Float[torch.Tensor, "*batch item"]) -> Float[torch.Tensor, "*batch"]:
    """Return the median, of an even number the mean of the middle two."""
    return parted(values) if values.device.type == "cpu" else selected(values)


def parted(values):
    """Return the median on a CPU: NumPy's partition takes a tenth of the time of torch's."""
    half = values.shape[-1] // 2
    halves = torch.from_numpy(np.partition(values.numpy(), half, axis=-1))
    upper = halves[..., half]
    return upper if values.shape[-1] % 2 else (upper + halves[..., :half].amax(-1)) / 2


def selected(values):
    """Return the median on any device; a GPU sorts fast, and always the same way."""
    ordered, half = values.sort(-1).values, values.shape[-1] // 2
    upper = ordered[..., half]
    return upper if values.shape[-1] % 2 else (upper + ordered[..., half - 1]) / 2


def _at(asd: Spectra, bins: int, last: float) -> FinerSpectra:
    """Interpolate amplitudes linearly to so many bins, evenly spaced from the first to the place `last`."""
    place = torch.linspace(0, last, bins, dtype=asd.dtype, device=asd.device)
    left = place.long().clamp(max=asd.shape[-1] - 2)
    return torch.lerp(asd[:, left], asd[:, left + 1], (place - left).clamp(max=1))


def _filter(asd: Spectra, size: int, taps: int) -> Taps:
    """Return the filter's taps, the middle one at taps / 2 - 1."""
    response = 1 / asd
    ends = torch.from_numpy(scipy.signal.windows.tukey(2 * ENDS, alpha=1.0)).to(asd)
    # The first amplitude and the last may be zero: what their inverses are does not matter.
    response[:, [0, -1]] = 0
    response[:, :ENDS] *= ends[:ENDS]
    response[:, -ENDS:] *= ends[-ENDS:]
    impulse = torch.fft.irfft(response, n=2 * (asd.shape[-1] - 1))
    hann = torch.hann_window(taps, dtype=asd.dtype, device=asd.device)
    half = taps // 2
    around = torch.cat([impulse[:, -half:], impulse[:, :half]], -1) * hann
    return around.roll(-1, -1)


def _filtered(strain: Strain, taps: Taps) -> Strain:
    """Return the strain's middle part of the convolution, its ends tapered before by half a Hann window."""
    count = taps.shape[-1]
    half = count // 2
    hann = torch.hann_window(count, dtype=strain.dtype, device=strain.device)
    strain = strain - strain.mean(-1, keepdim=True)
    strain[:, :half] *= hann[:half]
    strain[:, -half:] *= hann[-half:]
    return _convolved(strain, taps)


def _convolved(strain: Strain, taps: Taps) -> Strain:
    """Return the middle of the linear convolution, by transforms of pieces, which a cache holds."""
    size, count = strain.shape[-1], taps.shape[-1]
    before = count // 2
    length = min(4 * count, scipy.fft.next_fast_len(size + count - 1, real=True))
    step = length - count + 1
    pieces = -(-size // step)
    after = pieces * step - size + count - 1 - before
    overlapping = torch.nn.functional.pad(strain, (before, after)).unfold(-1, length, step)
    product = torch.fft.rfft(overlapping) * torch.fft.rfft(taps, length)[:, None]
    return torch.fft.irfft(product, length)[..., count - 1 :].flatten(1)[:, :size]
