"""What tables and pages say of signals, by their source: columns, how orientations are drawn, words.

name: (dtype, unit, meaning). This file loads no library of waveforms, so that a configuration is checked
quickly.
"""

import math

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
_MADE = {
    "attempt": ("int32", "1", "times that the parameters were drawn anew because LAL refused them"),
    "f_start": ("float64", "Hz", "frequency of the signal where its taper ends, before any window begins"),
}

# Modules of gwsim.waveforms.sources that a source rests on.
_MODULES = {"ccsn": {"supernovae"}, "cbc": {"binaries"}, "cbc_scaled": {"binaries", "scaled_binaries"}}


def others(source: str) -> frozenset[str]:
    """Return the modules of other sources, on which nothing rests that is made of this one's signals."""
    names = set().union(*_MODULES.values()) - _MODULES[source]
    return frozenset(f"gwsim.waveforms.sources.{name}" for name in names)


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
}
# Of draw.parquet, beside those of every source.
ROW = {
    "ccsn": {
        "theta": ("float64", "rad", "polar angle of the direction of radiation in the source's frame"),
        "phi": ("float64", "rad", "azimuth of the direction of radiation in the source's frame"),
    },
    "cbc": {},
    "cbc_scaled": {},
}
# What each example of the published table says of its system, which has it alone.
_TOLD = {name: spec for name, spec in _BINARY.items() if spec[0] != "str"}
PUBLISHED = {"ccsn": {}, "cbc": _TOLD | _MADE, "cbc_scaled": _TOLD}
# Of the published table: what follows from an example's waveform and window.
_WINDOW = {
    "f_window": (
        "float64",
        "Hz",
        "frequency of the signal at the window's first sample, below which it has none; NaN in the plunge",
    )
}
RENDERED = {"ccsn": {}, "cbc": _WINDOW, "cbc_scaled": _WINDOW}

# Drawn beside the sky's columns, isotropic unless the configuration says otherwise: `theta` and `phi` of each
# example, `inclination` and `phase` of each system.
_ORBIT = {"inclination": {"uniform_cos": [0.0, math.pi]}, "phase": {"uniform": [0.0, 2 * math.pi]}}
ORIENTATION = {
    "ccsn": {"theta": {"uniform_cos": [0.0, math.pi]}, "phi": {"uniform": [0.0, 2 * math.pi]}},
    "cbc": _ORBIT,
    "cbc_scaled": _ORBIT,
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
}

# Where pictures put a class's waveform, and whence they see it.
SHOWN_KPC = {"ccsn": 1.0, "cbc": 1e5, "cbc_scaled": 1e5}
SHOWN = {
    "ccsn": "at 1 kpc, seen from the pole",
    "cbc": "at 100 Mpc, of the class's system most nearly seen face on",
    "cbc_scaled": "at 100 Mpc, of the class's system most nearly seen face on",
}
