"""What a configuration wants of waveforms, and what is wrong with it: told before any job starts."""

import itertools
from functools import partial
from pathlib import Path

from gwsim.distributions import value_range
from gwsim.errors import GwsimError
from gwsim.waveforms import columns, glitches
from gwsim.waveforms.entry import span


def named(experiment: dict):
    """Yield models that name files, and what looks at these."""
    from gwsim.waveforms import ccsn

    if experiment["waveforms"]["source"] == "ccsn":
        for model, spec in experiment["waveforms"]["models"].items():
            yield model, partial(ccsn.describe, spec)


def faults(experiment: dict, rate: int) -> list[str]:
    """Return what is wrong with an experiment's waveforms by themselves."""
    source = experiment["waveforms"]["source"]
    return [*_columns(experiment, source), *FAULTS[source](experiment, rate)]


def _columns(experiment: dict, source: str):
    """Yield drawn columns that signals of a source do not have, or that cannot be drawn for each system."""
    own = [name for name in columns.OWN.get(source, ()) if name in columns.ROW[source]]
    known = dict.fromkeys((*columns.DEFAULTS[source], *own))
    for place, drawn in _drawn(experiment).items():
        for name in drawn:
            if name in DRAWN and name not in known:
                yield f"{place}.{name}: signals of source {source} have none (they have {', '.join(known)})"
            elif name in known and name not in columns.ROW[source]:
                yield from _of_systems(f"{place}.{name}", drawn[name])


DRAWN = {name for of_source in columns.DEFAULTS.values() for name in of_source}


def _drawn(experiment: dict) -> dict[str, dict]:
    """Return the columns that a configuration names, by place."""
    datasets = experiment["datasets"].items()
    return {"draw": experiment["draw"]} | {f"datasets.{name}.draw": one["draw"] for name, one in datasets}


def _of_systems(place: str, spec):
    if isinstance(spec, dict) and {"list", "grid"} & set(spec):
        yield f"{place}: got a {next(iter(spec))}, expected a number or a distribution, one value a system"


# ---- core-collapse supernovae


def _supernovae(experiment: dict, rate: int):
    waveforms = experiment["waveforms"]
    for model, spec in waveforms["models"].items():
        yield from _model(model, spec)
        if waveforms["realisations"] == "fresh" and spec != "surrogate":
            yield f"waveforms.models.{model}: a file has one realisation, not fresh ones"
    if waveforms["seconds"] * rate != round(waveforms["seconds"] * rate):
        yield f"waveforms.seconds: {waveforms['seconds']} s is no whole number of samples at {rate} Hz"
    yield from _length(experiment)


def _model(model: str, spec):
    from gwsim.waveforms import ccsn_files, surrogates

    if spec == "surrogate":
        if model not in surrogates.MODELS:
            known = f"(known: {', '.join(surrogates.MODELS)})"
            yield f"waveforms.models.{model}: no surrogate of that name {known}; give path and format"
        return
    if spec["format"] not in ccsn_files.READERS:
        known = ", ".join(ccsn_files.READERS)
        yield f"waveforms.models.{model}.format: unknown '{spec['format']}' (known: {known})"
    if not Path(spec["path"]).is_file():
        hint = "paths start at the folder that the workflow runs in"
        yield f"waveforms.models.{model}.path: no file {spec['path']} ({hint})"


def _length(experiment: dict):
    """Yield a fault where bank entries end inside the window of an early event."""
    from gwsim.waveforms import surrogates

    given = [{**experiment["draw"], **dataset["draw"]} for dataset in experiment["datasets"].values()]
    earliest = min(value_range(drawn.get("event_time", 0))[0] for drawn in given)
    seconds, needed = experiment["waveforms"]["seconds"], experiment["duration"] - surrogates.START - earliest
    if seconds < needed:
        yield (
            f"waveforms.seconds: {seconds:g} s from {-surrogates.START:g} s before the event end inside the "
            f"window of an event at {earliest:g} s, expected at least {needed:g}"
        )


# ---- compact binaries


def _binaries(experiment: dict, rate: int):
    waveforms = experiment["waveforms"]
    if waveforms["taper"] >= experiment["duration"]:
        got = f"got {waveforms['taper']:g} s for {experiment['duration']:g} s"
        yield f"waveforms.taper: the window is shorter than the taper ({got})"
    if experiment["render"]["polarisation_convention"] != "standard":
        yield "render.polarisation_convention: binaries have the standard one, no other was printed"
    for model, spec in waveforms["models"].items():
        for name, column in spec.items():
            if isinstance(column, dict) and not {"uniform", "power_law"} & set(column):
                got = f"got {next(iter(column))}"
                yield f"waveforms.models.{model}.{name}: {got}, expected a number, uniform or power_law"


