"""Every reader by one contract, on files that GWpy, PyCBC and h5py wrote; then what each has of its own."""

import gzip
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from gwpy.timeseries import StateVector, TimeSeries, TimeSeriesDict
from pycbc.types import TimeSeries as Pycbc

from gwsim.errors import GwsimError
from gwsim.strain import gwf, gwosc_layout, hdf5_series, readers, records, resample, unpacked
from gwsim.strain.names import ifo_in, name_parts
from gwsim.strain.sources import SOURCES

START, RATE = 1238163456, 512


def gwpy(path, strain, start, rate, ifo):
    TimeSeries(strain, t0=start, sample_rate=rate, name=f"{ifo}:STRAIN").write(path, format="hdf5")


def pycbc(path, strain, start, rate, ifo):
    Pycbc(strain, delta_t=1 / rate, epoch=start).save(str(path), group=f"{ifo}:GDS-CALIB_STRAIN")


def gwf_without_masks(path, strain, start, rate, ifo):
    TimeSeries(strain, t0=start, sample_rate=rate, name=f"{ifo}:GDS-CALIB_STRAIN").write(path, format="gwf")


def two_columns(path, strain, start, rate, ifo):
    TimeSeries(strain, t0=start, sample_rate=rate).write(path)


def packed_columns(path, strain, start, rate, ifo):
    two_columns(path.with_suffix(""), strain, start, rate, ifo)
    path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))
    path.with_suffix("").unlink()


# One writer for each kind of file without masks that may begin at any instant.
WRITERS = {
    "gwpy.hdf5": gwpy,
    "gwpy.h5": gwpy,
    "pycbc.hdf": pycbc,
    "frame.gwf": gwf_without_masks,
    "gwpy.txt": two_columns,
    "gwpy.csv": two_columns,
    "gwpy.txt.gz": packed_columns,
}
KINDS = pytest.mark.parametrize("kind", WRITERS)


def write(folder, kind, strain, start=START, rate=RATE, ifo="H1"):
    path = folder / f"{ifo[0]}-{ifo}_{kind.replace('.', f'-{int(start)}-{-(-len(strain) // rate)}.', 1)}"
    WRITERS[kind](path, strain, start, rate, ifo)
    return path


def noise(seconds, rate=RATE, seed=0):
    return 1e-21 * np.random.default_rng(seed).standard_normal(int(seconds * rate))


def read(path, start, end, rate=RATE, ifo="H1"):
    return readers.read(path, readers.reader(path).describe(path, ifo), start, end, rate)


def record_of(*paths, start=START, duration=16, rate=RATE, ifo="H1"):
    return records.make_record(ifo, start, duration, rate, "files", paths)


def in_order(*pieces):
    return "(?s)" + ".*".join(re.escape(str(piece)) for piece in pieces)


# The contract


@KINDS
def test_what_was_written_is_read_bit_for_bit(tmp_path, kind):
    strain = noise(16)
    path = write(tmp_path, kind, strain)
    about = readers.reader(path).describe(path)
    assert about == {"ifo": "H1", "start": START, "duration": 16, "sample_rate": RATE}
    assert readers.reader(path).masks(path) is None
    for a, b in ((0, 16), (3, 5), (15, 16)):
        piece = readers.reader(path).read(path, START + a, START + b)
        assert type(piece) is np.ndarray and piece.tobytes() == strain[a * RATE : b * RATE].tobytes()
    for span in ((-1, 3), (14, 17), (3, 3)):
        with pytest.raises(GwsimError, match=in_order(path, "no strain of")):
            readers.reader(path).read(path, START + span[0], START + span[1])


@KINDS
def test_a_record_without_masks_knows_data_alone(tmp_path, kind):
    """A gap of one sample spoils its second, and DATA is what is finite."""
    strain = noise(16)
    strain[5 * RATE + 7], strain[9 * RATE : 11 * RATE] = np.nan, np.nan
    record = record_of(write(tmp_path, kind, strain))
    assert record["finite"] == [[START, START + 5], [START + 6, START + 9], [START + 11, START + 16]]
    assert record["bits"] == {"DATA": record["finite"]}
    assert (
        records.read_strain(record, START + 4, START + 12).tobytes() == strain[4 * RATE : 12 * RATE].tobytes()
    )


