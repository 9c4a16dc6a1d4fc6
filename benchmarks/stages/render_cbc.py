"""Examples of binaries seen by three ifos, 4 s at 4096 Hz, in memory."""

from pathlib import Path

import cbc
import common
import projected
import rendering
from measuring import OURS, PLAIN, Stage, Way, repeated

CLASSES, SHARD, FEW = 4, 256, 4


def build(folder: Path, times: int) -> Stage:
    banked, scaled = (cbc.Dataset(folder, source, source, SHARD) for source in ("cbc", "cbc_scaled"))
    ours, whole = (rendering.in_memory(opened(one), one.folder) for one in (banked, scaled))
    estimated, known = (cbc.plain_work(folder, banked, FEW, one) for one in ("pycbc", "division"))
    return Stage(
        unit="examples",
        about=f"{__doc__} Noise stands already, and is whitened for ours; a fourth of all examples has "
        "nothing else. Ours takes waveforms from the bank, or makes them as well (cbc_scaled), as PyCBC's "
        "scripts do with SEOBNRv4 and SpinTaylorT4: get_td_waveform, project_wave, sigma, whitening by the "
        "example's own 16 s or by a PSD that is known. ml4gw takes the waveforms of ours, "
        "and delays by whole samples.",
        ways=[
            Way("gwsim, from the bank", OURS, repeated(times, ours)),
            Way("gwsim, waveforms made as well", OURS, whole),
            Way("PyCBC, TimeSeries.whiten", PLAIN, lambda: sum(make(FEW) for make in estimated)),
            Way("PyCBC, a known PSD", PLAIN, lambda: sum(make(FEW) for make in known)),
            *projected.ways(folder, banked.folder, banked.settings["render"]),
        ],
        limit=rendering.limit(opened(banked), CLASSES),
    )


def opened(dataset: cbc.Dataset):
    """Return the renderer of a dataset, whose bank is made."""
    if not (dataset.folder / "bank").exists():
        common.make_bank(dataset.folder / "bank", dataset.systems, dataset.settings["waveforms"])
    return common.renderer_of(dataset.folder, dataset.settings["render"])
