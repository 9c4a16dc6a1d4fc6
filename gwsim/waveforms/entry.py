"""The length of a binary's entry in the bank, by arithmetic alone: the configuration is checked by it too."""

import math

from gwsim.conventions import LIGHT_TRAVEL


def span(settings: dict) -> tuple[float, int]:
    """Return the start of entries in s after merger, on a sample, and their samples.

    They reach over every window of the dataset, and as far beyond as light travels and a spectrogram looks.
    """
    rate, (early, late) = settings["sample_rate"], settings["event_range"]
    beyond = LIGHT_TRAVEL + settings["margin"]
    before = math.ceil((late + beyond + settings["taper"]) * rate)
    after = math.ceil((settings["duration"] - early + beyond) * rate)
    return -before / rate, before + after
