"""The quadrupole tensor A_ij = (G/c^4) d2 Q_ij/dt2, in cm, and what an observer sees of it.

An observer in the direction (theta, phi) of the source's frame sees D h+ = A_thth - A_phph and
D hx = 2 A_thph, in cm. The trace never shows, so a signal is five numbers per time in the orthonormal,
trace-free basis E^a (E^a : E^b = delta_ab):
    E0 = diag(-1, -1, 2) / sqrt 6    E1 = (xz + zx) / sqrt 2    E2 = (yz + zy) / sqrt 2
    E3 = diag(1, -1, 0) / sqrt 2     E4 = (xy + yx) / sqrt 2
The factors follow from the transverse trace-free projection (Oohara, Nakamura, Shibata 1997, PTPS 128,
183). Sasaoka et al. 2023 print them interchanged: `convention="as_printed"` gives that, for comparison.
"""

import numpy as np
from jaxtyping import Float

from gwsim.errors import GwsimError
from gwsim.shapes import Angles, Quadrupole, Series, Tensor6

# (plus, cross) factors on the right ones.
CONVENTIONS = {"standard": (1.0, 1.0), "as_printed": (2.0, 0.5)}

# Rows are the E^a over conventions.TENSOR_ORDER: the tensor of q is q @ BASIS. The contraction counts an
# off-diagonal component twice, hence 1/sqrt 2 here and sqrt 2 in _DUAL.
BASIS = np.array(
    [
        np.array([-1, -1, 2, 0, 0, 0]) / np.sqrt(6),
        np.array([0, 0, 0, 0, 1, 0]) / np.sqrt(2),
        np.array([0, 0, 0, 0, 0, 1]) / np.sqrt(2),
        np.array([1, -1, 0, 0, 0, 0]) / np.sqrt(2),
        np.array([0, 0, 0, 1, 0, 0]) / np.sqrt(2),
    ]
)
_DUAL = BASIS * np.array([1, 1, 1, 2, 2, 2])

Weights = Float[np.ndarray, "*sample 5"]


def to_basis(tensor: Tensor6) -> Quadrupole:
    """Return the five components q_a of a symmetric tensor; its trace is dropped."""
    return _DUAL @ tensor


def from_basis(basis: Quadrupole) -> Tensor6:
    """Return the trace-free tensor, in conventions.TENSOR_ORDER, of the five components."""
    return BASIS.T @ basis


def from_axis(plus: Series, cross: Series) -> Quadrupole:
    """Embed D h+ and D hx known in one direction only, so that `weights(0, 0)` gives them back."""
    silent = np.zeros_like(plus)
    return np.stack([silent, silent, silent, plus / np.sqrt(2), cross / np.sqrt(2)])


def weights(
    theta: Angles | float, phi: Angles | float, convention: str = "standard"
) -> tuple[Weights, Weights]:
    """Return plus and cross, each (..., 5), with D h+ = sum_a plus_a q_a and D hx = sum_a cross_a q_a.

    Raises GwsimError for an unknown convention.
    """
    if convention not in CONVENTIONS:
        raise GwsimError(f"polarisation convention {convention!r}: expected one of {', '.join(CONVENTIONS)}")
    factor_plus, factor_cross = CONVENTIONS[convention]
    theta, phi = np.broadcast_arrays(np.asarray(theta, float), np.asarray(phi, float))
    sin, cos = np.sin(theta), np.cos(theta)
    plus = np.stack(
        [
            np.sqrt(1.5) * sin**2,
            -np.sqrt(2) * sin * cos * np.cos(phi),
            -np.sqrt(2) * sin * cos * np.sin(phi),
            (1 + cos**2) * np.cos(2 * phi) / np.sqrt(2),
            (1 + cos**2) * np.sin(2 * phi) / np.sqrt(2),
        ],
        axis=-1,
    )
    cross = np.sqrt(2) * np.stack(
        [
            np.zeros_like(sin),
            sin * np.sin(phi),
            -sin * np.cos(phi),
            -cos * np.sin(2 * phi),
            cos * np.cos(2 * phi),
        ],
        axis=-1,
    )
    return factor_plus * plus, factor_cross * cross


def polarisations(
    tensor: Tensor6, theta: Angles | float, phi: Angles | float, convention: str = "standard"
) -> tuple[Float[np.ndarray, "*sample time"], Float[np.ndarray, "*sample time"]]:
    """Return D h+ and D hx, in cm, that the observers in these directions see."""
    plus, cross = weights(theta, phi, convention)
    basis = to_basis(tensor)
    return plus @ basis, cross @ basis
