"""How fast examples of compact binaries are made, beside the plain PyCBC script that does them one by one.

    python benchmarks/cbc.py [--direct 384] [--scaled 2048] [--plain 12]

Classes, masses, windows and ifos are those of config.yaml's experiment `cbc`; everything is made in a scratch
folder, each rate by one process on one thread. End to end is the bank of the systems drawn, rendering, and
writing shards to disk; the bank on mass ratio takes the same few seconds for any number of examples, and has
a line of its own. Rates are printed with ratios of one run, since machines differ and are shared: by the
clock and by the processor's own time. The start of processes is left out.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

# What Snakemake sets for a job of one thread; libraries read it when they are loaded.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import common
import numpy as np
import pandas as pd
from measuring import peak_mib, rounded
from pycbc_waveforms import waveform

from gwsim import draw, noise, store
from gwsim.conventions import STRAIN_UNIT
from gwsim.waveforms import cbc


class Dataset:
    """A dataset's folder in the scratch folder, with its systems drawn."""

    def __init__(self, scratch: Path, name: str, source: str, examples: int):
        config = common.configuration("cbc", examples, source)
        self.folder, self.settings = scratch / name, common.settings_of(config)
        self.folder.mkdir()
        if not (scratch / "noise").exists():
            common.prepare_noise(scratch, config)
        (self.folder / "noise").symlink_to(scratch / "noise")
        self.systems = common.make_table(self.folder, self.settings)

    def bank(self) -> dict[str, float]:
        """Make the bank in a process of its own: its seconds, those of its processor, its peak (MiB)."""
        job = (self.folder / "bank", self.systems, self.settings["waveforms"])
        (report,) = common.together(make_bank, [job])
        return report

    def render(self) -> dict[str, float]:
        """Render and write, as `bank`."""
        return common.on_disk(self.folder, self.settings["render"], 1)

    def without_noise(self) -> "Dataset":
        """Leave the class noise out of the table."""
        table = pd.read_parquet(self.folder / "draw.parquet")
        store.write_table(self.folder / "draw.parquet", table[table["system"] >= 0], draw.ROW_GROUP)
        self.settings["render"]["examples"] = len(self.systems)
        shutil.rmtree(self.folder / "records")
        return self


def make_bank(folder: Path, systems: pd.DataFrame, settings: dict, done) -> None:
    watch = Stopwatch()
    common.make_bank(folder, systems, settings)
    done.put(watch.read() | {"peak": peak_mib()})


def rates(count: int, *parts: dict[str, float]) -> dict[str, float]:
    """Return how many a second were made, by the clock and by the processor's time."""
    clock, used = (count / sum(part[name] for part in parts) for name in ("seconds", "used"))
    return {"by the clock": rounded(clock), "by the processor's time": rounded(used)}


class Stopwatch:
    """Seconds since its start, by the clock and of this process's threads."""

    def __init__(self):
        self.start, self.used = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        return {"seconds": time.perf_counter() - self.start, "used": time.process_time() - self.used}


def plain_script(scratch: Path, dataset: Dataset, count: int, whitening: str) -> list[dict[str, float]]:
    """Return what `count` examples of each class took, noise first, by a script that uses PyCBC alone."""
    spent = []
    for make in plain_work(scratch, dataset, count, whitening):
        make(1)  # the first one loads libraries
        watch = Stopwatch()
        make(count)
        spent.append(watch.read())
    return spent


def plain_work(scratch: Path, dataset: Dataset, count: int, whitening: str) -> list[Callable[[int], int]]:
    """Return what makes so many of `count` examples of a class and says how many, for each class.

    whitening "pycbc" is TimeSeries.whiten, which estimates a PSD from the example's own 16 s; "division" is
    the least that can be done, by a PSD that is known, over the 4 s of the window.
    """
    from pycbc.types import FrequencySeries

    seconds = {"pycbc": 16, "division": 4}[whitening]
    table = pd.read_parquet(dataset.folder / "draw.parquet")
    room = (table["start_sample"] > seconds * 2048) & (table["start_sample"] < (255 - seconds / 2) * 4096)
    source = noise.NoiseStore(scratch / "noise" / "shards.zarr")
    strain, unit = np.load(scratch / "strain.npy"), STRAIN_UNIT**2
    known = [[FrequencySeries(psd * unit, delta_f=0.25) for psd in source.psd(b)] for b in (0, 1)]

    def make(rows: list, many: int) -> int:
        for row in rows[:many]:
            system = dataset.systems.iloc[row.system] if row.system >= 0 else None
            plain_example(row, system, strain, known[row.psd_block], whitening, seconds, dataset.settings)
        return len(rows[:many])

    groups = (list(rows.iloc[:count].itertuples()) for _, rows in table[room].groupby("label"))
    return [partial(make, rows) for rows in groups]


