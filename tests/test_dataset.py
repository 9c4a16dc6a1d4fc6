"""What networks are fed: scaled, in order, read ahead but never far, kept within a budget."""

import threading
import time

import numpy as np
import pandas as pd
import pytest
import torch

from gwsim import dataset, manifest, store
from gwsim.dataset import View
from gwsim.errors import GwsimError

SHAPE = (2, 6, 5)
ROW_BYTES = 4 * 2 * 6 * 5


class Source:
    """Rows whose values tell their number; it counts how often each was read."""

    shape = SHAPE

    def __init__(self, rows=40):
        self.table = pd.DataFrame({"label": np.zeros(rows, int)})
        self.reads = np.zeros(rows, int)

    def read(self, rows):
        self.reads[rows] += 1
        return np.broadcast_to(np.asarray(rows, np.float32)[:, None, None, None], (len(rows), *SHAPE)).copy()


def values(seed, *shape):
    return np.random.default_rng(seed).normal(3, 2, shape).astype(np.float32)


def test_minmax_is_joint_over_ifos_and_each_examples_own():
    x = values(1, 7, *SHAPE)
    y = dataset.scaled(x, "minmax")
    np.testing.assert_array_equal(y.min(axis=(1, 2, 3)), 0)
    np.testing.assert_array_equal(y.max(axis=(1, 2, 3)), 1)
    # Affine in each example: ratios of differences stay, from one ifo to the other too.
    ratio = (x[:, 0, 1, 1] - x[:, 0, 0, 0]) / (x[:, 1, 1, 1] - x[:, 0, 0, 0])
    kept = (y[:, 0, 1, 1] - y[:, 0, 0, 0]) / (y[:, 1, 1, 1] - y[:, 0, 0, 0])
    np.testing.assert_allclose(kept, ratio, rtol=1e-4)
    assert not np.allclose(y[:, 0].max(axis=(1, 2)), y[:, 1].max(axis=(1, 2)))


def test_a_constant_example_becomes_zero():
    assert (dataset.scaled(np.full((1, *SHAPE), 5, np.float32), "minmax") == 0).all()


def test_none_leaves_values_and_other_scales_are_refused():
    x = values(2, 3, *SHAPE)
    assert dataset.scaled(x, "none") is x
    with pytest.raises(GwsimError, match="no scale 'max': expected one of minmax, none"):
        dataset.scaled(x, "max")


@pytest.mark.parametrize("kept", [0, 1, 25, 1000])
def test_kept_rows_are_read_once_and_the_others_each_time(kept):
    source, rows = Source(), np.arange(5, 35)
    keeper = dataset.Kept(source, rows, kept * ROW_BYTES)
    chance = np.random.default_rng(3)
    for _ in range(3):
        order = chance.permutation(rows)
        for first in range(0, len(order), 7):
            part = order[first : first + 7]
            np.testing.assert_array_equal(keeper.read(part)[:, 0, 0, 0], part)
    held = min(kept, len(rows))
    assert sorted(source.reads[rows]) == [1] * held + [3] * (len(rows) - held)
    assert source.reads.sum() == held + 3 * (len(rows) - held)
    assert keeper._values.nbytes <= kept * ROW_BYTES


def test_batches_come_in_order_and_whole():
    order = np.random.default_rng(4).permutation(40)
    found = list(dataset.batches(Source().read, order, 16))
    assert [len(rows) for rows, _ in found] == [16, 16, 8]
    np.testing.assert_array_equal(np.concatenate([rows for rows, _ in found]), order)
    for rows, x in found:
        assert isinstance(x, torch.Tensor) and x.dtype == torch.float32
        np.testing.assert_array_equal(x[:, 0, 0, 0], rows)


def test_an_error_while_reading_ahead_reaches_the_reader():
    def read(rows):
        if rows[0] >= 8:
            raise GwsimError("the disk is gone")
        return Source().read(rows)

    seen = []
    with pytest.raises(GwsimError, match="the disk is gone"):
        for rows, _ in dataset.batches(read, np.arange(16), 4):
            seen.append(rows[0])
    assert seen == [0, 4]


def test_never_more_than_a_few_batches_are_read_ahead():
    source = Source(400)
    stream = dataset.batches(source.read, np.arange(400), 4)
    next(stream)
    time.sleep(0.3)
    # One given out, AHEAD waiting, one in the reader's hands.
    assert source.reads.sum() <= 4 * (dataset.AHEAD + 2)
    stream.close()


def test_a_reader_that_leaves_early_leaves_no_thread():
    before = threading.active_count()
    for _ in dataset.batches(Source(400).read, np.arange(400), 4):
        break
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


# ---- views of a store

STORED = {"window": 64, "hop": 32, "f_max": 400}
RENDER = {"ifos": ["H1", "L1"], "sample_rate": 1024, "duration": 0.5, "spectrogram": STORED}
VIEWS = [View(), View("spectrogram", "none"), View("strain", "none"), View("strain", "minmax", 512)]


@pytest.fixture(scope="module")
def strain():
    return np.random.default_rng(6).normal(size=(10, 2, 512 + 64)).astype(np.float32)


@pytest.fixture(scope="module", params=[("strain", "spectrogram"), ("strain",)], ids=["both", "strain"])
def finished(request, tmp_path_factory, strain):
    """A finished dataset that stores both arrays, or strain alone."""
    arrays = {"strain": strain, "spectrogram": View("spectrogram", "none").raw({"strain": strain}, RENDER)}
    arrays = {name: arrays[name] for name in request.param}
    table = pd.DataFrame({"label": np.arange(10) % 3})
    return publish(tmp_path_factory.mktemp("toy") / "train", arrays, table)


def publish(folder, arrays, table):
    """Return the folder, in which a finished dataset of these arrays now stands."""
    folder.mkdir()
    count, dims = len(table), {"strain": ("time",), "spectrogram": ("frequency", "frame")}
    layouts = [
        store.Array(
            name, ("sample", "ifo", *dims[name]), values.shape, count, values.shape[1:], "float32", {}
        )
        for name, values in arrays.items()
    ]
    store.create(folder, layouts)
    ranges = [(0, count)]
    list(store.write_shards(folder, [0], ranges, lambda index: "toy", lambda index: (arrays, None)))
    store.write_table(folder / "table.parquet", table)
    experiment = {"duration": 0.5, "render": {"spectrogram": STORED}}
    configuration = {"ifos": RENDER["ifos"], "sample_rate": 1024, "experiments": {"toy": experiment}}
    attributes = {"classes": ["noise", "one", "two"], "configuration": configuration}
    records = manifest.whole_records(folder, ranges)
    manifest.finalise(folder, records, {}, attributes, {}, beside=("table.parquet",))
    return folder


@pytest.mark.parametrize("view", VIEWS)
def test_a_store_is_seen_the_same_whichever_arrays_it_has(finished, strain, view):
    examples, rows = dataset.Examples(finished, view), np.array([7, 2, 2])
    wanted = view.raw({"strain": strain}, RENDER)[rows]
    np.testing.assert_array_equal(examples.raw(rows), wanted)
    np.testing.assert_array_equal(examples.read(rows), dataset.scaled(wanted, view.scale))
    assert examples.shape == wanted.shape[1:] == (2, *(len(axis) for axis in examples.axes.values()))
    assert (examples.view, examples.ifos, examples.sample_rate) == (view, ["H1", "L1"], 1024)


def test_a_rate_that_the_store_cannot_give_is_refused(finished):
    with pytest.raises(GwsimError, match="rate: got 500 Hz, expected a divisor of sample_rate, 1024"):
        dataset.Examples(finished, View("strain", "none", 500))
