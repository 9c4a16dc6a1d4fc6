"""Gravity Spy as folders of pictures: train/train/Blip/H1_abcdefghij_spectrogram_0.5.png and its kin.

Takes a folder that holds such files at any depth: a picture's class is the name of its folder, its split
that of any folder above (train, validation, test). Gives the glitches and, all at once, what is wrong with
the rest. Other files than pictures, and hidden ones, are passed over without a word: tables, thumbnails.
"""

import os
import re
import struct
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

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

NAME = re.compile(r"([A-Z]\d)_([A-Za-z0-9]+)_spectrogram_(0\.5|1\.0|2\.0|4\.0)\.png")
OTHERS = {".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"}
# A PNG's first bytes: its signature, the length and name of its first chunk, width and height.
HEADER = struct.Struct(">16sII")
SIGNATURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def find(root: str | Path, classes=CLASSES, corrections: dict[str, str] = CORRECTIONS) -> Found:
    """Return the glitches under a folder whose four pictures are there, and the faults of all others.

    Pictures are opened as far as their size: only `read` sees what is broken further on.

    Raises GwsimError if there is no folder, or no whole glitch in it.
    """
    root = Path(root).resolve()
    if not root.is_dir():
        raise GwsimError(f"{root}: no folder of Gravity Spy's pictures there")
    pictures, faults = _sorted_out(root, classes)
    found = together(pictures, corrections)
    found = Found(found.glitches, faults + found.faults, found.notes)
    if not found.glitches:
        wanted = "CLASS/IFO_ID_spectrogram_DURATION.png for 0.5, 1.0, 2.0 and 4.0 s"
        raise GwsimError("; ".join([f"{root}: no glitch with its pictures {wanted} there", *found.faults]))
    return found


def _sorted_out(root: Path, classes) -> tuple[list[Picture], list[str]]:
    """Return the good pictures in order of their paths, and the faults of the others."""
    pictures, unknown, unparsed, others, sizes = [], Counter(), [], [], defaultdict(list)
    for path in _files(root):
        inside, label = path.relative_to(root), path.parent.name
        if path.suffix.lower() in OTHERS:
            others.append(inside)
        if path.suffix.lower() != ".png":
            continue
        if (name := NAME.fullmatch(path.name)) is None:
            unparsed.append(inside)
        elif label not in classes:
            unknown[label] += 1
        elif (size := _size(path)) not in images.FORMS:
            sizes[size].append(inside)
        else:
            pictures.append(Picture(name[1], name[2], float(name[3]), label, _split(root, path), path))
    faults = fault("names of pictures are not IFO_ID_spectrogram_DURATION.png", unparsed)
    faults += fault("pictures are no PNG: others do not keep the colours", others)
    faults += strangers(unknown, classes)
    for size, paths in sizes.items():
        what = (
            f"pictures of {size[1]} x {size[0]} pixels, wanted {images.SIZES}" if size else "files are no PNG"
        )
        faults += fault(what, paths)
    return pictures, faults


def _files(root: Path) -> list[Path]:
    """Return all files but hidden ones, in order of their paths, whatever the order of the folders."""
    found = (Path(folder) / name for folder, _, names in os.walk(root, followlinks=True) for name in names)
    return sorted(path for path in found if not path.name.startswith("."))


def _size(path: Path) -> tuple[int, int] | None:
    """Return a picture's (height, width) from its first bytes, or None if they are not a PNG's."""
    with path.open("rb") as file:
        first = file.read(HEADER.size)
    if len(first) < HEADER.size:
        return None
    signature, width, height = HEADER.unpack(first)
    return (height, width) if signature == SIGNATURE else None


def _split(root: Path, path: Path) -> str | None:
    """Return the split that a folder above the class's is named after, the innermost of them, or None."""
    above = (root.name, *path.relative_to(root).parts[:-2])
    named = [part.lower() for part in above if part.lower() in SPLITS]
    return named[-1] if named else None


def read(glitch: Glitch) -> np.ndarray:
    """Return a glitch's views.

    Raises GwsimError that names the glitch and its pictures which are broken, of another size or colours.
    """
    pictures, faults = {}, []
    for duration, path in glitch.paths.items():
        try:
            pictures[duration] = pixels(path)
        except GwsimError as error:
            faults.append(str(error))
    try:
        views = images.views(pictures, faults)
    except GwsimError as error:
        folder = next(iter(glitch.paths.values())).parent
        raise GwsimError(f"{glitch.name} in {folder}: {error}") from error
    return views


def pixels(path: Path) -> np.ndarray:
    """Return a PNG's pixels, uint8 (H, W, 3 or 4). Raises GwsimError for a file that is broken or away."""
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as picture:
            return np.array(picture.convert("RGBA") if picture.mode == "P" else picture)
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises for broken files
        raise GwsimError(f"{path.name} cannot be read as a PNG ({error})") from error
