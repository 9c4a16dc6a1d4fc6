"""Simulated strain: its laws in GPS time, its spectrum against scipy, its events against their rates."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import scipy.signal
import scipy.stats

from gwsim.errors import GwsimError
from gwsim.strain import records, simulated
from gwsim.strain.sources import SOURCES

START = 1238163456
RATE = 4096
QUIET = {
    "psd": "o3",
    "lines": False,
    "drift": 0.0,
    "gaps_per_day": 0.0,
    "gap_seconds": [10, 100],
    "failed_bits_per_day": 0.0,
    "failed_bit_seconds": [5, 60],
    "glitches_per_hour": 0.0,
    "glitch_snr": [8.0, 40.0],
}
# Every feature, at rates that put several events into minutes.
BUSY = QUIET | {
    "lines": True,
    "drift": 0.03,
    "gaps_per_day": 1200.0,
    "failed_bits_per_day": 2000.0,
    "glitches_per_hour": 600.0,
}


@pytest.fixture(scope="module")
def long():
    """1024 s of stationary noise of each ifo."""
    return {
        ifo: simulated.make(QUIET, 7, ifo, START, START + 1024, RATE).strain for ifo in ("H1", "L1", "V1")
    }


def same_bits(one, other):
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


# Functions of GPS time


@pytest.mark.parametrize("rate", [2048, 4096])
def test_any_cut_of_a_long_stretch_is_that_stretch_made_alone(rate):
    start, end = START - 37, START + 250
    whole = simulated.make(BUSY, 1, "H1", start, end, rate)
    random = np.random.default_rng(0)
    for a, b in np.sort([random.choice(end - start + 1, 2, replace=False) for _ in range(12)]) + start:
        alone = simulated.make(BUSY, 1, "H1", int(a), int(b), rate)
        strain = whole.strain[(a - start) * rate : (b - start) * rate]
        assert same_bits(
            alone, (strain, whole.dq[a - start : b - start], whole.injections[a - start : b - start])
        )
    assert np.isnan(whole.strain).any() and (whole.dq == 127).any() and len(np.unique(whole.dq)) > 2
    assert not same_bits(whole, simulated.make(BUSY, 2, "H1", start, end, rate))


def test_events_longer_than_their_cells_are_cut_alike():
    long_events = QUIET | {"gaps_per_day": 12, "gap_seconds": [3000, 9000], "failed_bits_per_day": 12}
    dq, injections = simulated.masks(long_events, 3, "V1", START, START + 60000)
    for a, b in ((0, 1), (4000, 9000), (12345, 12346), (30000, 60000)):
        one = simulated.masks(long_events, 3, "V1", START + a, START + b)
        assert same_bits(one, (dq[a:b], injections[a:b]))
    assert 0.05 < np.mean(dq == 0) < 0.95


def coherence(one, other, rate=RATE):
    """Mean coherence over 20 to 1600 Hz, one second a segment."""
    frequencies, values = scipy.signal.coherence(one, other, rate, nperseg=rate, noverlap=0)
    return values[(frequencies >= 20) & (frequencies <= 1600)].mean()


def test_ifos_are_independent(long):
    # Independent noise has a coherence of one over the number of segments.
    for one, other in (("H1", "L1"), ("H1", "V1"), ("L1", "V1")):
        assert coherence(long[one], long[other]) == pytest.approx(1 / 1024, rel=0.15)
    assert coherence(long["H1"], long["L1"] + 0.3 * long["H1"]) > 0.01


def test_ifos_and_seeds_share_no_stream():
    flat = BUSY | {"psd": "aLIGOZeroDetHighPower", "lines": False}
    kinds = [(seed, ifo) for seed in (1, 2) for ifo in ("H1", "L1", "V1")]
    stretches = [simulated.make(flat, *kind, START, START + 8, 2048) for kind in kinds]
    for i, one in enumerate(stretches):
        assert not any(np.any(one.strain == other.strain) for other in stretches[:i])
    masks = [simulated.masks(BUSY, 1, ifo, START, START + 86400) for ifo in ("H1", "L1")]
    off = [dq == 0 for dq, _ in masks]
    assert np.mean(off[0] & off[1]) == pytest.approx(np.mean(off[0]) * np.mean(off[1]), rel=0.3)


# Spectrum and distribution


@pytest.mark.parametrize("ifo", ["H1", "L1", "V1"])
def test_the_realised_psd_is_true_psd(long, ifo):
    """In bands of 8 Hz, within the error of Welch's estimate; 1 % for its smearing at the wall of 20 Hz."""
    frequencies, psd = scipy.signal.welch(long[ifo], RATE, nperseg=8 * RATE)
    band = (frequencies >= 20) & (frequencies < 1596)
    ratio = (psd[band] / simulated.true_psd(QUIET, ifo, frequencies[band])).reshape(-1, 64).mean(axis=1)
    # Hann at half overlap: correlation 1/36 between segments; 4/9 and 1/36 between neighbouring bins.
    segments = 2 * 1024 / 8 - 1
    error = np.sqrt((1 + 2 / 36) * (1 + 8 / 9 + 2 / 36) / (segments * 64))
    deviations = (ratio - 1) / error
    assert np.abs(deviations[2:]).max() < 4.5
    assert np.abs(ratio[:2] - 1).max() < 0.01 + 4.5 * error
    assert np.std(deviations[2:]) == pytest.approx(1, abs=0.2)
    assert abs(np.mean(ratio[2:]) - 1) < 4 * error / np.sqrt(len(ratio))


