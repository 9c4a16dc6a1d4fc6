"""Records of strain: what they say, what is read through them, and every bad file by its message."""

import json
import os
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from gwsim.errors import GwsimError
from gwsim.strain import gwosc_layout, records
from gwsim.strain.sources import SOURCES

STRAIN = Path(__file__).parents[1] / ".." / "shared" / "data" / "strain"
FRAMES = sorted((STRAIN / "gwf").glob("*.gwf"))
REAL = sorted((STRAIN / "gwosc").glob("*.hdf5"))
START, RATE = 1238163456, 256


def values(start, seconds):
    """Strain whose every sample tells its time, NaN in seconds 5 and 6 of the block, where DATA is off."""
    strain = (start - START) * RATE + np.arange(seconds * RATE, dtype=float)
    gap = np.isin(np.arange(start, start + seconds), (START + 5, START + 6))
    strain.reshape(-1, RATE)[gap] = np.nan
    return strain, np.where(gap, 0, 127).astype(np.uint32), np.full(seconds, 23, np.uint32)


def write(folder, start=START, seconds=16, ifo="H1", rate=RATE, name=None):
    path = folder / (name or f"{ifo[0]}-{ifo}_TEST-{start}-{seconds}.hdf5")
    strain, dq, injections = values(start, seconds)
    gwosc_layout.write(path, ifo, start, np.resize(strain, seconds * rate), dq, injections, rate, "test")
    return path


def record_of(*paths, start=START, duration=16, ifo="H1"):
    return records.make_record(ifo, start, duration, RATE, "files", paths)


def in_order(*pieces):
    """A pattern of pieces that stand in this order, whatever lies between."""
    return "(?s)" + ".*".join(re.escape(str(piece)) for piece in pieces)


# What a record says


def test_a_record_says_what_is_finite_and_which_bits_are_set(tmp_path):
    record = record_of(write(tmp_path))
    good = [[START, START + 5], [START + 7, START + 16]]
    assert set(record) == set(records.FIELDS)
    assert record["finite"] == record["bits"]["DATA"] == record["bits"]["BURST_CAT3"] == good
    assert record["bits"]["NO_CBC_HW_INJ"] == [[START, START + 16]]
    assert record["bits"]["NO_CW_HW_INJ"] == []
    assert list(record["bits"]) == [*gwosc_layout.DQ_BITS, *gwosc_layout.INJECTION_BITS]


def test_one_bad_sample_spoils_its_second(tmp_path):
    path = write(tmp_path)
    with h5py.File(path, "a") as file:
        file["strain/Strain"][9 * RATE + 17] = np.inf
    assert record_of(path)["finite"] == [[START, START + 5], [START + 7, START + 9], [START + 10, START + 16]]


def test_a_record_comes_back_from_its_file(tmp_path):
    record = record_of(write(tmp_path))
    path = tmp_path / "records" / "H1.json"
    records.save(record, path)
    assert records.load(path) == record
    assert list(json.loads(path.read_text())) == sorted(record)
    assert [p.name for p in path.parent.iterdir()] == ["H1.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "no record of strain"), ("[1]", "it lacks ifo"), ('{"ifo": "H1"}', "it lacks start, duration")],
)
def test_what_is_no_record_is_refused(tmp_path, text, message):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(GwsimError, match=message):
        records.load(path)
    with pytest.raises(GwsimError, match="no record of strain"):
        records.load(tmp_path / "absent.json")


def test_a_block_without_files_is_absent_and_cannot_be_read(tmp_path):
    record = record_of()
    assert record["files"] == record["finite"] == []
    assert record["bits"] == {}
    with pytest.raises(GwsimError, match=re.escape("the record covers []")):
        records.read_strain(record, START, START + 1)


def test_intervals():
    for mask, expected in (([], []), ([0, 0], []), ([1, 1, 0, 4, 0, 1], [[5, 7], [8, 9], [10, 11]])):
        assert records.intervals(np.array(mask), 5) == expected


def test_intervals_hold_exactly_the_true_seconds():
    mask = np.random.default_rng(0).random(1000) < 0.5
    back = np.zeros(1000, bool)
    for a, b in records.intervals(mask, 0):
        assert a < b
        back[a:b] = True
    np.testing.assert_array_equal(back, mask)


# Reading


def test_reading_joins_files_and_cuts_them_to_the_block(tmp_path):
    """Three files of the block, the last of which reaches beyond it, given in any order."""
    paths = [write(tmp_path, START + a, b - a) for a, b in ((10, 30), (0, 4), (4, 10))]
    record = record_of(*paths)
    assert record["finite"] == [[START, START + 5], [START + 7, START + 16]]
    assert [file["start"] - START for file in record["files"]] == [0, 4, 10]
    for a, b in ((0, 16), (3, 12), (4, 10), (15, 16)):
        expected = np.arange(a * RATE, b * RATE, dtype=float)
        expected[(expected >= 5 * RATE) & (expected < 7 * RATE)] = np.nan
        np.testing.assert_array_equal(records.read_strain(record, START + a, START + b), expected)


