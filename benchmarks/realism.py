"""Are simulated glitches like real ones? Networks that saw only the one kind are asked about the other.

python benchmarks/realism.py TRAIN VALIDATION SET [--seeds 5] [--epochs 30]

TRAIN and VALIDATION are folders of simulated datasets (results/glitch/train), SET a folder of real pictures
or the HDF5 file of Gravity Spy's training set. Prints, for each class, how often a network trained on
simulated views names it: of simulated validation views, and of real ones. Then the other way round: networks
that saw only the real views, of which there may be one a class, are asked about the simulated ones. Views are
seen four at a time, 56 x 56 pixels each, by a small network; augmentation is a shift in time and a factor on
the energy.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

from gwsim.gravityspy import sets
from gwsim.gravityspy.glitch import CLASSES

SIZE, BATCH = 56, 64
# Of a view's width, and around one: what augmentation does to both kinds alike.
SHIFT, FACTOR = 0.04, 0.3


def simulated(folder: Path) -> tuple[torch.Tensor, np.ndarray]:
    """Return views (sample, duration, frequency, time), 0 to 1, and labels as places in CLASSES."""
    import json

    import pandas as pd

    from gwsim import store

    classes = json.loads((folder / "data.zarr/zarr.json").read_text())["attributes"]["classes"]
    labels = pd.read_parquet(folder / "table.parquet", columns=["label"])["label"]
    views = store.open_array(folder / "data.zarr/qscan").read().result()
    return small(views), np.array([CLASSES.index(classes[label]) for label in labels])


def real(path: Path) -> tuple[torch.Tensor, np.ndarray]:
    """Return the same of a real set."""
    glitches = sets.find(path).glitches
    views = np.stack([sets.read(glitch) for glitch in glitches])
    return small(views), np.array([CLASSES.index(glitch.label) for glitch in glitches])


def small(views: np.ndarray) -> torch.Tensor:
    """Return views of SIZE pixels a side, 0 to 1."""
    size = views.shape[-1] // SIZE
    parts = torch.from_numpy(views).split(256)
    return torch.cat([nn.functional.avg_pool2d(part.float() / 255, size) for part in parts])


def network() -> nn.Module:
    """Return a network of four views."""

    def block(before, after):
        return [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]

    layers = [*block(4, 16), *block(16, 32), *block(32, 64)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.5), nn.LazyLinear(len(CLASSES)))


def trained(views: torch.Tensor, labels: np.ndarray, epochs: int, seed: int) -> nn.Module:
    """Return a network trained on views, augmented anew each time they are seen."""
    torch.manual_seed(seed)
    model, labels = network(), torch.from_numpy(labels)
    model(views[:2])
    steps = epochs * -(-len(views) // BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(views)).split(BATCH):
            if len(rows) < 2:
                continue
            loss = nn.functional.cross_entropy(
                model(augmented(views[rows])), labels[rows], label_smoothing=0.1
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def augmented(views: torch.Tensor) -> torch.Tensor:
    """Return views shifted in time by the same seconds in all durations, and fainter or brighter."""
    shift = (torch.rand(len(views)) * 2 - 1) * SHIFT * SIZE
    moved = torch.stack(
        [
            torch.stack([torch.roll(view, round(float(s) / 2**place), -1) for place, view in enumerate(item)])
            for item, s in zip(views, shift, strict=True)
        ]
    )
    return (moved * (1 + FACTOR * (torch.rand(len(views), 1, 1, 1) * 2 - 1))).clamp(0, 1)


def recall(models: list[nn.Module], views: torch.Tensor, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each class is named, over all networks, and the class most often named instead."""
    with torch.inference_mode():
        named = np.concatenate(
            [torch.cat([m(p) for p in views.split(256)]).argmax(1).numpy() for m in models]
        )
    counts = np.zeros((len(CLASSES), len(CLASSES)))
    np.add.at(counts, (np.tile(labels, len(models)), named), 1)
    right = np.divide(
        np.diag(counts), counts.sum(1), out=np.full(len(CLASSES), np.nan), where=counts.sum(1) > 0
    )
    np.fill_diagonal(counts, 0)
    return right, np.where(counts.any(1), counts.argmax(1), -1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("validation", type=Path)
    parser.add_argument("set", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    args = parser.parse_args()
    seen, of_seen = simulated(args.train)
    unseen, of_unseen = simulated(args.validation)
    truth, of_truth = real(args.set)
    models = [trained(seen, of_seen, args.epochs, seed) for seed in range(args.seeds)]
    few = [trained(truth.repeat(30, 1, 1, 1), np.tile(of_truth, 30), 5, seed) for seed in range(args.seeds)]
    columns = [
        recall(models, unseen, of_unseen),
        recall(models, truth, of_truth),
        recall(few, unseen, of_unseen),
    ]
    print(f"{len(seen)} simulated glitches to learn from, {len(truth)} real ones, {args.seeds} networks each")
    heads = ["sim to sim", "sim to real", "real to sim"]
    print(f"{'class':20}" + "".join(f"{head:>34}" for head in heads))
    for number, name in enumerate(CLASSES):
        cells = "".join(
            f"{right[number]:>10.0%} {'' if other[number] < 0 else CLASSES[other[number]]:>23}"
            for right, other in columns
        )
        print(f"{name:20}{cells}")
    print(f"{'mean':20}" + "".join(f"{np.nanmean(right):>10.1%}{'':24}" for right, _ in columns))


if __name__ == "__main__":
    main()
