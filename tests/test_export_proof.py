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
    """What has no checksum of its own is held against the manifest; chunks of examples are when they are read."""
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
