"""Compact binaries against pycbc.waveform.get_td_waveform: values, times, tapers, and what is refused.

PyCBC is asked for the waveform that begins at the entry's f_low with the same reference frequency. SEOBNRv4
comes from LAL at 16384 Hz: its numbers depend on the step that it is asked for, by 1e-3 of the peak.
"""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from gwsim import seeds
from gwsim.errors import GwsimError
from gwsim.waveforms import cbc

RATE, START, SAMPLES, TAPER = 4096, -2.5, 12288, 0.25
MERGER = round(-START * RATE)
MPC = 3.0856775814913673e24  # cm


def system(mass_1, mass_2, inclination=0.7, phase=0.4, **spins):
    return {"mass_1": mass_1, "mass_2": mass_2, "inclination": inclination, "phase": phase} | spins


def entry(approximant, parameters, rate=RATE, start=START, samples=SAMPLES, **options):
    options = {"taper": TAPER} | options
    return cbc.polarisations(approximant, parameters, rate, start, samples, **options)


def random_systems(count, seed, lightest, heaviest, spin=0.0, plane=0.0):
    generator = np.random.default_rng(seed)
    for _ in range(count):
        masses = sorted(generator.uniform(lightest, heaviest), reverse=True)
        spins = generator.uniform(-1, 1, 6) * [plane, plane, spin, plane, plane, spin]
        names = ("spin_1x", "spin_1y", "spin_1z", "spin_2x", "spin_2y", "spin_2z")
        drawn = dict(zip(names, map(float, spins), strict=True)) if spin or plane else {}
        angles = float(np.arccos(generator.uniform(-1, 1))), float(generator.uniform(0, 6.28))
        yield system(*map(float, masses), *angles, **drawn)


def pycbc(approximant, parameters, f_low, rate, distance=1.0):
    """Return D h+ and D hx in cm, and where the time zero of LAL lies, in samples."""
    from pycbc.waveform import get_td_waveform

    spins = {name.replace("_", ""): value for name, value in parameters.items() if name.startswith("spin")}
    series = get_td_waveform(
        approximant=approximant,
        mass1=parameters["mass_1"],
        mass2=parameters["mass_2"],
        inclination=parameters["inclination"],
        coa_phase=parameters["phase"],
        distance=distance,
        delta_t=1 / rate,
        f_lower=f_low,
        f_ref=cbc.reference_frequency(parameters),
        **spins,
    )
    strain = np.stack([one.numpy() for one in series]) * MPC * distance
    return strain, -float(series[0].start_time) * rate