@pytest.mark.parametrize("ifo", ["H1", "L1", "V1"])
def test_variance_is_the_integral_of_true_psd(long, ifo):
    frequencies = np.arange(0, RATE / 2, 1 / 16)
    psd = simulated.true_psd(QUIET, ifo, frequencies)
    error = np.sqrt(np.sum(psd**2) / 16 / 1024)
    assert abs(np.var(long[ifo]) - np.sum(psd) / 16) < 4 * error
    assert error < 0.02 * np.sum(psd) / 16


@pytest.mark.parametrize("ifo", ["H1", "L1", "V1"])
def test_whitened_noise_is_gaussian(long, ifo):
    spectrum = np.fft.rfft(long[ifo][: 256 * RATE])
    frequencies = np.fft.rfftfreq(256 * RATE, 1 / RATE)
    spectrum /= np.sqrt(simulated.true_psd(QUIET, ifo, frequencies))
    white = np.fft.irfft(np.where((frequencies >= 20) & (frequencies <= 1600), spectrum, 0))
    # The transform joins the two ends: the step there rings for some seconds.
    white = white[16 * RATE : -16 * RATE]
    count = 2 * 1580 * 224  # independent values
    assert abs(scipy.stats.kurtosis(white)) < 4.5 * np.sqrt(24 / count)
    assert abs(scipy.stats.skew(white)) < 4.5 * np.sqrt(6 / count)
    # A density of one per hertz, over 1580 Hz; rfft carries no sample interval.
    assert np.std(white) == pytest.approx(np.sqrt(1580), rel=4.5 / np.sqrt(2 * count))


def test_drift_moves_two_bands_apart_slowly():
    """Gains of bands of noise with drift over the same without: their spread, and how fast they change."""
    rate, seconds = 1024, 4 * 3600
    start = START // 600 * 600
    bands = {"low": [20, 45], "high": [220, 480]}
    pair = [
        simulated.make(QUIET | {"drift": d}, 5, "H1", start, start + seconds, rate).strain for d in (0.0, 0.1)
    ]
    gains = {}
    for name, band in bands.items():
        section = scipy.signal.butter(8, band, "bandpass", fs=rate, output="sos")
        calm, drifting = (scipy.signal.sosfilt(section, x).reshape(-1, 20 * rate).std(axis=1) for x in pair)
        gains[name] = np.log(drifting / calm)[1:]
        assert 0.05 < np.std(gains[name]) < 0.16
        # The steepest that a gain can rise between two knots some 3 sigma apart.
        assert np.abs(np.diff(gains[name])).max() < 0.1 * 3 * np.sqrt(2) * (1.5 * np.pi / 2) * 20 / 600
    assert abs(np.corrcoef(gains["low"], gains["high"])[0, 1]) < 0.7


