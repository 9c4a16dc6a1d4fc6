"""Detectors against LAL and PyCBC, and against geometry that needs neither."""

import lal
import numpy as np
import pytest
from pycbc.detector import Detector

from gwsim import detectors
from gwsim.errors import GwsimError

N = 10_000
IFOS = ("H1", "L1", "V1", "K1", "G1")
FIRST, LAST = 914803214, 1577836818  # GPS of 2009-01-01 and of 2030-01-01


@pytest.fixture(scope="module")
def sky():
    """Random ra, dec, psi, GPS second, nanosecond and LAL's sidereal time."""
    rng = np.random.default_rng(20230701)
    ra, psi = rng.uniform(0, 2 * np.pi, N), rng.uniform(0, np.pi, N)
    dec = np.arcsin(rng.uniform(-1, 1, N))
    second, nanosecond = rng.integers(FIRST, LAST, N), rng.integers(0, 10**9, N)
    return ra, dec, psi, second, nanosecond, lal_sidereal(second, nanosecond)


def lal_sidereal(second, nanosecond):
    times = zip(second.tolist(), nanosecond.tolist(), strict=True)
    return np.array([lal.GreenwichMeanSiderealTime(lal.LIGOTimeGPS(*time)) for time in times])


def lal_patterns(ifo, ra, dec, psi, sidereal):
    response = lal.cached_detector_by_prefix[ifo].response
    rows = [lal.ComputeDetAMResponse(response, *row) for row in zip(ra, dec, psi, sidereal, strict=True)]
    return np.array(rows).T


def turns_apart(a, b):
    return np.abs(np.angle(np.exp(1j * (a - b))))


def test_turns_apart_sees_a_difference_and_forgives_a_turn():
    a = np.array([1.0])
    assert turns_apart(a, a + 2 * np.pi) < 1e-15
    assert turns_apart(a, a + 1e-9) > 0.9e-9


# Sidereal time


def test_sidereal_time_is_lals(sky):
    *_, second, nanosecond, expected = sky
    assert turns_apart(detectors.sidereal_time(second, nanosecond), expected).max() < 1e-11


@pytest.mark.parametrize("leap", [46828800, 820108813, 1025136015, 1119744016, 1167264017])
def test_sidereal_time_is_lals_around_a_leap_second(leap):
    second = np.arange(leap - 3, leap + 3, dtype=np.int32)
    nanosecond = np.full(6, 500_000_000, dtype=np.int32)
    expected = lal_sidereal(second, nanosecond)
    assert turns_apart(detectors.sidereal_time(second, nanosecond), expected).max() < 1e-11
    # The leap second and the one after share a UTC day and second, hence an angle: a missing entry would not.
    assert expected[3] == expected[4] and expected[2] != expected[3]


def test_sidereal_time_at_every_leap_second_of_lal_is_known():
    second = np.arange(0, LAST, 5 * 86400)
    zero = np.zeros_like(second)
    assert turns_apart(detectors.sidereal_time(second, zero), lal_sidereal(second, zero)).max() < 1e-11


def test_a_nanosecond_moves_the_earth():
    # 500 microseconds are far below a second, and above the 40 microseconds that a Julian day can hold.
    turned = detectors.sidereal_time(np.array([FIRST, FIRST]), np.array([0, 500_000]))
    np.testing.assert_allclose(np.diff(turned), 5e-4 * 2 * np.pi / 86164.0905, atol=2e-11)


def test_time_before_the_epoch_is_refused():
    with pytest.raises(GwsimError, match="GPS second -1 is before the GPS epoch"):
        detectors.sidereal_time(np.array([5, -1]), np.array([0, 0]))


# Sites


@pytest.mark.parametrize("ifo", IFOS)
def test_site_is_lals(ifo):
    site = lal.cached_detector_by_prefix[ifo]
    # LAL tabulates K1's vertex to the millimetre; the others from the same numbers as ours.
    np.testing.assert_allclose(detectors.vertex(ifo), site.location, rtol=0, atol=2e-3)
    # LAL's tensors are single precision, from single-precision angles.
    np.testing.assert_allclose(detectors.tensor(ifo), site.response, rtol=0, atol=1e-7)


@pytest.mark.parametrize("ifo", IFOS)
def test_tensor_is_symmetric_and_traceless(ifo):
    response = detectors.tensor(ifo)
    np.testing.assert_array_equal(response, response.T)
    assert abs(np.trace(response)) < 1e-15  # arms of equal length
    assert np.linalg.norm(response) > 0.6  # sqrt(1/2) for arms at right angles; G1's are at 94 degrees


def test_known_names_every_site():
    assert detectors.known() == IFOS


@pytest.mark.parametrize("room", [detectors.vertex, detectors.tensor])
def test_unknown_ifo_is_refused(room):
    with pytest.raises(GwsimError, match="unknown ifo 'X9': expected one of H1, L1, V1, K1, G1"):
        room("X9")


def test_unknown_ifos_are_all_named():
    with pytest.raises(GwsimError, match="'X9', 'Y9'"):
        detectors.check(["H1", "X9", "Y9"])


# Patterns


