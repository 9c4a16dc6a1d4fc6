"""The sizes, in samples, of the arithmetic that renders one dataset."""

import dataclasses
import math

from gwsim.conventions import LIGHT_TRAVEL


@dataclasses.dataclass(frozen=True)
class Geometry:
    """The sizes, in samples, of one dataset's arithmetic.

    Time zero of the transforms stands half an STFT window before the example's first sample.
    """

    rate: int
    window: int
    half_stft: int
    hop: int
    bins: int
    fft: int
    bank_start: float
    band: tuple[float, float]

    @property
    def stored(self) -> int:
        """Samples of stored strain."""
        return self.window + 2 * self.half_stft


def of(settings: dict, bank_start: float, bank_samples: int, taps: int) -> Geometry:
    """Return the sizes; transforms hold stored strain, and nothing wraps around into the window.

    bank_start: the first time, in s after the event, of the bank's entries.
    """
    rate, transform = settings["sample_rate"], settings["spectrogram"]
    window, half_stft, half_filter = round(settings["duration"] * rate), transform["window"] // 2, taps // 2
    light = math.ceil(LIGHT_TRAVEL * rate)
    origin = [round((event + bank_start) * rate) + half_stft for event in settings["event_range"]]
    first, last = origin[0] - light, origin[1] + bank_samples + light
    stored = window + 2 * half_stft
    needed = max(stored, last + half_filter, stored + half_filter - first, last - first, taps)
    return Geometry(
        rate=rate,
        window=window,
        half_stft=half_stft,
        hop=transform["hop"],
        bins=frequency_bins(settings),
        fft=fast_length(needed),
        bank_start=bank_start,
        band=(float(settings["band"][0]), float(settings["band"][1])),
    )


def fast_length(needed: int) -> int:
    """Return the smallest length of at least `needed` of the form 2^k times 1, 3, 5, 9, 15 or 45."""
    return min(odd * 2 ** max(1, (-(-needed // odd) - 1).bit_length()) for odd in (1, 3, 5, 9, 15, 45))


def frequency_bins(settings: dict) -> int:
    """Return how many bins, from zero frequency on, a spectrogram keeps."""
    stft = settings["spectrogram"]
    return int(stft["f_max"] * stft["window"] / settings["sample_rate"]) + 1
