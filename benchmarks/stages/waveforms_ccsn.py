"""Bank entries of supernovae: five moments at 16384 Hz, filtered, tapered and sampled at 4096 Hz."""

from pathlib import Path

import common
import numpy as np
import scipy.signal
from measuring import CORE, DISK, MEMORY, OURS, PLAIN, Part, Stage, Way, copied, made_durable, repeated

from gwsim.waveforms import ccsn, quadrupole, sources, surrogates

MODEL = "s18"
COMPONENTS = sources.SOURCES["ccsn"].COMPONENTS


def build(folder: Path, times: int) -> Stage:
    settings = common.settings_of(common.configuration("ccsn", 90))
    made, systems = settings["waveforms"], common.make_table(folder, settings)
    path = folder / "moments.txt"
    write(path)
    given = {"path": str(path), "format": "quad7_diag", "unit": "cm", "t_bounce": 0.0}
    read = made | {"models": dict.fromkeys(made["models"], given)}
    row_bytes = 4 * COMPONENTS * sources.SOURCES["ccsn"].samples(made)
    moments = ccsn.load(MODEL).basis
    return Stage(
        unit="entries",
        about=f"{__doc__} From text files of six moments of {moments.shape[1]} times. The plain way reads by "
        "numpy, filters and samples by PyCBC, moment by moment, and keeps the entries in memory. Surrogates "
        "are drawn before they are filtered; there are no files of them.",
        ways=[
            Way("gwsim", OURS, repeated(times, common.bank_anew(folder / "read", systems, read))),
            Way("gwsim, surrogates", OURS, common.bank_anew(folder / "made", systems, made)),
            Way("PyCBC and numpy", PLAIN, lambda: by_pycbc(path, made)),
        ],
        limit=[
            Part("the text's numbers, bare", CORE, numbers(path)),
            Part("the filters, bare", CORE, filters(moments)),
            Part("an entry written once", MEMORY, copied(row_bytes)),
            Part("an entry made durable", DISK, made_durable(folder, row_bytes)),
        ],
    )


def write(path: Path) -> None:
    """Write a model's moments as published ones are, with time after bounce."""
    tensor = quadrupole.from_basis(surrogates.surrogate(MODEL))
    time = surrogates.START + np.arange(tensor.shape[1]) / surrogates.SAMPLE_RATE
    np.savetxt(path, np.vstack([time, tensor]).T, fmt="%.10e")


def by_pycbc(path: Path, settings: dict) -> int:
    """Make one entry."""
    from pycbc.filter import highpass, resample_to_delta_t
    from pycbc.types import TimeSeries

    time, *tensor = np.loadtxt(path, unpack=True)
    spacing = (time[-1] - time[0]) / (len(time) - 1)
    entry = np.zeros((COMPONENTS, sources.SOURCES["ccsn"].samples(settings)), np.float32)
    for row, values in zip(entry, quadrupole.to_basis(np.array(tensor)), strict=True):
        series = highpass(TimeSeries(values, delta_t=spacing), ccsn.HIGHPASS)
        series *= scipy.signal.windows.tukey(len(series), ccsn.TUKEY_ALPHA)
        series = resample_to_delta_t(series, 1 / settings["sample_rate"])
        row[: len(series)] = series[: len(row)]
    return 1


def numbers(path: Path):
    """Return what turns a file's words into numbers."""
    text = path.read_text()

    def work() -> int:
        np.fromstring(text, sep=" ")
        return 1

    return work


def filters(moments: np.ndarray):
    """Return the high-pass, forth and back, and the filter to a fourth of the samples."""
    sections = scipy.signal.butter(4, ccsn.HIGHPASS, "highpass", fs=surrogates.SAMPLE_RATE, output="sos")
    taps = scipy.signal.firwin(203, 0.2)

    def work() -> int:
        for _ in range(2):
            scipy.signal.sosfilt(sections, moments)
        scipy.signal.upfirdn(taps, moments, down=4)
        return 1

    return work