@pytest.mark.parametrize("ifo", IFOS)
def test_patterns_are_lals(ifo, sky):
    ra, dec, psi, second, nanosecond, sidereal = sky
    expected = lal_patterns(ifo, ra, dec, psi, sidereal)
    ours = detectors.sidereal_time(second, nanosecond)
    response = lal.cached_detector_by_prefix[ifo].response.astype(float)
    np.testing.assert_allclose(detectors.antenna(response, ra, dec, psi, ours), expected, rtol=0, atol=1e-11)
    # Single precision of LAL's tensors: six components of up to 0.6, each off by up to 7e-8.
    geometric = detectors.antenna(detectors.tensor(ifo), ra, dec, psi, ours)
    np.testing.assert_allclose(geometric, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("ifo", ["H1", "L1", "V1", "K1"])
def test_patterns_and_delays_are_pycbcs(ifo, sky, monkeypatch):
    ra, dec, psi, second, _, sidereal = sky
    oracle = Detector(ifo)
    # Its own estimate of sidereal time is linear, and off by 1e-4: it gets ours, and keeps its geometry.
    monkeypatch.setattr(oracle, "gmst_estimate", lambda gps: sidereal)
    expected = oracle.antenna_pattern(ra, dec, psi, second)
    ours = detectors.antenna(detectors.tensor(ifo), ra, dec, psi, sidereal)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)
    expected = oracle.time_delay_from_earth_center(ra, dec, second)
    np.testing.assert_allclose(detectors.delay(ifo, ra, dec, sidereal), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("ifo", IFOS)
def test_polarisation_angle_rotates_the_patterns(ifo, sky):
    ra, dec, psi, *_, sidereal = sky
    response, angle = detectors.tensor(ifo), 0.3
    plus, cross = detectors.antenna(response, ra, dec, psi, sidereal)
    turned_plus, turned_cross = detectors.antenna(response, ra, dec, psi + angle, sidereal)
    cos, sin = np.cos(2 * angle), np.sin(2 * angle)
    np.testing.assert_allclose(turned_plus, cos * plus + sin * cross, rtol=0, atol=1e-14)
    np.testing.assert_allclose(turned_cross, cos * cross - sin * plus, rtol=0, atol=1e-14)
    np.testing.assert_allclose(plus**2 + cross**2, turned_plus**2 + turned_cross**2, rtol=0, atol=1e-14)
    assert np.ptp(np.hypot(plus, cross)) > 0.9  # the sky does vary


def test_mean_squares_over_the_sky_are_exact():
    # Flat arms at right angles: <F+^2> = 7/30 and <Fx^2> = 1/6 at psi = 0, their sum 2/5 at any psi.
    # A grid of Gauss nodes by even steps integrates them exactly.
    dec = np.arcsin(np.polynomial.legendre.leggauss(8)[0])
    weight = np.polynomial.legendre.leggauss(8)[1] / 2
    hours = np.arange(16) * np.pi / 8
    dec, ra = (grid.ravel() for grid in np.meshgrid(dec, hours, indexing="ij"))
    response = np.diag([0.5, -0.5, 0.0])
    squares = {}
    for psi in (0.0, 0.7):
        patterns = detectors.antenna(response, ra, dec, np.full_like(ra, psi), np.zeros_like(ra))
        squares[psi] = [weight @ (pattern**2).reshape(8, 16).mean(axis=1) for pattern in patterns]
    np.testing.assert_allclose(squares[0.0], [7 / 30, 1 / 6], rtol=0, atol=1e-14)
    assert sum(squares[0.7]) == pytest.approx(2 / 5, abs=1e-14)
    assert abs(squares[0.7][0] - 7 / 30) > 0.01


@pytest.mark.parametrize("ifo", ["H1", "L1", "V1"])
def test_zenith_responds_fully(ifo):
    up = detectors.vertex(ifo) / np.linalg.norm(detectors.vertex(ifo))
    ra, dec = np.array([np.arctan2(up[1], up[0])]), np.array([np.arcsin(up[2])])
    zero = np.zeros(1)
    plus, cross = detectors.antenna(detectors.tensor(ifo), ra, dec, zero, zero)
    # Geocentric zenith is 0.2 degrees from the local one, and the response falls with the angle squared.
    assert np.hypot(plus, cross) == pytest.approx(1, abs=1e-4)
    assert detectors.delay(ifo, ra, dec, zero) == pytest.approx(
        -np.linalg.norm(detectors.vertex(ifo)) / 299792458, abs=1e-12
    )


def test_at_the_pole_right_ascension_is_a_polarisation_angle(sky):
    ra, _, psi, *_, sidereal = sky
    response = detectors.tensor("L1")
    for pole, sense in ((np.pi / 2, -1), (-np.pi / 2, 1)):
        dec = np.full(N, pole)
        ours = detectors.antenna(response, ra, dec, psi, sidereal)
        aligned = detectors.antenna(response, np.zeros(N), dec, psi + sense * ra, sidereal)
        np.testing.assert_allclose(ours, aligned, rtol=0, atol=1e-10)  # 2 ulps of a sidereal time of 1e5 rad
        delays = detectors.delay("L1", ra, dec, sidereal)
        np.testing.assert_allclose(delays, -np.sin(pole) * detectors.vertex("L1")[2] / 299792458, atol=1e-15)


# Delays


@pytest.mark.parametrize("ifo", IFOS)
def test_delays_are_lals(ifo, sky):
    ra, dec, _, second, nanosecond, _ = sky
    location = lal.cached_detector_by_prefix[ifo].location
    rows = zip(ra, dec, second.tolist(), nanosecond.tolist(), strict=True)
    expected = [lal.TimeDelayFromEarthCenter(location, a, d, lal.LIGOTimeGPS(s, ns)) for a, d, s, ns in rows]
    ours = detectors.delay(ifo, ra, dec, detectors.sidereal_time(second, nanosecond))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9)
    assert np.ptp(ours) > 0.04  # nearly the light travel time through the Earth
