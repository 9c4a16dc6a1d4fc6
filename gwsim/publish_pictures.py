"""What a store of toy pictures carries beside them: the coordinates of pixels, and what its card says."""

import numpy as np

from gwsim import coordinates


def axes(settings: dict) -> dict[str, dict]:
    """Return the coordinates of pictures: their rows and columns, counted from zero."""
    sizes = settings["picture"]
    kinds = {"row": (sizes["rows"], "frequency, low ones first"), "column": (sizes["columns"], "time")}
    return {
        name: coordinates.array((name,), np.arange(size, dtype=np.int32), "1", f"place of the pixel: {what}")
        for name, (size, what) in kinds.items()
    }


def told(experiment: dict) -> tuple[str, str, str]:
    """Return what a data card says of toy pictures: what they are, their arrays, the first one's name."""
    noise = experiment["render"]["picture"]["noise"]
    arrays = f"`picture (row, column)`, low frequencies first, with white noise of standard deviation {noise}"
    return "toy pictures of time and frequency", arrays, "picture"
