"""Q-scans against GWpy, stretch by stretch, and scipy's splines; laws of tiles; views; what is refused."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.interpolate
import torch
from gwpy.segments import Segment
from gwpy.signal.filter_design import fir_from_transfer
from gwpy.signal.qtransform import QTiling
from gwpy.timeseries import TimeSeries

from gwsim import qscan
from gwsim.errors import GwsimError
from gwsim.qscan import splines, whitening
from gwsim.strain import readers

# Of energies cut at 25.5, or of the loudest energy where that is more: GWpy rounds energies to single
# precision (3e-8), and beside the loudest splines are sums of such. Our own single precision loses 5e-8.
TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-4}
OF_LOUDEST = {torch.float32: 5e-8, torch.float64: 3e-8}
# GWpy rounds energies to float32; planes nearer than this can change places.
NEAR = 1e-3
FILES = (
    "gwosc/H-H1_LOSC_4_V2-1126259446-32.hdf5",
    "gwosc/L-L1_LOSC_4_V2-1126259446-32.hdf5",
    "gwosc/H-H1_LOSC_4_V2-1128678884-32.hdf5",
    "gwosc/L-L1_LOSC_4_V2-1128678884-32.hdf5",
    "gwosc/H-H1_LOSC_4_V2-1135136334-32.hdf5",
    "gwosc/L-L1_LOSC_4_V2-1135136334-32.hdf5",
    "gwf/L-L1_GWOSC_16KHZ_R1-1240215487-32.gwf",
)
EVENT = 1126259462.4  # GW150914


def real(path):
    """A file's strain and its rate."""
    kind = readers.reader(path)
    about = kind.describe(path)
    return kind.read(path, about["start"], about["start"] + about["duration"]), about["sample_rate"]


def burst(times, at, frequency, q, drift=0.0):
    """A sine-Gaussian of unit amplitude, its frequency drifting (Hz/s)."""
    t = times - at
    width = q / (2**0.5 * np.pi * frequency)
    return np.exp(-((t / width) ** 2)) * np.sin(2 * np.pi * (frequency * t + drift * t**2 / 2) + 0.3)


def coloured(rng, seconds, rate):
    """Noise over a steep wall, a line and a burst, near strain's size, and where the burst is."""
    size = seconds * rate
    f = np.fft.rfftfreq(size, 1 / rate)
    shape = 1 + (60 / np.maximum(f, 5)) ** 4 + f / 400
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * shape)
    times = np.arange(size) / rate
    edge = 2.2 if seconds > 5 else 1.2
    at = rng.uniform(edge, seconds - edge)
    frequency, q = np.exp(rng.uniform(np.log([20, 4]), np.log([0.3 * rate * 0.9, 60])))
    strong = np.exp(rng.uniform(0, 6))
    noise += strong * burst(times, at + rng.uniform(-0.2, 0.2), frequency, q, rng.uniform(-100, 100))
    return 1e-23 * (noise + 30 * np.sin(2 * np.pi * 60 * times)), at


def gwpy_scan(whitened, rate, at, f_range, norm):
    """GWpy's transform of the plane that is loudest near an instant, and the loudest energies of all planes.

    The planes are weighed by plain NumPy on GWpy's windows, its objects for every row being slow.
    """
    spectrum = TimeSeries(whitened, sample_rate=rate).fft().value
    seconds, (start, end) = len(whitened) / rate, (at - 0.25, at + 0.25)
    planes = list(QTiling(seconds, rate, frange=f_range, qrange=(4, 64)))
    peaks = [
        max(plain_row(spectrum, tile, start / seconds, end / seconds, norm).max() for tile in plane)
        for plane in planes
    ]
    best = planes[np.argmax(peaks)].transform(spectrum, norm=norm, epoch=0, search=Segment(start, end))
    assert best.peak["energy"] == pytest.approx(max(peaks), rel=1e-6)
    return best, np.sort(peaks)


def plain_row(spectrum, tile, start, end, norm):
    """A row's energies between two parts of the block."""
    windowed = np.pad(spectrum[tile.get_data_indices()] * tile.get_window(), tile.padding)
    energy = np.abs(np.fft.ifft(np.fft.ifftshift(windowed))) ** 2
    part = slice(int(start * len(energy)), int(end * len(energy)))
    return energy[part] / {"median": np.median, "mean": np.mean}[norm](energy)


