"""Training: it learns, the same for a seed, phase by phase, and goes on after a kill."""

import argparse
import json

import numpy as np
import pandas as pd
import pytest
import test_dataset
import torch

from gwsim import checkpoint, dataset, devices, events, train
from gwsim.cli import train as cli
from gwsim.errors import GwsimError

SHAPE = (2, 16, 12)
CLASSES = ["noise", "low", "high"]
CPU = torch.device("cpu")
SETTINGS = {
    "model": "ccsn_cnn",
    "classes": CLASSES,
    "phases": [{"epochs": 2, "snr": [15, 20]}, {"epochs": 2, "snr": [10, 15]}],
    "curriculum": "replace",
    "mix": False,
    "batch": 16,
    "learning_rate": 0.003,
    "schedule": "constant",
    "precision": "float32",
    "validation_examples": 60,
}


class Bars:
    """Noise, and bars at one of two frequencies, as bright as their SNR."""

    name, shape, classes = "toy/bars", SHAPE, CLASSES
    ifos, sample_rate = ["H1", "L1"], 4096

    def __init__(self, count=240, seed=1):
        chance = np.random.default_rng(seed)
        label = np.arange(count) % 3
        snr = np.where(label == 0, np.nan, chance.uniform(10, 20, count))
        self.table = pd.DataFrame({"label": label, "snr": snr, "snr_target": snr})
        self.values = chance.rayleigh(1, (count, *SHAPE)).astype(np.float32)
        for row in np.flatnonzero(label):
            self.values[row, :, 3 if label[row] == 1 else 11] += snr[row] / 3
        self.values = dataset.scaled(self.values, "minmax")

    def read(self, rows):
        return self.values[rows]


class Tones(Bars):
    """Noise, and a sine at one of two frequencies, as long as an example."""

    name, shape = "toy/tones", (2, 256)

    def __init__(self, count=48, seed=1):
        super().__init__(count, seed)
        self.values = np.random.default_rng(seed).normal(size=(count, *self.shape)).astype(np.float32)
        for row in np.flatnonzero(self.table["label"]):
            cycles = 16 * self.table["label"][row] * np.arange(256) / 256
            self.values[row] += self.table["snr"][row] / 10 * np.sin(2 * np.pi * cycles)

    def at(self, snr):
        return self


# A network of time series, with batch normalisation.
SERIES = {"model": "resnet54", "phases": [{"epochs": 3}], "schedule": "cosine"}


def series(seed=7, **changes):
    return training(seed, Tones(), Tones(24, 2), **SERIES | changes)


def training(seed=7, examples=None, held=None, **changes):
    """A network about to learn bars."""
    return train.Training(examples or Bars(), held or Bars(60, 2), SETTINGS | changes, seed, CPU, 2**20)


def learn(learner, epochs):
    for epoch in epochs:
        for _ in learner.epoch(epoch):
            pass
    return learner


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_bars_are_learnt():
    learner = learn(training(phases=[{"epochs": 12}]), range(12))
    first, last = learner.history[0], learner.history[-1]
    assert last["validation_accuracy"] > 0.95 > first["validation_accuracy"]
    assert last["train_loss"] < first["train_loss"] / 3


def test_a_seed_gives_its_weights_and_another_seed_others():
    one, two, other = (learn(training(seed), range(2)) for seed in (7, 7, 8))
    assert same(one.state(), two.state()) and one.history == two.history
    assert not same(one.state(), other.state())


def test_nothing_but_the_seed_decides():
    torch.manual_seed(1)
    one = learn(training(), range(1))
    np.random.seed(5)
    torch.manual_seed(2)
    assert same(one.state(), learn(training(), range(1)).state())


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "adadelta"])
@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_training_goes_on_in_the_same_weights(killed_after, optimiser, tmp_path):
    """Through the file, which forgets how tensors lay in memory."""
    changes = {"optimiser": optimiser, "phases": [{"epochs": 4}], "patience": 4}
    whole = learn(training(**changes), range(4))
    before = learn(training(**changes), range(killed_after))
    path = tmp_path / "state.safetensors"
    checkpoint.write(path, before.state(), {"history": before.history}, checkpoint.STATE)
    after = training(seed=7, **changes)
    kept, about = checkpoint.read(path, checkpoint.STATE)
    after.restore(kept, about["history"])
    for weight, entry in after.optimiser.state.items():
        moments = [value for value in entry.values() if value.shape == weight.shape]
        assert len(moments) == 2 and all(value.stride() == weight.stride() for value in moments)
    learn(after, range(killed_after, 4))
    assert same(after.state(), whole.state()) and after.history == whole.history
    assert same(after.network(), whole.network())