def test_a_walk_is_continuous_and_of_unit_variance():
    labels, rate = (1, "walk"), 16
    chunks = range(0, 2_000_000, simulated.CHUNK)
    walk = np.concatenate([simulated._walk(labels, chunk, rate) for chunk in chunks])
    assert np.abs(np.diff(walk)).max() < 12 / (simulated.KNOT * rate)
    # Its slope is continuous too: knots leave no corner.
    assert np.abs(np.diff(walk, 2)).max() < 200 / (simulated.KNOT * rate) ** 2
    # About 3300 independent knots: 4 standard errors of a variance.
    assert np.var(walk) == pytest.approx(1, abs=4 * np.sqrt(2 / 3300))
    assert abs(np.mean(walk)) < 4 / np.sqrt(3300)
    at_every_phase = walk[: 600 * rate * 3000].reshape(3000, -1)[:, ::1200].var(axis=0)
    assert np.abs(at_every_phase - 1).max() < 4.5 * np.sqrt(2 / 3000)


def test_zero_drift_is_exactly_stationary_noise():
    calm = simulated.make(QUIET, 5, "H1", START, START + 4, RATE).strain
    assert same_bits([calm], [simulated.make(QUIET | {"drift": 0}, 5, "H1", START, START + 4, RATE).strain])
    assert not same_bits(
        [calm], [simulated.make(QUIET | {"drift": 1e-3}, 5, "H1", START, START + 4, RATE).strain]
    )


# Lines


def line_powers(monkeypatch, table, rate=256, chunks=300):
    """Mean power within 0.3 Hz of each line, and of what is left, over chunks far apart."""
    monkeypatch.setattr(simulated, "_line_table", lambda ifo: table)
    window = scipy.signal.windows.hann(64 * rate, sym=False)
    window /= np.sqrt(np.sum(window**2))
    frequencies = np.fft.rfftfreq(64 * rate, 1 / rate)
    power = 0
    for i in range(chunks):
        spectrum = np.fft.rfft(window * simulated.lines(1, "H1", START + 64 * 1000 * i, rate))
        power = power + 2 * np.abs(spectrum) ** 2 / (64 * rate) / chunks
    near = [np.abs(frequencies - f) < 0.3 for f, _, _ in table]
    return [power[n].sum() for n in near], power[~np.any(near, axis=0)].sum()


def test_lines_stand_at_their_frequency_with_their_rms(monkeypatch):
    table = [[60.0, 30, 2.0], [90.0, 200, 0.5], [35.9, np.inf, 3.0]]
    (mains, violin, calibration), rest = line_powers(monkeypatch, sorted(table, key=lambda line: line[1]))
    # An exponential power a chunk, somewhat fewer than one independent value over 300 chunks.
    assert mains == pytest.approx(4.0, rel=4 / np.sqrt(300))
    assert violin == pytest.approx(0.25, rel=4 / np.sqrt(300))
    assert calibration == pytest.approx(9.0, rel=1e-3)
    assert rest < 1e-3


def test_the_lines_of_each_ifo_are_in_its_strain():
    for ifo in ("H1", "L1", "V1"):
        settings = (QUIET, QUIET | {"lines": True})
        quiet, loud = (simulated.make(s, 2, ifo, START, START + 256, RATE).strain for s in settings)
        frequencies, psd = scipy.signal.welch(loud - quiet, RATE, nperseg=32 * RATE)
        for frequency, coherence_time, rms in simulated._line_table(ifo):
            near = np.abs(frequencies - frequency) < 0.3
            power = psd[near].sum() / 32
            # One exponential draw where the coherence is longer than the stretch: only the scale is sure;
            # the window's skirt of a line 1e3 louder stands a hertz away, so no upper end for the faint.
            low, high = (0.9, 1.3) if coherence_time == np.inf else (1e-3, 1e9)
            assert low * rms**2 < power < high * rms**2, (ifo, frequency)


def test_a_calibration_line_keeps_its_phase(monkeypatch):
    monkeypatch.setattr(simulated, "_line_table", lambda ifo: [[35.9, np.inf, 1.0]])
    # 35.9 Hz turns a whole number of times in ten seconds.
    one, other = (simulated.lines(1, "H1", chunk, 512) for chunk in (START, START + 640 * 100_000))
    np.testing.assert_allclose(one, other, atol=1e-9)
    assert np.std(one) == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("coherence_time", [30, 600, np.inf])
