"""SpinTaylorT4 without spin: its orbit as integrals over speed, its amplitudes as closed formulas.

Everything is in units of total mass; eta is the symmetric mass ratio and v the cube root of orbital angular
frequency. Orders are LAL's default: 3.5 in phase, 1.5 in amplitude. Coefficients stand in Buonanno et al.,
arXiv:0907.0700, equations 3.1 (energy) and 3.6 (dv/dt), and in Blanchet et al., arXiv:gr-qc/9602024,
equations 2 to 4 (amplitudes, without the logarithm of their phase, as LAL has them).
"""

import numpy as np
from jaxtyping import Float
from numpy.polynomial import chebyshev, legendre
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from gwsim.shapes import Series

GRID = 4000


def orbit(eta: float, times: Series) -> tuple[Series, Series]:
    """Return orbital phase and v at times after the end, where both go on; the phase is zero at the end."""
    last = last_speed(eta)
    # Twice the time that the leading order asks for, as the first speed; 2 % beyond the end, as the last.
    slowest = (256 * eta / 5 * -2 * times[0]) ** -0.125
    v = np.geomspace(slowest, 1.02 * last, GRID)
    time, phase = (CubicSpline(v, one) for one in _integrals(v, eta))
    clock = np.arcsinh(time(v) - time(last))
    asked = np.arcsinh(times)
    return CubicSpline(clock, phase(v) - phase(last))(asked), CubicSpline(clock, v)(asked)


def last_speed(eta: float) -> float:
    """Return v of least energy, where LAL ends (before dv/dt falls, for every mass ratio)."""
    return brentq(_energy_slope, 0.2, 0.8, args=(eta,), xtol=1e-14)


def _integrals(v, eta):
    """Time and phase at v, from v[0], by four points of Gauss and Legendre in each interval."""
    nodes, weights = legendre.leggauss(4)
    half = np.diff(v)[:, None] / 2
    inside = v[:-1, None] + half * (1 + nodes)
    pace = weights * half / _acceleration(inside, eta)
    return (np.append(0, np.cumsum((pace * power).sum(1))) for power in (1, inside**3))


def _acceleration(v, eta):
    """dv/dt, with dt in total mass."""
    pi, gamma = np.pi, np.euler_gamma
    terms = (
        1,
        0,
        -743 / 336 - 11 / 4 * eta,
        4 * pi,
        34103 / 18144 + 13661 / 2016 * eta + 59 / 18 * eta**2,
        -pi * (4159 / 672 + 189 / 8 * eta),
        16447322263 / 139708800
        - 1712 / 105 * (gamma + np.log(4 * v))
        + 16 / 3 * pi**2
        + (451 / 48 * pi**2 - 56198689 / 217728) * eta
        + 541 / 896 * eta**2
        - 5605 / 2592 * eta**3,
        -pi * (4415 / 4032 - 358675 / 6048 * eta - 91495 / 1512 * eta**2),
    )
    return 32 / 5 * eta * v**9 * sum(term * v**n for n, term in enumerate(terms))


def _energy_slope(v, eta):
    """The energy's derivative in v over its leading order, times two."""
    second = -3 / 4 - eta / 12
    fourth = -27 / 8 + 19 / 8 * eta - eta**2 / 24
    sixth = -675 / 64 + (34445 / 576 - 205 / 96 * np.pi**2) * eta - 155 / 96 * eta**2 - 35 / 5184 * eta**3
    return 2 + 4 * second * v**2 + 6 * fourth * v**4 + 8 * sixth * v**6


def harmonics(
    eta: float, difference: float, inclination: float
) -> tuple[Float[np.ndarray, "6 4"], Float[np.ndarray, "6 4"]]:
    """Return plus[k, n] and cross[k, n]: D h+ is 2 eta v^2 sum of plus[k, n] v^n cos(k phase), D hx of sin.

    difference: (m1 - m2) / (m1 + m2), signed: bodies that change places are half an orbit apart.
    """
    c, s, pi = np.cos(inclination), np.sin(inclination), np.pi
    cc, c4, ss = c**2, c**4, s**2
    plus, cross = np.zeros((2, 6, 4))
    plus[2, 0], cross[2, 0] = -(1 + cc), -2 * c
    odd = s * difference
    plus[1, 1], plus[3, 1] = -odd / 8 * (5 + cc), odd / 8 * 9 * (1 + cc)
    cross[1, 1], cross[3, 1] = -odd * c * 3 / 4, odd * c * 9 / 4
    plus[2, 2] = (19 + 9 * cc - 2 * c4 - eta * (19 - 11 * cc - 6 * c4)) / 6
    plus[4, 2] = -4 / 3 * ss * (1 + cc) * (1 - 3 * eta)
    cross[2, 2] = c / 3 * (17 - 4 * cc - eta * (13 - 12 * cc))
    cross[4, 2] = -8 / 3 * c * ss * (1 - 3 * eta)
    plus[1, 3] = odd / 192 * (57 + 60 * cc - c4 - 2 * eta * (49 - 12 * cc - c4))
    plus[3, 3] = -odd / 192 * 27 / 2 * (73 + 40 * cc - 9 * c4 - 2 * eta * (25 - 8 * cc - 9 * c4))
    plus[5, 3] = odd / 192 * 625 / 2 * (1 - 2 * eta) * ss * (1 + cc)
    cross[1, 3] = odd * c / 96 * (63 - 5 * cc - 2 * eta * (23 - 5 * cc))
    cross[3, 3] = -odd * c / 96 * 27 / 2 * (67 - 15 * cc - 2 * eta * (19 - 15 * cc))
    cross[5, 3] = odd * c / 96 * 625 / 2 * (1 - 2 * eta) * ss
    plus[2, 3], cross[2, 3] = -2 * pi * (1 + cc), -4 * pi * c
    return plus, cross


# cos(k x) is a polynomial in cos x, and sin(k x) is sin x times its derivative over k.
COSINES = np.stack([np.pad(chebyshev.cheb2poly([0] * k + [1]), (0, 5 - k)) for k in range(6)])
SINES = np.stack([np.append(COSINES[k, 1:] * np.arange(1, 6), 0) / max(k, 1) for k in range(6)])


def amplitudes(
    eta: float, difference: float, inclination: float, v: Series, scale: Series
) -> Float[np.ndarray, "2 6 time"]:
    """Return polynomials in cos(phase), lowest power first: D h+, and D hx over sin(phase), times scale."""
    plus, cross = harmonics(eta, difference, inclination)
    powers = np.empty((4, len(v)))
    powers[0] = 2 * eta * scale * v * v
    for n in range(3):
        np.multiply(powers[n], v, out=powers[n + 1])
    return np.stack([COSINES.T @ plus, SINES.T @ cross]) @ powers
