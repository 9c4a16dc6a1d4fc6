"""Pictures of Gravity Spy back to numbers: from colours to energies, from a figure's pixels to a common grid.

Takes the pixels of a glitch's four pictures, of 0.5, 1, 2 and 4 s, as the data sets hold them: 800 x 600 with
axes and colour bar, or 569 x 479 cut to the plot; gives the four views. The energy index is ten times the
normalised energy, from 0 to 255 over the colours from 0 to 25.5, so that a pixel's mean is one of energy.

views: uint8 (duration, frequency, time), 4 x 224 x 224: frequency ascending and logarithmic over
SCAN_FREQUENCIES, time ascending over the central SCAN_SPAN of each duration, the event in its middle.
"""

import functools
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from gwsim.conventions import SCAN_DURATIONS, SCAN_FREQUENCIES, SCAN_SPAN
from gwsim.errors import GwsimError
from gwsim.gravityspy.glitch import missing

SIZE = 224
# Plot of a figure of 8 x 6 inches at 100 dpi: 480 pixels for 10 to 2048 Hz in logarithm; in width 620, of
# which the colour bar and its gap take 5 % and 3 % of the plot. Edges of the drawn cells, measured in 88
# pictures of O1 and O2, fit 62.51 pixels an octave and 574.09 a window, and stand about half a pixel further
# left and further down than that.
HEIGHT, WIDTH = 480, 620 / 1.08
F_LOW, F_HIGH = 10, 2048
DRAWN_LEFT, DRAWN_BELOW = 0.49, 0.44
# A cell is drawn from its own frequency and time to the next one's: half of 0.5 Hz and of 2 ms too far on.
HELD_HZ, HELD_SECONDS = 0.25, 0.001
FREQUENCY_EDGES = np.geomspace(*SCAN_FREQUENCIES, SIZE + 1)  # Hz
TIME_EDGES = np.linspace(-SCAN_SPAN / 2, SCAN_SPAN / 2, SIZE + 1)  # parts of the duration
# (height, width) -> the plot's rows and columns in the picture, and where their first column and lowest row
# stand in the figure's plot: the smaller form begins with the frame's corner and ends a row above the plot's.
FORMS = {
    (479, 569): (slice(0, 479), slice(0, 569), 0, 1),
    (600, 800): (slice(60, 540), slice(100, 674), 0, 0),
}
SIZES = " or ".join(f"{width} x {height}" for height, width in FORMS)
# The map's own colours and mixtures of neighbours lie within 24 of it; a frame of one pixel is 0.4 % of all.
NEAR, STRANGE = 24, 0.02


@functools.cache
def colours() -> np.ndarray:
    """Return the colour map viridis as float64 (256, 3) of 0 to 255: rounded, the published pictures' own."""
    from matplotlib import colormaps

    return np.array(colormaps["viridis"].colors) * 255


@functools.cache
def _met() -> tuple[np.ndarray, np.ndarray]:
    """Return index + 1 and distance from the map of each colour met so far, by its 24 bits.

    Pages of the two tables that no colour touched take no memory.
    """
    known, far = np.zeros(1 << 24, dtype=np.uint16), np.zeros(1 << 24, dtype=np.uint16)
    for rounded in (np.floor, np.round):  # as maps of bytes are made, and as figures are drawn, which counts
        known[_packed(rounded(colours()))] = np.arange(1, 257)
    return known, far


