"""The same examples at another loudness: datasets that are another one's but for their SNR or distance.

A configuration says `of: OTHER` and draws `snr` or `distance_kpc` alone; or a target's name says it of any
dataset: DATASET-snr12, DATASET-snr8to12, DATASET-d3kpc, DATASET-d1to10kpc, uniform where it is a range. Both
become the same entry of the configuration, {of, draw}.
"""

import re

from gwsim.draw import TARGETS
from gwsim.errors import GwsimError

NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
FORMS = {
    "snr": re.compile(f"snr{NUMBER}(?:to{NUMBER})?"),
    "distance_kpc": re.compile(f"d{NUMBER}(?:to{NUMBER})?kpc"),
}
EXAMPLES = ("snr12", "snr8to12", "d3kpc", "d1to10kpc")
# Sources whose signals are as loud as they are.
FIXED = {
    "triggers": "real glitches are as loud as they are",
    "pictures": "given pictures are as loud as they are",
    "store": "stores that others made are as loud as they are",
    "toy": "toy pictures have an amplitude, no SNR that is drawn",
}


def parse(name: str) -> tuple[str, dict]:
    """Return the dataset that a name begins with, and the column by which it differs, as `draw` has it."""
    parent, _, end = name.partition("-")
    for column, form in FORMS.items():
        if found := form.fullmatch(end):
            return parent, {column: _spec(name, [_number(text) for text in found.groups() if text])}
    wanted = " or ".join([", ".join(f"{parent}-{one}" for one in EXAMPLES[:-1]), f"{parent}-{EXAMPLES[-1]}"])
    raise GwsimError(f"'{name}' is no name of a dataset at an SNR or a distance: expected one like {wanted}")


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _spec(name: str, values: list):
    """Return a constant, or the uniform distribution of a range."""
    if min(values) <= 0:
        raise GwsimError(f"'{name}': got {values[0]}, expected values above zero")
    if len(values) == 1:
        return values[0]
    low, high = values
    if low >= high:
        raise GwsimError(f"'{name}': got {low} to {high}, expected the lower value first")
    return {"uniform": [low, high]}


def entry(datasets: dict, name: str) -> dict:
    """Return a dataset's entry: the configuration's, or that of a name which says how loud another one is."""
    if name in datasets:
        return datasets[name]
    known = ", ".join(datasets)
    if "-" not in name:
        first = next(iter(datasets))
        raise GwsimError(
            f"no dataset '{name}': expected one of {known}; or one of them at another loudness, as "
            + ", ".join(f"{first}-{one}" for one in EXAMPLES)
        )
    parent, draw = parse(name)
    if parent not in datasets:
        raise GwsimError(f"'{name}': no dataset '{parent}' (known: {known})")
    return {"of": parent, "draw": draw}


def parent(datasets: dict, name: str) -> str:
    """Return the dataset whose noise, sources, sky and times a dataset has: itself, if they are its own."""
    return entry(datasets, name).get("of", name)


def own(datasets: dict) -> tuple[str, dict]:
    """Return name and entry of the dataset that a store's attributes are of; its parent stands beside it."""
    others = {one["of"] for one in datasets.values() if "of" in one}
    ((name, found),) = ((name, one) for name, one in datasets.items() if name not in others)
    return name, found


def with_dataset(experiment: dict, name: str) -> dict:
    """Return an experiment that has a dataset; raises GwsimError where its name says nothing."""
    datasets = experiment["datasets"]
    return {**experiment, "datasets": {**datasets, name: entry(datasets, name)}}


def drawn_alone(experiment: dict) -> dict:
    """Return an experiment without the datasets that are another one's."""
    datasets = {name: one for name, one in experiment["datasets"].items() if "of" not in one}
    return {**experiment, "datasets": datasets}


def written_out(experiment: dict) -> dict:
    """Return an experiment in which each dataset says all that it is; `of` stays.

    What the experiment says of loudness stands with each dataset then, so that none inherits two targets.
    """
    everywhere, wanted = _parted(experiment["draw"])
    datasets, found = experiment["datasets"], {}
    for name, one in datasets.items():
        if "of" in one:
            its = datasets[one["of"]]
            found[name] = {**its, **one, "draw": {**_parted(its["draw"])[0], **one["draw"]}}
        else:
            found[name] = {**one, "draw": {**wanted, **one.get("draw", {})}}
    return {**experiment, "draw": everywhere, "datasets": found}


def _parted(draw: dict) -> tuple[dict, dict]:
    """Return the columns that are no targets of loudness, and those that are."""
    targets = {name: spec for name, spec in draw.items() if name in TARGETS}
    return {name: spec for name, spec in draw.items() if name not in TARGETS}, targets


def faults(experiment: dict) -> list[str]:
    """Return what is wrong with the datasets that are another one's."""
    return [
        f"datasets.{name}.{fault}"
        for name, one in experiment["datasets"].items()
        for fault in (_faults(experiment, name, one) if "of" in one else _unsaid(name))
    ]


def _unsaid(name: str) -> list[str]:
    """Return a fault of a name that speaks of another dataset where the entry does not."""
    if "-" not in name:
        return []
    return [f"of: missing, and a name with a hyphen says of which dataset it is ({_said(name)})"]


def _said(name: str) -> str:
    """Return in words what a name says of its dataset."""
    try:
        parent, draw = parse(name)
    except GwsimError as error:
        return str(error)
    return f"of: {parent}, draw: {draw}"


def _says(name: str, parent: str, draw: dict) -> bool:
    """Return whether a name says just what its entry says; one without a hyphen says nothing."""
    try:
        return "-" not in name or parse(name) == (parent, draw)
    except GwsimError:
        return False


def _faults(experiment: dict, name: str, one: dict):
    """Yield what is wrong with one dataset that is another one's."""
    datasets, parent, source = experiment["datasets"], one["of"], experiment["waveforms"]["source"]
    if source in FIXED:
        yield f"of: {FIXED[source]}"
        return
    if parent not in datasets:
        yield f"of: no dataset '{parent}' (known: {', '.join(other for other in datasets if other != name)})"
        return
    if first := datasets[parent].get("of"):
        hint = f"give of: {first}" if "-" not in name else f"ask for {first}-{name.partition('-')[2]}"
        yield f"of: '{parent}' is itself of '{first}' (hint: {hint})"
        return
    if "draw" not in datasets[parent]:
        yield f"of: '{parent}' is not drawn here, and is as loud as it is"
        return
    for key in one:
        if key not in ("of", "draw"):
            yield f"{key}: it is that of '{parent}', leave it out"
    for column in one["draw"]:
        if column not in TARGETS:
            yield f"draw.{column}: it is that of '{parent}', only snr or distance_kpc can be another"
    if len(known := [column for column in TARGETS if column in one["draw"]]) != 1:
        yield f"draw: got {' and '.join(known) or 'neither'}, expected one of snr and distance_kpc"
    elif not _says(name, parent, one["draw"]):
        yield f"draw: got of: {parent}, draw: {one['draw']}, and its name says another thing ({_said(name)})"
