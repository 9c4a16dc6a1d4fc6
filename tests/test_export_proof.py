"""Exports hold all that they read against the manifest, and touch nothing that is not theirs."""

import finished_store
import numpy as np
import pytest

from gwsim import command, manifest
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
    from gwsim import files

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
