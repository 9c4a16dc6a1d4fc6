"""Examples of binaries at another SNR, on disk: 4 s of three ifos at 4096 Hz, a quarter of them noise."""

from pathlib import Path

import cbc
import common
import loudness
from measuring import PLAIN, Stage, Way

# Systems have waveforms by LAL, so that few are made: rows of larger datasets are the same ones again.
ROWS = 64
# Examples of each class by the plain script.
FEW = 1


def build(folder: Path, times: int) -> Stage:
    dataset = cbc.Dataset(folder, "cbc", "cbc", ROWS)
    its = dataset.folder
    common.make_bank(its / "bank", dataset.systems, dataset.settings["waveforms"])
    whitened, known = (cbc.plain_work(folder, dataset, FEW, how) for how in ("pycbc", "division"))
    settings = dataset.settings["render"]
    settings = loudness.more(its, settings, times * settings["shard_rows"])
    ours = loudness.ways(its, settings)
    return Stage(
        unit="examples",
        about=f"{__doc__} Noise, systems, waveforms and table stand already. The plain script with PyCBC "
        "makes waveform and example anew, as many of each class, and writes nothing; it estimates a PSD of "
        "each example's own 16 s, or divides 4 s by one that is known.",
        ways=[
            ours[loudness.KEPT],
            ours[loudness.BANK],
            Way("PyCBC: get_td_waveform to TimeSeries.whiten", PLAIN, lambda: each(whitened)),
            Way("the same, a known PSD", PLAIN, lambda: each(known)),
        ],
        limit=loudness.limit(its, settings),
    )


def each(makers: list) -> int:
    """Make some examples of every class."""
    return sum(make(FEW) for make in makers)
