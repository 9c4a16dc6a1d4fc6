"""Polarisations to ifos: what a wave's sky position does to it.

Takes sky angles, polarisation angles and geocentric GPS times of the examples; gives each ifo's delay
and the weights of the functions of time that its strain is made of:
h_ifo(t) = sum_k coefficients[ifo, k] basis_k(t - arrivals[ifo]), where h+ = sum_k weights_plus[k] basis_k
and hx alike. The delay stays a number here; whoever renders applies it as a phase in frequency.
Patterns and delays are those of the geocentric time, constant over an example.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from gwsim import detectors

Column = Float[np.ndarray, "sample"]
Times = Int[np.ndarray, "sample"]
Weights = Float[np.ndarray, "sample term"]


def patterns(
    ifos: Sequence[str], ra: Column, dec: Column, psi: Column, second: Times, nanosecond: Times
) -> tuple[Float[np.ndarray, "sample ifo"], Float[np.ndarray, "sample ifo"]]:
    """Return F+ and Fx of each ifo.

    Raises GwsimError for ifos without a site.
    """
    detectors.check(ifos)
    sidereal = detectors.sidereal_time(second, nanosecond)
    pairs = [detectors.antenna(detectors.tensor(ifo), ra, dec, psi, sidereal) for ifo in ifos]
    plus, cross = (np.stack(pattern, axis=-1) for pattern in zip(*pairs, strict=True))
    return plus, cross


def coefficients(
    ifos: Sequence[str],
    weights_plus: Weights,
    weights_cross: Weights,
    ra: Column,
    dec: Column,
    psi: Column,
    second: Times,
    nanosecond: Times,
) -> Float[np.ndarray, "sample ifo term"]:
    """Return F+ w+ + Fx wx of each ifo.

    Raises GwsimError for ifos without a site.
    """
    plus, cross = patterns(ifos, ra, dec, psi, second, nanosecond)
    return plus[:, :, None] * weights_plus[:, None] + cross[:, :, None] * weights_cross[:, None]


def arrivals(
    ifos: Sequence[str], ra: Column, dec: Column, second: Times, nanosecond: Times
) -> Float[np.ndarray, "sample ifo"]:
    """Return each ifo's arrival less the geocentric one, in seconds.

    Raises GwsimError for ifos without a site.
    """
    detectors.check(ifos)
    sidereal = detectors.sidereal_time(second, nanosecond)
    return np.stack([detectors.delay(ifo, ra, dec, sidereal) for ifo in ifos], axis=-1)
