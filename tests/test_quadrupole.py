"""Laws of the quadrupole formula, against contractions with unit vectors written out here."""

import numpy as np
import pytest

from gwsim.conventions import TENSOR_ORDER
from gwsim.errors import GwsimError
from gwsim.waveforms import quadrupole

EXACT = {"rtol": 0, "atol": 1e-13}  # tensors of order one, a few dozen operations


@pytest.fixture
def rng():
    return np.random.default_rng(20231123)


def unit_vectors(theta, phi):
    e_theta = np.array([np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi), -np.sin(theta)])
    e_phi = np.array([-np.sin(phi), np.cos(phi), 0.0])
    return e_theta, e_phi


def matrices(tensor):
    """(6, n) -> (n, 3, 3)."""
    full = np.empty((tensor.shape[1], 3, 3))
    for row, (i, j) in zip(tensor, TENSOR_ORDER, strict=True):
        full[:, "xyz".index(i), "xyz".index(j)] = full[:, "xyz".index(j), "xyz".index(i)] = row
    return full


def components(full):
    return np.stack([full[:, "xyz".index(i), "xyz".index(j)] for i, j in TENSOR_ORDER])


def contracted(tensor, e_theta, e_phi):
    full = matrices(tensor)

    def along(a, b):
        return np.einsum("i,nij,j->n", a, full, b)

    return along(e_theta, e_theta) - along(e_phi, e_phi), 2 * along(e_theta, e_phi)


def directions(rng, n):
    return np.arccos(rng.uniform(-1, 1, n)), rng.uniform(0, 2 * np.pi, n)


def sphere():
    """Directions and weights that integrate polynomials of degree below 16 on the sphere exactly."""
    cos, weight = np.polynomial.legendre.leggauss(8)
    phi = 2 * np.pi * np.arange(16) / 16
    theta, phi = (grid.ravel() for grid in np.meshgrid(np.arccos(cos), phi, indexing="ij"))
    return theta, phi, np.repeat(weight, 16) / 32


def agrees_with_contraction(tensor, theta, phi, convention):
    plus, cross = quadrupole.polarisations(tensor, theta, phi, convention)
    expected = [contracted(tensor, *unit_vectors(t, p)) for t, p in zip(theta, phi, strict=True)]
    return np.allclose(plus, [e[0] for e in expected], **EXACT) and np.allclose(
        cross, [e[1] for e in expected], **EXACT
    )


def turned_by_45_degrees(tensor, theta, phi, convention):
    """The wave frame turned by 45 degrees makes plus of cross and -cross of plus.

    The turned frame is reached by turning the source about the pole, from where the frame turns with it.
    """
    angle = np.pi / 4
    turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    turned = components(turn @ matrices(tensor) @ turn.T)
    plus, cross = quadrupole.polarisations(tensor, 0.0, 0.0, convention)
    plus_turned, cross_turned = quadrupole.polarisations(turned, 0.0, 0.0, convention)
    return np.allclose(plus_turned, cross, **EXACT) and np.allclose(cross_turned, -plus, **EXACT)


def binary_is_right(tensor, theta, phi, convention):
    """A circular binary seen at inclination i: amplitudes (1 + cos^2 i) / 2 and cos i of the pole's."""
    turn = np.linspace(0, 4 * np.pi, 400)
    cos, sin = -2 * np.cos(turn), -2 * np.sin(turn)
    silent = np.zeros_like(turn)
    binary = np.stack([cos, -cos, silent, sin, silent, silent])
    for inclination in (0.0, 0.7, np.pi / 2, 2.5):
        plus, cross = quadrupole.polarisations(binary, inclination, 0.0, convention)
        amplitude = 4.0
        if not np.allclose(plus, -amplitude * (1 + np.cos(inclination) ** 2) / 2 * np.cos(turn), **EXACT):
            return False
        if not np.allclose(cross, -amplitude * np.cos(inclination) * np.sin(turn), **EXACT):
            return False
    return True


def energy_is_right(tensor, theta, phi, convention):
    """The sphere's mean of D^2 (h+^2 + hx^2) is 4/5 of A_ij A_ij of the trace-free tensor."""
    theta, phi, weight = sphere()
    plus, cross = quadrupole.polarisations(tensor, theta, phi, convention)
    full = matrices(tensor)
    full = full - np.trace(full, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3)
    return np.allclose(weight @ (plus**2 + cross**2), 0.8 * (full**2).sum(axis=(1, 2)), rtol=1e-12)


LAWS = [agrees_with_contraction, turned_by_45_degrees, binary_is_right, energy_is_right]


@pytest.mark.parametrize("law", LAWS)
def test_law_holds(law, rng):
    assert law(rng.standard_normal((6, 7)), *directions(rng, 40), "standard")


@pytest.mark.parametrize("law", LAWS)
def test_law_fails_for_the_printed_factors(law, rng):
    assert not law(rng.standard_normal((6, 7)), *directions(rng, 40), "as_printed")


def test_printed_factors_are_twice_and_half(rng):
    theta, phi = directions(rng, 5)
    plus, cross = quadrupole.weights(theta, phi)
    plus_printed, cross_printed = quadrupole.weights(theta, phi, "as_printed")
    np.testing.assert_array_equal(plus_printed, 2 * plus)
    np.testing.assert_array_equal(cross_printed, cross / 2)


def test_turned_wave_frame_anywhere(rng):
    # The same law where the contraction itself turns: the frame's vectors, not the source.
    tensor = rng.standard_normal((6, 7))
    for theta, phi in zip(*directions(rng, 10), strict=True):
        e_theta, e_phi = unit_vectors(theta, phi)
        plus, cross = quadrupole.polarisations(tensor, theta, phi)
        turned = contracted(tensor, (e_theta + e_phi) / np.sqrt(2), (e_phi - e_theta) / np.sqrt(2))
        np.testing.assert_allclose(turned, [cross, -plus], **EXACT)


