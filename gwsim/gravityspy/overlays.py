"""A configuration whose only experiment is the Q-scans of chosen glitches, in the detector's own strain."""

from pathlib import Path

import numpy as np
import pandas as pd

from gwsim.gravityspy import triggers
from gwsim.intervals import Intervals

# Files of GWOSC, and the length of a PSD block: shorter than the ranges around glitches (s).
FILE, AROUND = 4096, 256


def configuration(
    chosen: pd.DataFrame, classes: list[str], ifo: str, seconds: int, table: Path, seed: int = 0
) -> dict:
    """Return an overlay of config.yaml for the glitches of a table that were chosen, all of one ifo.

    seconds: strain that each whitens itself on. Raises GwsimError as `triggers.overlay` does.
    """
    around = max(AROUND, 2 * seconds)
    ranges = triggers.overlay(chosen, around, seed=seed, block=FILE)
    # Searches for signals veto the times of known glitches: just these are wanted.
    ranges["segments"] |= {"flags": ["DATA"], "injections": []}
    second = chosen["gps_second"].to_numpy(np.int64)
    datasets = {
        name: {"split": name, "examples": int(_inside(second, its).sum()), "draw": {}}
        for name, its in ranges["segments"]["splits"].items()
    }
    glitch = {
        "ifos": [ifo],
        "duration": seconds,
        "waveforms": {"source": "triggers", "path": str(table), "models": classes, "faults": "skip"},
        "draw": {"event_time": None},
        "datasets": datasets,
        # What is learnt from them is another question, which its asker answers.
        **dict.fromkeys(("networks", "evaluate", "explain", "embed", "reported")),
    }
    return {
        "run": "triggers",
        "ifos": [ifo],
        "sample_rate": 8192,
        "strain": {"source": "gwosc", "block": FILE},
        **ranges,
        "noise": {"stretch": around, "stretch_min": around // 2},
        "experiments": {"ccsn": None, "cbc": None, "chirp_blip": None, "glitch": glitch},
    }


def _inside(second: np.ndarray, ranges: Intervals) -> np.ndarray:
    """Return which seconds lie inside one of the ranges."""
    return np.any([(second >= start) & (second < end) for start, end in ranges], axis=0)
