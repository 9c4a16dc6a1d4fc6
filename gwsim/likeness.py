"""How alike two arrays are: the same bits, or within one step of the stored rounding, or not.

A stored number has a step: one for integers, the last bit of mantissa that was kept for floats. Sums that
cancel have the error of what was summed, so that a float of an example may also be off by a few steps of
float32 at the example's largest value. A column has one value an example, and no such allowance.
"""

import dataclasses

import numpy as np
import pandas as pd

# Mantissa bits that float64 results of arithmetic partly in float32 share on any processor.
COMPUTED_BITS = 16
# Steps of float32, at the largest value, by which a transform may be off.
TRANSFORM_STEPS = 16 * 2.0**-23


@dataclasses.dataclass(frozen=True)
class Likeness:
    """values: compared; differing: not of the same bits; beyond: by more than a step; largest: difference."""

    values: int = 0
    differing: int = 0
    beyond: int = 0
    largest: float = 0.0

    @property
    def same(self) -> bool:
        """Whether all bits are the same."""
        return self.differing == 0

    def __add__(self, other: "Likeness") -> "Likeness":
        sums = (getattr(self, name) + getattr(other, name) for name in ("values", "differing", "beyond"))
        return Likeness(*sums, max(self.largest, other.largest))

    def words(self) -> str:
        """Return it in words."""
        if self.same:
            return "the same bits"
        told = f"{self.differing} of {self.values} values differ, by up to {self.largest:.2g}"
        if self.beyond:
            return f"{told}; {self.beyond} by more than one step of the stored rounding"
        return f"{told}, all within one step of the stored rounding"


def compared(made: np.ndarray, stored: np.ndarray, bits: int | None = None) -> Likeness:
    """Compare two arrays of a shape, with examples along the first axis.

    bits: of mantissa that were kept, if any were dropped. What is not finite in one alone is beyond any step.
    """
    differs = ~_same(made, stored)
    if not differs.any():
        return Likeness(made.size)
    a, b = made[differs], stored[differs]
    if made.dtype.kind == "f":
        apart, step = _apart(a, b), _steps(a, b, bits, _loudest(stored, differs))
    elif made.dtype.kind in "iu":
        # Only what was rounded to whole numbers may be one off: pixels, not counts.
        apart, step = _whole_apart(a, b), 1 if made.dtype == np.uint8 else 0
    else:
        return Likeness(made.size, len(a), len(a), np.nan)
    beyond = ~(apart <= step) | ~np.isfinite(apart)
    return Likeness(made.size, len(a), int(beyond.sum()), float(apart.max()))


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return how far apart numbers are: infinitely where one is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(a.astype(np.float64) - b.astype(np.float64))
    return np.where(np.isnan(apart), np.inf, apart)


def _whole_apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return how far apart whole numbers are, exactly: float64 has not all of them."""
    # Modulo 2**64 the difference is right, whatever the signs.
    return np.maximum(a, b).astype(np.uint64) - np.minimum(a, b).astype(np.uint64)


def _steps(a: np.ndarray, b: np.ndarray, bits: int | None, loudest: np.ndarray) -> np.ndarray:
    """Return by how much values may differ."""
    step = np.maximum(np.abs(a), np.abs(b)).astype(np.float64) * 2.0 ** -(bits or COMPUTED_BITS)
    return np.maximum(step, loudest * TRANSFORM_STEPS)


def _loudest(stored: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the largest finite value of the example of each place; zero where examples are single values."""
    if stored.ndim < 2:
        return np.zeros(int(at.sum()))
    others = tuple(range(1, stored.ndim))
    largest = np.max(np.abs(stored), axis=others, initial=0, where=np.isfinite(stored))
    return largest.astype(np.float64)[np.nonzero(at)[0]]


def _same(made: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Return where two arrays have the same value; NaN is NaN."""
    same = np.asarray(made == stored)
    if made.dtype.kind in "fO":
        same |= pd.isna(made) & pd.isna(stored)
    return same


def columns(made: pd.DataFrame, stored: pd.DataFrame) -> dict[str, tuple[Likeness, np.ndarray]]:
    """Return of each column that both tables have how alike it is, and the places of the rows that differ."""
    found = {}
    for name in (name for name in made.columns if name in stored.columns):
        ours, theirs = made[name].to_numpy(), stored[name].to_numpy()
        # As objects, 3 and 3.00001 are others, and not within a step of real numbers.
        kind = np.promote_types(ours.dtype, theirs.dtype) if ours.dtype.kind == theirs.dtype.kind else object
        ours, theirs = ours.astype(kind), theirs.astype(kind)
        found[name] = compared(ours, theirs), np.flatnonzero(~_same(ours, theirs))
    return found
