"""How fast examples are made anew at another SNR: noise, systems and waveforms stand already.

    python benchmarks/new_snr.py [--examples 60000] [--binaries 2048] [--plain 12] [--rounds 5] [--only NAME]

Everything is made in a scratch folder. `ccsn` is timed from the start of `gwsim render`, in as many processes
as there are workers, to the end of the last one. `cbc` is held against processes that write arrays which are
ready in memory, in turns with it, and against the plain script of benchmarks/cbc.py, with SEOBNRv4: ratios
are of one run, since machines differ and are shared. So is `cbc` from whitened signals that are kept. The
start of cbc's processes is left out.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

# First: it tells libraries to take one thread.
import cbc
import ccsn
import common
import numpy as np
import pandas as pd
from measuring import peak_mib, rounded

from gwsim import draw, kept_signals, layout, manifest, noise, sharding, store
from gwsim.cli.memory import keep_freed_memory

NEW, KEPT, READY = "new SNR", "new SNR from kept signals", "writing"


def at_new_snr(folder: Path, low: float, high: float) -> None:
    """Give the table's signals other SNRs, and leave all else as it is."""
    table = pd.read_parquet(folder / "draw.parquet")
    drawn = np.random.default_rng(1).uniform(low, high, len(table))
    wanted = np.where(table["system"] < 0, np.nan, drawn)
    store.write_table(folder / "draw.parquet", table.assign(snr_target=wanted), draw.ROW_GROUP)


