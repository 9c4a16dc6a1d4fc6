"""Datasets in other formats, read back by programs that share no code with ours, bit for bit."""

import hashlib
import json
import subprocess
import tarfile

import finished_store
import h5py
import numpy as np
import pandas as pd
import pytest
import zarr
from finished_store import CLASSES, IFOS, MARGIN, RATE, ROWS, SECONDS

from gwsim import command, export, finished, manifest
from gwsim.cli import export as verb


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return finished_store.make(tmp_path_factory.mktemp("results") / "cbc" / "train")


@pytest.fixture(scope="module")
def exported(folder, tmp_path_factory):
    """Return where each format stands."""
    made = {name: tmp_path_factory.mktemp(name) / f"out.{name}" for name in export.FORMATS}
    for name, path in made.items():
        command.main(["export", str(folder), str(path), "--to", name])
    return made


@pytest.fixture(scope="module")
def group(folder):
    """The store, as zarr reads it."""
    return zarr.open_group(folder / "data.zarr", mode="r", zarr_format=3)


def run(*words):
    """Return what the command says, with its status."""
    with pytest.raises(SystemExit) as ended:
        command.main([str(word) for word in words])
    return ended.value.code


# ---- HDF5


def test_hdf5_has_every_array_bit_for_bit_with_axes_units_and_meaning(exported, group):
    with h5py.File(exported["hdf5"]) as file:
        assert set(group) < set(file)
        for name, array in group.arrays():
            got = file[name]
            assert (got.shape, got.dtype) == (array.shape, array.dtype)
            assert got[:].tobytes() == array[:].tobytes()
            assert [one.label for one in got.dims] == list(array.metadata.dimension_names)
            assert (got.attrs["units"], got.attrs["long_name"]) == (
                array.attrs["units"],
                array.attrs["long_name"],
            )
        strain = file["strain"]
        assert strain.chunks == (1, 2, finished_store.SAMPLES) and strain.fletcher32
        assert (strain.compression, strain.shuffle) == ("gzip", True)
        np.testing.assert_array_equal(strain.dims[2]["time"][:], group["time"][:])
        assert file["time"].is_scale and file["label"].attrs["flag_meanings"] == " ".join(CLASSES)
        assert list(file["label"].attrs["flag_values"]) == [0, 1, 2]
        assert [one.decode() for one in file["name"][:2]] == ["example 0", "example 1"]
        assert list(file.attrs["classes"]) == CLASSES and file.attrs["sample_rate"] == RATE
        assert json.loads(file.attrs["configuration"]) == finished_store.ATTRIBUTES["configuration"]


def test_hdf5_takes_attributes_of_any_length(folder, tmp_path):
    from gwsim.export import hdf5
    from gwsim.finished import Finished

    store = Finished(folder)
    store.attributes["values"], store.attributes["text"] = list(range(20_000)), "a" * 100_000
    hdf5.write(store, tmp_path / "long.h5", iter)
    with h5py.File(tmp_path / "long.h5") as file:
        assert list(file.attrs["values"]) == list(range(20_000)) and len(file.attrs["text"]) == 100_000


# ---- npy


def test_npy_maps_into_memory_and_has_the_same_bits(exported, group):
    told = json.loads((exported["npy"] / "attributes.json").read_text())
    assert told["attributes"] == finished_store.ATTRIBUTES
    for name, array in group.arrays():
        got = np.load(exported["npy"] / f"{name}.npy", mmap_mode="r")
        assert isinstance(got, np.memmap) and got.dtype == array.dtype
        assert got.shape == array.shape and got.tobytes() == array[:].tobytes()
        assert told["arrays"][name]["dims"] == list(array.metadata.dimension_names)
    table = pd.read_parquet(exported["npy"] / "table.parquet")
    pd.testing.assert_frame_equal(table, finished_store.table())
    again = pd.read_csv(exported["npy"] / "table.csv")
    np.testing.assert_array_equal(again["mass_1"], table["mass_1"])


# ---- WebDataset


def samples(folder):
    """Yield examples by WebDataset's naming: what has the same name up to its first point is one example."""
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            current, key = {}, None
            for member in tar:
                name, _, ending = member.name.partition(".")
                if name != key and current:
                    yield key, current
                    current = {}
                key, current[ending] = name, tar.extractfile(member).read()
            yield key, current