@KINDS
@pytest.mark.parametrize("shift", [RATE // 2, RATE // 64, RATE * 31 // 32])
def test_a_start_inside_a_second_gives_the_whole_seconds(tmp_path, kind, shift):
    """Samples on the grid are taken as they are: strain that counts samples tells where each came from."""
    strain = np.arange(4.25 * RATE) + shift
    path = write(tmp_path, kind, strain, START + shift / RATE)
    about = readers.reader(path).describe(path)
    last = (len(strain) + shift) // RATE
    assert (about["start"], about["start"] + about["duration"]) == (START + 1, START + last)
    np.testing.assert_array_equal(read(path, START + 1, START + 4), np.arange(RATE, 4 * RATE))
    # The name states the seconds that the file begins and ends in, as names of frame files do.
    renamed = path.with_name(f"H-H1_X-{START}-{-(-(len(strain) + shift) // RATE)}{''.join(path.suffixes)}")
    path.rename(renamed)
    assert record_of(renamed)["finite"] == [[START + 1, START + last]]
    with pytest.raises(GwsimError, match="its name says 5 s from"):
        record_of(renamed.rename(tmp_path / f"H-H1_X-{START - 1}-5{''.join(path.suffixes)}"))


@KINDS
def test_samples_off_the_grid_are_interpolated_onto_it(tmp_path, kind):
    """A sinusoid in the pass band, on time within the kernel's ripple; a third of a sample would show."""
    start, f = START + 0.4 + 1 / (3 * RATE), 0.8 * RATE / 2
    t = (start - START) + np.arange(6 * RATE) / RATE
    path = write(tmp_path, kind, np.sin(2 * np.pi * f * t), start)
    got = read(path, START + 1, START + 6)
    expected = np.sin(2 * np.pi * f * (1 + np.arange(5 * RATE) / RATE))
    # The clocks of these files tick every 0.24 microseconds.
    assert np.abs(got - expected).max() < resample.RIPPLE + 2 * np.pi * f * 0.24e-6
    nearest = np.sin(2 * np.pi * f * (1 + (np.arange(5 * RATE) + 1 / 3) / RATE))
    assert np.abs(nearest - expected).max() > 0.5
    pieces = [read(path, START + a, START + a + 1) for a in range(1, 6)]
    assert np.concatenate(pieces).tobytes() == got.tobytes()


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind != "frame.gwf"])  # whole nanoseconds
def test_a_clock_may_be_a_microsecond_astray(tmp_path, kind):
    """Samples within the tolerance are taken as they are; further off they are interpolated."""
    # A float64 can be these 0.48 microseconds off, and no closer to a microsecond.
    for late, same in ((0.0, True), (4.8e-7, True), (-4.8e-7, True), (1e-5, False)):
        strain = noise(3)
        path = write(tmp_path, kind, strain, START + 0.25 + late)
        got = read(path, START + 1, START + 3)
        assert (got.tobytes() == strain[RATE * 3 // 4 : RATE * 11 // 4].tobytes()) == same
        path.unlink()


def test_nothing_is_made_up_beyond_samples_off_the_grid(tmp_path):
    """A file that begins 0.4 of a sample before a second lacks what the kernel reaches for there.

    One that begins that much after a second has no sample at its beginning, and the next second is its first.
    """
    late = tmp_path / "late_H1.hdf5"
    gwpy(late, noise(4), START + 0.4 / RATE, RATE, "H1")
    about = readers.reader(late).describe(late)
    assert (about["start"], about["duration"]) == (START + 1, 3)
    path = write(tmp_path, "gwpy.hdf5", noise(4), START - 0.4 / RATE)
    path = path.rename(tmp_path / "H1.hdf5")
    assert readers.reader(path).describe(path)["duration"] == 3
    assert record_of(path)["finite"] == [[START + 1, START + 3]]
    reach = int(0.2 * RATE)  # longer than half the kernel
    got = read(path, START, START + 3)
    assert np.isnan(got[0]) and np.isfinite(got[reach:]).all()


@KINDS
def test_a_faster_file_is_resampled_and_its_ends_are_lost(tmp_path, kind):
    f = 0.7 * RATE / 2
    t = np.arange(8 * 2 * RATE) / (2 * RATE)
    strain = np.sin(2 * np.pi * f * t) + np.sin(2 * np.pi * 1.3 * RATE / 2 * t)
    strain[5 * 2 * RATE + 900] = np.nan
    path = write(tmp_path, kind, strain, rate=2 * RATE)
    record = record_of(path)
    # The gap, late in second 5, reaches into second 6; the first and last seconds lack neighbours.
    assert record["finite"] == record["bits"]["DATA"] == [[START + 1, START + 5]]
    assert record["files"][0]["sample_rate"] == 2 * RATE and record["sample_rate"] == RATE
    got = records.read_strain(record, START + 1, START + 5)
    expected = np.sin(2 * np.pi * f * (1 + np.arange(4 * RATE) / RATE))
    assert np.abs(got - expected).max() < resample.RIPPLE + 10 ** (-resample.REJECTION / 20)
    pieces = [records.read_strain(record, START + a, START + a + 1) for a in range(1, 5)]
    assert np.concatenate(pieces).tobytes() == got.tobytes()
    with pytest.raises(GwsimError, match=in_order("strain at 1024 Hz, expected 2048 Hz or more", "never up")):
        record_of(path, rate=4 * RATE)


@KINDS
@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10]),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 - 3]),
        lambda path: path.write_text("<html><title>Try later, please</title></html>\n"),
        lambda path: path.write_bytes(bytes(range(256)) * 40),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["empty", "cut", "halved", "html", "noise", "absent", "folder"],
)
def test_a_bad_file_is_one_clear_error(tmp_path, kind, spoil):
    path = write(tmp_path, kind, noise(16))
    spoil(path)
    with pytest.raises(GwsimError, match=in_order("cannot be used:", path, "Hint:")) as refusal:
        record_of(path)
    assert str(refusal.value).count("\n") < 5


