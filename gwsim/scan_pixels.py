"""Where the pixels of a Q-scan's view stand: arithmetic for those who make views and who tell of them."""

import numpy as np

from gwsim.conventions import SCAN_FREQUENCIES, SCAN_SPAN


def axes(size: int, span: float = SCAN_SPAN, frequencies=SCAN_FREQUENCIES) -> tuple[np.ndarray, np.ndarray]:
    """Return the frequencies (Hz) and the times, over the duration, of the pixels' centres."""
    points = (np.arange(size) + 0.5) / size
    return frequencies[0] * (frequencies[1] / frequencies[0]) ** points, (points - 0.5) * span
