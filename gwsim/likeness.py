"""How alike two arrays are: the same bits, or within one step of the stored rounding, or not.

A stored number has a step: one for integers, the last bit of mantissa that was kept for floats. Sums that
cancel have the error of what was summed, so that a float may also be off by a few steps of float32 at the
largest value beside it.
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
    """Compare two arrays of a shape; bits: of mantissa that were kept, if any were dropped."""
    differs = ~_same(made, stored)
    if not differs.any():
        return Likeness(made.size)
    a, b = made[differs], stored[differs]
    if made.dtype.kind not in "fiu":
        return Likeness(made.size, len(a), len(a), np.nan)
    a, b = a.astype(np.float64), b.astype(np.float64)
    apart = np.abs(a - b)
    if made.dtype.kind == "f":
        everywhere = float(np.nanmax(np.abs(stored), initial=0.0))
        step = np.maximum(np.abs(a), np.abs(b)) * 2.0 ** -(bits or COMPUTED_BITS)
        step = np.maximum(step, everywhere * TRANSFORM_STEPS)
    else:
        # Only what was rounded to whole numbers may be one off: pixels, not counts.
        step = np.full(len(a), 1.0 if made.dtype == np.uint8 else 0.0)
    beyond = ~(apart <= step)
    return Likeness(made.size, len(a), int(beyond.sum()), float(np.nanmax(apart, initial=0.0)))


def _same(made: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Return where two arrays have the same value; NaN is NaN."""
    same = made == stored
    if made.dtype.kind == "f":
        same |= np.isnan(made) & np.isnan(stored)
    return same


def columns(made: pd.DataFrame, stored: pd.DataFrame) -> dict[str, tuple[Likeness, np.ndarray]]:
    """Return of each column that both tables have how alike it is, and the places of the rows that differ."""
    found = {}
    for name in (name for name in made.columns if name in stored.columns):
        ours, theirs = made[name].to_numpy(), stored[name].to_numpy()
        kind = np.promote_types(ours.dtype, theirs.dtype) if ours.dtype != theirs.dtype else ours.dtype
        ours, theirs = ours.astype(kind), theirs.astype(kind)
        found[name] = compared(ours, theirs), np.flatnonzero(~_same(ours, theirs))
    return found