def _packed(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = (pixels[..., channel].astype(np.uint32) for channel in range(3))
    return red << 16 | green << 8 | blue


def energy_index(pixels: np.ndarray) -> np.ndarray:
    """Return the index of each pixel's nearest colour in viridis: uint8 (H, W, 3 or 4) -> uint8 (H, W).

    Raises GwsimError for other arrays, and for a picture that is transparent or drawn in other colours.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise GwsimError(
            f"a picture of {pixels.dtype} {pixels.shape}: wanted uint8 (height, width, 3 or 4). Hint: grey "
            "pictures hold luminance; only the archive's are taken so"
        )
    known, far = _met()
    packed = _packed(pixels)
    index = known[packed]
    if not index.all():
        for new in np.array_split(fresh := np.unique(packed[index == 0]), len(fresh) // 4000 + 1):
            rgb = np.stack([new >> 16, new >> 8 & 255, new & 255], axis=1).astype(np.float64)
            distance = np.square(rgb[:, None] - colours()).sum(axis=2)  # (colour, index)
            known[new] = distance.argmin(axis=1) + 1
            far[new] = np.sqrt(distance.min(axis=1)).round()
        index = known[packed]
    _refuse_strange(far[packed], pixels)
    return (index - 1).astype(np.uint8)


def _refuse_strange(far: np.ndarray, pixels: np.ndarray) -> None:
    strange = far > NEAR
    if pixels.shape[2] == 4:
        strange |= pixels[..., 3] < 255
    if strange.mean() > STRANGE:
        raise GwsimError(
            f"{strange.mean():.1%} of a picture's pixels are transparent or not of the colour map viridis, "
            f"the farthest by {far.max()} of 255: wanted at most {STRANGE:.0%} farther than {NEAR}. Hint: "
            "pictures of other colour maps, of grey and of lossy formats do not tell their energies"
        )


def views(pictures: dict[float, np.ndarray], faults: Sequence[str] = ()) -> np.ndarray:
    """Return the views of a glitch's pictures by duration: uint8 (4, 224, 224) of energy indices.

    faults: what is wrong already, in place of durations missing.

    Raises GwsimError that tells all at once: durations missing, unknown sizes, colours not of the map.
    """
    faults, found = list(faults) or missing(pictures), []
    for duration in [duration for duration in SCAN_DURATIONS if duration in pictures]:
        try:
            found.append(view(pictures[duration], duration))
        except GwsimError as error:
            faults.append(f"{duration} s: {error}")
    if faults:
        raise GwsimError("; ".join(faults))
    return np.stack(found)


def view(pixels: np.ndarray, duration: float) -> np.ndarray:
    """Return one picture's view, uint8 (224, 224): means of the energy index over each pixel's area."""
    if pixels.shape[:2] not in FORMS:
        height, width = pixels.shape[:2]
        raise GwsimError(f"a picture of {width} x {height} pixels: wanted {SIZES}")
    rows, columns, left, below = FORMS[pixels.shape[:2]]
    index = energy_index(pixels[rows, columns])[::-1]  # frequency ascending
    over_rows = _areas(tuple(heights(FREQUENCY_EDGES) - below), index.shape[0])
    over_columns = _areas(tuple(places(TIME_EDGES, duration) - left), index.shape[1])
    means = (over_columns @ (over_rows @ index.astype(np.float32)).T).T
    return means.round().astype(np.uint8)


def heights(frequency: np.ndarray) -> np.ndarray:
    """Return where frequencies are drawn: pixels above the lower end of the plot."""
    return HEIGHT * np.log((frequency + HELD_HZ) / F_LOW) / np.log(F_HIGH / F_LOW) - DRAWN_BELOW


def places(part: np.ndarray, duration: float) -> np.ndarray:
    """Return where times, as parts of the duration from the event, are drawn: pixels from the plot's left."""
    return WIDTH * (part + HELD_SECONDS / duration + 0.5) - DRAWN_LEFT


@functools.lru_cache(maxsize=32)
def _areas(borders: tuple[float, ...], size: int) -> csr_array:
    """Return the matrix that averages pixels between borders: (borders - 1, size), each row's sum one."""
    borders, pixels = np.array(borders), np.arange(size)
    upper = np.minimum(borders[1:, None], pixels + 1)
    overlap = np.maximum(upper - np.maximum(borders[:-1, None], pixels), 0)
    return csr_array((overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32))
