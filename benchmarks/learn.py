"""How fast networks learn, beside the same arithmetic on random tensors and the same examples in memory.

Usage: python benchmarks/learn.py TRAINING_SET [--device cuda] [--epochs 3]
The training set is a finished dataset, such as results/ccsn/train. Every rate is the median of interleaved
epochs in one process; read the ratios.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from gwsim import dataset, devices, models, train
from gwsim.cli.memory import keep_freed_memory

BATCH = 128


class InMemory:
    """A dataset whose scaled examples are one array in memory."""

    def __init__(self, examples):
        for name in ("name", "table", "classes", "ifos", "sample_rate", "shape"):
            setattr(self, name, getattr(examples, name))
        self._values = examples.read(np.arange(len(examples.table)))

    def read(self, rows):
        return self._values[rows]


def settings_for(examples) -> dict:
    return {
        "model": "ccsn_cnn",
        "classes": examples.classes,
        "phases": [{"epochs": 100}],
        "curriculum": "replace",
        "mix": False,
        "batch": BATCH,
        "learning_rate": 5e-4,
        "schedule": "constant",
        "precision": "float32",
        "validation_examples": BATCH,
    }


def bare(examples, device: torch.device, steps: int) -> float:
    """Return seconds of forward and backward passes and steps of Adam on one random batch."""
    step = bare_step(examples.shape, len(examples.classes), device)
    start = time.perf_counter()
    for _ in range(steps):
        step()
    wait(device)
    return time.perf_counter() - start


def bare_step(shape: tuple[int, ...], classes: int, device: torch.device):
    """Return one step on a random batch that is ready."""
    model = models.build("ccsn_cnn", shape, classes, 1)
    model = model.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), 5e-4)
    x = devices.put(torch.rand(BATCH, *shape), device)
    y = torch.arange(BATCH, device=device) % classes

    def step() -> None:
        loss = cross_entropy(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def steps_alone(training, epoch: int, device: torch.device) -> float:
    """Return seconds of an epoch's steps, its validation left out."""
    start = time.perf_counter()
    for step in training.epoch(epoch):
        if step + 1 == training.batches(epoch):
            wait(device)
            seconds = time.perf_counter() - start
    return seconds


def read_alone(source, rows: np.ndarray) -> float:
    """Return seconds to read all rows in batches, doing nothing with them."""
    start = time.perf_counter()
    for _ in dataset.batches(source.read, rows, BATCH):
        pass
    return time.perf_counter() - start


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    device = devices.choose(args.device)
    examples = dataset.Examples(args.data)
    memory, settings = InMemory(examples), settings_for(examples)
    count = len(examples.table) // BATCH * BATCH
    whole = 4 * examples.table.shape[0] * int(np.prod(examples.shape))
    runs = {
        "training, arrays in memory": train.Training(memory, memory, settings, 1, device, 0),
        "training, store, nothing kept": train.Training(examples, memory, settings, 1, device, 0),
        "training, store, rows kept": train.Training(examples, memory, settings, 1, device, whole),
    }
    times: dict[str, list[float]] = {}
    for epoch in range(args.epochs):
        times.setdefault("bare passes on random tensors", []).append(bare(examples, device, count // BATCH))
        for name, training in runs.items():
            times.setdefault(name, []).append(steps_alone(training, epoch, device))
        order = np.random.default_rng(epoch).permutation(count)
        for name, source in (("reading alone, arrays in memory", memory), ("reading alone, store", examples)):
            times.setdefault(name, []).append(read_alone(source, order))
    # The first epoch warms up, and fills what is kept.
    rates = {name: count / statistics.median(each[1:]) for name, each in times.items()}
    base, same = rates["bare passes on random tensors"], rates["training, arrays in memory"]
    print(f"{count} examples of shape {examples.shape}, {device}, one thread, {args.epochs - 1} epochs each")
    for name, rate in rates.items():
        beside = f"{rate / base:6.1%} of bare, {rate / same:6.1%} of memory" if "training" in name else ""
        print(f"{name:34s} {rate:8.0f} examples/s  {beside}")


if __name__ == "__main__":
    main()