@KINDS
def test_another_ifo_and_another_time_are_refused(tmp_path, kind):
    path = write(tmp_path, kind, noise(16), ifo="L1")
    with pytest.raises(GwsimError, match=in_order(path, "strain of L1, expected H1")):
        record_of(path)
    with pytest.raises(GwsimError, match=in_order(path, "expected some of [100, 116)")):
        record_of(path, ifo="L1", start=100)


@KINDS
def test_less_than_a_second_is_refused(tmp_path, kind):
    path = write(tmp_path, kind, noise(1.5), START + 0.25)
    with pytest.raises(GwsimError, match=in_order(path, "768 samples at 512 Hz", "hold no whole GPS second")):
        readers.reader(path).describe(path)


def test_files_of_all_kinds_rates_and_masks_make_one_block(tmp_path):
    """Eight files of two seconds, one of them with masks; each sample tells its time."""
    paths, strain = [], np.arange(16.0 * RATE)
    for number, kind in enumerate(WRITERS):
        piece = strain[2 * number * RATE : 2 * (number + 1) * RATE]
        paths.append(write(tmp_path, kind, piece, START + 2 * number))
    masked = tmp_path / f"H-H1_MASKED-{START + 14}-2.hdf5"
    dq, injections = np.array([127, 3], np.uint32), np.array([23, 31], np.uint32)
    gwosc_layout.write(masked, "H1", START + 14, strain[14 * RATE :], dq, injections, RATE, "test")
    record = record_of(*paths, masked)
    assert record["finite"] == record["bits"]["DATA"] == [[START, START + 16]]
    np.testing.assert_array_equal(records.read_strain(record, START, START + 16), strain)
    assert list(record["bits"]) == [*gwosc_layout.DQ_BITS, *gwosc_layout.INJECTION_BITS]
    assert record["bits"]["CBC_CAT2"] == [[START + 14, START + 15]]
    assert record["bits"]["NO_CW_HW_INJ"] == [[START + 15, START + 16]]

    paths[0].unlink()
    fast = write(tmp_path, "pycbc.hdf", noise(4, 4 * RATE), START - 2, 4 * RATE)
    record = record_of(fast, *paths[1:], masked)
    assert record["finite"] == [[START, START + 1], [START + 2, START + 16]]
    assert [file["sample_rate"] for file in record["files"]] == [4 * RATE, *[RATE] * 7]


# HDF5