class Differences:
    """What a hundred stretches showed: differences of clipped energies, pixels of another grey."""

    def __init__(self):
        self.worst, self.other, self.pixels, self.steps, self.near = 0.0, 0, 0, 0, 0

    def add(self, ours, theirs, tolerance=1.0):
        ours, theirs = (np.clip(image, 0, qscan.CLIP) for image in (ours, theirs))
        self.worst = max(self.worst, np.abs(ours - theirs).max() / tolerance)
        steps = np.abs(np.round(10 * ours) - np.round(10 * theirs))
        self.steps = max(self.steps, steps.max())
        self.other += np.count_nonzero(steps)
        self.pixels += steps.size


def stretches(shared_data):
    """A hundred random stretches, half of real strain: strain, rate, instant, and the duration shown."""
    rng = np.random.default_rng(6)
    files = [real(shared_data / "strain" / name) for name in FILES]
    for number in range(100):
        duration = qscan.DURATIONS[number // 4 % 4]
        seconds = 4 if duration < 2 else (8, 10, 6)[number % 3]
        if number % 2:
            strain, at = coloured(rng, seconds, 8192)
            yield strain, 8192, at, duration
        else:
            strain, rate = files[number // 2 % len(files)]
            first = rng.integers(len(strain) - seconds * rate)
            at = seconds / 2 + rng.uniform(-1, 1) * (seconds - 0.01 - duration) / 2
            yield strain[first : first + seconds * rate], rate, at, duration


def gwpy_whitened(strain, rate):
    """GWpy's whitened strain, and what is certain of it: the rounding of what cancels in its convolution."""
    series = TimeSeries(strain, sample_rate=rate)
    asd = series.asd(2, 1, window="hann")
    taps = fir_from_transfer(1 / asd.interpolate(rate / len(strain)).value, ntaps=2 * rate)
    summed = np.abs(strain).max() * np.abs(taps).sum() * (2 / rate) ** 0.5
    return series.whiten(asd=asd).value, np.finfo(float).eps * summed


@pytest.fixture(scope="module")
def compared(shared_data):
    """Every stretch by both: single or double precision, median or mean, one of the durations, by turns."""
    transforms, found, faults = {}, {kind: Differences() for kind in TOLERANCE}, []
    whitened_worst, q_seen = 0.0, set()
    for number, (strain, rate, at, duration) in enumerate(stretches(shared_data)):
        dtype, norm = list(TOLERANCE)[number // 2 % 2], ("median", "mean")[number // 3 % 2]
        high = min(2048, int(qscan.highest_frequency(rate)))
        key = len(strain), rate, dtype
        if key not in transforms:
            transforms[key] = qscan.QTransform(len(strain) / rate, rate, f_range=(10, high), dtype=dtype)
        theirs, certain = gwpy_whitened(strain, rate)
        ours = qscan.whiten(torch.from_numpy(strain)[None], rate)
        whitened_worst = max(whitened_worst, np.abs(ours[0].numpy() - theirs).max() / certain)
        scan = transforms[key].scan(ours, [at], norm == "mean")
        best, order = gwpy_scan(theirs, rate, at, (10, high), norm)
        if order[-1] < order[-2] * (1 + NEAR):
            found[dtype].near += 1
            continue
        q_seen.add(int(scan.plane))
        if float(scan.q) != best.plane.q or abs(float(scan.energy) / best.peak["energy"] - 1) > 1e-4:
            faults.append((number, float(scan.q), best.plane.q, float(scan.energy), best.peak))
        at_peak = float(scan.time), float(scan.frequency)
        if np.abs(np.subtract(at_peak, (best.peak["time"], best.peak["frequency"]))).max() > 1e-9:
            faults.append((number, at_peak, best.peak))
        image = best.interpolate(tres=0.002, fres=8.0, outseg=Segment(at - duration / 2, at + duration / 2))
        times = at - duration / 2 + 0.002 * np.arange(len(image)) - at
        ours = scan.image(image.frequencies.value, times)[0].numpy()
        tolerance = max(TOLERANCE[dtype], OF_LOUDEST[dtype] * best.peak["energy"])
        found[dtype].add(ours.T, image.value, tolerance)
    return found, faults, whitened_worst, q_seen


def test_whitening_is_gwpys(compared):
    """By Fourier transforms of other lengths, to a few times the rounding of the sums."""
    assert compared[2] < 3


@pytest.mark.parametrize("seconds", [2, 3, 7, 40])
def test_simulated_strain_is_whitened_as_by_gwpy(seconds):
    """One segment and many, an even number and an odd one; one convolution and pieces of it."""
    strain = 1e-23 * np.random.default_rng(seconds).standard_normal((2, seconds * 4096)).cumsum(-1)
    ours = qscan.whiten(torch.from_numpy(strain), 4096).numpy()
    for mine, values in zip(ours, strain, strict=True):
        theirs, certain = gwpy_whitened(values, 4096)
        assert certain < 1e-10 and np.abs(mine - theirs).max() < max(1e-12, certain)
        assert np.std(theirs) > 0.3


def test_the_best_plane_and_its_loudest_tile_are_gwpys(compared):
    found, faults, _, q_seen = compared
    assert faults == []
    assert q_seen == {0, 1, 2, 3} and sum(one.near for one in found.values()) < 5


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_energies_are_gwpys(compared, dtype):
    """Pixels whose energy lies at the border of two greys may take the other one."""
    found = compared[0][dtype]
    assert found.worst < 1
    assert found.steps <= 1 and found.other < 1e-5 * found.pixels
    assert found.pixels > 4e6


def test_the_comparison_can_fail():
    """By a row, by a tile, by a grey."""
    found, image = Differences(), np.random.default_rng(0).exponential(size=(50, 60))
    found.add(image, np.roll(image, 1, axis=0))
    assert found.worst > 1 and found.steps > 1 and found.other > 0.5 * found.pixels


@pytest.mark.parametrize("norm", ["median", "mean"])
def test_one_call_of_gwpy_is_ours(norm):
    """The whole chain, by its front door, at the length that Gravity Spy has."""
    strain, at = coloured(np.random.default_rng(8), 64, 8192)
    theirs = TimeSeries(strain, sample_rate=8192).q_transform(
        qrange=(4, 64), frange=(10, 2048), gps=at, tres=0.002, outseg=(at - 1, at + 1), norm=norm
    )
    scan = qscan.QTransform(64, 8192).scan(
        qscan.whiten(torch.from_numpy(strain)[None], 8192), [at], norm == "mean"
    )
    ours = scan.image(theirs.frequencies.value, theirs.times.value - at)[0].numpy().T
    assert float(scan.q) == theirs.q
    assert np.abs(np.clip(ours, 0, 25.5) - np.clip(theirs.value, 0, 25.5)).max() < 1e-3


def test_views_are_splines_through_gwpys_rows():
    """GWpy's tiles, scipy's splines at every point, cut, averaged by fours, ten times, rounded."""
    strain, at = coloured(np.random.default_rng(9), 8, 8192)
    whitened = qscan.whiten(torch.from_numpy(strain)[None], 8192)
    best, _ = gwpy_scan(whitened[0].numpy(), 8192, at, (10, 2048), "mean")
    views = qscan.four(qscan.QTransform(8, 8192).scan(whitened, [at], mean=True))[0].numpy()
    frequencies = np.exp(np.log(10.93) + np.log(1916 / 10.93) * (np.arange(448) + 0.5) / 448)
    frequencies = np.clip(frequencies, *best.plane.frequencies[[0, -1]])
    for view, duration in zip(views, (0.5, 1, 2, 4), strict=True):
        times = at + duration * 0.81205 * ((np.arange(448) + 0.5) / 448 - 0.5)
        rows = [
            scipy.interpolate.InterpolatedUnivariateSpline(np.arange(len(e)) * e.dx.value, e.value)(times)
            for e in best.energies
        ]
        fine = scipy.interpolate.RectBivariateSpline(best.plane.frequencies, times, rows)(frequencies, times)
        expected = 10 * np.clip(fine, 0, 25.5).reshape(224, 2, 224, 2).mean((1, 3))
        # The numbers above have four digits: half a thousandth of the range, at steep places a few greys.
        assert np.mean(np.abs(view - expected)) < 0.3 and np.percentile(np.abs(view - expected), 99) < 1.0
        assert np.mean(np.abs(np.roll(view, 1, 1) - expected)) > 0.5
        assert np.mean(np.abs(np.roll(view, 1, 0) - expected)) > 0.5


# Laws


def test_white_noise_has_unit_energy_in_every_row():
    """Each row's mean over blocks is one within five of its errors: tiles are exponential and overlap."""
    transform = qscan.QTransform(8, 4096, f_range=(10, 1290), dtype=torch.float64)
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal((40, 8 * 4096)))
    for group in transform.groups:
        energy = torch.cat([group.energies(transform._spectrum(block[None])) for block in noise])
        energy = energy / group.expected[:, None]
        blocks = energy.mean(-1)
        error = blocks.std(0) / len(blocks) ** 0.5
        assert ((energy.mean((0, 2)) - 1).abs() < 5 * error).all()
        assert (error < 0.12).all() and (energy.flatten().var() - 1).abs() < 0.3


def test_a_bursts_peak_tile_snr_is_near_its_optimal_one_and_never_over():
    """No template has more than the optimal SNR, the root of the sum of squares in unit noise.

    Tiles lie so close that a fifth of the energy is lost at most; the window, no Gaussian, takes more.
    """
    rng, times = np.random.default_rng(2), np.arange(8 * 8192) / 8192
    transform, shares = qscan.QTransform(8, 8192, dtype=torch.float64), []
    for _ in range(60):
        frequency, q = np.exp(rng.uniform(np.log([25, 5]), np.log([900, 45])))
        at = rng.uniform(3, 5)
        waveform = rng.uniform(0.1, 50) * burst(times, at, frequency, q)
        energy, time, peak, _ = (x.item() for x in transform.loudest(torch.from_numpy(waveform)[None], [at]))
        shares.append(2 * energy / np.sum(waveform**2))
        assert abs(time - at) < 0.5 * q / frequency and abs(peak / frequency - 1) < 2 / q
    assert max(shares) < 1.0001 and min(shares) > 0.75 and np.mean(shares) > 0.88


def test_energy_is_the_square_of_the_amplitude():
    waveform = torch.from_numpy(burst(np.arange(8 * 8192) / 8192, 4.1, 120, 9))[None]
    transform = qscan.QTransform(8, 8192)
    one, two = (list(transform.loudest(scale * waveform, [4.1], search=None)) for scale in (1.0, 1024.0))
    assert float(two[0]) == pytest.approx(2**20 * float(one[0]), rel=1e-6)
    assert [float(x) for x in one[1:]] == [float(x) for x in two[1:]]


def some(count=5, seconds=8, rate=8192):
    """Whitened blocks of different kinds, and their instants."""
    rng = np.random.default_rng(3)
    made = [coloured(rng, seconds, rate) for _ in range(count)]
    return qscan.whiten(torch.tensor(np.array([one[0] for one in made])), rate), [one[1] for one in made]


def test_a_batch_is_its_items_bit_for_bit():
    whitened, at = some(8)
    transform = qscan.QTransform(8, 8192)
    mean = [place % 2 == 0 for place in range(8)]
    scans = transform.scan(whitened, at, torch.tensor(mean))
    assert len(set(scans.plane.tolist())) > 1 and len(scans) == 8
    views = qscan.four(scans)
    for place in range(8):
        alone = transform.scan(whitened[place : place + 1], at[place : place + 1], mean[place])
        assert alone.energy == scans.energy[place] and alone.time == scans.time[place]
        assert torch.equal(qscan.four(alone)[0], views[place])
    assert not torch.equal(qscan.four(transform.scan(whitened, at, False))[0], views[0])


def test_many_at_once_are_one_by_one():
    """What a GPU does, here: items together, to rounding."""
    whitened, at = some(6)
    mean = torch.tensor([True, False, False, True, False, True])
    one, many = (qscan.QTransform(8, 8192, dtype=torch.float64) for _ in range(2))
    many.at_once = 4
    alone, together = (transform.scan(whitened, at, mean) for transform in (one, many))
    for name in ("q", "time", "frequency", "plane"):
        assert torch.equal(getattr(alone, name), getattr(together, name))
    torch.testing.assert_close(together.energy, alone.energy, rtol=1e-9, atol=0)
    axes = np.geomspace(9, 2200, 70), np.linspace(-1.9, 1.9, 400)
    torch.testing.assert_close(together.image(*axes), alone.image(*axes), rtol=1e-7, atol=1e-7)
    for a, b in zip(one.loudest(whitened, at), many.loudest(whitened, at), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=0)


def test_only_what_is_near_the_instant_chooses_the_plane():
    times = np.arange(8 * 8192) / 8192
    noise = np.random.default_rng(4).standard_normal(len(times))
    strain = noise + 3 * burst(times, 4.0, 100, 8) + 9 * burst(times, 4.5, 300, 45)
    whitened, transform = torch.from_numpy(strain)[None], qscan.QTransform(8, 8192)
    near, far = (transform.scan(whitened, [at]) for at in (4.0, 4.5))
    wide = transform.scan(whitened, [4.0], search=1.2)
    assert float(near.q) < 12 and abs(float(near.frequency) - 100) < 20 and abs(float(near.time) - 4) < 0.05
    assert float(far.q) > 40 and abs(float(far.time) - 4.5) < 0.05
    assert float(wide.q) == float(far.q) and float(wide.energy) == float(far.energy)


def test_the_searched_tiles_are_gwpys():
    """By GWpy's own cropping, for instants at any place among the tiles."""
    transform = qscan.QTransform(8, 8192)
    for at in np.random.default_rng(10).uniform(0.3, 7.7, 20):
        for group in transform.groups:
            tiles = TimeSeries(np.arange(group.tiles), t0=0, dt=8 / group.tiles)
            expected = tiles.crop(at - 0.25, at + 0.25).value
            start, end = transform._window(group, torch.tensor([at], dtype=torch.float64), 0.5)
            assert (int(start), int(end) - 1) == (expected[0], expected[-1])


def test_a_tile_tells_its_own_time():
    """An impulse in silence is loudest in the highest row's very tile, at whichever sample it stands."""
    transform = qscan.QTransform(8, 8192)
    for sample in (30000, 32768, 40001):
        impulse = torch.zeros(1, 8 * 8192)
        impulse[0, sample] = 1.0
        found = transform.loudest(impulse, sample / 8192)
        step = 8 / max(group.tiles for group in transform.groups)
        assert abs(float(found.time) - sample / 8192) <= step / 2 + 1e-9 and found.plane == 0


def test_images_reach_as_far_as_the_scan_was_told():
    whitened, _ = some(1)
    transform = qscan.QTransform(8, 8192)
    for at in np.random.default_rng(11).uniform(2.1, 5.9, 20):
        reach = at % 0.7 + 0.3
        image = transform.scan(whitened, [at], reach=reach).image([50.0, 500.0], [-reach, 0.0, reach])
        assert image.isfinite().all()


def test_of_equal_planes_the_lower_q_counts():
    """Silence: every tile is as loud as every other."""
    found = qscan.QTransform(8, 8192).loudest(torch.zeros(2, 8 * 8192), 4.0)
    assert found.plane.tolist() == [0, 0] and found.energy.tolist() == [0, 0]


# Splines


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("size", "points"), [(32, 300), (700, 300), (9000, 40)])
def test_splines_along_time_are_scipys_up_to_the_ends(dtype, size, points):
    """Rows short and long (a full matrix, and picked samples), steep at their end."""
    rng = np.random.default_rng(5)
    rows = rng.exponential(size=(2, 3, size)) + np.linspace(0, 9, size) ** 3
    places = np.sort(rng.uniform(0, size - 1, (2, points)))
    places[:, [0, -1]] = 0, size - 1
    taps = splines.TAPS[dtype]
    padded = splines.continued(torch.tensor(rows, dtype=dtype), taps)
    got = splines.along(padded, torch.from_numpy(places + taps)).numpy()
    for item in range(2):
        expected = scipy.interpolate.CubicSpline(np.arange(size), rows[item], axis=-1)(places[item])
        assert np.abs(got[item] - expected).max() < {torch.float32: 1e-3, torch.float64: 1e-9}[dtype]


@pytest.mark.parametrize(("at", "low", "high"), [(1.0, -1.0, 1.5), (7.0, -1.5, 0.99)])
def test_images_reach_to_the_blocks_ends(at, low, high):
    """Around an instant near an end the image is that around one further in; beyond the end there is none."""
    whitened, _ = some(1)
    transform = qscan.QTransform(8, 8192, dtype=torch.float64)
    further = at + (0.9 if at < 4 else -0.9)
    near, inner = transform.scan(whitened, [at]), transform.scan(whitened, [further], reach=2.5)
    inner.plane[:] = near.plane
    frequencies, times = np.geomspace(12, 1800, 50), np.linspace(low, high, 77)
    one, two = near.image(frequencies, times), inner.image(frequencies, times + at - further)
    torch.testing.assert_close(one, two, rtol=1e-8, atol=1e-8)
    with pytest.raises(GwsimError, match="no image at such times: they lie beyond the block"):
        near.image(frequencies, [-1.2, 1.2])
    with pytest.raises(GwsimError, match="or beyond the reach of the scan"):
        transform.scan(whitened, [4.0], reach=0.5).image(frequencies, [0.0, 0.9])


def test_frequencies_beyond_the_rows_are_those_of_the_nearest():
    whitened, at = some(1)
    scan = qscan.QTransform(8, 8192).scan(whitened, at)
    rows = scan.transform.planes[int(scan.plane)].frequencies
    image = scan.image([1.0, rows[0], rows[-1], 3000.0], [0.0, 0.1])[0]
    torch.testing.assert_close(image[0], image[1])
    torch.testing.assert_close(image[3], image[2])


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1001])
def test_medians_are_numpys(size):
    values = np.random.default_rng(size).exponential(size=(3, 4, size))
    for median in (whitening.middle, whitening.parted, whitening.selected):
        np.testing.assert_array_equal(median(torch.from_numpy(values)).numpy(), np.median(values, axis=-1))


