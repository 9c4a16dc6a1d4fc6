"""Rendering in bulk, as a GPU does it, held against rendering row by row on a CPU."""

import numpy as np
import pandas as pd
import pytest
import test_render
import torch
from test_render import RATE, SETTINGS

from gwsim import bulk, noise, on_device, render, store
from gwsim.errors import GwsimError

# 7 rows at once, of 200: pieces of either kind of row, the last one shorter.
PIECE = 7 * 4 * 3 * 10240
# Where sums are taken in another order, a value may round to its neighbour in ten bits of mantissa. The
# spectrogram follows from strain as it is stored, of which a value of 5 has then moved by 2^-8, times 0.1.
LAST_BIT = 2.0**-10
MOVED = {"strain": 1e-5, "spectrogram": 5e-4}


table = test_render.table


class Noise(test_render.MemoryNoise):
    @property
    def shape(self):
        return self.strain.shape


class Bank(test_render.MemoryBank):
    systems = range(9)


@pytest.fixture(scope="module")
def sources():
    return Noise(), Bank()


def in_bulk(settings, sources, device="cpu"):
    there = (on_device.Noise(sources[0], device), on_device.Bank(sources[1], device))
    return bulk.Renderer(settings, *there, device, PIECE)


def expect_alike(one, other):
    (arrays, columns), (its_arrays, its_columns) = one, other
    assert list(arrays) == list(its_arrays)
    for name, values in arrays.items():
        np.testing.assert_allclose(its_arrays[name], values, rtol=LAST_BIT, atol=MOVED[name], err_msg=name)
    # SNRs are sums of squares of float32.
    pd.testing.assert_frame_equal(columns, its_columns, rtol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"crop": "before"},
        {"keep_bits": 23, "spectrogram": SETTINGS["spectrogram"] | {"stored": False}},
    ],
)
def test_rows_are_those_of_the_cpu(sources, table, changes):
    renderer = in_bulk(SETTINGS | changes, sources)
    assert renderer.size == 7
    expect_alike(render.Renderer(SETTINGS | changes, *sources).rows(table), renderer.rows(table))


def test_entries_that_no_two_rows_share_go_the_same_way(sources, table):
    alone = Bank()
    alone.own = True
    expect_alike(
        render.Renderer(SETTINGS, sources[0], alone).rows(table),
        in_bulk(SETTINGS, (sources[0], alone)).rows(table),
    )


def test_sources_of_the_host_will_do(sources, table):
    expect_alike(
        render.Renderer(SETTINGS, *sources).rows(table),
        bulk.Renderer(SETTINGS, *sources, "cpu", PIECE).rows(table),
    )


def test_tensors_are_rows_that_stay_on_the_device(sources, table):
    renderer = in_bulk(SETTINGS, sources)
    arrays, columns = renderer.tensors(table)
    assert all(isinstance(values, torch.Tensor) for values in arrays.values())
    expect_alike(renderer.rows(table), ({name: one.numpy() for name, one in arrays.items()}, columns))


def test_the_comparison_sees_a_row_that_is_another_one(sources, table):
    arrays, columns = in_bulk(SETTINGS, sources).rows(table)
    swapped = {name: values[[1, 0, *range(2, len(values))]] for name, values in arrays.items()}
    with pytest.raises(AssertionError):
        expect_alike((arrays, columns), (swapped, columns))
    with pytest.raises(AssertionError):
        expect_alike((arrays, columns), (arrays, columns.assign(snr=1.001 * columns["snr"])))


def test_rows_of_one_kind_are_rendered_too(sources, table):
    plain, renderer = render.Renderer(SETTINGS, *sources), in_bulk(SETTINGS, sources)
    for rows in (table[table["system"] < 0], table[table["system"] >= 0]):
        expect_alike(plain.rows(rows), renderer.rows(rows))


def test_mixed_rows_are_those_of_the_cpu(sources, table):
    plain, renderer = render.Renderer(SETTINGS, *sources), in_bulk(SETTINGS, sources)
    rows = np.array([3, 150, 7, 20, 21])
    loud = np.flatnonzero(table["system"].to_numpy()[rows] >= 0)
    units, _ = plain.units(table.iloc[rows[loud]])
    signals = [(place, unit, 0.3 + place) for place, unit in zip(loud, units, strict=True)]
    one, other = (each.mix(table, rows, iter(signals)) for each in (plain, renderer))
    expect_alike((one, pd.DataFrame()), (other, pd.DataFrame()))
    quiet = np.flatnonzero(table["system"].to_numpy() < 0)[:3]
    one, other = (each.mix(table, quiet, iter([])) for each in (plain, renderer))
    expect_alike((one, pd.DataFrame()), (other, pd.DataFrame()))