def test_hdf5_is_told_by_content(tmp_path):
    """A GWOSC file under any ending, a dataset of GWpy under the name of one of GWOSC's groups."""
    one = tmp_path / "H1.h5"
    ones = np.ones(2, np.uint32)
    gwosc_layout.write(one, "H1", START, noise(2), ones, ones, RATE, "test")
    other = tmp_path / "H-H1_GWOSC_4KHZ_R1-1-2.hdf5"
    TimeSeries(noise(2), t0=START, sample_rate=RATE).write(other, path="strain")
    assert readers.reader(one) is gwosc_layout and readers.reader(other) is hdf5_series
    assert hdf5_series.describe(other)["ifo"] == "H1"


def test_each_ifo_of_a_file_with_several_is_found(tmp_path):
    path = tmp_path / "both.hdf5"
    series = {
        f"{ifo}:STRAIN": TimeSeries(noise(4, seed=i), t0=START, sample_rate=RATE)
        for i, ifo in enumerate(["H1", "L1"])
    }
    series["H1:STRAIN"].name = "L1:MISNAMED"
    TimeSeriesDict(series).write(path, format="hdf5")
    for seed, ifo in enumerate(["H1", "L1"]):
        record = record_of(path, ifo=ifo)
        assert records.read_strain(record, START, START + 4).tobytes() == noise(4, seed=seed).tobytes()
        files = {"files": [str(path)]}
        assert SOURCES["files"](files, 0, ifo, START, 16, RATE, None) == [path]
    with pytest.raises(GwsimError, match="strain of H1, expected V1"):
        record_of(path, ifo="V1")


def test_strain_is_told_from_what_stands_beside_it(tmp_path):
    path = tmp_path / "many.hdf"
    pycbc(path, noise(4), START, RATE, "H1")
    StateVector(np.arange(4), t0=START, name="H1:DQ").write(path, format="hdf5", path="H1:DQ", append=True)
    TimeSeries(np.zeros(4), t0=START, name="H1:X_MASK").write(
        path, format="hdf5", path="H1:X_MASK", append=True
    )
    with h5py.File(path, "a") as file:
        file["H1:PSD"] = np.ones(9)
        file["H1:PSD"].attrs.update({"x0": 0.0, "dx": 0.25, "xunit": "Hz"})
        file["H1/table"] = np.ones((3, 3))
    assert read(path, START, START + 4).tobytes() == noise(4).tobytes()
    with h5py.File(path, "a") as file:
        file["L1/other"] = file["H1:GDS-CALIB_STRAIN"][:]
        file["L1/other"].attrs.update(file["H1:GDS-CALIB_STRAIN"].attrs)
        file["H1:OTHER"] = file["L1/other"]
    # The one that ends in STRAIN is still told; two of them are not.
    assert read(path, START, START + 4).tobytes() == noise(4).tobytes()
    assert read(path, START, START + 4, ifo="L1").tobytes() == noise(4).tobytes()
    with h5py.File(path, "a") as file:
        file.move("H1:GDS-CALIB_STRAIN", "H1:GDS-CALIB")
    with pytest.raises(
        GwsimError, match=in_order("2 series can be the strain of H1", "H1:GDS-CALIB, H1:OTHER, ")
    ):
        read(path, START, START + 4)


def test_hdf5_without_a_series_an_ifo_or_a_whole_rate_is_refused(tmp_path):
    path = tmp_path / "plain.hdf5"
    with h5py.File(path, "w") as file:
        file["values"] = noise(4)
    with pytest.raises(
        GwsimError,
        match=in_order(path, "neither in the GWOSC layout nor", "start_time/delta_t", "it has values"),
    ):
        read(path, START, START + 1)
    with h5py.File(path, "a") as file:
        file["values"].attrs.update({"start_time": START, "delta_t": 1 / RATE})
    with pytest.raises(GwsimError, match=in_order(path, "no ifo in its name", "H1:STRAIN", "it has values")):
        read(path, START, START + 1)
    path = path.rename(tmp_path / "plain_H1.hdf5")
    assert read(path, START, START + 1).tobytes() == noise(1).tobytes()
    for step, said in (
        (1 / 512.3, "a whole number"),
        (np.nan, "steps of nan"),
        (-1.0, "-1.0 s apart"),
        (0.0, "0.0 s apart"),
    ):
        with h5py.File(path, "a") as file:
            file["values"].attrs["delta_t"] = step
        with pytest.raises(GwsimError, match=in_order(path, said)):
            read(path, START, START + 1)


