"""Rescaled compact binaries against LAL itself, and the laws of a system that knows only its mass ratio."""

import lal
import lalsimulation
import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from gwsim.errors import GwsimError
from gwsim.strain.psds import model_psd
from gwsim.waveforms import cbc_scaled, post_newtonian

RATE, START, SAMPLES = 4096, -2.0, 2 * 4096 + 410
MERGER = 2 * RATE
APPROXIMANTS = ("SpinTaylorT4", "SEOBNRv4_opt")


def systems(mass_1=12.0, mass_2=5.0, inclination=0.7, phase=0.3):
    columns = np.broadcast_arrays(*np.atleast_1d(mass_1, mass_2, inclination, phase))
    return dict(zip(cbc_scaled.COLUMNS, columns, strict=True))


def made(approximant, start=START, samples=SAMPLES, rate=RATE, **options):
    names = ("fade_in", "taper", "dtype")
    asked = {name: options.pop(name) for name in names if name in options}
    return cbc_scaled.polarisations(approximant, systems(**options), rate, start, samples, **asked)[0]


def lal_wave(approximant, mass_1, mass_2, rate, first, inclination=0.0, phase=0.0):
    number = lalsimulation.GetApproximantFromString(approximant)
    series = lalsimulation.SimInspiralChooseTDWaveform(
        mass_1 * lal.MSUN_SI, mass_2 * lal.MSUN_SI, *[0.0] * 6, 1.0, inclination, phase, *[0.0] * 3,
        1 / rate, first, 0.0, None, number,
    )  # fmt: skip
    return 100 * np.stack([one.data.data for one in series])


def lal_orbit(mass_1, mass_2, rate, first):
    """LAL's v and orbital phase of SpinTaylorT4."""
    series = lalsimulation.SimInspiralSpinTaylorPNEvolveOrbit(
        1 / rate, mass_1 * lal.MSUN_SI, mass_2 * lal.MSUN_SI, first,
        *[0.0] * 9, 1.0, 1.0, *[0.0] * 4, 1.0, 1.0, -1, -1, -1, 0, lalsimulation.SpinTaylorT4,
    )  # fmt: skip
    return [one.data.data for one in series if hasattr(one, "data")][:2]


