"""Model power spectral densities by name: the O3 fits, any curve of LALSimulation, any text file of an ASD.

Takes a name, an ifo and frequencies in Hz, gives one-sided densities in 1/Hz. Every model is held constant
below 10 Hz (and beyond its own ends): detectors are blind there, a power law is not, and curves of
LALSimulation are zero.
"""

import warnings
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from gwsim.errors import GwsimError
from gwsim.shapes import Frequencies, Psd

F_LOW = 10.0
# Finer than any feature of the curves that LALSimulation tabulates.
LAL_SPACING = 0.125
EXAMPLES = ("aLIGOZeroDetHighPower", "aLIGOaLIGOO3LowT1800545", "aLIGOAdVO3LowT1800545")


def model_psd(name: str, ifo: str, frequencies: Frequencies) -> Psd:
    """Return the named model's PSD of an ifo, one-sided, 1/Hz.

    Raises GwsimError for an ifo that "o3" lacks, an unknown name, and a file that is no table of an ASD.
    """
    frequencies = np.maximum(frequencies, F_LOW)
    if name == "o3":
        return _o3(ifo, frequencies)
    if Path(name).is_file():
        return _interpolate(frequencies, *_asd_file(name))
    return _lal(name, frequencies)


@cache
def _fits() -> dict:
    return yaml.safe_load(Path(__file__).with_name("o3.yaml").read_text())


def _o3(ifo, f):
    if ifo not in _fits():
        raise GwsimError(
            f"no PSD model 'o3' for {ifo}: it has {', '.join(_fits())}. "
            "Hint: give this ifo an ASD file or a name of LALSimulation, as in psd: {" + ifo + ": NAME}."
        )
    fit = _fits()[ifo]
    wall = fit["A1"] ** 2 * (f / 30) ** -fit["p"]
    slope = fit["A2"] ** 2 * (f / 100) ** -fit["q"]
    return wall + slope + fit["A3"] ** 2 * (1 + (f / fit["fc"]) ** 2)


def _interpolate(frequencies, table_frequencies, table_psd):
    """Log-log, constant beyond both ends."""
    return np.exp(np.interp(np.log(frequencies), np.log(table_frequencies), np.log(table_psd)))


def _asd_file(path):
    try:
        with warnings.catch_warnings(action="error"):  # of a file without rows
            table = np.loadtxt(path, ndmin=2)
    except (ValueError, UserWarning) as error:
        raise GwsimError(f"{path} is no table of an ASD: {error}. Expected {_COLUMNS}.") from error
    if table.shape[1] != 2 or not np.isfinite(table).all():
        got = f"{table.shape[1]} columns" if table.shape[1] != 2 else "values that are not finite"
        raise GwsimError(f"{path} is no table of an ASD: got {got}. Expected {_COLUMNS}.")
    frequencies, asd = table[table[:, 0] >= F_LOW].T
    if len(asd) < 2 or (np.diff(frequencies) <= 0).any() or (asd <= 0).any():
        raise GwsimError(
            f"{path} is no table of an ASD: at and above {F_LOW:g} Hz it needs two rows or more, rising "
            f"frequencies and positive values. Expected {_COLUMNS}."
        )
    return frequencies, asd**2


_COLUMNS = "two columns of numbers: frequency in Hz and amplitude spectral density in 1/sqrt(Hz)"


def _lal(name, frequencies):
    from pycbc.psd import from_string, get_lalsim_psd_list

    if name not in get_lalsim_psd_list():
        raise GwsimError(
            f"unknown PSD {name!r}: neither 'o3', nor of LALSimulation (such as {', '.join(EXAMPLES)}), "
            "nor a file. Hint: the path of a text file with two columns, Hz and ASD, is possible too."
        )
    # pycbc zeroes the last sample, so the grid ends one step beyond the last frequency.
    length = int(frequencies.max() / LAL_SPACING) + 3
    psd = from_string(name, length, LAL_SPACING, F_LOW).numpy()
    known = np.flatnonzero(psd > 0)
    return _interpolate(frequencies, known * LAL_SPACING, psd[known])
