"""A network's data as figures: the waveforms' spectra, and one spectrogram of each class."""

import numpy as np
import pandas as pd

from gwsim.figures import signals, spectrograms
from gwsim.figures.drawn import Drawn
from gwsim.waveforms import columns


def waveforms(strains: dict[int, np.ndarray], psd: np.ndarray, grid: np.ndarray, setup: dict) -> Drawn:
    """Return the figure of the waveforms, strain by label.

    setup: as for signals.asd, and the dataset and its source of signals.
    """
    numbers = (
        f"{len(strains)} classes, {columns.SHOWN[setup['source']]}: 2 |h(f)| √f, its power averaged over "
        f"1/{signals.PER_OCTAVE} octave, beside "
        f"√S(f) of the first PSD block of the dataset {setup['dataset']}; the squared SNR of an optimally "
        "placed detector is the integral over ln f of the squared ratio."
    )
    numbers += f" {columns.CARD[setup['source']].replace('`', '')}"
    return Drawn("waveforms", signals.asd(strains, psd, grid, setup), numbers)


def gallery(panels: np.ndarray, rows: pd.DataFrame, axes: dict, setup: dict) -> Drawn:
    """Return the figure of sample spectrograms (sample, frequency, frame) in the first ifo."""
    classes, ifo = setup["classes"], setup["ifos"][0]
    titles = [_title(row, classes) for _, row in rows.iterrows()]
    figure, top = spectrograms.grid(panels, titles, axes["frame"], axes["frequency"])
    numbers = (
        f"Dataset {setup['dataset']}, rows {', '.join(map(str, rows.index))} in {ifo}; titles have the "
        "network SNR. STFT magnitude of the whitened strain, whose mean square is one in noise; one colour "
        f"scale, 0 to {top:g}."
    )
    return Drawn("spectrograms", figure, numbers)


def of_each_class(table: pd.DataFrame) -> np.ndarray:
    """Return the first row of each class."""
    return table.drop_duplicates("label").sort_values("label").index.to_numpy()


def _title(row: pd.Series, classes: list[str]) -> str:
    name = classes[int(row["label"])]
    return name if np.isnan(row["snr"]) else f"{name}, SNR {row['snr']:.1f}"