@pytest.mark.parametrize("span", [(-1, 3), (14, 17), (3, 3), (5, 2), (2, 10), (8, 10)])
def test_what_is_not_covered_is_refused(tmp_path, span):
    record = record_of(*(write(tmp_path, START + a, b - a) for a, b in ((0, 8), (9, 30))))
    said = in_order(
        "no strain of H1 for all of", f"covers [[{START}, {START + 8}], [{START + 9}, {START + 16}]]"
    )
    with pytest.raises(GwsimError, match=said):
        records.read_strain(record, START + span[0], START + span[1])


def test_a_file_that_changed_is_noticed(tmp_path):
    path, other = write(tmp_path), write(tmp_path, START + 16)
    record = record_of(path, other, duration=32)
    records.read_strain(record, START, START + 32)
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))
    with pytest.raises(
        GwsimError, match=in_order("not those recorded", path, "sha256", "Hint: remove what names them")
    ):
        records.read_strain(record, START, START + 2)
    # Only the files that are asked for are looked at.
    records.read_strain(record, START + 16, START + 18)
    path.unlink()
    other.write_bytes(b"x")
    with pytest.raises(GwsimError, match=in_order(path, "no such file", other, "1 bytes, recorded")):
        records.read_strain(record, START, START + 32)


# Refusals


def damage(path, action):
    with h5py.File(path, "a") as file:
        action(file)


def remove(*names):
    return lambda path: damage(path, lambda file: [file.__delitem__(name) for name in names])


def replace(name, value):
    def action(file):
        del file[name]
        file[name] = value

    return lambda path: damage(path, action)


def cut(fraction):
    return lambda path: path.write_bytes(path.read_bytes()[: int(path.stat().st_size * fraction)])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut(0.9), "corrupt, truncated or no HDF5 file"),
        (cut(0.01), "corrupt, truncated or no HDF5 file"),
        (cut(0), "an empty file"),
        (lambda path: path.write_text("<html>try later</html>"), "corrupt, truncated or no HDF5 file"),
        (lambda path: path.unlink(), "no such file"),
        (lambda path: (path.unlink(), path.mkdir()), "a folder, expected an HDF5 file"),
        (remove("strain"), "not in the GWOSC layout"),
        (remove("quality/simple/DQmask"), "not in the GWOSC layout"),
        (remove("quality/injections"), "not in the GWOSC layout"),
        (remove("meta/Detector"), "not in the GWOSC layout"),
        (remove("strain/Strain", "meta"), "not in the GWOSC layout"),
        (replace("meta/Detector", "L1"), "strain of L1, expected H1"),
        (replace("meta/Detector", ""), "strain of no ifo, expected H1"),
        (replace("meta/Duration", 8), "quality/simple/DQmask: 16 samples, expected 8"),
        (replace("meta/GPSstart", START + 1), f"strain/Strain starts at {START}, expected {START + 1}"),
        (replace("quality/injections/Injmask", np.zeros(15, int)), "Injmask: 15 samples, expected 16"),
    ],
)
def test_a_bad_file_is_refused_beside_a_good_one(tmp_path, spoil, message):
    good, bad = write(tmp_path, START + 16, 16), write(tmp_path)
    spoil(bad)
    with pytest.raises(GwsimError, match=in_order("strain of H1 in", bad, message, "Hint:")) as refusal:
        record_of(good, bad, duration=32)
    assert str(good) not in str(refusal.value)


def test_every_offender_is_named_at_once(tmp_path):
    slower = write(tmp_path, START, rate=RATE // 2)
    other = write(tmp_path, START + 16, ifo="L1")
    text = tmp_path / "notes.dat"
    text.write_text("strain")
    renamed = write(tmp_path, START, name=f"H-H1_TEST-{START + 4}-16.hdf5")
    elsewhere = write(tmp_path, START + 500)
    said = in_order(
        f"{slower}: strain at 128 Hz, expected 256 Hz or more",
        f"{other}: strain of L1, expected H1",
        f"{text}: suffix '.dat', expected one of .hdf5, .h5, .hdf, .gwf, .txt, .txt.gz, .csv",
        f"{renamed}: its name says 16 s from {START + 4}, it holds 16 s from {START}",
        f"{elsewhere}: strain of [{START + 500}, {START + 516}), expected some of [{START}, {START + 32})",
    )
    with pytest.raises(GwsimError, match=said):
        record_of(slower, other, text, renamed, elsewhere, duration=32)


def test_files_that_overlap_are_refused(tmp_path):
    one, other = write(tmp_path, START, 16), write(tmp_path, START + 12, 16)
    with pytest.raises(
        GwsimError, match=in_order(f"{one} and {other} overlap: both hold second {START + 12}")
    ):
        record_of(one, other, duration=32)
    with pytest.raises(GwsimError, match=f"{one} and {one} overlap"):
        record_of(one, one)


def test_a_damaged_piece_of_compressed_strain_is_refused(tmp_path):
    if not REAL:
        pytest.skip(f"no real files under {STRAIN}")
    path = tmp_path / REAL[0].name
    shutil.copyfile(REAL[0], path)
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)
    path.write_bytes(content)
    start = int(path.stem.split("-")[2])
    with pytest.raises(GwsimError, match=in_order(path, "corrupt")):
        records.make_record("H1", start, 32, 4096, "files", [path])


