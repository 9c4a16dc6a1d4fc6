"""What tables and pages say of signals, by their source: columns, how orientations are drawn, words.

name: (dtype, unit, meaning). This file loads no library of waveforms, so that a configuration is checked
quickly.
"""

import math

from gwsim.waveforms import glitches, toys

SPINS = tuple(f"spin_{body}{axis}" for body in "12" for axis in "xyz")
MASSES = ("mass_1", "mass_2")

_SYSTEM = {
    "label": ("int32", "1", "class of the source"),
    "model": ("str", "1", "name of the waveform model"),
}
_BINARY = {
    "source": ("str", "1", "approximant of LALSimulation"),
    "mass_1": ("float64", "solMass", "mass of the first body, detector frame"),
    "mass_2": ("float64", "solMass", "mass of the second body, detector frame"),
    **{
        name: ("float64", "1", f"dimensionless spin of body {name[5]}, {name[6]} at the reference frequency")
        for name in SPINS
    },
    "inclination": ("float64", "rad", "angle between the orbit's axis and the line of sight"),
    "phase": ("float64", "rad", "orbital phase at the source's reference, see docs/binaries.md"),
}
_TRIGGER_TOLD = {
    "published_snr": ("float64", "1", "SNR that the table gives"),
    "published_frequency": ("float64", "Hz", "peak frequency that the table gives"),
    "published_duration": ("float64", "s", "duration that the table gives"),
    "confidence": ("float64", "1", "confidence of the label, by the table"),
}
_TRIGGER = {"gravityspy_id": ("str", "1", "Gravity Spy's name of the glitch"), **_TRIGGER_TOLD}
_MADE = {
    "attempt": ("int32", "1", "times that the parameters were drawn anew because LAL refused them"),
    "f_start": ("float64", "Hz", "frequency of the signal where its taper ends, before any window begins"),
}

# Those whose entries are as long as a dataset's windows; those that `render` computes without a bank.
BINARIES = ("cbc", "cbc_scaled")
BANKLESS = ("glitch", "triggers", "pictures", "toy", "store")
# What an experiment of a source is whitened on.
WHITENED = {
    "ccsn": "block",
    "cbc": "block",
    "cbc_scaled": "block",
    "glitch": "self",
    "triggers": "self",
    "pictures": "given",
    "toy": "none",
    "store": "stored",
}

# Modules that rest on a source.
_SCANS = {"scans", "loudest", "qscan", "publish_scans", "figures.scan_sections", "augment"}
_IN_NOISE = {"glitched", "loudest", "qscan", "waveforms.glitches", "waveforms.glitches.rows"}
_PICTURES = {"pictures", "publish_pictures", "figures.picture_sections"}
_MODULES = {
    "ccsn": {"waveforms.sources.supernovae"},
    "cbc": {"waveforms.sources.binaries"},
    "cbc_scaled": {"waveforms.sources.binaries", "waveforms.sources.scaled_binaries"},
    "glitch": {"waveforms.sources.detector_glitches", "waveforms.glitches", *_SCANS},
    "triggers": {"waveforms.sources.triggers", "waveforms.glitches", *_SCANS},
    "pictures": _SCANS,
    "toy": {"waveforms.sources.toy_pictures", "waveforms.toys", *_PICTURES},
    "store": _SCANS,
}


def others(source: str, glitches: bool = False) -> frozenset[str]:
    """Return the modules of other sources, on which nothing rests that is made of this one's signals.

    glitches: whether noise has some.
    """
    names = set().union(_IN_NOISE, *_MODULES.values()) - _MODULES[source]
    names -= _IN_NOISE if glitches else set()
    return frozenset(f"gwsim.{name}" for name in names)


