"""Stores made again: the same bytes, or what differs by name and value; killed and resumed; and bad input."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import finished_store
import numpy as np
import pandas as pd
import pytest
from test_cli import gwsim
from test_workflow import ENVIRONMENT, ROOT, TINY, snakemake

from gwsim import files, manifest, origin, rebuild, store
from gwsim.errors import GwsimError

OVERLAYS = [str(TINY), str(ROOT / "tests" / "several_kinds.yaml")]
BEFORE = ("strain", "segments", "noise")
TOYS, GALLERY = "results/chirp_blip/train", "results/ccsn/gallery"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store of toys and one of three supernovae."""
    folder = tmp_path_factory.mktemp("made")
    targets = [f"{name}/data.zarr" for name in (TOYS, GALLERY)]
    run = snakemake(folder, "--configfile", *OVERLAYS, targets=targets)
    assert run.returncode == 0, run.stderr
    return folder


def content(folder):
    """Return the sha256 and time of every file of a folder."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): (files.fingerprint(path), path.stat().st_mtime_ns) for path in found}


@pytest.mark.parametrize("name", [TOYS, GALLERY])
def test_a_store_is_made_again_byte_for_byte_and_nothing_is_written_into_it(
    made, name, tmp_path, monkeypatch, capsys
):
    before = content(made / name)
    monkeypatch.chdir(tmp_path)
    status, out, err = gwsim(capsys, "rebuild", made / name, "--work", "again", "--keep")
    assert status == 0, err
    count = len(manifest.read(made / name / "manifest.json")["files"])
    assert f": the same bytes, {count} files" in out
    again = next(tmp_path.glob(f"again/run/{name}"))
    assert (again / "manifest.json").read_bytes() == (made / name / "manifest.json").read_bytes()
    assert content(made / name) == before
    # Nothing else of the configuration's experiments was made.
    assert [path.parent.name for path in again.parent.glob("*/data.zarr")] == [again.name]
    assert {path.name for path in again.parents[1].iterdir()} <= {"config", again.parent.name, *BEFORE}
    # Once more, in the folder that was kept: nothing is to be made, and it goes.
    status, out, err = gwsim(capsys, "rebuild", made / name / "data.zarr", "--work", "again")
    assert status == 0 and "the same bytes" in out, err
    assert list(tmp_path.iterdir()) == []


def test_a_killed_rebuild_goes_on_where_it_was(made, tmp_path):
    command = [sys.executable, "-m", "gwsim", "rebuild", str(made / TOYS)]
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT)}
    run = {"cwd": tmp_path, "env": environment, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, start_new_session=True, **run)
    while "(Rule: draw)" not in said(tmp_path) and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (work,) = tmp_path.iterdir()
    table, before = work / "run" / TOYS / "draw.parquet", said(tmp_path)
    assert work.name.startswith("rebuild-chirp_blip-train-") and table.is_file()
    assert not (work / "run" / TOYS / "manifest.json").is_file(), "it was over before it was killed"
    again = subprocess.run([*command, "--keep"], **run, stdout=subprocess.PIPE)
    assert again.returncode == 0 and "the same bytes" in again.stdout, again.stderr
    after = said(tmp_path).removeprefix(before)
    assert "(Rule: finalise)" in after and "(Rule: draw)" not in after
    assert list(tmp_path.iterdir()) == [work]


def said(folder):
    """Return what the workflow said in the one work folder there is, if it said anything yet."""
    return "".join(path.read_text() for path in folder.glob("*/snakemake.log"))


def test_two_rebuilds_do_not_work_in_one_folder(made, tmp_path):
    attributes = origin.of_store(made / TOYS)
    run = rebuild.prepare(tmp_path, origin.makeable(attributes), TOYS, "toys", Path.cwd())
    import fcntl

    with (tmp_path / rebuild.MARK).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(GwsimError, match="another rebuild is at work"):
            rebuild.make(tmp_path, run, f"{TOYS}/data.zarr", 1, print)


# ---- what is not the same


@pytest.fixture
def copied(made, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(made / GALLERY, folder, ignore=shutil.ignore_patterns("shards.zarr", "bank"))
    return folder


def compared(copied, made):
    found = rebuild.compare(copied, made / GALLERY)
    return found, "\n".join(found.faults), "\n".join(found.notes)


def test_an_untouched_copy_is_the_same(copied, made):
    found, faults, notes = compared(copied, made)
    assert (faults, notes, found.others) == ("", "", [])
    assert rebuild.verdict(found) == f"the same bytes, {len(found.same)} files"


def test_a_table_edited_by_hand_is_told_by_column_row_and_values(copied, made):
    path = copied / "table.parquet"
    table = pd.read_parquet(path)
    was, table.loc[1, "snr"] = table["snr"][1], 12.5
    store.write_table(path, table, attributes=store.table_attributes(path))
    found, faults, notes = compared(copied, made)
    assert faults == f"column snr of table.parquet: row 1 has 12.5, made again {was}"
    assert "altered since the store was made: table.parquet" in notes and found.others == ["table.parquet"]


def test_other_tables_are_told_by_their_columns_and_rows(copied, made):
    path = copied / "table.parquet"
    table = pd.read_parquet(path)
    store.write_table(path, table.assign(mine=1).drop(columns="ra"))
    assert {"column mine: only in one of the tables", "column ra: only in one of the tables"} <= set(
        compared(copied, made)[0].faults
    )
    store.write_table(path, table.iloc[:2])
    assert "table.parquet has 2 rows, made again 3" in compared(copied, made)[1]
    path.write_bytes(path.read_bytes()[:100])
    assert "table.parquet cannot be read" in compared(copied, made)[1]


def test_a_table_of_the_same_values_in_other_bytes_is_equal_by_value(copied, made):
    path = copied / "table.parquet"
    store.write_table(path, pd.read_parquet(path), row_group=1)
    found, faults, notes = compared(copied, made)
    assert faults == "" and "altered" in notes
    assert "the same values in all arrays and columns" in rebuild.verdict(found)


def test_values_of_shards_are_told_in_steps_and_damage_by_its_rows(copied, made):
    strain = store.open_array(copied / "data.zarr/strain")
    values = strain[2].read().result()
    place = np.unravel_index(np.abs(values).argmax(), values.shape)
    step = 2.0 ** (np.floor(np.log2(abs(values[place]))) - 10)
    values[place] += step
    # Shards are links to the same file: another file takes its place.
    shard = copied / "data.zarr" / store.shard_path("strain", 0, 3)
    strain[2].write(values).result()
    found, faults, _ = compared(copied, made)
    assert faults == "" and found.arrays["strain"].differing == 1
    assert "strain: 1 of" in rebuild.verdict(found) and "within one step" in rebuild.verdict(found)
    values[place] += 3 * step
    strain[2].write(values).result()
    assert re.search("strain: 1 of .* by more than one step", compared(copied, made)[1])
    damaged = bytearray(shard.read_bytes())
    damaged[1000] ^= 1
    shard.write_bytes(damaged)
    assert "strain: rows 0 to 2 cannot be read" in compared(copied, made)[1]
    shard.unlink()
    assert f"missing: data.zarr/{store.shard_path('strain', 0, 3)}" in compared(copied, made)[1]


def test_another_version_of_the_code_is_told(copied, made):
    path = copied / "data.zarr/zarr.json"
    metadata = json.loads(path.read_text())
    metadata["attributes"]["versions"]["torch"] = "1.0"
    metadata["attributes"]["revision"] = "0123456789ab"
    path.write_text(json.dumps(metadata))
    found, faults, notes = compared(copied, made)
    assert (
        faults == ""
        and "another version of the code made it, equality by value is what can be shown" in notes
    )
    assert "torch: made with 1.0, here " in notes and "revision: made with 0123456789ab" in notes
    assert found.others == ["data.zarr/zarr.json"]


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"zarr_format": 3}', b"\xff"])
def test_metadata_that_cannot_be_read_are_a_fault_of_their_array_alone(tmp_path, content):
    for name in ("ours", "theirs"):
        finished_store.make(tmp_path / name)
    (tmp_path / "theirs/data.zarr/strain/zarr.json").write_bytes(content)
    found = rebuild.compare(tmp_path / "theirs", tmp_path / "ours")
    (fault,) = found.faults
    assert fault.startswith("strain cannot be opened: ")


# ---- bad input


def config_of(made, name=GALLERY):
    return origin.makeable(origin.of_store(made / name))


def test_a_file_that_is_not_there_is_told_with_the_dataset_that_needs_it(made, tmp_path):
    config = config_of(made)
    config["experiments"]["ccsn"]["waveforms"]["models"]["s18"] = {"path": "waveforms/s18.h5", "format": "x"}
    config["strain"] |= {"source": "files", "files": ["strain/*.hdf5"]}
    with pytest.raises(GwsimError) as caught:
        rebuild.prepare(tmp_path / "work", config, GALLERY, "dataset ccsn gallery", tmp_path)
    text = str(caught.value)
    assert text.startswith("dataset ccsn gallery needs files that are not there")
    assert "strain.files[0]: strain/*.hdf5" in text
    assert "experiments.ccsn.waveforms.models.s18.path: waveforms/s18.h5" in text
    assert not (tmp_path / "work").exists()


def test_relative_paths_lead_to_the_same_files_from_the_work_folder(made, tmp_path):
    config = config_of(made)
    here = tmp_path / "deep" / "here"
    for name in ("waveforms/s18.h5", "../he.h5", "../../strain/a.hdf5", "../../strain/b.hdf5"):
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    models = config["experiments"]["ccsn"]["waveforms"]["models"]
    models["s18"], models["he3.5"] = (
        {"path": one, "format": "x"} for one in ("waveforms/s18.h5", "../he.h5")
    )
    config["strain"] |= {"source": "files", "files": ["../../strain/*.hdf5"]}
    run = rebuild.prepare(tmp_path / "work", config, GALLERY, "dataset", here)
    for name in ("waveforms/s18.h5", "../he.h5", "../../strain/a.hdf5", "../../strain/b.hdf5"):
        assert (run / name).read_text() == name
    assert run.is_relative_to(tmp_path / "work/run")
    # Taken away, the links go and the files stay.
    rebuild.remove(tmp_path / "work")
    assert (here / "waveforms/s18.h5").is_file() and not (tmp_path / "work").exists()


def test_folders_of_something_else_are_not_touched(made, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    status, _, err = gwsim(capsys, "rebuild", made / TOYS, "--work", tmp_path)
    assert status == 2 and "not empty and no work folder of a rebuild" in err
    (tmp_path / "mine.txt").unlink()
    rebuild.prepare(tmp_path, config_of(made), GALLERY, "dataset", Path.cwd())
    status, _, err = gwsim(capsys, "rebuild", made / TOYS, "--work", tmp_path)
    assert status == 2 and "has the rebuild of another store or configuration" in err
    status, _, err = gwsim(capsys, "rebuild", made / TOYS, "--work", made / TOYS / "again")
    assert status == 2 and "inside the store" in err and not (made / TOYS / "again").exists()


def test_a_store_inside_the_work_folder_is_not_held_against_itself(made, tmp_path, capsys, monkeypatch):
    """As --keep leaves it: the copy would be made again in its own place, and go with the folder."""
    run = rebuild.prepare(tmp_path / "work", config_of(made, TOYS), TOYS, "toys", Path.cwd())
    shutil.copytree(made / TOYS, run / TOYS)
    (tmp_path / "link").symlink_to(run / TOYS)
    monkeypatch.setattr(rebuild, "make", lambda *_: None)
    before = content(run / TOYS)
    for folder in (run / TOYS, tmp_path / "link"):
        status, _, err = gwsim(capsys, "rebuild", folder, "--work", tmp_path / "work")
        assert status == 2 and "stands inside it" in err
    assert content(run / TOYS) == before


def test_a_store_half_written_is_refused(copied, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (copied / "manifest.json").unlink()
    status, _, err = gwsim(capsys, "rebuild", copied)
    assert status == 2 and "holds no finished store" in err and list(tmp_path.iterdir()) == [copied]


def test_a_package_without_the_project_says_so(made, tmp_path, monkeypatch):
    monkeypatch.setattr(rebuild, "PROJECT", tmp_path)
    with pytest.raises(GwsimError, match=r"no Snakefile, workflow at .*clone the project"):
        rebuild.prepare(tmp_path / "work", config_of(made), GALLERY, "dataset", tmp_path)


def test_classes_stand_in_the_order_of_their_labels(made):
    attributes = origin.of_store(made / GALLERY)
    models = attributes["configuration"]["experiments"]["ccsn"]["waveforms"]["models"]
    before = list(models)
    assert before == attributes["classes"][1:] and before != sorted(before, reverse=True)
    for name in sorted(before, reverse=True):
        models[name] = models.pop(name)
    restored = origin.makeable(attributes)["experiments"]["ccsn"]["waveforms"]["models"]
    assert list(models) != before and list(restored) == before
    attributes["classes"][1] = "odd"
    with pytest.raises(GwsimError, match=r"the labels are of noise, odd, .* metadata were edited"):
        origin.makeable(attributes)


def test_what_was_said_before_is_not_said_again_whatever_its_letters(tmp_path):
    before = "ERROR: Störung in Göttingen, älter\n" * 3
    log = tmp_path / "snakemake.log"
    log.write_text(before, encoding="utf-8")
    begin = log.stat().st_size
    with log.open("ab") as file:
        file.write(b"ERROR: of \xff now\n")
    said, where = rebuild._said(log, begin)
    assert said == "ERROR: of \N{REPLACEMENT CHARACTER} now" and where == f"all of it: {log}"


def test_what_the_workflow_said_is_told_where_it_fails(made, tmp_path):
    config = config_of(made, TOYS)
    config["experiments"]["chirp_blip"]["datasets"]["train"]["examples"] = 7
    run = rebuild.prepare(tmp_path / "work", config, TOYS, "dataset", tmp_path)
    with pytest.raises(GwsimError) as caught:
        rebuild.make(tmp_path / "work", run, f"{TOYS}/data.zarr", 1, print)
    assert "the workflow failed" in str(caught.value) and "expected a multiple of 3" in str(caught.value)
    assert (tmp_path / "work" / rebuild.LOG).is_file()
