"""Exports hold all that they read against the manifest, and touch nothing that is not theirs."""

import shutil

import finished_store
import numpy as np
import pytest

from gwsim import command, files, manifest
from gwsim.errors import GwsimError
from gwsim.finished import Finished


@pytest.fixture
def folder(tmp_path):
    return finished_store.make(tmp_path / "results" / "cbc" / "train")


def refused(capsys, *words):
    """Return what the command says of a fault."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        command.main([str(word) for word in words])
    assert ended.value.code == 2
    return capsys.readouterr().err


# ---- flipped bits


def test_a_bit_of_any_file_is_noticed_before_it_gets_into_an_export(folder):
    """What has no checksum of its own is held against the manifest; chunks of examples have one."""
    rng = np.random.default_rng(6)
    for name in manifest.read(folder / "manifest.json")["files"]:
        content = (folder / name).read_bytes()
        for _ in range(4):
            changed = bytearray(content)
            changed[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
            (folder / name).write_bytes(changed)
            with pytest.raises(GwsimError, match=r"not what its manifest says|cannot be read"):
                store = Finished(folder)
                for array in store.arrays:
                    store.read(array)
        (folder / name).write_bytes(content)
    assert Finished(folder).size == finished_store.ROWS


def test_chunks_without_checksums_of_their_own_are_held_against_the_manifest(tmp_path):
    import foreign_store

    foreign_store.make(tmp_path / "theirs", 5)
    command.main(["adopt", str(tmp_path / "theirs"), str(tmp_path / "ours")])
    path = next((tmp_path / "ours/data.zarr/label/c").rglob("0"))
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.unlink()
    path.write_bytes(changed)
    with pytest.raises(GwsimError, match="not what its manifest says"):
        Finished(tmp_path / "ours")


def test_examples_are_read_once(folder, monkeypatch):

    asked, real = [], files.fingerprint
    monkeypatch.setattr(files, "fingerprint", lambda path: asked.append(path.as_posix()) or real(path))
    Finished(folder)
    assert asked and not [one for one in asked if "/strain/c/" in one or "/spectrogram/c/" in one]


# ---- beside its place


@pytest.mark.parametrize("kind", ["hdf5", "npy"])
def test_what_is_not_of_a_killed_run_stays(folder, tmp_path, kind):
    """Of names that are alike, only what killed runs of this very output left goes, file or folder."""
    names = [
        "t.backup.part",
        "t.h5.part",
        f"t.h5.{'0' * 32}.part",
        f"t.{'g' * 32}.part",
        f"tx{'0' * 32}.part",
    ]
    for name in names[:3]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").write_bytes(b"mine")
    for name in names[3:]:
        (tmp_path / name).write_bytes(b"mine")
    (tmp_path / f"t.{'a' * 32}.part").write_bytes(b"half")
    (tmp_path / f"t.{'b' * 32}.part").mkdir()
    command.main(["export", str(folder), str(tmp_path / "t"), "--to", kind])
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([*names, "results", "t"])
    assert all((tmp_path / name / "mine").read_bytes() == b"mine" for name in names[:3])


def test_names_are_no_patterns(folder, tmp_path):
    (tmp_path / f"ab.{'0' * 32}.part").write_bytes(b"mine")
    command.main(["export", str(folder), str(tmp_path / "a?"), "--to", "tar"])
    assert (tmp_path / f"ab.{'0' * 32}.part").is_file()


@pytest.mark.parametrize("kind", ["hdf5", "npy", "tar", "webdataset", "mlgwsc1"])
def test_what_appears_meanwhile_is_not_overwritten(folder, tmp_path, kind):
    import importlib

    def seen(items):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine").write_bytes(b"mine")
        return items

    with pytest.raises(GwsimError, match="is there already"):
        importlib.import_module(f"gwsim.export.{kind}").write(Finished(folder), tmp_path / "out", seen)
    assert (tmp_path / "out" / "mine").read_bytes() == b"mine"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out", "results"]


def test_a_file_that_appears_meanwhile_is_not_overwritten(folder, tmp_path):
    from gwsim.export import tar

    def seen(items):
        (tmp_path / "out").write_bytes(b"mine")
        return items

    with pytest.raises(GwsimError, match="is there already"):
        tar.write(Finished(folder), tmp_path / "out", seen)
    assert (tmp_path / "out").read_bytes() == b"mine"


# ---- names from outside


def tar_of(entries):
    """Return a tar of names and contents, as a stream."""
    import io

    from gwsim import tarred

    out = io.BytesIO()
    writer = tarred.Writer(out)
    for name, content in entries:
        writer.add(name, content)
    writer.end()
    return tarred.Stream(io.BytesIO(out.getvalue()).read)


def test_what_lies_beside_a_store_in_a_tar_stands_in_for_nothing_in_it(folder):
    from gwsim import tarred

    names = [*manifest.read(folder / "manifest.json")["files"], "manifest.json"]
    whole = [(f"t/{name}", (folder / name).read_bytes()) for name in names]
    assert tarred.proved(tar_of(whole), "a tar")
    table = (folder / "table.parquet").read_bytes()
    spoiled = [(name, content[:-1] + b"!" if "table" in name else content) for name, content in whole]
    with pytest.raises(GwsimError) as told:
        tarred.proved(tar_of([*spoiled, ("table.parquet", table)]), "a tar")
    assert "altered: table.parquet" in str(told.value)
    assert "not in the manifest: table.parquet" in str(told.value)
    lacking = [one for one in whole if "table" not in one[0]]
    with pytest.raises(GwsimError, match=r"missing: table\.parquet\n.*not in the manifest: table\.parquet"):
        tarred.proved(tar_of([*lacking, ("table.parquet", table)]), "a tar")


@pytest.mark.parametrize("name", ["../secret", "{}/secret", "data.zarr/../../secret", "..\\secret", ".", ""])
def test_a_manifest_that_names_what_is_outside_of_its_folder_is_refused(folder, tmp_path, capsys, name):
    secret = folder.parent / "secret"
    secret.write_bytes(b"secret")
    name = name.format(folder.parent)
    content = manifest.read(folder / "manifest.json")
    content["files"][name] = files.fingerprint(secret)
    manifest.write(folder, content)
    error = refused(capsys, "verify", folder)
    assert f"lists {name!r}, expected names of files in the store's folder" in error
    assert repr(name) in refused(capsys, "export", folder, tmp_path / "out.tar", "--to", "tar")
    assert not (tmp_path / "out.tar").exists()


# ---- names


def test_an_export_is_the_same_however_the_stores_path_is_spelled(folder, tmp_path, monkeypatch):
    made = {}
    for place, spelled in ((tmp_path, "results/cbc/train"), (folder.parent, "train"), (folder, ".")):
        monkeypatch.chdir(place)
        out = tmp_path / f"out{len(made)}"
        command.main(["export", spelled, str(out), "--to", "tar"])
        command.main(["export", spelled, f"{out}.web", "--to", "webdataset"])
        made[spelled] = out.read_bytes(), sorted(one.name for one in (tmp_path / f"{out}.web").iterdir())
    assert made["train"] == made["."] == made["results/cbc/train"]
    assert made["."][0].startswith(b"cbc-train/") and made["."][1][0] == "cbc-train-000000.tar"
    # Copied elsewhere it is the same dataset.
    shutil.copytree(folder, tmp_path / "elsewhere")
    command.main(["export", str(tmp_path / "elsewhere"), str(tmp_path / "again"), "--to", "tar"])
    assert (tmp_path / "again").read_bytes() == made["."][0]


@pytest.mark.parametrize("title", [None, "../a b", "one", "three words here"])
def test_a_store_whose_attributes_do_not_name_it_has_its_folders_names(folder, tmp_path, monkeypatch, title):
    import json

    path = folder / "data.zarr" / "zarr.json"
    metadata = json.loads(path.read_text())
    metadata["attributes"].pop("title")
    metadata["attributes"] |= {"title": title} if title else {}
    path.unlink()
    path.write_text(json.dumps(metadata))
    content = manifest.read(folder / "manifest.json")
    content["files"]["data.zarr/zarr.json"] = files.fingerprint(path)
    manifest.write(folder, content)
    monkeypatch.chdir(folder)
    command.main(["export", ".", str(tmp_path / "out"), "--to", "tar"])
    assert (tmp_path / "out").read_bytes().startswith(b"cbc-train/")


# ---- odd stores, odd wishes


@pytest.fixture
def odd(tmp_path):
    """A store whose arrays are not of examples: without axes, without names of axes, without rows."""
    import zarr

    folder = tmp_path / "odd"
    group = zarr.create_group(folder / "data.zarr", zarr_format=3)
    group.create_array("number", data=np.array(7.5))
    group.create_array("nameless", data=np.arange(6).reshape(2, 3))
    group.create_array("nothing", shape=(0, 3), dtype="f4", chunks=(1, 3), dimension_names=["empty", "time"])
    manifest.write(folder, manifest.listing(folder, [{"rows": [0, 2], "files": {}}]))
    return folder


def test_arrays_without_axes_rows_or_names_are_exported(odd, tmp_path):
    import h5py

    command.main(["export", str(odd), str(tmp_path / "npy"), "--to", "npy"])
    command.main(["export", str(odd), str(tmp_path / "h5"), "--to", "hdf5"])
    with h5py.File(tmp_path / "h5") as file:
        for name, values in (
            ("number", np.array(7.5)),
            ("nameless", np.arange(6).reshape(2, 3)),
            ("nothing", np.zeros((0, 3), "f4")),
        ):
            for got in (np.load(tmp_path / "npy" / f"{name}.npy"), file[name][()]):
                np.testing.assert_array_equal(got, values)
                assert got.shape == values.shape and got.dtype == values.dtype


def test_a_store_without_examples_says_what_it_has(odd, tmp_path, capsys):
    import gwsim

    with pytest.raises(GwsimError, match=r"has no examples: .*\(it has: nameless, nothing, number\)"):
        gwsim.open(odd)
    assert "is no dataset" in refused(capsys, "export", odd, tmp_path / "out", "--to", "webdataset")


@pytest.mark.parametrize("rate", [0, -256])
def test_a_rate_that_is_none_is_refused(folder, tmp_path, capsys, rate):
    error = refused(capsys, "export", folder, tmp_path / "out", "--to", "mlgwsc1", f"--rate={rate}")
    assert f"--rate {rate}: expected a sampling rate above zero" in error and not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["data.zarr/out", "out", "data.zarr/strain/c/out", "../train/out"])
def test_nothing_is_exported_into_the_store_itself(folder, capsys, place):
    error = refused(capsys, "export", folder / "data.zarr", folder / place, "--to", "hdf5")
    assert "lies in the store" in error and manifest.verify(folder)
    assert not (folder / place).exists()


def test_an_export_beside_the_store_is_no_part_of_it(folder):
    command.main(["export", str(folder), str(folder.parent / "train.h5"), "--to", "hdf5"])
    assert manifest.verify(folder) and (folder.parent / "train.h5").is_file()
