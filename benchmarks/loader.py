"""How fast examples come: shuffled batches of a store beside other readers, and mixing beside training.

    python benchmarks/loader.py TRAINING_SET [--rounds 5]

The training set is a finished dataset, such as results/ccsn/train. Reading: batches of 128 in a random order,
from the page cache, by ours, by torch's DataLoader, one example at a time by zarr-python and h5py (the same
chunks in an HDF5 file), and what none can beat: unpacking alone, and copying out of memory.
Mixing: epochs of training on rows that are drawn anew, beside the same from arrays in memory, one thread of
torch and one that reads ahead. Rounds are interleaved in one process; read the ratios.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import torch
import zarr
from learn import BATCH, InMemory, settings_for, steps_alone
from measuring import peak_mib
from numcodecs import blosc
from torch.utils.data import BatchSampler, DataLoader, RandomSampler

import gwsim
from gwsim import shards, train
from gwsim.cli.memory import keep_freed_memory

ONE_BY_ONE = 1000
SNRS = [20, 50]


def one_by_one(array, order: np.ndarray) -> None:
    """Read examples as a dataset's __getitem__ would, and put batches together."""
    for first in range(0, len(order), BATCH):
        torch.stack([torch.from_numpy(array[int(row)]) for row in order[first : first + BATCH]])


def all_of(batches) -> None:
    for _ in batches:
        pass


def packed(path: Path, count: int) -> list[bytes]:
    """Return the inner chunks of a store's first rows, as they lie in its files."""
    array, found = shards.opened(path), []
    for row in range(count):
        shard, place = divmod(row, array._shard[0])
        offset, size = (int(one) for one in array._files().index(shard)[place].reshape(-1))
        found.append(array._files().read(shard, offset, size)[:-4])
    return found


def unpacked(chunks: list[bytes], out: np.ndarray) -> None:
    blosc.use_threads = False  # as where we read; a process's first thread would have several
    for place, chunk in enumerate(chunks):
        blosc.decompress(chunk, out[place % len(out)])


def hdf5(path: Path, values: np.ndarray) -> None:
    """Write a file with the same chunks, compressed as h5py can and not at all."""
    with h5py.File(path, "w") as file:
        chunks = (1, *values.shape[1:])
        file.create_dataset("gzip", data=values, chunks=chunks, compression="gzip", shuffle=True)
        file.create_dataset("plain", data=values, chunks=chunks)


def readers(folder: Path, data, scratch: Path) -> dict:
    """Return what is timed, each with the examples that it reads: name -> (count, function of an order)."""
    values, path = data[:][0].numpy(), folder / "data.zarr" / data.view.array
    hdf5(scratch / "same.h5", values)
    file, plain = h5py.File(scratch / "same.h5", "r"), zarr.open_array(path, mode="r")
    one = gwsim.open(folder, data.view.array, threads=1)
    chunks, out = packed(path, min(len(data), 2 * ONE_BY_ONE)), np.empty((BATCH, *data.shape), np.float32)
    few, every = min(len(data), ONE_BY_ONE), len(data)
    batched = BatchSampler(RandomSampler(data), BATCH, drop_last=False)
    return {
        "ours: batches": (every, lambda order: all_of(data.batches(BATCH))),
        "ours: batches, one thread": (every, lambda order: all_of(one.batches(BATCH))),
        "DataLoader": (every, lambda order: all_of(DataLoader(data, BATCH, shuffle=True))),
        "DataLoader, whole batches": (
            every,
            lambda order: all_of(DataLoader(data, batch_size=None, sampler=batched)),
        ),
        "DataLoader, two workers": (
            every,
            lambda order: all_of(DataLoader(data, BATCH, shuffle=True, num_workers=2)),
        ),
        "zarr-python, one by one": (few, lambda order: one_by_one(plain, order)),
        "h5py, one by one, gzip": (few, lambda order: one_by_one(file["gzip"], order)),
        "h5py, one by one, not packed": (few, lambda order: one_by_one(file["plain"], order)),
        "unpacking alone, one thread": (len(chunks), lambda order: unpacked(chunks, out)),
        "copying out of memory": (
            every,
            lambda order: [np.take(values, part, axis=0) for part in np.array_split(order, every // BATCH)],
        ),
    }


def reading(folder: Path, data, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        cases, times = readers(folder, data, Path(scratch)), {}
        for number in range(rounds + 1):
            for name, (count, read) in cases.items():
                order = np.random.default_rng(number).permutation(len(data))[:count]
                start, used = time.perf_counter(), time.process_time()
                read(order)
                taken = (time.perf_counter() - start) / count, (time.process_time() - used) / count
                times.setdefault(name, []).append(taken)
    print(f"reading {len(data)} examples of {data.view.array} {data.shape}, medians of {rounds} rounds")
    rates = {name: 1 / statistics.median(wall for wall, _ in each[1:]) for name, each in times.items()}
    best = rates["unpacking alone, one thread"]
    for name, rate in rates.items():
        used = statistics.median(one for _, one in times[name][1:])
        print(
            f"{name:32s} {rate:8.0f} examples/s, {rate / best:5.2f} of unpacking alone, "
            f"{1e6 * used:5.0f} us of this process's processors each"
        )


def mixing(folder: Path, rounds: int) -> None:
    device, low_high = torch.device("cpu"), {"uniform": SNRS}
    data = gwsim.open(folder, "spectrogram", "minmax", snr=low_high, keep_mib=4096)
    plain, few = (
        gwsim.open(folder, "spectrogram", "minmax", **its) for its in ({}, {"snr": 30, "keep_mib": 0})
    )
    settings = settings_for(data)
    anew = settings | {"mix": True, "phases": [{"epochs": 100, "snr": SNRS}]}
    memory, same = InMemory(plain._source), (data._source, few._source)
    runs = {
        "training, arrays in memory": train.Training(memory, memory, settings, 1, device, 0),
        "training, mixed anew": train.Training(same[0], same[1], anew, 1, device, 0),
        "training, mixed, nothing kept": train.Training(same[1], same[1], anew, 1, device, 0),
    }
    times: dict[str, list[float]] = {}
    for epoch in range(rounds + 1):
        for name, training in runs.items():
            times.setdefault(name, []).append(steps_alone(training, epoch, device))
        data.set_epoch(epoch + 100)
        start = time.perf_counter()
        all_of(data.batches(BATCH))
        times.setdefault("mixing alone", []).append(time.perf_counter() - start)
    base = statistics.median(times["training, arrays in memory"][1:])
    print(f"mixing {len(data)} examples, SNRs drawn anew in each of {rounds} epochs after the first")
    for name, each in times.items():
        taken = statistics.median(each[1:])
        first = f", the first epoch at {len(data) / each[0]:.0f}"
        print(f"{name:32s} {len(data) / taken:8.0f} examples/s, {base / taken:6.1%} of memory{first}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    reading(args.data, gwsim.open(args.data, "spectrogram"), args.rounds)
    print(f"peak memory {peak_mib():.0f} MiB, of which the examples once in memory")
    mixing(args.data, args.rounds)
    print(f"peak memory {peak_mib():.0f} MiB")


if __name__ == "__main__":
    main()
