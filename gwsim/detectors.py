"""Where the ifos stand, how they respond, and when a wave reaches them.

Takes names of ifos, sky angles and GPS times; gives vertices, response tensors, antenna patterns,
delays from the Earth's centre and Greenwich mean sidereal time, all in float64, one value per sample.
Vectors are Earth-fixed (z to the pole, x to Greenwich); the site numbers are `detectors.yaml`'s.
Right ascension, declination and polarisation angle follow LAL, and so does sidereal time, to its
rounding: a linear estimate (PyCBC's default) moves the patterns by 1e-4.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
import yaml
from jaxtyping import Float, Int

from gwsim.conventions import C_CGS
from gwsim.errors import GwsimError
from gwsim.shapes import Angles

Times = Int[np.ndarray, "*sample"]
Vector = Float[np.ndarray, "3"]
Vectors = Float[np.ndarray, "*sample 3"]
Tensor = Float[np.ndarray, "3 3"]

C_SI = C_CGS / 100
DAY = 86400
GPS_EPOCH_JULIAN_NOON = 2444245  # Julian day that begins at noon of 1980 January 6
J2000_JULIAN = 2451545.0
CENTURY_DAYS = 36525.0


@cache
def _tables() -> dict:
    return yaml.safe_load(files("gwsim").joinpath("detectors.yaml").read_text(encoding="utf-8"))


def known() -> tuple[str, ...]:
    """Return the names of all ifos that have a site."""
    return tuple(_tables()["sites"])


def check(ifos: Sequence[str]) -> None:
    """Refuse ifos without a site, all of them at once.

    Raises GwsimError.
    """
    unknown = [ifo for ifo in ifos if ifo not in known()]
    if unknown:
        raise GwsimError(
            f"unknown ifo {', '.join(map(repr, unknown))}: expected one of {', '.join(known())}; "
            "a new site is an entry in gwsim/detectors.yaml"
        )


def _site(ifo: str) -> dict:
    check([ifo])
    return _tables()["sites"][ifo]


def vertex(ifo: str) -> Vector:
    """Return the Earth-fixed position of the ifo's beam splitter, in metres."""
    site, ellipsoid = _site(ifo), _tables()["ellipsoid"]
    a, b = ellipsoid["equatorial_radius"], ellipsoid["polar_radius"]
    *_, up = _compass(site)
    normal = a**2 / np.hypot(a * np.cos(site["latitude"]), b * np.sin(site["latitude"]))
    foot = normal * up * [1, 1, (b / a) ** 2]
    return foot + site["elevation"] * up


def tensor(ifo: str) -> Tensor:
    """Return the response D = (x x - y y) / 2 of the ifo's arms x and y, Earth-fixed."""
    site = _site(ifo)
    x, y = (_arm(site, *site[name]) for name in ("x_arm", "y_arm"))
    return (np.outer(x, x) - np.outer(y, y)) / 2


def _compass(site: dict) -> tuple[Vector, Vector, Vector]:
    sin_lat, cos_lat = np.sin(site["latitude"]), np.cos(site["latitude"])
    sin_lon, cos_lon = np.sin(site["longitude"]), np.cos(site["longitude"])
    east = np.array([-sin_lon, cos_lon, 0.0])
    north = np.array([-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat])
    up = np.array([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat])
    return east, north, up


def _arm(site: dict, azimuth: float, altitude: float) -> Vector:
    east, north, up = _compass(site)
    level = np.sin(azimuth) * east + np.cos(azimuth) * north
    return np.cos(altitude) * level + np.sin(altitude) * up


def sidereal_time(second: Times, nanosecond: Times) -> Angles:
    """Return Greenwich mean sidereal time at GPS times, in radians, not wrapped to one turn.

    IAU 1982 (Aoki et al. 1982), its time in Julian centuries split into a whole-second and a
    sub-second part that are multiplied apart, as LAL does: the sum is 1e9 s, the parts keep the digits.

    Raises GwsimError for times before the GPS epoch, where the table of leap seconds begins.
    """
    high = (_julian_day(second) - J2000_JULIAN) / CENTURY_DAYS
    low = nanosecond / (1e9 * CENTURY_DAYS * DAY)
    t = high + low
    seconds = (-6.2e-6 * t + 0.093104) * t * t + 67310.54841
    for part in (low, high):
        seconds = seconds + 8640184.812866 * part
        seconds = seconds + 3155760000.0 * part
    return seconds * np.pi / 43200.0


def _julian_day(second: Times) -> Angles:
    """Return the UTC Julian day, rounded to float64 where LAL rounds it (up to 20 microseconds)."""
    if np.any(second < 0):
        raise GwsimError(f"GPS second {second.min()} is before the GPS epoch: expected 0 or later")
    leaps = np.searchsorted(_tables()["leap_seconds"], second)  # those that are over
    day, rest = np.divmod(second.astype(np.int64) - leaps, DAY)
    return (GPS_EPOCH_JULIAN_NOON + day) + (rest / DAY - 0.5)


def antenna(tensor: Tensor, ra: Angles, dec: Angles, psi: Angles, sidereal: Angles) -> tuple[Angles, Angles]:
    """Return F+ and Fx of a response tensor (Anderson et al. 2001, eqs. B4, B5 and B7)."""
    hour = sidereal - ra  # Greenwich hour angle of the source
    sin_h, cos_h, sin_d, cos_d = np.sin(hour), np.cos(hour), np.sin(dec), np.cos(dec)
    west = np.stack([-sin_h, -cos_h, np.zeros_like(hour)], axis=-1)
    north = np.stack([-cos_h * sin_d, sin_h * sin_d, cos_d], axis=-1)
    sin_p, cos_p = np.sin(psi)[..., None], np.cos(psi)[..., None]
    x = cos_p * west + sin_p * north
    y = -sin_p * west + cos_p * north
    x_response, y_response = x @ tensor, y @ tensor
    plus = np.sum(x_response * x - y_response * y, axis=-1)
    cross = np.sum(x_response * y + y_response * x, axis=-1)
    return plus, cross


def delay(ifo: str, ra: Angles, dec: Angles, sidereal: Angles) -> Angles:
    """Return the arrival at the ifo less that at the Earth's centre, in seconds: positive is later."""
    hour = sidereal - ra
    source = np.stack([np.cos(dec) * np.cos(hour), -np.cos(dec) * np.sin(hour), np.sin(dec)], axis=-1)
    return source @ vertex(ifo) / -C_SI