@pytest.mark.parametrize("name", ["adam", "adamw", "adadelta"])
def test_steps_are_those_of_torchs_optimiser(name):
    made = training(optimiser=name, learning_rate=0.1).optimiser
    assert type(made).__name__.lower() == name and made.param_groups[0]["lr"] == 0.1


def told(losses, patience):
    """A training whose epochs had these validation losses."""
    learner = training(phases=[{"epochs": 6}], **({"patience": patience} if patience else {}))
    learner.history = [{"validation_loss": loss} for loss in losses]
    return learner


@pytest.mark.parametrize(
    "losses, patience, ended, best",
    [
        ([], 2, False, 0),
        ([3, 2, 1], 2, False, 3),
        ([3, 1, 2], 2, False, 2),
        ([3, 1, 2, 2], 2, True, 2),
        ([3, 1, 1, 1], 2, True, 2),
        ([3, 4, 2, 3], 2, False, 3),
        ([6, 5, 4, 3, 2, 1], 2, True, 6),
        ([1, 2, 3, 4, 5], None, False, 5),
        ([1, 2, 3, 4, 5, 6], None, True, 6),
    ],
)
def test_patience_ends_a_training_that_gets_no_better(losses, patience, ended, best):
    learner = told(losses, patience)
    assert (learner.ended, learner.best_epoch) == (ended, best)


def test_with_patience_the_network_is_that_of_the_best_epoch():
    """A rate so high that it gets worse after its best epoch; without patience the last one is taken."""
    changes = {"phases": [{"epochs": 8}], "learning_rate": 0.05, "validation_examples": 12}
    learner = training(patience=8, **changes)
    weights = []
    for epoch in range(8):
        learn(learner, [epoch])
        weights.append({name: value.clone() for name, value in learner.model.state_dict().items()})
    assert learner.best_epoch < 8, "the test needs a training that gets worse"
    assert same(learner.network(), weights[learner.best_epoch - 1])
    assert same(learn(training(**changes), range(8)).network(), weights[-1])


def test_a_state_without_the_optimisers_moments_would_differ():
    """The test above can fail."""
    whole, before = learn(training(), range(4)), learn(training(), range(2))
    kept = {name: value.clone() for name, value in before.state().items() if name.startswith("model.")}
    after = training()
    after.restore(kept, before.history)
    assert not same(learn(after, range(2, 4)).state(), whole.state())


def test_losses_are_those_of_torch_alone():
    """The first epoch, written out: order from the history's own rows, torch's Adam and loss."""
    learner = training(phases=[{"epochs": 1}])
    model, examples = train.models.build("ccsn_cnn", SHAPE, 3, 7), Bars()
    order = train.seeds.generator(7, "shuffle", 0).permutation(240)
    adam, total = torch.optim.Adam(model.parameters(), 0.003), 0.0
    for first in range(0, 240, 16):
        rows = order[first : first + 16]
        label = torch.as_tensor(examples.table["label"].to_numpy()[rows])
        loss = torch.nn.functional.cross_entropy(model(torch.from_numpy(examples.read(rows))), label)
        adam.zero_grad()
        loss.backward()
        adam.step()
        total += loss.item() * len(rows)
    learn(learner, range(1))
    assert learner.history[0]["train_loss"] == pytest.approx(total / 240, rel=1e-4)


# ---- the learning rate


def test_a_cosine_falls_from_the_whole_rate_to_nothing():
    learner, found = training(phases=[{"epochs": 2, "snr": [15, 20]}, {"epochs": 1}], schedule="cosine"), []
    for epoch in range(3):
        for _ in learner.epoch(epoch):
            found.append(learner.optimiser.param_groups[0]["lr"])
    steps = [learner.batches(epoch) for epoch in range(3)]
    assert steps[0] == steps[1] < steps[2] == 15
    # An epoch is a third of the way, whatever its number of steps.
    done = [(epoch + step / steps[epoch]) / 3 for epoch in range(3) for step in range(steps[epoch])]
    np.testing.assert_allclose(found, 0.003 * (1 + np.cos(np.pi * np.array(done))) / 2, rtol=1e-12)
    assert found[0] == 0.003 and 0 < found[-1] < 2e-3 * 0.003
    assert [row["learning_rate"] for row in learner.history] == [found[steps[0] - 1], found[-16], found[-1]]


