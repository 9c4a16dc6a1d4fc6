"""Pictures of glitches as they might have been: changed while a network trains, in ways that detectors know.

Takes examples as a network sees them, `merged` or `scans` (see `view`): values from 0 to 1, linear in energy
up to 1, where it was cut. Gives the same glitches a little earlier, louder, over another noise floor, with
time reversed or frequencies moved where their class allows it (augment.yaml), or with a part of a view gated
away. Never are frequencies reversed, pictures turned, or classes mixed.

All is drawn per example from (seed, epoch, row): it does not depend on the batch, nor on a kill.
"""

import functools
import math
from importlib.resources import files

import numpy as np
import pandas as pd
import torch
import yaml
from jaxtyping import Float
from torch import Tensor

from gwsim import seeds, selection
from gwsim.conventions import SCAN_DURATIONS
from gwsim.qscan.views import CLIP, FREQUENCIES, SPAN

Scans = Float[Tensor, "sample duration row column"]

# Largest shift (s): 6 % of the shortest view. All views move by the same time.
SHIFT = 0.025
# Largest factor of the energy above the noise; the smallest, unless the glitch would be too faint.
LOUDEST, FAINTEST = 1.5, 0.7
# Gravity Spy has no glitch below: so the faintest are not lowered.
LEAST_SNR = 7.5
# Energy, over the noise's mean, that one pixel of noise in 150 has.
NOISE_TOP = 5 / CLIP
# Part of the examples of which one view is gated for a part of its time, and of which one view is missing.
GATED, MISSING = 0.15, 0.15
# Part of a view around its middle that no gate touches: a short glitch would be gone.
KEPT = 0.2
# What is drawn for each example, evenly between two ends.
DRAWN = {
    "flip": (0, 1),
    "shift": (-SHIFT, SHIFT),
    "jitter": (-1, 1),
    "louder": (0, 1),
    # Of the noise: normalised by its mean instead of its median, its energy is ln 2 of what it was.
    "floor": (0.6, 1.45),
    "gated": (0, 1),
    "gate": (0, 1),
    "width": (0.1, 0.2),
    "missing": (0, 1),
}


@functools.cache
def rules() -> dict[str, dict]:
    """Return what each class allows."""
    return yaml.safe_load(files("gwsim").joinpath("augment.yaml").read_text(encoding="utf-8"))


class Physical:
    """Changes batches of one set of examples.

    Views that decide together may lose one of them; `apart` says that each is an example of its own.
    """

    def __init__(self, examples, seed: int, apart: bool):
        allowed = [rules().get(name, {"flip": False, "jitter": 0.0}) for name in examples.classes]
        label = examples.table["label"].to_numpy()
        self._flips = np.array([one["flip"] for one in allowed])[label]
        self._jitter = np.array([one["jitter"] for one in allowed], float)[label]
        self._least = least_factor(examples.table)
        self._merged, self._seed, self._apart = examples.view.array == "merged", seed, apart
        self._durations = examples.view.durations or SCAN_DURATIONS
        self._drawn: tuple[int, dict[str, np.ndarray]] = (-1, {})

    def __call__(self, x: Tensor, rows: np.ndarray, epoch: int) -> Tensor:
        """Return the examples of some rows as this epoch shows them."""
        changed = self._changed(quarters(x) if self._merged else x, rows, epoch)
        return merged(changed) if self._merged else changed

    def _all(self, epoch: int) -> dict[str, np.ndarray]:
        """Return what is drawn for every row of the set."""
        if self._drawn[0] != epoch:
            size = len(self._flips)
            uniform = {name: seeds.uniforms(self._seed, "augment", epoch, name, size=size) for name in DRAWN}
            found = {name: low + (high - low) * uniform[name] for name, (low, high) in DRAWN.items()}
            self._drawn = epoch, found
        return self._drawn[1]

    def _changed(self, x: Scans, rows: np.ndarray, epoch: int) -> Scans:
        drawn, least = {name: values[rows] for name, values in self._all(epoch).items()}, self._least[rows]
        x = moved(x, drawn["shift"], self._flips[rows] & (drawn["flip"] < 0.5), self._durations)
        x = retuned(x, self._jitter[rows] * drawn["jitter"])
        x = louder(x, least + (LOUDEST - least) * drawn["louder"], drawn["floor"])
        view = chosen(drawn["gated"], GATED, x.shape[1])
        x = gated(x, view, *gate(drawn["gate"], drawn["width"]))
        if self._apart or x.shape[1] == 1:
            return x
        return gated(x, chosen(drawn["missing"], MISSING, x.shape[1]), np.zeros(len(x)), np.ones(len(x)))


