"""Real glitches by their times: examples are stretches of the strain itself, nothing is drawn or added.

Takes a table of times by class (see `gwsim.gravityspy.tables`) and the PSD blocks; gives the tables that
`draw` gives, a system for each glitch. A glitch needs its whole window inside one PSD block.
"""

import numpy as np
import pandas as pd

from gwsim import distributions, seeds
from gwsim.errors import GwsimError
from gwsim.gravityspy import tables
from gwsim.gravityspy import triggers as places
from gwsim.waveforms import columns


def notes(settings: dict) -> list[str]:
    """Return what a person is told before anything is drawn."""
    return []


def provenance() -> dict[str, str]:
    """Return what a dataset's attributes say of its waveforms."""
    return {}


def listed(blocks: list[dict], kinds: dict, settings: dict) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Return the systems, the examples of one dataset, and what was left out.

    kinds: name -> (dtype, unit, meaning) of the examples' columns; settings: those of the stage `draw`.

    Raises GwsimError with all faults, unless the settings skip them, and for fewer glitches than examples.
    """
    its, rate = settings["waveforms"], settings["sample_rate"]
    faults: list[str] = []
    times = tables.times(its["path"], faults)
    wanted = times["label"].isin(its["models"]) & times["ifo"].isin(settings["ifos"])
    if "least_confidence" in its and "confidence" in times:
        wanted &= times["confidence"] >= its["least_confidence"]
    placed, _, apart = places.place(times[wanted], blocks, settings["window_samples"] // rate)
    faults += apart
    if faults and its["faults"] == "refuse":
        listed = "\n  ".join(faults)
        raise GwsimError(
            f"{its['path']}: not all of its glitches can be seen:\n  {listed}\nHint: widen segments.splits, "
            "or let the rest go on with `faults: skip` among the experiment's waveforms."
        )
    mine = placed[placed["split"] == settings["split"]].sort_values(["gps_second", "gps_nanosecond", "ifo"])
    if len(mine) < settings["examples"]:
        raise GwsimError(
            f"dataset '{settings['dataset']}' asks for {settings['examples']} glitches, split "
            f"'{settings['split']}' has {len(mine)} with strain ({'; '.join(faults) or 'none left out'}): "
            f"set examples to {len(mine)} or less"
        )
    stream = (settings["seed"], settings["experiment"], settings["dataset"])
    chosen = np.argsort(seeds.uniforms(*stream, "trigger", size=len(mine)), kind="stable")
    mine = mine.iloc[np.sort(chosen[: settings["examples"]])].reset_index(drop=True)
    return _systems(mine, its), _examples(mine, blocks, kinds, settings, stream), faults


def _systems(mine: pd.DataFrame, its: dict) -> pd.DataFrame:
    """Return what the table says of each glitch."""
    names = {
        "published_snr": "snr",
        "published_frequency": "peak_frequency",
        "published_duration": "duration",
    }
    found = {"label": [its["models"].index(label) for label in mine["label"]], "model": mine["label"]}
    found["gravityspy_id"] = mine["id"].fillna("") if "id" in mine else ""
    for name in columns.PUBLISHED["triggers"]:
        found[name] = mine.get(names.get(name, name), np.nan)
    frame = pd.DataFrame(found, index=mine.index)
    return frame.astype({name: kind for name, (kind, _, _) in columns.SYSTEM["triggers"].items()})


def _examples(mine: pd.DataFrame, blocks, kinds, settings, stream) -> pd.DataFrame:
    """Return the rows of glitches: where their windows are, and how they are scanned."""
    rate, count = settings["sample_rate"], len(mine)
    origin = np.array([blocks[i]["start"] for i in mine["psd_block"]])
    spec = columns.DEFAULTS["triggers"] | settings["columns"]
    found = {
        "label": [settings["classes"].index(label) for label in mine["label"]],
        "system": np.arange(count),
        "psd_block": mine["psd_block"],
        "start_sample": (mine["start_second"] - origin) * rate,
        "gps_second": mine["start_second"],
        "gps_nanosecond": np.zeros(count),
        "event_time": mine["event_second"],
        "scan_ifo": [settings["ifos"].index(ifo) for ifo in mine["ifo"]],
        "mean_norm": distributions.quantile(
            spec["mean_norm"], seeds.uniforms(*stream, "mean_norm", size=count)
        ),
        "snr_target": np.full(count, np.nan),
    }
    return pd.DataFrame({name: np.asarray(found[name], kind) for name, (kind, _, _) in kinds.items()})