def plain_example(row, system, strain, known, whitening, seconds, settings) -> np.ndarray:
    """Make one example: waveform, projection, padding, sigma, whitening, the window cut out."""
    from pycbc.filter import sigma
    from pycbc.types import TimeSeries

    settings = settings["render"]
    rate, before = settings["sample_rate"], (seconds - settings["duration"]) / 2
    first = row.psd_block * 256 * rate + row.start_sample - round(before * rate)
    data = [TimeSeries(one[first : first + seconds * rate], delta_t=1 / rate) for one in strain]
    if system is not None:
        signals, snrs = plain_signals(row, system, seconds, before, settings), []
        for signal, psd in zip(signals, known, strict=True):
            window = signal.time_slice(before, before + settings["duration"])
            snrs.append(sigma(window, psd=psd, low_frequency_cutoff=20, high_frequency_cutoff=1600))
        scale = row.snr_target / np.linalg.norm(snrs)
        data = [one + signal * scale for one, signal in zip(data, signals, strict=True)]
    if whitening == "pycbc":
        white = [one.whiten(4, 2).time_slice(before, before + settings["duration"]) for one in data]
    else:
        white = [
            (one.to_frequencyseries() / psd**0.5).to_timeseries()
            for one, psd in zip(data, known, strict=True)
        ]
    return np.stack(white)


def plain_signals(row, system, seconds, before, settings) -> list:
    """Return each ifo's signal, placed in the example."""
    from pycbc.detector import Detector
    from pycbc.types import TimeSeries

    rate = settings["sample_rate"]
    gps = row.gps_second + row.gps_nanosecond * 1e-9 + row.event_time
    first = cbc.frequency(system, settings["duration"])
    plus, cross = waveform(system["source"].removesuffix("_opt"), system, first, rate)
    plus.start_time += gps
    cross.start_time += gps
    signals = []
    for ifo in settings["ifos"]:
        wave = Detector(ifo).project_wave(plus, cross, row.ra, row.dec, row.psi)
        place = round((before + row.event_time + float(wave.start_time) - gps) * rate)
        whole = TimeSeries(np.zeros(seconds * rate), delta_t=1 / rate)
        begin, end = max(place, 0), min(place + len(wave), len(whole))
        whole[begin:end] = wave[begin - place : end - place]
        signals.append(whole)
    return signals


def of_source(scratch: Path, source: str, examples: int) -> tuple[dict, dict]:
    """Return a source's rates, of the larger of two datasets, and the peaks of both."""
    peaks = {}
    for count in (examples, 4 * examples):
        dataset = Dataset(scratch, f"{source}-{count}", source, count)
        bank, render = dataset.bank(), dataset.render()
        peaks[f"{source}, {count} examples"] = {
            "bank": round(bank["peak"]),
            "render": round(render["peak"]),
        }
    signals, systems = dataset.without_noise().render(), len(dataset.systems)
    if source == "cbc_scaled":
        found = {"examples/s": rates(count, render), "signals/s": rates(systems, signals)}
        return {"scaled": found | {"seconds for the bank": rounded(bank["used"])}}, peaks
    found = {
        "direct": {"examples/s": rates(count, bank, render), "signals/s": rates(systems, bank, signals)},
        "direct, new SNR over its bank": {
            "examples/s": rates(count, render),
            "signals/s": rates(systems, signals),
        },
    }
    return found, peaks


def of_plain(scratch: Path, count: int) -> dict:
    """Return the rates of the plain script."""
    dataset, found = Dataset(scratch, "plain", "cbc", 64 * (count + 2)), {}
    for whitening, told in (("pycbc", "TimeSeries.whiten"), ("division", "a known PSD")):
        parts = plain_script(scratch, dataset, count, whitening)
        found[f"plain script, whitened by {told}"] = {
            "examples/s": rates(count * len(parts), *parts),
            "signals/s": rates(count * len(parts[1:]), *parts[1:]),
        }
    return found


def measured(scratch: Path, args) -> dict:
    """Make the datasets, time their stages, return the report."""
    plain = of_plain(scratch, args.plain)
    direct, peaks = of_source(scratch, "cbc", args.direct)
    scaled, more = of_source(scratch, "cbc_scaled", args.scaled)
    ratios = {}
    for name, one in (direct | scaled).items():
        ratios[name] = {
            kind: [rounded(rate / other["examples/s"][kind]) for other in plain.values()]
            for kind, rate in one["examples/s"].items()
        }
    return {
        **plain,
        **direct,
        **scaled,
        "over plain, over plain with a known PSD": ratios,
        "peak memory of a worker (MiB)": peaks | more,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--direct", type=int, default=384, help="rows of LAL's waveforms, and four times these"
    )
    parser.add_argument("--scaled", type=int, default=2048, help="rows of cbc_scaled, and four times these")
    parser.add_argument("--plain", type=int, default=12, help="examples of each class by the plain script")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(measured(Path(scratch), args), indent=1))


if __name__ == "__main__":
    main()
