"""The SNRs at which signals are mixed, epoch by epoch: pure functions of seed, dataset and epoch.

A schedule is a number, a distribution as in the configuration, one SNR per row, or one of these for each
epoch: a list, whose last entry stays, or a function of the epoch, counted from zero.
"""

import numpy as np

from gwsim import distributions, seeds
from gwsim.errors import GwsimError

EXPECTED = (
    'a number, a distribution such as {"uniform": [8, 12]}, an array with one for each row, a list of these '
    "by epoch, or a function of the epoch"
)


def snrs(schedule, epoch: int, labels: tuple, system: np.ndarray) -> np.ndarray:
    """Return the wanted SNR of each row in an epoch, NaN of rows without a signal (system < 0).

    labels: of the stream that is drawn from, seed and dataset. Raises GwsimError for what gives no SNRs.
    """
    if callable(schedule):
        wanted = schedule(epoch)
    elif isinstance(schedule, list | tuple):
        if not schedule:
            raise GwsimError(f"snr: got an empty list, expected {EXPECTED}")
        wanted = schedule[min(epoch, len(schedule) - 1)]
    else:
        wanted = schedule
    found = _drawn(wanted, seeds.uniforms(*labels, "snr", epoch, size=len(system)))
    bad = (system >= 0) & ~(np.isfinite(found) & (found > 0))
    if bad.any():
        row, given = int(bad.argmax()), "an array" if np.ndim(wanted) else wanted
        raise GwsimError(
            f"snr: {given} gives row {row} an SNR of {found[row]:g} in epoch {epoch}, expected one above 0"
        )
    return np.where(system < 0, np.nan, found)


def _drawn(wanted, uniform: np.ndarray) -> np.ndarray:
    if isinstance(wanted, np.ndarray) and wanted.ndim:
        if wanted.shape != uniform.shape:
            raise GwsimError(f"snr: got an array of the shape {wanted.shape}, expected {uniform.shape}")
        return wanted.astype(float)
    try:
        return np.asarray(distributions.quantile(wanted, uniform), float)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError):
        known = ", ".join(distributions.QUANTILES)
        raise GwsimError(f"snr: got {wanted!r}, expected {EXPECTED}; distributions are {known}") from None
