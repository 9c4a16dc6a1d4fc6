"""The configuration: what a user may write, checked as a whole; every offender is reported at once."""

import math
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from gwsim import draw, loudness, networks, publish_about, q_planes, schema, segments, stages
from gwsim.conventions import LIGHT_TRAVEL, SPLIT_FRACTIONS
from gwsim.distributions import value_range
from gwsim.errors import GwsimError
from gwsim.waveforms import columns, wanted

# Where the angles of the table lie (rad), with room for rounded ends: degrees fall outside.
ANGLES = {
    "ra": (-2 * math.pi, 2 * math.pi),
    "dec": (-math.pi / 2, math.pi / 2),
    "psi": (-2 * math.pi, 2 * math.pi),
    "theta": (0.0, math.pi),
    "phi": (-2 * math.pi, 2 * math.pi),
    "inclination": (0.0, math.pi),
    "phase": (-2 * math.pi, 2 * math.pi),
    "uniform_cos": (0.0, math.pi),
    "uniform_sin": (-math.pi / 2, math.pi / 2),
}
ROUNDING = 1e-4
# Pixels along each axis of pictures of Gravity Spy as they are read.
GIVEN_SIZE = 224
# What views show (Hz), and the longest strain on which a glitch alone is transformed (s).
SEEN, SHORT_SCAN = (10.93, 1916), 16
# The longest view of a Q-scan, and a second at either side that whitening spoils (s).
LEAST_SCANNED = 6


def check(config: dict) -> None:
    """Raise GwsimError with everything that is wrong with a configuration."""
    faults = schema.faults(config) + _not_finite(config, ())
    if not faults:
        faults = [*_check_signal(config), *_check_splits(config), *_check_experiments(config)]
        faults += _check_about(config)
    if not faults:
        faults = [*_check_gwosc(config), *wanted.binaries(config)]
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        raise GwsimError(f"the configuration has {count}:\n  " + "\n  ".join(sorted(faults)))


def with_dataset(config: dict, experiment: str, dataset: str) -> dict:
    """Return a checked configuration with a dataset of one of its experiments, which its name may speak of.

    Raises GwsimError where the name says nothing, or what cannot be.
    """
    its = config["experiments"][experiment]
    if dataset in its["datasets"]:
        return config
    found = loudness.with_dataset(its, dataset)
    if faults := _check_experiment(config, found):
        raise GwsimError("\n  ".join([f"no dataset {experiment}/{dataset}:", *faults]))
    return {**config, "experiments": {**config["experiments"], experiment: found}}


def check_named(config: dict) -> None:
    """Look at what a checked configuration names: PSDs, files of strain, files of waveforms.

    Raises GwsimError with everything that its stages would refuse later. Not for each start of the workflow:
    waveforms are read whole.
    """
    faults = []
    for place, look in _named(config):
        try:
            look()
        except GwsimError as error:
            faults.append(f"{place}: {error}")
    if faults:
        once = dict.fromkeys(faults)  # ifos share what is wrong with all files
        raise GwsimError("what the configuration names cannot be used:\n  " + "\n  ".join(once))


def _named(config: dict):
    """Yield places in the configuration, and what looks at that which they name."""
    from gwsim.strain import files, psds

    strain, rate = config["strain"], config["sample_rate"]
    if strain["source"] == "files":
        start, block = stages.gps_blocks(config)[0], strain["block"]
        for ifo in config["ifos"]:
            yield "strain.files", partial(files.source, strain, config["seed"], ifo, start, block, rate, None)
    elif strain["source"] == "simulated":
        for ifo in config["ifos"]:
            psd = strain["simulated"]["psd"]
            name = psd[ifo] if isinstance(psd, dict) else psd
            yield "strain.simulated.psd", partial(psds.model_psd, name, ifo, np.array([100.0]))
    for name, experiment in config["experiments"].items():
        for model, look in wanted.named(experiment):
            yield f"experiments.{name}.waveforms.models.{model}", look


def load(paths: list[Path]) -> dict:
    """Return the checked configuration of a file and its overlays; raises GwsimError for all its faults."""
    config: dict = {}
    for path in paths:
        try:
            content = yaml.safe_load(path.read_text())
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise GwsimError(f"cannot read {path}: {error}") from error
        if not isinstance(content, dict):
            raise GwsimError(f"{path}: got {type(content).__name__}, expected a mapping of settings")
        config = overlay(config, content)
    config = pruned(config)
    try:
        check(config)
    except GwsimError as error:
        # What one does wrong who checks an overlay alone.
        alone = len(paths) == 1 and not schema.required() <= set(config)
        hint = f"\nHint: is {paths[0]} an overlay? Then: gwsim check config.yaml {paths[0]}" if alone else ""
        raise GwsimError(f"{error}{hint}") from None
    return config


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


