"""The store as a contract: what stands is whole, what is wrong is named, and any reader of Zarr agrees."""

import errno
import hashlib
import json
import os
import warnings

import numpy as np
import pandas as pd
import pytest
import tensorstore
import xarray
import zarr

from gwsim import files, manifest, store
from gwsim.errors import GwsimError

ROWS, PER_SHARD = 10, 4
RANGES = [(0, 4), (4, 8), (8, 10)]
STRAIN = store.Array(
    "strain", ("sample", "ifo", "time"), (ROWS, 2, 33), PER_SHARD, (2, 33), "float32", {"units": "1"}
)
# Inner chunks of half a row, raw, of a length that is no multiple of the chunk.
RAW = store.Array("raw", ("sample", "tap"), (ROWS, 7), PER_SHARD, (4,), "float64", {"units": "s"}, False)
LAYOUT = [STRAIN, RAW]
ATTRIBUTES = {"title": "a store", "classes": ["noise", "signal"]}
pytestmark = pytest.mark.filterwarnings("error")


def content(first, last):
    """Arrays of some rows, a pure function of their numbers."""
    rng = np.random.default_rng(1)
    strain = rng.normal(size=(ROWS, 2, 33)).astype(np.float32)[first:last]
    return {"strain": strain, "raw": rng.normal(size=(ROWS, 7))[first:last]}


def small_arrays():
    label = np.arange(ROWS, dtype=np.int32) % 2
    flags = {"units": "1", "flag_values": [0, 1], "flag_meanings": "noise signal"}
    time = np.arange(33) / 4096
    return {
        "label": {"dims": ("sample",), "values": label, "attributes": flags},
        "time": {"dims": ("time",), "values": time, "attributes": {"units": "s", "long_name": "time"}},
    }


