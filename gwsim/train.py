"""Training: a network learns its classes in phases of SNR, epoch by epoch, the same for the same seed.

Takes examples (see `dataset`) and the settings of one network; after every epoch there is a row of metrics
and a state from which training goes on and ends in the same weights, wherever it was killed. Noise has no
SNR and belongs to every phase. What batch normalisation takes for mean and variance of all examples is
estimated after every epoch, with the epoch's last weights, of examples as they are: the running means that
training leaves are of weights that were on their way, and of what augmentation made. With a `patience`
training ends early, and the network is that of the epoch with the lowest validation loss.

Columns of the metrics, one row an epoch: see COLUMNS.
"""

import math

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import update_bn

from gwsim import augment, dataset, devices, models, seeds, selection
from gwsim.errors import GwsimError

COLUMNS = {
    "epoch": "counted from one",
    "phase": "place in the list of phases",
    "examples": "examples seen in the epoch",
    "train_loss": "mean cross-entropy of the epoch's examples, each before its own step",
    "train_accuracy": "share of the epoch's examples classified correctly",
    "validation_loss": "mean cross-entropy of the validation set's examples of the phase",
    "validation_accuracy": "share of them classified correctly",
    "learning_rate": "learning rate of the epoch's last step",
    "seconds": "wall-clock time of the epoch",
}
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}
OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "adadelta": torch.optim.Adadelta}
AUGMENTED = {"physical": augment.Physical}
# Batches between two looks at the loss: a look makes a GPU wait.
LOOK_EVERY = 20
# The first of an epoch's examples, of which batch normalisation's statistics are estimated.
ESTIMATED = 2048


def phase_rows(table: pd.DataFrame, settings: dict, phase: int, name: str) -> np.ndarray:
    """Return the rows of one phase: noise, and signals in its range of SNR, of the settings' classes alone.

    A phase replaces the ranges before it, or adds to them where the curriculum is cumulative. Raises
    GwsimError, which names the dataset, where a class has no example.
    """
    phases = settings["phases"][: phase + 1]
    taken = phases if settings["curriculum"] == "cumulative" else phases[-1:]
    snr = selection.snr(table)
    if "snr_target" in table:
        # What was wanted, where an SNR was: the realised one is off by rounding, and values lie on borders.
        snr = table["snr_target"].fillna(pd.Series(snr, table.index)).to_numpy()
    inside = np.isnan(snr)
    for each in taken:
        low, high = each.get("snr", (0, np.inf))
        inside |= (snr >= low) & (snr <= high)
    inside &= table["label"].to_numpy() < len(settings["classes"])
    counts = np.bincount(table["label"].to_numpy()[inside], minlength=len(settings["classes"]))
    empty = [name for name, count in zip(settings["classes"], counts, strict=True) if not count]
    if empty:
        raise GwsimError(
            f"phase {phase} (SNR {[each.get('snr', 'any') for each in taken]}) has no example of "
            f"{', '.join(empty)} in {name}, whose SNRs run from {np.nanmin(snr, initial=np.inf):.1f} to "
            f"{np.nanmax(snr, initial=-np.inf):.1f}; change the phase's snr, or draw more examples"
        )
    return np.flatnonzero(inside)


def expect_classes(classes: list[str], examples) -> None:
    """Raise GwsimError where a dataset's first classes are not those of the settings."""
    if list(classes) != list(examples.classes)[: len(classes)]:
        raise GwsimError(
            f"the settings have the classes {', '.join(classes)}; {examples.name} has "
            f"{', '.join(examples.classes)}: make the dataset again with this configuration"
        )


def expect_alike(examples, validation) -> None:
    """Raise GwsimError where a validation set cannot validate what is learnt from a training set."""
    both = {
        name: (getattr(examples, name), getattr(validation, name))
        for name in ("classes", "ifos", "sample_rate", "shape")
    }
    faults = [
        f"{name}: {examples.name} has {ours}, {validation.name} has {theirs}"
        for name, (ours, theirs) in both.items()
        if ours != theirs
    ]
    if faults:
        raise GwsimError("the validation set is not like the training set:\n  " + "\n  ".join(faults))


def sentence(row: dict, total: int) -> str:
    """Return an epoch's metrics in words."""
    return (
        f"epoch {row['epoch']} of {total}, phase {row['phase']}: train loss {row['train_loss']:.4f}, "
        f"accuracy {row['train_accuracy']:.2%}; validation loss {row['validation_loss']:.4f}, "
        f"accuracy {row['validation_accuracy']:.2%}; {row['examples'] / row['seconds']:.0f} examples/s"
    )


