"""One glitch of the real set, what a search for glitches found, and pictures put together to glitches.

Pictures of one glitch belong together by its ifo and id, never by where a file stands in its folder.
"""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from gwsim.conventions import SCAN_DURATIONS
from gwsim.waveforms.glitches import CLASSES

SPLITS = ("train", "validation", "test")
# Labels of the published training set that are known to be wrong: id -> class.
CORRECTIONS = {"VXw4KBWl5g": "Paired_Doves"}
# A message names no more than this.
NAMED = 8


@dataclass(frozen=True)
class Glitch:
    """A glitch's pictures by duration in s.

    paths: within `archive` where that is given; its glitches' ifo is unknown.
    gps: the event's time in whole nanoseconds.
    """

    ifo: str | None
    id: str
    label: str
    split: str | None
    paths: dict[float, Path]
    gps: int | None = None
    archive: Path | None = None

    @property
    def name(self) -> str:
        return f"{self.ifo}_{self.id}" if self.ifo else self.id


@dataclass(frozen=True)
class Found:
    """The whole and unambiguous glitches in order of class and name, what was wrong, and what was mended."""

    glitches: list[Glitch]
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Picture(NamedTuple):
    """One picture, as its place and its name tell."""

    ifo: str | None
    id: str
    duration: float
    label: str
    split: str | None
    path: Path


def fault(what: str, offenders: Iterable) -> list[str]:
    """Return a list of no or one fault: what is wrong with how many, and the names of the first of them."""
    offenders = [str(offender) for offender in offenders]
    if not offenders:
        return []
    more = f" and {len(offenders) - NAMED} more" if len(offenders) > NAMED else ""
    return [f"{len(offenders)} {what}: {', '.join(offenders[:NAMED])}{more}"]


def strangers(pictures: Mapping[str, int], classes: Iterable[str] = CLASSES) -> list[str]:
    """Return the fault of names that are no class, of so many pictures each, with hints at spelling."""
    if not pictures:
        return []
    plain = {name.lower().replace("_", ""): name for name in classes}
    told = []
    for label, count in sorted(pictures.items()):
        word = "".join(letter for letter in label.lower() if letter.isalnum())
        close = difflib.get_close_matches(word, plain, n=1, cutoff=0.75)
        told.append(f"{label} with {count} pictures" + (f" ({plain[close[0]]}?)" if close else ""))
    known = "; known are " + ", ".join(classes)
    return [one + known for one in fault("folders are of no known class and are left out", told)]


def missing(durations: Iterable[float]) -> list[str]:
    """Return what durations are lacking, in a list of none or one fault."""
    lacking = [str(duration) for duration in SCAN_DURATIONS if duration not in durations]
    return [f"no picture of {', '.join(lacking)} s"] if lacking else []


def together(
    pictures: Iterable[Picture], corrections: Mapping[str, str] = CORRECTIONS, archive: Path | None = None
) -> Found:
    """Return the glitches of pictures in order of their paths: those that are whole, of one class and split.

    Of several pictures of one duration the first counts.
    """
    groups, copies = defaultdict(list), []
    for picture in pictures:
        groups[picture.ifo, picture.id].append(picture)
    glitches, wrong = [], {"classes": [], "splits": [], "lacking": []}
    for (ifo, id), group in sorted(groups.items(), key=lambda item: str(item[0])):
        paths = {picture.duration: picture.path for picture in reversed(group)}
        label, split = group[0].label, group[0].split
        glitch = Glitch(ifo, id, label, split, dict(sorted(paths.items())), archive=archive)
        labels, splits = ({str(getattr(p, what)) for p in group} for what in ("label", "split"))
        if len(labels) > 1:
            wrong["classes"].append(f"{glitch.name} in {' and '.join(sorted(labels))}")
        elif len(splits) > 1:
            wrong["splits"].append(f"{glitch.name} in {' and '.join(sorted(splits))}")
        elif lacking := missing(paths):
            wrong["lacking"].append(f"{glitch.name} of {label} ({lacking[0]})")
        else:
            copies += [picture.path for picture in group if picture.path != paths[picture.duration]]
            glitches.append(glitch)
    faults = fault("glitches lack a duration and are left out", wrong["lacking"])
    faults += fault("glitches stand in several classes and are left out", wrong["classes"])
    faults += fault("glitches stand in several splits and are left out", wrong["splits"])
    faults += fault("pictures are copies of others and are passed over", copies)
    glitches, notes = _corrected(glitches, corrections)
    return Found(sorted(glitches, key=lambda glitch: (glitch.label, glitch.name)), faults, notes)


def _corrected(glitches, corrections) -> tuple[list[Glitch], list[str]]:
    """Return the glitches with wrong labels corrected, and a note of what was."""
    corrected = [replace(glitch, label=corrections.get(glitch.id, glitch.label)) for glitch in glitches]
    changes = [
        f"{old.name} from {old.label} to {new.label}"
        for old, new in zip(glitches, corrected, strict=True)
        if old.label != new.label
    ]
    return corrected, fault("labels are known to be wrong and were corrected", changes)
