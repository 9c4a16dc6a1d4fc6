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

A source that needs no bank (columns.BANKLESS) has of these notes, systems and provenance, and beside them

own(column, names, uniform)   columns that are each class's own, where columns.OWN names some

or, where nothing is drawn, in place of systems

listed(blocks, kinds, settings)   systems, examples, and what was left out

settings are those of the stage `waveforms` of one dataset; columns are those of `gwsim.waveforms.columns`.
"""

from pathlib import Path

from gwsim.errors import GwsimError
from gwsim.waveforms import bank, columns
from gwsim.waveforms.sources import (
    binaries,
    detector_glitches,
    scaled_binaries,
    supernovae,
    toy_pictures,
    triggers,
)

SOURCES = {
    "ccsn": supernovae,
    "cbc": binaries,
    "cbc_scaled": scaled_binaries,
    "glitch": detector_glitches,
    "triggers": triggers,
    "toy": toy_pictures,
}


def opened(path: Path) -> bank.Bank:
    """Return the bank whose store lies at a path, as render asks for it."""
    for source in (one for name, one in SOURCES.items() if name not in columns.BANKLESS):
        if (path / source.ARRAY).is_dir():
            return source.Bank(path / source.ARRAY)
    raise GwsimError(f"no bank of waveforms at {path}: run snakemake with --forcerun waveforms_finalise")