class Maker:
    """make() that remembers what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, index):
        self.asked.append(index)
        first, last = RANGES[index]
        return content(first, last), pd.DataFrame({"snr": np.arange(first, last) * 1.5})


def write(folder, key="key", indices=range(3)):
    """Write shards; return the numbers of those that had to be made."""
    make = Maker()
    list(store.write_shards(folder, indices, RANGES, lambda index: f"{key}-{index}", make))
    return make.asked


WRITERS = {"write_atomic": files.write_atomic, "write_table": store.write_table}


def finish(folder):
    records, texts = manifest.whole_records(folder, RANGES), {"README.md": "# a store\n"}
    manifest.finalise(folder, records, small_arrays(), ATTRIBUTES, texts, beside=("table.parquet",))


@pytest.fixture
def laid_out(tmp_path):
    store.create(tmp_path, LAYOUT)
    return tmp_path


@pytest.fixture
def written(laid_out):
    assert write(laid_out) == [0, 1, 2]
    return laid_out


@pytest.fixture
def finished(written):
    store.write_table(written / "table.parquet", store.realised(written, RANGES))
    finish(written)
    return written


def flip(path, position=-100):
    """Flip one bit, in place: hard links see it too."""
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    with path.open("r+b") as file:
        file.write(data)


def metadata(folder, name, where="shards.zarr"):
    return json.loads((folder / where / name / "zarr.json").read_text())


# Layout


def test_layout_is_what_every_reader_knows(laid_out):
    made = metadata(laid_out, "strain")
    assert made["shape"] == [10, 2, 33] and made["dimension_names"] == ["sample", "ifo", "time"]
    assert made["data_type"] == "float32" and made["fill_value"] == "NaN"
    assert made["chunk_grid"]["configuration"]["chunk_shape"] == [4, 2, 33]
    assert made["attributes"] == {"units": "1"}
    (sharding,) = made["codecs"]
    assert sharding["name"] == "sharding_indexed"
    inner = sharding["configuration"]
    assert inner["chunk_shape"] == [1, 2, 33]
    assert [codec["name"] for codec in inner["codecs"]] == ["bytes", "blosc", "crc32c"]
    blosc = inner["codecs"][1]["configuration"]
    assert (blosc["cname"], blosc["shuffle"]) == ("zstd", "bitshuffle")  # the level is nobody's business
    assert [codec["name"] for codec in inner["index_codecs"]] == ["bytes", "crc32c"]


def test_a_raw_array_is_not_compressed_and_its_shard_is_whole_chunks(laid_out):
    made = metadata(laid_out, "raw")
    assert made["shape"] == [10, 7] and made["chunk_grid"]["configuration"]["chunk_shape"] == [4, 8]
    inner = made["codecs"][0]["configuration"]
    assert inner["chunk_shape"] == [1, 4] and [c["name"] for c in inner["codecs"]] == ["bytes", "crc32c"]


def test_laying_out_again_keeps_shards_unless_their_layout_changed(written):
    store.create(written, LAYOUT)
    assert write(written) == []
    renamed = [STRAIN, store.Array(**{**RAW.__dict__, "attributes": {"units": "ms"}})]
    store.create(written, renamed)
    assert write(written) == [] and metadata(written, "raw")["attributes"] == {"units": "ms"}
    store.create(written, [store.Array(**{**STRAIN.__dict__, "compress": False}), RAW])
    assert not (written / "shards.zarr/strain/c").exists() and (written / "shards.zarr/raw/c/0/0").exists()
    assert write(written) == [0, 1, 2]
    assert [path.name for path in written.glob("layout-*")] == []


def test_an_array_of_an_older_layout_goes(written):
    store.create(written, [STRAIN])
    assert store.laid_out(written) == ["strain"]
    assert not (written / "shards.zarr/raw").exists()


def test_a_layout_that_fails_leaves_nothing_behind(tmp_path):
    with pytest.raises(TypeError):
        store.create(tmp_path, [store.Array(**{**RAW.__dict__, "dtype": "no such type"})])
    assert not list(tmp_path.iterdir())


# Shards


def test_what_was_written_is_what_every_reader_reads(finished):
    path, expected = finished / "data.zarr", content(0, ROWS)
    group = zarr.open_group(path, mode="r")
    data = xarray.open_zarr(path)
    for name, values in expected.items():
        spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path / name)}}
        theirs = tensorstore.open(spec, open=True).result().read().result()
        for read in (group[name][:], data[name].to_numpy(), theirs):
            assert read.dtype == values.dtype and read.tobytes() == values.tobytes()
    assert data["strain"].dims == ("sample", "ifo", "time") and data["raw"].attrs == {"units": "s"}
    assert dict(data.attrs) == ATTRIBUTES
    assert list(data["label"].values) == [0, 1] * 5 and data["label"].attrs["flag_meanings"] == "noise signal"
    np.testing.assert_array_equal(data["time"], np.arange(33) / 4096)
    assert "time" in data.coords


def test_there_are_only_numbers_in_a_store(finished):
    for path in (finished / "data.zarr").glob("*/zarr.json"):
        assert json.loads(path.read_text())["data_type"] in {"float32", "float64", "int32"}
        spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path.parent)}}
        assert tensorstore.open(spec, open=True).result().read().result().size


def test_a_store_opens_without_its_consolidated_metadata_too(finished):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zarr speaks of README.md
        data = xarray.open_zarr(finished / "data.zarr", consolidated=False)
    assert data["strain"].shape == (10, 2, 33)


@pytest.mark.parametrize(
    ("index", "rows"), [(0, (0, 3)), (0, (1, 4)), (0, (0, 8)), (1, (0, 4)), (2, (8, 12)), (1, (4, 6))]
)
def test_a_shard_is_written_whole_or_not_at_all(laid_out, index, rows):
    with pytest.raises(ValueError, match=rf"are not the whole of strain's shard {index} of 4 rows"):
        store.write_shard(laid_out, index, rows, content(*rows))
    assert not list(laid_out.rglob("c"))


def test_arrays_that_would_be_broadcast_are_refused(laid_out):
    arrays = content(0, 4)
    for wrong in (arrays["strain"][:1], arrays["strain"][:, :1], arrays["strain"][0]):
        with pytest.raises(ValueError, match=r"rows \(0, 4\) of strain: got shape"):
            store.write_shard(laid_out, 0, (0, 4), arrays | {"strain": wrong})


@pytest.mark.parametrize("names", [{"strain"}, {"strain", "raw", "more"}])
def test_every_array_of_the_layout_is_written_and_no_other(laid_out, names):
    arrays = {name: content(0, 4).get(name, np.zeros(4)) for name in names}
    with pytest.raises(ValueError, match=r"the store is laid out for \['raw', 'strain'\]"):
        store.write_shard(laid_out, 0, (0, 4), arrays)


def test_a_store_that_is_not_laid_out_is_an_error(tmp_path):
    with pytest.raises(
        GwsimError, match=r"no Zarr array at .*strain: the store is not laid out, or was moved"
    ):
        store.open_array(tmp_path / "shards.zarr" / "strain")


@pytest.mark.parametrize("name", ["strain", "raw"])
@pytest.mark.parametrize("position", [3, 40])
def test_a_flipped_byte_is_seen_when_it_is_read(finished, name, position):
    flip(_shard(finished, name), position)
    with pytest.raises(Exception, match=r"(?i)crc32c|checksum"):
        zarr.open_array(finished / "data.zarr" / name, mode="r")[:]
    with pytest.raises(ValueError, match="Digest mismatch"):
        store.open_array(finished / "data.zarr" / name).read().result()


def _shard(folder, name, index=0, where="data.zarr"):
    return folder / where / store.shard_path(name, index, {"strain": 3, "raw": 2}[name])


# Records


def test_records_say_what_was_made_from_what(written):
    record = store.read_record(written, 1)
    path = written / "shards.zarr/strain/c/1/0/0"
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert record["key"] == "key-1" and record["rows"] == [4, 8]
    assert record["files"]["strain/c/1/0/0"] == {"sha256": sha256, "bytes": path.stat().st_size}
    assert set(record["files"]) == {"strain/c/1/0/0", "raw/c/1/0"} and set(record["columns"]) == {
        "00001.parquet"
    }
    (one,) = store.write_shards(written, [1], RANGES, lambda index: "key-1", None)
    assert one == {"shard": 1, **record}


def test_what_stands_whole_under_its_key_is_not_made_again(written):
    assert write(written) == []
    assert write(written, key="other") == [0, 1, 2]
    assert write(written, key="other", indices=[2, 0]) == []


DAMAGE = {
    "a flipped bit": lambda folder: flip(_shard(folder, "strain", 1, "shards.zarr")),
    "a shard gone": lambda folder: _shard(folder, "raw", 1, "shards.zarr").unlink(),
    "a shard cut": lambda folder: os.truncate(_shard(folder, "strain", 1, "shards.zarr"), 100),
    "a shard empty": lambda folder: os.truncate(_shard(folder, "raw", 1, "shards.zarr"), 0),
    "columns altered": lambda folder: flip(folder / "records/00001.parquet"),
    "columns gone": lambda folder: (folder / "records/00001.parquet").unlink(),
    "record gone": lambda folder: (folder / "records/00001.json").unlink(),
    "record cut": lambda folder: os.truncate(folder / "records/00001.json", 20),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_is_damaged_is_made_again_and_nothing_else(written, what):
    before = {path: path.read_bytes() for path in written.rglob("*") if path.is_file()}
    DAMAGE[what](written)
    with pytest.raises(GwsimError, match=r"shards \[1\] of .* --forcerun"):
        finish(written)
    assert not (written / "data.zarr").exists() and not (written / "manifest.json").exists()
    assert write(written) == [1]
    assert {path: path.read_bytes() for path in written.rglob("*") if path.is_file()} == before


def test_a_shard_is_recorded_after_it_is_made(laid_out):
    def make(index):
        if index == 1:
            raise KeyboardInterrupt
        return content(*RANGES[index]), None

    with pytest.raises(KeyboardInterrupt):
        list(store.write_shards(laid_out, range(3), RANGES, str, make))
    assert store.read_record(laid_out, 0) and not store.read_record(laid_out, 1)
    with pytest.raises(GwsimError, match=r"shards \[1, 2\]"):
        finish(laid_out)


def test_realised_columns_come_back_in_order(written):
    pd.testing.assert_frame_equal(
        store.realised(written, RANGES), pd.DataFrame({"snr": np.arange(10) * 1.5}), check_exact=True
    )


# Finalise and verify


def test_a_finished_store_is_linked_and_its_manifest_covers_it(finished):
    for name in ("strain", "raw"):
        for index in range(3):
            one, other = (
                _shard(finished, name, index, where).stat() for where in ("data.zarr", "shards.zarr")
            )
            assert one.st_ino == other.st_ino and one.st_nlink == 2
    listed = json.loads((finished / "manifest.json").read_text())
    files = {p.relative_to(finished).as_posix() for p in (finished / "data.zarr").rglob("*") if p.is_file()}
    assert set(listed["files"]) == files | {"table.parquet"}
    for name, entry in listed["files"].items():
        assert entry == {
            "sha256": hashlib.sha256((finished / name).read_bytes()).hexdigest(),
            "bytes": (finished / name).stat().st_size,
        }
    assert [shard["rows"] for shard in listed["shards"]] == [[0, 4], [4, 8], [8, 10]]
    # It is sealed with its own hash, which is no part of what it lists.
    seal = listed.pop("sha256")
    assert seal == hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()
    assert manifest.verify(finished) == listed
    # Metadata are copies: publishing attributes leaves the layout alone.
    assert (finished / "data.zarr/zarr.json").stat().st_nlink == 1


def test_finishing_twice_gives_the_same_bytes(finished):
    files = [path for path in finished.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    finish(finished)
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before


def test_shards_written_in_any_order_give_the_same_manifest(finished, tmp_path):
    other = tmp_path / "other"
    store.create(other, LAYOUT[::-1])
    for index in (2, 0, 1):
        assert write(other, indices=[index]) == [index]
    store.write_table(other / "table.parquet", store.realised(other, RANGES))
    finish(other)
    assert (other / "manifest.json").read_bytes() == (finished / "manifest.json").read_bytes()


def test_where_there_are_no_links_shards_are_copied(written, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    store.write_table(written / "table.parquet", store.realised(written, RANGES))
    finish(written)
    assert _shard(written, "strain").stat().st_nlink == 1
    assert _shard(written, "strain").read_bytes() == _shard(written, "strain", 0, "shards.zarr").read_bytes()
    manifest.verify(written)
    assert write(written) == []


def test_finishing_that_fails_leaves_no_store_and_loses_no_shard(finished, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(manifest, "_add_small_arrays", fail)
    with pytest.raises(OSError, match="No space"):
        finish(finished)
    assert not list(finished.glob("*.part")) and write(finished) == []
    monkeypatch.undo()
    finish(finished)
    manifest.verify(finished)


def test_a_manifest_never_stands_beside_another_store(finished, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(manifest, "listing", fail)
    with pytest.raises(OSError, match="No space"):
        finish(finished)
    with pytest.raises(GwsimError, match=r"INCOMPLETE: .* has 3 of 3 shards and no manifest"):
        manifest.verify(finished)


def test_leftovers_of_killed_jobs_are_not_published(written):
    for name in (
        "strain/c/0/0/0.__lock",
        "strain/c/1/0/0.1234.partial",
        "strain/c/2/0/0.part",
        "zarr.json.part",
    ):
        (written / "shards.zarr" / name).write_text("half")
    store.write_table(written / "table.parquet", store.realised(written, RANGES))
    finish(written)
    manifest.verify(written)
    files = [path for path in (written / "data.zarr").rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"zarr.json", "README.md", "0"} and len(files) == 6 + 2 + 6


def test_snakemakes_own_file_is_passed_over(finished):
    (finished / "data.zarr/.snakemake_timestamp").write_text("")
    manifest.verify(finished)
    before = manifest.read(finished / "manifest.json")
    content_now = manifest.listing(finished, manifest.whole_records(finished, RANGES), ("table.parquet",))
    assert content_now == before


FAULTS = {
    "altered: data.zarr/strain/c/1/0/0 (rows 4 to 7)": lambda f: flip(_shard(f, "strain", 1)),
    "altered: data.zarr/raw/c/2/0 (rows 8 to 9)": lambda f: os.truncate(_shard(f, "raw", 2), 50),
    "missing: data.zarr/strain/c/0/0/0 (rows 0 to 3)": lambda f: _shard(f, "strain", 0).unlink(),
    "missing: data.zarr/README.md": lambda f: (f / "data.zarr/README.md").unlink(),
    "altered: data.zarr/zarr.json": lambda f: flip(f / "data.zarr/zarr.json"),
    "altered: table.parquet": lambda f: flip(f / "table.parquet"),
    "not in the manifest: data.zarr/strain/c/9/0/0": lambda f: _stranger(f / "data.zarr/strain/c/9/0/0"),
}


def _stranger(path):
    path.parent.mkdir(parents=True)
    path.write_text("who is this?")


@pytest.mark.parametrize("fault", FAULTS)
def test_verify_names_the_fault_and_no_other(finished, fault):
    manifest.verify(finished)
    FAULTS[fault](finished)
    with pytest.raises(GwsimError) as caught:
        manifest.verify(finished)
    assert str(caught.value).splitlines() == [f"{finished} is not what its manifest says:", f"  {fault}"]


def test_verify_names_all_faults_at_once(finished):
    for damage in FAULTS.values():
        damage(finished)
    with pytest.raises(GwsimError) as caught:
        manifest.verify(finished)
    assert {line.strip() for line in str(caught.value).splitlines()[1:]} == set(FAULTS)


def test_verify_says_how_far_an_unfinished_store_is(tmp_path):
    with pytest.raises(GwsimError, match=r"INCOMPLETE: .* holds no store yet"):
        manifest.verify(tmp_path)
    store.create(tmp_path, LAYOUT)
    with pytest.raises(GwsimError, match=r"INCOMPLETE: .* has 0 of 3 shards and no manifest; run again"):
        manifest.verify(tmp_path)
    write(tmp_path)
    flip(_shard(tmp_path, "raw", 0, "shards.zarr"))
    with pytest.raises(GwsimError, match="has 2 of 3 shards"):
        manifest.verify(tmp_path)


def test_a_store_is_known_by_any_of_its_names(finished, monkeypatch):
    for name in ("data.zarr", "manifest.json", "."):
        assert manifest.folder_of(finished / name).resolve() == finished.resolve()
    monkeypatch.chdir(finished)
    assert manifest.folder_of(store.Path("data.zarr")) == finished.resolve()
    with pytest.raises(GwsimError, match=r"nothing stands at .*nowhere"):
        manifest.folder_of(finished / "nowhere")


# Tables, digests, files


@pytest.mark.parametrize(("first", "last"), [(0, 10), (0, 1), (3, 4), (2, 7), (4, 8), (9, 10)])
def test_rows_are_read_by_their_number_and_only_their_groups(tmp_path, monkeypatch, first, last):
    path, table = tmp_path / "t.parquet", pd.DataFrame({"a": np.arange(10) * 0.5, "b": list("abcdefghij")})
    store.write_table(path, table, row_group=3)
    asked = []
    whole = store.parquet.ParquetFile.read_row_groups
    monkeypatch.setattr(
        store.parquet.ParquetFile,
        "read_row_groups",
        lambda self, groups: asked.extend(groups) or whole(self, groups),
    )
    rows = store.read_rows(path, first, last)
    pd.testing.assert_frame_equal(rows, table.iloc[first:last], check_exact=True)
    assert asked == list(range(first // 3, (last - 1) // 3 + 1))


TABLE = pd.DataFrame(
    {
        "a": [1.5, np.nan, 3.0],
        "b": np.array([1, 2, 3], np.int32),
        "c": ["x", "y", "z"],
        "d": [True, False, True],
    }
)


def test_every_cell_name_and_type_of_a_table_counts_in_its_digest():
    others = [
        TABLE.rename(columns={"a": "e"}),
        TABLE[["b", "a", "c", "d"]],
        TABLE.iloc[:2],
        TABLE.iloc[::-1],
        TABLE.astype({"b": np.int64}),
        TABLE.astype({"a": np.float32}),
        TABLE.drop(columns="d"),
    ]
    for row in range(3):
        for column, value in {"a": 7.0, "b": 9, "c": "w", "d": not TABLE["d"][row]}.items():
            changed = TABLE.copy()
            changed.loc[row, column] = value
            assert changed.dtypes.equals(TABLE.dtypes)
            others.append(changed)
    digests = {store.table_digest(table) for table in (TABLE, *others)}
    assert len(digests) == 1 + len(others)
    assert store.table_digest(TABLE.copy()) == store.table_digest(TABLE)
    zeros = pd.DataFrame({"a": np.zeros(3, np.int64)})
    assert store.table_digest(zeros) != store.table_digest(zeros.astype(float))  # the same bytes


def test_the_digest_of_a_table_survives_parquet(tmp_path):
    store.write_table(tmp_path / "t.parquet", TABLE, row_group=1)
    assert store.table_digest(pd.read_parquet(tmp_path / "t.parquet")) == store.table_digest(TABLE)
    assert store.table_digest(store.read_rows(tmp_path / "t.parquet", 1, 3)) == store.table_digest(
        TABLE.iloc[1:]
    )


def test_a_digest_knows_values_and_not_the_order_of_keys():
    assert store.digest({"a": 1, "b": [2]}) == store.digest({"b": [2], "a": 1})
    assert store.digest({"a": 1}) != store.digest({"a": 1.5}) != store.digest({"a": [1.5]})


@pytest.mark.parametrize("write_one", ["write_atomic", "write_table"])
def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch, write_one):
    values = {"write_atomic": "new", "write_table": TABLE}
    path = tmp_path / "deep" / "file"
    WRITERS[write_one](path, values[write_one])
    before = path.read_bytes()

    def fail(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        WRITERS[write_one](path, values[write_one])
    assert [p.name for p in path.parent.iterdir()] == ["file"] and path.read_bytes() == before
