"""Model PSDs against LALSimulation, the public O3 curves and their own statements."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from gwsim.errors import GwsimError
from gwsim.strain import psds, simulated

O3 = Path(__file__).parents[1] / ".." / "shared" / "data" / "psd" / "o3"
BAND = np.arange(20.0, 1600.0, 0.25)
SMOOTH = ("o3", "aLIGOZeroDetHighPower", "aLIGODesignSensitivityP1200087")


@pytest.mark.parametrize(
    ("ifo", "at_100_hz", "at_1_khz"),
    [("L1", 4.5e-24, 7.8e-24), ("H1", 5.8e-24, 1.05e-23), ("V1", 1.2e-23, 3.9e-23)],
)
def test_o3_has_the_published_asd(ifo, at_100_hz, at_1_khz):
    asd = np.sqrt(psds.model_psd("o3", ifo, np.array([100.0, 1000.0])))
    # The reference values are rounded to two digits, V1's by up to 3 %.
    np.testing.assert_allclose(asd, [at_100_hz, at_1_khz], rtol=0.035)


@pytest.mark.parametrize("ifo", ["H1", "L1", "V1"])
def test_o3_follows_the_measured_curve_between_its_lines(ifo):
    found = sorted(O3.glob(f"O3-{ifo}*.txt"))
    if not found:
        pytest.skip(f"no public O3 curves under {O3}")
    frequencies, asd = np.loadtxt(found[0]).T
    # Medians of bands, of a curve with lines (V1 is all line near 50 Hz) and of another day than the fit's.
    edges = np.geomspace(55, 1500, 25)
    ratios = asd / np.sqrt(psds.model_psd("o3", ifo, np.maximum(frequencies, 1.0)))
    bands = [np.median(ratios[(frequencies >= a) & (frequencies < b)]) for a, b in pairwise(edges)]
    assert min(bands) > 0.85 and max(bands) < 1.15


@pytest.mark.parametrize("name", SMOOTH)
def test_every_model_is_constant_below_10_hz_and_positive(name):
    psd = psds.model_psd(name, "H1", np.array([0.0, 1e-3, 5.0, 9.99, 10.0, 10.2, 2048.0, 8192.0]))
    np.testing.assert_allclose(psd[:5], psd[4], rtol=1e-12)
    assert psd[5] < psd[4] and (psd > 0).all() and np.isfinite(psd).all()


@pytest.mark.parametrize("ifo", ["H1", "L1", "V1"])
def test_filters_realise_o3_within_1_percent(ifo):
    """0.3 % at 20 Hz for H1 and V1, 0.6 % for the steeper wall of L1; below 0.2 % from 25 Hz."""
    error = np.abs(simulated.true_psd({"psd": "o3"}, ifo, BAND) / psds.model_psd("o3", ifo, BAND) - 1)
    assert error.max() < 0.007
    assert error[BAND >= 25].max() < 0.002


@pytest.mark.parametrize("rate", [2048, 8192, 16384])
def test_filters_realise_lalsimulation_at_other_rates(rate):
    band = BAND[0.45 * rate > BAND]
    realised = simulated.true_psd({"psd": {"K1": SMOOTH[1]}}, "K1", band, rate)
    np.testing.assert_allclose(realised, psds.model_psd(SMOOTH[1], "K1", band), rtol=0.01)


def test_lalsimulation_by_name_is_lalsimulation():
    import lalsimulation

    frequencies = np.array([10.0, 33.3, 100.05, 777.7, 1999.9])
    direct = [lalsimulation.SimNoisePSDaLIGOZeroDetHighPower(f) for f in frequencies]
    # Log-log interpolation on 1/8 Hz, worst at the wall.
    np.testing.assert_allclose(psds.model_psd(SMOOTH[1], "H1", frequencies), direct, rtol=1e-3)


def test_an_asd_file_is_interpolated_log_log_and_clamped(tmp_path):
    path = tmp_path / "asd.txt"
    path.write_text("# Hz ASD\n0 1\n5 1e-19\n10 1e-20\n100 1e-22\n1000 1e-22\n")
    psd = psds.model_psd(str(path), "X1", np.array([0.0, 10.0, np.sqrt(1000.0), 100.0, 500.0, 4096.0]))
    np.testing.assert_allclose(psd, [1e-40, 1e-40, 1e-42, 1e-44, 1e-44, 1e-44], rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html>not found</html>\n", "is no table of an ASD"),
        ("10 1 2\n20 1 2\n", "got 3 columns"),
        ("10 1e-23\n20 nan\n", "values that are not finite"),
        ("10 1e-23\n", "two rows or more"),
        ("20 1e-23\n10 1e-23\n", "rising"),
        ("10 1e-23\n20 0\n", "positive values"),
        ("1 1e-23\n2 1e-23\n", "at and above 10 Hz"),
    ],
)
def test_garbage_is_refused(tmp_path, text, message):
    path = tmp_path / "asd.txt"
    path.write_text(text)
    with pytest.raises(GwsimError, match=message) as refusal:
        psds.model_psd(str(path), "H1", BAND)
    assert str(path) in str(refusal.value) and "frequency in Hz" in str(refusal.value)


def test_an_empty_or_binary_file_is_refused(tmp_path):
    path = tmp_path / "asd.txt"
    for content in (b"", b"\x89PNG\xff\xfe\x00\x00", b"\xff" * 100):
        path.write_bytes(content)
        with pytest.raises(GwsimError, match="is no table of an ASD"):
            psds.model_psd(str(path), "H1", BAND)


def test_unknown_names_are_refused_with_what_is_known():
    with pytest.raises(GwsimError, match=r"unknown PSD 'O5': .*aLIGOZeroDetHighPower.*path of a text file"):
        psds.model_psd("O5", "H1", BAND)
    with pytest.raises(GwsimError, match=r"no PSD model 'o3' for K1: it has H1, L1, V1\. Hint"):
        psds.model_psd("o3", "K1", BAND)
    for name in psds.EXAMPLES:
        assert psds.model_psd(name, "K1", BAND).min() > 0
