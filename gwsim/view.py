"""What a network sees of an example: one array, or several put together, as its settings name it, unscaled.

Takes arrays as render makes them and a store keeps them, with half an STFT window of margin at either side of
strain. Seen strain is cut to the window, [0, duration) after its first sample; where its rate is lowered, a
low pass of zero phase comes first, which reaches into the margin. It is as loud as it was: noise that is
white and of unit variance keeps its density, and its variance up to what the low pass takes. A spectrogram
that is not at hand is made of the strain.

Of Q-scans it sees the `merged` view: one picture of the four durations, two above and two below, from 0 to 1,
low frequencies at each quarter's bottom.

Settings are those of render: ifos, sample_rate, duration, spectrogram (window, hop, f_max) or qscan (size).
The configuration is checked by this, too, so that libraries are loaded where they are used.
"""

import dataclasses

import numpy as np

from gwsim import geometry
from gwsim.errors import GwsimError

# What is seen -> the section of render's settings that it needs.
NEEDS = {"spectrogram": "spectrogram", "strain": "spectrogram", "merged": "qscan"}
# Greatest value of a Q-scan's pixel.
FULL = 255
# All from the new Nyquist frequency on is so far down (dB).
REJECTION = 60
# Samples at the new rate that the low pass reaches at either side; with fewer its edge is no edge.
LEAST_REACH = 8


@dataclasses.dataclass(frozen=True)
class View:
    """array: one of NEEDS; scale: see `dataset.scaled`; rate: of strain (Hz), None as stored."""

    array: str = "spectrogram"
    scale: str = "minmax"
    rate: int | None = None

    def faults(self, settings: dict) -> list[str]:
        """Return what keeps examples of these settings from being seen so."""
        there = [array for array, section in NEEDS.items() if section in settings]
        if self.array not in there:
            return [f"array: got '{self.array}', expected one of {', '.join(there)}"]
        if self.rate is None:
            return []
        if self.array != "strain":
            return [f"rate: got {self.rate} Hz for {self.array}, expected it for strain alone"]
        factor, rest = divmod(settings["sample_rate"], self.rate)
        if rest:
            return [f"rate: got {self.rate} Hz, expected a divisor of sample_rate, {settings['sample_rate']}"]
        if samples(settings) % factor:
            seconds = f"{settings['duration']:g} s"
            return [f"rate: got {self.rate} Hz, at which {seconds} are no whole number of samples"]
        margin = settings["spectrogram"]["window"] // 2
        if factor > 1 and margin < LEAST_REACH * factor:
            return [
                f"rate: got {self.rate} Hz, whose low pass needs a margin of {LEAST_REACH * factor} samples; "
                f"half of spectrogram.window is {margin}"
            ]
        return []

    def shape(self, settings: dict) -> tuple[int, ...]:
        """Return the shape of one example: (ifo, time), (ifo, frequency, frame), or (1, row, column)."""
        axes = map(len, self.axes(settings).values())
        return 1 if self.array == "merged" else len(settings["ifos"]), *axes

    def axes(self, settings: dict) -> dict[str, np.ndarray]:
        """Return each axis after the ifos: times after the window's first sample (s), frequencies (Hz)."""
        if faults := self.faults(settings):
            raise GwsimError(f"examples cannot be seen so: {'; '.join(faults)}")
        if self.array == "merged":
            return {name: np.arange(2 * settings["qscan"]["size"]) for name in ("row", "column")}
        rate, stft = settings["sample_rate"], settings["spectrogram"]
        if self.array == "strain":
            seen = self.rate or rate
            return {"time": np.arange(round(settings["duration"] * seen)) / seen}
        frames = np.arange(samples(settings) // stft["hop"] + 1)
        return {
            "frequency": np.arange(geometry.frequency_bins(settings)) * rate / stft["window"],
            "frame": frames * stft["hop"] / rate,
        }

    def source(self, stored) -> str:
        """Return which array is read where some are stored."""
        if self.array == "merged":
            return "qscan"
        return self.array if self.array in stored else "strain"

    def raw(self, arrays: dict[str, np.ndarray], settings: dict) -> np.ndarray:
        """Return what is seen of arrays (sample, ...), not yet scaled."""
        if self.array == "merged":
            return merged(arrays["qscan"])
        if self.array == "strain":
            return series(arrays["strain"], settings, self.rate)
        return arrays[self.array] if self.array in arrays else spectrogram(arrays["strain"], settings)


def of(mapping: dict) -> View:
    """Return the view of a recipe, of settings, or of a network's description."""
    return View(mapping["array"], mapping["scale"], mapping.get("rate"))


def merged(scans: np.ndarray) -> np.ndarray:
    """Return Q-scans (sample, duration, frequency, time) as pictures (sample, 1, row, column), 0 to 1."""
    import torch

    from gwsim import qscan

    return qscan.merge(torch.from_numpy(scans)).numpy()[:, None] / np.float32(FULL)


def samples(settings: dict) -> int:
    """Return how many stored samples of strain the window has."""
    return round(settings["duration"] * settings["sample_rate"])


def spectrogram(strain: np.ndarray, settings: dict) -> np.ndarray:
    """Return the spectrogram (sample, ifo, frequency, frame) of strain with its margin."""
    import torch

    from gwsim import stft

    sizes = settings["spectrogram"]
    made = stft.magnitude(
        torch.from_numpy(strain), sizes["window"], sizes["hop"], geometry.frequency_bins(settings)
    )
    return made.contiguous().numpy()


def series(strain: np.ndarray, settings: dict, rate: int | None) -> np.ndarray:
    """Return strain (sample, ifo, time) without its margin, at another rate where one is given."""
    import scipy.signal

    margin, factor = settings["spectrogram"]["window"] // 2, settings["sample_rate"] // rate if rate else 1
    if factor == 1:
        return np.ascontiguousarray(strain[..., margin : margin + samples(settings)])
    reach = margin // factor
    taps = low_pass(factor, reach).astype(strain.dtype)
    low = scipy.signal.upfirdn(taps, strain[..., margin - reach * factor :], down=factor)
    # The first samples of a convolution have but part of its taps: they stand before the window.
    return np.ascontiguousarray(low[..., 2 * reach : 2 * reach + samples(settings) // factor])


def low_pass(factor: int, reach: int) -> np.ndarray:
    """Return the taps of a low pass of whose output every factor-th sample is kept, reach of them a side.

    It is a sinc under a Kaiser window (Kaiser's formulas), REJECTION down from the new Nyquist frequency on.
    Its sum is sqrt(factor): white noise of unit variance has a density of one again.
    """
    import scipy.signal

    size = 2 * reach * factor + 1
    width = (REJECTION - 7.95) / (2.285 * (size - 1)) / np.pi  # of the transition, over the old Nyquist
    beta = scipy.signal.kaiser_beta(REJECTION)
    taps = scipy.signal.firwin(size, 1 / factor - width / 2, window=("kaiser", beta))
    return taps * np.sqrt(factor)
