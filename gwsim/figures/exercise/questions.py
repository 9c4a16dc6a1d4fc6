"""The exercise's four questions: a third class, drifting blips, a linear classifier, half a picture."""

import numpy as np

from gwsim import evaluate, exercise
from gwsim.exercise import BLIP, CHIRP, NOISE, Rate
from gwsim.figures import page as pages
from gwsim.figures.exercise import panels
from gwsim.figures.exercise.asked import Asked, accuracy, number, surest

NAMES = ("blip", "chirp")
# Widths in frequency (rows) over which blips are followed.
WIDTHS = (0.5, 4.5)


def third_class(its: Asked) -> tuple[pages.Section, dict]:
    """Return whether a class of noise moves the boundary between the other two."""
    known, silent = its.labels <= CHIRP, its.labels == NOISE
    others = {name: its.odds[name] for name in ("three", "again") if name in its.odds}
    sides = {name: (odds[known] > 0) != (its.odds["network"][known] > 0) for name, odds in others.items()}
    moved = {name: exercise.rate(one) for name, one in sides.items()}
    called = exercise.rate(its.odds["network"][silent] > 0)
    told = exercise.logits(its.networks["three"], its.pictures).argmax(axis=1) == its.labels
    said = {"three": "log odds with a class of noise", "again": "log odds of another seed of the first"}
    figure = panels.log_odds(
        {said[name]: (its.odds["network"], odds) for name, odds in others.items()},
        its.labels,
        "log odds, two classes",
    )
    caption = (
        "Log odds of chirp against blip of the same test pictures, noise among them, by two networks. "
        "Dotted: where either changes its mind; the diagonal: where both say the same."
    )
    control = (
        f"; another seed of the two-class network does so for {moved['again']}" if "again" in moved else ""
    )
    prose = (
        f"The network that learnt noise as a third class says otherwise of {moved['three']} of the test "
        f"set's blips and chirps{control}. What changes is what is said of nothing: a network of two classes "
        f"has to call noise one of them, and says chirp to {called} of pictures of noise alone. With the "
        f"third class {exercise.rate(told)} of all pictures are told, of noise {exercise.rate(told[silent])}."
    )
    found = {
        **{
            f"moved_{name}": number(one, f"blips and chirps told otherwise ({said[name]})")
            for name, one in moved.items()
        },
        "noise_called_chirp": number(
            called, "pictures of noise that the network of two classes calls chirps"
        ),
        "accuracy_three_classes": number(
            exercise.rate(told), "accuracy of the network that knows noise, three classes"
        ),
    }
    picture = pages.Picture("third_class", figure, caption)
    return pages.Section("question-1", "Question 1: noise as a third class", prose, [], [], [picture]), found


def drifting(its: Asked) -> tuple[pages.Section, dict]:
    """Return where a drifting blip becomes a chirp."""
    model, settings = its.networks["network"], its.settings
    blips = exercise.drawn(settings, "blip", settings["sweep"])
    drifts, widths = (np.linspace(*ends, settings["steps"]) for ends in (settings["drifts"], WIDTHS))
    curves = {
        name: _called(exercise.swept(model, settings, blips.assign(**changed), "drift", drifts))
        for name, changed in exercise.KINDS.items()
    }
    by_width = _called(exercise.swept(model, settings, blips, "sigma_row", widths))
    line = exercise.crossing(widths, by_width)
    figure = panels.shares(
        {
            "drift (rows a column)": (drifts, curves),
            "width in frequency, sigma (rows)": (widths, {"drift as drawn": by_width}),
        }
    )
    caption = (
        "Share of blips called chirps. Left: by drift, for blips as they are drawn, for ones as narrow as a "
        "chirp, and for narrow ones that last (sigma of 8 columns). Right: by width in frequency."
    )
    found = {
        "blip_width_line": evaluate.number(
            line[0] if line else None,
            None,
            settings["sweep"],
            "sigma (rows) of blips half of which are called chirps",
        )
    }
    for end, drift in zip((0, -1), settings["drifts"], strict=True):
        share = Rate(round(curves["as drawn"][end] * len(blips)), len(blips))
        found[f"drifting_{'up' if end else 'down'}"] = number(
            share, f"blips called chirps at a drift of {drift:g} rows a column"
        )
    picture = pages.Picture("drift", figure, caption)
    prose = _drift_told(settings, drifts, curves, line)
    return pages.Section("question-2", "Question 2: drifting blips", prose, [], [], [picture]), found