def test_a_constant_rate_stays():
    assert {row["learning_rate"] for row in learn(training(), range(4)).history} == {0.003}


# ---- batch normalisation


def test_time_series_are_learnt():
    settings = SERIES | {"phases": [{"epochs": 10}]}
    learner = learn(training(7, Tones(240), Tones(60, 2), **settings), range(10))
    assert learner.history[-1]["validation_accuracy"] > 0.8 > 0.7 > learner.history[0]["validation_accuracy"]


@pytest.mark.parametrize("killed_after", [1, 2])
@pytest.mark.parametrize("mix", [False, True])
def test_training_with_batch_normalisation_goes_on_in_the_same_weights(killed_after, mix, tmp_path):
    """Through the file: buffers, counts of batches and the falling rate too."""
    make = (lambda: series(mix=True, phases=[{"epochs": 3, "snr": [10, 20]}])) if mix else series
    whole, before = learn(make(), range(3)), learn(make(), range(killed_after))
    path = tmp_path / "state.safetensors"
    checkpoint.write(path, before.state(), {"history": before.history}, checkpoint.STATE)
    kept, about = checkpoint.read(path, checkpoint.STATE)
    after = make()
    after.restore(kept, about["history"])
    learn(after, range(killed_after, 3))
    assert same(after.state(), whole.state()) and after.history == whole.history
    counts = [value for name, value in whole.state().items() if name.endswith("num_batches_tracked")]
    assert len(counts) == 54 and {int(count) for count in counts} == {3}


def test_statistics_are_those_of_the_last_weights(monkeypatch):
    """The mean over the first whole batches of the epoch of each batch's own, by hand of the first layer."""
    monkeypatch.setattr(train, "ESTIMATED", 40)
    learner = learn(series(phases=[{"epochs": 2}]), range(2))
    rows = train.seeds.generator(7, "shuffle", 1).permutation(48)[:32]
    model, first = learner.model, learner.model.blocks[0]
    with torch.no_grad():
        cells = [
            first.conv1(model.dain(torch.from_numpy(learner.examples.read(part))))
            for part in (rows[:16], rows[16:])
        ]
    mean = sum(each.mean((0, 2)) for each in cells) / 2
    var = sum(each.transpose(0, 1).flatten(1).var(1) for each in cells) / 2
    torch.testing.assert_close(first.norm1.running_mean, mean)
    torch.testing.assert_close(first.norm1.running_var, var)
    # The validation above was made with them, and so is what is saved.
    found = learner._validate().means("validation")
    assert found["validation_loss"] == learner.history[-1]["validation_loss"]
    assert not model.training and all(layer.momentum == 0.1 for layer in norms(model))


def norms(model):
    return [layer for layer in model.modules() if isinstance(layer, torch.nn.BatchNorm1d)]


def test_a_network_without_batch_normalisation_reads_no_more_for_it():
    bars = Bars()
    bars.reads, read = 0, bars.read
    bars.read = lambda rows: setattr(bars, "reads", bars.reads + len(rows)) or read(rows)
    learn(training(examples=bars, phases=[{"epochs": 1}]), range(1))
    assert bars.reads == 240