def test_hdf5_is_looked_through_by_pieces(tmp_path, monkeypatch):
    """At a peak of a few pieces, not of the file."""
    import tracemalloc

    monkeypatch.setattr(records, "PIECE", 8)
    path = write(tmp_path, "gwpy.hdf5", noise(256, 4096), rate=4096)
    for rate in (4096, 1024):
        record_of(path, duration=16, rate=rate)  # what is imported or kept once is not counted
        tracemalloc.start()
        record_of(path, duration=256, rate=rate)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 0.25 * 256 * 4096 * 8


# Frames


def test_the_strain_channel_of_a_frame_is_found_or_all_are_named(tmp_path):
    path = tmp_path / "many.gwf"

    def channels(**seeds):
        series = {}
        for name, seed in seeds.items():
            name = name.replace("_", ":", 1)
            series[name] = TimeSeries(
                noise(4, seed=seed), t0=START, sample_rate=RATE, name=name, channel=name
            )
        TimeSeriesDict(series).write(path, format="gwf")

    for names in (
        {"V1_Hrec_hoft": 0},
        {"H1_X": 1, "V1_Hrec_hoft": 0, "V1_DQ_VECTOR": 2},
        {"V1_X": 1, "V1_DCS_STRAIN_C01": 0, "V1_DCS_STATE_VECTOR_C01": 3},
        {"V1_X_STRAIN_OLD": 1, "V1_STRAIN": 0, "H1_STRAIN": 2},
    ):
        channels(**names)
        assert record_of(path, ifo="V1")["finite"] == [[START, START + 4]]
        assert read(path, START, START + 4, ifo="V1").tobytes() == noise(4).tobytes()
    channels(V1_A=0, V1_B=1)
    with pytest.raises(
        GwsimError, match=in_order(path, "2 series can be the strain of V1", "it has V1:A, V1:B")
    ):
        record_of(path, ifo="V1")


def test_a_frame_is_unpacked_once_however_it_is_read(tmp_path, monkeypatch):
    calls, real = [], gwf._of_frame
    monkeypatch.setattr(gwf, "_of_frame", lambda *words: calls.append(1) or real(*words))
    path = write(tmp_path, "frame.gwf", noise(16))
    monkeypatch.setattr(records, "PIECE", 1)
    record = record_of(path)
    for a in range(16):
        records.read_strain(record, START + a, START + a + 1)
    assert len(calls) == 1
    gwf_without_masks(path, noise(16, seed=1), START, RATE, "H1")
    assert read(path, START, START + 16).tobytes() == noise(16, seed=1).tobytes()


def test_a_damaged_byte_anywhere_in_a_frame_is_noticed(tmp_path):
    path = write(tmp_path, "frame.gwf", noise(4))
    content = path.read_bytes()
    for place in np.random.default_rng(6).integers(14, len(content), 50):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(GwsimError, match=in_order(path, "corrupt")):
            readers.reader(path).describe(path)
    path.write_bytes(content[:-4] + bytes(4))  # a writer that does not tell
    assert read(path, START, START + 4).tobytes() == noise(4).tobytes()


def test_frames_that_follow_each_other_read_as_one_and_gaps_are_refused(tmp_path):
    import lal
    import lalframe

    def frames(path, starts):
        file = lalframe.FrameUFrFileOpen(str(path), "w")
        for number, start in enumerate(starts):
            gps = lal.LIGOTimeGPS(start)
            series = lal.CreateREAL4TimeSeries("H1:STRAIN", gps, 0, 1 / RATE, lal.StrainUnit, 2 * RATE)
            series.data.data = np.arange(2 * RATE) + 2 * RATE * number
            frame = lalframe.FrameNew(gps, 2.0, "test", 0, number, 0)
            lalframe.FrameAddREAL4TimeSeriesProcData(frame, series)
            lalframe.FrameUFrameHWrite(file, frame)

    path = tmp_path / "H1.gwf"
    frames(path, [START + 2 * i for i in range(4)])
    np.testing.assert_array_equal(read(path, START + 1, START + 7), np.arange(RATE, 7 * RATE))
    frames(path, [START, START + 4])
    with pytest.raises(
        GwsimError, match=in_order(path, f"goes on at GPS {START + 4}.000000, expected {START + 2}.000000")
    ):
        read(path, START, START + 1)