def _drift_told(
    settings: dict, drifts: np.ndarray, curves: dict[str, np.ndarray], widths: list[float]
) -> str:
    """Return where drifting blips become chirps, in words; widths: where half of them are."""
    drawn, lasting = curves["as drawn"], curves["narrow and long"]

    def half(curve):
        return " and ".join(f"{one:.2f}" for one in exercise.crossing(drifts, curve)) or "none"

    return (
        f"{settings['sweep']} blips, the same ones with the same noise, at every drift from {drifts[0]:g} to "
        f"{drifts[-1]:g} rows a column. From "
        f"{100 * drawn.min():.0f} to {100 * drawn.max():.0f} % of them are called chirps; drifts at which "
        f"half are: {half(drawn)}. By their width in frequency, half are at a sigma of "
        f"{', '.join(f'{one:.2f}' for one in widths) or 'no'} rows; a chirp is as wide as a sigma of "
        f"{exercise.NARROW:.2f}. Of narrow blips that last, half are at drifts of {half(lasting)}."
    )


def _called(odds: np.ndarray) -> np.ndarray:
    """Return the share of blips called chirps at each value."""
    return (odds > 0).mean(axis=1)


def linear(its: Asked) -> tuple[pages.Section, dict]:
    """Return how a linear classifier of pixels does, and what it looks at."""
    last, labels = its.histories["linear"].iloc[-1], its.labels
    mean = {label: its.pictures[labels == label].mean(axis=0) for label in (BLIP, CHIRP)}
    maps = {
        "weights of the linear classifier": its.networks["linear"].weights()[0].numpy(),
        "mean chirp less mean blip (test set)": mean[CHIRP] - mean[BLIP],
    }
    caption = "Left: the linear classifier's weights, red for a chirp. Right: what they would have to find."
    prose = (
        f"A linear classifier tells {accuracy(its, 'linear')} of the test set, beside "
        f"{accuracy(its, 'network')} of the network, although it tells {100 * last['train_accuracy']:.1f} % "
        "of its own training pictures. It has a weight for each pixel, so a blip that is moved is another "
        "blip to it: it can use where chirps are likelier than blips, which is the difference of the means, "
        "and what else it learns is the noise of its own pictures. The network's "
        "kernels are the same everywhere, and its mean forgets where."
    )
    found = {
        "train_accuracy_linear": evaluate.number(
            float(last["train_accuracy"]),
            None,
            int(last["examples"]),
            "accuracy of the linear classifier on its training set",
        )
    }
    picture = pages.Picture("linear", panels.pixels(maps), caption)
    return pages.Section("question-3", "Question 3: a linear classifier", prose, [], [], [picture]), found


def halves(its: Asked) -> tuple[pages.Section, dict]:
    """Return which half of a picture matters."""
    model, odds = its.networks["network"], its.odds["network"]
    rows = np.concatenate([surest(its, CHIRP), surest(its, BLIP)])
    names = [f"{panels.NAMES[its.labels[row]]}, row {row}" for row in rows]
    without = exercise.blanked(model, its.pictures[rows])
    figure = panels.halves(names, odds[rows], without)
    cells = [
        [name, f"{odds[row]:.2f}", *(f"{values[place]:.2f}" for values in without.values())]
        for place, (name, row) in enumerate(zip(names, rows, strict=True))
    ]
    everywhere, found = exercise.blanked(model, its.pictures), {}
    for label, name in ((CHIRP, "chirp"), (BLIP, "blip")):
        told = (its.labels == label) & ((odds > 0) == (label == CHIRP))
        turned = {
            half: exercise.rate((values[told] > 0) != (label == CHIRP)) for half, values in everywhere.items()
        }
        shift = {
            half: f"{np.median(values[told] - odds[told]):+.2f}" if told.any() else "–"
            for half, values in everywhere.items()
        }
        cells.append([f"all {name}s told, median change", "", *shift.values()])
        cells.append([f"all {name}s told, no longer told", "", *map(str, turned.values())])
        for half, one in turned.items():
            key = f"{name}_without_{half.replace(' ', '_')}"
            found[key] = number(one, f"{name}s told whole and mistaken with their {half} blank")
    table = pages.Table(
        "Log odds with one half blank", ["picture", "whole", *(f"{half} blank" for half in without)], cells
    )
    caption = "Log odds of the most confident examples, whole and with each half set to zero."
    # A network that tells no example of a class has none to lose.
    lost = {
        name: [one["value"] or 0.0 for key, one in found.items() if key.startswith(name)] for name in NAMES
    }
    worst = {name: max(values) for name, values in lost.items()}
    prose = (
        "The half that matters is the one that has the signal. Of the chirps that "
        f"are told whole, at most {100 * worst['chirp']:.1f} % are mistaken without one of the halves, of "
        f"the blips {100 * worst['blip']:.1f} %. A chirp without its half is a shorter chirp; a blip without "
        "its blot is nothing, and a network of two classes has to call that one of them."
    )
    picture = pages.Picture("halves", figure, caption)
    return pages.Section("question-4", "Question 4: half a picture", prose, [], [table], [picture]), found
