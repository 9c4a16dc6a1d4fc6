"""The forms of glitches against closed laws: spectra, instantaneous frequencies, spacings, of each class.

Frequencies are read from the waveforms by Hilbert and Fourier transforms of scipy, with none of our formulae.
"""

import numpy as np
import pytest
import scipy.signal
from test_glitches import rows

from gwsim.waveforms import cbc, glitches
from gwsim.waveforms.glitches import processes, pulses
from gwsim.waveforms.glitches.stretch import Stretch, fall

RATE, SECONDS, AT = 8192, 16, 8.0
TIME = np.arange(SECONDS * RATE) / RATE - AT
F = np.fft.rfftfreq(SECONDS * RATE, 1 / RATE)


def made(name, **given):
    (row,) = rows(name, 1)
    return glitches.waveform(row | given, SECONDS, AT, RATE)


def power(wave):
    return np.abs(np.fft.rfft(wave)) ** 2


def instantaneous(wave):
    """Return the frequency of the analytic signal at each sample but the last, and its amplitude."""
    analytic = scipy.signal.hilbert(wave)
    steps = np.angle(analytic[1:] * analytic[:-1].conj())
    return steps * RATE / (2 * np.pi), np.abs(analytic[:-1])


def centroid(wave, low, high):
    """Return the mean frequency of the power between two times."""
    part = wave[(low <= TIME) & (high > TIME)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 8 * RATE)) ** 2
    return (np.fft.rfftfreq(8 * RATE, 1 / RATE) * spectrum).sum() / spectrum.sum()


@pytest.mark.parametrize(("name", "frequency", "sharpness"), [("Blip", 110, 0.9), ("Tomte", 20, 2.0)])
class TestShortPulses:
    def test_the_spectrum_is_log_normal_with_one_phase(self, name, frequency, sharpness):
        wave = made(name, frequency=frequency, sharpness=sharpness, phase=0.4, sign=-1)
        # Per hertz, its phase counted from the glitch's time.
        spectrum = np.fft.rfft(wave) * np.exp(2j * np.pi * F * AT)
        g = sharpness * ((frequency / 15.9) ** 1.6 if name == "Tomte" else 1)
        expected = -np.exp(-g / 2 * np.log(np.maximum(F, 1) / frequency) ** 2 + 0.4j)
        band = (F > 10) & (F < 1500)
        top = F.searchsorted(frequency)
        ratio = spectrum[top] / expected[top]
        np.testing.assert_allclose(ratio.imag / ratio.real, 0, atol=1e-3)
        assert ratio.real > 0
        np.testing.assert_allclose(spectrum[band] / ratio, expected[band], atol=3e-3)

    def test_no_phase_is_symmetric_in_time_and_half_pi_antisymmetric(self, name, frequency, sharpness):
        given = {"frequency": frequency, "sharpness": sharpness, "sign": 1}
        middle = int(AT * RATE)
        even, odd = (made(name, phase=phase, **given)[1:] for phase in (0.0, np.pi / 2))
        assert even.argmax() + 1 == middle
        np.testing.assert_allclose(even, even[::-1], atol=1e-3)
        np.testing.assert_allclose(odd, -odd[::-1], atol=1e-3)


