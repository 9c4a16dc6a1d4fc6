"""Figures of a dataset's signals: SNR, distance, the drawn columns, classes, and the waveforms' spectra."""

import numpy as np
import pandas as pd

from gwsim import checks
from gwsim.conventions import STRAIN_UNIT
from gwsim.figures import style

# A scatter of more points than this is a blot.
POINTS = 4096
# The band of the paper's figure of waveforms, and how finely its spectra are averaged.
ASD_BAND = (10.0, 2048.0)
PER_OCTAVE = 24


def snr(table: pd.DataFrame, classes: list[str], noise: int | None):
    """Draw three panels: SNR wanted or by distance, whitened against optimal SNR, the share in the window."""
    figure, ((wanted, whitened, kept),) = style.subplots(1, 3, 3.5)
    shown = table.iloc[:: -(-len(table) // POINTS)]
    (_by_target if table["snr_target"].notna().any() else _by_distance)(wanted, table, classes, noise)
    for label, name in enumerate(classes):
        its = shown[shown["label"] == label]
        if len(its):
            look = style.class_look(label, noise)
            ratio = its["snr_whitened"] / its["snr"]
            whitened.plot(its["snr"], ratio, ".", color=look["color"], markersize=3, label=name)
    whitened.axhspan(0.99, 1.01, color="#eeeeee", zorder=0)
    wide = table["snr"].max() > 10 * table["snr"].min()
    whitened.set(xlabel="SNR", ylabel="whitened SNR / SNR", xscale="log" if wide else "linear")
    _share_in_window(kept, table, classes, noise)
    handles, labels = whitened.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, markerscale=3)
    return figure


def _by_target(axis, table, classes, noise):
    shown = table.iloc[:: -(-len(table) // POINTS)]
    colours = [style.class_look(int(label), noise)["color"] for label in shown["label"]]
    axis.scatter(shown["snr_target"], shown["snr"], s=4, c=colours)
    ends = [shown["snr_target"].min(), shown["snr_target"].max()]
    axis.plot(ends, ends, color=style.INK, linewidth=0.8)
    axis.set(xlabel="SNR wanted", ylabel="SNR realised")


def _by_distance(axis, table, classes, noise):
    for label in sorted(table["label"].unique()):
        median = table[table["label"] == label].groupby("distance_target_kpc")["snr"].median()
        axis.plot(median.index, median, marker=".", **style.class_look(int(label), noise))
    axis.axhline(8.0, color=style.INK, linewidth=0.8, linestyle=":")
    axis.set(xlabel="distance (kpc)", ylabel="median network SNR", yscale="log")


def _share_in_window(axis, table, classes, noise):
    labels = sorted(table["label"].unique())
    shares = [(table["snr"] / table["snr_full"])[table["label"] == label] for label in labels]
    boxes = axis.boxplot(shares, orientation="horizontal", whis=(1, 99), showfliers=False, patch_artist=True)
    for label, box, median in zip(labels, boxes["boxes"], boxes["medians"], strict=True):
        box.set(facecolor=style.class_look(int(label), noise)["color"], edgecolor=style.INK)
        median.set_color(style.INK)
    axis.set_yticks(range(1, len(labels) + 1), [classes[label] for label in labels])
    axis.invert_yaxis()
    axis.set(xlabel="SNR in the window / whole SNR")


def columns(values: dict[str, np.ndarray], specs: dict):
    """Draw a histogram of each drawn column that is uniform in something, against the flat line."""
    rows = -(-len(values) // 4)
    figure, axes = style.subplots(rows, min(4, len(values)), 2.0 * rows)
    for axis, (name, drawn) in zip(axes.flat, values.items(), strict=False):
        flat, low, high = checks.flattened(drawn, specs[name])
        bins = int(np.clip(len(drawn) / 50, 4, 24))
        axis.hist(flat, bins, range=(low, high), color=style.IFOS[0])
        axis.axhline(len(drawn) / bins, color=style.INK, linestyle=":", linewidth=1)
        axis.set_title({"uniform_cos": "cos ", "uniform_sin": "sin "}.get(checks.law(specs[name]), "") + name)
    for axis in axes.flat[len(values) :]:
        axis.remove()
    return figure


def balance(counts: np.ndarray, classes: list[str], noise: int | None):
    """Draw the number of examples of each class."""
    figure, ((axis,),) = style.subplots(1, 1, 2.6)
    colours = [style.class_look(label, noise)["color"] for label in range(len(classes))]
    axis.bar(range(len(classes)), counts, color=colours)
    axis.axhline(counts.mean(), color=style.INK, linestyle=":", linewidth=1)
    axis.set_xticks(
        range(len(classes)), [f"{label} {name}" for label, name in enumerate(classes)], rotation=30
    )
    axis.set(ylabel="examples")
    axis.grid(axis="x", visible=False)
    return figure


def asd(waveforms: dict[int, np.ndarray], psd: np.ndarray, grid: np.ndarray, setup: dict):
    """Draw the spectra of waveforms (strain at 1 kpc, by label) over the ifos' noise, psd (ifo, frequency).

    setup: classes, noise (the label of noise), ifos, rate.
    """
    figure, ((axis,),) = style.subplots(1, 1, 4.6)
    for place, ifo in enumerate(setup["ifos"]):
        look = {"color": "#777777", "linestyle": style.LINES[place % len(style.LINES)], "linewidth": 0.9}
        frequency, mean = averaged(grid, psd[place], 4 * PER_OCTAVE)
        axis.loglog(frequency, np.sqrt(mean) * STRAIN_UNIT, label=f"noise {ifo}", **look)
    for label, strain in waveforms.items():
        frequency, amplitude = characteristic(strain, setup["rate"])
        look = style.class_look(label, setup["noise"])
        axis.loglog(frequency, amplitude, label=setup["classes"][label], **look)
    axis.set(xlim=ASD_BAND, ylim=(3e-25, 2e-20))
    axis.set(xlabel="frequency (Hz)", ylabel="amplitude spectral density (1/√Hz)")
    figure.legend(loc="outside lower center", ncols=6)
    return figure


def characteristic(strain: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and 2 |h~(f)| sqrt(f), its power averaged over fractions of an octave."""
    size = 16 * len(strain)  # fine enough for a few bins in each fraction from 10 Hz on
    power = np.abs(np.fft.rfft(strain, size) / rate) ** 2
    frequency, mean = averaged(np.fft.rfftfreq(size, 1 / rate), power, PER_OCTAVE)
    return frequency, 2 * np.sqrt(mean * frequency)


def averaged(frequency: np.ndarray, power: np.ndarray, per_octave: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of a power over fractions of an octave that hold a bin, and their mean frequencies."""
    octaves = np.log2(ASD_BAND[1] / ASD_BAND[0])
    edges = np.geomspace(*ASD_BAND, round(per_octave * octaves) + 1)
    first = np.unique(np.searchsorted(frequency, edges))
    means = [
        np.diff(np.concatenate([[0.0], np.cumsum(y)])[first]) / np.diff(first) for y in (frequency, power)
    ]
    return means[0], means[1]
