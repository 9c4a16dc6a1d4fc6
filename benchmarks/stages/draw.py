"""The table of 60,000 supernova examples, a column of random numbers after another, written as Parquet."""

from pathlib import Path

import common
import numpy as np
import pandas as pd
from measuring import (
    CORE,
    DISK,
    MEMORY,
    OURS,
    PLAIN,
    Part,
    Stage,
    Way,
    copied,
    made_durable,
    wait_for_disk,
)

from gwsim import seeds

EXAMPLES = 60000
# Random numbers of an example: place of the noise, time, SNR, three angles of the sky, two of the source, and
# one that puts its class into its place.
NUMBERS = 9


def build(folder: Path, times: int) -> Stage:
    settings = common.settings_of(common.configuration("ccsn", times * EXAMPLES))
    path = folder / "draw.parquet"
    common.make_table(folder, settings)
    row_bytes = path.stat().st_size / (times * EXAMPLES)
    return Stage(
        unit="examples",
        about=f"{__doc__} Classes are balanced, and any row is the same whatever the number of rows; the "
        "plain ways draw classes by chance. The loop makes one row at a time, PyCBC's distributions give a "
        "column at once.",
        ways=[
            Way("gwsim", OURS, lambda: common.make_table(folder, settings) is None or times * EXAMPLES),
            Way("numpy, row by row", PLAIN, lambda: written(folder, pd.DataFrame(by_loop(settings)))),
            Way("PyCBC's distributions", PLAIN, lambda: written(folder, pd.DataFrame(by_pycbc(settings)))),
        ],
        limit=[
            Part("random numbers, bare", CORE, random_numbers),
            Part("a row written once", MEMORY, copied(8 * NUMBERS)),
            Part("a row made durable", DISK, made_durable(folder, row_bytes)),
        ],
    )


def by_loop(settings: dict) -> list[dict]:
    """Return rows, each drawn by itself."""
    random, draw = np.random.default_rng(1), settings["draw"]
    (low, high), rate, blocks = draw["columns"]["snr"]["uniform"], draw["sample_rate"], 2
    last = 256 * rate - draw["window_samples"] - draw["margin"]
    rows = []
    for _ in range(EXAMPLES):
        block, start = int(random.integers(blocks)), int(random.integers(draw["margin"], last + 1))
        second, sample = divmod(start, rate)
        rows.append(
            {
                "label": int(random.integers(len(draw["classes"]))),
                "psd_block": block,
                "start_sample": start,
                "gps_second": common.START + 256 * block + second,
                "gps_nanosecond": sample * 10**9 // rate,
                "event_time": random.uniform(*draw["columns"]["event_time"]["uniform"]),
                "snr_target": random.uniform(low, high),
                "ra": random.uniform(0, 2 * np.pi),
                "dec": np.arcsin(random.uniform(-1, 1)),
                "psi": random.uniform(0, np.pi),
                "theta": np.arccos(random.uniform(-1, 1)),
                "phi": random.uniform(0, 2 * np.pi),
            }
        )
    return rows


def by_pycbc(settings: dict) -> dict[str, np.ndarray]:
    """Return columns of as many rows as ours has."""
    from pycbc.distributions import CosAngle, JointDistribution, SinAngle, Uniform, UniformAngle

    draw, turn = settings["draw"], (0, 2 * np.pi)
    last = 256 * draw["sample_rate"] - draw["window_samples"] - draw["margin"]
    integers = ("label", "psd_block", "start_sample")
    joint = JointDistribution(
        [
            "label",
            "psd_block",
            "start_sample",
            "event_time",
            "snr_target",
            "ra",
            "dec",
            "psi",
            "theta",
            "phi",
        ],
        Uniform(
            label=(0, len(draw["classes"])),
            psd_block=(0, 2),
            start_sample=(draw["margin"], last + 1),
            event_time=draw["columns"]["event_time"]["uniform"],
            snr_target=draw["columns"]["snr"]["uniform"],
            psi=(0, np.pi),
        ),
        UniformAngle(ra=turn, phi=turn),
        CosAngle(dec=(-np.pi / 2, np.pi / 2)),
        SinAngle(theta=(0, np.pi)),
    )
    drawn = joint.rvs(size=EXAMPLES)
    found = {name: np.array(drawn[name]) for name in drawn.dtype.names}
    for name in integers:
        found[name] = found[name].astype(np.int32)
    second, sample = np.divmod(found["start_sample"], draw["sample_rate"])
    found["gps_second"] = common.START + 256 * found["psd_block"] + second
    found["gps_nanosecond"] = sample * 10**9 // draw["sample_rate"]
    return found


def written(folder: Path, table: pd.DataFrame) -> int:
    path = folder / "plain.parquet"
    table.to_parquet(path)
    wait_for_disk(path)
    return len(table)


def random_numbers() -> int:
    """Draw the columns, whose values are quantiles of uniform numbers."""
    generator, room = seeds.generator("limit"), np.empty(EXAMPLES)
    for _ in range(NUMBERS):
        generator.random(out=room)
    return EXAMPLES
