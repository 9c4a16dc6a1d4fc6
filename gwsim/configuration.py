"""The configuration: what a user may write, checked as a whole, and each stage's own part of it.

`check` reports every offender at once. `stages` gives the settings that each stage reads and nothing
else, so that a changed number reruns just the stages that use it; paths of settings are
STAGE, or EXPERIMENT/STAGE, or EXPERIMENT/DATASET/STAGE.
"""

import difflib
import math
from functools import cache
from pathlib import Path

import jsonschema
import yaml

from gwsim import segments, sharding
from gwsim.errors import GwsimError

SCHEMA = Path(__file__).parents[1] / "workflow" / "schemas" / "config.schema.yaml"
NOISE = "noise"
# Values that a dataset need not give.
DATASET_DEFAULTS = {"reuse": "overlap", "paired": False}
# Where the angles of the table lie (rad), with room for rounded ends: degrees fall outside.
ANGLES = {
    "ra": (-2 * math.pi, 2 * math.pi),
    "dec": (-math.pi / 2, math.pi / 2),
    "psi": (-2 * math.pi, 2 * math.pi),
    "theta": (0.0, math.pi),
    "phi": (-2 * math.pi, 2 * math.pi),
    "uniform_cos": (0.0, math.pi),
    "uniform_sin": (-math.pi / 2, math.pi / 2),
}
ROUNDING = 1e-4

# jsonschema takes 6000.0 for an integer; sizes of arrays do not.
Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)
TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}
EXPECTED = {
    "const": "'{}'",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "multipleOf": "a multiple of {}",
    "uniqueItems": "no value twice",
    "pattern": "text of the form {}",
    "minProperties": "at least {} entry",
}


def check(config: dict) -> None:
    """Raise GwsimError with everything that is wrong with a configuration."""
    faults = [line for error in Validator(_schema()).iter_errors(config) for line in _explain(error)]
    faults += _not_finite(config, ())
    if not faults:
        faults = [*_check_signal(config), *_check_splits(config), *_check_experiments(config)]
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        raise GwsimError(f"the configuration has {count}:\n  " + "\n  ".join(sorted(faults)))


@cache
def _schema() -> dict:
    return yaml.safe_load(SCHEMA.read_text())


def overlay(base: dict, other: dict) -> dict:
    """Return the base with the other's values put over it, mapping by mapping (as Snakemake does)."""
    merged = dict(base)
    for key, value in other.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = overlay(base[key], value) if both else value
    return merged


def pruned(config: dict) -> dict:
    """Return the configuration without what an overlay set to null: so an overlay takes something away."""
    kept = {key: value for key, value in config.items() if value is not None}
    return {key: pruned(value) if isinstance(value, dict) else value for key, value in kept.items()}