def test_webdataset_has_one_example_after_the_other(exported):
    import io

    arrays, table = finished_store.values(), finished_store.table()
    found = list(samples(exported["webdataset"]))
    assert [key for key, _ in found] == [f"{row:08d}" for row in range(ROWS)]
    for row, (_, its) in enumerate(found):
        assert set(its) == {"cls", "json", "strain.npy", "spectrogram.npy"}
        for name, values in arrays.items():
            assert np.load(io.BytesIO(its[f"{name}.npy"])).tobytes() == values[row].tobytes()
        told = json.loads(its["json"], parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
        assert int(its["cls"]) == told["label"] == table["label"][row] and type(told["gps_second"]) is int
        assert told["mass_1"] == (None if row % 3 == 0 else table["mass_1"][row])
    told = json.loads((exported["webdataset"] / "dataset.json").read_text())
    assert [one["rows"] for one in told["tars"]] == [list(rows) for rows in finished_store.RANGES]
    for one in told["tars"]:
        content = (exported["webdataset"] / one["tar"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == one["sha256"]


# ---- MLGWSC-1


def test_mlgwsc1_has_the_challenges_layout(exported):
    strain, table = finished_store.values()["strain"], finished_store.table()
    inside, noise = slice(MARGIN // 2, -MARGIN // 2), table["label"].to_numpy() == 0
    for name, rows in (("foreground", strain), ("background", strain[noise])):
        with h5py.File(exported["mlgwsc1"] / f"{name}.hdf") as file:
            # All keys of the file are ifos, all of an ifo its stretches, named by their start.
            assert list(file) == list(file.attrs["detectors"]) == IFOS
            for number, ifo in enumerate(IFOS):
                (start,) = file[ifo]
                series = file[ifo][start]
                assert int(start) == series.attrs["start_time"] and series.attrs["delta_t"] == 1 / RATE
                assert series[:].tobytes() == rows[:, number, inside].tobytes()
            assert (file.attrs["sample_rate"], file.attrs["low_frequency_cutoff"]) == (RATE, 20)
            assert "whitened" in file.attrs["note"]
    signal = np.flatnonzero(~noise)
    with h5py.File(exported["mlgwsc1"] / "injections.hdf") as file:
        np.testing.assert_array_equal(file["row"][:], signal)
        np.testing.assert_array_equal(file["tc"][:], signal * SECONDS + table["event_time"][signal])
        np.testing.assert_allclose(file["distance"][:], table["distance_kpc"][signal] / 1000)
        for name, column in (("mass1", "mass_1"), ("coa_phase", "phase"), ("polarization", "psi")):
            np.testing.assert_array_equal(file[name][:], table[column][signal])
        approximants = [
            finished_store.MODELS[CLASSES[label]]["approximant"] for label in table["label"][signal]
        ]
        assert [one.decode() for one in file["approximant"][:]] == approximants
    times = pd.read_parquet(exported["mlgwsc1"] / "table.parquet")["start_time"]
    np.testing.assert_array_equal(times, np.arange(ROWS) * SECONDS)


def test_pycbc_reads_mlgwsc1(exported):
    from pycbc.inject import InjectionSet
    from pycbc.types import load_timeseries

    series = load_timeseries(str(exported["mlgwsc1"] / "foreground.hdf"), group="L1/0")
    assert (float(series.start_time), series.delta_t, len(series)) == (0, 1 / RATE, ROWS * SECONDS * RATE)
    injections = InjectionSet(str(exported["mlgwsc1"] / "injections.hdf"))
    table = finished_store.table().query("label > 0")
    np.testing.assert_array_equal(injections.table["mass1"], table["mass_1"])
    np.testing.assert_array_equal(injections.table["tc"], table.index * SECONDS + table["event_time"])
    assert injections.end_times()[0] == injections.table["tc"][0]


def test_mlgwsc1_at_another_rate_is_what_a_network_sees(folder, tmp_path):
    from gwsim import dataset

    command.main(["export", str(folder), str(tmp_path / "low"), "--to", "mlgwsc1", "--rate", "256"])
    seen = dataset.Examples(folder, dataset.View("strain", "none", 256)).raw(np.arange(ROWS))
    with h5py.File(tmp_path / "low" / "foreground.hdf") as file:
        assert file["H1/0"].attrs["delta_t"] == 1 / 256 and file.attrs["sample_rate"] == 256
        np.testing.assert_array_equal(file["H1/0"][:], seen[:, 0].ravel())


# ---- the tar


def test_the_tar_holds_what_the_manifest_lists_and_is_the_same_each_time(folder, exported, tmp_path, capsys):
    listed = json.loads((folder / "manifest.json").read_text())["files"]
    with tarfile.open(exported["tar"]) as tar:
        members = tar.getmembers()
        assert [one.name for one in members] == sorted(
            f"cbc-train/{name}" for name in (*listed, "manifest.json")
        )
        for one in members:
            assert (one.mtime, one.uid, one.gid, one.uname, one.gname, one.mode) == (0, 0, 0, "", "", 0o644)
            name = one.name.removeprefix("cbc-train/")
            assert tar.extractfile(one).read() == (folder / name).read_bytes()
    command.main(["export", str(folder / "data.zarr"), str(tmp_path / "again.tar"), "--to", "tar"])
    content = (tmp_path / "again.tar").read_bytes()
    assert content == exported["tar"].read_bytes()
    assert f"sha256 {hashlib.sha256(content).hexdigest()}" in capsys.readouterr().out
    # Another program unpacks it, and what it unpacks is the store.
    subprocess.run(["tar", "xf", str(tmp_path / "again.tar")], cwd=tmp_path, check=True)
    assert manifest.verify(tmp_path / "cbc-train") == manifest.read(folder / "manifest.json")


def test_an_altered_file_does_not_get_into_a_tar(tmp_path, capsys):
    folder = finished_store.make(tmp_path / "cbc" / "train")
    path = folder / "data.zarr" / "strain" / "c" / "1" / "0" / "0"
    content = bytearray(path.read_bytes())
    content[99] ^= 1
    path.write_bytes(content)
    assert run("export", folder, tmp_path / "out.tar", "--to", "tar") == 2
    assert f"{path} is not what its manifest says" in capsys.readouterr().err
    # Its chunks have checksums of their own, which the other formats hold it against.
    assert run("export", folder, tmp_path / "out.h5", "--to", "hdf5") == 2
    assert "strain cannot be read" in capsys.readouterr().err
    assert sorted(one.name for one in tmp_path.iterdir()) == ["cbc"]


# ---- whole or not there


@pytest.mark.parametrize("name", export.FORMATS)
def test_nothing_is_overwritten_and_what_a_killed_run_left_goes(folder, exported, name, tmp_path, capsys):
    path = exported[name]
    before = {one: one.stat().st_mtime_ns for one in [path, *path.rglob("*")]}
    assert run("export", folder, path, "--to", name) == 2
    assert f"{path} is there already" in capsys.readouterr().err
    assert {one: one.stat().st_mtime_ns for one in [path, *path.rglob("*")]} == before
    part = tmp_path / f"out.{'0' * 32}.part"
    if path.is_dir():
        part.mkdir()
        (part / "half").write_bytes(b"half")
    else:
        part.write_bytes(b"half")
    command.main(["export", str(folder), str(tmp_path / "out"), "--to", name])
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_a_failure_on_the_way_leaves_nothing(folder, tmp_path):
    import importlib

    from gwsim.finished import Finished

    def broken(items):
        yield items[0]
        raise KeyboardInterrupt

    for name in export.FORMATS:
        with pytest.raises(KeyboardInterrupt):
            importlib.import_module(f"gwsim.export.{name}").write(Finished(folder), tmp_path / name, broken)
        assert not list(tmp_path.iterdir())


def test_what_cannot_be_exported_is_told(folder, tmp_path, capsys):
    lacking = finished_store.make(tmp_path / "cbc" / "lacking")
    (lacking / "data.zarr" / "label" / "zarr.json").unlink()
    half = tmp_path / "half"
    (half / "data.zarr").mkdir(parents=True)
    told = {
        (
            lacking,
            "hdf5",
        ): "is not whole: 1 files are missing or of another size, such as data.zarr/label/zarr.json",
        (half, "npy"): "holds no finished store",
        (tmp_path / "none", "tar"): "nothing stands at",
        (tmp_path / "model.safetensors", "hdf5"): "`gwsim onnx MODEL OUTPUT`",
    }
    for (path, name), words in told.items():
        assert run("export", path, tmp_path / "out", "--to", name) == 2
        assert words in capsys.readouterr().err
    assert run("export", folder, tmp_path / "out", "--to", "hdf5", "--rate", 256) == 2
    assert "--rate is of mlgwsc1 alone" in capsys.readouterr().err
    assert run("export", folder, tmp_path / "out", "--to", "mlgwsc1", "--rate", 300) == 2
    assert "expected a divisor of sample_rate" in capsys.readouterr().err
    assert verb.SUMMARY and not (tmp_path / "out").exists()


def test_a_file_of_another_size_is_noticed_before_anything_is_written(tmp_path, capsys):
    folder = finished_store.make(tmp_path / "cbc" / "cut")
    path = folder / "data.zarr" / "time" / "c" / "0"
    path.write_bytes(path.read_bytes()[:-1])
    assert run("export", folder, tmp_path / "out", "--to", "webdataset") == 2
    assert "1 files are missing or of another size, such as data.zarr/time/c/0" in capsys.readouterr().err


def test_chunks_of_single_rows_are_read_many_at_a_time():
    assert finished.spans(150, 1) == [(0, 64), (64, 128), (128, 150)]
    assert finished.spans(150, 60) == [(0, 60), (60, 120), (120, 150)]


def test_memory_is_bounded_by_shards(tmp_path):
    """Of 3 MiB a shard, not of the 24 MiB of the dataset."""
    import tracemalloc

    from gwsim import store
    from gwsim.export import hdf5, npy
    from gwsim.finished import Finished

    rows, per, row = 64, 8, 98304
    ranges = [(first, first + per) for first in range(0, rows, per)]
    store.create(
        tmp_path / "s", [store.Array("x", ("sample", "time"), (rows, row), per, (row,), "float32", {})]
    )

    def shard(index):
        return {"x": np.random.default_rng(index).normal(size=(per, row)).astype(np.float32)}, None

    list(store.write_shards(tmp_path / "s", range(len(ranges)), ranges, str, shard))
    manifest.finalise(tmp_path / "s", manifest.whole_records(tmp_path / "s", ranges), {}, {}, {})
    for write in (hdf5.write, npy.write):
        store_ = Finished(tmp_path / "s")
        tracemalloc.start()
        write(store_, tmp_path / write.__module__, iter)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 3 * per * row * 4