def _not_finite(value, path) -> list[str]:
    """Return the places of .nan and .inf, which pass every comparison of the schema or break it."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return [line for key, inner in pairs for line in _not_finite(inner, (*path, key))]
    bad = isinstance(value, float) and not math.isfinite(value)
    return [f"{schema.where(path)}: got {value}, expected a finite number"] if bad else []


def _check_about(config: dict) -> list[str]:
    """Return faults of the authors' ORCIDs, and of a licence that the strain's own does not allow."""
    faults, about, source = [], config.get("about", {}), config["strain"]["source"]
    for number, author in enumerate(about.get("authors", [])):
        orcid, place = author.get("orcid"), f"about.authors[{number}]"
        if "," in author["name"] and not all(part.strip() for part in author["name"].split(",", 1)):
            faults.append(f"{place}.name: got '{author['name']}', expected Family, Given")
        if orcid and not publish_about.orcid_is_sound(orcid):
            faults.append(f"{place}.orcid: got {orcid}, whose last character does not fit the others")
        if orcid and not publish_about.Author(author["name"]).person:
            faults.append(f"{place}.name: got {author['name']} and an ORCID; a person is Family, Given")
    if about.get("licence", "").upper().startswith("CC0") and source == "gwosc":
        faults.append("about.licence: got CC0, but GWOSC's strain is CC-BY-4.0, which asks for attribution")
    return faults


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
        got = f"got {noise['filter']} and {noise['psd_segment']} s"
        faults.append(f"noise.filter: longer than noise.psd_segment, whose spectrum it is made from ({got})")
    if noise["stretch_min"] < 4 * noise["psd_segment"]:
        got = f"got {noise['stretch_min']} and {noise['psd_segment']} s"
        faults.append(f"noise.stretch_min: fewer than four psd_segments, no median can be taken ({got})")
    if not noise["stretch_min"] <= noise["stretch"] <= config["strain"]["block"]:
        got = f"got {noise['stretch_min']}, {noise['stretch']}, {config['strain']['block']} s"
        faults.append(f"noise.stretch: expected stretch_min <= stretch <= strain.block ({got})")
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
    found = segments.check_splits(stages.splits(config), settings["guard"], noise["stretch_min"])
    return faults + [f"segments.splits: {fault}" for fault in found]


def _check_gwosc(config: dict) -> list[str]:
    """Return what is wrong with the mirrors, and the plan of files, that the configuration names."""
    strain = config["strain"]
    if strain["source"] != "gwosc":
        return []
    from gwsim.gwosc import routes

    folders = [root for mirror in strain["gwosc"]["mirrors"] if isinstance(root := routes.root(mirror), Path)]
    faults = [f"strain.gwosc.mirrors: no folder {folder}" for folder in folders if not folder.is_dir()]
    if named := strain["gwosc"].get("plan"):
        if Path("results").resolve() in Path(named).resolve().parents:
            hint = "it is made anew there: copy it beside your configuration"
            return [*faults, f"strain.gwosc.plan: {named} lies under results ({hint})"]
        # It brings the client of GWOSC's API, which nobody else needs at a start.
        from gwsim.gwosc import plan

        try:
            plan.check(plan.load(named), stages.settings(config)[f"plan/{config['run']}"])
        except GwsimError as error:
            faults.append(f"strain.gwosc.plan: {error}")
    return faults


def _check_experiments(config: dict) -> list[str]:
    faults = []
    for name, experiment in config["experiments"].items():
        found = _stores_in_the_way(name, experiment) or _check_experiment(config, experiment)
        faults += [f"experiments.{name}.{fault}" for fault in found]
    return faults


def _stores_in_the_way(name: str, experiment: dict) -> list[str]:
    """Return faults of stores that stand where the run writes: Snakemake would remove them first."""
    faults = []
    for own, dataset in experiment["datasets"].items():
        for written in experiment["datasets"] if "store" in dataset else ():
            store, folder = Path(dataset["store"]).resolve(), Path("results", name, written)
            if store.is_relative_to(folder.resolve()) or folder.resolve().is_relative_to(store):
                faults.append(
                    f"datasets.{own}.store: the run writes {folder}: move {dataset['store']} elsewhere"
                )
    return faults


def _check_experiment(config: dict, experiment: dict) -> list[str]:
    """Return faults of one experiment: waveforms that are not there, windows that do not fit, datasets."""
    if faults := loudness.faults(experiment):
        return faults
    if experiment["whiten"] == "none":
        return _check_toys(config, experiment)
    if stages.stored(experiment):
        return _check_stores(experiment)
    rate, faults = stages.sample_rate(config, experiment), []
    if theirs := [name for name, dataset in experiment["datasets"].items() if "store" in dataset]:
        return [f"datasets.{name}.store: goes with whiten: {stages.STORED} alone" for name in theirs]
    if experiment["duration"] * rate != round(experiment["duration"] * rate):
        faults.append(f"duration: {experiment['duration']} s is no whole number of samples at {rate} Hz")
    kind, source = columns.WHITENED[experiment["waveforms"]["source"]], experiment["waveforms"]["source"]
    if experiment["whiten"] != kind:
        return [*faults, f"whiten: got '{experiment['whiten']}', source {source} wants '{kind}'"]
    if kind == "given":
        given = experiment["waveforms"].get("fractions", SPLIT_FRACTIONS)
        asked = networks.faults(experiment, stages.classes(experiment), given, rate)
        return faults + _check_given(experiment) + asked
    faults += {"block": _check_strain, "self": _check_scans}[kind](config, experiment)
    alone, experiment = loudness.drawn_alone(experiment), loudness.written_out(experiment)
    faults += wanted.faults(alone, rate)
    for name, dataset in experiment["datasets"].items():
        check = _check_redrawn if "of" in dataset else _check_dataset
        faults += [f"datasets.{name}.{fault}" for fault in check(config, experiment, dataset)]
    return faults + networks.faults(experiment, stages.classes(experiment), stages.splits(config), rate)


def _check_toys(config: dict, experiment: dict) -> list[str]:
    """Return faults of toy pictures, which have no strain."""
    source, picture = experiment["waveforms"]["source"], experiment["render"]["picture"]
    if source != "toy":
        return [f"whiten: got 'none', source {source} wants '{columns.WHITENED[source]}'"]
    own = [name for name in ("sample_rate", "ifos", "duration", "beside") if name in experiment]
    faults = [f"{name}: toy pictures have none, leave it out" for name in own]
    drawn = {f"datasets.{name}.draw": one["draw"] for name, one in experiment["datasets"].items()}
    drawn["draw"] = experiment["draw"]
    faults += [
        f"{place}: got {', '.join(names)}, toys are drawn as waveforms.models say"
        for place, names in drawn.items()
        if names
    ]
    faults += wanted.toys(experiment["waveforms"]["models"], picture)
    cycle = len(stages.classes(experiment))
    for name, dataset in experiment["datasets"].items():
        beside = [key for key in ("proportions", "glitches", "reuse", "paired") if key in dataset]
        faults += [f"datasets.{name}.{key}: toys have none, leave it out" for key in beside]
        if dataset.get("examples", 1) % cycle or "examples" not in dataset:
            got = dataset.get("examples", "nothing")
            faults.append(f"datasets.{name}.examples: got {got}, expected a multiple of {cycle}, the classes")
    return faults + networks.faults(experiment, stages.classes(experiment), {}, config["sample_rate"])


def _check_stores(experiment: dict) -> list[str]:
    """Return faults of stores that others made, and of networks that do not fit them."""
    source = experiment["waveforms"]["source"]
    if source != "store":
        return [f"whiten: got '{stages.STORED}', source {source} wants '{columns.WHITENED[source]}'"]
    from gwsim import foreign

    own = [name for name in ("sample_rate", "ifos", "duration", "beside") if name in experiment]
    faults = [f"{name}: a store's attributes tell it, leave it out" for name in own]
    faults += ["draw: what is stored is not drawn, expected {}"] if experiment["draw"] else []
    seen = {}
    for name, dataset in experiment["datasets"].items():
        more = [
            key
            for key in dataset
            if key not in ("split", "draw", "store") or (key == "draw" and dataset[key])
        ]
        faults += [f"datasets.{name}.{key}: a store is taken as it is, leave it out" for key in more]
        if "store" not in dataset:
            faults.append(f"datasets.{name}.store: missing, say where it stands")
            continue
        try:
            its = foreign.Foreign(Path(dataset["store"]))
            foreign.expect_layout(its, stages.classes(experiment))
            seen[name] = foreign.settings(its)
        except GwsimError as error:
            faults.append(f"datasets.{name}.store: {error}")
    return faults or networks.stored_faults(experiment, seen)


def _check_given(experiment: dict) -> list[str]:
    """Return faults of given pictures."""
    its, faults = experiment["waveforms"], wanted.glitch_classes(experiment)
    for name in ("path", "table"):
        if name in its and not Path(its[name]).exists():
            faults.append(
                f"waveforms.{name}: no {its[name]} (paths start at the folder that the workflow runs in)"
            )
    fractions = its.get("fractions", SPLIT_FRACTIONS)
    if abs(sum(fractions.values()) - 1) > 1e-9:
        faults.append(f"waveforms.fractions: expected a sum of 1, got {sum(fractions.values()):g}")
    if experiment["render"]["qscan"]["size"] != GIVEN_SIZE:
        got = f"got {experiment['render']['qscan']['size']}"
        faults.append(f"render.qscan.size: given pictures are read at {GIVEN_SIZE} ({got})")
    for name, dataset in experiment["datasets"].items():
        if dataset["split"] not in fractions:
            known = ", ".join(fractions)
            faults.append(f"datasets.{name}.split: no split '{dataset['split']}' (known: {known})")
        if dataset["draw"]:
            faults.append(f"datasets.{name}.draw: given pictures have nothing that is drawn")
    return faults


def _check_strain(config: dict, experiment: dict) -> list[str]:
    """Return faults of examples of whitened strain."""
    rate, stft, faults = config["sample_rate"], experiment["render"]["spectrogram"], []
    own = [name for name in ("sample_rate", "ifos", "beside") if name in experiment]
    faults += [f"{name}: noise that is whitened once has the run's, leave it out" for name in own]
    needed = experiment["duration"] + config["noise"]["filter"] + stft["window"] / rate + 2 * LIGHT_TRAVEL
    faults += _check_length(config, needed)
    if (samples := round(experiment["duration"] * rate)) % stft["hop"]:
        got = f"got {stft['hop']} for {samples}"
        faults.append(f"render.spectrogram.hop: does not divide the example's samples ({got})")
    if stft["f_max"] > rate / 2:
        got = f"got {stft['f_max']}"
        faults.append(f"render.spectrogram.f_max: above the Nyquist frequency, {rate / 2} Hz ({got})")
    return faults


def _check_length(config: dict, needed: float) -> list[str]:
    """Return a fault where a PSD block may be shorter than an example with its margins."""
    if config["noise"]["stretch_min"] >= needed:
        return []
    got = f"{config['noise']['stretch_min']} s"
    return [f"duration: an example with its margins needs {needed:g} s, longer than noise.stretch_min, {got}"]


def _check_scans(config: dict, experiment: dict) -> list[str]:
    """Return faults of Q-scans of strain that whitens itself."""
    rate, scan, faults = stages.sample_rate(config, experiment), experiment["render"]["qscan"], []
    strange = [ifo for ifo in stages.ifos(config, experiment) if ifo not in config["ifos"]]
    if strange:
        faults.append(f"ifos: {', '.join(strange)} not among the run's, {', '.join(config['ifos'])}")
    faults += _check_length(config, experiment["duration"] + 2 * LIGHT_TRAVEL)
    if experiment["duration"] != round(experiment["duration"]) or experiment["duration"] < LEAST_SCANNED:
        got = f"got {experiment['duration']:g}"
        faults.append(f"duration: expected whole seconds, {LEAST_SCANNED} or more, to whiten on ({got})")
    if experiment["waveforms"]["source"] == "triggers" and experiment["duration"] % 2:
        got = f"got {experiment['duration']:g}"
        faults.append(f"duration: expected an even number of seconds, half at either side ({got})")
    for name, least in (("q", math.sqrt(11)), ("frequencies", 1.0)):
        low, high = scan[name]
        if not least < low < high:
            faults.append(f"render.qscan.{name}: got {scan[name]}, expected {least:.3g} < low < high")
    highest = q_planes.highest_frequency(rate, scan["q"]) if not faults else math.inf
    if scan["frequencies"][1] > highest:
        faults.append(
            f"render.qscan.frequencies: got {scan['frequencies'][1]:g} Hz, at {rate} Hz tiles end at "
            f"{highest:.0f} Hz (hint: sample_rate of the experiment)"
        )
    longest, least = min(SHORT_SCAN, experiment["duration"]), scan["frequencies"][0]
    if not faults and least * longest * math.sqrt(11) < max(q_planes.qs(scan["q"], q_planes.MISMATCH)):
        got = f"got {scan['q'][1]:g}"
        faults.append(
            f"render.qscan.q: too high for tiles of {least:g} Hz in {longest:g} s of strain ({got})"
        )
    if least > SEEN[0] or scan["frequencies"][1] < SEEN[1]:
        faults.append(
            f"render.qscan.frequencies: got {scan['frequencies']}, views show {SEEN[0]:g} to {SEEN[1]:g} Hz"
        )
    if "beside" in experiment and not Path(experiment["beside"]).is_dir():
        faults.append(f"beside: no folder {experiment['beside']}")
    return faults


def _check_dataset(config: dict, experiment: dict, dataset: dict) -> list[str]:
    if "examples" not in dataset:
        return ["examples: missing, say how many"]
    given, faults = {**experiment["draw"], **dataset["draw"]}, []
    splits = stages.splits(config)
    if dataset["split"] not in splits:
        faults.append(f"split: no split '{dataset['split']}' (known: {', '.join(splits)})")
    if dataset.get("paired") and dataset.get("reuse") == "never":
        faults.append("paired: rows of a pair share their noise, so reuse cannot be 'never'")
    if experiment["waveforms"]["source"] == "triggers":
        return faults + [
            f"draw.{name}: times of triggers are given, not drawn" for name in given if name != "mean_norm"
        ]
    faults += _check_targets(experiment, given)
    if "event_time" not in given:
        faults.append("draw.event_time: missing, say when the bounce, merger or glitch is")
    elif value_range(given["event_time"])[0] < 0:
        faults.append("draw.event_time: expected values of zero or more, in seconds")
    elif not _within(given["event_time"], experiment["duration"]):
        faults.append(f"draw.event_time: reaches past the example's {experiment['duration']} s")
    elif not stages.whitened(experiment):
        faults += _check_middle(experiment["duration"], given["event_time"])
    faults += [fault for name, spec in given.items() for fault in _check_angles(name, spec)]
    faults += _check_proportions(experiment, dataset, given)
    faults += wanted.in_noise(experiment, dataset)
    return faults + _check_balance(experiment, dataset)


def _check_redrawn(config: dict, experiment: dict, dataset: dict) -> list[str]:
    """Return faults of a dataset that is another one's but for its loudness, of what is its own alone."""
    if "examples" not in dataset:
        return []
    given = dataset["draw"]
    faults = _check_targets(experiment, given) + _check_proportions(experiment, dataset, given)
    return faults or _check_balance(experiment, dataset)