# Views


def test_a_burst_stands_where_the_axes_say():
    """At the instant it is in the middle, or a tenth of a second to the right of it."""
    times = np.arange(16 * 8192) / 8192
    noise = np.random.default_rng(7).standard_normal((2, len(times)))
    strain = torch.from_numpy(noise + 20 * burst(times, 8.0, 200, 20))
    views = qscan.four(qscan.QTransform(16, 8192).scan(strain, [8.0, 7.9])).numpy().astype(int)
    frequencies, parts = qscan.axes(224)
    assert views.shape == (2, 4, 224, 224)
    for item, offset in ((0, 0.0), (1, 0.1)):
        for view, duration in zip(views[item], qscan.DURATIONS, strict=True):
            bright = np.argwhere(view == 255)
            row, column = bright.mean(0)
            assert abs(np.interp(row, np.arange(224), frequencies) / 200 - 1) < 0.03
            assert abs(np.interp(column, np.arange(224), parts) * duration - offset) < 0.003 * duration


def test_energy_is_cut_before_it_is_averaged():
    """Of four points of 100, 0, 0 and 0 a picture of cut energies shows a quarter of 25.5."""

    class Points(qscan.Scans):
        def __init__(self):
            self.at = torch.zeros(1, dtype=torch.float64)

        def image(self, frequencies, times):
            image = torch.zeros(1, len(frequencies), len(times))
            image[:, ::2, ::2] = 100.0
            image[:, 1::2, 1::2] = -3.0
            return image

    views = qscan.four(Points(), size=8)
    assert views.shape == (1, 4, 8, 8) and views.unique().tolist() == [round(255 / 4)]


