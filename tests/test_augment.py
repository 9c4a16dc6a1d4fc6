"""Augmentation: each operation against its definition, and draws that follow from seed, epoch and row."""

import numpy as np
import pandas as pd
import pytest
import torch
from test_configuration import DEFAULT, faults
from test_configuration import changed as configured
from test_train import learn, same

from gwsim import augment, checkpoint, networks, train
from gwsim.conventions import SCAN_DURATIONS
from gwsim.qscan.views import FREQUENCIES, SPAN
from gwsim.view import View
from gwsim.waveforms import glitches

CLASSES = ["Blip", "Chirp", "Power_Line", "Elephant"]
SIZE = 32
# What a recording has seen of a window: seconds of each view.
SEEN = np.array(SCAN_DURATIONS) * SPAN


class Glitches:
    """Noise of random energies, and a bright instant in the middle of each view."""

    name, classes, ifos, sample_rate = "toy/glitches", CLASSES, ["H1"], 8192

    def __init__(self, count=40, array="scans", durations=None, classes=CLASSES, snr=20.0):
        self.view, self.classes = View(array, "none", durations=durations), classes
        values = np.random.default_rng(1).exponential(1 / 25.5, (count, 4, SIZE, SIZE)).astype(np.float32)
        values[:, :, SIZE // 2 - 1 : SIZE // 2 + 2, SIZE // 2] = 1
        x = torch.from_numpy(values.clip(max=1))
        label = np.arange(count) % len(classes)
        self.table = pd.DataFrame({"label": label, "snr": snr, "snr_target": snr})
        self.values = augment.merged(x) if array == "merged" else x[:, : len(durations or SCAN_DURATIONS)]
        self.shape = tuple(self.values.shape[1:])

    def read(self, rows):
        return self.values[rows].numpy()


def only(monkeypatch, **values):
    """Let everything that is drawn be such that it changes nothing, but for some of it."""
    idle = {"flip": 1, "shift": 0, "jitter": 0, "louder": 0, "floor": 1, "gated": 1, "missing": 1}
    ends = {name: (idle[name], idle[name]) if name in idle else both for name, both in augment.DRAWN.items()}
    monkeypatch.setattr(augment, "DRAWN", ends | {name: (value, value) for name, value in values.items()})
    monkeypatch.setattr(augment, "FAINTEST", 1.0)


def changed(examples, rows=None, epoch=0, seed=3, apart=True):
    rows = np.arange(len(examples.table)) if rows is None else np.asarray(rows)
    return augment.Physical(examples, seed, apart)(examples.values[rows], rows, epoch)


def ones(count, value=1.0):
    return np.full(count, value)


# ---- the table of classes


def test_the_table_is_the_published_one():
    """Time may run backwards but for classes with an order in it; frequencies move least where they tell."""
    rules, classes = augment.rules(), {"Chirp", "Light_Modulation", "Air_Compressor", "None_of_the_Above"}
    with_lines = {"1080Lines", "Low_Frequency_Lines", "Power_Line", "Violin_Mode", "Wandering_Line"}
    assert len(rules) == 18 and not classes & set(rules)
    assert all(rule == {"flip": True, "jitter": rule["jitter"]} for rule in rules.values())
    by_jitter = {part: {name for name in rules if rules[name]["jitter"] == part} for part in (0.01, 0.05)}
    assert by_jitter == {0.01: with_lines, 0.05: {"Blip", "Helix", "Scratchy", "Whistle"}}
    assert {rule["jitter"] for rule in rules.values()} == {0, 0.01, 0.05}


def test_classes_of_the_table_are_those_of_glitches():
    assert set(augment.rules()) < set(glitches.CLASSES)


# ---- one operation at a time


@pytest.mark.parametrize("pixels", [-16, -8, 8])
def test_a_shift_is_the_same_time_in_all_views(pixels):
    """Eight times as many pixels of half a second as of four."""
    x = Glitches(3).values
    seconds = pixels * SEEN[0] / SIZE
    found = augment.moved(x, ones(3, seconds), np.zeros(3, bool), SCAN_DURATIONS)
    columns = found[:, :, SIZE // 2].argmax(-1) - SIZE // 2
    assert columns.tolist() == [[pixels, pixels // 2, pixels // 4, pixels // 8]] * 3


def test_what_a_shift_uncovers_is_the_views_own_end_mirrored():
    x = torch.arange(8.0).reshape(1, 1, 1, 8)
    for pixels, expected in ((3, [3, 2, 1, 0, 1, 2, 3, 4]), (-2, [2, 3, 4, 5, 6, 7, 6, 5])):
        seconds = ones(1, pixels * SPAN / 2 / 8)
        found = augment.moved(x, seconds, np.zeros(1, bool), (0.5,))
        assert found.flatten().tolist() == expected


def test_views_of_some_durations_are_moved_by_their_own_pixels():
    x = Glitches(1, durations=(1, 4)).values
    found = augment.moved(x, ones(1, 8 * SEEN[1] / SIZE), np.zeros(1, bool), (1, 4))
    assert (found[0, :, SIZE // 2].argmax(-1) - SIZE // 2).tolist() == [8, 2]


def test_time_is_reversed_before_it_is_moved():
    x = torch.arange(8.0).reshape(1, 1, 1, 8)
    flip, rest = np.ones(1, bool), np.zeros(1)
    assert augment.moved(x, rest, flip, (0.5,)).flatten().tolist() == [7, 6, 5, 4, 3, 2, 1, 0]
    later = augment.moved(x, ones(1, SPAN / 2 / 8), flip, (0.5,))
    assert later.flatten().tolist() == [6, 7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("part", [0.05, -0.05, 0.01, 0.0])
def test_frequencies_move_by_a_part(part):
    """A smooth line at a frequency is found at the frequency moved."""
    rows = FREQUENCIES[0] * (FREQUENCIES[1] / FREQUENCIES[0]) ** ((np.arange(224)[::-1] + 0.5) / 224)

    def line(frequency):
        return torch.from_numpy(np.exp(-((np.log(rows / frequency) / 0.1) ** 2))).reshape(1, 1, 224, 1)

    found = augment.retuned(line(60.0), ones(1, part))
    np.testing.assert_allclose(found, line(60.0 * (1 + part)), atol=0.02)
    assert (found - line(60.0 * (1 - part))).abs().max() > 0.05 or abs(part) < 0.02
    if part == 0:
        assert torch.equal(found, line(60.0))


def test_an_example_that_stays_is_not_touched_by_one_that_moves():
    x = Glitches(2).values
    found = augment.retuned(x, np.array([0.0, 0.05]))
    assert torch.equal(found[0], x[0]) and not torch.equal(found[1], x[1])


def test_energy_above_the_noise_is_scaled_and_cut():
    top = 5 / 25.5
    x = torch.tensor([0.0, 0.1, top, 0.5, 0.7, 0.999, 1.0]).reshape(1, 1, 1, -1)
    for factor, floor in ((1.5, 0.6), (0.7, 1.45), (1.0, 1.0)):
        found = augment.louder(x, ones(1, factor), ones(1, floor)).flatten().numpy()
        above = [floor * top + factor * (value - top) for value in (0.5, 0.7, 0.999)]
        expected = [0, 0.1 * floor, top * floor, *np.minimum(above, 1), 1]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert (np.diff(found) > -1e-6).all()


def test_no_glitch_falls_below_gravity_spys_least_snr():
    """Energy goes with the SNR's square; what has no SNR is lowered as far as any."""
    snr = np.array([7.5, 8.0, 9.5, 100.0, np.nan, 6.0])
    least = augment.least_factor(pd.DataFrame({"snr": snr}))
    assert least.tolist() == [1, (7.5 / 8) ** 2, 0.7, 0.7, 0.7, 1]
    assert augment.least_factor(pd.DataFrame({"label": [0, 1]})).tolist() == [0.7, 0.7]


def test_gates_leave_the_middle_of_a_view():
    chance, width = np.meshgrid(np.linspace(0, 1, 101), [0.1, 0.15, 0.2])
    begin, end = augment.gate(chance, width)
    np.testing.assert_allclose(end - begin, width)
    assert (begin >= -1e-12).all() and (end <= 1 + 1e-12).all()
    assert ((end <= 0.4 + 1e-12) | (begin >= 0.6 - 1e-12)).all()
    # All of the rest is reached.
    for place in (0.01, 0.2, 0.39, 0.61, 0.8, 0.99):
        assert ((begin <= place) & (place <= end)).any()


def test_one_view_is_gated_between_its_ends():
    x = torch.ones(3, 4, 2, 10)
    found = augment.gated(x, np.array([-1, 0, 2]), ones(3, 0.2), ones(3, 0.5))
    lost = torch.zeros_like(x, dtype=torch.bool)
    lost[1, 0, :, 2:5] = lost[2, 2, :, 2:5] = True
    assert torch.equal(found == 0, lost)


def test_views_are_chosen_alike():
    found = augment.chosen(np.linspace(0, 1, 4000, endpoint=False), 0.15, 4)
    assert [int((found == view).sum()) for view in (-1, 0, 1, 2, 3)] == [3400, 150, 150, 150, 150]


# ---- all together


def test_quarters_are_the_views_and_merge_again():
    scans = np.random.default_rng(1).integers(0, 256, (3, 4, 6, 6), dtype=np.uint8)
    settings = {"ifos": ["H1"], "sample_rate": 8192, "duration": 16, "qscan": {"size": 6}}
    merged, views = (
        torch.from_numpy(View(array, "none").raw({"qscan": scans}, settings)) for array in ("merged", "scans")
    )
    assert torch.equal(augment.quarters(merged), views) and torch.equal(augment.merged(views), merged)


def test_nothing_is_changed_where_nothing_is_drawn(monkeypatch):
    only(monkeypatch, floor=1)
    examples = Glitches(snr=7.5)
    monkeypatch.setattr(augment, "LOUDEST", 1.0)
    torch.testing.assert_close(changed(examples), examples.values)


def test_a_merged_view_is_changed_as_its_views_are():
    views, merged = Glitches(), Glitches(array="merged")
    assert merged.shape == (1, 2 * SIZE, 2 * SIZE)
    found = changed(merged, apart=False)
    assert torch.equal(augment.quarters(found), changed(views, apart=False))


def test_only_classes_without_an_order_in_time_are_reversed(monkeypatch):
    """A chirp never is, nor a class that nobody knows."""
    only(monkeypatch, flip=0)
    examples = Glitches()
    for name, expected in (("Blip", True), ("Chirp", False), ("Power_Line", True), ("Elephant", False)):
        rows = np.flatnonzero(examples.table["label"] == CLASSES.index(name))
        x, found = examples.values[rows], changed(examples, rows)
        # What is bright is louder besides; so noise is compared.
        still = torch.allclose(found.clamp(max=0.1), x.clamp(max=0.1))
        turned = torch.allclose(found.clamp(max=0.1), x.flip(-1).clamp(max=0.1))
        assert (still, turned) == (not expected, expected)


def test_half_of_those_that_may_are_reversed():
    examples = Glitches(2000, classes=["Blip"], durations=(0.5,))
    drawn = augment.Physical(examples, 3, True)._all(0)["flip"] < 0.5
    assert abs(drawn.mean() - 0.5) < 3 * 0.5 / 2000**0.5


@pytest.mark.parametrize("snr, factor", [(7.5, 1), (100, 0.7)])
def test_the_faintest_are_lowered_the_least(snr, factor, monkeypatch):
    only(monkeypatch)
    monkeypatch.setattr(augment, "FAINTEST", 0.7)
    examples = Glitches(classes=["Chirp"], snr=snr)
    examples.values *= 0.9
    above = changed(examples)[:, :, SIZE // 2, SIZE // 2] - augment.NOISE_TOP
    torch.testing.assert_close(above, torch.full_like(above, factor * (0.9 - augment.NOISE_TOP)))


@pytest.mark.parametrize("label, largest", [("Blip", 0.05), ("Power_Line", 0.01), ("Chirp", 0)])
def test_frequencies_move_as_far_as_the_class_allows(label, largest, monkeypatch):
    only(monkeypatch, jitter=1)
    seen = []
    monkeypatch.setattr(augment, "retuned", lambda x, part: seen.append(part) or x)
    changed(Glitches(classes=[label]))
    np.testing.assert_allclose(seen[0], largest)


def test_the_peak_stays_in_the_shortest_view_and_is_never_gated():
    """Largest shifts, over many epochs: the bright instant is there, within 25 ms of where it was."""
    examples = Glitches(200)
    for epoch in range(20):
        found = changed(examples, epoch=epoch)
        columns = found.amax(-2).argmax(-1).numpy()
        assert (found.amax((-2, -1)) > 0.9).all()
        # A reversed view has its middle a pixel earlier.
        seconds = np.minimum(np.abs(columns - SIZE // 2), np.abs(columns - SIZE // 2 + 1)) * SEEN / SIZE
        assert (seconds <= 0.025 + SEEN / SIZE / 2 + 1e-9).all()


def test_values_stay_places_on_the_colour_map():
    for epoch in range(5):
        found = changed(Glitches(200, array="merged"), epoch=epoch, apart=False)
        assert found.dtype == torch.float32 and found.min() >= 0 and found.max() <= 1


@pytest.mark.parametrize("apart, views, least", [(True, 4, 0), (False, 4, 0.10), (False, 1, 0)])
def test_views_that_decide_together_may_lose_one(apart, views, least):
    """Never those that are examples of their own, and never the only one."""
    examples = Glitches(1000, durations=None if views == 4 else (2,))
    black = (changed(examples, apart=apart).amax((-2, -1)) == 0).sum(-1)
    assert black.max() <= 1
    assert least <= black.float().mean() <= least * 2


def test_draws_do_not_depend_on_the_batch():
    examples = Glitches()
    whole = changed(examples)
    for rows in ([5], [7, 0, 31], range(20, 40)):
        assert torch.equal(changed(examples, rows), whole[list(rows)])


def test_seed_and_epoch_decide():
    examples = Glitches()
    one = changed(examples, seed=3, epoch=1)
    assert torch.equal(changed(examples, seed=3, epoch=1), one)
    for other in (changed(examples, seed=4, epoch=1), changed(examples, seed=3, epoch=2)):
        differ = (other != one).flatten(1).any(1)
        assert differ.all()


def test_the_given_examples_are_not_changed():
    examples = Glitches()
    before = examples.values.clone()
    changed(examples)
    assert torch.equal(examples.values, before)


# ---- training


def training(array="scans", model="glitchnet", seed=7, **changes):
    settings = {
        "model": model,
        "classes": CLASSES,
        "phases": [{"epochs": 3}],
        "curriculum": "replace",
        "mix": False,
        "batch": 8,
        "learning_rate": 0.003,
        "optimiser": "adamw",
        "schedule": "cosine",
        "precision": "float32",
        "validation_examples": 16,
        "augment": "physical",
    } | changes
    both = Glitches(24, array), Glitches(16, array)
    return train.Training(*both, settings, seed, torch.device("cpu"), 2**24)


@pytest.mark.parametrize("array, model", [("scans", "glitchnet"), ("merged", "merged_view_cnn")])
def test_augmented_training_goes_on_in_the_same_weights(array, model, tmp_path):
    whole = learn(training(array, model), range(3))
    before, path = learn(training(array, model), range(1)), tmp_path / "state.safetensors"
    checkpoint.write(path, before.state(), {"history": before.history}, checkpoint.STATE)
    after = training(array, model)
    kept, about = checkpoint.read(path, checkpoint.STATE)
    after.restore(kept, about["history"])
    learn(after, range(1, 3))
    assert same(after.state(), whole.state()) and after.history == whole.history
    plain = learn(training(array, model, augment=None), range(3))
    assert not same(plain.state(), whole.state())


def test_only_steps_see_augmented_examples(monkeypatch):
    """Neither validation nor the statistics of batch normalisation do."""
    asked, learner = [], training()
    whole = learner._augment
    learner._augment = lambda x, rows, epoch: asked.append((rows.tolist(), epoch)) or whole(x, rows, epoch)
    estimated, held = [], learner._estimate
    learner._estimate = lambda *given: estimated.append(len(asked)) or held(*given)
    learn(learner, range(2))
    assert estimated == [3, 6] and len(asked) == 6
    assert sorted(row for rows, epoch in asked if epoch == 1 for row in rows) == list(range(24))


# ---- the configuration

NETWORKS, PLACE = "experiments__glitch__networks", "experiments.glitch.networks.alone"
(RECIPE, *_) = DEFAULT["experiments"]["glitch"]["networks"].values()
RECIPE = {name: RECIPE[name] for name in RECIPE if name not in ("durations", "pool")} | {"array": "scans"}


def recipe(augmented="physical", mix=False, **values):
    train_values = RECIPE["train"] | {"augment": augmented, "mix": mix}
    return configured(
        **{f"{NETWORKS}__alone": RECIPE | {"model": "glitchnet", "train": train_values} | values}
    )


def test_a_glitchnet_that_learns_from_augmented_views_is_configured():
    config = recipe(durations=[0.5, 4], pool=8)
    assert faults(config) == []
    settings = networks.settings(config, "glitch", CLASSES)["glitch/networks/alone/train"]
    assert settings["augment"] == "physical" and settings["durations"] == [0.5, 4]


@pytest.mark.parametrize(
    "config, message",
    [
        (recipe(augmented="mixup"), f"{PLACE}.train.augment: got 'mixup', expected one of physical"),
        (recipe(scale="minmax"), "train.augment: got physical with scale: minmax, which hides energies"),
        (recipe(array="merged"), f"{PLACE}.array: got merged, expected scans, which glitchnet takes"),
        (
            recipe(pool=16),
            "model: glitchnet takes at least 16 values along each axis, got 14 along row and 14",
        ),
        (
            configured(experiments__ccsn__networks__paper__train__augment="physical"),
            "train.augment: got physical for spectrogram, expected it for merged and scans alone",
        ),
    ],
)
def test_what_cannot_be_augmented_is_refused(config, message):
    assert any(message in fault for fault in faults(config)), faults(config)


def test_examples_are_augmented_or_rendered_anew():
    values = {"array": "merged", "scale": "none", "train": {"augment": "physical", "mix": True}}
    assert networks._augmented(values) == [
        "augment: got physical with mix: true, which renders examples at new SNRs; expected one of the two"
    ]


def test_features_are_counted_by_view():
    """So that no more components are wanted of them than there are."""
    config = recipe(durations=[2])
    config["experiments"]["glitch"]["embed"]["pca"] = 65
    assert any("glitchnet has 64 features, of which embed.pca wants 65" in fault for fault in faults(config))
    config["experiments"]["glitch"]["networks"]["alone"]["durations"] = [2, 4]
    assert not any("glitchnet" in fault for fault in faults(config))
