"""The picture of one example: whitened strain with a spectrogram of each ifo, a Q-scan, or a toy picture."""

import numpy as np

from gwsim.conventions import SCAN_DURATIONS
from gwsim.figures import spectrograms, style, traces
from gwsim.figures.saliency import mark
from gwsim.qscan import CLIP


def drawn(
    arrays: dict[str, np.ndarray], axes: dict[str, np.ndarray], settings: dict, event: float, title: str
):
    """Return the figure of an example; axes: coordinates of its arrays by name; event: s, NaN in noise."""
    if "strain" in arrays:
        figure = _strain(arrays, axes, settings, event)
    elif "qscan" in arrays:
        figure = _scan(arrays["qscan"], axes)
    else:
        figure = _picture(arrays["picture"])
    figure.suptitle(title, fontsize=9)
    return figure


def _strain(arrays, axes, settings, event):
    """Return strain above its spectrograms, on one colour scale."""
    ifos, strain = settings["ifos"], arrays["strain"]
    panels = arrays["spectrogram"] if "spectrogram" in arrays else _spectrograms(strain, settings)
    stft, rate = settings["spectrogram"], settings["sample_rate"]
    frame = np.arange(panels.shape[-1]) * stft["hop"] / rate
    frequency = np.arange(panels.shape[-2]) * rate / stft["window"]
    ratios = [1.4, *[1.0] * len(ifos)]
    figure, grid = style.subplots(1 + len(ifos), 1, 2.2 + 1.5 * len(ifos), sharex=True, height_ratios=ratios)
    inside = (axes["time"] >= 0) & (axes["time"] < settings["duration"])
    shown = strain[:, inside]
    traces.strain(grid[0, 0], shown, axes["time"][inside], event, ifos, traces.step([shown]))
    top = spectrograms.upper_end(panels)
    for axis, ifo, panel in zip(grid[1:, 0], ifos, panels, strict=True):
        image = axis.pcolormesh(frame, frequency, panel, vmin=0.0, vmax=top, rasterized=True)
        axis.set_ylabel(f"{ifo}\nfrequency (Hz)")
        axis.grid(False)
        mark(axis, event, "white")
    figure.colorbar(image, ax=grid[1:, 0].tolist(), label="STFT magnitude", pad=0.01, aspect=40)
    figure.supxlabel(style.TIME, fontsize=8.5)
    return figure


def _spectrograms(strain: np.ndarray, settings: dict) -> np.ndarray:
    """Return the spectrograms that a store leaves out."""
    import torch

    from gwsim import geometry, stft

    sizes = settings["spectrogram"]["window"], settings["spectrogram"]["hop"]
    return stft.magnitude(torch.as_tensor(strain), *sizes, geometry.frequency_bins(settings)).numpy()


def _scan(views, axes):
    """Return a Q-scan's durations as panels."""
    figure, grid = style.subplots(2, 2, 6.2)
    low, high = np.log2(axes["frequency"][[0, -1]])
    ticks = 2.0 ** np.arange(np.ceil(low), np.floor(high) + 1)
    for axis, view, duration in zip(grid.flat, views, SCAN_DURATIONS, strict=True):
        reach = float(np.abs(axes["time"]).max()) * duration
        extent = (-reach, reach, low, high)
        image = axis.imshow(view / 10, vmin=0.0, vmax=CLIP, origin="lower", aspect="auto", extent=extent)
        axis.set_yticks(np.log2(ticks), [f"{tick:g}" for tick in ticks])
        axis.set_title(f"{duration:g} s")
        axis.grid(False)
    figure.colorbar(image, ax=grid.ravel().tolist(), label="normalised energy", pad=0.01, aspect=40)
    figure.supxlabel("time after the glitch (s)", fontsize=8.5)
    figure.supylabel("frequency (Hz)", fontsize=8.5)
    return figure


def _picture(values):
    """Return a toy picture."""
    figure, grid = style.subplots(1, 1, 4.2)
    image = grid[0, 0].imshow(values, origin="lower", aspect="auto")
    grid[0, 0].set(xlabel="column", ylabel="row")
    grid[0, 0].grid(False)
    figure.colorbar(image, ax=grid[0, 0], label="signal and noise", pad=0.01)
    return figure
