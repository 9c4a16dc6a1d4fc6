"""Rows of other datasets with a glitch in their noise: its columns as they are drawn, and a row's glitch.

Columns are those of `gwsim.waveforms.columns.GLITCHED`. All that a glitch is follows from its row: its
parameters are drawn from the streams of its key.
"""

import numpy as np

from gwsim import distributions, seeds
from gwsim.waveforms import glitches


def drawn(wanted: dict, settings: dict, column) -> dict[str, np.ndarray]:
    """Return the columns of examples' glitches: class -1 where there is none.

    wanted: fraction of the examples, models, and snr where it is not the class's own; column(name): a uniform
    number for each row.
    """
    there = column("glitch") < wanted["fraction"]
    place = np.floor(column("glitch_class") * len(wanted["models"])).astype(int)
    names = np.array(wanted["models"])[place]
    loud = column("glitch_snr")
    snr = distributions.quantile(wanted["snr"], loud) if "snr" in wanted else glitches.snr(list(names), loud)
    seconds = settings["window_samples"] / settings["sample_rate"]
    known = {name: number for number, name in enumerate(glitches.CLASSES)}
    return {
        "glitch": np.where(there, [known[name] for name in names], -1),
        "glitch_key": np.where(there, np.floor(column("glitch_key") * 2**53), -1),
        "glitch_ifo": np.where(there, np.floor(column("glitch_ifo") * len(settings["ifos"])), -1),
        "glitch_time": np.where(there, seconds * column("glitch_time"), np.nan),
        "glitch_snr": np.where(there, snr, np.nan),
    }


def system(row) -> dict:
    """Return the glitch of a row as a system, its parameters drawn from the streams of its key."""
    name, key = glitches.CLASSES[int(row.glitch)], int(row.glitch_key)
    columns = glitches.systems(
        [name],
        lambda parameter: seeds.uniforms("glitch", key, parameter, size=1),
        lambda column: np.array([key], np.int64),
    )
    return {column: values[0] for column, values in columns.items()}
