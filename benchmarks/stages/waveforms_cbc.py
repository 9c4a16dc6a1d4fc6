"""Entries of binaries of three classes, 4 s at 4096 Hz, by LAL's SEOBNRv4_opt and SpinTaylorT4."""

from pathlib import Path

import common
import lal
import lalsimulation
import pandas as pd
from measuring import CORE, DISK, MEMORY, OURS, PLAIN, Part, Stage, Way, copied, made_durable, repeated
from pycbc_waveforms import one_by_one

from gwsim.waveforms import cbc, columns
from gwsim.waveforms.entry import span

# Every class as often.
SYSTEMS = 24


def build(folder: Path, times: int) -> Stage:
    settings = common.settings_of(common.configuration("cbc", 4 * SYSTEMS // 3))
    systems, waveforms = common.make_table(folder, settings), settings["waveforms"]
    _, samples = span(waveforms)
    asked = as_ours_ask(systems, waveforms)
    return Stage(
        unit="entries",
        about=f"{__doc__} Ours puts the merger on a sample, fades both ends and writes the bank. All begin "
        "at the same frequencies. Ours asks for SEOBNRv4_opt at 16384 Hz, so that its waveforms are right to "
        "the band's end; the limit is LAL's at that rate, which whoever takes 4096 Hz passes.",
        ways=[
            Way("gwsim", OURS, repeated(times, common.bank_anew(folder / "bank", systems, waveforms))),
            Way("PyCBC's get_td_waveform, at the rates of ours", PLAIN, one_by_one(asked)),
            Way("PyCBC's get_td_waveform, at 4096 Hz", PLAIN, one_by_one(asked.assign(rate=4096))),
            Way("the same with SEOBNRv4", PLAIN, one_by_one(slow(asked).assign(rate=4096))),
        ],
        limit=[
            Part("LAL's generator, bare", CORE, bare(asked)),
            Part("an entry written once", MEMORY, copied(8 * samples)),
            Part("an entry made durable", DISK, made_durable(folder, 8 * samples)),
        ],
    )


def slow(systems: pd.DataFrame) -> pd.DataFrame:
    """Return one system of each class, SEOBNRv4_opt replaced by what it optimises."""
    few = systems.drop_duplicates("label")
    return few.assign(source=few["source"].str.removesuffix("_opt"))


def as_ours_ask(systems: pd.DataFrame, settings: dict) -> pd.DataFrame:
    """Return the systems with the first frequency and the rate for which ours asks LAL."""
    start, _ = span(settings)
    tried = (
        cbc._long_enough(system["source"], system, settings["sample_rate"], -start)
        for _, system in systems.iterrows()
    )
    lowest, rates = zip(*((f_low, rate) for f_low, *_, rate in tried), strict=True)
    return systems.assign(f_low=lowest, rate=rates)


def bare(systems: pd.DataFrame):
    """Return LAL's own calls, as ours are."""
    words = [
        (
            *(system[name] * lal.MSUN_SI for name in columns.MASSES),
            *(system[name] for name in columns.SPINS),
            *(1e6 * lal.PC_SI, system["inclination"], system["phase"], 0.0, 0.0, 0.0),
            *(1 / system["rate"], system["f_low"], cbc.reference_frequency(system), None),
            lalsimulation.GetApproximantFromString(system["source"]),
        )
        for _, system in systems.iterrows()
    ]

    def work() -> int:
        for one in words:
            lalsimulation.SimInspiralChooseTDWaveform(*one)
        return len(words)

    return work
