"""One network's steps of training, beside bare forward and backward passes, in each precision.

    python benchmarks/gpu_networks.py NAME [--device auto] [--rounds 5] [--compiled]

Prints JSON. Steps are those of `gwsim.train`, of random examples in the host's memory. Bare passes are of one
batch that lies on the device, with the optimiser's step. With --compiled, bare passes of the network as it is
and by torch.compile; what compiling takes is told apart.
"""

import argparse
import json
import math
import statistics
import time

import learn
import numpy as np
import pandas as pd
import torch
from measuring import rounded
from torch.nn.functional import cross_entropy

from gwsim import devices, models, train

# Shapes, classes and batches of the papers' configurations (workflow/configs), and of the exercise.
NETWORKS = {
    "ccsn_cnn": ((3, 94, 33), 10, 128),
    "cbc_cnn2d": ((3, 65, 129), 4, 256),
    "resnet54": ((3, 16384), 4, 1024),
    "resnet54_mean": ((3, 2048), 4, 1024),
    "merged_view_cnn": ((1, 448, 448), 22, 60),
    "glitchnet": ((4, 224, 224), 22, 256),
    "toy_cnn": ((1, 32, 64), 3, 16),
    "linear_pixels": ((1, 32, 64), 2, 16),
}
# Steps of a round, and the most examples of a batch.
SIZES = {"cuda": (30, 1024), "cpu": (3, 8)}
# Of random examples, which are met again and again.
MOST_BYTES = 2**30


class Random:
    """Examples in memory, of no meaning."""

    name, ifos, sample_rate = "random", ["H1"], 4096

    def __init__(self, shape: tuple[int, ...], classes: int, count: int):
        self.shape, self.classes = shape, [str(label) for label in range(classes)]
        label = np.arange(count) % classes
        self.table = pd.DataFrame({"label": label, "snr": np.nan})
        there = min(count, max(1, MOST_BYTES // (4 * math.prod(shape))))
        self._values = np.random.default_rng(1).random((there, *shape), np.float32)

    def read(self, rows: np.ndarray) -> np.ndarray:
        return self._values[rows % len(self._values)]


def training(name: str, device: torch.device, precision: str, steps: int, batch: int) -> train.Training:
    """Return a network about to learn from random examples."""
    shape, classes, _ = NETWORKS[name]
    examples = Random(shape, classes, steps * batch)
    settings = learn.settings_for(examples) | {"model": name, "batch": batch, "precision": precision}
    return train.Training(examples, examples, settings | {"validation_examples": classes}, 1, device, 0)


class Bare:
    """Forward and backward passes and optimiser's steps of one batch on the device."""

    def __init__(self, name: str, device: torch.device, precision: str, batch: int, compiled: bool = False):
        shape, classes, _ = NETWORKS[name]
        layout = torch.channels_last if len(shape) == 3 else torch.contiguous_format
        model = models.build(name, shape, classes, 1).to(device, memory_format=layout)
        self._forward = model.each if hasattr(model, "each") else model
        if compiled:
            self._forward = torch.compile(self._forward)
        self._optimiser = torch.optim.Adam(model.parameters(), 5e-4)
        self._x = devices.put(torch.rand(batch, *shape), device)
        self._y = torch.arange(batch, device=device) % classes
        self._device, self._kind = device, getattr(torch, precision)
        # Gradients of float16 are below its least numbers unless they are scaled.
        self._scaler = torch.amp.GradScaler(device.type, enabled=precision == "float16")

    def steps(self, count: int) -> float:
        """Return the seconds of some steps."""
        learn.wait(self._device)
        start = time.perf_counter()
        for _ in range(count):
            loss = self._loss()
            self._optimiser.zero_grad()
            self._scaler.scale(loss).backward()
            self._scaler.step(self._optimiser)
            self._scaler.update()
        learn.wait(self._device)
        return time.perf_counter() - start

    def _loss(self) -> torch.Tensor:
        with torch.autocast(self._device.type, self._kind, enabled=self._kind != torch.float32):
            logits = self._forward(self._x)
        # Of a network with views, each is an example.
        views = (logits.shape[1],) if logits.ndim == 3 else ()
        labels = self._y.reshape(-1, *[1] * len(views)).expand(-1, *views)
        return cross_entropy(logits.float().movedim(-1, 1), labels)


def medians(works: dict, rounds: int, examples: int) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Return examples a second of each way, and the seconds of rounds, after a first that is not told."""
    took = [{name: work(turn) for name, work in works.items()} for turn in range(rounds + 1)][1:]
    return {name: rounded(examples / statistics.median(one[name] for one in took)) for name in works}, took


def ratio(took: list[dict[str, float]], one: str, other: str) -> float:
    """Return how many times as fast one way is as another: the median over rounds."""
    return rounded(statistics.median(each[other] / each[one] for each in took))


def measured(name: str, device: torch.device, rounds: int) -> dict:
    """Return the rates of training and of bare passes in each precision, and their ratios."""
    steps, most = SIZES[device.type]
    batch = min(NETWORKS[name][2], most)
    precisions = [*train.PRECISIONS, *(["float16"] if device.type == "cuda" else [])]
    works = {}
    for precision in precisions:
        if precision in train.PRECISIONS:
            learner = training(name, device, precision, steps, batch)
            works[f"training, {precision}"] = lambda turn, own=learner: learn.steps_alone(own, turn, device)
        bare = Bare(name, device, precision, batch)
        works[f"bare passes, {precision}"] = lambda _, own=bare: own.steps(steps)
    rates, took = medians(works, rounds, steps * batch)
    ratios = {
        f"training over bare passes, {one}": ratio(took, f"training, {one}", f"bare passes, {one}")
        for one in train.PRECISIONS
    }
    for kind in ("training", "bare passes"):
        ratios |= {
            f"{kind}, {one} over float32": ratio(took, f"{kind}, {one}", f"{kind}, float32")
            for one in precisions[1:]
            if f"{kind}, {one}" in works
        }
    return {"shape": NETWORKS[name][0], "batch": batch, "examples/s": rates, "ratios": ratios}


def compiled(name: str, device: torch.device, rounds: int) -> dict:
    """Return what torch.compile gains, and the seconds that compiling takes."""
    steps, most = SIZES[device.type]
    batch, found = min(NETWORKS[name][2], most), {}
    for precision in train.PRECISIONS:
        each = {
            kind: Bare(name, device, precision, batch, compiled=kind == "compiled")
            for kind in ("as it is", "compiled")
        }
        first = each["compiled"].steps(1)
        works = {kind: lambda _, own=own: own.steps(steps) for kind, own in each.items()}
        rates, took = medians(works, rounds, steps * batch)
        found[f"compiled, {precision} (examples/s)"] = rates["compiled"]
        found[f"compiled over as it is, {precision}"] = ratio(took, "compiled", "as it is")
        found[f"first step, {precision} (s)"] = rounded(first)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=NETWORKS)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compiled", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    device = devices.choose(args.device)
    work = compiled if args.compiled else measured
    print(json.dumps(work(args.name, device, args.rounds)))


if __name__ == "__main__":
    main()
