"""The array types that signatures speak of; the tests turn them into real checks."""

import numpy as np
from jaxtyping import Float

Series = Float[np.ndarray, "time"]
Spectrum = Float[np.ndarray, "frequency"]
Taps = Float[np.ndarray, "*batch tap"]
Angles = Float[np.ndarray, "*sample"]
Tensor6 = Float[np.ndarray, "6 time"]
Quadrupole = Float[np.ndarray, "5 time"]

# PSDs on their own grid, and at other frequencies.
Psds = Float[np.ndarray, "*batch bin"]
Frequencies = Float[np.ndarray, "frequency"]
Psd = Float[np.ndarray, "*batch frequency"]
