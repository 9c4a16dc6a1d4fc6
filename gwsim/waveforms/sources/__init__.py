"""Sources of signals, behind one dict: from the systems of a dataset to the entries that `render` sums.

A source is a module of this folder with

notes(settings)           what a person is told before anything is drawn
systems(names, settings, uniform, integers)   columns of the systems' table, a value for each model's name
fingerprint(settings)     what waveforms are made from besides the settings, as JSON
provenance()              what a dataset's attributes say of its waveforms
rows(systems)             the table of which the bank has one row each
ARRAY, layout(count, settings)   the bank's array
make(rows, settings)      the array's values of some rows, and columns of what was realised, or None
Bank(path)                the finished bank, see `gwsim.waveforms.bank`

settings are those of the stage `waveforms` of one dataset; columns are those of `gwsim.waveforms.columns`.
"""

from pathlib import Path

from gwsim.errors import GwsimError
from gwsim.waveforms import bank
from gwsim.waveforms.sources import binaries, scaled_binaries, supernovae

SOURCES = {"ccsn": supernovae, "cbc": binaries, "cbc_scaled": scaled_binaries}


def opened(path: Path) -> bank.Bank:
    """Return the bank whose store lies at a path, as render asks for it."""
    for source in SOURCES.values():
        if (path / source.ARRAY).is_dir():
            return source.Bank(path / source.ARRAY)
    raise GwsimError(f"no bank of waveforms at {path}: run snakemake with --forcerun waveforms_finalise")
