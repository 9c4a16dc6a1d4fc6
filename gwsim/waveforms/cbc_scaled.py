"""Compact binaries without spin, from a bank on mass ratio alone: the source `cbc-scaled`.

Measured in total mass, a binary without spin depends on its mass ratio only. A bank holds, as polynomials of
the symmetric mass ratio eta, two smooth curves of time: orbital phase, and size (SEOBNRv4: amplitude of its
only mode; SpinTaylorT4: the speed v, of which LAL's amplitudes are closed formulas). A system is its mass
ratio's curves, rescaled. SpinTaylorT4's are integrals (`post_newtonian`), SEOBNRv4's are fitted to LAL's.

Merger is the greatest amplitude of SEOBNRv4, and the end of SpinTaylorT4, at its least energy. `phase` is the
orbital phase at merger, where LAL's phiRef is that of its first sample: the two differ by a constant.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from jaxtyping import Float
from numpy.polynomial import chebyshev
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from gwsim.conventions import C_CGS, GM_SUN_CGS
from gwsim.errors import GwsimError
from gwsim.shapes import Series
from gwsim.waveforms import post_newtonian
from gwsim.waveforms.columns import SPINS

# The Sun's mass as a time in s, and as a length in cm.
SUN, SUN_CM = GM_SUN_CGS / C_CGS**3, GM_SUN_CGS / C_CGS**2

COLUMNS = ("mass_1", "mass_2", "inclination", "phase")

# Knots are even in asinh(time / SCALE): even around the merger, in constant ratio far from it. Times of a
# bank are in total mass, and negative before the merger.
SCALE, STEP = 10.0, 0.02

# Before the last FAR blocks, curves are evaluated at the nodes of blocks of samples and spread to the samples
# by one product of matrices: a polynomial of this order is exact there to 1e-6 rad.
BLOCK, ORDER, FAR = 128, 8, 4

# SEOBNRv4 is asked for at this total mass and rate: three samples in the time of one total mass.
EOB_MASS, EOB_RATE = 60.0, 8192


def _eob(approximant: str, eta: float, times: Series) -> tuple[Series, Series]:
    """Return the orbital phase since merger and the amplitude of LAL's only mode, seen face on."""
    import lal
    import lalsimulation

    kg, ratio = EOB_MASS * lal.MSUN_SI, (1 + np.sqrt(1 - 4 * eta)) / 2
    # The leading order of the inspiral's frequency, with a fifth more time than is asked for.
    first = (256 * eta / 5 * -1.2 * times[0]) ** -0.375 / (np.pi * EOB_MASS * SUN)
    plus, cross = lalsimulation.SimInspiralChooseTDWaveform(
        kg * ratio, kg * (1 - ratio), *[0.0] * 6, SUN_CM / 100 * EOB_MASS, *[0.0] * 5,
        1 / EOB_RATE, first, 0.0, None, lalsimulation.GetApproximantFromString(approximant),
    )  # fmt: skip
    wave = plus.data.data - 1j * cross.data.data
    clock = np.arange(len(wave)) / (EOB_RATE * EOB_MASS * SUN)
    size, turn = CubicSpline(clock, np.abs(wave)), CubicSpline(clock, -np.unwrap(np.angle(wave)) / 2)
    near = np.abs(wave).argmax()
    merger = brentq(size.derivative(), *clock[[near - 1, near + 1]], xtol=1e-12)
    return turn(merger + times) - turn(merger), size(merger + times)


def _eob_amplitudes(eta, difference, inclination, size, scale):
    """The mode's polynomials in the cosine of twice the phase, as `post_newtonian.amplitudes`."""
    face, edge = (1 + np.cos(inclination) ** 2) / 2, np.cos(inclination)
    return -np.array([[[0], [face]], [[edge], [0]]]) * (scale * size)


@dataclass(frozen=True)
class Kind:
    """What a bank is made from: curves(eta, times) -> phase, size; from `first` to `end`, in total mass."""

    curves: Callable
    amplitudes: Callable
    multiple: int
    ratio: float
    first: float
    end: float
    runs: int
    order: int
    abrupt: bool