def of_ccsn(scratch: Path, examples: int, workers: int) -> dict:
    """Return what `gwsim render` took for a dataset, its start included."""
    folder = scratch / "ccsn"
    folder.mkdir()
    settings = ccsn.prepare(folder, examples)
    at_new_snr(folder, 8, 12)
    store.create(folder, layout.arrays(settings))
    (folder / "render.json").write_text(json.dumps(settings))
    for name in ("noise", "bank"):
        (folder / name / "data.zarr").symlink_to("shards.zarr")
        (folder / name / "manifest.json").touch()
    shards = len(sharding.shard_ranges(examples, settings["shard_rows"]))
    per_job = -(-shards // workers)
    start = time.perf_counter()
    jobs = [render_job(folder, part) for part in sharding.parts(examples, settings["shard_rows"], per_job)]
    ended = [os.wait4(job.pid, 0) for job in jobs]
    seconds = time.perf_counter() - start
    if any(status for _, status, _ in ended):
        sys.exit("a job of ccsn failed")
    used = sum(usage.ru_utime + usage.ru_stime for *_, usage in ended)
    return {
        "processes": len(jobs),
        "examples": examples,
        "seconds": rounded(seconds),
        "seconds of processors": rounded(used),
        "examples/s": rounded(examples / seconds),
        "seconds for 60,000": rounded(60000 * seconds / examples),
    }


def render_job(folder: Path, part: str) -> subprocess.Popen:
    """Start `gwsim render` for some shards."""
    options = {
        "settings": "render.json",
        "table": "draw.parquet",
        "noise": "noise/manifest.json",
        "bank": "bank/manifest.json",
        "layout": "shards.zarr/zarr.json",
        "record": f"records/{part}.json",
    }
    told = [word for name, value in options.items() for word in (f"--{name}", folder / value)]
    command = [sys.executable, "-m", "gwsim", "render", "--part", part, *told]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def write_ready(folder: Path, settings: dict, shards: range, ready, done) -> None:
    """Write arrays that are there already as some shards, all workers starting at once."""
    keep_freed_memory()
    ranges = sharding.shard_ranges(settings["examples"], settings["shard_rows"])
    table = store.read_rows(folder / "draw.parquet", *ranges[shards[0]])
    arrays, columns = common.renderer_of(folder, settings).rows(table)

    def make(index):
        count = ranges[index][1] - ranges[index][0]
        return {name: values[:count] for name, values in arrays.items()}, columns.iloc[:count]

    ready.wait()
    start, used = time.perf_counter(), time.process_time()
    list(store.write_shards(folder, shards, ranges, str, make))
    done.put((start, time.perf_counter(), time.process_time() - used, peak_mib()))


def keep_signals(folder: Path, settings: dict, done) -> None:
    """Keep the whitened signals of the folder's table in a process of its own; tell what it took."""
    keep_freed_memory()
    watch = cbc.Stopwatch()
    signals = keep(folder, settings)
    size = sum(path.stat().st_size for path in (folder / "signals/data.zarr").rglob("*") if path.is_file())
    found = {"seconds": watch.read()["used"], "KB a signal": size / 1000 / signals}
    done.put({name: rounded(value) for name, value in found.items()})


def keep(folder: Path, settings: dict) -> int:
    """Keep the whitened signals of the folder's table, as the stage does; return how many."""
    settings, target = settings | {"keep_bits": 23}, folder / "signals"
    ranges = sharding.shard_ranges(settings["examples"], settings["shard_rows"])
    renderer, table = common.renderer_of(folder, settings), pd.read_parquet(folder / "draw.parquet")

    def make(index):
        return kept_signals.of_rows(renderer, table.iloc[slice(*ranges[index])])

    store.create(target, [kept_signals.array(settings)])
    list(store.write_shards(target, range(len(ranges)), ranges, str, make))
    columns = [kept_signals.known_by(table, settings), store.realised(target, ranges)]
    store.write_table(target / kept_signals.TABLE, pd.concat(columns, axis=1), settings["shard_rows"])
    about = kept_signals.attributes(settings, renderer.bank, "")
    manifest.finalise(target, manifest.whole_records(target, ranges), {}, about, {})
    return int((table["system"] >= 0).sum())


def from_kept(folder: Path, settings: dict):
    """Return what renders a scratch folder from its kept signals, on one thread."""
    import torch

    torch.set_num_threads(1)
    signals = kept_signals.Signals(folder / "signals", settings, "")
    return kept_signals.Renderer(settings, noise.NoiseStore(folder / "noise" / "shards.zarr"), signals)


def of_cbc(scratch: Path, examples: int, workers: int, rounds: int) -> dict:
    """Return the rates of rendering, in both ways, and of writing what is ready, in turns."""
    dataset = cbc.Dataset(scratch, "cbc", "cbc", examples)
    dataset.bank()
    at_new_snr(dataset.folder, 8, 12)
    settings = dataset.settings["render"]
    (keeping,) = common.together(keep_signals, [(dataset.folder, settings)])
    jobs = {NEW: common.worker, KEPT: partial(common.worker, opened=from_kept), READY: write_ready}
    spent = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            spent[name].append(common.on_disk(dataset.folder, settings, workers, job))
            for record in (dataset.folder / "records").glob("*.json"):
                record.unlink()
    found = {"processes": workers, "examples": examples, "keeping signals, one process": keeping}
    for kind in ("seconds", "used"):
        rates = {name: [examples / one[kind] for one in each] for name, each in spent.items()}
        told = {name: rounded(statistics.median(each)) for name, each in rates.items()}
        for name in (NEW, KEPT):
            shares = [100 * new / ready for new, ready in zip(rates[name], rates[READY], strict=True)]
            told[f"{name} in % of writing"] = [round(share) for share in sorted(shares)]
        found["by the clock" if kind == "seconds" else "by the processors' time"] = told
    peaks = {name: round(max(one["peak"] for one in spent[name])) for name in (NEW, KEPT)}
    return found | {"peak memory of a worker (MiB)": peaks}


def measured(scratch: Path, args) -> dict:
    """Make the datasets, time them, return the report."""
    report = {}
    if args.only != "cbc":
        report["ccsn"] = of_ccsn(scratch, args.examples, args.workers)
    if args.only != "ccsn":
        plain = cbc.of_plain(scratch, args.plain) if args.plain else {}
        report["cbc"] = of_cbc(scratch, args.binaries, args.workers, args.rounds)
        clocks = ("by the clock", "by the processors' time")
        for (name, one), whose in itertools.product(plain.items(), clocks):
            (slow,) = (rate for kind, rate in one["examples/s"].items() if kind[:8] == whose[:8])
            its = report["cbc"][whose]
            its |= {f"{kind} over {name} ({slow}/s)": rounded(its[kind] / slow) for kind in (NEW, KEPT)}
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=60000, help="rows of ccsn, a multiple of 10")
    parser.add_argument("--binaries", type=int, default=2048, help="rows of cbc, a multiple of 4")
    parser.add_argument("--plain", type=int, default=12, help="examples of each class by the plain script")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="turns of rendering and writing")
    parser.add_argument("--only", choices=("ccsn", "cbc"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(measured(Path(scratch), args), indent=1))


if __name__ == "__main__":
    main()
