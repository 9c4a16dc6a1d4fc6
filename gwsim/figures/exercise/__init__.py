"""The page of the exercise on toy pictures: four tasks and four questions, with figures and numbers.

Takes the networks by what the exercise calls them, the pictures that they are asked about, and the settings;
gives the sections of the page, and its numbers as `metrics.json` has them.
"""

import numpy as np

from gwsim.figures import page as pages
from gwsim.figures.exercise import panels, questions, tasks
from gwsim.figures.exercise.asked import Asked

TITLE = "Chirp or blip?"
PARTS = (
    tasks.network,
    tasks.training,
    tasks.mistakes,
    tasks.confidence,
    questions.third_class,
    questions.drifting,
    questions.linear,
    questions.halves,
)


def answers(its: Asked) -> tuple[list[pages.Section], dict[str, dict]]:
    """Return the sections of the page, and its numbers."""
    parts = [part(its) for part in PARTS]
    numbers = {key: one for _, found in parts for key, one in found.items()}
    return [section for section, _ in parts], numbers


def lead(its: Asked) -> str:
    """Return what the page begins with."""
    counts = np.bincount(its.labels, minlength=3)
    told = ", ".join(f"{count} of {name}" for count, name in zip(counts, panels.NAMES, strict=True))
    return (
        f"Toy spectrograms of chirps, blips and noise: what a small network makes of {told}, which it has "
        "not seen. docs/exercise.md walks through this page."
    )