def _scaled(experiment: dict, rate: int):
    yield from _binaries(experiment, rate)
    if experiment["waveforms"]["end_cycles"] not in (0, 1):
        yield f"waveforms.end_cycles: got {experiment['waveforms']['end_cycles']}, cbc_scaled has 0 or 1"


# ---- glitches


def glitch_classes(experiment: dict) -> list[str]:
    """Return the fault of names that are no class of Gravity Spy."""
    unknown = [name for name in experiment["waveforms"]["models"] if name not in glitches.CLASSES]
    known = ", ".join(glitches.CLASSES)
    return [f"waveforms.models: no classes {', '.join(unknown)} (known: {known})"] if unknown else []


def in_noise(experiment: dict, dataset: dict) -> list[str]:
    """Return faults of glitches that a dataset wants in its noise."""
    if "glitches" not in dataset:
        return []
    if experiment["whiten"] != "block":
        return ["glitches: these examples are glitches themselves"]
    its, faults = dataset["glitches"], []
    if unknown := [name for name in its["models"] if name not in glitches.CLASSES or name == "No_Glitch"]:
        known = ", ".join(name for name in glitches.CLASSES if name != "No_Glitch")
        faults.append(f"glitches.models: no glitches {', '.join(unknown)} (known: {known})")
    if "snr" in its and value_range(its["snr"])[0] <= 0:
        faults.append(f"glitches.snr: expected values above zero, got {its['snr']}")
    if isinstance(its.get("snr"), dict) and {"list", "grid"} & set(its["snr"]):
        faults.append(f"glitches.snr: got a {next(iter(its['snr']))}, expected a number or a distribution")
    return faults


def _glitches(experiment: dict, rate: int):
    yield from glitch_classes(experiment)


def _triggers(experiment: dict, rate: int):
    yield from glitch_classes(experiment)
    if not Path(experiment["waveforms"]["path"]).is_file():
        yield f"waveforms.path: no file {experiment['waveforms']['path']}"


# ---- toys


def toys(models: dict, picture: dict) -> list[str]:
    """Return faults of the distributions that toy pictures are drawn of."""
    found = []
    for model, specs in models.items():
        for name, spec in specs.items():
            place = f"waveforms.models.{model}.{name}"
            found += _of_systems(place, spec)
            if name in POSITIVE and value_range(spec)[0] <= 0:
                found.append(f"{place}: expected values above zero, got {spec}")
    if not found and "chirp" in models:
        its, columns = models["chirp"], picture["columns"]
        first, last = value_range(its["start_column"])
        if first < 0 or last + its["shortest"] >= columns:
            got = f"got {first:g} to {last:g} and {its['shortest']} columns"
            found.append(
                f"waveforms.models.chirp.start_column: a shortest chirp leaves the {columns} columns ({got})"
            )
    return found


POSITIVE = ("amplitude", "sigma_row", "sigma_column")


FAULTS = {
    "ccsn": _supernovae,
    "cbc": _binaries,
    "cbc_scaled": _scaled,
    "glitch": _glitches,
    "triggers": _triggers,
}


def binaries(config: dict) -> list[str]:
    """Return what no approximant that is named can do; the configuration is right in all else."""
    return [
        f"experiments.{name}.{fault}"
        for name, experiment in config["experiments"].items()
        if experiment["waveforms"]["source"] in columns.BINARIES
        for fault in _undoable(config, name, experiment)
    ]


def _undoable(config: dict, name: str, experiment: dict):
    """Yield models with what LAL, or the bank on mass ratio, cannot do, in the first such dataset."""
    from gwsim import stages

    of_all, told = stages.settings(config), set()
    for dataset in experiment["datasets"]:
        settings = of_all[f"{name}/{dataset}/waveforms"]
        for model in settings["models"].keys() - told:
            try:
                _check(settings, settings["models"][model], *span(settings))
            except GwsimError as error:
                told.add(model)
                yield f"waveforms.models.{model}: {error}"


def _check(settings: dict, spec: dict, start: float, samples: int) -> None:
    from gwsim.waveforms import cbc, cbc_scaled

    names = (*columns.MASSES, *columns.SPINS)
    ranges = {name: value_range(spec.get(name, 0.0)) for name in names}
    cbc.check(spec["approximant"], ranges, settings["sample_rate"], start, samples, settings["taper"])
    if settings["source"] == "cbc_scaled":
        corners = zip(*itertools.product(*ranges.values()), strict=True)
        cbc_scaled.check(spec["approximant"], dict(zip(names, corners, strict=True)), start)