def test_masks_of_a_frame_are_those_of_its_whole_seconds(tmp_path):
    path = tmp_path / "masked.gwf"
    strain = TimeSeries(noise(4.5), t0=START + 0.5, sample_rate=RATE, name="H1:STRAIN", channel="H1:STRAIN")
    mask = TimeSeries(
        np.arange(5, dtype=np.uint32), t0=START, sample_rate=1, name="H1:DQMASK", channel="H1:DQMASK"
    )
    TimeSeriesDict({"H1:STRAIN": strain, "H1:DQMASK": mask}).write(path, format="gwf")
    dq, injections = gwf.masks(path)
    np.testing.assert_array_equal(dq, [1, 2, 3, 4])
    assert injections is None
    record = record_of(path)
    assert list(record["bits"]) == list(gwosc_layout.DQ_BITS)
    assert record["bits"]["CBC_CAT1"] == [[START + 2, START + 4]]
    TimeSeriesDict({"H1:STRAIN": strain, "H1:DQMASK": mask[:3]}).write(path, format="gwf")
    with pytest.raises(GwsimError, match=in_order(path, "channels disagree", "H1:DQMASK of 3 values")):
        gwf.masks(path)


# Text


HEAD = (
    "# Gravitational wave strain for X for H1\n"
    "# This file has {rate} samples per second\n"
    "# starting GPS {start} duration {duration}\n"
)


def one_column(path, strain, head=HEAD, start=START, duration=4, rate=RATE):
    text = head.format(rate=rate, start=start, duration=duration) + "\n".join(
        f"{value:.17e}" for value in strain
    )
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("suffix", ["txt", "txt.gz"])
@pytest.mark.parametrize("head", [HEAD, ""])
def test_one_column_as_gwosc_gives_it(tmp_path, suffix, head):
    strain = noise(4)
    strain[RATE + 5] = np.nan
    path = one_column(tmp_path / f"H-H1_GWOSC_4KHZ_R1-{START}-4.{suffix}", strain, head)
    record = record_of(path)
    assert record["finite"] == [[START, START + 1], [START + 2, START + 4]]
    assert records.read_strain(record, START, START + 4).tobytes() == strain.tobytes()


def test_text_is_parsed_once_until_it_changes(tmp_path, monkeypatch):
    real, calls = np.loadtxt, []
    monkeypatch.setattr(np, "loadtxt", lambda *words, **more: calls.append(1) or real(*words, **more))
    monkeypatch.setattr(records, "PIECE", 1)
    path = one_column(tmp_path / f"H-H1_X-{START}-4.txt.gz", noise(4))
    records.read_strain(record_of(path), START, START + 4)
    assert len(calls) == 1
    one_column(path, noise(4, seed=1)[:-RATE], duration=3)
    assert readers.reader(path).describe(path)["duration"] == 3 and len(calls) == 2