def test_operators_that_were_forgotten_are_made_again(sources, table, monkeypatch):
    monkeypatch.setattr(bulk, "MOST_SYSTEMS", 4)
    monkeypatch.setattr(bulk, "MOST_BLOCKS", 1)
    renderer = in_bulk(SETTINGS, sources)
    expect_alike(render.Renderer(SETTINGS, *sources).rows(table), renderer.rows(table))


def test_stacks_hold_no_more_than_they_may_and_make_nothing_twice():
    made = []

    def make(numbers):
        made.extend(numbers)
        return torch.tensor(numbers)[:, None] * torch.ones(2), torch.tensor(numbers)

    stack = bulk._Stack(make, 3)
    for numbers in ([5, 5, 2], [2, 9, 5], [2]):
        wide, narrow = stack.of(np.array(numbers), torch.as_tensor)
        assert wide.tolist() == [[one, one] for one in numbers] and narrow.tolist() == numbers
    assert made == [2, 5, 9]
    stack.of(np.array([1, 9]), torch.as_tensor)
    assert made == [2, 5, 9, 1, 9]


def test_a_signal_without_snr_is_refused(sources, table):
    silent = Bank()
    silent.values[:] = 0
    with pytest.raises(GwsimError, match="no SNR inside their window"):
        in_bulk(SETTINGS, (sources[0], silent)).rows(table.iloc[:64])


def test_rows_of_another_noise_store_are_refused(table):
    memory = Noise()
    memory.strain[:, :, 5 * RATE :] = np.nan
    with pytest.raises(GwsimError, match="reach past the whitened noise"):
        in_bulk(SETTINGS, (memory, Bank())).rows(table.iloc[:64])
    # Of the first piece.
    with pytest.raises(GwsimError, match="4 of 4 windows reach past the noise, of 2 blocks"):
        in_bulk(SETTINGS, (Noise(), Bank())).tensors(table.iloc[:64].assign(psd_block=2))


def test_noise_on_a_device_is_that_of_its_store(tmp_path):
    settings = {
        **{"ifos": ["H1", "L1"], "sample_rate": 256, "band": [20, 100], "block": 16, "stretch": 8},
        **{"kind": "whitened", "psd_segment": 2, "filter": 1},
    }
    strain = np.random.default_rng(1).normal(size=(3, 2, 16 * 256)) * 1e-21

    def make(index):
        made = [noise.of_block(one, settings) for one in strain[index]]
        return {name: np.stack([one[name] for one in made])[None] for name in made[0]}, None

    store.create(tmp_path, noise.arrays(3, settings))
    list(store.write_shards(tmp_path, range(3), [(i, i + 1) for i in range(3)], str, make))
    stored = noise.NoiseStore(tmp_path / "shards.zarr")
    assert stored.shape == strain.shape
    there, asked = (
        on_device.Noise(stored, "cpu"),
        (np.array([2, 0, 2, 1]), np.array([300, 0, 301, 3584]), 512),
    )
    found = there.windows(*asked)
    np.testing.assert_array_equal(found.numpy(), stored.windows(*asked))
    assert there.taps == stored.taps and np.array_equal(there.psd(1), stored.psd(1))
    for blocks, first in (([3], [0]), ([-1], [0]), ([0], [-1]), ([0], [3585])):
        with pytest.raises(GwsimError, match="1 of 1 windows reach past"):
            there.windows(np.array(blocks), np.array(first), 512)


def test_a_cpu_renders_row_by_row_and_anything_else_in_bulk(sources):
    assert type(bulk.renderer(SETTINGS, *sources, "cpu")) is render.Renderer
    # A device without values stands in for a GPU, whose pieces have thousands of rows.
    made = bulk.renderer(SETTINGS, *sources, "meta")
    assert type(made) is bulk.Renderer and made.size == 2**29 // (4 * 3 * 10240)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_agrees_with_the_cpu(sources, table):
    expect_alike(
        render.Renderer(SETTINGS, *sources).rows(table), in_bulk(SETTINGS, sources, "cuda").rows(table)
    )