def least_factor(table: pd.DataFrame) -> np.ndarray:
    """Return by how much each glitch may be lowered in energy, which goes with the SNR's square."""
    least = (LEAST_SNR / selection.snr(table)) ** 2
    return np.where(np.isnan(least), FAINTEST, least.clip(FAINTEST, 1))


# ---- the merged view


def quarters(x: Tensor) -> Scans:
    """Return the four views of merged ones (sample, 1, 2 row, 2 column)."""
    parts = x[:, 0].unflatten(-1, (2, -1)).unflatten(-3, (2, -1))  # (sample, upper, row, left, column)
    return parts.permute(0, 1, 3, 2, 4).flatten(1, 2)


def merged(x: Scans) -> Tensor:
    """Return four views as merged ones (sample, 1, 2 row, 2 column)."""
    return x.unflatten(1, (2, 2)).permute(0, 1, 3, 2, 4).flatten(3, 4).flatten(1, 2)[:, None]


# ---- operations; arguments are one value a sample


def moved(x: Scans, seconds: np.ndarray, flip: np.ndarray, durations) -> Scans:
    """Return views that are later by some seconds, after time was reversed where `flip` says so.

    Shifts are whole pixels of each view, so that noise stays as it is. What was not seen is the view's own
    end, mirrored.
    """
    columns = x.shape[-1]
    per_second = columns / (SPAN * np.array(durations))
    place = np.arange(columns) - np.rint(seconds[:, None] * per_second)[..., None]  # (sample, view, column)
    place = np.where(flip[:, None, None], columns - 1 - place, place)
    place = columns - 1 - np.abs(columns - 1 - np.abs(place))
    place = torch.from_numpy(place.astype(np.int64)).to(x.device)
    return x.gather(-1, place[:, :, None].expand(x.shape))


def retuned(x: Scans, part: np.ndarray) -> Scans:
    """Return views whose frequencies are higher by a part; the outermost rows fill what was not seen.

    Rows are even in the logarithm of frequency, the highest first. The shift is a part of a pixel.
    """
    if not part.any():
        return x
    rows = x.shape[-2]
    up = rows * np.log1p(part) / math.log(FREQUENCIES[1] / FREQUENCIES[0])
    place = (np.arange(rows) + up[:, None]).clip(0, rows - 1)
    above = np.minimum(place.astype(np.int64), rows - 2)
    low, high = (
        x.gather(-2, torch.from_numpy(one).to(x.device)[:, None, :, None].expand(x.shape))
        for one in (above, above + 1)
    )
    return torch.lerp(low, high, _each(place - above, x)[:, None, :, None])


def louder(x: Scans, factor: np.ndarray, floor: np.ndarray) -> Scans:
    """Return views whose energy above the noise is greater by a factor, and that of noise by another.

    Energies that were cut are not known and stay cut.
    """
    noise = x.clamp(max=NOISE_TOP)
    changed = _columns(floor, x) * noise + _columns(factor, x) * (x - noise)
    return torch.where(x < 1, changed.clamp(max=1), x)


def gate(chance: np.ndarray, width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where gates begin and end, parts of a view's time: before its kept middle or after it."""
    room = (1 - KEPT) / 2 - width
    begin = np.where(chance < 0.5, 2 * chance * room, (1 + KEPT) / 2 + (2 * chance - 1) * room)
    return begin, begin + width


def chosen(chance: np.ndarray, part: float, views: int) -> np.ndarray:
    """Return one of the views, each as often, for a part of the chances from 0 to 1; -1 for the others."""
    return np.where(chance < part, views * chance / part, -1).astype(int)


def gated(x: Scans, view: np.ndarray, begin: np.ndarray, end: np.ndarray) -> Scans:
    """Return views of which one of each sample (none where it is -1) has no energy from begin to end."""
    place = (np.arange(x.shape[-1]) + 0.5) / x.shape[-1]
    within = (place >= begin[:, None]) & (place < end[:, None])
    lost = (np.arange(x.shape[1]) == view[:, None])[..., None] & within[:, None]  # (sample, view, column)
    return x.masked_fill(torch.from_numpy(lost).to(x.device)[:, :, None], 0)


def _each(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=like.dtype, device=like.device)


def _columns(values: np.ndarray, like: Tensor) -> Tensor:
    """Return one value a sample, to multiply views with."""
    return _each(values, like)[:, None, None, None]