def test_a_merged_view_is_a_picture():
    views = torch.arange(4, dtype=torch.uint8)[None, :, None, None].repeat(2, 1, 3, 3)
    views[:, :, 2] += 10  # the highest frequency
    merged = qscan.merge(views)
    assert merged.shape == (2, 6, 6)
    assert merged[0, :, 0].tolist() == [10, 0, 0, 12, 2, 2]
    assert merged[0, :, 5].tolist() == [11, 1, 1, 13, 3, 3]
    assert qscan.merge(views, ((0, 2), (1, 3)))[0, :, 0].tolist() == [10, 0, 0, 11, 1, 1]
    assert qscan.merge(views, ((3, 2, 1, 0),))[1, 0].tolist() == [13] * 3 + [12] * 3 + [11] * 3 + [10] * 3
    for order in (((0, 1), (2, 2)), ((0, 1, 2), (3,)), ((0, 1),)):
        with pytest.raises(GwsimError, match="expected a table that names each of 4 views once"):
            qscan.merge(views, order)


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 4096}, r"f_range up to 2048 Hz: at 4096 Hz the windows of Q 5.657 end at 1291.1 Hz"),
        ({"q_range": (2, 64)}, r"range of Q \(2, 64\): expected 3.32 < low <= high"),
        ({"q_range": (64, 4)}, r"range of Q \(64, 4\)"),
        ({"f_range": (0, 2048)}, r"f_range \(0, 2048\): expected 0 < low < high, and high at most 2582.1 Hz"),
        ({"seconds": 1}, r"a block of 1 s: too short for Q 45.25 at 10 Hz, expected 1.4 s or more"),
        ({"rate": 2048, "seconds": 0.5}, r"end at 645.5 Hz.*; a block of 0.5 s: too short"),
        ({"mismatch": 0.75}, r"mismatch 0.75: at .* fewer than its window's \d+ bins; expected"),
    ],
)
def test_transforms_that_cannot_be_are_refused(options, message):
    with pytest.raises(GwsimError, match=message):
        qscan.QTransform(**({"seconds": 8, "rate": 8192} | options))