class Training:
    """A network on its way: `epoch` trains it by one, `state` and `restore` carry it over a kill."""

    def __init__(
        self, examples, validation, settings: dict, seed: int, device: torch.device, keep_bytes: int
    ):
        self.settings, self.seed, self.device = settings, seed, device
        self.examples, self.validation, self.keep_bytes = examples, validation, keep_bytes
        model = models.build(settings["model"], examples.shape, len(settings["classes"]), seed)
        layout = torch.channels_last if len(examples.shape) == 3 else torch.contiguous_format
        self.model = model.to(device, memory_format=layout)
        make = OPTIMISERS[settings.get("optimiser", "adam")]
        self.optimiser = make(self.model.parameters(), settings["learning_rate"])
        wanted = settings.get("augment")
        self._augment = wanted and AUGMENTED[wanted](examples, seed, apart=hasattr(model, "each"))
        self._best: dict[str, torch.Tensor] = {}
        self.history: list[dict] = []
        self._phase = -1
        # A phase that cannot be run is told now, not after the hours of those before it.
        for phase in range(len(settings["phases"])):
            for each in (examples, validation):
                self._rows_of(each, phase)
        self.phases = np.repeat(
            np.arange(len(settings["phases"])), [phase["epochs"] for phase in settings["phases"]]
        )

    def state(self) -> dict[str, torch.Tensor]:
        """Return all tensors that training goes on from."""
        found = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        found |= {f"best.{name}": value for name, value in self._best.items()}
        for place, entry in self.optimiser.state_dict()["state"].items():
            found |= {f"optimiser.{place}.{name}": value for name, value in entry.items()}
        return found

    def restore(self, tensors: dict[str, torch.Tensor], history: list[dict]) -> None:
        """Go on from an earlier state."""
        split: dict = {"model": {}, "optimiser": {}, "best": {}}
        for name, value in tensors.items():
            kind, rest = name.split(".", 1)
            split[kind][rest] = value
        self.model.load_state_dict(split["model"])
        self._best = split["best"]
        moments: dict = {}
        for name, value in split["optimiser"].items():
            place, key = name.split(".")
            moments.setdefault(int(place), {})[key] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        # A file has no memory layout: moments lie as their weights do, as they would have without the kill.
        for weight, entry in self.optimiser.state.items():
            for key, value in entry.items():
                if value.shape == weight.shape:
                    entry[key] = torch.empty_like(weight).copy_(value)
        self.history = list(history)

    @property
    def ended(self) -> bool:
        """Whether all epochs are done, or so many without a lower validation loss as patience allows."""
        done, patience = len(self.history), self.settings.get("patience")
        return done == len(self.phases) or bool(patience and done - self.best_epoch >= patience)

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest validation loss, counted from one; the last one without patience."""
        if not self.settings.get("patience"):
            return len(self.history)
        return 1 + int(np.argmin([row["validation_loss"] for row in self.history])) if self.history else 0

    def network(self) -> dict[str, torch.Tensor]:
        """Return the weights of the network that training ends with."""
        return self._best or self.model.state_dict()

    def batches(self, epoch: int) -> int:
        """Return how many steps an epoch has."""
        self._enter(int(self.phases[epoch]))
        return -(-len(self._rows) // self.settings["batch"])

    def epoch(self, epoch: int):
        """Train one epoch, counted from zero; yield after each step, then append to the history."""
        self._enter(int(self.phases[epoch]))
        seen = _Tally(self.device)
        source = self._source(epoch)
        order = seeds.generator(self.seed, "shuffle", epoch).permutation(self._rows)
        self.model.train()
        # Whatever a network draws while it trains (dropout) follows from the epoch alone.
        with torch.random.fork_rng(devices=_cuda(self.device)):
            torch.manual_seed(seeds.key(self.seed, "epoch", epoch) % 2**63)
            for step, (rows, x) in enumerate(dataset.batches(source.read, order, self.settings["batch"])):
                self._set_rate((epoch + step / self.batches(epoch)) / len(self.phases))
                logits, loss = self._forward(self.examples, rows, self._augmented(x, rows, epoch))
                self.optimiser.zero_grad()
                loss.backward()
                self.optimiser.step()
                seen.add(logits, loss, self._labels(self.examples, rows))
                if step % LOOK_EVERY == 0:
                    self._look(seen, epoch, step)
                yield step
            self._estimate(source, order)
        held = self._validate()
        self._look(seen, epoch, step)
        self._look(held, epoch, step)
        self.history.append(
            {
                "epoch": epoch + 1,
                "phase": self._phase,
                "examples": len(order),
                **seen.means("train"),
                **held.means("validation"),
                "learning_rate": self.optimiser.param_groups[0]["lr"],
            }
        )
        if self.settings.get("patience") and self.best_epoch == len(self.history):
            self._best = {name: value.clone() for name, value in self.model.state_dict().items()}

    def _set_rate(self, done: float) -> None:
        """Set the learning rate of the step before which this part of all epochs is done."""
        fallen = (1 + math.cos(math.pi * done)) / 2 if self.settings["schedule"] == "cosine" else 1.0
        self.optimiser.param_groups[0]["lr"] = self.settings["learning_rate"] * fallen

    def _estimate(self, source, order: np.ndarray) -> None:
        """Estimate the statistics of batch normalisation, where there is any, over whole batches."""
        size = self.settings["batch"]
        rows = order[: max(min(len(order), ESTIMATED) // size, 1) * size]
        batches = dataset.batches(source.read, rows, size)
        with self._autocast():
            update_bn((devices.put(x, self.device) for _, x in batches), self.model)

    def _enter(self, phase: int) -> None:
        """Choose a phase's rows, and what holds them in memory."""
        if phase == self._phase:
            return
        self._phase = phase
        self._rows = self._rows_of(self.examples, phase)
        held = self._rows_of(self.validation, phase)
        labels = self.validation.table["label"].to_numpy()[held]
        # Some of each class: rows of given pictures stand class by class.
        self._held = held[selection.balanced(labels, self.settings["validation_examples"])]
        # The arrays of the phase before are let go first.
        self._kept = self._kept_held = None
        if not self.settings["mix"]:
            self._kept = dataset.Kept(self.examples, self._rows, self.keep_bytes)
        held = self._mixed(self.validation, "validation", phase) if self.settings["mix"] else self.validation
        self._kept_held = dataset.Kept(held, self._held, self.keep_bytes // 4)

    def _rows_of(self, examples, phase: int) -> np.ndarray:
        # Mixed examples have no SNR yet.
        settings = {**self.settings, "phases": [{}]} if self.settings["mix"] else self.settings
        return phase_rows(examples.table, settings, 0 if self.settings["mix"] else phase, examples.name)

    def _source(self, epoch: int):
        """Return what this epoch's examples are read from: the store, or its rows at freshly drawn SNRs."""
        return self._mixed(self.examples, "train", epoch) if self.settings["mix"] else self._kept

    def _mixed(self, examples, *labels):
        """Return a dataset's rows at SNRs drawn from the phase's range."""
        low, high = self.settings["phases"][self._phase]["snr"]
        drawn = seeds.uniforms(self.seed, "snr", *labels, size=len(examples.table))
        return examples.at(low + (high - low) * drawn)

    def _augmented(self, x: torch.Tensor, rows: np.ndarray, epoch: int) -> torch.Tensor:
        return self._augment(x.to(self.device), rows, epoch) if self._augment else x

    def _labels(self, examples, rows: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(examples.table["label"].to_numpy()[rows], dtype=torch.int64).to(self.device)

    def _forward(self, examples, rows: np.ndarray, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the examples' logits, and the mean loss: of a network with `each`, over all their views."""
        x, labels = devices.put(x, self.device), self._labels(examples, rows)
        if not hasattr(self.model, "each"):
            with self._autocast():
                logits = self.model(x)
            return logits, cross_entropy(logits.float(), labels)
        with self._autocast():
            each = self.model.each(x)
        each = each.float()
        return self.model.joined(each), cross_entropy(each.mT, labels[:, None].expand(each.shape[:2]))

    def _autocast(self):
        kind = PRECISIONS[self.settings["precision"]]
        return torch.autocast(self.device.type, dtype=kind, enabled=kind is not None)

    @torch.no_grad()
    def _validate(self) -> "_Tally":
        self.model.eval()
        seen = _Tally(self.device)
        for rows, x in dataset.batches(self._kept_held.read, self._held, 4 * self.settings["batch"]):
            seen.add(*self._forward(self.validation, rows, x), self._labels(self.validation, rows))
        return seen

    def _look(self, seen: "_Tally", epoch: int, step: int) -> None:
        if not seen.finite():
            raise GwsimError(
                f"the loss is not finite in epoch {epoch + 1}, step {step + 1} (learning rate "
                f"{self.settings['learning_rate']:g}, precision {self.settings['precision']}): lower the "
                "learning rate, or look whether `gwsim verify` finds the dataset whole; the weights of the "
                "last whole epoch are kept"
            )


class _Tally:
    """Sums over examples, kept where the network is, so that it never waits for them."""

    def __init__(self, device: torch.device):
        self._sums = torch.zeros(2, dtype=torch.float64, device=device)
        self._count = 0

    def add(self, logits: torch.Tensor, loss: torch.Tensor, labels: torch.Tensor) -> None:
        right = (logits.detach().argmax(-1) == labels).sum()
        self._sums += torch.stack([loss.detach().double() * len(labels), right.double()])
        self._count += len(labels)

    def finite(self) -> bool:
        return bool(self._sums.isfinite().all())

    def means(self, name: str) -> dict[str, float]:
        loss, right = self._sums.tolist()
        return {f"{name}_loss": loss / self._count, f"{name}_accuracy": right / self._count}


def _cuda(device: torch.device) -> list[int]:
    return [torch.cuda.current_device()] if device.type == "cuda" else []
