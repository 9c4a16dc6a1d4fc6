"""Our own reader of shards, held against zarr-python and tensorstore, over damage, and after a fork."""

import json
import multiprocessing

import numpy as np
import pytest
import zarr

from gwsim import shards, store
from gwsim.errors import GwsimError

SHAPE, ROWS = (11, 2, 50), 4


def made(folder, dtype="float32", chunk=(2, 50), compress=True, rows=SHAPE[0]):
    """A store of one array of random values, some of its shards written."""
    values = (np.random.default_rng(1).normal(size=SHAPE) * 50).astype(dtype)
    layout = store.Array("x", ("a", "b", "c"), SHAPE, ROWS, chunk, dtype, {}, compress)
    store.create(folder, [layout])
    for index in range(-(-rows // ROWS)):
        first, last = index * ROWS, min((index + 1) * ROWS, SHAPE[0])
        store.write_shard(folder, index, (first, last), {"x": values[first:last]})
    return folder / "shards.zarr" / "x", values


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("chunk", [(2, 50), (1, 50), (2, 16)], ids=["whole", "by b", "by c, uneven"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int32"])
def test_rows_are_those_of_other_readers(tmp_path, dtype, chunk, compress, threads):
    path, values = made(tmp_path, dtype, chunk, compress)
    array, rows = shards.opened(path, threads), np.array([10, 3, 3, 0, 7, 9])
    np.testing.assert_array_equal(array.rows(rows), values[rows])
    np.testing.assert_array_equal(array.rows(rows), zarr.open_array(path, mode="r")[:][rows])
    assert array.rows(rows).dtype == dtype and array.shape == SHAPE
    assert array.rows(rows[:0]).shape == (0, 2, 50)


@pytest.mark.parametrize(
    "key",
    [
        5,
        np.int64(5),
        slice(2, 9),
        np.array([8, 1, 1]),
        (5, slice(None), slice(10, 40)),
        (slice(0, 5), slice(1, 2)),
        (5, 1, slice(3, 4)),
        (slice(None), 0),
    ],
    ids=str,
)
def test_a_part_is_what_tensorstore_gives(tmp_path, key):
    path, _ = made(tmp_path, chunk=(2, 16))
    theirs, ours = store.open_array(path)[key].read().result(), shards.opened(path)[key].read().result()
    np.testing.assert_array_equal(ours, theirs, strict=True)
    np.testing.assert_array_equal(shards.opened(path).read().result(), store.open_array(path).read().result())


def test_a_shard_that_is_not_there_is_named(tmp_path):
    """To other readers it would be fill value."""
    path, values = made(tmp_path, rows=8)
    array = shards.opened(path)
    np.testing.assert_array_equal(array.rows(np.array([7]))[0], values[7])
    with pytest.raises(GwsimError, match=r"no .*c/2/0/0: the array lacks a shard"):
        array.rows(np.array([7, 9]))


@pytest.mark.parametrize("size", [1, 16, 17, 33, 50])
@pytest.mark.parametrize("row", [0, 3, 4, 10])
@pytest.mark.parametrize("chunk", [(2, 16), (1, 16)])
def test_windows_are_those_of_zarr_python(tmp_path, chunk, row, size):
    path, _ = made(tmp_path, chunk=chunk, compress=False)
    array, whole = shards.ours(path), zarr.open_array(path, mode="r")[row]
    for first in {0, 1, 15, 16, 31, 50 - size} - set(range(51 - size, 50)):
        for _ in range(2):  # a chunk that was checked takes another way
            np.testing.assert_array_equal(window(array, row, first, size), whole[:, first : first + size])


@pytest.mark.parametrize("first, size", [(-5, 20), (45, 20), (-5, 60), (-50, 20), (53, 20)])
def test_what_lies_outside_is_fill_value(tmp_path, first, size):
    path, values = made(tmp_path, chunk=(2, 16), compress=False)
    expected = np.pad(values[0], ((0, 0), (200, 200)), constant_values=np.nan)[:, 200 + first :][:, :size]
    np.testing.assert_array_equal(window(shards.ours(path), 0, first, size), expected)


def test_chunks_of_fill_value_alone_are_not_in_the_file(tmp_path):
    values = np.full(SHAPE, np.nan, np.float32)
    values[:, :, :16] = 3
    store.create(tmp_path, [store.Array("x", ("a", "b", "c"), SHAPE, 16, (2, 16), "float32", {}, False)])
    store.write_shard(tmp_path, 0, (0, 11), {"x": values})
    path = tmp_path / "shards.zarr" / "x"
    assert (path / "c/0/0/0").stat().st_size < values.nbytes
    np.testing.assert_array_equal(shards.ours(path).rows(np.array([10, 0])), values[:2])


def test_an_array_of_others_is_not_ours(tmp_path):
    zarr.create_array(tmp_path / "x", data=np.zeros((3, 4)), zarr_format=3)
    with pytest.raises(GwsimError, match="not laid out as this version does it"):
        shards.ours(tmp_path / "x")


def window(array, row, first, size):
    out = np.full((2, size), 7, np.float32)
    array.window(row, first, out)
    return out


def test_rows_that_are_not_there_are_refused(tmp_path):
    array = shards.opened(made(tmp_path)[0])
    for row in (11, -1):
        with pytest.raises(IndexError):
            array.rows(np.array([0, row]))


@pytest.mark.parametrize("place", [3, -1, -30])
def test_a_flipped_bit_is_told(tmp_path, place):
    path, _ = made(tmp_path)
    shard = path / "c" / "1" / "0" / "0"
    content = bytearray(shard.read_bytes())
    content[place] ^= 4
    shard.write_bytes(content)
    with pytest.raises(GwsimError, match=r"c/1/0/0 is (cut or )?damaged"):
        shards.opened(path).rows(np.arange(11))


def test_a_cut_shard_is_told(tmp_path):
    path, _ = made(tmp_path)
    shard = path / "c" / "1" / "0" / "0"
    for size in (len(shard.read_bytes()) - 9, 10):
        shard.write_bytes(shard.read_bytes()[:size])
        with pytest.raises(GwsimError, match=r"c/1/0/0 is cut or damaged"):
            shards.opened(path).rows(np.arange(11))


def changes():
    """Layouts that are valid Zarr and not ours: a path into the metadata and what stands there."""
    sharding = ("codecs", 0, "configuration")
    yield (*sharding, "chunk_shape"), [2, 2, 50]
    yield (*sharding, "index_location"), "start"
    yield (*sharding, "codecs", 0, "configuration"), {"endian": "big"}
    yield (*sharding, "codecs", 1), {"name": "gzip", "configuration": {"level": 1}}
    yield ("chunk_key_encoding", "name"), "v2"
    yield ("codecs",), [{"name": "bytes", "configuration": {"endian": "little"}}]
    yield ("chunk_grid", "configuration", "chunk_shape"), [4, 1, 50]
    yield ("data_type",), "complex64"
    yield ("data_type",), "string"


@pytest.mark.parametrize(("place", "value"), list(changes()), ids=str)
def test_other_layouts_are_left_to_others(tmp_path, place, value):
    path, _ = made(tmp_path)
    metadata = json.loads((path / "zarr.json").read_text())
    assert shards.readable(metadata)
    *first, last = place
    part = metadata
    for key in first:
        part = part[key]
    part[last] = value
    (path / "zarr.json").write_text(json.dumps(metadata))
    assert shards.opened(path) is None


def test_more_shards_than_may_stay_open(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "MOST_OPEN", 1)
    path, values = made(tmp_path)
    array = shards.opened(path, 2)
    for _ in range(2):
        np.testing.assert_array_equal(array.rows(np.arange(11)), values)
    assert len(array._files()._open) == 1


def asked_in_a_fork(array, path, answer):
    rows = array.rows(np.arange(11))
    part = store.open_array(path)[5, :, 10:40].read().result()
    answer.put((rows, part))


def test_a_forked_process_reads(tmp_path):
    """Where tensorstore had been used before, and would wait for ever."""
    path, values = made(tmp_path)
    array = shards.opened(path, 2)
    assert np.array_equal(array.rows(np.arange(11)), store.open_array(path)[:].read().result())
    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    process = context.Process(target=asked_in_a_fork, args=(array, path, answer))
    process.start()
    rows, part = answer.get(timeout=300)
    process.join()
    np.testing.assert_array_equal(rows, values)
    np.testing.assert_array_equal(part, values[5, :, 10:40])
