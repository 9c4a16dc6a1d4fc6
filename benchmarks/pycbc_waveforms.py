"""Waveforms of binaries by PyCBC, one by one, as plain scripts make them."""

from collections.abc import Callable, Mapping

import pandas as pd


def waveform(approximant: str, system: Mapping, f_low: float, rate: int) -> tuple:
    """Return a system's plus and cross from a first frequency on."""
    from pycbc.waveform import get_td_waveform

    return get_td_waveform(
        approximant=approximant,
        mass1=system["mass_1"],
        mass2=system["mass_2"],
        inclination=system["inclination"],
        coa_phase=system["phase"],
        f_lower=f_low,
        delta_t=1 / rate,
    )


def one_by_one(systems: pd.DataFrame) -> Callable[[], int]:
    """Return what makes the waveforms of systems, which have `f_low` and `rate` besides."""

    def work() -> int:
        for _, system in systems.iterrows():
            waveform(system["source"], system, system["f_low"], system["rate"])
        return len(systems)

    return work