# ---- the verb


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A training and a validation set of strain alone: sines in noise at 1024 Hz, with its margin."""
    folder, found = tmp_path_factory.mktemp("toy"), []
    for seed, name in enumerate(("train", "validation")):
        tones = Tones(24, seed)
        strain = np.random.default_rng(seed).normal(size=(24, 2, 512 + 64)).astype(np.float32)
        strain[:, :, 32:-32] += tones.values.repeat(2, axis=-1)
        found.append(test_dataset.publish(folder / name, {"strain": strain}, tones.table) / "manifest.json")
    return found


def verb(folder, stored):
    classes = ["noise", "one", "two"]
    settings = SETTINGS | SERIES | {"phases": [{"epochs": 2}], "classes": classes}
    settings |= {"array": "strain", "scale": "none", "rate": 512}
    folder.mkdir(exist_ok=True)
    (folder / "train.json").write_text(json.dumps(settings))
    parser = argparse.ArgumentParser()
    cli.arguments(parser)
    words = f"--settings {folder}/train.json --seed 1 --train {stored[0]} --validation {stored[1]} "
    words += f"--output {folder}/model.safetensors --history {folder}/history.csv --device cpu"
    cli.run(parser.parse_args(words.split()))
    return folder / "model.safetensors"


def test_a_network_of_lowered_strain_is_trained_saved_and_the_same_after_a_kill(
    stored, tmp_path, monkeypatch, capsys
):
    whole = verb(tmp_path / "paper-1", stored)
    model, description = checkpoint.load(whole)
    assert (description["shape"], description["rate"], description["sample_rate"]) == ([2, 256], 512, 1024)
    view = dataset.view_of(description)
    examples = dataset.Examples(stored[1], view)
    checkpoint.expect(description, examples)
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(
            model(torch.from_numpy(examples.read(np.arange(24)))), torch.arange(24) % 3
        )
    assert pd.read_csv(whole.with_name("history.csv"))["validation_loss"].iloc[-1] == pytest.approx(
        loss.item()
    )

    epoch = train.Training.epoch

    def killed(self, number):
        if number == 1:
            raise KeyboardInterrupt
        return epoch(self, number)

    (tmp_path / "killed").mkdir()
    monkeypatch.setattr(train.Training, "epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        verb(tmp_path / "killed" / "paper-1", stored)
    monkeypatch.undo()
    again = verb(tmp_path / "killed" / "paper-1", stored)
    assert "going on after epoch 1" in capsys.readouterr().err
    assert again.read_bytes() == whole.read_bytes()


# ---- phases


def rows_of(phase, **changes):
    table = Bars().table
    return table.iloc[train.phase_rows(table, SETTINGS | changes, phase, "toy/bars")]


def test_a_phase_replaces_the_range_before_it():
    second = rows_of(1)
    assert second["snr"].min() >= 10 and second["snr"].max() <= 15
    assert (second["label"] == 0).sum() == 80  # noise belongs to every phase


def test_a_cumulative_curriculum_adds_to_it():
    both = rows_of(1, curriculum="cumulative")
    assert len(both) == 240


def test_a_phase_without_range_takes_all():
    assert len(rows_of(0, phases=[{"epochs": 1}])) == 240


def test_a_phase_that_leaves_a_class_empty_is_refused():
    with pytest.raises(
        GwsimError, match=r"phase 0 .* has no example of low, high in toy/bars, .* run from 10\.\d to"
    ):
        rows_of(0, phases=[{"epochs": 1, "snr": [90, 100]}])


def test_the_wanted_snr_decides_and_the_realised_one_where_a_distance_was_wanted():
    table = Bars().table
    wanted = table.assign(
        snr_target=np.where(table["label"] == 0, np.nan, 15.0),
        snr=np.where(table["label"] == 0, np.nan, 14.9999),
    )
    phases = {"phases": [{"epochs": 1, "snr": [15, 20]}]}
    assert len(train.phase_rows(wanted, SETTINGS | phases, 0, "x")) == 240
    far = table.assign(snr_target=np.nan)
    assert (
        len(train.phase_rows(far, SETTINGS, 0, "x")) == len(train.phase_rows(table, SETTINGS, 0, "x")) < 240
    )


def test_a_phase_that_cannot_be_run_is_told_before_the_first():
    with pytest.raises(GwsimError, match="phase 1 "):
        training(phases=[{"epochs": 1}, {"epochs": 1, "snr": [90, 100]}])


def test_a_validation_set_of_another_kind_names_both_sides():
    held = Bars(60, 2)
    held.shape, held.name = (2, 16, 13), "toy/other"
    with pytest.raises(GwsimError, match=r"shape: toy/bars has \(2, 16, 12\), toy/other has \(2, 16, 13\)"):
        train.expect_alike(Bars(), held)


def test_examples_that_are_seen_are_the_phases():
    learner = learn(training(), range(3))
    table = Bars().table
    counts = [len(train.phase_rows(table, SETTINGS, phase, "toy/bars")) for phase in (0, 0, 1)]
    assert [row["examples"] for row in learner.history] == counts
    assert [row["phase"] for row in learner.history] == [0, 0, 1]


def test_validation_sees_all_classes_of_a_set_that_stands_class_by_class():
    """As given pictures do: the first twelve rows are all noise."""
    held = Bars(60, 2)
    order = np.argsort(held.table["label"], kind="stable").to_numpy()
    held.table, held.values = held.table.iloc[order].reset_index(drop=True), held.values[order]
    learner = learn(training(held=held, phases=[{"epochs": 1}], validation_examples=12), [0])
    labels = held.table["label"].to_numpy()[learner._held]
    assert np.bincount(labels).tolist() == [4, 4, 4]


# ---- mixing


class Dial(Bars):
    """Bars whose SNR is turned: what a Mixed dataset is to training."""

    def __init__(self):
        super().__init__()
        self.turned = []

    def at(self, snr):
        self.turned.append(snr)
        return self


def test_snrs_are_drawn_anew_in_every_epoch():
    dial, held = Dial(), Dial()
    learner = learn(training(examples=dial, held=held, mix=True), range(3))
    assert [row["examples"] for row in learner.history] == [240, 240, 240]
    first, second, third = dial.turned
    assert not np.array_equal(first, second)
    assert first.min() >= 15 and first.max() <= 20 and third.min() >= 10 and third.max() <= 15
    # The validation set's are drawn once a phase.
    assert [(round(min(snr)), round(max(snr))) for snr in held.turned] == [(15, 20), (10, 15)]
    again = Dial()
    learn(training(examples=again, held=Dial(), mix=True), range(1))
    np.testing.assert_array_equal(again.turned[0], first)


# ---- trouble


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_loss_that_is_not_finite_stops_early():
    sick = Bars()
    sick.values[3] = np.nan
    with pytest.raises(
        GwsimError, match=r"the loss is not finite in epoch 1, step \d+ \(learning rate 0.003"
    ):
        learn(training(examples=sick), range(1))


@pytest.mark.filterwarnings("ignore:invalid value")
def test_weights_that_break_in_an_epochs_last_step_are_not_kept():
    learner = training(learning_rate=1e30, batch=240, phases=[{"epochs": 1}])
    with pytest.raises(GwsimError, match="the loss is not finite in epoch 1, step 1"):
        learn(learner, range(1))
    assert learner.history == []


def test_other_classes_name_both_sides():
    with pytest.raises(
        GwsimError, match="the settings have the classes noise, one; toy/bars has noise, low, high"
    ):
        train.expect_classes(["noise", "one"], Bars())


def test_half_precision_learns_too():
    learner = learn(training(phases=[{"epochs": 4}], precision="bfloat16"), range(4))
    exact = learn(training(phases=[{"epochs": 4}]), range(4))
    assert learner.history[-1]["train_loss"] == pytest.approx(exact.history[-1]["train_loss"], rel=0.3)
    assert not same(learner.state(), exact.state())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_learns_the_same():
    exact = learn(training(), range(4))
    there = train.Training(Bars(), Bars(60, 2), SETTINGS, 7, torch.device("cuda"), 2**20)
    learn(there, range(4))
    assert there.history[-1]["train_loss"] == pytest.approx(exact.history[-1]["train_loss"], rel=0.05)


def test_a_gpu_that_is_demanded_and_missing_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.choose("auto").type == "cpu"
    with pytest.raises(
        GwsimError, match=r"the device cuda is demanded and torch .* finds no GPU here: ask for one"
    ):
        devices.choose("cuda")
    with pytest.raises(GwsimError, match="no device 'gpu': expected one of auto, cpu, cuda"):
        devices.choose("gpu")


# ---- metrics


def test_events_hold_what_tensorboard_reads(tmp_path):
    """Read by TensorBoard's record format: length, checksum, event, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    log = events.Events(tmp_path)
    log.add({"epoch": 1, "train_loss": 0.5})
    log.add({"epoch": 2, "train_loss": 0.25})
    content, found = (tmp_path / events.NAME).read_bytes(), []
    while content:
        size = int.from_bytes(content[:8], "little")
        found.append(Event.FromString(content[12 : 12 + size]))
        content = content[16 + size :]
    assert found[0].file_version == "brain.Event:2"
    assert [
        (each.step, each.summary.value[0].tag, each.summary.value[0].simple_value) for each in found[1:]
    ] == [
        (1, "train_loss", 0.5),
        (2, "train_loss", 0.25),
    ]


def test_a_row_has_the_columns_that_are_described():
    learner = learn(training(), range(1))
    assert [*learner.history[0], "seconds"] == list(train.COLUMNS)
