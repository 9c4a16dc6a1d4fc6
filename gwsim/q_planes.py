"""Which Qs a Q-transform has, and how high in frequency each reaches: arithmetic that a configuration needs.

The planes are GWpy's: so close that a burst between two loses no more than the mismatch, a fraction of its
energy.
"""

import math

from gwsim.errors import GwsimError

Q_RANGE, MISMATCH = (4.0, 64.0), 0.2


def step(mismatch: float) -> float:
    """Return the greatest distance of neighbouring tiles, in the metric of mismatch."""
    return 2 * (mismatch / 3) ** 0.5


def qs(q_range, mismatch: float) -> list[float]:
    """Return the planes' Q, lowest first; raises GwsimError for a range that no plane can have."""
    # A window of Q sqrt(11) or less reaches to negative frequencies.
    if not 11**0.5 < q_range[0] <= q_range[1]:
        raise GwsimError(f"range of Q {tuple(q_range)}: expected {11**0.5:.3g} < low <= high")
    whole = math.log(q_range[1] / q_range[0]) / 2**0.5
    count = max(math.ceil(whole / step(mismatch)), 1)
    return [q_range[0] * math.exp(2**0.5 * (whole / count) * (i + 0.5)) for i in range(count)]


def highest_frequency(rate: float, q_range=Q_RANGE, mismatch: float = MISMATCH) -> float:
    """Return the frequency (Hz) up to which the windows of every plane stay below the Nyquist frequency."""
    return highest(rate, min(qs(q_range, mismatch)))


def highest(rate: float, q: float) -> float:
    """Return the same of one plane."""
    return rate / 2 / (1 + 11**0.5 / q)
