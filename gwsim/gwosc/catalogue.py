"""The shipped table of events: names and GPS times of GWTC-1 to GWTC-3, for use without a network.

Holds every event and marginal candidate of GWTC-1, GWTC-2, GWTC-2.1 and GWTC-3 once, under the name that the
newest of these catalogues gives it.
"""

import csv
from importlib import resources

from gwsim.intervals import Intervals

# The end of O3b, to which the table reaches (GPS s).
UNTIL = 1269363618


def known() -> dict:
    """Return name -> GPS time (s) of the shipped events, in order of time."""
    with resources.files("gwsim.gwosc").joinpath("catalogue.csv").open() as file:
        return {row["name"]: float(row["gps"]) for row in csv.DictReader(file)}


def within(events: dict, ranges: Intervals, margin: int = 0) -> dict:
    """Return the events that lie in the ranges or at most a margin (s) outside, in order of time."""
    near = {
        name: gps
        for name, gps in events.items()
        if any(start - margin <= int(gps) < end + margin for start, end in ranges)
    }
    return dict(sorted(near.items(), key=lambda item: item[1]))


def united(first: dict, second: dict, apart: float = 1.0) -> dict:
    """Return the first events, and the second's that are no aliases of them: more than a second apart."""
    kept = dict(first)
    for name, gps in second.items():
        if all(abs(gps - other) > apart for other in kept.values()):
            kept[name if name not in kept else f"{name} at {gps}"] = gps
    return dict(sorted(kept.items(), key=lambda item: item[1]))