def _explain(error: jsonschema.ValidationError) -> list[str]:
    """Return one line per offender: where, what was got, what was expected, a hint."""
    where = _where(error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        return [_unknown(where, key, known) for key in error.instance if key not in known]
    if error.validator == "required":
        missing = [key for key in error.validator_value if f"'{key}'" in error.message]
        return [f"{where}: '{key}' is missing{_in_brackets(_about(error, key))}" for key in missing]
    if list(error.absolute_schema_path)[-2:-1] == ["propertyNames"]:
        return [f"{where}: '{error.instance}' is no name for it: {error.schema['description']}"]
    if error.validator == "oneOf" and (meant := _meant(error)):
        return [line for fault in meant for line in _explain(fault)]
    got = "nothing" if error.instance is None else _short(error.instance)
    return [f"{where}: got {got}, expected {_expected(error)}{_in_brackets(_meaning(error))}"]


def _where(path) -> str:
    """Return a place in the configuration as a person writes it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "top level"


def _short(value) -> str:
    return text if len(text := repr(value)) < 80 else f"{text[:76]}..."


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _about(error: jsonschema.ValidationError, key: str) -> str:
    return error.schema.get("properties", {}).get(key, {}).get("description", "")


def _meant(error: jsonschema.ValidationError) -> list[jsonschema.ValidationError]:
    """Return the faults of the one of several forms that was meant; none where it is like none of them."""
    forms: dict[int, list[jsonschema.ValidationError]] = {}
    for fault in error.context:
        forms.setdefault(fault.relative_schema_path[0], []).append(fault)

    def likeness(number):
        own = error.validator_value[number].get("properties", {})
        return len(set(own) & set(error.instance)), -sum(not fault.relative_path for fault in forms[number])

    def another_type(fault):
        return fault.validator in ("type", "const") and not fault.relative_path

    like = [number for number, faults in forms.items() if not any(map(another_type, faults))]
    return forms[max(like, key=likeness)] if like else []


def _expected(error: jsonschema.ValidationError) -> str:
    """Return what a field wants, in words."""
    kind, value = error.validator, error.validator_value
    if kind == "type":
        return TYPES[value] + _text_hint(error)
    if kind == "enum":
        return f"one of {', '.join(map(str, value))}"
    if kind == "contains":
        return f"{value['const']} among them"
    if kind in ("minItems", "maxItems"):
        fixed = error.schema.get("minItems") == error.schema.get("maxItems")
        return f"{value} values" if fixed else f"at least {value} value{'s' if value > 1 else ''}"
    if kind == "maxProperties":
        return f"just {value} of these (an overlay adds to a mapping; set what it is to replace to null)"
    if kind == "oneOf":
        return " or ".join(_form(form) for form in value)
    return EXPECTED[kind].format(value)


def _form(schema: dict) -> str:
    """Return one of several forms in words."""
    if "const" in schema:
        return f"'{schema['const']}'"
    return " of ".join([TYPES[schema["type"]], *filter(None, [", ".join(schema.get("properties", {}))])])


def _text_hint(error: jsonschema.ValidationError) -> str:
    """Return what to write instead of 1e3 or "5", which YAML reads as text."""
    if error.validator_value in ("number", "integer") and isinstance(error.instance, str):
        try:
            return f", which this is not in YAML: write {float(error.instance):g} without quotes or exponent"
        except ValueError:
            return ""
    return ""


def _meaning(error: jsonschema.ValidationError) -> str:
    """Return the description of the field that an error is about, the innermost there is."""
    node, meaning = _schema(), ""
    for part in error.absolute_schema_path:
        if "$ref" in node:  # the path has no place for it; what stands beside it says more than its target
            target = _schema()["$defs"][node["$ref"].rpartition("/")[2]]
            node = target if "description" not in node else target | {"description": node["description"]}
            meaning = node.get("description", meaning)
        node = node[part]
        if isinstance(node, dict) and isinstance(node.get("description"), str):
            meaning = node["description"]
    return meaning


def _not_finite(value, path) -> list[str]:
    """Return the places of .nan and .inf, which pass every comparison of the schema or break it."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return [line for key, inner in pairs for line in _not_finite(inner, (*path, key))]
    bad = isinstance(value, float) and not math.isfinite(value)
    return [f"{_where(path)}: got {value}, expected a finite number"] if bad else []


def _unknown(where: str, key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(str(key), known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known)}"
    return f"{where}: unknown key '{key}' ({hint})"


def _check_signal(config: dict) -> list[str]:
    """Return faults of the band, the ifos, the PSD and the filter."""
    from gwsim import detectors

    noise, (low, high), faults = config["noise"], config["band"], []
    unknown = [ifo for ifo in config["ifos"] if ifo not in detectors.known()]
    if unknown:
        faults.append(f"ifos: unknown {', '.join(unknown)} (known: {', '.join(detectors.known())})")
    if not 0 < low < high <= config["sample_rate"] / 2:
        nyquist = config["sample_rate"] / 2
        faults.append(f"band: got [{low}, {high}], expected 0 < low < high <= {nyquist} Hz")
    if noise["filter"] > noise["psd_segment"]:
        faults.append("noise.filter: longer than noise.psd_segment, whose spectrum it is made from")
    if noise["stretch_min"] < 4 * noise["psd_segment"]:
        faults.append("noise.stretch_min: fewer than four psd_segments, no median can be taken")
    if not noise["stretch_min"] <= noise["stretch"] <= config["strain"]["block"]:
        faults.append("noise.stretch: expected stretch_min <= stretch <= strain.block")
    if config["strain"]["source"] == "files" and not config["strain"]["files"]:
        faults.append("strain.files: empty, but strain.source is 'files'")
    psd = config["strain"]["simulated"]["psd"]
    if isinstance(psd, dict) and set(psd) != set(config["ifos"]):
        faults.append(
            f"strain.simulated.psd: got one for {', '.join(psd)}, expected {', '.join(config['ifos'])}"
        )
    for name in ("gap_seconds", "failed_bit_seconds", "glitch_snr"):
        least, greatest = config["strain"]["simulated"][name]
        if not 0 < least <= greatest:
            got = f"got [{least}, {greatest}]"
            faults.append(f"strain.simulated.{name}: {got}, expected 0 < least <= greatest")
    return faults


def _check_splits(config: dict) -> list[str]:
    settings, noise = config["segments"], config["noise"]
    faults = []
    if settings["guard"] < noise["filter"]:
        faults.append(
            f"segments.guard: {settings['guard']} s is shorter than the filter, {noise['filter']} s"
        )
    if "fractions" in settings["splits"] and sum(settings["splits"]["fractions"].values()) > 1 + 1e-9:
        faults.append("segments.splits.fractions: they sum to more than one")
    for name, ranges in settings["splits"].items():
        if name != "fractions":
            faults += [
                f"segments.splits.{name}: [{a}, {b}] ends before it starts" for a, b in ranges if b <= a
            ]
    found = segments.check_splits(_splits(config), settings["guard"], noise["stretch_min"])
    return faults + [f"segments.splits: {fault}" for fault in found]


def _splits(config: dict) -> dict:
    return segments.resolve_splits(config["segments"]["splits"], config["segments"]["guard"])


def _check_experiments(config: dict) -> list[str]:
    faults = []
    for name, experiment in config["experiments"].items():
        faults += [f"experiments.{name}.{fault}" for fault in _check_experiment(config, experiment)]
    return faults


def _check_experiment(config: dict, experiment: dict) -> list[str]:
    """Return faults of one experiment: waveforms that are not there, windows that do not fit, datasets."""
    rate, stft, faults = config["sample_rate"], experiment["render"]["spectrogram"], []
    faults += [
        f for model, spec in experiment["waveforms"]["models"].items() for f in _check_model(model, spec)
    ]
    if experiment["waveforms"]["realisations"] == "fresh":
        files = [m for m, spec in experiment["waveforms"]["models"].items() if spec != "surrogate"]
        faults += [f"waveforms.models.{m}: a file has one realisation, not fresh ones" for m in files]
    for field in ("duration", "waveforms.seconds"):
        value = experiment["duration"] if field == "duration" else experiment["waveforms"]["seconds"]
        if value * rate != round(value * rate):
            faults.append(f"{field}: {value} s is no whole number of samples at {rate} Hz")
    needed = experiment["duration"] + config["noise"]["filter"] + stft["window"] / rate + 2 * 0.025
    if config["noise"]["stretch_min"] < needed:
        faults.append(
            f"duration: an example with its margins needs {needed:g} s, longer than noise.stretch_min"
        )
    if round(experiment["duration"] * rate) % stft["hop"]:
        faults.append("render.spectrogram.hop: does not divide the example's samples")
    if stft["f_max"] > rate / 2:
        faults.append(f"render.spectrogram.f_max: above the Nyquist frequency, {rate / 2} Hz")
    for name, dataset in experiment["datasets"].items():
        faults += [f"datasets.{name}.{fault}" for fault in _check_dataset(config, experiment, dataset)]
    return faults


def _check_model(model: str, spec) -> list[str]:
    from gwsim.waveforms import ccsn_files, surrogates

    if spec == "surrogate":
        if model not in surrogates.MODELS:
            known = ", ".join(surrogates.MODELS)
            return [
                f"waveforms.models.{model}: no surrogate of that name (known: {known}); give path and format"
            ]
        return []
    faults = []
    if spec["format"] not in ccsn_files.READERS:
        known = ", ".join(ccsn_files.READERS)
        faults.append(f"waveforms.models.{model}.format: unknown '{spec['format']}' (known: {known})")
    if not Path(spec["path"]).is_file():
        faults.append(f"waveforms.models.{model}.path: no file {spec['path']}")
    return faults


def _check_dataset(config: dict, experiment: dict, dataset: dict) -> list[str]:
    columns, faults = {**experiment["draw"], **dataset["draw"]}, []
    splits = _splits(config)
    if dataset["split"] not in splits:
        faults.append(f"split: no split '{dataset['split']}' (known: {', '.join(splits)})")
    if dataset.get("paired") and dataset.get("reuse") == "never":
        faults.append("paired: rows of a pair share their noise, so reuse cannot be 'never'")
    targets = [name for name in ("snr", "distance_kpc") if name in columns]
    if len(targets) != 1:
        faults.append(f"draw: got {' and '.join(targets) or 'neither'}, expected one of snr and distance_kpc")
    for name in targets:
        if value_range(columns[name])[0] <= 0:
            faults.append(f"draw.{name}: expected values above zero, got {columns[name]}")
    if "event_time" not in columns:
        faults.append("draw.event_time: missing, say when the bounce or merger is")
    elif not 0 <= value_range(columns["event_time"])[0] <= value_range(columns["event_time"])[1]:
        faults.append("draw.event_time: expected values of zero or more, in seconds")
    elif value_range(columns["event_time"])[1] >= experiment["duration"]:
        faults.append(f"draw.event_time: reaches past the example's {experiment['duration']} s")
    faults += [fault for name, spec in columns.items() for fault in _check_angles(name, spec)]
    cycle = cycle_length(experiment, dataset)
    if dataset["examples"] % cycle:
        near = max(cycle, round(dataset["examples"] / cycle) * cycle)
        faults.append(
            f"examples: {dataset['examples']} is no multiple of {cycle} (classes times grid values), "
            f"so classes would not be balanced; the nearest is {near}"
        )
    return faults


def _check_angles(name: str, spec) -> list[str]:
    """Return a fault where an angle, or what is drawn as one, is out of its range."""
    kind = next(iter(spec)) if isinstance(spec, dict) else ""
    least, greatest = value_range(spec)
    for about in (name, kind):
        low, high = ANGLES.get(about, (-math.inf, math.inf))
        if least < low - ROUNDING or greatest > high + ROUNDING:
            path = f"draw.{name}" if about == name else f"draw.{name}.{kind}"
            got = f"{path}: got {least:g} to {greatest:g}"
            return [f"{got}, expected angles in {low:.4f} to {high:.4f}, in radians"]
    return []


def value_range(spec) -> tuple[float, float]:
    """Return the least and the greatest value that a column's specification can give."""
    if not isinstance(spec, dict):
        return float(spec), float(spec)
    ((name, value),) = spec.items()
    values = [value["low"], value["high"]] if name == "power_law" else value
    return float(min(values)), float(max(values))


def classes(experiment: dict) -> list[str]:
    """Return the names of the classes in the order of their labels."""
    return [NOISE, *experiment["waveforms"]["models"]]


def cycle_length(experiment: dict, dataset: dict) -> int:
    """Return how many rows it takes to have every class with every grid value once."""
    columns = {**experiment["draw"], **dataset["draw"]}
    grids = [len(spec["grid"]) for spec in columns.values() if isinstance(spec, dict) and "grid" in spec]
    return len(classes(experiment)) * math.prod(grids)


def systems(experiment: dict, dataset: dict) -> int:
    """Return the number of systems of a dataset: its models, or its signals where each is fresh."""
    models = len(experiment["waveforms"]["models"])
    if experiment["waveforms"]["realisations"] == "default":
        return models
    return dataset["examples"] * models // len(classes(experiment))


def gps_blocks(config: dict) -> list[int]:
    """Return the starts of the strain files' GPS blocks."""
    return segments.gps_blocks(_splits(config), config["strain"]["block"])


def stages(config: dict) -> dict[str, dict]:
    """Return the settings of every stage by the path of its settings file."""
    signal = {name: config[name] for name in ("ifos", "sample_rate", "band")}
    blocks = {**config["noise"], "block": config["strain"]["block"]}
    found = {
        "strain": {**config["strain"], "seed": config["seed"], "sample_rate": config["sample_rate"]},
        "segments": {
            **config["segments"],
            **{name: blocks[name] for name in ("block", "stretch", "stretch_min")},
            "ifos": config["ifos"],
            "splits": _splits(config),
        },
        "noise": {**signal, **blocks},
    }
    for name, experiment in config["experiments"].items():
        for dataset_name, dataset in experiment["datasets"].items():
            parts = _dataset_stages(config, name, experiment, dataset_name, DATASET_DEFAULTS | dataset)
            found |= {f"{name}/{dataset_name}/{stage}": part for stage, part in parts.items()}
    return found


def _dataset_stages(config: dict, name: str, experiment: dict, dataset_name: str, dataset: dict) -> dict:
    """Return the settings of one dataset's stages."""
    signal = {key: config[key] for key in ("ifos", "sample_rate", "band")}
    columns = {**experiment["draw"], **dataset["draw"]}
    stft = experiment["render"]["spectrogram"]
    waveforms = {**experiment["waveforms"], "sample_rate": config["sample_rate"]}
    draw = {
        **{key: dataset[key] for key in ("split", "examples", "reuse", "paired")},
        "columns": columns,
        "seed": config["seed"],
        "experiment": name,
        "dataset": dataset_name,
        "classes": classes(experiment),
        "fresh": experiment["waveforms"]["realisations"] == "fresh",
        "models": experiment["waveforms"]["models"],
        "sample_rate": config["sample_rate"],
        "window_samples": round(experiment["duration"] * config["sample_rate"]),
        "stft_window": stft["window"],
        "filter": config["noise"]["filter"],
    }
    samples = round(experiment["duration"] * config["sample_rate"]) + stft["window"]
    row_bytes = 4 * len(config["ifos"]) * samples
    render = {
        **signal,
        **experiment["render"],
        "shard_rows": sharding.rows_per_shard(row_bytes, experiment["render"]["shard_mib"]),
        "duration": experiment["duration"],
        "event_range": list(value_range(columns["event_time"])),
        "examples": dataset["examples"],
    }
    card = {"experiment": name, "dataset": dataset_name, "run": config["run"], "seed": config["seed"]}
    card |= {"strain": config["strain"]["source"], "classes": classes(experiment)}
    card["configuration"] = {
        **config,
        "experiments": {name: {**experiment, "datasets": {dataset_name: dataset}}},
    }
    return {"draw": draw, "waveforms": waveforms, "render": render, "card": card}