# Real files


@pytest.mark.parametrize("path", REAL or [None], ids=lambda path: path.stem if path else "absent")
def test_real_files_have_records(path):
    if path is None:
        pytest.skip(f"no real files under {STRAIN}")
    ifo, start = path.name[2:4], int(path.stem.split("-")[2])
    record = records.make_record(ifo, start - 10, 30, 4096, "files", [path])
    inside = [[start, start + 20]]
    assert record["finite"] == record["bits"]["DATA"] == record["bits"]["NO_CBC_HW_INJ"] == inside
    assert len(records.read_strain(record, start, start + 20)) == 20 * 4096
    assert 1e-22 < np.std(records.read_strain(record, start + 1, start + 3)) < 1e-17


@pytest.fixture
def frame(tmp_path):
    if not FRAMES:
        pytest.skip(f"no real frames under {STRAIN}")
    path = tmp_path / FRAMES[0].name
    shutil.copyfile(FRAMES[0], path)
    path.chmod(0o644)
    return path


def test_a_real_frame_has_a_record(frame):
    record = records.make_record("L1", 1240215487, 32, 16384, "files", [frame])
    assert record["finite"] == record["bits"]["CBC_CAT2"] == [[1240215487, 1240215519]]
    assert record["bits"]["NO_CW_HW_INJ"] == [] and record["bits"]["NO_BURST_HW_INJ"] == record["finite"]
    assert len(records.read_strain(record, 1240215490, 1240215492)) == 2 * 16384


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: None, "strain at 16384 Hz, expected 32768 Hz or more"),
        (cut(0.5), "corrupt or truncated frame file"),
        (cut(0.00001), "corrupt or truncated frame file"),
        (cut(0), "no frame file"),
        (lambda path: path.write_bytes(b"\x89HDF" + bytes(500)), "no frame file"),
        (lambda path: path.unlink(), "no such file"),
        (lambda path: (path.unlink(), path.mkdir()), "a folder, expected a frame file"),
    ],
)
def test_a_bad_frame_is_refused(frame, spoil, message):
    spoil(frame)
    with pytest.raises(GwsimError, match=in_order(frame, message)):
        records.make_record("L1", 1240215487, 32, 32768, "files", [frame])


def test_a_frame_damaged_within_is_refused(frame):
    content = bytearray(frame.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 5000] = bytes(5000)
    frame.write_bytes(content)
    with pytest.raises(GwsimError, match=in_order(frame, "corrupt frame file")):
        records.make_record("L1", 1240215487, 32, 16384, "files", [frame])


# The source of local files


def found(files, ifo="H1", start=START, duration=16):
    return SOURCES["files"]({"files": files}, 0, ifo, start, duration, RATE, None)


def test_files_of_the_block_and_ifo_are_found(tmp_path):
    one, other = write(tmp_path), write(tmp_path, START + 16)
    unnamed = write(tmp_path, START + 32, name="mine.h5")
    write(tmp_path, ifo="L1")
    everything = [f"{tmp_path}/*.hdf5", str(unnamed), str(one)]
    assert found(everything) == [one]
    assert found(everything, start=START + 12, duration=8) == [one, other]
    assert found(everything, start=START + 24, duration=16) == [other, unnamed]
    assert found(everything, start=START + 1000) == []
    assert record_of(*found(everything))["finite"]


def test_files_that_are_not_there_are_refused(tmp_path):
    write(tmp_path)
    with pytest.raises(
        GwsimError, match=in_order("no strain of V1 among the 1 files given", "of H1", "Hint")
    ):
        found([f"{tmp_path}/*"], ifo="V1")
    with pytest.raises(GwsimError, match=in_order("no strain of V1 among the 0 files given", "of nothing")):
        found([], ifo="V1")
    with pytest.raises(GwsimError, match=in_order("no file of strain matches", "x.hdf5", "y*.gwf")):
        found([f"{tmp_path}/*", f"{tmp_path}/x.hdf5", f"{tmp_path}/y*.gwf"])


def test_unnamed_files_that_cannot_be_understood_are_all_named(tmp_path):
    other, empty, text = tmp_path / "a.dat", tmp_path / "b.hdf5", tmp_path / "c.txt"
    other.write_text("x")
    empty.touch()
    text.write_text("x")
    said = in_order(f"{other}: suffix", f"{empty}: an empty file", f"{text}: its name tells no ifo")
    with pytest.raises(GwsimError, match=said):
        found([f"{tmp_path}/*"])