def test_one_line_in_two_ifos_is_two_lines(monkeypatch, coherence_time):
    monkeypatch.setattr(simulated, "_line_table", lambda ifo: [[20.3, coherence_time, 1.0]])
    # An amplitude that never changes is one draw a seed.
    kinds = [(seed, START + 64_000 * seed) for seed in range(200)]
    h1, l1, again = (
        np.concatenate([simulated.lines(seed, ifo, chunk, 64) for seed, chunk in kinds])
        for ifo in ("H1", "L1", "H1")
    )
    np.testing.assert_array_equal(h1, again)
    # At least 200 pairs of independent complex amplitudes.
    assert abs(np.mean(h1 * l1)) < 5 * np.std(h1) * np.std(l1) / np.sqrt(2 * 200)


@pytest.mark.parametrize("coherence_time", [30, 600, np.inf])
def test_lines_run_on_from_chunk_to_chunk(monkeypatch, coherence_time):
    monkeypatch.setattr(simulated, "_line_table", lambda ifo: [[20.3, coherence_time, 1.0]])
    line = np.concatenate([simulated.lines(1, "H1", START + 64 * i, 1024) for i in range(40)])
    # The second difference of a sinusoid is its value times the square of the phase step.
    step = 2 * np.pi * 20.3 / 1024
    assert np.abs(np.diff(line, 2)).max() < 1.05 * step**2 * np.abs(line).max()


def test_lines_above_nyquist_are_left_out():
    assert np.abs(np.fft.rfft(simulated.lines(1, "H1", START, 512)))[64 * 250 :].max() < 1e-22


# Gaps, failed bits, glitches


def test_gaps_are_nan_and_lose_every_bit():
    stretch = simulated.make(BUSY, 4, "L1", START, START + 400, 2048)
    nan = np.isnan(stretch.strain).reshape(-1, 2048)
    assert (nan.all(axis=1) == nan.any(axis=1)).all()
    np.testing.assert_array_equal(nan.any(axis=1), stretch.dq & 1 == 0)
    np.testing.assert_array_equal(stretch.dq & 1 == 0, stretch.dq == 0)
    assert nan.any() and not nan.all()


def runs(mask):
    return np.array([b - a for a, b in records.intervals(mask, 0)])


def test_gaps_come_at_their_rate_and_length():
    days = 200
    dq, injections = simulated.masks(QUIET | {"gaps_per_day": 3.0}, 1, "H1", START, START + days * 86400)
    lengths = runs(dq == 0)
    # Two of 600 gaps may touch and count as one; that is far inside the Poisson error.
    assert abs(len(lengths) - 3 * days) < 4 * np.sqrt(3 * days)
    assert lengths.min() >= 10
    assert lengths.mean() == pytest.approx(55, rel=4 * 0.5 / np.sqrt(600))
    assert set(np.unique(dq)) == {0, 127} and set(np.unique(injections)) == {23}


def test_failed_bits_come_at_their_rate_and_higher_categories_fail_too():
    days = 300
    settings = QUIET | {"failed_bits_per_day": 4.5}
    dq, injections = simulated.masks(settings, 1, "H1", START, START + days * 86400)
    expected = 4.5 * days / 9  # of each of nine kinds
    off = [runs(dq >> bit & 1 == 0) for bit in range(7)] + [
        runs(injections >> bit & 1 == 0) for bit in (0, 1, 2)
    ]
    kinds_that_reach_it = [0, 1, 2, 3, 1, 2, 3, 1, 1, 1]
    for lengths, kinds in zip(off, kinds_that_reach_it, strict=True):
        assert abs(len(lengths) - kinds * expected) <= 4 * np.sqrt(kinds * expected)
    for category in (1, 4):
        lower, middle, upper = (dq >> (category + i) & 1 for i in range(3))
        assert (lower >= middle).all() and (middle >= upper).all()
    assert (injections >> 3 & 3 == 0b10).all()  # NO_CW always off, NO_STOCH always on


