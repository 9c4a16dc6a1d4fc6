"""The GWOSC layout: written and read back by GWpy and by us, and real files of GWOSC."""

import hashlib
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from gwpy.timeseries import StateVector, TimeSeries

from gwsim.errors import GwsimError
from gwsim.strain import gwf, gwosc_layout

STRAIN = Path(__file__).parents[1] / ".." / "shared" / "data" / "strain"
REAL = sorted((STRAIN / "gwosc").glob("*.hdf5"))
FRAMES = sorted((STRAIN / "gwf").glob("*.gwf"))
START, SECONDS, RATE = 1238163456, 12, 4096


@pytest.fixture
def content():
    random = np.random.default_rng(1)
    strain = 1e-21 * random.standard_normal(SECONDS * RATE)
    strain[3 * RATE : 5 * RATE] = np.nan
    dq = random.integers(0, 128, SECONDS).astype(np.uint32)
    injections = random.integers(0, 32, SECONDS).astype(np.uint32)
    return strain, dq, injections


@pytest.fixture
def path(tmp_path, content):
    path = tmp_path / f"L-L1_GWSIM_4KHZ_R1-{START}-{SECONDS}.hdf5"
    gwosc_layout.write(path, "L1", START, *content, RATE, "test")
    return path


def names(path):
    found = set()
    with h5py.File(path) as file:
        file.visit(found.add)
    return found


def test_gwpy_reads_strain_bit_for_bit(path, content):
    strain = TimeSeries.read(path, format="hdf5.gwosc")
    assert strain.value.tobytes() == content[0].tobytes()
    assert (strain.t0.value, strain.sample_rate.value) == (START, RATE)
    assert strain.name == "L1:GWSIM-4KHZ_R1_STRAIN"


def test_gwpy_reads_the_masks(path, content):
    dq = StateVector.read(path, format="hdf5.gwosc")
    injections = StateVector.read(
        path,
        format="hdf5.gwosc",
        path="quality/injections",
        value_dataset="Injmask",
        bits_dataset="InjDescriptions",
    )
    for vector, values, bits in (
        (dq, content[1], gwosc_layout.DQ_BITS),
        (injections, content[2], gwosc_layout.INJECTION_BITS),
    ):
        np.testing.assert_array_equal(vector.value, values)
        assert list(vector.bits) == list(bits.values())
        assert (vector.t0.value, vector.dt.value) == (START, 1)


def test_we_read_what_we_wrote(path, content):
    assert gwosc_layout.describe(path) == {
        "ifo": "L1",
        "start": START,
        "duration": SECONDS,
        "sample_rate": RATE,
    }
    for a, b in ((0, SECONDS), (2, 6), (11, 12)):
        read = gwosc_layout.read(path, START + a, START + b)
        assert read.tobytes() == content[0][a * RATE : b * RATE].tobytes()
    for read, written in zip(gwosc_layout.masks(path), content[1:], strict=True):
        assert read.dtype == np.uint32
        np.testing.assert_array_equal(read, written)


@pytest.mark.parametrize("span", [(-1, 5), (0, SECONDS + 1)])
def test_seconds_outside_the_file_are_refused(path, span):
    with pytest.raises(GwsimError, match="no strain of"):
        gwosc_layout.read(path, START + span[0], START + span[1])


def test_bits_in_another_order_read_the_same(path, content):
    with h5py.File(path, "a") as file:
        group = file["quality/simple"]
        group["DQShortnames"][:] = group["DQShortnames"][:][::-1]
        reversed_bits = sum((content[1] >> k & 1) << (6 - k) for k in range(7))
        group["DQmask"][:] = reversed_bits
    np.testing.assert_array_equal(gwosc_layout.masks(path)[0], content[1])
    with h5py.File(path, "a") as file:
        file["quality/simple/DQShortnames"][2] = b"OTHER"
    with pytest.raises(GwsimError, match=r"no bit BURST_CAT1 in /quality/simple/DQShortnames"):
        gwosc_layout.masks(path)