def test_trace_never_shows(rng):
    tensor, theta, phi = rng.standard_normal((6, 7)), 1.1, 2.3
    with_trace = tensor + 5 * np.array([1, 1, 1, 0, 0, 0])[:, None]
    for one, other in zip(
        quadrupole.polarisations(tensor, theta, phi),
        quadrupole.polarisations(with_trace, theta, phi),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, **EXACT)


def test_axisymmetric_source_has_no_cross():
    zz = np.linspace(-1, 1, 9)
    tensor = np.stack([-zz / 2, -zz / 2, zz, 0 * zz, 0 * zz, 0 * zz])
    for theta in (0.0, 0.4, np.pi / 2):
        plus, cross = quadrupole.polarisations(tensor, theta, 1.0)
        np.testing.assert_allclose(plus, 1.5 * zz * np.sin(theta) ** 2, **EXACT)
        np.testing.assert_allclose(cross, 0, **EXACT)


def mode_sum(tensor, theta, phi):
    """Sum H_2m over the spin-weighted harmonics, signs as in the notes: D (h+ - i hx)."""
    xx, yy, zz, xy, xz, yz = tensor
    modes, harmonics = {}, {}
    for sign in (1, -1):
        modes[2 * sign] = np.sqrt(4 * np.pi / 5) * (xx - yy - sign * 2j * xy)
        modes[sign] = np.sqrt(16 * np.pi / 5) * (-sign * xz + 1j * yz)
        cos = 1 + sign * np.cos(theta)
        harmonics[2 * sign] = np.sqrt(5 / (64 * np.pi)) * cos**2 * np.exp(2j * sign * phi)
        harmonics[sign] = np.sqrt(5 / (16 * np.pi)) * np.sin(theta) * cos * np.exp(1j * sign * phi)
    modes[0] = np.sqrt(32 * np.pi / 15) * (zz - (xx + yy) / 2)
    harmonics[0] = np.sqrt(15 / (32 * np.pi)) * np.sin(theta) ** 2
    return sum(modes[m] * harmonics[m] for m in modes)


def test_modes_sum_to_the_polarisations(rng):
    tensor = rng.standard_normal((6, 7))
    for theta, phi in zip(*directions(rng, 20), strict=True):
        plus, cross = quadrupole.polarisations(tensor, theta, phi)
        np.testing.assert_allclose(plus - 1j * cross, mode_sum(tensor, theta, phi), **EXACT)


def test_half_a_turn_keeps_even_orders_only(rng):
    theta, phi = directions(rng, 10)
    even = np.array([1, -1, -1, 1, 1])  # q0, q3, q4 are m = 0, 2; q1, q2 are m = 1
    for here, there in zip(
        quadrupole.weights(theta, phi), quadrupole.weights(theta, phi + np.pi), strict=True
    ):
        np.testing.assert_allclose(there, here * even, **EXACT)


def test_turning_source_and_observer_together_changes_nothing(rng):
    tensor, angle = rng.standard_normal((6, 7)), 0.83
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    turned = components(turn @ matrices(tensor) @ turn.T)
    theta, phi = directions(rng, 10)
    for here, there in zip(
        quadrupole.polarisations(tensor, theta, phi),
        quadrupole.polarisations(turned, theta, phi + angle),
        strict=True,
    ):
        np.testing.assert_allclose(there, here, **EXACT)


def test_basis_is_orthonormal_and_trace_free():
    full = matrices(quadrupole.from_basis(np.eye(5)))
    np.testing.assert_allclose(np.einsum("aij,bij->ab", full, full), np.eye(5), **EXACT)
    np.testing.assert_allclose(np.trace(full, axis1=1, axis2=2), 0, **EXACT)


def test_basis_and_tensor_are_inverse(rng):
    basis = rng.standard_normal((5, 7))
    np.testing.assert_allclose(quadrupole.to_basis(quadrupole.from_basis(basis)), basis, **EXACT)


def test_weights_times_basis_are_the_contraction(rng):
    basis = rng.standard_normal((5, 7))
    theta, phi = directions(rng, 20)
    plus, cross = quadrupole.weights(theta, phi)
    for i, direction in enumerate(zip(theta, phi, strict=True)):
        expected = contracted(quadrupole.from_basis(basis), *unit_vectors(*direction))
        np.testing.assert_allclose([plus[i] @ basis, cross[i] @ basis], expected, **EXACT)


def test_weights_keep_the_shape_of_the_angles(rng):
    theta, phi = rng.uniform(0, np.pi, (2, 3, 4)), rng.uniform(0, np.pi, (2, 3, 4))
    plus, cross = quadrupole.weights(theta, phi)
    assert plus.shape == cross.shape == (2, 3, 4, 5)
    np.testing.assert_array_equal(plus[1, 2, 3], quadrupole.weights(theta[1, 2, 3], phi[1, 2, 3])[0])


def test_from_axis_is_seen_from_the_pole(rng):
    plus, cross = rng.standard_normal((2, 7))
    basis = quadrupole.from_axis(plus, cross)
    weight_plus, weight_cross = quadrupole.weights(0.0, 0.0)
    np.testing.assert_allclose([weight_plus @ basis, weight_cross @ basis], [plus, cross], rtol=1e-15)


def test_unknown_convention_is_refused():
    with pytest.raises(GwsimError, match="'printed': expected one of standard, as_printed"):
        quadrupole.weights(0.0, 0.0, "printed")
