"""What a store of Q-scans carries beside them: the coordinates of their pixels, and what its card says."""

import numpy as np

from gwsim import coordinates, scan_pixels
from gwsim.conventions import SCAN_DURATIONS


def axes(settings: dict) -> dict[str, dict]:
    """Return the coordinates of Q-scans: durations, frequencies, and times in parts of a duration."""
    frequency, part = scan_pixels.axes(settings["qscan"]["size"])
    durations = np.array(SCAN_DURATIONS)
    seconds = "time after the glitch, by duration"
    return {
        "duration": coordinates.array(
            ("duration",), durations, "s", "length of the view, of which time sees a part"
        ),
        "frequency": coordinates.array(("frequency",), frequency, "Hz", "frequency of the pixel's centre"),
        "time": coordinates.array(("time",), part, "1", "time after the glitch over the view's duration"),
        "seconds": coordinates.array(("duration", "time"), durations[:, None] * part, "s", seconds),
    }


def told(experiment: dict) -> tuple[str, str, str]:
    """Return what a data card says of Q-scans: what they are, their arrays, the first one's name."""
    arrays = (
        "`qscan (duration, frequency, time)`, ten times the normalised energy of Q-transform tiles, cut at "
        "25.5; low frequencies first. `seconds` are the times of each duration's pixels"
    )
    return "Q-scans of detector strain in four durations", arrays, "qscan"