# LAL ends SEOBNRv4 between 112 and 117 total masses after its peak, at 1e-4 of it. It finds the merger to a
# hundredth of a total mass or so, a noise that many runs fitted by few powers average out.
_EOB = {
    name: Kind(partial(_eob, name), _eob_amplitudes, 2, 16.0, -1e5, 110.0, 24, 14, abrupt=False)
    for name in ("SEOBNRv4", "SEOBNRv4_opt")
}
_T4 = Kind(post_newtonian.orbit, post_newtonian.amplitudes, 1, 35.0, -1e6, 0.0, 16, 16, abrupt=True)
KINDS = _EOB | {"SpinTaylorT4": _T4}


@dataclass(frozen=True)
class Bank:
    """Cubic pieces of phase and size between knots, highest power first, as polynomials of log(eta)."""

    pieces: Float[np.ndarray, "order 8 piece"]
    lowest: float
    first: float

    def of(self, eta: Series) -> Float[np.ndarray, "sample 8 piece"]:
        """Return the pieces of systems."""
        flat = self.weights(eta) @ self.pieces.reshape(len(self.pieces), -1)
        return flat.reshape(-1, *self.pieces.shape[1:])

    def weights(self, eta: Series) -> Float[np.ndarray, "sample order"]:
        """Return what each order's pieces are multiplied by."""
        place = 2 * np.log(eta / self.lowest) / np.log(0.25 / self.lowest) - 1
        return chebyshev.chebvander(place, len(self.pieces) - 1)


@cache
def bank(approximant: str) -> Bank:
    """Build an approximant's bank, once a process: 0.2 s; SEOBNRv4_opt 4 s; SEOBNRv4 minutes."""
    kind = _kind(approximant)
    lowest, index = _lowest(kind), _knots(kind)
    times = SCALE * np.sinh(STEP * index)
    places = chebyshev.chebpts1(kind.runs)
    curves = [np.stack(kind.curves(lowest * (0.25 / lowest) ** ((1 + x) / 2), times)) for x in places]
    pieces = np.stack([CubicSpline(index, one, axis=1).c.transpose(2, 0, 1) for one in curves])
    fit = np.linalg.pinv(chebyshev.chebvander(places, kind.order - 1))
    fitted = np.tensordot(fit, pieces, axes=1)
    return Bank(fitted.reshape(kind.order, 8, -1), lowest, index[0])


def _lowest(kind: Kind) -> float:
    """Return the least symmetric mass ratio of a kind's bank."""
    return kind.ratio / (1 + kind.ratio) ** 2


def _knots(kind: Kind) -> Series:
    """Return the numbers of a kind's knots."""
    first, last = np.arcsinh(np.array([kind.first, kind.end]) / SCALE) / STEP
    # One knot more at the end: the last sample lies within the last piece.
    return np.arange(np.floor(first), np.ceil(last) + 2)


# Room for the pieces of any kind.
LARGEST = (max(kind.order for kind in KINDS.values()), 8, max(len(_knots(k)) for k in KINDS.values()) - 1)


def held(approximant: str, pieces: Float[np.ndarray, "order 8 piece"]) -> Bank:
    """Return an approximant's bank from its pieces, which may stand in a larger array."""
    kind = _kind(approximant)
    index = _knots(kind)
    return Bank(pieces[: kind.order, :, : len(index) - 1], _lowest(kind), index[0])


def frequency(curves: Bank, systems: Mapping, times: Series) -> Series:
    """Return the GW frequency, Hz, of each system at its own time in s after merger."""
    mass_1, mass_2 = (np.asarray(systems[name], dtype=float) for name in COLUMNS[:2])
    mass = (mass_1 + mass_2) * SUN
    index, beyond = _knot(times / mass, curves.first)
    weights = curves.weights(mass_1 * mass_2 / (mass_1 + mass_2) ** 2)
    cubic, square, slope = np.einsum("so,ocs->cs", weights, curves.pieces[:, :3, index])
    turn_per_knot = (3 * cubic * beyond + 2 * square) * beyond + slope
    return turn_per_knot / (STEP * np.hypot(times, SCALE * mass) * np.pi)