def test_frequencies_are_lowered_only_if_told():
    """Each plane's windows may end just below the Nyquist frequency: narrow ones begin higher up."""
    for plane in qscan.QTransform(8, 4096, truncate=True).planes:
        top = min(2048 / (1 + 11**0.5 / plane.q), 2048.0)
        assert top / 1.1 < plane.frequencies[-1] < top


def test_strain_that_cannot_be_whitened_is_refused():
    strain = torch.randn(12, 4 * 1024, dtype=torch.float64)
    strain[3, 5], strain[7, 9] = torch.nan, torch.inf
    with pytest.raises(GwsimError, match=r"strain that is not finite: blocks 3, 7 of 12"):
        qscan.whiten(strain, 1024)
    with pytest.raises(GwsimError, match=r"without power at some frequency: blocks 1"):
        qscan.whiten(strain[:2] * torch.tensor([[1.0], [0.0]]), 1024)
    with pytest.raises(GwsimError, match=r"cannot whiten 1 s of strain: expected 2 s or more"):
        qscan.whiten(strain[:2, :1024], 1024)


def test_blocks_and_instants_that_do_not_fit_are_refused():
    transform = qscan.QTransform(8, 8192)
    with pytest.raises(GwsimError, match="blocks of 8192 samples: expected 65536, 8 s at 8192 Hz"):
        transform.scan(torch.zeros(1, 8192), [0.5])
    with pytest.raises(GwsimError, match="instants outside their blocks of 8 s: 9 s of block 1 and 1 more"):
        transform.scan(torch.zeros(3, 65536), [4.0, 9.0, -1.0])


