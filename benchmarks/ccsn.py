"""How fast ccsn examples are made, beside the plain PyCBC script that does them one by one.

    python benchmarks/ccsn.py [--examples 8190] [--plain 40] [--workers 2]

Everything is made in a scratch folder: 512 s of simulated strain, its noise store, a bank, a table. Rates are
printed as ratios of one run, since machines differ and are shared. The start of processes is left out.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import common
import numpy as np
import pandas as pd

from gwsim import noise
from gwsim.conventions import STRAIN_UNIT
from gwsim.waveforms import ccsn, sources


def prepare(folder: Path, examples: int) -> dict:
    """Make strain, noise, bank and table; return the settings of rendering."""
    config = common.configuration("ccsn", examples)
    settings = common.settings_of(config)
    common.prepare_noise(folder, config)
    common.make_bank(folder / "bank", common.make_table(folder, settings), settings["waveforms"])
    return settings["render"]


def in_memory(folder: Path, settings: dict) -> float:
    """Examples a second of one core, into memory that is written over."""
    renderer, table = common.renderer_of(folder, settings), pd.read_parquet(folder / "draw.parquet")
    arrays, _ = renderer.rows(table.iloc[:1024])
    start = time.perf_counter()
    for first in range(0, len(table) // 1024 * 1024, 1024):
        renderer.rows(table.iloc[first : first + 1024], out=arrays)
    return len(table) // 1024 * 1024 / (time.perf_counter() - start)


def plain_script(folder: Path, settings: dict, count: int, whitening: str) -> float:
    """Examples a second of one core, by a script that makes them one by one with PyCBC and scipy."""
    make = plain_work(folder, settings, count, whitening)
    make(1)  # the first one loads libraries
    start = time.perf_counter()
    return make(count) / (time.perf_counter() - start)


def plain_work(folder: Path, settings: dict, count: int, whitening: str) -> Callable[[int], int]:
    """Return what makes so many of `count` examples one by one, and says how many.

    whitening "pycbc" is TimeSeries.whiten, which estimates a PSD from the example's own 16 s; "division" is
    the least that can be done, by a PSD that is known, over 4 s.
    """
    from pycbc.types import FrequencySeries

    table = pd.read_parquet(folder / "draw.parquet")
    seconds = {"pycbc": 16, "division": 4}[whitening]
    room = (table["start_sample"] > seconds * 2048) & (table["start_sample"] < (255 - seconds / 2) * 4096)
    rows = list(table[room & (table["system"] >= 0)].iloc[:count].itertuples())
    source = noise.NoiseStore(folder / "noise" / "shards.zarr")
    waveforms = sources.opened(folder / "bank" / "shards.zarr")
    strain, unit = np.load(folder / "strain.npy"), STRAIN_UNIT**2
    one_hz = [[FrequencySeries(psd[::4] * unit, delta_f=1.0) for psd in source.psd(b)] for b in (0, 1)]
    quarter = [[FrequencySeries(psd * unit, delta_f=0.25) for psd in source.psd(b)] for b in (0, 1)]
    entries = waveforms.entries(np.arange(9)).astype(float)

    def make(many: int) -> int:
        for row in rows[:many]:
            block = row.psd_block
            known = quarter[block] if whitening == "division" else None
            plain_example(row, entries[row.system], strain, one_hz[block], known, seconds, settings)
        return len(rows[:many])

    return make


def plain_example(row, quadrupole, strain, one_hz, known, seconds, settings) -> np.ndarray:
    """One example: project, sigma, whiten, STFT."""
    import scipy.signal
    from pycbc.detector import Detector
    from pycbc.filter import sigma
    from pycbc.types import TimeSeries

    from gwsim.waveforms import quadrupole as tensors

    rate, ifos, before = settings["sample_rate"], settings["ifos"], seconds / 2 - 0.5
    gps = row.gps_second + row.gps_nanosecond * 1e-9 + row.event_time
    plus, cross = tensors.weights(np.array(row.theta), np.array(row.phi))
    one_kpc = 3.0856775814913673e21
    waves = [TimeSeries(w @ quadrupole / one_kpc, delta_t=1 / rate, epoch=gps) for w in (plus, cross)]
    signals = []
    for ifo in ifos:
        wave = Detector(ifo).project_wave(*waves, row.ra, row.dec, row.psi)
        whole = TimeSeries(np.zeros(seconds * rate), delta_t=1 / rate)
        whole[: len(wave)] = wave
        start = before + row.event_time + ccsn.START + float(wave.start_time) - gps
        whole = whole.cyclic_time_shift(start)
        whole.start_time = 0
        signals.append(whole)
    window, bounds = (before, before + 1), {"low_frequency_cutoff": 20, "high_frequency_cutoff": 1600}
    snrs = [sigma(h.time_slice(*window), psd=psd, **bounds) for h, psd in zip(signals, one_hz, strict=True)]
    scale, spectra = row.snr_target / np.linalg.norm(snrs), []
    first = row.psd_block * 256 * rate + row.start_sample - round(before * rate)
    for i, signal in enumerate(signals):
        data = TimeSeries(strain[i, first : first + seconds * rate], delta_t=1 / rate) + signal * scale
        if known is None:
            white = data.whiten(4, 2)
        else:
            white = (data.to_frequencyseries() / known[i] ** 0.5).to_timeseries()
        spectra.append(np.abs(scipy.signal.stft(white.time_slice(*window), rate, nperseg=256)[2]))
    return np.stack(spectra)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=8190, help="rows, a multiple of 10")
    parser.add_argument("--plain", type=int, default=40, help="examples of the plain script")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settings = prepare(folder, args.examples)
        slow = plain_script(folder, settings, args.plain, "pycbc")
        lean = plain_script(folder, settings, 4 * args.plain, "division")
        memory = in_memory(folder, settings)
        written = common.on_disk(folder, settings, args.workers)
        disk, peak = args.examples / written["seconds"], written["peak"]
    report = {
        "plain script, TimeSeries.whiten, one core (examples/s)": round(slow, 1),
        "plain script, whitened by a known PSD, one core (examples/s)": round(lean, 1),
        "ours in memory, one core (examples/s)": round(memory),
        f"ours on disk, {args.workers} workers (examples/s)": round(disk),
        "in memory over plain, over known PSD": [round(memory / slow, 1), round(memory / lean, 1)],
        "on disk over plain, over known PSD": [round(disk / slow, 1), round(disk / lean, 1)],
        "peak memory of a worker (MiB)": round(peak),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