def shifted(strain, places):
    """Return a series (pair, time) that begins at a place between its samples: exact for what is periodic."""
    size = 1 << (strain.shape[1] + 4096).bit_length()
    turned = np.exp(2j * np.pi * np.arange(size // 2 + 1) * places / size)
    return np.fft.irfft(np.fft.rfft(strain, size) * turned, size)


def aligned(strain, first, stride, ours):
    """Return the offset from the place `first` that fits best, in fine samples, and the difference there.

    Compared from the taper's end on, over the peak; the reference fades in before, so that it has no step.
    """
    faded = strain * np.clip(np.arange(strain.shape[1]) / (0.1 * cbc.FINEST), 0, 1)
    inner = slice(round(TAPER * RATE), None)
    whole = int(first)

    def difference(offset):
        moved = shifted(faded, first - whole + offset)[:, whole::stride]
        moved = np.pad(moved, ((0, 0), (0, max(SAMPLES - moved.shape[1], 0))))[:, :SAMPLES]
        return np.abs(moved - ours)[:, inner].max() / np.abs(ours).max()

    found = minimize_scalar(difference, bounds=(-2, 2), method="bounded", options={"xatol": 1e-9})
    return found.x, found.fun


def h22_peak(approximant, parameters, f_low):
    """Return where |h22| is greatest, in samples of the finest rate: face-on, in steps eight times finer."""
    strain, _ = pycbc(approximant, parameters | {"inclination": 0.0}, f_low, 8 * cbc.FINEST)
    return np.hypot(*strain).argmax() / 8


EOB = [
    *(("SEOBNRv4_opt", one) for one in random_systems(3, 1, (5, 5), (80, 80))),
    *(("SEOBNRv4_opt", one) for one in random_systems(2, 2, (5, 5), (80, 80), spin=0.8)),
    ("SEOBNRv4_opt", system(5.0, 5.0)),
    ("SEOBNRv4_opt", system(80.0, 80.0, inclination=np.pi / 2)),
    ("SEOBNRv4", system(36.0, 29.0)),
]


@pytest.mark.parametrize(("approximant", "parameters"), EOB)
def test_seobnrv4_is_pycbc_with_its_peak_on_the_merger_sample(approximant, parameters):
    """To 3e-6 of the peak; the merger within 0.1 of a sample of the peak in steps 32 times finer."""
    made = entry(approximant, parameters)
    strain, _ = pycbc(approximant, parameters, made.f_low, cbc.FINEST)
    peak, stride = h22_peak(approximant, parameters, made.f_low), cbc.FINEST // RATE
    offset, difference = aligned(strain, peak + START * cbc.FINEST, stride, np.stack([made.plus, made.cross]))
    assert difference < 3e-6
    assert abs(offset) / stride < 0.1


@pytest.mark.parametrize("approximant", ["IMRPhenomT", "IMRPhenomTPHM"])
def test_any_other_approximant_stands_on_lals_time_zero(approximant):
    parameters = system(40.0, 30.0, **({"spin_1x": 0.4} if approximant.endswith("PHM") else {}))
    made = entry(approximant, parameters)
    strain, zero = pycbc(approximant, parameters, made.f_low, cbc.FINEST)
    ours = np.stack([made.plus, made.cross])
    offset, difference = aligned(strain, zero + START * cbc.FINEST, cbc.FINEST // RATE, ours)
    # The ring-down of IMRPhenomTPHM ends in a small step.
    assert difference < 5e-5 and abs(offset) < 1e-2


TAYLOR = [
    *random_systems(3, 3, (1, 1), (2, 2)),
    *random_systems(3, 4, (5, 1), (35, 2)),
    *random_systems(2, 5, (5, 1), (35, 2), spin=0.5, plane=0.5),
]


@pytest.mark.parametrize("rate", [2048, 4096, 16384])
@pytest.mark.parametrize("parameters", TAYLOR)
def test_spintaylort4_is_pycbc_sample_by_sample(parameters, rate):
    made = entry("SpinTaylorT4", parameters, rate, samples=3 * rate, end_cycles=0.0)
    strain, zero = pycbc("SpinTaylorT4", parameters, made.f_low, rate)
    merger, whole = round(-START * rate), round(TAPER * rate)
    assert round(zero) == strain.shape[1] - 1 and abs(zero - round(zero)) < 1e-4
    theirs = strain[:, -(merger + 1 - whole) :]
    ours = np.stack([made.plus, made.cross])
    np.testing.assert_allclose(ours[:, whole : merger + 1], theirs, rtol=0, atol=1e-10 * np.abs(theirs).max())
    assert not ours[:, merger + 1 :].any()


def test_the_comparison_sees_a_late_merger_and_another_system():
    parameters = system(36.0, 29.0)
    made = entry("SEOBNRv4_opt", parameters)
    ours = np.stack([made.plus, made.cross])
    strain, _ = pycbc("SEOBNRv4_opt", parameters, made.f_low, cbc.FINEST)
    first = h22_peak("SEOBNRv4_opt", parameters, made.f_low) + START * cbc.FINEST
    offset, difference = aligned(strain, first, 4, ours * 1.00001)
    assert 5e-6 < difference < 2e-5
    offset, difference = aligned(strain, first + 1, 4, ours)
    assert 0.8 < abs(offset) < 1.2
    other, _ = pycbc("SEOBNRv4_opt", parameters | {"phase": 0.401}, made.f_low, cbc.FINEST)
    assert aligned(other, first, 4, ours)[1] > 1e-4


@pytest.mark.parametrize("parameters", [TAYLOR[0], TAYLOR[4], TAYLOR[-1]])
def test_spintaylort4_does_not_know_how_early_its_entry_begins(parameters):
    """The reference frequency holds its phase and spins: to the tolerance of LAL's integrator."""
    long, short = (
        entry("SpinTaylorT4", parameters, start=start, samples=5 * RATE) for start in (-4.25, -1.5)
    )
    skip = round((4.25 - 1.5) * RATE)
    inner = slice(round(TAPER * RATE), round(1.5 * RATE) + 1)
    for one, other in zip(long[:2], short[:2], strict=True):
        assert np.abs(one[skip:][inner] - other[inner]).max() < 1e-5 * np.abs(other).max()


def test_seobnrv4_does_not_know_how_early_its_entry_begins_but_for_its_phase():
    """Rotated by one phase, to what LAL's own steps leave: 4e-3 of the peak is 0.02 of a sample."""
    parameters = system(36.0, 29.0, inclination=0.0)
    waves = []
    for start in (-4.25, -1.5):
        made = entry("SEOBNRv4_opt", parameters, start=start, samples=5 * RATE)
        merger = round(-start * RATE)
        waves.append((made.plus - 1j * made.cross)[merger - RATE : merger + 400])
    one, other = waves
    turned = one * np.exp(1j * np.angle(np.vdot(one, other)))
    assert np.abs(turned - other).max() < 1e-2 * np.abs(other).max()


def test_an_entry_is_distance_times_strain():
    parameters = system(36.0, 29.0)
    made = entry("SpinTaylorT4", parameters, end_cycles=0.0)
    near, far = (pycbc("SpinTaylorT4", parameters, made.f_low, RATE, distance)[0] for distance in (1, 40))
    np.testing.assert_allclose(near, far, rtol=1e-12)
    assert made.plus[MERGER] == pytest.approx(far[0, -1], rel=1e-12)
    # Half the peak of h22 of equal masses is about 0.39 G M / c^2 sqrt(5 / 4 pi) / 2, face-on.
    face_on = entry("SEOBNRv4_opt", system(30.0, 30.0, inclination=0.0))
    length = 60 * 1.4766250385e5
    assert np.hypot(*face_on[:2]).max() == pytest.approx(0.39 * np.sqrt(5 / (4 * np.pi)) * length, rel=0.03)


@pytest.mark.parametrize("rate", [1024, 2048, 16384])
def test_seobnrv4_is_the_same_at_every_rate(rate):
    """What stands on two grids is one number: LAL is always asked at 16384 Hz."""
    parameters = system(12.0, 7.0)
    one, other = (entry("SEOBNRv4_opt", parameters, each, samples=3 * each) for each in (RATE, rate))
    shared = min(RATE, rate)
    for ours, theirs in zip(one[:2], other[:2], strict=True):
        ours, theirs = ours[:: RATE // shared], theirs[:: rate // shared]
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * np.abs(ours).max())


@pytest.mark.parametrize("approximant", ["SEOBNRv4_opt", "SpinTaylorT4"])
def test_the_start_comes_in_over_the_taper(approximant):
    parameters = system(10.0, 9.0)
    bare, made = entry(approximant, parameters, taper=0.0), entry(approximant, parameters)
    time = np.arange(round(TAPER * RATE)) / RATE
    ramp = np.sin(np.pi * time / (2 * TAPER)) ** 2
    np.testing.assert_allclose(made.plus[: len(time)], bare.plus[: len(time)] * ramp, rtol=1e-12)
    np.testing.assert_array_equal(made.plus[len(time) :], bare.plus[len(time) :])
    assert made.plus[0] == 0 and np.abs(bare.plus[:20]).max() > 0.1 * np.abs(bare.plus).max() / 2


@pytest.mark.parametrize("parameters", TAYLOR)
@pytest.mark.parametrize("cycles", [0.5, 1.0])
def test_the_end_fades_within_its_cycles(parameters, cycles):
    """Counted on the phase of the bare waveform, at a rate that resolves it; harmonics allow a tenth."""
    rate = 16384
    bare, made = (
        entry("SpinTaylorT4", parameters | {"inclination": 0.0}, rate, samples=3 * rate, end_cycles=each)
        for each in (0.0, cycles)
    )
    merger = round(-START * rate)
    changed = np.flatnonzero(bare.plus != made.plus)
    assert changed[-1] == merger and np.all(np.diff(changed) == 1)
    wave = (bare.plus - 1j * bare.cross)[: merger + 1]
    turned = np.abs(np.diff(np.unwrap(np.angle(wave)))[changed[0] - 1 :].sum()) / (2 * np.pi)
    assert 0.5 * cycles < turned < 1.1 * cycles
    weight = made.plus[changed] / bare.plus[changed]
    assert np.all(np.diff(weight) < 0) and weight[0] < 1 and weight[-1] < 0.2


def test_an_approximant_that_rings_down_is_not_faded():
    parameters = system(36.0, 29.0)
    one, other = (entry("SEOBNRv4_opt", parameters, end_cycles=cycles) for cycles in (0.0, 1.0))
    np.testing.assert_array_equal(one.plus, other.plus)
    assert np.abs(one.plus[-100:]).max() == 0


@pytest.mark.parametrize(
    ("approximant", "parameters"),
    [
        ("SEOBNRv4_opt", system(80.0, 80.0)),
        ("SEOBNRv4_opt", system(50.0, 40.0, spin_1z=0.9, spin_2z=0.9)),
        ("SpinTaylorT4", system(35.0, 1.0)),
        ("SpinTaylorT4", system(1.0, 1.0)),
        ("SpinTaylorT4", system(10.0, 1.4, spin_1x=0.5, spin_1z=0.3)),
    ],
)
def test_f_start_is_where_the_taper_ends(approximant, parameters):
    """A waveform of PyCBC that begins at f_start lasts from the taper's end to the merger."""
    made = entry(approximant, parameters, start=-4.25, samples=5 * RATE)
    _, zero = pycbc(approximant, parameters, made.f_start, cbc.FINEST)
    lasts = zero / cbc.FINEST
    # The frequency goes as time^(-3/8): 0.1 % of it is 0.27 % of the time.
    assert lasts == pytest.approx(4.25 - TAPER, rel=2.7e-3)
    assert made.f_low < made.f_start
    assert cbc.frequency(parameters, 4.25 - TAPER, made.lapse) == pytest.approx(made.f_start, rel=1e-12)
    assert cbc.frequency(parameters, 4.25 - TAPER) == pytest.approx(made.f_start, rel=0.04)


def test_frequencies_of_many_are_those_of_each():
    rng, size = seeds.generator("test", "frequencies"), 200
    heavy, spins = rng.uniform(1, 80, size), rng.uniform(-0.9, 0.9, (2, size))
    systems = {
        "mass_1": heavy,
        "mass_2": heavy * rng.uniform(0.05, 1, size),
        "spin_1z": np.where(np.arange(size) % 2, spins[0], 0),
        "spin_2z": np.where(np.arange(size) % 2, spins[1], 0),
    }
    # From the plunge itself to long before it.
    seconds, lapse = 10 ** rng.uniform(-3, 2, size), rng.uniform(-0.1, 0.1, size)
    seconds[:5] = 0, -1, 1e-6, 1e3, 0.01
    each = [dict(zip(systems, row, strict=True)) for row in zip(*systems.values(), strict=True)]
    expected = [cbc.frequency(*one) for one in zip(each, seconds, lapse, strict=True)]
    np.testing.assert_allclose(cbc.frequencies(systems, seconds, lapse), expected, rtol=2e-4)
    # Far from the plunge the grids alone differ.
    early = np.array(expected) < 0.5 * cbc.isco_frequency(systems)
    assert early.sum() > 100
    found = cbc.frequencies(systems, seconds, lapse)[early]
    np.testing.assert_allclose(found, np.array(expected)[early], rtol=3e-5)


@pytest.mark.parametrize("approximant", ["SEOBNRv4_opt", "SpinTaylorT4"])
@pytest.mark.parametrize("start", [-8.0, -0.5, -0.25])
def test_windows_of_any_length_begin_at_full_amplitude(approximant, start):
    """Heavy systems in short windows begin at the highest frequency that LAL allows, and are cut."""
    made = entry(approximant, system(80.0, 79.0), start=start, samples=round((0.5 - start) * RATE), taper=0.0)
    assert np.hypot(made.plus, made.cross)[0] > 0.02 * np.hypot(made.plus, made.cross).max()
    assert made.f_low <= cbc.reference_frequency(system(80.0, 79.0))


def test_lals_refusal_is_told_with_its_cause_and_nothing_is_printed(capfd):
    refused = []
    for _ in range(2):
        with pytest.raises(
            cbc.Refused, match=r"SEOBNRv4_opt: Ringdown frequency > Nyquist .*mass_1 0.5"
        ) as caught:
            entry("SEOBNRv4_opt", system(0.5, 0.4))
        refused.append(str(caught.value))
    assert refused[0] == refused[1]
    with pytest.raises(cbc.Refused, match="spin"):
        entry("SEOBNRv4_opt", system(30.0, 20.0, spin_1x=0.5))
    # LAL would make this one.
    with pytest.raises(cbc.Refused, match=r"body 2 has a spin of 1\.27, above 1"):
        entry("SpinTaylorT4", system(10.0, 1.4, spin_2x=0.9, spin_2y=0.9))
    assert capfd.readouterr() == ("", "")


GRID = (RATE, -4.25, 5 * RATE)
PAPER = {"mass_1": (5, 80), "mass_2": (5, 80)}


def test_the_papers_ranges_pass():
    cbc.check("SEOBNRv4", PAPER, *GRID)
    cbc.check("SEOBNRv4_opt", PAPER | {"spin_1z": (-0.9, 0.9), "spin_2z": (-0.9, 0.9)}, *GRID)
    cbc.check("SpinTaylorT4", {"mass_1": (5, 35), "mass_2": (1, 2), "spin_1x": (-0.5, 0.5)}, *GRID)
    cbc.check("SpinTaylorT4", {"mass_1": (1, 2), "mass_2": (1, 2)}, *GRID)
    cbc.check("SEOBNRv4", PAPER, RATE, -0.25, RATE, taper=0.125)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("SEOBNRv4opt", "SEOBNRv4_opt"),
        ("spintaylort4", "SpinTaylorT4"),
        ("SEOBNRV4", "SEOBNRv4"),
        ("IMRPhenomXPMH", "IMRPhenomXPHM"),
    ],
)
def test_an_unknown_approximant_is_answered_with_the_nearest(written, meant):
    with pytest.raises(GwsimError, match=rf"{written}: unknown approximant, the nearest .* is {meant}$"):
        cbc.check(written, PAPER, *GRID)


@pytest.mark.parametrize(
    ("approximant", "ranges", "grid", "options", "message"),
    [
        ("SEOBNRv4", {"mass_1": (5, 600), "mass_2": (5, 80)}, GRID, {}, "ratio of 120, expected at most 100"),
        (
            "SEOBNRv4",
            {"mass_1": (0, 80), "mass_2": (80, 5)},
            GRID,
            {},
            "mass_1 from 0, .*mass_2 from 80 to 5",
        ),
        (
            "SEOBNRv4",
            PAPER | {"spin_1z": (-1.2, 0.9)},
            GRID,
            {},
            "spin_1z from -1.2 to 0.9, expected spins within",
        ),
        (
            "SEOBNRv4_opt",
            PAPER | {"spin_2y": (0, 0.1)},
            GRID,
            {},
            "spin_2y from 0 to 0.1, expected 0: no precession",
        ),
        ("SEOBNRv4", PAPER, (3000, -4.25, 20480), {}, "sample_rate 3000"),
        ("SEOBNRv4", PAPER, (4096, -4.2, 20480), {}, "start -4.2 s, expected a whole number"),
        ("SEOBNRv4", PAPER, (4096, -4.25, 16384), {}, "expected the merger among them"),
        ("SEOBNRv4", PAPER, (4096, 0.25, 16384), {}, "expected the merger among them"),
        ("SEOBNRv4", PAPER, GRID, {"taper": 4.5}, "taper of 4.5 s, expected it shorter than the 4.25 s"),
        (
            "SEOBNRv4",
            PAPER,
            (4096, -0.25, 4096),
            {"taper": 0.1875},
            "160 solar masses would begin 0.0625 s before merger, above the 27.48 Hz",
        ),
    ],
)
def test_what_the_configuration_shows_is_refused_before_any_job(approximant, ranges, grid, options, message):
    with pytest.raises(GwsimError, match=message):
        cbc.check(approximant, ranges, *grid, **options)


def test_a_mapping_without_spins_has_none():
    still = dict.fromkeys(("spin_1x", "spin_1y", "spin_1z", "spin_2x", "spin_2y", "spin_2z"), 0.0)
    one, other = entry("SpinTaylorT4", system(10.0, 1.4)), entry("SpinTaylorT4", system(10.0, 1.4, **still))
    np.testing.assert_array_equal(one.plus, other.plus)
