"""Gravity Spy as one HDF5 file, trainingsetv1d1.h5: /CLASS/SPLIT/ID/0.5.png, in grey.

Its datasets hold the luminance of the pictures' usual crop at 0.3 of its size, float in 0 to 1, first row at
the top. Luminance rises along the colour map, so that each grey has one energy; then the views are those of
the pictures, at the same frequencies and times, of less resolution.
"""

from collections import Counter
from pathlib import Path

import h5py
import numpy as np

from gwsim.conventions import SCAN_DURATIONS
from gwsim.errors import GwsimError
from gwsim.gravityspy import images
from gwsim.gravityspy.glitch import (
    CLASSES,
    CORRECTIONS,
    SPLITS,
    Found,
    Glitch,
    Picture,
    fault,
    strangers,
    together,
)

ROWS, COLUMNS = 140, 170
# The crop's lowest row and first column in the figure's plot, and its sizes there.
BELOW, LEFT, HEIGHT, WIDTH = 8, 5, 466, 566
LUMINANCE = (0.2125, 0.7154, 0.0721)  # of red, green, blue, as the set's own reduction to grey weighs them
# How far grey may leave the map's own, 0.08 to 0.88, and how much of a picture may.
BEYOND, STRANGE = 0.03, 0.02
NAMES = {f"{duration}.png": duration for duration in SCAN_DURATIONS}


def find(path: str | Path, classes=CLASSES, corrections: dict[str, str] = CORRECTIONS) -> Found:
    """Return the glitches of an archive whose four pictures are there, and the faults of all others.

    Raises GwsimError if the file cannot be read or has no whole glitch.
    """
    pictures, unknown, misplaced = [], Counter(), []
    with _opened(path) as file:
        for label, splits in _groups(file):
            for split, ids in _groups(splits):
                entries = [(id, name) for id, group in _groups(ids) for name in group if name in NAMES]
                if label not in classes:
                    unknown[label] += len(entries)
                elif split not in SPLITS:
                    misplaced.append(f"{label}/{split}")
                else:
                    pictures += [
                        Picture(None, id, NAMES[name], label, split, Path(label, split, id, name))
                        for id, name in entries
                    ]
    found = together(pictures, corrections, Path(path))
    faults = strangers(unknown, classes) + fault(f"groups are no split of {', '.join(SPLITS)}", misplaced)
    found = Found(found.glitches, faults + found.faults, found.notes)
    if not found.glitches:
        raise GwsimError("; ".join([f"{path}: no glitch CLASS/SPLIT/ID/DURATION.png in it", *found.faults]))
    return found


def _opened(path: str | Path) -> h5py.File:
    try:
        return h5py.File(path)
    except OSError as error:
        raise GwsimError(f"{path} cannot be read as HDF5 ({error}); is it whole?") from error


def _groups(group) -> list[tuple[str, h5py.Group]]:
    return [(name, item) for name, item in group.items() if isinstance(item, h5py.Group)]


def read(glitch: Glitch) -> np.ndarray:
    """Return a glitch's views.

    Raises GwsimError that names the glitch and its pictures which are broken or of another shape or grey.
    """
    views, faults = [], []
    with _opened(glitch.archive) as file:
        for duration, path in glitch.paths.items():
            try:
                views.append(view(file[path.as_posix()][...], duration))
            except (GwsimError, KeyError, OSError) as error:
                faults.append(f"{path}: {error}")
    if faults:
        raise GwsimError(f"{glitch.name} in {glitch.archive}: {'; '.join(faults)}")
    return np.stack(views)


def view(grey: np.ndarray, duration: float) -> np.ndarray:
    """Return the view, uint8 (224, 224), of a picture of luminance, (140, 170) after axes of one.

    Raises GwsimError for another shape, and for grey that is not the luminance of the colour map.
    """
    if grey.size != ROWS * COLUMNS or grey.shape[-2:] != (ROWS, COLUMNS):
        raise GwsimError(f"a picture of shape {grey.shape}: wanted {ROWS} rows of {COLUMNS}")
    index = energy_index(grey.reshape(ROWS, COLUMNS))[::-1]  # frequency ascending
    frequency = np.sqrt(images.FREQUENCY_EDGES[1:] * images.FREQUENCY_EDGES[:-1])
    time = (images.TIME_EDGES[1:] + images.TIME_EDGES[:-1]) / 2
    row = (images.heights(frequency) - BELOW) * ROWS / HEIGHT - 0.5
    column = (images.places(time, duration) - LEFT) * COLUMNS / WIDTH - 0.5
    points = _between(_between(index, row).T, column).T
    return points.round().astype(np.uint8)


def energy_index(grey: np.ndarray) -> np.ndarray:
    """Return the place on the colour map that has a luminance: float in 0 to 255."""
    luminance = images.colours() @ np.array(LUMINANCE) / 255
    with np.errstate(invalid="ignore"):
        near = (grey >= luminance[0] - BEYOND) & (grey <= luminance[-1] + BEYOND)
    if (~near).mean() > STRANGE:
        raise GwsimError(
            f"{(~near).mean():.1%} of a picture's grey is not the luminance of viridis, which is "
            f"{luminance[0]:.2f} to {luminance[-1]:.2f}: it goes from {np.nanmin(grey):.4g} to "
            f"{np.nanmax(grey):.4g}"
        )
    return np.interp(np.nan_to_num(grey), luminance, np.arange(256))


def _between(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the values along the first axis at places between, linearly, with the ends held."""
    at = np.clip(at, 0, len(values) - 1)
    first = np.minimum(at.astype(int), len(values) - 2)
    part = (at - first)[:, None]
    return values[first] * (1 - part) + values[first + 1] * part
