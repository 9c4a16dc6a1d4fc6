"""The verb `qscan`: what it finds and draws of files of several kinds, and what it refuses."""

import io
import json

import matplotlib.image
import numpy as np
import pytest
from gwpy.timeseries import TimeSeries
from PIL import Image

from gwsim import command
from gwsim.cli import qscan as verb
from gwsim.figures import qscan as figures
from gwsim.figures import style
from gwsim.strain import gwosc_layout

RATE, START, SECONDS = 8192, 1238166018, 70
EVENT = START + 33.25
FREQUENCY = 150.0
# Its bandwidth is that of the windows of Q 11.3: f / Q, and of |exp(-(t / width)^2)| 1 / (2 pi width).
WIDTH = 11.31 / (2 * np.pi * FREQUENCY)
SMALL = ("--durations", 0.5)


@pytest.fixture(scope="module")
def strain():
    """White noise and a sine-Gaussian, near strain's size."""
    t = START + np.arange(SECONDS * RATE) / RATE - EVENT
    noise = np.random.default_rng(0).standard_normal(len(t))
    return 1e-22 * (noise + 2 * np.exp(-((t / WIDTH) ** 2)) * np.cos(2 * np.pi * FREQUENCY * t))


def write(path, strain, start=START, rate=RATE, ifo="H1"):
    mask = np.ones(len(strain) // rate, np.uint32)
    gwosc_layout.write(path, ifo, start, strain, mask, mask, rate, "a test")
    return path


@pytest.fixture(scope="module")
def file(strain, tmp_path_factory):
    return write(tmp_path_factory.mktemp("strain") / f"H-H1_TEST-{START}-{SECONDS}.hdf5", strain)


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run the verb in an empty folder; return its exit status and what it printed."""
    monkeypatch.setattr(command, "VERBS", tuple(dict.fromkeys((*command.VERBS, "qscan"))))
    monkeypatch.chdir(tmp_path)

    def main(*arguments):
        status = 0
        try:
            command.main(["qscan", *map(str, arguments)])
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return main


def test_a_burst_is_found_and_drawn(run, file, tmp_path):
    status, out, err = run(file, EVENT)
    assert (status, err) == (0, "")
    told, name = out.splitlines()
    assert told.startswith(f"H1 at GPS {EVENT}: Q 11.3, loudest tile of SNR ") and " Hz, " in told
    assert name == f"H1-{EVENT}.png" and [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("norm", ["median", "mean"])
def test_json_says_what_was_found(run, file, tmp_path, norm):
    """The burst's optimal SNR in white noise is the root of its sum of squares; a tile has most of it."""
    status, out, err = run(
        file, f"{EVENT:.6f}", "--norm", norm, "--json", *SMALL, "--output", "made/picture.png"
    )
    found = json.loads(out)
    assert (status, err) == (0, "") and (tmp_path / "made/picture.png").is_file()
    assert found["picture"] == "made/picture.png" and found["norm"] == norm and found["ifo"] == "H1"
    assert (found["start"], found["block"], found["sample_rate"]) == (round(EVENT - 32), 64, RATE)
    assert abs(found["offset"]) < 0.03 and found["q"] == pytest.approx(11.31, abs=0.01)
    assert abs(found["frequency"] / FREQUENCY - 1) < 0.1 and found["gps"] == EVENT
    t = np.arange(-RATE, RATE) / RATE
    optimal = 4 * np.sum((np.exp(-((t / WIDTH) ** 2)) * np.cos(2 * np.pi * FREQUENCY * t)) ** 2)
    # The median of noise's energies, which are exponential, is log 2 of their mean.
    level = np.log(2) if norm == "median" else 1.0
    assert 0.7 < found["energy"] * level / (optimal / 2) < 1.15
    assert found["snr"] == pytest.approx((2 * found["energy"]) ** 0.5)


def test_the_picture_is_of_four_durations(run, file, monkeypatch):
    """Bright at the instant in every panel, narrower the longer the duration; nowhere else."""
    seen = {}

    def drawn(images, durations, f_range, title):
        seen.update(images=images, durations=durations, f_range=f_range, title=title)
        seen["figure"] = panels(images, durations, f_range, title)
        return seen["figure"]

    panels = figures.panels
    monkeypatch.setattr(figures, "panels", drawn)
    assert run(file, EVENT)[0] == 0
    assert seen["durations"] == [0.5, 1.0, 2.0, 4.0] and seen["f_range"] == (10.0, 2048.0)
    widths = []
    for image, duration in zip(seen["images"], seen["durations"], strict=True):
        frequencies, times = figures.axes(seen["f_range"], duration)
        row, column = np.unravel_index(image.argmax(), image.shape)
        assert abs(frequencies[row] / FREQUENCY - 1) < 0.1 and abs(times[column]) < 0.03
        widths.append(np.mean(image[row] > 25.5))
    assert widths == sorted(widths, reverse=True) and widths[0] > 4 * widths[3] > 0
    axes = seen["figure"].axes[:4]
    for axis, duration in zip(axes, seen["durations"], strict=True):
        assert axis.get_xlim() == (-duration / 2, duration / 2)
        labels = [label.get_text() for label in axis.get_yticklabels()]
        assert labels == ["16", "32", "64", "128", "256", "512", "1024", "2048"]
        assert axis.images[0].get_clim() == (0.0, 25.5) and axis.images[0].origin == "lower"
    assert "H1 at GPS" in seen["figure"].get_suptitle()


def test_the_picture_is_viridis_and_the_same_every_time(run, file, tmp_path):
    for name in ("one.png", "two.png"):
        run(file, EVENT, *SMALL, "--output", name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    picture = np.asarray(Image.open(tmp_path / "one.png").convert("RGB")).astype(int)
    yellow = np.argwhere(np.abs(picture - [253, 231, 37]).max(-1) < 3)
    dark = np.abs(picture - [68, 1, 84]).max(-1) < 30
    assert len(yellow) > 100 and dark.mean() > 0.4


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_any_number_of_panels(count):
    with style.look():
        figure = figures.panels([np.zeros((5, 6))] * count, [1.0] * count, (10.0, 1000.0), "title")
        image = matplotlib.image.imread(io.BytesIO(style.png(figure)))
    assert len(figure.axes) == count + 1 and image.ndim == 3


def test_what_is_shorter_or_lower_than_asked_is_told(run, strain, tmp_path):
    path = write(tmp_path / f"H-H1_TEST-{START}-10.hdf5", strain[: 10 * RATE : 2].copy(), rate=RATE // 2)
    status, out, err = run(path, START + 2.5, "--json")
    notes = err.splitlines()
    assert status == 0 and len(notes) == 3 and all(note.startswith("NOTE: ") for note in notes)
    assert notes[0].endswith("a block of 10 s instead of 64 s: " + str(path) + " has no more")
    assert "4 s around GPS" in notes[1] and "reach into the block's tapered ends of 1 s" in notes[1]
    assert notes[2].endswith("frequencies up to 1291 Hz instead of 2048 Hz: strain at 4096 Hz")
    found = json.loads(out)
    assert (found["start"], found["block"], found["sample_rate"]) == (START, 10, 4096)


def test_a_block_ends_with_the_file(run, file):
    """Near its end the block is as long, the instant not in its middle."""
    found = json.loads(run(file, START + SECONDS - 3.5, "--json", *SMALL)[1])
    assert (found["start"], found["block"]) == (START + SECONDS - 64, 64)


def test_files_of_several_kinds(run, strain, tmp_path):
    """GWpy's HDF5 with two ifos, of which one is asked for, and text."""
    path = tmp_path / "two.h5"
    t = START + np.arange(16 * 4096) / 4096
    burst = 1e-21 * np.exp(-(((t - START - 8) / 0.01) ** 2)) * np.sin(2 * np.pi * 200 * t)
    series = {"H1": strain[: 16 * 4096], "L1": strain[: 16 * 4096] + burst}
    for ifo, values in series.items():
        TimeSeries(values, t0=START, sample_rate=4096, name=f"{ifo}:STRAIN", channel=f"{ifo}:STRAIN").write(
            path, path=f"{ifo}:STRAIN", append=True, format="hdf5"
        )
    snr = {ifo: json.loads(run(path, START + 8, "--json", "--ifo", ifo, *SMALL)[1])["snr"] for ifo in series}
    assert snr["L1"] > 2 * snr["H1"]
    text = tmp_path / f"L-L1_TEST-{START}-16.txt"
    np.savetxt(text, np.column_stack([t, series["L1"]]), fmt=["%.9f", "%.17e"])
    assert json.loads(run(text, START + 8, "--json", *SMALL)[1])["snr"] == pytest.approx(snr["L1"], rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1,), "no strain at GPS 1, it holds [1238166018, 1238166088), 70 s of H1"),
        ((START + SECONDS,), "it holds [1238166018, 1238166088)"),
        ((EVENT, "--ifo", "V1"), "no strain of V1, it holds that of H1"),
        (
            (START + 0.5,),
            "is 0.5 s from an end of [1238166018, 1238166082), and 4 s around it",
        ),
        ((EVENT, "--block", 3), "a block of 3 s around GPS 1238166051.25, expected 4 s or more"),
        ((EVENT, "--q", 2, 20), "range of Q (2.0, 20.0): expected 3.32 < low <= high"),
        (("yesterday",), "argument gps: invalid time value: 'yesterday'"),
        (("nan",), "argument gps: invalid time value: 'nan'"),
        ((EVENT, "--durations", 0), "argument --durations: invalid duration value: '0'"),
        ((EVENT, "--norm", "mode"), "argument --norm: invalid choice: 'mode'"),
    ],
)
def test_what_cannot_be_is_refused(run, file, tmp_path, arguments, message):
    status, out, err = run(file, *arguments)
    assert status == 2 and message in err and out == "" and list(tmp_path.iterdir()) == []


