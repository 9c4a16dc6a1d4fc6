"""The figure of a network's training: loss and accuracy against the epoch."""

import numpy as np
import pandas as pd

from gwsim.figures import style
from gwsim.figures.drawn import Drawn

TRAIN, VALIDATION = style.IFOS[0], style.IFOS[1]


def losses(history: pd.DataFrame, phases: list[str]):
    """Draw loss and accuracy of both sets; phases: what to write over each phase of the curriculum."""
    figure, axes = style.subplots(2, 1, 4.6, sharex=True)
    for axis, name in zip(axes[:, 0], ("loss", "accuracy"), strict=True):
        for which, colour, line in (("train", TRAIN, "-"), ("validation", VALIDATION, "--")):
            known = history[history[f"{which}_{name}"].notna()]
            axis.plot(known["epoch"], known[f"{which}_{name}"], color=colour, linestyle=line, label=which)
        for border in borders(history):
            axis.axvline(border, color=style.INK, linestyle=":", linewidth=1)
        axis.set(ylabel={"loss": "cross entropy"}.get(name, name))
    axes[0, 0].set(yscale="log")
    axes[1, 0].set(xlabel="epoch", xlim=(history["epoch"].min(), history["epoch"].max()))
    for phase, its in history.groupby("phase"):
        place = {"xy": (its["epoch"].mean(), 1.02), "xycoords": ("data", "axes fraction")}
        axes[0, 0].annotate(phases[int(phase)], ha="center", va="bottom", **place)
    axes[0, 0].legend(loc="upper right")
    return figure


def borders(history: pd.DataFrame) -> np.ndarray:
    """Return the epochs between which the phase of the curriculum changes."""
    after = np.flatnonzero(np.diff(history["phase"]))
    epoch = history["epoch"].to_numpy()
    return (epoch[after] + epoch[after + 1]) / 2


def phase_names(phases: list[dict]) -> list[str]:
    """Return what a phase is called on a figure."""
    return [f"SNR {p['snr'][0]:g} to {p['snr'][1]:g}" if p.get("snr") else "all examples" for p in phases]


def drawn(history: pd.DataFrame, training: dict) -> list[Drawn]:
    """Return the figure of a training, given its history and its settings."""
    names = phase_names(training["phases"])
    cumulative = training.get("curriculum") == "cumulative"
    seen = "the SNRs of the phases before it as well" if cumulative else "only its own SNRs"
    last = history.iloc[-1]
    parts = []
    for phase, its in history.groupby("phase"):
        end, fraction = its.iloc[-1], ""
        if pd.notna(end["validation_accuracy"]):
            fraction = f", validation accuracy {end['validation_accuracy']:.4f}"
        parts.append(f"{names[int(phase)]}: {len(its)} epochs of {end['examples']:g} examples{fraction}")
    numbers = (
        f"{len(history)} epochs. At the end of each phase, which sees {seen} in both sets: "
        f"{'; '.join(parts)}. Last loss: train {last['train_loss']:.4g}, validation "
        f"{last['validation_loss']:.4g}. Training values are means over the epoch while the weights change."
    )
    return [Drawn("loss", losses(history, names), numbers)]
