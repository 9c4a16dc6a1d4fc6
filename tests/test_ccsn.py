"""Conditioning: what the filters pass and stop, where bounce stays; and the refusals of `load`."""

import re
from pathlib import Path

import numpy as np
import pytest

from gwsim.conventions import KPC_CM
from gwsim.errors import GwsimError
from gwsim.waveforms import ccsn, ccsn_files, quadrupole, surrogates
from gwsim.waveforms.ccsn import SAMPLE_RATE, START, Moments

BOUNCE = -START * SAMPLE_RATE
END = 230 / 256


def moments(function, time=None):
    """Moments whose components are 1 to 5 times the function of time."""
    time = START + np.arange(round((END - START) * SAMPLE_RATE) + 1) / SAMPLE_RATE if time is None else time
    return Moments(time, np.arange(1.0, 6)[:, None] * function(time), fixed_direction=False)


def grid(basis, rate):
    return START + np.arange(basis.shape[1]) / rate


def middle(basis, rate):
    """Return the samples inside the taper, 0.1 s from its ends: filters have forgotten the edges there."""
    time = grid(basis, rate)
    inside = (time > START + 0.15) & (time < END - 0.15)
    return time[inside], basis[0, inside]


# ---------------------------------------------------------------- the filters


@pytest.mark.parametrize("rate", [16384, 8192, 4096])
@pytest.mark.parametrize("frequency", [100, 440, 1000, 1500])
def test_band_is_preserved(frequency, rate):
    def tone(t):
        return np.sin(2 * np.pi * frequency * t)

    time, got = middle(ccsn.condition(moments(tone), rate), rate)
    np.testing.assert_allclose(got, tone(time), rtol=0, atol=0.01)


@pytest.mark.parametrize("frequency", [0, 1, 3, 5])
def test_offset_and_drift_are_removed(frequency):
    result = ccsn.condition(moments(lambda t: np.cos(2 * np.pi * frequency * t)), 4096)
    assert np.abs(middle(result, 4096)[1]).max() < 0.01
    assert np.abs(result[0]).max() < 0.1  # at the mirrored ends too


@pytest.mark.parametrize("frequency", [2100, 2500, 3000, 4000])
def test_nothing_is_aliased(frequency):
    result = ccsn.condition(moments(lambda t: np.sin(2 * np.pi * frequency * t)), 4096)
    assert np.abs(middle(result, 4096)[1]).max() < 1e-3


def test_half_the_amplitude_is_left_at_11_hz():
    time = START + np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE
    result = ccsn.condition(moments(lambda t: np.sin(2 * np.pi * 11 * t), time), 4096)[0]
    assert np.abs(result[3 * 4096 : 5 * 4096]).max() == pytest.approx(0.5, abs=0.005)


def test_ends_are_tapered():
    tone = ccsn.condition(moments(lambda t: np.cos(2 * np.pi * 500 * t)), SAMPLE_RATE)[0]
    assert np.abs(tone[[0, -1]]).max() < 1e-12
    half_way = round(0.025 * len(tone))  # the cosine of 5 % of the length is at one half
    assert np.abs(tone[half_way - 20 : half_way + 20]).max() == pytest.approx(0.5, abs=0.03)


def test_conditioning_is_linear():
    one, other = moments(lambda t: np.sin(300 * t)), moments(lambda t: t**2)
    both = Moments(one.time, 2 * one.basis - 3 * other.basis, fixed_direction=False)
    expected = 2 * ccsn.condition(one, 4096) - 3 * ccsn.condition(other, 4096)
    np.testing.assert_allclose(ccsn.condition(both, 4096), expected, rtol=0, atol=1e-9)


# ---------------------------------------------------------------- the grid


def pulse(t):
    return np.exp(-((t / 0.001) ** 2)) * np.cos(2 * np.pi * 600 * t)