def mismatch(one, other):
    """After a maximum over time and phase, under the O3 model of L1, the worse of plus and cross."""
    frequencies = np.fft.rfftfreq(8 * RATE, 1 / RATE)
    inside = (frequencies >= 20) & (frequencies <= 1600)
    weight = np.where(inside, 1 / model_psd("o3", "L1", frequencies), 0)
    # So slow a fade that a change of phase is the same at all times.
    ramp = np.ones(one.shape[1])
    ramp[: RATE // 2] = np.sin(np.linspace(0, np.pi / 2, RATE // 2)) ** 2
    a, b = (np.fft.rfft(wave * ramp, 8 * RATE) * np.sqrt(weight) for wave in (one, other))
    product = np.zeros((2, 64 * RATE), complex)
    product[:, : len(frequencies)] = a.conj() * b
    norm = np.sqrt((np.abs(a) ** 2).sum(1) * (np.abs(b) ** 2).sum(1))
    return (1 - np.abs(np.fft.fft(product)).max(1) / norm).max()


# Masses at the ends of the paper's ranges, and one inside; LAL runs on for up to a few of the last samples.
@pytest.mark.parametrize("masses", [(1.0, 1.0), (2.0, 1.3), (1.2, 20.0), (35.0, 1.0), (5.0, 2.0)])
def test_taylor_is_lals_sample_by_sample(masses):
    first = 45.0
    speed, phase = lal_orbit(*masses, RATE, first)
    total = sum(masses) * lal.MTSUN_SI
    eta = masses[0] * masses[1] / sum(masses) ** 2
    # From eight samples before its end, LAL again, fine enough to say when it passes the least energy.
    fine, turned = lal_orbit(*masses, 2**21, speed[-8] ** 3 / np.pi / total)
    index = np.arange(len(fine))
    ended = CubicSpline(fine[-200:], index[-200:])(post_newtonian.last_speed(eta))
    turn = phase[-8] + CubicSpline(index, turned)(ended)
    wave = lal_wave("SpinTaylorT4", *masses, RATE, first, 1.1, 0.4)[:, -RATE:]
    begin = -(RATE - 8) / RATE - ended / 2**21
    asked = {"mass_1": masses[0], "mass_2": masses[1], "inclination": 1.1, "phase": 0.4 + turn}
    ours = made("SpinTaylorT4", start=begin, samples=RATE, taper=False, **asked)
    kept = begin + np.arange(RATE) / RATE <= 0
    assert kept.sum() > RATE - 4
    # Ten times what was measured: LAL's integrator, and the carrier's float32.
    assert np.abs(ours - wave)[:, kept].max() < 2e-5 * np.abs(wave).max()


@pytest.mark.parametrize("masses", [(30.0, 30.0), (80.0, 5.0), (6.0, 11.0)])
def test_eob_matches_lal(masses):
    begin = np.hypot(*lal_wave("SEOBNRv4_opt", *masses, RATE, 12.0)).argmax() - MERGER
    wave = lal_wave("SEOBNRv4_opt", *masses, RATE, 12.0, 0.7)[:, begin : begin + SAMPLES]
    wave = np.pad(wave, ((0, 0), (0, SAMPLES - wave.shape[1])))
    ours = made("SEOBNRv4_opt", mass_1=masses[0], mass_2=masses[1])
    assert mismatch(wave, ours) < 1e-4
    assert np.linalg.norm(ours) == pytest.approx(np.linalg.norm(wave), rel=5e-3)


def test_a_mismatch_sees_another_system():
    assert mismatch(made("SEOBNRv4_opt"), made("SEOBNRv4_opt", mass_2=5.2)) > 1e-2


@pytest.mark.parametrize("eta", [0.25, 0.1, 0.0271])
def test_taylor_ends_where_lal_does(eta):
    difference = np.sqrt(1 - 4 * eta)
    speed, _ = lal_orbit(5 + 5 * difference, 5 - 5 * difference, 2**18, 150.0)
    # A step of LAL's integrator beyond, at most.
    assert post_newtonian.last_speed(eta) == pytest.approx(speed[-1], rel=4e-3)


@pytest.mark.parametrize("masses", [(3.0, 1.5), (1.5, 3.0)])
def test_harmonics_are_lals(masses):
    total, eta = sum(masses), masses[0] * masses[1] / sum(masses) ** 2
    speed, phase = lal_orbit(*masses, RATE, 200.0)
    plus, cross = post_newtonian.harmonics(eta, (masses[0] - masses[1]) / total, 0.7)
    harmonic, power = np.arange(6)[:, None], np.arange(4)[:, None]
    scale = 2 * eta * speed**2 * total * lal.MRSUN_SI * 100
    expected = lal_wave("SpinTaylorT4", *masses, RATE, 200.0, 0.7)
    for table, wave, expected_wave in zip((plus, cross), (np.cos, np.sin), expected, strict=True):
        ours = scale * ((table @ speed**power) * wave(harmonic * phase)).sum(0)
        assert np.abs(ours - expected_wave).max() < 1e-8 * np.abs(expected_wave).max()


@pytest.mark.parametrize("approximant", APPROXIMANTS)
def test_twice_the_mass_takes_twice_the_time(approximant):
    one = made(approximant)
    other = made(approximant, start=2 * START, rate=RATE // 2, mass_1=24.0, mass_2=10.0)
    np.testing.assert_allclose(other, 2 * one, atol=1e-9 * np.abs(one).max())


@pytest.mark.parametrize("approximant", APPROXIMANTS)
def test_rates_agree_where_they_meet(approximant):
    fine = made(approximant, rate=4 * RATE, samples=4 * SAMPLES)
    np.testing.assert_allclose(fine[:, ::4], made(approximant), atol=1e-5 * np.abs(fine).max())


def test_bodies_change_places_by_half_an_orbit():
    one = made("SpinTaylorT4")
    other = made("SpinTaylorT4", mass_1=5.0, mass_2=12.0, phase=0.3 + np.pi)
    np.testing.assert_allclose(other, one, atol=1e-5 * np.abs(one).max())
    assert np.abs(made("SpinTaylorT4", phase=0.3 + np.pi) - one).max() > 0.01 * np.abs(one).max()


@pytest.mark.parametrize("approximant", APPROXIMANTS)
def test_merger_is_the_greatest_amplitude_at_time_zero(approximant):
    face_on = made(approximant, inclination=0.0, phase=0.0, taper=False)
    assert np.hypot(*face_on).argmax() == MERGER
    assert face_on[0, MERGER] < 0
    assert abs(face_on[1, MERGER]) < 1e-5 * -face_on[0, MERGER]


def test_taylor_is_silent_after_the_merger_and_tapers_its_last_cycle():
    abrupt, tapered = made("SpinTaylorT4", taper=False), made("SpinTaylorT4")
    assert not abrupt[:, MERGER + 1 :].any()
    assert abrupt[0, MERGER] != 0
    np.testing.assert_allclose(tapered[:, MERGER], 0, atol=1e-12 * np.abs(abrupt).max())
    changed = np.flatnonzero((abrupt != tapered).any(0))
    # v of 0.468 at the end: a cycle of the wave is pi / v^3 in total mass, and somewhat longer before.
    cycle = np.pi / 0.468**3 * 17 * lal.MTSUN_SI * RATE
    assert MERGER - changed[0] == pytest.approx(cycle, rel=0.3)


def test_fade_in_is_of_the_first_seconds_only():
    plain, faded = made("SpinTaylorT4"), made("SpinTaylorT4", fade_in=0.25)
    assert not faded[:, 0].any()
    np.testing.assert_allclose(faded[:, 512], plain[:, 512] / 2)
    np.testing.assert_array_equal(faded[:, 1024:], plain[:, 1024:])


@pytest.mark.parametrize("approximant", APPROXIMANTS)
def test_a_batch_is_its_systems(approximant):
    table = systems([12.0, 40.0, 7.0], [5.0, 30.0, 6.5], [0.1, 2.0, 1.0], [0.0, 3.0, 6.0])
    together = cbc_scaled.polarisations(approximant, table, RATE, START, SAMPLES, dtype="float32")
    assert together.dtype == np.float32
    for i, one in enumerate(together):
        alone = made(approximant, **{name: column[i] for name, column in table.items()})
        np.testing.assert_allclose(one, alone, atol=1e-5 * np.abs(alone).max())


@pytest.mark.parametrize("start, samples", [(0.5, 100), (-0.01, 10), (-0.01, 5000), (-3.0, 1)])
def test_entries_of_any_place_are_parts_of_one(start, samples):
    whole = made("SEOBNRv4_opt", start=-4.0, samples=8 * RATE)
    begin = round((start + 4) * RATE)
    shift = (begin / RATE - 4) - start
    part = made("SEOBNRv4_opt", start=start + shift, samples=samples)
    np.testing.assert_allclose(part, whole[:, begin : begin + samples], atol=1e-5 * np.abs(whole).max())


def test_an_unknown_approximant_names_the_nearest():
    with pytest.raises(GwsimError, match=r"'SpinTaylorT5'.*Hint: SpinTaylorT4 is nearest"):
        made("SpinTaylorT5")


def test_all_that_a_bank_lacks_is_named_at_once():
    table = systems([5.0, 90.0, -1.0], [5.0, 5.0, 5.0]) | {"spin_1z": np.array([0, 0, 0.1])}
    with pytest.raises(GwsimError) as caught:
        cbc_scaled.polarisations("SEOBNRv4_opt", table, RATE, -60.0, SAMPLES)
    for told in (
        "spin_1z is not zero",
        "mass -1 of",
        "mass ratio 18 of masses 90 and 5",
        "length in s",
        "60",
    ):
        assert told in str(caught.value)
