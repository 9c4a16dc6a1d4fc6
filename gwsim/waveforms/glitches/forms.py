"""Each class's form, and what all waveforms have in common: silent ends."""

from collections.abc import Mapping

import numpy as np

from gwsim.shapes import Series
from gwsim.waveforms.glitches import lines, pulses, sweeps
from gwsim.waveforms.glitches.stretch import Stretch, fall

EDGE = 0.25  # s at either end of a block over which a waveform is silenced

FORMS = {
    "1080Lines": lines.lines_1080,
    "1400Ripples": lines.ripples_1400,
    "Air_Compressor": lines.air_compressor,
    "Blip": pulses.blip,
    "Chirp": sweeps.chirp,
    "Extremely_Loud": pulses.extremely_loud,
    "Helix": pulses.helix,
    "Koi_Fish": pulses.koi_fish,
    "Light_Modulation": pulses.light_modulation,
    "Low_Frequency_Burst": sweeps.low_frequency_burst,
    "Low_Frequency_Lines": lines.low_frequency_lines,
    "No_Glitch": None,
    "None_of_the_Above": pulses.none_of_the_above,
    "Paired_Doves": sweeps.paired_doves,
    "Power_Line": lines.power_line,
    "Repeating_Blips": pulses.repeating_blips,
    "Scattered_Light": sweeps.scattered_light,
    "Scratchy": sweeps.scratchy,
    "Tomte": pulses.tomte,
    "Violin_Mode": lines.violin_mode,
    "Wandering_Line": lines.wandering_line,
    "Whistle": sweeps.whistle,
}


def waveform(system: Mapping, seconds: int, at: float, rate: int) -> Series:
    """Return a row's glitch in a block, in its class's domain, about `at` seconds from the block's start."""
    stretch = Stretch(seconds, at, rate)
    if (form := FORMS[system["model"]]) is not None:
        form(system, stretch)
    edge = int(EDGE * rate)
    rise = 1 - fall(np.arange(edge), 0, edge)
    stretch.values[:edge] *= rise
    stretch.values[len(stretch.values) - edge :] *= rise[::-1]
    return stretch.values