def test_gaps_are_named(run, strain, tmp_path):
    holed = strain.copy()
    holed[20 * RATE + 5], holed[50 * RATE] = np.nan, np.nan
    path = write(tmp_path / "H-H1_GAPS.hdf5", holed)
    status, _, err = run(path, EVENT)
    assert status == 2
    assert f"gaps in 2 of the 64 s from GPS {START + 1} on, the first in second {START + 20}" in err
    assert f"whole around it are [{START + 21}, {START + 50}): ask for a shorter block (--block)" in err
    assert "the instant itself lies in one" in run(path, START + 20.5)[2]
    assert run(path, EVENT, "--block", 16, *SMALL)[::2] == (0, "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.hdf5", "no such file"),
        ("empty.hdf5", "an empty file"),
        ("strain.wav", "suffix '.wav', expected one of .hdf5"),
        ("corrupt.hdf5", "corrupt, truncated or no HDF5 file"),
    ],
)
def test_files_that_cannot_be_read_are_refused(run, tmp_path, name, message):
    (tmp_path / "empty.hdf5").touch()
    (tmp_path / "corrupt.hdf5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    status, _, err = run(tmp_path / name, EVENT)
    assert status == 2 and err.startswith("ERROR: ") and name in err and message in err


def test_a_picture_of_another_kind_is_refused_before_any_work(run, tmp_path):
    status, _, err = run(tmp_path / "none.hdf5", EVENT, "--output", "x.jpg")
    assert status == 2 and "expected a name that ends in .png" in err


def test_gw150914_is_seen(run, shared_data):
    path = shared_data / "strain/gwosc/H-H1_LOSC_4_V2-1126259446-32.hdf5"
    found = json.loads(run(path, "1126259462.4", "--json", *SMALL)[1])
    assert found["q"] == pytest.approx(5.657, abs=1e-3) and 12 < found["snr"] < 20
    assert 0.0 < found["offset"] < 0.04 and 60 < found["frequency"] < 250


def test_every_argument_has_help():
    import argparse

    parser = argparse.ArgumentParser()
    verb.arguments(parser)
    assert [action.dest for action in parser._actions if not action.help] == []