def test_text_in_many_parts_is_one_series(tmp_path, monkeypatch):
    monkeypatch.setattr("gwsim.strain.text.LINES", 100)
    for kind in ("gwpy.txt", "gwpy.csv"):
        path = write(tmp_path, kind, noise(4), START + 0.25)
        assert (
            read(path, START + 1, START + 4).tobytes() == noise(4)[3 * RATE // 4 : 15 * RATE // 4].tobytes()
        )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("strain.txt", "1\n2\n", "its name tells no ifo"),
        ("H1.txt", "", "no samples"),
        ("H1.txt", "# only\n\n# words\n", "no samples"),
        ("H1.txt", "1\n2\n", "no start in its head"),
        (f"H-H1_X-{START}-2.txt", "1\n2\n3\n", "3 samples, expected 2 s"),
        (f"H-H1_X-{START}-0.txt", "1\n2\n3\n", "3 samples, expected 0 s"),
        ("H1.txt", HEAD.format(rate=4, start=9, duration=2) + "1\n" * 9, "9 samples, expected 2 s at 4 Hz"),
        ("H1.txt", "1 2 3\n", "3 columns, expected strain, or GPS time and strain"),
        ("H1.txt", "1 2\n3\n", "no strain in text"),
        ("H1.txt", "1 2\n3 x\n", "no strain in text"),
        ("H1.txt", "5 1\n5 1\n", "does not tell GPS times, from 5.0 to 5.0"),
        ("H1.txt", "5 1\n", "does not tell GPS times"),
        ("H1.txt", "nan 1\n6 1\n", "does not tell GPS times"),
        ("H1.txt", "1.0 1\n1.5 1\n2.1 1\n2.5 1\n", "sample 2 at 2.100000000, expected 2.000000000 (2 Hz"),
        ("H1.txt", "1.0 1\n1.5 1\nnan 1\n2.5 1\n", "sample 2 at nan"),
    ],
)  # fmt: skip
def test_text_that_is_no_strain_is_refused(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(GwsimError, match=in_order(path, message)):
        readers.reader(path).describe(path)


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    class Piece(np.ndarray):
        tofile = full

    with pytest.raises(GwsimError, match=in_order("no room for unpacked strain", "No space left", "TMPDIR")):
        unpacked.Samples([np.zeros(3).view(Piece)])


# Names


def test_names_tell_ifo_and_seconds():
    expected = {"ifo": "H1", "start": 1126259447, "duration": 32}
    for name in (
        "H-H1_GWOSC_4KHZ_R1-1126259447-32.hdf5",
        "H-H1_X-1126259447-32.txt.gz",
        "H-H1-1126259447-32.gwf",
    ):
        assert name_parts(Path("a-b") / name) == expected
    for name in (
        "H-R-1126259447-32.gwf",
        "HL-H1_L1-1126259447-32.gwf",
        "H-H1_X-1126259447.5-32.gwf",
        "H-H1_A-B-1126259447-32.gwf",
        "H1.txt",
    ):
        assert name_parts(name) is None
    assert [ifo_in(name) for name in ("H1:X", "a/L1/strain", "x_V1.txt", "K1", "CH1:X", "O3a", "C01")] == [
        "H1", "L1", "V1", "K1", None, None, None,
    ]  # fmt: skip
    assert ifo_in("strain", "L1:X", "H1:X") == "L1"


# Real files


def real(shared_data, kind):
    found = sorted((shared_data / "strain" / kind).iterdir())
    return [(path, path.name[2:4], name_parts(path)["start"]) for path in found]


def test_real_gwosc_files_pass_through_every_format(shared_data, tmp_path):
    """Each of the six, read by GWpy, written in each format from within a second on, and read by us."""
    for number, (path, ifo, start) in enumerate(real(shared_data, "gwosc")):
        whole = TimeSeries.read(path, format="hdf5.gwosc")
        assert read(path, start, start + 32, 4096, ifo).tobytes() == whole.value.tobytes()
        kind = list(WRITERS)[number]
        copy = tmp_path / f"{ifo}_{number}_{kind}"
        WRITERS[kind](copy, whole.value[1024 : 6 * 4096], start + 0.25, 4096, ifo)
        expected = whole.value[4096 : 6 * 4096]
        assert read(copy, start + 1, start + 6, 4096, ifo).tobytes() == expected.tobytes()


def test_the_real_frame_at_4096_hz_is_gwpys(shared_data):
    """Of 20 to 1800 Hz, against GWpy's own filter for decimation, within 1e-3 of the strain there."""
    [(path, ifo, start)] = real(shared_data, "gwf")
    record = record_of(path, start=start, duration=32, rate=4096, ifo=ifo)
    assert record["finite"] == [[start + 1, start + 31]]
    assert record["bits"]["DATA"] == [[start, start + 32]]
    ours = records.read_strain(record, start + 2, start + 30)
    whole = TimeSeries.read(path, "L1:GWOSC-16KHZ_R1_STRAIN")
    theirs = whole.resample(4096, ftype="fir", n=2000).value[2 * 4096 : 30 * 4096]
    window = np.kaiser(len(ours), 20)
    spectra = [np.fft.rfft(x * window) for x in (ours, theirs)]
    band = slice(20 * 28, 1800 * 28)
    # Each octave by itself: the strain at 20 Hz is a hundred times that at 1 kHz.
    for low in (20, 40, 80, 160, 320, 640, 1200):
        band = slice(low * 28, min(2 * low, 1800) * 28)
        apart = np.linalg.norm(spectra[0][band] - spectra[1][band])
        assert apart < resample.RIPPLE * np.linalg.norm(spectra[1][band])
        assert np.linalg.norm(np.roll(spectra[0], 1)[band] - spectra[1][band]) > apart * 100