def test_a_chirp_is_our_binary_with_its_merger_in_place():
    system = {"mass_1": 36.0, "mass_2": 29.0, "inclination": 0.4, "phase": 1.0}
    wave = made("Chirp", **system)
    entry = cbc.polarisations("SEOBNRv4_opt", system, RATE, -4.0, 4 * RATE + RATE // 4, 0.5)
    merger = int(AT * RATE)
    ours = wave[merger - 2 * RATE : merger + RATE // 4]
    theirs = entry.plus[2 * RATE :]  # of the same start, where its phase is counted from
    np.testing.assert_allclose(ours * np.abs(theirs).max(), theirs, atol=1e-6 * np.abs(theirs).max())
    f, amplitude = instantaneous(wave)
    assert abs(amplitude.argmax() - merger) < 0.004 * RATE
    assert 130 < f[merger - 8 : merger + 8].mean() < 250  # of 65 solar masses


def test_arches_follow_a_swinging_surface():
    """f = |2 N v / wavelength| of x = A sin(2 pi t / period), for each of N = 2 and 3."""
    wavelength, period, top = 1.064e-6, 6.0, 33.0
    amplitude = top * wavelength / (2 * 2) * period / (2 * np.pi)
    x = amplitude * np.sin(2 * np.pi * TIME / period)
    given = {"frequency": top, "period": period, "duration": 1.5, "order": 2, "decay": 0.7}
    lowest = made("Scattered_Light", count=1, **given)
    both = made("Scattered_Light", count=2, **given)
    for number, wave in ((2, lowest), (3, both - lowest)):
        f, loud = instantaneous(wave)
        seen = np.abs(TIME[:-1]) < 0.8
        expected = np.abs(2 * number * np.diff(x) * RATE / wavelength)
        np.testing.assert_allclose(f[seen], expected[seen], rtol=0.01)
        assert loud[seen].max() == pytest.approx(0.7 ** (number - 2), rel=0.02)


def test_a_whistle_is_the_beat_of_a_swinging_oscillator():
    given = {"frequency": 4000, "frequency_2": 150, "period": 2.0, "phase": 0.5, "duration": 1.0}
    wave = made("Whistle", **given)
    f, loud = instantaneous(wave)
    expected = np.abs(4000 * (np.sin(np.pi * TIME[:-1] + 0.5) - np.sin(0.5)))
    seen = (loud > 0.7) & (expected > 500) & (expected < 3000)
    assert seen.sum() > 0.1 * RATE
    np.testing.assert_allclose(np.median(np.abs(f[seen] - expected[seen])), 0, atol=10)
    # Both sides of the V at zero, which is silent itself.
    assert (
        seen[(TIME[:-1] < 0) & (TIME[:-1] > -0.2)].any() and seen[(TIME[:-1] > 0) & (TIME[:-1] < 0.2)].any()
    )
    assert loud[np.abs(TIME[:-1]) < 0.002].max() < 0.3


@pytest.mark.parametrize(("level", "level_2"), [(0.35, 0.1), (0.0, 0.2)])
def test_a_power_line_has_its_harmonics(level, level_2):
    wave = made("Power_Line", frequency=60.2, duration=0.3, level=level, level_2=level_2)
    amplitude = np.sqrt(power(wave))
    for k, expected in ((1, 1.0), (2, level), (3, level_2), (4, 0.0)):
        near = np.abs(F - k * 60.2) < 5
        # A Gaussian of duration tau / sqrt(k) has a spectrum as low as it is short.
        assert amplitude[near].max() / amplitude.max() * np.sqrt(k) == pytest.approx(expected, abs=2e-3)
        if expected:
            assert abs(F[near][amplitude[near].argmax()] - k * 60.2) < 0.2


class TestLines:
    def test_1080_lines_are_a_narrow_band_of_dots(self):
        wave = made("1080Lines", frequency=1090, bandwidth=8, duration=0.6)
        spectrum = power(wave)
        inside = np.abs(F - 1090) < 3 * 8
        assert spectrum[inside].sum() > 0.98 * spectrum.sum()
        mean = (F * spectrum).sum() / spectrum.sum()
        assert abs(mean - 1090) < 8
        width = np.sqrt(((F - mean) ** 2 * spectrum).sum() / spectrum.sum())
        assert 3 < width < 10
        _, loud = instantaneous(wave)
        assert 0.2 < loud[np.abs(TIME[:-1]) < 0.3].std() / loud[np.abs(TIME[:-1]) < 0.3].mean() < 1

    def test_ripples_ring_at_their_frequency(self):
        alone = made("1400Ripples", frequency=1500, duration=0.02, count=1)
        spectrum = power(alone)
        # exp(-(t / tau)^2) has the power exp(-2 (pi tau f)^2) about its frequency.
        near = np.abs(F - 1500) < 25
        expected = np.exp(-2 * (np.pi * 0.02 * (F[near] - 1500)) ** 2)
        np.testing.assert_allclose(spectrum[near] / spectrum.max(), expected, atol=0.01)
        three = made("1400Ripples", frequency=1500, duration=0.02, count=3)
        assert power(three).sum() > 1.3 * spectrum.sum()

    def test_an_air_compressor_drifts(self):
        f, _ = instantaneous(made("Air_Compressor", frequency=49, slope=50, duration=0.09))
        seen = np.abs(TIME[:-1]) < 0.05
        drift, middle = np.polyfit(TIME[:-1][seen], f[seen], 1)
        assert middle == pytest.approx(49, abs=0.5) and drift == pytest.approx(50, rel=0.1)

    @pytest.mark.parametrize("level", [0.0, 0.6])
    def test_low_frequency_lines_stand_where_they_are_told(self, level):
        given = {"frequency": 14.0, "frequency_2": 27.0, "duration": 1.0, "depth": 0.0}
        amplitude = np.sqrt(power(made("Low_Frequency_Lines", level=level, **given)))
        assert abs(F[amplitude.argmax()] - 14) < 0.1
        second = np.abs(F - 27) < 2
        assert amplitude[second].max() / amplitude.max() == pytest.approx(level, abs=0.01)

    def test_violin_modes_lie_in_pairs_about_the_modes(self):
        given = {"frequency": 505, "bandwidth": 28, "duration": 0.03, "decay": 1.0, "level": 0.0}
        wave = made("Violin_Mode", count=4, **given)
        spectrum = power(wave)
        for mode, published in zip((505, 1003, 1480, 1959), (500, 1000, 1500, 2000), strict=True):
            assert abs(mode - published) < 45
            lower, at, upper = (spectrum[np.abs(F - mode - shift) < 6].sum() for shift in (-28, 0, 28))
            assert min(lower, upper) > 5 * at
        inside = np.min([np.abs(F - mode) for mode in (505, 1003, 1480, 1959)], axis=0) < 60
        assert spectrum[inside].sum() > 0.999 * spectrum.sum()
        thumps = power(made("Violin_Mode", count=4, **(given | {"level": 0.5})))
        assert thumps[F < 250].sum() > 0.1 * thumps.sum()

    def test_a_wandering_line_wanders_little_and_is_switched(self):
        given = {
            "frequency": 700,
            "frequency_2": 12,
            "depth": 0.02,
            "spacing": 0.1,
            "decay": 0.5,
            "duration": 4,
        }
        wave = made("Wandering_Line", level=0.0, level_2=1e-6, count=1, **given)
        f, loud = instantaneous(wave)
        open_ = loud > 0.8
        assert 0.2 < open_[np.abs(TIME[:-1]) < 3].mean() < 0.9
        assert (loud[np.abs(TIME[:-1]) < 3] < 0.1).mean() > 0.05
        assert np.abs(np.log(f[open_] / 700)).max() < 0.15
        assert f[open_].std() > 3
        spectrum = power(made("Wandering_Line", level=0.5, level_2=1e-6, count=2, **given))
        second = spectrum[np.abs(F - 1400) < 200].sum() / spectrum[np.abs(F - 700) < 100].sum()
        assert second == pytest.approx(0.25, rel=0.1)


class TestSweeps:
    def test_doves_fall_and_rise_in_turn(self):
        given = {"period": 1.2, "duration": 0.25, "frequency": 15, "frequency_2": 110, "level": 0.0}
        wave = made("Paired_Doves", sign=1, **given)
        _, loud = instantaneous(wave)
        starts = []
        for k in range(-3, 4):
            near = np.abs(TIME[:-1] - 1.2 * k) < 0.5
            middle = (TIME[:-1] * loud**2)[near].sum() / (loud**2)[near].sum()
            early, late = (centroid(wave, middle - 0.15, middle), centroid(wave, middle, middle + 0.15))
            starts.append(np.sign(early - late))
        assert starts == [-1, 1, -1, 1, -1, 1, -1]
        np.testing.assert_allclose(made("Paired_Doves", sign=-1, **given)[:1000], wave[:1000], atol=0.1)

    def test_a_dove_falls_from_one_end_to_the_other(self):
        given = {"period": 1.4, "duration": 0.3, "frequency": 15, "frequency_2": 110, "level": 0.0, "sign": 1}
        f, _ = instantaneous(made("Paired_Doves", **given))
        at = int(AT * RATE)
        for x in (0.1, 0.3, 0.6):
            place = at + int(x * 0.3 * RATE)
            seen = f[place - 40 : place + 40].mean()
            assert seen == pytest.approx(15 + 95 * np.exp(-4 * x), rel=0.1)

    def test_humps_rise_over_the_lowest_frequency(self):
        given = {"frequency": 11, "depth": 12, "slope": -6, "duration": 0.6, "spacing": 0.7, "count": 1}
        f, _ = instantaneous(made("Low_Frequency_Burst", **given))
        # The unit's duration is drawn about the column's, its top stands at time zero.
        at = int(AT * RATE)
        assert f[at - 80 : at + 80].mean() == pytest.approx(23, rel=0.05)
        first = np.trapezoid(f[at - int(0.3 * RATE) : at + int(0.3 * RATE)], dx=1 / RATE) / 0.6
        assert 13 < first < 22

    def test_more_humps_stand_on_both_sides(self):
        given = {"frequency": 11, "depth": 10, "slope": 0, "duration": 0.3, "spacing": 0.8}
        wave = made("Low_Frequency_Burst", count=3, **given)
        loud = [(wave[np.abs(TIME - t) < 0.2] ** 2).sum() for t in (-1.6, -0.8, 0.0, 0.8, 1.6)]
        assert min(loud[1:4]) > 0.02 * loud[2] and max(loud[0], loud[4]) < 1e-3 * loud[2]

    @pytest.mark.parametrize("spacing", [0.04, 0.08])
    def test_scratches_have_nodes_at_their_pace_and_tops_at_their_frequency(self, spacing):
        wave = made("Scratchy", frequency=180, spacing=spacing, depth=0.02, duration=3.5)
        f, loud = instantaneous(wave)
        middle = np.abs(TIME[:-1]) < 3
        beats = np.abs(np.fft.rfft((loud**2)[middle] - (loud**2)[middle].mean())) ** 2
        pace = np.fft.rfftfreq(middle.sum(), 1 / RATE)
        band = (pace > 8) & (pace < 40)
        mean = (pace * beats)[band].sum() / beats[band].sum()
        assert mean == pytest.approx(1 / spacing, rel=0.2)
        assert np.median(np.abs(f[middle & (loud > np.quantile(loud[middle], 0.8))])) == pytest.approx(
            180, rel=0.1
        )


class TestTrains:
    def gaps(self, wave, least):
        _, loud = instantaneous(wave)
        tops, _ = scipy.signal.find_peaks(loud, height=0.1 * loud.max(), distance=int(least * RATE))
        return np.diff(tops) / RATE

    def test_blips_repeat_at_their_gap(self):
        given = {"frequency": 90, "sharpness": 1.0, "phase": 0.0, "spread": 0.05, "level": 0.7, "depth": 0.0}
        gaps = self.gaps(made("Repeating_Blips", spacing=0.25, **given), 0.1)
        assert len(gaps) > 55
        assert abs(gaps.mean() - 0.25) < 0.003 and 0.002 < gaps.std() < 0.0125
        wave = np.abs(made("Repeating_Blips", spacing=0.25, **given))
        assert abs(wave.argmax() - AT * RATE) < 0.01 * RATE

    def test_some_blips_are_missing(self):
        given = {
            "frequency": 90,
            "sharpness": 1.0,
            "phase": 0.0,
            "spread": 0.0,
            "level": 0.7,
            "spacing": 0.25,
        }
        assert len(self.gaps(made("Repeating_Blips", depth=0.5, **given), 0.1)) < 45

    def test_a_helix_winds(self):
        """Its strands leave each other between the frequencies where they cross."""
        row = {"frequency": 120, "sharpness": 0.6, "frequency_2": 90}
        f = np.arange(60.0, 400.0, 0.05)
        for side in (1, -1):
            phase = np.unwrap(np.angle(pulses._strand(row, side * 0.01, 0.3)(f)))
            delay = -np.gradient(phase, f) / (2 * np.pi)
            expected = side * 0.01 * (f / 150) ** -0.9 * np.sin(np.pi * np.log(f / 90))
            np.testing.assert_allclose(delay[2:-2], expected[2:-2], atol=1e-5)

    def test_helices_repeat_irregularly(self):
        gaps = self.gaps(made("Helix", spacing=0.3, spread=0.4, duration=0.008), 0.06)
        assert 0.2 < gaps.mean() < 0.5 and gaps.std() > 0.06


class TestLoud:
    def test_two_triangles_have_the_spectrum_of_two_triangles(self):
        rate = 2**18
        t = np.arange(-rate // 8, rate // 8) / rate
        corners = [0.0, 1.0, 0.0, -0.6, 0.0]
        times = np.array([-1.0, 0.0, 1.5, 3.8, 8.8]) * 1.3e-3
        spectrum = np.fft.rfft(np.fft.ifftshift(np.interp(t, times, corners))) / rate
        f = np.fft.rfftfreq(len(t), 1 / rate)
        band = (f > 8) & (f < 2000)
        expected = pulses._triangles(1.3)(f[band])
        np.testing.assert_allclose(spectrum[band], expected, atol=1e-3 * np.abs(expected).max())

    def test_an_extremely_loud_glitch_is_wide_and_has_a_body(self):
        given = {
            "frequency": 45,
            "frequency_2": 15,
            "spacing": 1.0,
            "duration": 0.15,
            "depth": 0.1,
            "level_2": 0.01,
        }
        bare, wave = (made("Extremely_Loud", level=level, **given) for level in (1e-9, 0.1))
        spectrum = power(bare)
        assert spectrum[F > 500].sum() > 0.003 * spectrum.sum()
        body = wave - bare
        away = (np.abs(TIME) > 0.1) & (np.abs(TIME) < 0.6)
        assert centroid(np.where(away, body, 0), -0.6, 0.6) == pytest.approx(45, rel=0.2)
        assert (body[away] ** 2).sum() > 0.05 * (body**2).sum()

    def test_a_koi_fish_has_a_belly_and_fins(self):
        given = {
            "frequency": 40,
            "sharpness": 1.0,
            "phase": 0.0,
            "sign": 1,
            "frequency_2": 22,
            "duration": 0.1,
        }
        plain = made("Koi_Fish", level=1e-9, level_2=1e-9, **given)
        fins = made("Koi_Fish", level=1e-9, level_2=0.2, **given) - plain
        belly = made("Koi_Fish", level=0.3, level_2=1e-9, **given) - plain
        assert F[power(fins).argmax()] == pytest.approx(1.7 * 22, abs=2)
        assert 0.2 < np.abs(fins).max() < 0.6
        # Whitened, a pulse of strain at 22 Hz is seen above.
        assert 22 < F[power(belly).argmax()] < 45
        expected = np.exp(-0.5 * np.log(np.maximum(F, 1) / 40) ** 2)
        asd = np.sqrt(processes.psds.model_psd("o3", "L1", F))
        band = (F > 10) & (F < 1500)
        shape = (expected / asd)[band]
        np.testing.assert_allclose(
            np.sqrt(power(plain)[band]) / np.sqrt(power(plain)[band].max()), shape / shape.max(), atol=0.01
        )

    def test_light_modulation_puts_its_spikes_before_the_low_frequencies(self):
        given = {
            "frequency": 120,
            "frequency_2": 15,
            "sharpness": 1.0,
            "duration": 0.1,
            "level": 0.06,
            "count": 1,
        }
        wave = made("Light_Modulation", **given)
        low, high = (
            scipy.signal.sosfiltfilt(scipy.signal.butter(6, *band, fs=RATE, output="sos"), wave) ** 2
            for band in ((24, "low"), (80, "high"))
        )
        times = [(TIME * part).sum() / part.sum() for part in (high, low)]
        assert abs(times[0]) < 0.05 and times[1] > times[0] + 0.1


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_each_mixture_is_short_and_its_own(kind):
    waves = [made("None_of_the_Above", kind=k, frequency=50, spacing=0.05, duration=0.1) for k in range(4)]
    wave = waves[kind]
    assert (wave[np.abs(TIME) < 0.5] ** 2).sum() > 0.999 * (wave**2).sum()
    for other in waves[:kind]:
        overlap = np.abs((wave * other).sum()) / np.sqrt((wave**2).sum() * (other**2).sum())
        assert overlap < 0.6


class TestProcesses:
    def test_a_walk_has_unit_variance_and_its_time_scale(self):
        t = np.linspace(-30, 30, 20001)
        walks = np.array([processes.wander(np.random.default_rng(k), 0.5, -30, 30)(t) for k in range(40)])
        assert walks.var() == pytest.approx(1, abs=0.03) and abs(walks.mean()) < 0.03
        lag = round(0.5 / (t[1] - t[0]))
        # Of cubic B-splines some knots apart, from their convolution: 2416, 1191 and 120 over 5040.
        for knots, expected in ((1, 1191 / 2416), (2, 120 / 2416), (4, 0.0)):
            assert (walks[:, knots * lag :] * walks[:, : -knots * lag]).mean() == pytest.approx(
                expected, abs=0.03
            )

    def test_phase_is_the_integral_of_frequency_from_zero(self):
        t = np.arange(-2000, 3000) / 1000 + 0.0003
        np.testing.assert_allclose(processes.turns(5 + 2 * t, t), 2 * np.pi * (5 * t + t**2), atol=1e-3)

    def test_a_train_has_its_gaps_on_both_sides(self):
        times = np.sort(processes.train(lambda n: np.full(n, 0.7), 200))
        np.testing.assert_allclose(times, 0.7 * np.arange(-91, 92))

    def test_parts_of_a_stretch_are_cut_at_its_ends(self):
        stretch = Stretch(4, 1.0, 4096)
        stretch.add(-5, 5, np.ones_like)
        stretch.pulses(processes.log_normal(50, 1.0), [-10.0, 0.0, 2.99, 10.0])
        assert stretch.values.shape == (4 * 4096,)
        alone = Stretch(4, 1.0, 4096)
        alone.add(-5, 5, np.ones_like)
        alone.pulses(processes.log_normal(50, 1.0), [0.0, 2.99])
        np.testing.assert_array_equal(stretch.values, alone.values)

    def test_nothing_is_audible_at_nyquist_and_all_far_below(self):
        stretch = Stretch(4, 1.0, 4096)
        np.testing.assert_array_equal(stretch.audible(np.array([10, 1500, -1500])), 1)
        np.testing.assert_allclose(stretch.audible(np.array([1844, 5000])), 0, atol=1e-6)
        assert fall(0.5, 0, 1) == pytest.approx(0.5)
