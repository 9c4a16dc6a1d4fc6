"""Glitches parted into splits by their id, so that the views of one never stand in two.

Takes ids, classes and fractions; gives splits. It is a function of the set of ids alone: neither their order
nor their number of pictures matters, and within a class an id's rank is drawn from its own name.
"""

from collections import defaultdict
from collections.abc import Sequence

from gwsim import seeds
from gwsim.conventions import SPLIT_FRACTIONS
from gwsim.errors import GwsimError
from gwsim.gravityspy.glitch import fault


def assign(
    ids: Sequence[str],
    labels: Sequence[str],
    fractions: dict[str, float] = SPLIT_FRACTIONS,
    seed: int = 0,
    official: Sequence[str | None] | None = None,
) -> list[str]:
    """Return each glitch's split: of each class the fractions, to the nearest glitch.

    official: splits that stand already, which are kept; the fractions are then of the others.

    Raises GwsimError if fractions do not add up to one, or an id has two classes or two official splits.
    """
    if abs(sum(fractions.values()) - 1) > 1e-9 or min(fractions.values()) < 0:
        raise GwsimError(f"splits' fractions {fractions}: wanted numbers of at least 0 that add up to 1")
    official = [None] * len(ids) if official is None else official
    label_of, kept = _one_each(ids, labels, "classes"), _one_each(ids, official, "official splits")
    if strange := sorted({split for split in kept.values() if split} - set(fractions)):
        raise GwsimError(f"official splits {', '.join(strange)}: wanted {', '.join(fractions)}")
    classes = defaultdict(list)
    for id, label in label_of.items():
        if kept[id] is None:
            classes[label].append(id)
    split_of = {id: split for id, split in kept.items() if split}
    for label, members in classes.items():
        members.sort(key=lambda id: (seeds.key(seed, "split", id), id))
        split_of |= dict(zip(members, _stretches(len(members), fractions, seed, label), strict=True))
    return [split_of[id] for id in ids]


def _stretches(count: int, fractions: dict[str, float], seed: int, label: str) -> list[str]:
    """Return splits of so many, in stretches: rounding up or down falls to each class by its own chance.

    Otherwise every class of a few would lack the same split.
    """
    part = seeds.uniforms(seed, "round", label, size=1)[0]
    splits, done = [], 0.0
    for split, fraction in fractions.items():
        done += fraction
        splits += [split] * (int(done * count + part + 1e-9) - len(splits))
    return splits[:count]


def _one_each(ids, values, what: str) -> dict:
    """Return each id's value. Raises GwsimError for those of several."""
    found = defaultdict(set)
    for id, value in zip(ids, values, strict=True):
        found[id].add(value)
    told = fault(f"glitches have several {what}", [id for id, its in found.items() if len(its) > 1])
    if told:
        raise GwsimError(told[0])
    return {id: its.pop() for id, its in found.items()}