def polarisations(
    approximant: str,
    systems: Mapping,
    sample_rate: int,
    start: float,
    samples: int,
    *,
    fade_in: float = 0.0,
    taper: bool = True,
    dtype: str = "float64",
    curves: "Bank | None" = None,
) -> Float[np.ndarray, "sample 2 time"]:
    """Return D h+ and D hx in cm at start + i / sample_rate seconds after merger, i below samples.

    systems: columns mass_1, mass_2 (solar masses, detector frame), inclination, phase, perhaps spins of zero.
    fade_in: seconds of a raised cosine at the start. taper: SpinTaylorT4, greatest at its end, comes to zero
    over its last cycle. curves: the approximant's, from `held`; they are built where none are given.

    Raises GwsimError for an approximant without a bank, and for systems that its bank does not hold.
    """
    check(approximant, systems, start)
    kind, table = KINDS[approximant], curves or bank(approximant)
    mass_1, mass_2, inclination, phase = (np.asarray(systems[name], dtype=float) for name in COLUMNS)
    mass, difference = mass_1 + mass_2, (mass_1 - mass_2) / (mass_1 + mass_2)
    eta = (1 - difference**2) / 4
    entries = np.zeros((len(mass), 2, samples), dtype)
    ends = _count(kind.end * mass * SUN - start, sample_rate)
    live = np.clip(ends, 0, samples)
    layout = _layout(sample_rate, start, int(live.max(initial=0)))
    for i, pieces in enumerate(table.of(eta)):
        clock = np.minimum(layout.clock / (mass[i] * SUN), kind.end)
        turn, size = _evaluate(pieces, *_knot(clock, table.first))
        scale = np.full(len(turn), mass[i] * SUN_CM)
        if kind.abrupt and taper:
            last = slice(np.searchsorted(turn, -np.pi), None)
            scale[last] *= np.sin(turn[last] / 2) ** 2
        powers = kind.amplitudes(eta[i], difference[i], inclination[i], size, scale)
        painted = _paint(kind.multiple * (turn + phase[i]), powers, layout)
        entries[i, :, : live[i]] = painted[:, : live[i]]
    if fade_in:
        ramp = np.arange(min(samples, round(fade_in * sample_rate))) / (fade_in * sample_rate)
        entries[..., : len(ramp)] *= np.sin(np.pi / 2 * ramp) ** 2
    return entries


def check(approximant: str, systems: Mapping, start: float) -> None:
    """Refuse what the bank does not hold, all offenders at once; start is the entries' first time.

    Raises GwsimError.
    """
    kind = _kind(approximant)
    mass_1, mass_2 = (np.asarray(systems[name], dtype=float) for name in COLUMNS[:2])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.maximum(mass_1, mass_2) / np.minimum(mass_1, mass_2)
        longest = -kind.first * (mass_1 + mass_2) * SUN
    told = [f"{name} is not zero" for name in SPINS if name in systems and np.any(systems[name])]
    told += _worst("mass", np.minimum(mass_1, mass_2), mass_1, mass_2, lambda x: x > 0, "above 0")
    told += _worst(
        "mass ratio",
        ratio,
        mass_1,
        mass_2,
        lambda x: x <= kind.ratio * (1 + 1e-12),
        f"at most {kind.ratio:g}",
    )
    told += _worst("length in s of the bank", longest, mass_1, mass_2, lambda x: x >= -start, f"{-start:g}")
    if told:
        raise GwsimError(
            f"no {approximant} from the bank on mass ratio: {'; '.join(told)}. "
            "Hint: the direct source (cbc) has spins, any masses and any length."
        )


def _kind(approximant):
    if approximant not in KINDS:
        near = difflib.get_close_matches(approximant, KINDS, 1, 0)[0]
        raise GwsimError(
            f"no bank on mass ratio for approximant {approximant!r}: expected {', '.join(KINDS)}. "
            f"Hint: {near} is nearest; the direct source (cbc) runs any of LAL's."
        )
    return KINDS[approximant]