def test_inputs_are_left_as_they_were():
    strain = torch.from_numpy(coloured(np.random.default_rng(1), 8, 8192)[0])[None]
    kept = strain.clone()
    whitened = qscan.whiten(strain, 8192)
    before = whitened.clone()
    qscan.four(qscan.QTransform(8, 8192, dtype=torch.float64).scan(whitened, [4.0]))
    assert torch.equal(strain, kept) and torch.equal(whitened, before)


MEMORY = """
import torch
from gwsim import qscan
def peak():
    return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) / 1024
torch.set_num_threads(1)
transform = qscan.QTransform(64, 8192)
strain = torch.randn({items}, 64 * 8192, dtype=torch.float64)
torch.fft.ifft(torch.zeros(4, 64, dtype=torch.complex64))
before = peak()
qscan.four(transform.scan(qscan.whiten(strain[:1], 8192), [32.0]))
one = peak()
for item in strain:
    views = qscan.four(transform.scan(qscan.whiten(item[None], 8192), [32.0]))
print(one - before, peak() - one)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
def test_a_minute_takes_less_than_300_mib():
    run = subprocess.run(
        [sys.executable, "-c", MEMORY.format(items=6)], capture_output=True, text=True, check=True
    )
    first, later = map(float, run.stdout.split())
    assert first < 300 and later < 60


def test_gw150914_is_where_it_was(shared_data):
    """Seen first at Livingston, 7 ms before Hanford, and loudest in the plane of the lowest Q."""
    times = []
    for name in FILES[:2]:
        strain, rate = real(shared_data / "strain" / name)
        transform = qscan.QTransform(32, rate, truncate=True)
        scan = transform.scan(qscan.whiten(torch.from_numpy(strain)[None], rate), EVENT - 1126259446)
        assert scan.q.item() == pytest.approx(5.657, abs=1e-3) and 50 < float(scan.frequency) < 250
        assert 8 < (2 * float(scan.energy)) ** 0.5 < 25
        fine = scan.image(np.array([200.0]), np.arange(-0.1, 0.1, 1e-4))[0, 0]
        times.append(EVENT - 0.1 + 1e-4 * int(fine.argmax()))
    assert 0.003 < times[0] - times[1] < 0.011