def _check_balance(experiment: dict, dataset: dict) -> list[str]:
    """Return a fault where classes would not meet each value of the grids equally often."""
    cycle = stages.cycle_length(experiment, dataset)
    if not dataset["examples"] % cycle:
        return []
    near = max(cycle, round(dataset["examples"] / cycle) * cycle)
    whose = f", those of '{dataset['of']}'," if "of" in dataset else ""
    return [
        f"examples: {dataset['examples']}{whose} is no multiple of {cycle} (classes times grid values), "
        f"so classes would not be balanced; the nearest is {near}"
    ]


def _check_targets(experiment: dict, given: dict) -> list[str]:
    """Return faults of how loud signals are wanted."""
    faults, known = [], [name for name in draw.TARGETS if name in given]
    if experiment["waveforms"]["source"] == "glitch":
        if "distance_kpc" in given:
            faults.append(
                "draw.distance_kpc: glitches have no distance, give snr or leave it to their classes"
            )
    elif len(known) != 1:
        got = " and ".join(known) or "neither"
        faults.append(f"draw: got {got}, expected one of snr and distance_kpc")
    for name in known:
        if value_range(given[name])[0] <= 0:
            faults.append(f"draw.{name}: expected values above zero, got {given[name]}")
    return faults


def _check_middle(duration: float, spec) -> list[str]:
    """Return a fault where a view of the longest duration would reach into the edges of its strain."""
    first, last = value_range(spec)
    if first < LEAST_SCANNED / 2 or last > duration - LEAST_SCANNED / 2:
        ends = f"{LEAST_SCANNED / 2:g} to {duration - LEAST_SCANNED / 2:g} s"
        return [f"draw.event_time: got {first:g} to {last:g}, views need {ends}"]
    return []


def _check_proportions(experiment: dict, dataset: dict, given: dict) -> list[str]:
    """Return a fault where classes cannot be shared out as published."""
    if dataset.get("proportions", "equal") == "equal":
        return []
    grids = [name for name, spec in given.items() if isinstance(spec, dict) and "grid" in spec]
    if experiment["waveforms"]["source"] != "glitch":
        return ["proportions: published are those of Gravity Spy's classes alone"]
    if grids or dataset.get("paired"):
        return ["proportions: published ones go with no grid and no pairs"]
    return []


def _within(spec, duration: float) -> bool:
    """Return whether all of a column's times lie before a window's end; a uniform one's end is not drawn."""
    latest = value_range(spec)[1]
    return latest < duration or (latest == duration and isinstance(spec, dict) and "uniform" in spec)


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
