"""Figures of whitened noise: amplitudes, spectrum, correlation, and how often the noise is used."""

import numpy as np
import scipy.stats

from gwsim import checks
from gwsim.figures import style

# Bands of more power than this are marked at the top, so that the few per cent around one can be seen.
SPECTRUM_TOP = 2.0


def amplitudes(counts: np.ndarray, ifos: list[str]):
    """Draw the density of whitened amplitudes, counts (ifo, bin), against the unit Gaussian."""
    figure, ((axis,),) = style.subplots(1, 1, 3.2)
    edges = checks.AMPLITUDES
    middle, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    for place, ifo in enumerate(ifos):
        density = counts[place] / counts[place].sum() / width
        axis.stairs(np.where(density > 0, density, np.nan), edges, label=ifo, **style.ifo_look(place))
    axis.plot(middle, scipy.stats.norm.pdf(middle), color=style.INK, linestyle=":", label="unit Gaussian")
    axis.set(yscale="log", xlabel="whitened amplitude", ylabel="density", xlim=(edges[0], edges[-1]))
    axis.set_ylim(0.3 / counts.sum(axis=1).max() / width, 1)
    axis.legend()
    return figure


def spectrum(power: np.ndarray, expected: np.ndarray, edges: np.ndarray, ifos: list[str]):
    """Draw the mean power of whitened noise, power (sample, ifo, band), with its error, over the expected."""
    figure, ((axis,),) = style.subplots(1, 1, 3.0)
    middle = (edges[1:] + edges[:-1]) / 2
    mean, error = power.mean(axis=0), power.std(axis=0) / np.sqrt(len(power))
    axis.axhspan(1 - checks.SPECTRUM_ROOM, 1 + checks.SPECTRUM_ROOM, color="#eeeeee", zorder=0)
    axis.axhline(1.0, color=style.INK, linewidth=0.8)
    for place, ifo in enumerate(ifos):
        look = style.ifo_look(place)
        axis.fill_between(middle, mean[place] - error[place], mean[place] + error[place], alpha=0.2,
                          color=look["color"], linewidth=0)  # fmt: skip
        axis.plot(middle, mean[place], label=ifo, **look)
        axis.plot(middle, expected[place], ":", color=style.INK, linewidth=0.8)
        above = mean[place] > SPECTRUM_TOP
        axis.plot(middle[above], np.full(above.sum(), 0.97 * SPECTRUM_TOP), "^", color=look["color"])
    axis.set(xlabel="frequency (Hz)", ylabel="mean power per sample")
    axis.set(xlim=(edges[0], edges[-1]), ylim=(0, SPECTRUM_TOP))
    axis.legend(ncols=len(ifos))
    return figure


def correlation(values: np.ndarray, rate: int, pairs: list[str]):
    """Draw the mean correlation of each pair of ifos, values (sample, pair, lag), against lag."""
    figure, ((axis,),) = style.subplots(1, 1, 2.8)
    lag = checks.lags(rate) / rate * 1e3
    error = np.sqrt((values**2).mean() / len(values))
    axis.axhspan(-checks.SIGMAS * error, checks.SIGMAS * error, color="#eeeeee", zorder=0)
    for place, pair in enumerate(pairs):
        axis.plot(lag, values[:, place].mean(axis=0), label=pair, **style.ifo_look(place))
    axis.set(xlabel="lag (ms)", ylabel="mean correlation", xlim=(lag[0], lag[-1]))
    axis.legend(ncols=len(pairs))
    return figure


def reuse(uses: np.ndarray):
    """Draw how many seconds of noise are used how often."""
    figure, ((axis,),) = style.subplots(1, 1, 2.6)
    bins = np.linspace(0, max(1.0, uses.max()), 41)
    axis.hist(uses, bins, color=style.IFOS[0])
    axis.axvline(uses.mean(), color=style.INK, linestyle=":", label=f"mean {uses.mean():.2f}")
    axis.set(xlabel="examples that use a second of noise", ylabel="seconds")
    axis.legend()
    return figure
