"""Windows read straight from uncompressed shards, against zarr-python's own reading."""

import numpy as np
import pytest
import zarr

from gwsim import seeds, store, uncompressed
from gwsim.errors import GwsimError

ROWS, SERIES, LONG, CHUNK, PER_SHARD = 7, 3, 1000, 128, 2


def laid_out(folder, **changes):
    values = seeds.generator("test", "uncompressed").normal(size=(ROWS, SERIES, LONG)).astype(np.float32)
    values[4, :, CHUNK:] = np.nan  # chunks of nothing but fill value are left out of a shard
    options = {"compress": False, "dtype": "float32"} | changes
    array = store.Array(
        "strain", ("block", "ifo", "time"), values.shape, PER_SHARD, (SERIES, CHUNK), attributes={}, **options
    )
    store.create(folder, [array])
    for index in range(-(-ROWS // PER_SHARD)):
        rows = PER_SHARD * index, min(PER_SHARD * (index + 1), ROWS)
        store.write_shard(folder, index, rows, {"strain": values[slice(*rows)].astype(options["dtype"])})
    return folder / "shards.zarr" / "strain"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return laid_out(tmp_path_factory.mktemp("store"))


def window(array, row, first, size):
    out = np.full((SERIES, size), 7, np.float32)
    array.read(row, first, out)
    return out


@pytest.mark.parametrize("size", [1, CHUNK, CHUNK + 1, 3 * CHUNK, LONG])
@pytest.mark.parametrize("row", [0, 1, 4, 6])
def test_windows_are_those_of_zarr_python(path, row, size):
    array, whole = uncompressed.Uncompressed(path), zarr.open_array(path, mode="r")[row]
    for first in {0, 1, CHUNK - 1, CHUNK, 500, LONG - size} - set(range(LONG - size + 1, LONG)):
        expected = whole[:, first : first + size]
        for _ in range(2):  # a chunk that was checked takes another way
            np.testing.assert_array_equal(window(array, row, first, size), expected)


@pytest.mark.parametrize(
    ("first", "size"), [(-5, 20), (LONG - 5, 20), (-5, LONG + 9), (-50, 20), (LONG + 3, 20)]
)
def test_what_lies_outside_is_fill_value(path, first, size):
    whole = zarr.open_array(path, mode="r")[0]
    expected = np.pad(whole, ((0, 0), (2000, 2000)), constant_values=np.nan)[:, 2000 + first :][:, :size]
    np.testing.assert_array_equal(window(uncompressed.Uncompressed(path), 0, first, size), expected)


def test_more_files_than_are_kept_open(path, monkeypatch):
    monkeypatch.setattr(uncompressed, "OPEN", 1)
    array, whole = uncompressed.Uncompressed(path), zarr.open_array(path, mode="r")[:]
    for row in (0, 6, 3, 0):
        np.testing.assert_array_equal(window(array, row, 10, 300), whole[row, :, 10:310])


def test_a_damaged_chunk_is_refused_and_others_are_not(tmp_path):
    path = laid_out(tmp_path)
    shard = path / "c" / "0" / "0" / "0"
    content = bytearray(shard.read_bytes())
    expected = zarr.open_array(path, mode="r")[0, :, CHUNK : 2 * CHUNK].copy()
    content[10] ^= 1  # of the first chunk written
    shard.write_bytes(content)
    array = uncompressed.Uncompressed(path)
    np.testing.assert_array_equal(window(array, 0, CHUNK, CHUNK), expected)
    with pytest.raises(GwsimError, match=r"row 0, chunk 0.*checksum"):
        window(array, 0, CHUNK - 1, 2)


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-1], lambda raw: raw[:-9] + b"x" + raw[-8:], lambda raw: b""]
)
def test_a_damaged_index_is_refused(tmp_path, damage):
    path = laid_out(tmp_path)
    shard = path / "c" / "1" / "0" / "0"
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(GwsimError, match=r"index.*checksum"):
        window(uncompressed.Uncompressed(path), 2, 0, 5)


def test_a_missing_shard_is_named(tmp_path):
    path = laid_out(tmp_path)
    (path / "c" / "1" / "0" / "0").unlink()
    with pytest.raises(GwsimError, match=r"no .*c/1/0/0: the store lacks a shard"):
        window(uncompressed.Uncompressed(path), 2, 0, 5)


@pytest.mark.parametrize("changes", [{"compress": True}, {"dtype": "float64"}])
def test_another_layout_is_refused(tmp_path, changes):
    with pytest.raises(GwsimError, match="not laid out"):
        uncompressed.Uncompressed(laid_out(tmp_path, **changes))
