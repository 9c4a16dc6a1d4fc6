"""The short-time Fourier transform of batches, in torch, on whichever device they are."""

import numpy as np
import torch
from jaxtyping import Complex, Float

Spectra = Complex[torch.Tensor, "*batch frequency"]
Power = Float[torch.Tensor, "*batch frequency"]


def magnitude(
    strain: Float[torch.Tensor, "*batch time"], window: int, hop: int, bins: int
) -> Float[torch.Tensor, "*batch frequency frame"]:
    """Return |STFT| with a periodic Hann window, of mean square one for white noise of unit variance.

    Frames lie wholly inside the input; nothing is padded.
    """
    frames = strain.unfold(-1, window, hop) * taper(window, strain.dtype, strain.device)
    return power(torch.fft.rfft(frames)[..., :bins]).sqrt().transpose(-1, -2)


def taper(window: int, dtype=torch.float32, device="cpu") -> torch.Tensor:
    """Return the periodic Hann window by which white noise of unit variance keeps a mean square of one."""
    hann = torch.hann_window(window, periodic=True, dtype=dtype, device=device)
    return hann / hann.square().sum().sqrt()


def floats(spectra: torch.Tensor) -> np.ndarray:
    """Return complex values of a CPU as floats, real and imaginary parts in turns, in the same memory."""
    # Where these do not lie side by side a view is refused; flatten would copy, and what is written be lost.
    return torch.view_as_real(spectra).view(*spectra.shape[:-1], 2 * spectra.shape[-1]).numpy()


def power(spectra: Spectra) -> Power:
    """Return |z|^2, several times as fast as z.abs().square()."""
    squares = torch.view_as_real(spectra).square()
    return squares[..., 0] + squares[..., 1]