# Of the table of given pictures.
GIVEN = {
    "label": ("int32", "1", "class of the glitch, its place in the list of classes"),
    "gravityspy_id": ("str", "1", "Gravity Spy's name of the glitch"),
    "scan_ifo": ("int32", "1", "interferometer of the glitch, -1 where the set does not tell"),
    "gps_second": ("int32", "s", "GPS second of the glitch, -1 where the set does not tell"),
    "gps_nanosecond": ("int32", "ns", "nanoseconds after gps_second"),
}
# Of systems.parquet.
SYSTEM = {
    "ccsn": _SYSTEM
    | {
        "source": ("str", "1", "surrogate, or the format and file that the model is read from"),
        "realisation": ("int64", "1", "realisation of a surrogate, -1 for its default and for files"),
        "fixed_direction": ("bool", "1", "whether the source is known in one direction only"),
    },
    "cbc": _SYSTEM | _BINARY,
    "cbc_scaled": _SYSTEM | _BINARY,
    "glitch": _SYSTEM | glitches.COLUMNS,
    "triggers": _SYSTEM | _TRIGGER,
    "toy": _SYSTEM | toys.COLUMNS,
}
# Of draw.parquet, beside those of every source.
_SKY = {
    "ra": ("float64", "rad", "right ascension"),
    "dec": ("float64", "rad", "declination"),
    "psi": ("float64", "rad", "polarisation angle"),
}
_SCANNED = {
    "scan_ifo": ("int32", "1", "interferometer whose strain this is, its place in the experiment's list"),
    "mean_norm": ("int32", "1", "1 where tiles are over the mean of their row, 0 over its median"),
}
ROW = {
    "ccsn": {
        **_SKY,
        "theta": ("float64", "rad", "polar angle of the direction of radiation in the source's frame"),
        "phi": ("float64", "rad", "azimuth of the direction of radiation in the source's frame"),
    },
    "cbc": _SKY,
    "cbc_scaled": _SKY,
    "glitch": _SCANNED,
    "triggers": _SCANNED,
    "toy": {"key": ("int64", "1", "names all that is random in the picture's noise")},
}
# Of draw.parquet, of examples whose noise is to have glitches.
GLITCHES = glitches.CLASSES
GLITCHED = {
    "glitch": ("int32", "1", "class of the glitch in the noise, -1 for none"),
    "glitch_key": ("int64", "1", "names all that is random in the glitch"),
    "glitch_ifo": ("int32", "1", "interferometer that has the glitch, -1 for none"),
    "glitch_time": ("float64", "s", "loudest tile of the glitch after the window's first sample"),
    "glitch_snr": ("float64", "1", "SNR of the glitch's loudest tile in the band"),
}
_WANTED = {
    "snr_target": ("float64", "1", "wanted network SNR, NaN where a distance is wanted"),
    "distance_target_kpc": ("float64", "kpc", "wanted distance, NaN where an SNR is wanted"),
}
_WANTED_TILE = {
    "snr_target": ("float64", "1", "wanted SNR of the loudest tile, NaN where no glitch is added")
}
TARGETS = {
    "ccsn": _WANTED,
    "cbc": _WANTED,
    "cbc_scaled": _WANTED,
    "glitch": _WANTED_TILE,
    "triggers": _WANTED_TILE,
    "toy": {},
}
# What each example of the published table says of its system, which has it alone.
_TOLD = {name: spec for name, spec in _BINARY.items() if spec[0] != "str"}
PUBLISHED = {
    "ccsn": {},
    "cbc": _TOLD | _MADE,
    "cbc_scaled": _TOLD,
    # Other names than those of the axes of scans.
    "glitch": {f"drawn_{name}": spec for name, spec in glitches.COLUMNS.items()},
    "triggers": _TRIGGER_TOLD,
    "toy": toys.COLUMNS,
}
# Of the published table: what follows from an example's waveform and window.
_WINDOW = {
    "f_window": (
        "float64",
        "Hz",
        "frequency of the signal at the window's first sample, below which it has none; NaN in the plunge",
    )
}
RENDERED = {"ccsn": {}, "cbc": _WINDOW, "cbc_scaled": _WINDOW, "glitch": {}, "triggers": {}, "toy": {}}

# Drawn beside the sky's columns, isotropic unless the configuration says otherwise: `theta` and `phi` of each
# example, `inclination` and `phase` of each system.
_ORBIT = {"inclination": {"uniform_cos": [0.0, math.pi]}, "phase": {"uniform": [0.0, 2 * math.pi]}}
ORIENTATION = {
    "ccsn": {"theta": {"uniform_cos": [0.0, math.pi]}, "phi": {"uniform": [0.0, 2 * math.pi]}},
    "cbc": _ORBIT,
    "cbc_scaled": _ORBIT,
    "glitch": {},
    "triggers": {},
    "toy": {},
}
# Columns that are each class's own where the configuration does not name them.
OWN = {"glitch": ("snr", "mean_norm")}
# How other columns are drawn that it does not name.
_ISOTROPIC = {
    "ra": {"uniform": [0.0, 2 * math.pi]},
    "dec": {"uniform_sin": [-math.pi / 2, math.pi / 2]},
    "psi": {"uniform": [0.0, math.pi]},
}
DEFAULTS = {
    **{source: _ISOTROPIC | ORIENTATION[source] for source in ("ccsn", "cbc", "cbc_scaled")},
    "glitch": {},
    "triggers": {"mean_norm": 1},
    "toy": {},
}

# What a data card says of the waveforms.
_BINARIES = (
    "An approximant's name is that of LALSimulation, as it was run. Signals begin just before the window: "
    "when it opens they are at `f_window`, and there is no signal below."
)
CARD = {
    "ccsn": "The word `surrogate` means a phenomenological signal of this package that resembles a published "
    "simulation in spectrum, duration and loudness. It is not that simulation's data.",
    "cbc": _BINARIES,
    "cbc_scaled": f"{_BINARIES} Waveforms are interpolated between mass ratios and rescaled; "
    "docs/binaries.md has their mismatch with those of LALSimulation.",
    "glitch": "Glitches are simulated from formulas that resemble the classes of Gravity Spy; "
    "docs/glitches.md has them. They are no data of a detector, and results on them are no results on "
    "Gravity Spy.",
    "triggers": "Glitches are those of the strain itself, at the times and with the labels of the table.",
    "toy": "Pictures are drawn from formulas of a teaching exercise; docs/exercise.md has them. They are no "
    "data of a detector.",
    "pictures": "Pictures are those of the set that was read, each reduced to 224 x 224 of the energy index.",
}

# Where pictures put a class's waveform, and whence they see it.
SHOWN_KPC = {"ccsn": 1.0, "cbc": 1e5, "cbc_scaled": 1e5}
SHOWN = {
    "ccsn": "at 1 kpc, seen from the pole",
    "cbc": "at 100 Mpc, of the class's system most nearly seen face on",
    "cbc_scaled": "at 100 Mpc, of the class's system most nearly seen face on",
}
