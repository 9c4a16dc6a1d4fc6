"""What the benchmarks of examples share: a scratch folder with noise, bank and table; workers that render.

The folder gets `noise`, `bank`, `draw.parquet`, and `strain.npy`, 512 s of raw strain of every ifo.
"""

import multiprocessing
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from measuring import peak_mib

from gwsim import draw, layout, noise, segments, sharding, stages, store
from gwsim.cli.memory import keep_freed_memory
from gwsim.strain import simulated
from gwsim.waveforms import bank, sources

ROOT = Path(__file__).resolve().parents[1]
START, SECONDS = 1238236160, 512


def configuration(experiment: str, examples: int, source: str | None = None) -> dict:
    """Return config.yaml with 512 s for training, one experiment alone, perhaps another source."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["segments"]["splits"]["train"] = [[START, START + SECONDS]]
    config["strain"]["simulated"]["gaps_per_day"] = config["strain"]["simulated"]["failed_bits_per_day"] = 0
    only = config["experiments"][experiment]
    only["datasets"]["train"]["examples"] = examples
    only["waveforms"]["source"] = source or only["waveforms"]["source"]
    return config | {"experiments": {experiment: only}}


def settings_of(config: dict) -> dict:
    """Return the settings of the dataset's stages, and of the noise."""
    parts, (experiment,) = stages.settings(config), config["experiments"]
    own = {name: parts[f"{experiment}/train/{name}"] for name in ("draw", "waveforms", "render")}
    own["draw"] |= {"margin": noise.margin_samples(own["draw"])}
    return own | {"segments": parts["segments"], "noise": parts[f"noise/{config['run']}"]}


def prepare_noise(folder: Path, config: dict) -> None:
    """Make raw strain and the noise store."""
    strain, settings = make_strain(config), settings_of(config)
    make_noise(folder / "noise", blocks_of(settings), strain, settings["noise"])
    np.save(folder / "strain.npy", np.stack(strain))


def blocks_of(settings: dict) -> list[dict]:
    """Return the PSD blocks of the 512 s."""
    return segments.cut({"split": "train", "start": START, "end": START + SECONDS}, settings["segments"])


def make_strain(config: dict) -> list[np.ndarray]:
    own = config["strain"]["simulated"]
    made = (
        simulated.make(own, config["seed"], ifo, START, START + SECONDS, config["sample_rate"])
        for ifo in config["ifos"]
    )
    return [stretch.strain for stretch in made]


def make_noise(folder: Path, blocks: list[dict], strain: list[np.ndarray], settings: dict) -> None:
    def whitened(index):
        first, last = (settings["sample_rate"] * (blocks[index][end] - START) for end in ("start", "end"))
        made = [noise.of_block(one[first:last], settings) for one in strain]
        return {name: np.stack([one[name] for one in made])[None] for name in made[0]}, None

    ranges = [(i, i + 1) for i in range(len(blocks))]
    store.create(folder, noise.arrays(len(blocks), settings))
    list(store.write_shards(folder, range(len(blocks)), ranges, str, whitened))


def make_table(folder: Path, settings: dict) -> pd.DataFrame:
    """Draw the table and write it; return the systems."""
    signals = sources.SOURCES[settings["waveforms"]["source"]]
    systems, table = draw.draw(blocks_of(settings), signals, settings["draw"])
    store.write_table(folder / "draw.parquet", table, draw.ROW_GROUP)
    return systems


def make_bank(folder: Path, systems: pd.DataFrame, settings: dict) -> None:
    """Write the bank of some systems, as the stage does."""
    signals = sources.SOURCES[settings["source"]]
    rows = signals.rows(systems)
    ranges = sharding.shard_ranges(len(rows), sharding.BANK_ROWS)

    def make(index):
        values, realised = signals.make(rows.iloc[slice(*ranges[index])], settings)
        return {signals.ARRAY: values}, realised

    store.create(folder, [signals.layout(len(rows), settings)])
    made = list(store.write_shards(folder, range(len(ranges)), ranges, str, make))
    if made[0]["columns"]:
        systems = systems.assign(**store.realised(folder, ranges))
    store.write_table(folder / bank.SYSTEMS, systems)


def bank_anew(folder: Path, systems: pd.DataFrame, settings: dict):
    """Return what makes the bank of some systems, though one stands, and says how many they are."""

    def work() -> int:
        shutil.rmtree(folder, ignore_errors=True)
        make_bank(folder, systems, settings)
        return len(systems)

    return work


def renderer_of(folder: Path, settings: dict):
    """Return the renderer of a scratch folder, on one thread."""
    import torch

    from gwsim import render

    torch.set_num_threads(1)
    source, waveforms = (folder / name / "shards.zarr" for name in ("noise", "bank"))
    return render.Renderer(settings, noise.NoiseStore(source), sources.opened(waveforms))


def worker(folder: Path, settings: dict, shards: range, ready, done, opened=renderer_of) -> None:
    """Write some shards, all workers starting at once; report the times and the peak memory.

    opened: gives the renderer of a folder and settings.
    """
    keep_freed_memory()
    renderer, kept = opened(folder, settings), {}
    ranges = sharding.shard_ranges(settings["examples"], settings["shard_rows"])

    def make(index):
        arrays, columns = renderer.rows(store.read_rows(folder / "draw.parquet", *ranges[index]), out=kept)
        kept.update(arrays)
        return arrays, columns

    # What libraries do when they are used first belongs to the start.
    renderer.rows(store.read_rows(folder / "draw.parquet", 0, sharding.LEAST_ROWS))
    ready.wait()
    start, used = time.perf_counter(), time.process_time()
    list(store.write_shards(folder, shards, ranges, str, make))
    done.put((start, time.perf_counter(), time.process_time() - used, peak_mib()))


def on_disk(folder: Path, settings: dict, workers: int, job=worker) -> dict[str, float]:
    """Render and write a dataset, or what else a worker's job does with its shards; return what it took.

    seconds from the first worker's start to the last one's end, used: of processors, peak: MiB, the greatest.
    """
    store.create(folder, layout.arrays(settings))
    count = len(sharding.shard_ranges(settings["examples"], settings["shard_rows"]))
    ready = multiprocessing.get_context("spawn").Barrier(workers)
    pieces = [(folder, settings, range(i, count, workers), ready) for i in range(workers)]
    begun, ended, used, peaks = zip(*together(job, pieces), strict=True)
    return {"seconds": max(ended) - min(begun), "used": sum(used), "peak": max(peaks)}


def together(job, arguments: list[tuple]) -> list:
    """Run a process for each tuple of arguments and return what each puts in its queue, its last argument."""
    context = multiprocessing.get_context("spawn")
    done = context.Queue()
    jobs = [context.Process(target=job, args=(*one, done)) for one in arguments]
    for one in jobs:
        one.start()
    reports = [done.get() for _ in jobs]
    for one in jobs:
        one.join()
    return reports
