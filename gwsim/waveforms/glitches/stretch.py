"""A stretch of silence on which the parts of a glitch are laid.

Time is counted in seconds from the place where the glitch stands, so that the same parts give the same
glitch in a stretch of any length and at any sample rate. Nothing laid here reaches Nyquist: what is made
of a spectrum ends below it, and what has a frequency of its own is weighed by `audible`.
"""

from collections.abc import Callable

import numpy as np
import scipy.fft

from gwsim.shapes import Frequencies, Series

# Of Nyquist: where a part begins to be silenced, and where nothing is left.
FADE = (0.78, 0.9)
# Hz over which spectra come in; below lies what no detector sees and no block is long enough for.
WALL = (4.0, 8.0)
# Hz over which a pulse's amplitudes sum to one, at every rate: its peak, if it has one phase.
SUMMED = np.arange(4.0, 1536.0, 1.0)
GRID = 4096  # Hz, the grid of the times of pulses, which are therefore the same at 4096 and 8192 Hz
REACH = 2.0  # s of a pulse on either side


class Stretch:
    """`values` (seconds * rate,), in which the glitch stands at `at` seconds."""

    def __init__(self, seconds: int, at: float, rate: int):
        self.values = np.zeros(seconds * rate)
        self.at, self.rate = at, rate
        self.span = (-at, seconds - at)

    def near(self, low: float, high: float) -> tuple[slice, Series]:
        """Return the samples within two times, and their times."""
        first = max(int(np.ceil((self.at + low) * self.rate)), 0)
        last = min(int(np.floor((self.at + high) * self.rate)) + 1, len(self.values))
        last = max(last, first)
        return slice(first, last), np.arange(first, last) / self.rate - self.at

    def add(self, low: float, high: float, part: Callable[[Series], Series]) -> None:
        """Lay a part, a function of time, between two times."""
        where, time = self.near(low, high)
        if len(time):
            self.values[where] += part(time)

    def audible(self, frequency):
        """Return the weight of what has this frequency: one, and zero towards Nyquist."""
        return fall(np.abs(frequency), *(part * self.rate / 2 for part in FADE))

    def pulses(
        self, spectrum: Callable[[Frequencies], np.ndarray], times, amplitudes=1.0, reach=REACH
    ) -> None:
        """Lay copies of a pulse, given by its spectrum, at times rounded to GRID; none exceeds about one."""
        half = int(reach * self.rate)
        whole = int(np.floor(self.at * self.rate))
        f = scipy.fft.rfftfreq(2 * half, 1 / self.rate)
        late = (half + self.at * self.rate - whole) / self.rate
        weight = (1 - fall(f, *WALL)) * self.audible(f) * self.rate / 2
        weight = weight / np.sum(np.abs(spectrum(SUMMED)) * (1 - fall(SUMMED, *WALL)))
        pulse = scipy.fft.irfft(spectrum(np.maximum(f, f[1])) * weight * np.exp(-2j * np.pi * f * late))
        pulse *= np.hanning(2 * half) ** 0.1
        times = np.atleast_1d(times)
        for time, amplitude in zip(times, np.broadcast_to(amplitudes, times.shape), strict=True):
            first = whole + round(round(time * GRID) / GRID * self.rate) - half
            low, high = max(first, 0), min(first + 2 * half, len(self.values))
            if low < high:
                self.values[low:high] += amplitude * pulse[low - first : high - first]


def fall(x, begin, end):
    """Return a weight that falls from one to zero between two values, as a squared cosine."""
    return np.cos(np.pi / 2 * np.clip((x - begin) / (end - begin), 0, 1)) ** 2
