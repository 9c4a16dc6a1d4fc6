"""Projection: its laws, and a sinusoid that LAL's patterns and delays carry to each ifo."""

import lal
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from gwsim import detectors, project
from gwsim.errors import GwsimError

IFOS = ("V1", "H1", "L1")  # not the order of the site table: the caller's order counts
N, K = 10_000, 3


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(123033)


@pytest.fixture(scope="module")
def place(rng):
    """Random ra, dec, psi, second, nanosecond of 2019 to 2020."""
    ra, psi, dec = rng.uniform(0, 2 * np.pi, N), rng.uniform(0, np.pi, N), np.arcsin(rng.uniform(-1, 1, N))
    second = rng.integers(1238166018, 1269363618, N).astype(np.int32)
    return ra, dec, psi, second, rng.integers(0, 10**9, N).astype(np.int32)


def lal_sinusoid(ifo, place, amplitude_plus, amplitude_cross, frequency, t):
    """Strain (sample, time) of h+ = a cos(2 pi f t), hx = b sin(2 pi f t), by LAL alone."""
    site, rows = lal.cached_detector_by_prefix[ifo], []
    for ra, dec, psi, second, nanosecond in zip(*(column.tolist() for column in place), strict=True):
        gps = lal.LIGOTimeGPS(second, nanosecond)
        sidereal = lal.GreenwichMeanSiderealTime(gps)
        patterns = lal.ComputeDetAMResponse(site.response, ra, dec, psi, sidereal)
        rows.append((*patterns, lal.TimeDelayFromEarthCenter(site.location, ra, dec, gps)))
    plus, cross, delay = np.array(rows).T[:, :, None]
    phase = 2 * np.pi * frequency * (t - delay)
    return plus * amplitude_plus * np.cos(phase) + cross * amplitude_cross * np.sin(phase)


def test_sinusoid_arrives_as_lal_says(place):
    frequency, t = 1000.0, np.arange(5) / 4096
    weights_plus, weights_cross = np.tile([1.3, 0.0], (N, 1)), np.tile([0.0, -0.8], (N, 1))
    ra, dec, psi, *gps = place
    coefficients = project.coefficients(IFOS, weights_plus, weights_cross, ra, dec, psi, *gps)
    arrivals = project.arrivals(IFOS, ra, dec, *gps)
    phase = 2 * np.pi * frequency * (t - arrivals[..., None])  # (sample, ifo, time)
    strain = coefficients[..., :1] * np.cos(phase) + coefficients[..., 1:] * np.sin(phase)
    for column, ifo in enumerate(IFOS):
        expected = lal_sinusoid(ifo, place, 1.3, -0.8, frequency, t)
        # LAL's tensors are single precision (1e-7); 1e-13 s of delay are 1e-9 rad at 1 kHz.
        np.testing.assert_allclose(strain[:, column], expected, rtol=0, atol=1e-6)
        assert np.abs(strain[:, column] - np.roll(expected, 1, axis=0)).max() > 0.5


def test_coefficients_are_linear_in_the_weights(place, rng):
    a, b, c, d = rng.normal(size=(4, N, K))
    whole = project.coefficients(IFOS, 2 * a - 3 * b, 2 * c - 3 * d, *place)
    parts = 2 * project.coefficients(IFOS, a, c, *place) - 3 * project.coefficients(IFOS, b, d, *place)
    assert whole.shape == (N, len(IFOS), K)
    np.testing.assert_allclose(whole, parts, rtol=0, atol=1e-13)


def test_unit_weights_give_the_patterns(place):
    ra, dec, psi, second, nanosecond = place
    one, zero = np.ones((N, 1)), np.zeros((N, 1))
    plus = project.coefficients(IFOS, one, zero, *place)[..., 0]
    cross = project.coefficients(IFOS, zero, one, *place)[..., 0]
    sidereal = detectors.sidereal_time(second, nanosecond)
    for column, ifo in enumerate(IFOS):
        expected = detectors.antenna(detectors.tensor(ifo), ra, dec, psi, sidereal)
        np.testing.assert_array_equal((plus[:, column], cross[:, column]), expected)


def test_turning_the_source_undoes_turning_psi(place, rng):
    # h+ + i hx turns by exp(-2 i a) when the frame turns by a: no ifo may notice.
    ra, dec, psi, *gps = place
    plus, cross = rng.normal(size=(2, N, K))
    cos, sin = np.cos(2 * 0.4), np.sin(2 * 0.4)
    ours = project.coefficients(IFOS, plus, cross, ra, dec, psi, *gps)
    turned = project.coefficients(
        IFOS, cos * plus + sin * cross, cos * cross - sin * plus, ra, dec, psi + 0.4, *gps
    )
    np.testing.assert_allclose(turned, ours, rtol=0, atol=1e-13)


def test_a_row_does_not_know_its_neighbours(place, rng):
    plus, cross = rng.normal(size=(2, N, K))
    whole = project.coefficients(IFOS, plus, cross, *place)
    some = slice(17, 19)
    part = project.coefficients(IFOS, plus[some], cross[some], *(column[some] for column in place))
    np.testing.assert_array_equal(part, whole[some])


def test_delays_between_ifos_stay_within_light_travel(place):
    ra, dec, _, *gps = place
    arrivals = project.arrivals(("H1", "L1"), ra, dec, *gps)
    spread = np.abs(np.diff(arrivals, axis=1)).max()
    assert 0.00995 < spread < 0.010013  # 10.0128 ms between Hanford and Livingston, nearly reached


def test_at_the_pole_delays_do_not_depend_on_time(place):
    ra, _, _, *gps = place
    arrivals = project.arrivals(("H1", "V1"), ra, np.full(N, np.pi / 2), *gps)
    heights = [detectors.vertex(ifo)[2] for ifo in ("H1", "V1")]
    np.testing.assert_allclose(arrivals, np.tile(heights, (N, 1)) / -299792458, rtol=0, atol=1e-15)


def test_unknown_ifos_are_refused_together(place):
    ra, dec, psi, *gps = place
    with pytest.raises(GwsimError, match="unknown ifo 'A0', 'B0'"):
        project.arrivals(("A0", "H1", "B0"), ra, dec, *gps)
    with pytest.raises(GwsimError, match="unknown ifo 'A0'"):
        project.coefficients(("A0",), np.ones((N, 1)), np.ones((N, 1)), ra, dec, psi, *gps)


def test_columns_of_another_length_are_refused(place):
    # Shapes in signatures are live in the tests: without the import hook this would broadcast in silence.
    ra, dec, psi, *gps = place
    with pytest.raises(TypeCheckError, match="coefficients"):
        project.coefficients(IFOS, np.ones((1, 1)), np.ones((1, 1)), ra, dec, psi, *gps)