def test_the_same_content_is_the_same_bytes(path, content, tmp_path):
    time.sleep(1.1)  # HDF5 would keep times in whole seconds
    again = tmp_path / "again.hdf5"
    gwosc_layout.write(again, "L1", START, *content, RATE, "test")
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(path.read_bytes()).digest()
    content[1][0] ^= 1
    gwosc_layout.write(again, "L1", START, *content, RATE, "test")
    assert hashlib.sha256(again.read_bytes()).digest() != hashlib.sha256(path.read_bytes()).digest()


def test_a_failed_write_leaves_the_file_that_stood(path, content, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(gwosc_layout, "_write_meta", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        gwosc_layout.write(path, "L1", START, *content, RATE, "other")
    assert path.read_bytes() == before


@pytest.mark.parametrize("start", [START, 1126259446, 1167264017, 1167264018])
def test_utc_counts_leap_seconds(tmp_path, content, start):
    """Against astropy; a leap second ended at GPS 1167264018."""
    from astropy.time import Time

    path = tmp_path / "x.hdf5"
    gwosc_layout.write(path, "L1", start, *content, RATE, "test")
    with h5py.File(path) as file:
        assert file["meta/UTCstart"][()].decode() == Time(start, format="gps").utc.isot[:19]


def test_rates_have_gwosc_names():
    assert [gwosc_layout.rate_name(rate) for rate in (4096, 16384, 512)] == ["4KHZ", "16KHZ", "0.5KHZ"]


def test_the_layout_is_that_of_real_files(path):
    if not REAL:
        pytest.skip(f"no real files under {STRAIN}")
    # Since O2 files name their channels too.
    later = {"meta/FrameType", "meta/StrainChannel", "strain/GWOSCmeta"}
    later |= {"quality/simple/GWOSCmeta", "quality/injections/GWOSCmeta"}
    assert names(path) == names(REAL[0]) | later
    with h5py.File(path) as ours, h5py.File(REAL[0]) as real:
        for name in ("strain/Strain", "quality/simple/DQmask", "quality/injections/Injmask"):
            assert set(ours[name].attrs) == set(real[name].attrs)
            assert ours[name].dtype == real[name].dtype
        for name in ("quality/simple/DQShortnames", "quality/injections/InjShortnames"):
            assert list(ours[name]) == list(real[name])


@pytest.mark.parametrize("path", REAL or [None], ids=lambda path: path.stem if path else "absent")
def test_real_files_read_as_gwpy_reads_them(path):
    if path is None:
        pytest.skip(f"no real files under {STRAIN}")
    about = gwosc_layout.describe(path)
    start = about["start"]
    assert about == {
        "ifo": path.name[2:4],
        "start": int(path.stem.split("-")[2]),
        "duration": 32,
        "sample_rate": 4096,
    }
    theirs = TimeSeries.read(path, format="hdf5.gwosc").value
    assert gwosc_layout.read(path, start + 3, start + 9).tobytes() == theirs[3 * 4096 : 9 * 4096].tobytes()
    dq, injections = gwosc_layout.masks(path)
    assert (dq == 127).all() and set(injections) <= {23, 31} and len(dq) == len(injections) == 32


@pytest.mark.parametrize("path", FRAMES or [None], ids=lambda path: path.stem if path else "absent")
def test_real_frames_read(path):
    if path is None:
        pytest.skip(f"no real frames under {STRAIN}")
    start = 1240215487
    assert gwf.describe(path) == {"ifo": "L1", "start": start, "duration": 32, "sample_rate": 16384}
    dq, injections = gwf.masks(path)
    assert (dq == 127).all() and (injections == 23).all() and len(dq) == len(injections) == 32
    whole = TimeSeries.read(path, "L1:GWOSC-16KHZ_R1_STRAIN").value
    piece = gwf.read(path, start + 30, start + 32)
    assert piece.tobytes() == whole[30 * 16384 :].tobytes() and np.isfinite(whole).all()
    with pytest.raises(GwsimError, match="no strain of"):
        gwf.read(path, start + 31, start + 33)
