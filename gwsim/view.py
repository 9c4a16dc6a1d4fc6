"""What a network sees of an example: one array, or several put together, as its settings name it, unscaled.

Takes arrays as render makes them and a store keeps them, with half an STFT window of margin at either side of
strain. Seen strain is cut to the window, [0, duration) after its first sample; where its rate is lowered, a
low pass of zero phase comes first, which reaches into the margin. It is as loud as it was: noise that is
white and of unit variance keeps its density, and its variance up to what the low pass takes. A spectrogram
that is not at hand is made of the strain.

Of Q-scans it sees the `merged` view, one picture of the four durations, two above and two below, or `scans`,
a picture of each duration or of those that are named. Pictures are from 0 to 1, low frequencies at the bottom
(of each quarter), and may be made smaller: each pixel the mean of `pool` by `pool` of them.

Of toys it sees their `picture`, one plane of rows and columns.

Settings are those of render: ifos, sample_rate, duration, spectrogram (window, hop, f_max), qscan (size) or
picture (rows, columns).
The configuration is checked by this, too, so that libraries are loaded where they are used.
"""

import dataclasses

import numpy as np

from gwsim import geometry
from gwsim.conventions import SCAN_DURATIONS
from gwsim.errors import GwsimError

# What is seen -> the section of render's settings that it needs.
NEEDS = {
    "spectrogram": "spectrogram",
    "strain": "spectrogram",
    "merged": "qscan",
    "scans": "qscan",
    "picture": "picture",
}
# Those of Q-scans.
PICTURES = ("merged", "scans")
# Greatest value of a Q-scan's pixel.
FULL = 255
# All from the new Nyquist frequency on is so far down (dB).
REJECTION = 60
# Samples at the new rate that the low pass reaches at either side; with fewer its edge is no edge.
LEAST_REACH = 8


@dataclasses.dataclass(frozen=True)
class View:
    """array: one of NEEDS; scale: see `dataset.scaled`; rate: of strain (Hz), None as stored.

    durations: of `scans` (s), None for all; pool: pixels along each axis of pictures that become one.
    """

    array: str = "spectrogram"
    scale: str = "minmax"
    rate: int | None = None
    durations: tuple[float, ...] | None = None
    pool: int = 1

    def faults(self, settings: dict) -> list[str]:
        """Return what keeps examples of these settings from being seen so."""
        there = [array for array, section in NEEDS.items() if section in settings]
        if self.array not in there:
            return [f"array: got '{self.array}', expected one of {', '.join(there)}"]
        return self._picture_faults(settings) + self._rate_faults(settings)

    def _picture_faults(self, settings: dict) -> list[str]:
        if self.array not in PICTURES:
            given = {"durations": self.durations, "pool": None if self.pool == 1 else self.pool}
            return [
                f"{name}: got {value} for {self.array}, expected it for {' and '.join(PICTURES)} alone"
                for name, value in given.items()
                if value is not None
            ]
        found, size = [], settings["qscan"]["size"]
        if self.durations is not None and self.array == "merged":
            found.append("durations: a merged view has all of them; name some with array: scans")
        if strange := [f"{one:g}" for one in self.durations or () if one not in SCAN_DURATIONS]:
            known = ", ".join(f"{one:g}" for one in SCAN_DURATIONS)
            found.append(f"durations: got {', '.join(strange)} s, expected some of {known}")
        if size % self.pool:
            found.append(f"pool: got {self.pool}, expected a divisor of qscan.size, {size}")
        return found

    def _rate_faults(self, settings: dict) -> list[str]:
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
        """Return the shape of one example: (ifo, time), (ifo, frequency, frame), (picture, row, column)."""
        first = {"merged": 1, "picture": 1, "scans": len(self.durations or SCAN_DURATIONS)}
        return first.get(self.array, len(settings["ifos"])), *map(len, self.axes(settings).values())

    def axes(self, settings: dict) -> dict[str, np.ndarray]:
        """Return each axis after the ifos: times after the window's first sample (s), frequencies (Hz)."""
        if faults := self.faults(settings):
            raise GwsimError(f"examples cannot be seen so: {'; '.join(faults)}")
        if self.array in PICTURES:
            size = settings["qscan"]["size"] * (2 if self.array == "merged" else 1) // self.pool
            return {name: np.arange(size) for name in ("row", "column")}
        if self.array == "picture":
            sizes = settings["picture"]
            return {"row": np.arange(sizes["rows"]), "column": np.arange(sizes["columns"])}
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
        if self.array in PICTURES:
            return "qscan"
        return self.array if self.array in stored or self.array == "picture" else "strain"

    def raw(self, arrays: dict[str, np.ndarray], settings: dict) -> np.ndarray:
        """Return what is seen of arrays (sample, ...), not yet scaled."""
        if self.array in PICTURES:
            seen = self._merged if self.array == "merged" else self._scans
            return pooled(seen(arrays["qscan"]), self.pool)
        if self.array == "picture":
            return arrays["picture"][:, None]
        if self.array == "strain":
            return series(arrays["strain"], settings, self.rate)
        return arrays[self.array] if self.array in arrays else spectrogram(arrays["strain"], settings)

    def _merged(self, scans: np.ndarray) -> np.ndarray:
        """Return Q-scans (sample, duration, frequency, time) as pictures (sample, 1, row, column)."""
        import torch

        from gwsim import qscan

        return qscan.merge(torch.from_numpy(scans)).numpy()[:, None]

    def _scans(self, scans: np.ndarray) -> np.ndarray:
        """Return Q-scans as pictures (sample, duration, row, column)."""
        places = [SCAN_DURATIONS.index(one) for one in self.durations or SCAN_DURATIONS]
        return scans[:, places, ::-1]


# Names of a recipe that say what is seen.
KEYS = tuple(field.name for field in dataclasses.fields(View))


def of(mapping: dict) -> View:
    """Return the view of a recipe, of settings, or of a network's description."""
    given = {key: mapping[key] for key in KEYS if mapping.get(key) is not None}
    if "durations" in given:
        given["durations"] = tuple(given["durations"])
    return View(**given)


def pooled(pictures: np.ndarray, pool: int) -> np.ndarray:
    """Return pictures (..., row, column) of 0 to FULL as 0 to 1, each pixel the mean of pool by pool."""
    *rest, rows, columns = pictures.shape
    parts = pictures.reshape(*rest, rows // pool, pool, columns // pool, pool)
    # Sums of whole numbers, which the order does not change.
    return parts.sum(axis=(-3, -1), dtype=np.uint32).astype(np.float32) / (FULL * pool**2)


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


def tiles(array: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many pictures make one along each axis: Q-scans of several durations lie side by side."""
    channels, *axes = shape
    return (-(-channels // 2), 2) if array == "scans" and channels > 1 else (1,) * len(axes)


def tiled(values: np.ndarray) -> np.ndarray:
    """Return Q-scans (sample, duration, row, column) as one picture each, two durations side by side."""
    count, channels, *size = values.shape
    rows, columns = tiles("scans", values.shape[1:])
    whole = np.zeros((count, rows * columns, *size), values.dtype)
    whole[:, :channels] = values
    table = whole.reshape(count, rows, columns, *size).swapaxes(2, 3)
    return table.reshape(count, 1, rows * size[0], columns * size[1])