def _worst(name, values, mass_1, mass_2, good, wanted):
    """Name the quantity's first offender and their number, or nothing."""
    bad = np.flatnonzero(~good(values))
    if not len(bad):
        return []
    i = bad[0]
    of = f"masses {mass_1[i]:g} and {mass_2[i]:g} (row {i}, {len(bad)} in all)"
    return [f"{name} {values[i]:g} of {of}, expected {wanted}"]


def _count(seconds, sample_rate):
    """Return how many samples lie in [0, seconds]: one may stand exactly on the end."""
    return np.floor(seconds * sample_rate).astype(int) + 1


def _interpolation(x, order):
    """Return the matrix that takes values at Chebyshev nodes to values at x, both in [-1, 1]."""
    to_coefficients = np.linalg.inv(chebyshev.chebvander(chebyshev.chebpts1(order), order - 1))
    return chebyshev.chebvander(x, order - 1) @ to_coefficients


@dataclass(frozen=True)
class Layout:
    """The times where an entry's curves are evaluated, and how its samples follow from them."""

    clock: Series
    samples: int
    blocks: int
    matrix: Float[np.ndarray, "node place"]

    def spread(self, curves: Float[np.ndarray, "curve place"], dtype: str) -> Float[np.ndarray, "curve time"]:
        """Return the samples of curves that are known at the clock's times."""
        first, done = self.blocks * ORDER, self.blocks * BLOCK
        room = np.empty((len(curves), -(-self.samples // BLOCK), BLOCK), dtype)
        blocks = curves[:, :first].reshape(len(curves), self.blocks, ORDER).astype(dtype)
        np.matmul(blocks, self.matrix.astype(dtype), out=room[:, : self.blocks])
        samples = room.reshape(len(curves), -1)[:, : self.samples]
        samples[:, done:] = curves[:, first:]
        return samples

    def turned(self, phase: Series) -> Series:
        """Return phases less whole turns, the same ones all over a block."""
        first = self.blocks * ORDER
        turns = np.rint(phase / (2 * np.pi))
        middle = turns[:first].reshape(self.blocks, ORDER)[:, ORDER // 2]
        return phase - 2 * np.pi * np.append(np.repeat(middle, ORDER), turns[first:])


def _layout(sample_rate, start, samples):
    before = min(samples, int(-start * sample_rate))
    blocks = max(0, before // BLOCK - FAR)
    inside = (np.arange(blocks)[:, None] + (1 + chebyshev.chebpts1(ORDER)) / 2) * BLOCK
    index = np.append(inside, np.arange(blocks * BLOCK, samples))
    places = 2 * np.arange(BLOCK) / BLOCK - 1
    return Layout(start + index / sample_rate, samples, blocks, _interpolation(places, ORDER).T.copy())


def _knot(times, first):
    """Return the pieces where times in total mass lie, and the parts of a piece beyond their knots."""
    knot = np.arcsinh(times / SCALE) / STEP - first
    index = knot.astype(int)
    return index, knot - index


def _evaluate(pieces, index, beyond):
    """Return phase and size at places between knots."""
    c = pieces.take(index, axis=1)
    return (
        ((c[0] * beyond + c[1]) * beyond + c[2]) * beyond + c[3],
        ((c[4] * beyond + c[5]) * beyond + c[6]) * beyond + c[7],
    )


def _paint(phase, powers, layout):
    """Return plus and cross, of polynomials in cos(phase), the second times sin(phase).

    Phases are float64 until they are within a few turns; the rest is float32, far below LAL's noise.
    """
    turn = layout.spread(layout.turned(phase)[None], "float64")[0].astype("float32")
    cosine, made = np.cos(turn), layout.spread(powers[:, -1], "float32")
    for power in range(powers.shape[1] - 2, -1, -1):
        made *= cosine
        made += layout.spread(powers[:, power], "float32")
    made[1] *= np.sin(turn)
    return made