def test_glitches_have_their_snr_and_rate():
    settings = QUIET | {"glitches_per_hour": 90.0, "glitch_snr": [20.0, 20.0]}
    calm, loud = (simulated.make(s, 6, "H1", START, START + 1280, RATE).strain for s in (QUIET, settings))
    glitches = loud - calm
    frequencies = np.fft.rfftfreq(len(glitches), 1 / RATE)
    band = (frequencies >= 20) & (frequencies <= 1600)
    spectrum = np.fft.rfft(glitches)[band] / RATE
    psd = simulated.true_psd(settings, "H1", frequencies[band])
    count = 4 * np.sum(np.abs(spectrum) ** 2 / psd) / 1280 / 20**2
    assert abs(count - 32) < 4 * np.sqrt(32)
    # Every one counts as one: a wrong SNR would give a number that is not whole.
    assert abs(count - round(count)) < 0.02 * np.sqrt(32)
    assert np.mean(glitches == 0) > 0.9


def test_glitches_run_on_from_chunk_to_chunk(monkeypatch):
    monkeypatch.setattr(simulated, "GLITCH_FREQUENCY", (30.0, 31.0))
    settings = QUIET | {"glitches_per_hour": 72000.0}
    calm, loud = (simulated.make(s, 6, "H1", START, START + 400, 2048).strain for s in (QUIET, settings))
    glitches = loud - calm
    # The second difference of a wave at 31 Hz is some 1 % of its value; a cut would be a step of its size.
    assert 0 < np.abs(np.diff(glitches, 2)).max() < 0.02 * np.abs(glitches).max()


# Source and refusals


def test_the_source_writes_one_file_and_the_same_bytes_again(tmp_path):
    where = ("H1", START, 64, RATE)
    path = SOURCES["simulated"](BUSY, 1, *where, tmp_path)[0]
    assert path == tmp_path / f"H-H1_GWSIM_4KHZ_R1-{START}-64.hdf5"
    first = hashlib.sha256(path.read_bytes()).hexdigest()
    code = (
        "import sys; from gwsim.strain.sources import SOURCES; "
        f"SOURCES['simulated']({BUSY!r}, 1, *{where!r}, sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "again"], check=True)
    again = tmp_path / "again" / path.name
    assert hashlib.sha256(again.read_bytes()).hexdigest() == first
    # What stands from other settings is not kept.
    SOURCES["simulated"](QUIET, 1, *where, tmp_path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() != first
    assert list(tmp_path.glob("*.part")) == []


def test_the_source_and_make_agree_through_a_record(tmp_path):
    paths = SOURCES["simulated"](BUSY, 1, "V1", START, 128, RATE, tmp_path)
    record = records.make_record("V1", START, 128, RATE, "simulated", paths)
    stretch = simulated.make(BUSY, 1, "V1", START, START + 128, RATE)
    read = records.read_strain(record, START + 5, START + 99)
    assert same_bits([read], [stretch.strain[5 * RATE : 99 * RATE]])
    assert record["finite"] == records.intervals(stretch.dq & 1, START) == record["bits"]["DATA"]
    assert record["bits"]["NO_CW_HW_INJ"] == []


@pytest.mark.parametrize(
    ("change", "ifo", "message"),
    [
        ({"psd": {"H1": "o3"}}, "L1", "no PSD for L1 in strain.psd, it has H1"),
        ({}, "K1", "no PSD model 'o3' for K1"),
        (
            {"psd": "aLIGOZeroDetHighPower", "lines": True},
            "K1",
            "no spectral lines for K1, only for H1, L1, V1",
        ),
        ({"psd": "nothing"}, "H1", "unknown PSD 'nothing'"),
    ],
)
def test_what_cannot_be_simulated_is_refused(change, ifo, message):
    with pytest.raises(GwsimError, match=message):
        simulated.make(QUIET | change, 1, ifo, START, START + 1, RATE)


@pytest.mark.parametrize(("start", "end"), [(0, 10), (START, START), (START, START - 5)])
def test_times_that_cannot_be_simulated_are_refused(start, end):
    with pytest.raises(GwsimError, match="expected 64 <= start < end"):
        simulated.make(QUIET, 1, "H1", start, end, RATE)