@pytest.mark.parametrize("rate", [16384, 8192, 4096, 2048])
def test_bounce_stays_on_its_sample(rate):
    assert (START * rate).is_integer()
    got = ccsn.condition(moments(pulse), rate)[0]
    bounce = round(-START * rate)
    assert np.abs(got).argmax() == bounce
    # Filters without phase leave an even pulse even.
    np.testing.assert_allclose(got[bounce - 40 : bounce], got[bounce + 40 : bounce : -1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("rate", [16384, 4096])
def test_length_runs_to_the_last_sample(rate):
    result = ccsn.condition(moments(pulse), rate)
    assert result.shape == (5, int((END - START) * rate) + 1)
    assert result.dtype == np.float64


@pytest.mark.parametrize("step", [2.3e-4, 8e-5, 1.7e-5, 7e-6])
def test_any_sampling_gives_the_same(step):
    rng = np.random.default_rng(4)
    time = np.cumsum(rng.uniform(0.7, 1.3, round(1.05 / step)) * step) - 0.11
    last = np.searchsorted(time, END)
    time = np.append(time[:last], END)

    def signal(t):
        return np.sin(2 * np.pi * 300 * t) + 0.3 * np.cos(2 * np.pi * 140 * t)

    expected = ccsn.condition(moments(signal), 4096)
    # A cubic spline of irregular steps errs by about (omega step)^4 / 30.
    got = ccsn.condition(moments(signal, time), 4096)
    assert got.shape == expected.shape
    tolerance = 1e-3 + (600 * np.pi * step) ** 4
    np.testing.assert_allclose(middle(got, 4096)[1], middle(expected, 4096)[1], rtol=0, atol=tolerance)


def test_fine_files_are_not_aliased_onto_the_grid():
    # 16284 Hz would appear at 100 Hz on a grid of 16384 Hz.
    time = np.arange(-0.11, END, 1 / 100_000)
    result = ccsn.condition(moments(lambda t: np.sin(2 * np.pi * 16284 * t), time), 4096)
    assert np.abs(middle(result, 4096)[1]).max() < 2e-3


def test_silence_stands_before_the_first_sample_and_the_far_past_is_left_out():
    late = moments(lambda t: np.sin(2 * np.pi * 700 * t), np.arange(0.2, END, 1 / SAMPLE_RATE))
    result = ccsn.condition(late, 4096)[0]
    assert np.abs(result[: round((0.15 - START) * 4096)]).max() < 5e-3
    time = np.arange(-5000, 14746) / SAMPLE_RATE
    early = ccsn.condition(moments(lambda t: np.where(t < -0.2, 900.0, pulse(t)), time), 4096)
    np.testing.assert_allclose(early, ccsn.condition(moments(pulse, time), 4096), rtol=0, atol=1e-9)


@pytest.mark.parametrize("step", [1 / SAMPLE_RATE, 2.3e-5])
def test_a_file_that_begins_at_bounce_with_an_artefact_does_not_click(step):
    time = np.arange(0, END, step)

    def signal(t):
        return np.sin(2 * np.pi * 600 * t)

    def artefact(t):
        return 17 * np.exp(-t / 0.0005)

    alone = ccsn.condition(moments(artefact, time), 4096)[0]
    # The ramp times the artefact is greatest, 0.22, 1 ms after bounce; the step itself would give 13.
    assert np.abs(alone).max() < 0.3
    result = ccsn.condition(moments(lambda t: signal(t) + artefact(t), time), 4096)[0]
    bounce = round(-START * 4096)
    assert np.abs(result[: bounce + 5]).max() < 0.5
    # What comes after is left as it is.
    later = slice(bounce + round(0.02 * 4096), bounce + round(0.6 * 4096))
    np.testing.assert_allclose(result[later], signal(grid(result[None], 4096)[later]), rtol=0, atol=0.02)


def test_samples_on_the_grid_are_taken_as_they_are():
    rng = np.random.default_rng(5)
    time = np.arange(-100, 9000) / SAMPLE_RATE
    noise = Moments(time, rng.standard_normal((5, len(time))), fixed_direction=False)
    placed = ccsn._place(noise)
    np.testing.assert_array_equal(placed[:, round(BOUNCE) - 100 :], noise.basis)
    assert not placed[:, : round(BOUNCE) - 100].any()


@pytest.mark.parametrize("rate", [4000, 128, 32768, 0])
def test_rates_without_a_sample_at_bounce_are_refused(rate):
    with pytest.raises(GwsimError, match=rf"sample_rate {rate}: expected a divisor of 16384 .* hint: 4096"):
        ccsn.condition(moments(pulse), rate)


def test_moments_that_end_before_bounce_are_refused():
    with pytest.raises(GwsimError, match=r"moments end 0.3 s before bounce; hint: is t_bounce"):
        ccsn.condition(moments(pulse, np.linspace(-1, -0.3, 5000)), 4096)


# ---------------------------------------------------------------- load


def test_a_surrogate_by_its_word():
    loaded = ccsn.load("s25", "surrogate")
    np.testing.assert_array_equal(loaded.basis, surrogates.surrogate("s25"))
    assert loaded.time[0] == START and loaded.time[round(BOUNCE)] == 0 and not loaded.fixed_direction
    again = ccsn.load("s25", {"source": "surrogate"}, 3)
    np.testing.assert_array_equal(again.basis, surrogates.surrogate("s25", 3))
    quiet = ccsn.load("m39", {"source": "surrogate", "leave_out": ["bar", "bounce"]})
    np.testing.assert_array_equal(quiet.basis, surrogates.surrogate("m39", leave_out=("bar", "bounce")))


def test_surrogates_keep_their_length():
    result = ccsn.condition(ccsn.load("y20"), 4096)
    assert result.shape == (5, 416 + 4916)  # 1.2 s and the fraction of a sample that they end in


@pytest.fixture
def native(tmp_path):
    path = tmp_path / "wave.h5"
    signal = moments(pulse)
    ccsn_files.write_native(path, signal.time, quadrupole.from_basis(signal.basis), {"t_bounce": 0.0})
    return path


def test_a_file_by_path_and_format(native):
    loaded = ccsn.load("mine", {"path": str(native), "format": "native", "t_bounce": 0.1})
    np.testing.assert_allclose(loaded.basis, moments(pulse).basis, rtol=0, atol=1e-12)
    assert loaded.time[0] == pytest.approx(START - 0.1)


def test_description_and_fingerprint(native):
    assert ccsn.describe("surrogate") == {"source": "surrogate", "fixed_direction": False, "realisation": -1}
    assert ccsn.fingerprint("surrogate") == surrogates.table_sha256()
    spec = {"path": str(native), "format": "native"}
    about = ccsn.describe(spec)
    assert about == {"source": "native:wave.h5", "fixed_direction": False, "realisation": -1}
    before = ccsn.fingerprint(spec)
    ccsn_files.write_native(native, np.arange(100.0), np.ones((6, 100)))
    assert ccsn.fingerprint(spec) != before
    with pytest.raises(GwsimError, match=r"absent.h5: no such file"):
        ccsn.fingerprint({"path": "absent.h5", "format": "native"})


@pytest.mark.parametrize(
    "spec, realisation, match",
    [
        ("surogate", None, r"waveform s18: got 'surogate', expected 'surrogate' or a mapping"),
        ({"source": "web"}, None, r"unknown source 'web', expected surrogate or file"),
        ({"source": "surrogate", "unit": "cm"}, None, r"a surrogate has no option unit, only leave_out"),
        ({"path": "x"}, None, r"format missing, a file needs path and format"),
        ({}, None, r"path and format missing"),
        ({"path": "x", "format": "native"}, 3, r"realisation 3 asked of x, but a file has only one"),
    ],
)
def test_specs_that_cannot_be_served(spec, realisation, match):
    with pytest.raises(GwsimError, match=match):
        ccsn.load("s18", spec, realisation)


# ---------------------------------------------------------------- real files


@pytest.mark.parametrize(
    "name, spec",
    [
        ("fornax3d_9a/9a_strains_x.txt", {"format": "strain3"}),
        ("andresen2019_m15/And1815fr1kpc_pol.txt", {"format": "pol_eq3", "t_bounce": 0.0}),
    ],
)
def test_published_files_pass_through(name, spec, shared_data):
    path = shared_data / "ccsn" / name
    if not path.is_file():
        pytest.skip("no published waveforms in shared/data")
    result = ccsn.condition(ccsn.load("other", spec | {"path": str(path)}), 4096)
    table = np.loadtxt(path)
    plus = table[:, 1] * (KPC_CM if spec["format"] == "pol_eq3" else 1)
    got = quadrupole.weights(0.0, 0.0)[0] @ result
    assert 0.8 * np.abs(plus).max() < np.abs(got).max() < 1.1 * np.abs(plus).max()
    loudest = table[np.abs(plus).argmax(), 0]
    assert grid(result, 4096)[np.abs(got).argmax()] == pytest.approx(loudest, abs=0.5e-3)


@pytest.mark.parametrize("where", ["pol", "equ"])
def test_samples_that_stand_twice_make_no_swings(where, shared_data):
    path = shared_data / "ccsn" / "andresen2019_m15" / f"And1815fr1kpc_{where}.txt"
    if not path.is_file():
        pytest.skip("no published waveforms in shared/data")
    got = ccsn.condition(ccsn.load("m15", {"path": str(path), "format": "pol_eq3", "t_bounce": 0}), 4096)
    # One sample in twenty follows its like by less than 2e-6 s. A spline through both errs by 2 cm of 3.
    table = np.loadtxt(path)
    table = table[np.append(True, np.diff(table[:, 0]) > 1e-5)]
    basis = quadrupole.from_axis(*KPC_CM * table[:, 1:].T)
    expected = ccsn.condition(Moments(table[:, 0], basis, fixed_direction=True), 4096)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)


def test_the_page_says_how_a_native_file_is_written_that_is_read(tmp_path, monkeypatch):
    page = (Path(__file__).parents[1] / "docs" / "waveforms.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "waveforms.md", "exec"), {})
    loaded = ccsn.load("mine", {"path": "mine.h5", "format": "native"})
    assert loaded.time[np.abs(loaded.basis).sum(axis=0).argmax()] == pytest.approx(0, abs=1e-3)
