"""The array types that signatures speak of; the tests turn them into real checks."""

import numpy as np
import torch
from jaxtyping import Complex, Float, Int

# numpy
Series = Float[np.ndarray, "time"]
Strain = Float[np.ndarray, "ifo time"]
Frequencies = Float[np.ndarray, "frequency"]
Psd = Float[np.ndarray, "*batch frequency"]
Taps = Float[np.ndarray, "*batch tap"]
Angles = Float[np.ndarray, "*sample"]
Tensor6 = Float[np.ndarray, "6 time"]
Quadrupole = Float[np.ndarray, "5 time"]

# torch
Rows = Int[torch.Tensor, "sample"]
Signals = Float[torch.Tensor, "sample ifo time"]
Spectra = Complex[torch.Tensor, "sample ifo frequency"]
