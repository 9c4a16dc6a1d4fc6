"""The configuration: every fault is told, all at once, in words; settings change only where they must."""

import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gwsim import configuration, draw, schema, segments, stages
from gwsim.errors import GwsimError
from gwsim.waveforms import columns, sources

ROOT = Path(__file__).parents[1]
SCHEMA = yaml.safe_load(schema.SCHEMA.read_text())
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())
OVERLAYS = sorted((ROOT / "workflow" / "configs").glob("*.yaml"))
# Mappings whose keys are the user's own names.
OF_EXPERIMENTS = (
    "datasets",
    "waveforms.models",
    "networks",
    "explain.select",
    "embed.select",
    "reported.numbers",
)
OPEN = {"experiments", "segments.events", "segments.splits"} | {
    f"experiments.{name}.{place}" for name in DEFAULT["experiments"] for place in OF_EXPERIMENTS
}


@pytest.fixture
def config():
    return copy.deepcopy(DEFAULT)


def faults(config):
    """The lines of faults; none for a configuration that passes."""
    try:
        configuration.check(config)
    except GwsimError as error:
        head, *lines = str(error).splitlines()
        plural = "s" if len(lines) > 1 else ""
        assert head == f"the configuration has {len(lines)} fault{plural}:"
        assert all(line.startswith("  ") for line in lines)
        return [line.strip() for line in lines]
    return []


def changed(**places):
    """The default with some places, a__b__c, set to another value."""
    config = copy.deepcopy(DEFAULT)
    for place, value in places.items():
        *parents, last = place.split("__")
        node = config
        for part in parents:
            node = node[part]
        node[last] = value
    return config


def dataset(name="train", **values):
    """The default with some values of a dataset set."""
    config = copy.deepcopy(DEFAULT)
    config["experiments"]["ccsn"]["datasets"][name] |= values
    return config


def walk(node, path=()):
    """Every place in a configuration, (path, value)."""
    yield path, node
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from walk(value, (*path, key))


def put(config, path, value):
    """A copy with another value at a path."""
    config = copy.deepcopy(config)
    node = config
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    return config


def in_words(path):
    """A place as faults name it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]


def fields(node, path=()):
    """Every field that the schema names, (path, its schema); a condition names none."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "if":
                continue
            if key == "properties":
                yield from (((*path, name), field) for name, field in value.items())
            yield from fields(value, (*path, key))
    elif isinstance(node, list):
        for key, value in enumerate(node):
            yield from fields(value, (*path, key))


# What passes


def test_the_default_passes(config):
    before = copy.deepcopy(config)
    assert faults(config) == [] and config == before


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.stem)
def test_the_default_with_each_overlay_passes(config, path, tmp_path, monkeypatch):
    # Real pictures are found in the folder that the workflow runs in.
    (tmp_path / "gravity-spy").mkdir()
    monkeypatch.chdir(tmp_path)
    whole = configuration.pruned(configuration.overlay(config, yaml.safe_load(path.read_text())))
    assert faults(whole) == []


def test_there_is_an_overlay_to_test():
    assert "tiny" in [path.stem for path in OVERLAYS]


def test_an_overlay_goes_over_mappings_and_leaves_its_arguments(config):
    base, other = {"a": {"b": 1, "c": [1, 2]}, "d": 1}, {"a": {"c": [3]}, "e": {"f": 1}}
    assert configuration.overlay(base, other) == {"a": {"b": 1, "c": [3]}, "d": 1, "e": {"f": 1}}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 1} and other == {"a": {"c": [3]}, "e": {"f": 1}}


@pytest.mark.parametrize(
    "config",
    [
        changed(
            segments__splits={
                "ranges": [[1238236160, 1238241280]],
                "fractions": {"train": 0.5, "validation": 0.2, "test": 0.2},
            }
        ),
        changed(strain__simulated__psd={"H1": "o3", "L1": "o3", "V1": "aLIGOZeroDetHighPower"}),
        changed(segments__events={"GW190412": 1239082262.1}),
        dataset(draw={"snr": {"power_law": {"index": -4, "low": 8, "high": 100}}}),
        dataset(draw={"snr": {"list": [8, 12]}, "dec": {"uniform_sin": [-1.5708, 1.5708]}}, reuse="never"),
        dataset(draw={"snr": {"grid": [8, 12, 20]}}, paired=True),
        # The end of a uniform distribution is not drawn.
        dataset(draw={"snr": 8, "event_time": {"uniform": [0, 1]}}),
        changed(experiments__cbc__waveforms__source="cbc_scaled"),
        changed(experiments__cbc__waveforms__end_cycles=0.5),
        changed(experiments__cbc__waveforms__models__NSBH__spin_1x={"uniform": [-0.3, 0.3]}),
        changed(experiments__cbc__draw={"event_time": 3.9, "inclination": {"uniform_cos": [0, 0.5]}}),
        changed(experiments__glitch__datasets__train={"split": "train", "examples": 22, "draw": {"snr": 9}}),
        changed(experiments__glitch__draw={"event_time": {"uniform": [3, 13]}, "mean_norm": 0}),
        changed(experiments__glitch__datasets__train__draw={"snr": {"grid": [8, 12]}}),
        # As many as wanted: classes in proportion need not be balanced.
        changed(
            experiments__glitch__datasets__train__proportions="published",
            experiments__glitch__datasets__train__examples=101,
        ),
        changed(experiments__glitch__ifos=["V1"]),
        changed(experiments__glitch__beside="tests"),
    ],
)
def test_what_a_user_may_write_passes(config):
    assert faults(config) == []


# The schema as a whole


def test_every_field_says_what_it_means():
    silent = ["/".join(map(str, path)) for path, field in fields(SCHEMA) if not field.get("description")]
    assert silent == []
    assert len(list(fields(SCHEMA))) > 60


def test_every_mapping_of_the_schema_is_closed():
    """Unknown keys are refused, or stand for names, at every level; a model's other keys are its reader's."""
    mappings = [
        (path, node)
        for path, node in walk(SCHEMA)
        if isinstance(node, dict) and "properties" in node and "if" not in path
    ]
    free = [path for path, node in mappings if node.get("additionalProperties") is not False]
    waveforms = ("$defs", "experiment", "properties", "waveforms")
    forms = [("$defs", "experiment", "allOf", number, "then") for number in range(4)]
    timed = ("$defs", "experiment", "allOf", 4, "then")
    assert [path for path in free if path[:2] != ("$defs", "model")] == [*forms, timed, waveforms]
    assert len(mappings) > 10
    rendered = [dict(mappings)[path]["properties"]["render"]["$ref"] for path in forms]
    assert all(SCHEMA["$defs"][name.rpartition("/")[2]]["additionalProperties"] is False for name in rendered)
    # Closed by its source: each of them leads to a mapping that is.
    node = dict(mappings)[waveforms]
    known = set(node["properties"]["source"]["enum"])
    led = [one["if"]["properties"]["source"] for one in node["allOf"]]
    assert sorted(name for one in led for name in one.get("enum", [one.get("const")])) == sorted(known)
    closed = [one["then"]["$ref"].removeprefix("#/$defs/") for one in node["allOf"]]
    assert all(SCHEMA["$defs"][name]["additionalProperties"] is False for name in closed)
    # Pictures and stores are no sources of signals, they are taken in as they are.
    assert known == {*sources.SOURCES, "pictures", "store"} == set(columns.WHITENED)
    kinds = SCHEMA["$defs"]["experiment"]["properties"]["whiten"]["enum"]
    assert set(kinds) == set(columns.WHITENED.values())


MAPPINGS = [path for path, value in walk(DEFAULT) if isinstance(value, dict)]
CLOSED = [path for path in MAPPINGS if ".".join(map(str, path)) not in OPEN]


@pytest.mark.parametrize("path", CLOSED, ids=lambda path: ".".join(map(str, path)) or "top")
def test_an_unknown_key_is_refused_wherever_it_stands(path):
    where = in_words(path) or "top level"
    found = faults(put(DEFAULT, (*path, "stray"), 1))
    assert any(
        re.match(rf"{re.escape(where)}: unknown key 'stray' \((did you mean|known: )", one) for one in found
    )


@pytest.mark.parametrize("path", CLOSED, ids=lambda path: ".".join(map(str, path)) or "top")
def test_a_key_misspelt_is_guessed(path):
    config = copy.deepcopy(DEFAULT)
    node = config
    for part in path:
        node = node[part]
    # Waveforms without their source are asked for it, and for nothing else.
    key = max((name for name in node if name != "source"), key=len, default=None)
    if key is None:
        pytest.skip("an empty mapping")
    node[key + "e"] = node.pop(key)
    assert any(f"unknown key '{key}e' (did you mean '{key}'?)" in line for line in faults(config))


LEAVES = [path for path, value in walk(DEFAULT) if not isinstance(value, dict) and value != []]


@pytest.mark.parametrize("path", LEAVES, ids=lambda path: ".".join(map(str, path)))
@pytest.mark.parametrize("wrong", [{"no": "such"}, None], ids=["mapping", "nothing"])
def test_a_wrong_type_is_refused_by_its_place(path, wrong):
    found = faults(put(DEFAULT, path, wrong))
    assert any(line.startswith(f"{in_words(path)}: ") for line in found)


NUMBERS = [path for path in LEAVES for value in [dict(walk(DEFAULT))[path]] if type(value) in (int, float)]


@pytest.mark.parametrize("path", NUMBERS, ids=lambda path: ".".join(map(str, path)))
def test_numbers_are_not_text_truth_or_infinite(path):
    for wrong in ("1e3", True, float("nan"), float("inf"), float("-inf")):
        found = faults(put(DEFAULT, path, wrong))
        assert found and all(line.startswith(in_words(path)) for line in found), wrong


def test_numbers_are_tested_at_all():
    assert len(NUMBERS) > 50 and len(LEAVES) > 80 and len(CLOSED) > 20


def test_what_is_missing_is_named_with_its_meaning():
    assert faults({key: value for key, value in DEFAULT.items() if key not in ("seed", "band")}) == [
        "top level: 'band' is missing (Frequencies over which SNR is defined (Hz).)",
        "top level: 'seed' is missing (Seed of everything random.)",
    ]
    for path in MAPPINGS:
        for key in dict(walk(DEFAULT))[path]:
            config = copy.deepcopy(DEFAULT)
            node = config
            for part in path:
                node = node[part]
            del node[key]
            configured = faults(config)
            # Never a traceback; what may be left out is left out without a word, or leaves a named fault.
            assert all(re.match(r"[\w.\[\]]+|top level", line) for line in configured)


# Faults, by their words

MODELS = DEFAULT["experiments"]["ccsn"]["waveforms"]["models"]
T = "experiments.ccsn.datasets.train"
TRAIN = "experiments__ccsn__networks__paper__train"
CBC = "experiments__cbc__waveforms"
BODIES = f"{CBC}__models"
SCALED = {f"{CBC}__source": "cbc_scaled"}
GLITCH, CCSN = DEFAULT["experiments"]["glitch"], DEFAULT["experiments"]["ccsn"]
SCANS, GLITCHES = "experiments__glitch__render__qscan", "experiments__glitch__datasets__train"
G = "experiments.glitch.datasets.train"
SERIES = DEFAULT["experiments"]["ccsn"]["networks"]["paper"] | {"model": "resnet54", "array": "strain"}
FAULTS = [
    (
        changed(**{f"{TRAIN}__dataset": "trian"}),
        "networks.paper.train.dataset: no dataset 'trian' (known: train",
    ),
    (
        changed(**{f"{TRAIN}__validation": "x"}),
        "networks.paper.train.validation: no dataset 'x' (known: train",
    ),
    (
        changed(**{f"{TRAIN}__phases": [{"epochs": 1, "snr": [50, 40]}]}),
        "networks.paper.train.phases[0].snr: got [50, 40], expected 0 < low < high",
    ),
    (
        changed(**{f"{TRAIN}__phases": [{"epochs": 1}], f"{TRAIN}__mix": True}),
        "phases[0]: mix draws SNRs from the phase's snr, and there is none",
    ),
    (changed(**{f"{TRAIN}__phases": []}), "networks.paper.train.phases: got [], expected at least 1 value"),
    (changed(**{f"{TRAIN}__precision": "half"}), "got 'half', expected one of float32, bfloat16"),
    (changed(experiments__ccsn__networks__paper__model="vgg"), "got 'vgg', expected one of ccsn_cnn"),
    (changed(**{f"{TRAIN}__schedule": "step"}), "got 'step', expected one of constant, cosine"),
    (
        changed(experiments__ccsn__networks__paper__model="resnet54"),
        "networks.paper.array: got spectrogram, expected strain, which resnet54 takes",
    ),
    (
        changed(experiments__ccsn__networks__paper=SERIES | {"model": "resnet54_mean"}),
        "networks.paper.model: resnet54_mean has 16 features, of which embed.pca wants 50 components",
    ),
    (
        changed(experiments__ccsn__networks__paper__array="strain"),
        "networks.paper.array: got strain, expected spectrogram, which ccsn_cnn takes",
    ),
    (
        changed(experiments__ccsn__networks__paper__shown=False),
        "networks.paper.shown: got false, but all are explained where one is noise",
    ),
    (
        changed(experiments__glitch__evaluate__by="snr_target"),
        "evaluate.by: expected none where no class is noise",
    ),
    (
        changed(experiments__glitch__networks__merged__pool=3),
        "networks.merged.pool: got 3, expected a divisor of qscan.size, 224",
    ),
    (
        changed(experiments__glitch__networks__merged__array="strain"),
        "networks.merged.array: got strain, expected merged or scans, which merged_view_cnn takes",
    ),
    (
        changed(
            experiments__glitch__networks__merged__train__patience=2,
            experiments__glitch__networks__merged__train__phases=[{"epochs": 1}, {"epochs": 2}],
        ),
        "networks.merged.train.patience: losses of several phases cannot be compared",
    ),
    (
        changed(experiments__ccsn__networks__paper__rate=512),
        "networks.paper.rate: got 512 Hz for spectrogram, expected it for strain alone",
    ),
    (
        changed(experiments__ccsn__networks__paper=SERIES | {"rate": 1000}),
        "networks.paper.rate: got 1000 Hz, expected a divisor of sample_rate, 4096",
    ),
    (
        changed(experiments__ccsn__networks__paper=SERIES | {"rate": 128}),
        "networks.paper.rate: got 128 Hz, whose low pass needs a margin of 256 samples; half of",
    ),
    (
        changed(
            experiments__ccsn__networks__paper=SERIES | {"rate": 512},
            experiments__ccsn__duration=0.25,
            experiments__ccsn__render__spectrogram__hop=64,
        ),
        "networks.paper.model: resnet54 takes at least 256 values along each axis, got 128 along time",
    ),
    (
        changed(experiments__ccsn__render__spectrogram__hop=512),
        "ccsn_cnn takes at least 10 values along each axis, got 94 along frequency and 9 along frame",
    ),
    (
        changed(experiments__ccsn__evaluate__datasets=["test"]),
        "explain.atlas: 'gallery' is not among evaluate",
    ),
    (
        changed(experiments__ccsn__evaluate__shown=[1, 20, 2.5]),
        "evaluate.shown: got 20, 2.5, the values of distance_target_kpc are 1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
    ),
    (
        changed(experiments__ccsn__evaluate__background={"threshold": "x", "measured": "test"}),
        "evaluate.background.threshold: no split 'x' (known: train, validation, test)",
    ),
    (
        changed(experiments__ccsn__evaluate__background={"threshold": "test", "measured": "test"}),
        "evaluate.background: thresholds set and measured on 'test', expected two splits",
    ),
    (
        changed(experiments__ccsn__evaluate__false_alarms_per_day=[100000]),
        "got 100000, expected rates above zero and at most 86400, one a window of 1 s",
    ),
    (
        changed(experiments__ccsn__explain__select={"distance_target_kpc": 50}),
        "explain.select.distance_target_kpc: got 50, test has 1, 2, 3",
    ),
    (
        changed(**{f"{TRAIN}__curriculum": "cumulative", f"{TRAIN}__mix": True}),
        "networks.paper.train.curriculum: mix draws from a phase's own range",
    ),
    (
        changed(experiments__ccsn__evaluate__background={"threshold": "train", "measured": "test"}),
        "networks.paper.train.dataset: its split 'train' is that of evaluate.background.threshold too",
    ),
    (
        changed(**{f"{TRAIN}__validation": "train"}),
        "its split 'train' is that of the validation set train too",
    ),
    (
        changed(**{f"{TRAIN}__dataset": "test"}),
        "networks.paper.train.dataset: its split 'test' is that of the dataset test too",
    ),
    (
        changed(experiments__ccsn__evaluate__false_alarms_per_day=[0]),
        "evaluate.false_alarms_per_day: got 0, expected rates above zero",
    ),
    (
        changed(experiments__ccsn__explain__target="s99"),
        "explain.target: got 's99', expected one of predicted",
    ),
    (
        changed(experiments__ccsn__explain__select={"distance": 1}),
        "explain.select: no column 'distance' (known:",
    ),
    (changed(experiments__ccsn__embed__datasets=["x"]), "embed.datasets: no dataset 'x' (known: train"),
    (changed(experiments__ccsn__explain=None), "experiments.ccsn.explain: got nothing, expected a mapping"),
    (changed(seed="1e3"), "seed: got '1e3', expected a whole number, which this is not in YAML: write 1000"),
    (changed(seed=1.0), "seed: got 1.0, expected a whole number (Seed of everything random.)"),
    (changed(seed=None), "seed: got nothing, expected a whole number"),
    (changed(run="O3 a"), "run: got 'O3 a', expected text of the form"),
    (changed(ifos=["H1", "X1", "Z9"]), "ifos: unknown X1, Z9 (known: H1, L1, V1"),
    (changed(ifos=["H1", "H1"]), "ifos: got ['H1', 'H1'], expected no value twice"),
    (changed(ifos=[]), "ifos: got [], expected at least 1 value"),
    (changed(band=[20]), "band: got [20], expected 2 values (Frequencies over which SNR is defined (Hz).)"),
    (changed(band=[1600, 20]), "band: got [1600, 20], expected 0 < low < high <= 2048.0 Hz"),
    (changed(band=[20, 3000]), "band: got [20, 3000], expected 0 < low < high <= 2048.0 Hz"),
    (changed(sample_rate=4000), "sample_rate: got 4000, expected one of 256, 512, 1024, 2048, 4096"),
    (changed(strain__source="web"), "strain.source: got 'web', expected one of simulated, files, gwosc"),
    (changed(strain__source="files"), "strain.files: empty, but strain.source is 'files'"),
    (changed(strain__block=128), "noise.stretch: expected stretch_min <= stretch <= strain.block"),
    (changed(strain__simulated__psd=3), "strain.simulated.psd: got 3, expected text or a mapping"),
    (
        changed(strain__simulated__gap_seconds=[20, 2]),
        "strain.simulated.gap_seconds: got [20, 2], expected 0 < least <= greatest",
    ),
    (changed(segments__flags=["CBC_CAT1"]), "segments.flags: got ['CBC_CAT1'], expected DATA among them"),
    (
        changed(segments__flags=["DATA", "CAT1"]),
        "segments.flags[1]: got 'CAT1', expected one of DATA, CBC_CAT1",
    ),
    (changed(segments__guard=1), "segments.guard: 1 s is shorter than the filter, 2 s"),
    (
        changed(segments__splits__validation=[[1238238000, 1238240256]]),
        "segments.splits: splits 'train' and 'validation' overlap over GPS 1238238000 to 1238238208",
    ),
    (
        changed(segments__splits__validation=[[1238238210, 1238240256]]),
        "segments.splits: splits 'train' and 'validation' are closer than the guard of 4 s",
    ),
    (
        changed(segments__splits__test=[[1238241280, 1238241380]]),
        "segments.splits: split 'test' has no range of at least 128 s, which one PSD block needs",
    ),
    (
        changed(segments__splits__test=[[1238242304, 1238243328], [1238244000, 1238243500]]),
        "segments.splits.test: [1238244000, 1238243500] ends before it starts",
    ),
    (
        changed(segments__splits__test=[[1238242304, 1238243328.5]]),
        "segments.splits.test[0][1]: got 1238243328.5, expected a whole number (Half-open GPS ranges",
    ),
    (
        changed(segments__splits__ranges=[[1, 2]]),
        "segments.splits: unknown key 'train' (known: ranges, fractions)",
    ),
    (
        changed(segments__splits={"ranges": [[0, 9000]], "fractions": {"train": 0.9, "test": 0.2}}),
        "segments.splits.fractions: they sum to more than one",
    ),
    (
        changed(segments__splits={"ranges": [[9000, 0]], "fractions": {"train": 0.9}}),
        "segments.splits.ranges: [9000, 0] ends before it starts",
    ),
    (
        changed(segments__splits={"ranges": [[0, 9000]], "fractions": {"tr ain": 0.9}}),
        "segments.splits.fractions: 'tr ain' is no name for it: letters, digits and _",
    ),
    (changed(noise__filter=8), "noise.filter: longer than noise.psd_segment, whose spectrum it is made from"),
    (
        changed(noise__psd_segment=40),
        "noise.stretch_min: fewer than four psd_segments, no median can be taken",
    ),
    (
        changed(strain__source="gwosc", strain__gwosc__mirrors=["/no/such/folder", "https://x.org"]),
        "strain.gwosc.mirrors: no folder /no/such/folder",
    ),
    (
        changed(strain__source="gwosc", strain__gwosc__plan="results/strain/demo/lock.json"),
        "lies under results (it is made anew there: copy it beside your configuration)",
    ),
    (changed(strain__source="gwosc", strain__gwosc__plan="no.json"), "plan: no.json: no plan of files"),
    (changed(segments__events="all"), "segments.events: got 'all', expected 'known' or"),
    (changed(strain__gwosc__host="gwosc.org"), "gwosc.host: got 'gwosc.org', expected text of the form"),
    (
        changed(experiments={"noise": DEFAULT["experiments"]["ccsn"]}),
        "experiments: 'noise' is no name for it: lower-case letters, digits and _; config, strain",
    ),
    (
        changed(experiments__ccsn__duration=0.3),
        "experiments.ccsn.duration: 0.3 s is no whole number of samples",
    ),
    (
        changed(experiments__ccsn__duration=128),
        "experiments.ccsn.duration: an example with its margins needs 130.113 s",
    ),
    (
        changed(experiments__ccsn__waveforms__seconds=0.3),
        "experiments.ccsn.waveforms.seconds: 0.3 s is no whole number of samples",
    ),
    (
        changed(experiments__ccsn__render__spectrogram__hop=100),
        "experiments.ccsn.render.spectrogram.hop: does not divide the example's samples",
    ),
    (
        changed(experiments__ccsn__render__spectrogram__f_max=2049),
        "experiments.ccsn.render.spectrogram.f_max: above the Nyquist frequency, 2048.0 Hz",
    ),
    (
        changed(experiments__ccsn__render__spectrogram__window=255),
        "experiments.ccsn.render.spectrogram.window: got 255, expected a multiple of 2 (STFT",
    ),
    (
        changed(experiments__ccsn__render__keep_bits=24),
        "experiments.ccsn.render.keep_bits: got 24, expected at most 23",
    ),
    (
        changed(experiments__ccsn__waveforms__models={"s99": "surrogate"}),
        "experiments.ccsn.waveforms.models.s99: no surrogate of that name (known: he3.5, s18",
    ),
    (
        changed(experiments__ccsn__waveforms__models=MODELS | {"s18": "surogate"}),
        "waveforms.models.s18: got 'surogate', expected 'surrogate' or a mapping of path, format (The word",
    ),
    (
        changed(experiments__ccsn__waveforms__models=MODELS | {"noise": "surrogate"}),
        "experiments.ccsn.waveforms.models: 'noise' is no name for it: ",
    ),
    (
        changed(experiments__ccsn__waveforms__models=MODELS | {"s18": {"path": "config.yaml"}}),
        "experiments.ccsn.waveforms.models.s18: 'format' is missing (Name of the reader",
    ),
    (
        changed(experiments__ccsn__waveforms__models=MODELS | {"s18": {"path": "no.dat", "format": "odd"}}),
        "experiments.ccsn.waveforms.models.s18.format: unknown 'odd' (known: ",
    ),
    (
        changed(experiments__ccsn__waveforms__models=MODELS | {"s18": {"path": "no.dat", "format": "odd"}}),
        "experiments.ccsn.waveforms.models.s18.path: no file no.dat",
    ),
    (
        changed(
            experiments__ccsn__waveforms__models=MODELS | {"s18": {"path": "no.dat", "format": "odd"}},
            experiments__ccsn__waveforms__realisations="fresh",
        ),
        "experiments.ccsn.waveforms.models.s18: a file has one realisation, not fresh ones",
    ),
    (
        changed(**{f"{CBC}__source": "cbs"}),
        "source: got 'cbs', expected one of ccsn, cbc, cbc_scaled, glitch, triggers, pictures, toy, store",
    ),
    (
        changed(
            **{CBC: {k: v for k, v in DEFAULT["experiments"]["cbc"]["waveforms"].items() if k != "taper"}}
        ),
        "cbc.waveforms: 'taper' is missing (Time over which a signal comes in, before any window (s).)",
    ),
    (
        changed(**{f"{CBC}__seconds": 3}),
        "cbc.waveforms: unknown key 'seconds' (known: source, taper, end_cycles, models)",
    ),
    (
        changed(experiments__ccsn__waveforms__taper=0.2),
        "ccsn.waveforms: unknown key 'taper' (known: source, seconds, realisations, models)",
    ),
    (
        changed(**{f"{BODIES}__BBH": "surrogate"}),
        "models.BBH: got 'surrogate', expected a mapping (One class of",
    ),
    (changed(**{f"{BODIES}__BBH__spin_1": 0}), "models.BBH: unknown key 'spin_1' (did you mean 'spin_1"),
    (
        changed(**{f"{BODIES}__BBH__approximant": "SEOBNRv4_otp"}),
        "models.BBH: waveforms of SEOBNRv4_otp: unknown approximant, the nearest time-domain approximant of "
        "LALSimulation is SEOBNRv4_opt",
    ),
    (
        changed(**{f"{BODIES}__BBH__mass_1": {"uniform": [0, 80]}}),
        "models.BBH: waveforms of SEOBNRv4_opt: mass_1 from 0, expected masses above 0",
    ),
    (
        changed(**{f"{BODIES}__BBH__mass_1": {"uniform": [5, 800]}}),
        "models.BBH: waveforms of SEOBNRv4_opt: masses with a ratio of 160, expected at most 100",
    ),
    (
        changed(**{f"{BODIES}__BBH__spin_1z": {"uniform": [-2, 2]}}),
        "models.BBH: waveforms of SEOBNRv4_opt: spin_1z from -2 to 2, expected spins within -1 and 1",
    ),
    (
        changed(**{f"{BODIES}__BBH__spin_1x": 0.3}),
        "spin_1x from 0.3 to 0.3, expected 0: no precession; hint: SEOBNRv4P",
    ),
    (
        changed(
            **{f"{BODIES}__BBH__mass_1": 500, f"{BODIES}__BBH__mass_2": 500},
            experiments__cbc__datasets__gallery__draw={"snr": 15, "event_time": 0},
        ),
        # Before an event at 0 s: light's 25 ms, half a spectrogram's window of 62.5 ms, and the taper.
        "1000 solar masses would begin 0.0876 s before merger, above the 4.397 Hz where they plunge; hint: "
        "an earlier start than -0.287598 s, or a taper shorter than 0.2 s",
    ),
    (
        changed(**{f"{CBC}__taper": 4}),
        "cbc.waveforms.taper: the window is shorter than the taper (got 4 s for 4 s)",
    ),
    (
        changed(experiments__cbc__draw={"event_time": 3.9, "theta": 0}),
        "cbc.draw.theta: signals of source cbc have none (they have ra, dec, psi, inclination, phase)",
    ),
    (
        dataset(draw={"snr": 8, "inclination": 0}),
        f"{T}.draw.inclination: signals of source ccsn have none (they have ra, dec, psi, theta, phi)",
    ),
    (
        changed(experiments__cbc__datasets__test__draw={"snr": 8, "inclination": {"grid": [0, 1]}}),
        "cbc.datasets.test.draw.inclination: got a grid, expected a number or a distribution, "
        "one value a system",
    ),
    (
        changed(**{f"{BODIES}__BBH__mass_2": {"uniform_cos": [0.5, 1]}}),
        "waveforms.models.BBH.mass_2: got uniform_cos, expected a number, uniform or power_law",
    ),
    (
        changed(**{f"{CBC}__end_cycles": 11}),
        "cbc.waveforms.end_cycles: got 11, expected at most 10",
    ),
    (
        changed(**{f"{BODIES}__BBH__mass_1": {"list": [5, 80]}}),
        "waveforms.models.BBH.mass_1: got list, expected a number, uniform or power_law",
    ),
    (
        changed(experiments__cbc__draw={"event_time": 3.9, "inclination": 90}),
        "cbc.datasets.train.draw.inclination: got 90 to 90, expected angles in 0.0000 to 3.1416, in radians",
    ),
    (
        changed(experiments__cbc__render__polarisation_convention="as_printed"),
        "cbc.render.polarisation_convention: binaries have the standard one, no other was printed",
    ),
    (
        changed(**SCALED, **{f"{CBC}__end_cycles": 2}),
        "cbc.waveforms.end_cycles: got 2, cbc_scaled has 0 or 1",
    ),
    (
        changed(**SCALED, **{f"{BODIES}__NSBH__spin_1z": 0.1}),
        "models.NSBH: no SpinTaylorT4 from the bank on mass ratio: spin_1z is not zero. Hint: the direct",
    ),
    (
        changed(**SCALED, **{f"{BODIES}__BBH__mass_2": {"uniform": [2, 80]}}),
        "models.BBH: no SEOBNRv4_opt from the bank on mass ratio: mass ratio 40 of masses 80 and 2",
    ),
    (
        changed(**SCALED, **{f"{BODIES}__BBH__approximant": "IMRPhenomD"}),
        "models.BBH: no bank on mass ratio for approximant 'IMRPhenomD': expected SEOBNRv4, SEOBNRv4_opt, "
        "SpinTaylorT4",
    ),
    (dataset(split="trian"), f"{T}.split: no split 'trian' (known: train, validation, test)"),
    (
        dataset(examples=6003),
        f"{T}.examples: 6003 is no multiple of 10 (classes times grid values), so classes",
    ),
    (dataset(examples=6003), "would not be balanced; the nearest is 6000"),
    (dataset("test", examples=2050), "2050 is no multiple of 100 (classes times grid values)"),
    (dataset(examples=6000.0), f"{T}.examples: got 6000.0, expected a whole number (Rows, a multiple"),
    (dataset(draw={}), f"{T}.draw: got neither, expected one of snr and distance_kpc"),
    (dataset(draw={"snr": 8, "distance_kpc": 3}), f"{T}.draw: got snr and distance_kpc, expected one of"),
    (dataset(draw={"snr": {"uniform": [0, 8]}}), f"{T}.draw.snr: expected values above zero, got"),
    (
        dataset(draw={"snr": {"unifrom": [1, 2]}}),
        f"{T}.draw.snr: unknown key 'unifrom' (did you mean 'uniform'?)",
    ),
    (
        dataset(draw={"snr": "loud"}),
        f"{T}.draw.snr: got 'loud', expected a number or a mapping of uniform, uniform_cos, uniform_sin, "
        "log_uniform, list, grid, power_law, normal, log_normal (Wanted network SNR; of glitches that",
    ),
    (
        dataset(draw={"snr": {"uniform": [20, 50], "grid": [8]}}),
        f"{T}.draw.snr: got {{'uniform': [20, 50], 'grid': [8]}}, expected just 1 of these (an overlay adds",
    ),
    (dataset(draw={"snr": {"uniform": [8, "x"]}}), f"{T}.draw.snr.uniform[1]: got 'x', expected a number ("),
    (
        dataset(draw={"snr": {"uniform": [8, 9, 10]}}),
        f"{T}.draw.snr.uniform: got [8, 9, 10], expected 2 values",
    ),
    (
        dataset(draw={"snr": {"power_law": {"low": 8, "high": 9}}}),
        f"{T}.draw.snr.power_law: 'index' is missing (Exponent.)",
    ),
    (
        dataset(draw={"snr": 8, "event_time": {"uniform": [0, 1.01]}}),
        f"{T}.draw.event_time: reaches past the example's 1 s",
    ),
    (
        dataset(draw={"snr": 8, "event_time": {"list": [0, 1]}}),
        f"{T}.draw.event_time: reaches past the example's 1 s",
    ),
    (dataset(draw={"snr": 8, "event_time": 1}), f"{T}.draw.event_time: reaches past the example's 1 s"),
    (
        dataset(draw={"snr": 8, "event_time": -0.1}),
        f"{T}.draw.event_time: expected values of zero or more, in seconds",
    ),
    (
        changed(experiments__ccsn__draw={}),
        f"{T}.draw.event_time: missing, say when the bounce, merger or glitch is",
    ),
    (
        dataset(draw={"snr": 8, "dec": 45}),
        f"{T}.draw.dec: got 45 to 45, expected angles in -1.5708 to 1.5708, in radians",
    ),
    (
        dataset(draw={"snr": {"uniform_cos": [8, 20]}}),
        f"{T}.draw.snr.uniform_cos: got 8 to 20, expected angles in 0.0000 to 3.1416, in radians",
    ),
    (
        dataset(draw={"snr": {"grid": [8, 12]}}, paired=True, reuse="never"),
        f"{T}.paired: rows of a pair share their noise, so reuse cannot be 'never'",
    ),
    (
        changed(experiments__ccsn__whiten="self", experiments__ccsn__render=GLITCH["render"]),
        "experiments.ccsn.whiten: got 'self', source ccsn wants 'block'",
    ),
    (
        changed(experiments__glitch__whiten="block", experiments__glitch__render=CCSN["render"]),
        "experiments.glitch.whiten: got 'block', source glitch wants 'self'",
    ),
    (
        changed(experiments__glitch__whiten="block"),
        "experiments.glitch.render: unknown key 'qscan' (known: crop, polarisation_convention, spectrogram",
    ),
    (
        changed(experiments__ccsn__whiten="self"),
        "experiments.ccsn.render: 'qscan' is missing (Q-scans of 0.5, 1, 2 and 4 s around the glitch.)",
    ),
    (
        changed(experiments__ccsn__whiten="each"),
        "ccsn.whiten: got 'each', expected one of block, self, given, none, stored (Noise",
    ),
    (
        changed(experiments__cbc__sample_rate=8192),
        "experiments.cbc.sample_rate: noise that is whitened once has the run's, leave it out",
    ),
    (
        changed(experiments__cbc__ifos=["H1"]),
        "experiments.cbc.ifos: noise that is whitened once has the run's, leave it out",
    ),
    (
        changed(experiments__cbc__beside="tests"),
        "experiments.cbc.beside: noise that is whitened once has the run's, leave it out",
    ),
    (
        changed(experiments__glitch__sample_rate=8000),
        "experiments.glitch.sample_rate: got 8000, expected one of 1024, 2048, 4096, 8192, 16384",
    ),
    (
        changed(experiments__glitch__ifos=["L1", "K1", "G1"]),
        "experiments.glitch.ifos: K1, G1 not among the run's, H1, L1, V1",
    ),
    (
        changed(experiments__glitch__duration=128),
        "glitch.duration: an example with its margins needs 128.05 s, longer than noise.stretch_min, 128 s",
    ),
    (
        changed(experiments__glitch__duration=5),
        "experiments.glitch.duration: expected whole seconds, 6 or more, to whiten on (got 5)",
    ),
    (
        changed(experiments__glitch__duration=16.5),
        "experiments.glitch.duration: expected whole seconds, 6 or more, to whiten on (got 16.5)",
    ),
    (
        changed(**{f"{SCANS}__q": [3, 64]}),
        "experiments.glitch.render.qscan.q: got [3, 64], expected 3.32 < low < high",
    ),
    (changed(**{f"{SCANS}__q": [64, 4]}), "glitch.render.qscan.q: got [64, 4], expected 3.32 < low < high"),
    (
        changed(**{f"{SCANS}__frequencies": [0, 2048]}),
        "experiments.glitch.render.qscan.frequencies: got [0, 2048], expected 1 < low < high",
    ),
    (
        # 4096 / (1 + sqrt(11) / (4 sqrt(2)))
        changed(**{f"{SCANS}__frequencies": [10, 2600]}),
        "glitch.render.qscan.frequencies: got 2600 Hz, at 8192 Hz tiles end at 2582 Hz (hint: sample_rate",
    ),
    (
        changed(experiments__glitch__sample_rate=4096),
        "glitch.render.qscan.frequencies: got 2048 Hz, at 4096 Hz tiles end at 1291 Hz (hint: sample_rate",
    ),
    (changed(**{f"{SCANS}__size": 4}), "glitch.render.qscan.size: got 4, expected at least 8 (Pixels along"),
    (
        changed(**{f"{SCANS}__search": 0}),
        "glitch.render.qscan.search: got 0, expected more than 0 (Length of",
    ),
    (
        changed(experiments__glitch__beside="no/pictures"),
        "experiments.glitch.beside: no folder no/pictures",
    ),
    (
        changed(experiments__glitch__waveforms__models=["Blip", "Blop", "Tomtes"]),
        "experiments.glitch.waveforms.models: no classes Blop, Tomtes (known: 1080Lines, 1400Ripples",
    ),
    (
        changed(experiments__glitch__waveforms__models=[]),
        "glitch.waveforms.models: got [], expected at least 1",
    ),
    (
        changed(experiments__glitch__waveforms__models=["Blip", "Blip"]),
        "glitch.waveforms.models: got ['Blip', 'Blip'], expected ",
    ),
    (
        changed(experiments__glitch__waveforms__seconds=2),
        "glitch.waveforms: unknown key 'seconds' (known: source, models)",
    ),
    (
        changed(**{f"{GLITCHES}__draw": {"distance_kpc": 3}}),
        f"{G}.draw.distance_kpc: glitches have no distance, give snr or leave it to their classes",
    ),
    (changed(**{f"{GLITCHES}__draw": {"snr": 0}}), f"{G}.draw.snr: expected values above zero, got 0"),
    (
        changed(experiments__glitch__draw__ra=0),
        "experiments.glitch.draw.ra: signals of source glitch have none (they have mean_norm)",
    ),
    (
        dataset(draw={"snr": 8, "mean_norm": 1}),
        f"{T}.draw.mean_norm: signals of source ccsn have none (they have ra, dec, psi, theta, phi)",
    ),
    (
        changed(**{f"{GLITCHES}__draw": {"event_time": {"uniform": [2.9, 8]}}}),
        f"{G}.draw.event_time: got 2.9 to 8, views need 3 to 29 s",
    ),
    (
        changed(**{f"{GLITCHES}__draw": {"event_time": 29.5}}),
        f"{G}.draw.event_time: got 29.5 to 29.5, views need 3 to 29 s",
    ),
    (
        changed(**{f"{GLITCHES}__draw": {"event_time": 32}}),
        f"{G}.draw.event_time: reaches past the example's 32 s",
    ),
    (
        changed(**{f"{GLITCHES}__examples": 1541}),
        f"{G}.examples: 1541 is no multiple of 22 (classes times grid values), so classes would not",
    ),
    (
        dataset(proportions="published"),
        f"{T}.proportions: published are those of Gravity Spy's classes alone",
    ),
    (
        changed(**{f"{GLITCHES}__proportions": "published", f"{GLITCHES}__draw": {"snr": {"grid": [8, 9]}}}),
        f"{G}.proportions: published ones go with no grid and no pairs",
    ),
    (
        changed(**{f"{GLITCHES}__proportions": "published", f"{GLITCHES}__paired": True}),
        f"{G}.proportions: published ones go with no grid and no pairs",
    ),
    (
        changed(**{f"{GLITCHES}__proportions": "real"}),
        f"{G}.proportions: got 'real', expected one of equal, published (Every class",
    ),
    (
        changed(strain__simulated__psd={"H1": "o3", "K1": "o3"}),
        "strain.simulated.psd: got one for H1, K1, expected H1, L1, V1",
    ),
]


@pytest.mark.parametrize(("config", "message"), FAULTS, ids=[message[:60] for _, message in FAULTS])
def test_a_fault_is_told_in_words(config, message):
    found = faults(config)
    assert any(message in line for line in found)
    assert not any("under any of the given schemas" in line or "is not of type" in line for line in found)


def test_a_source_that_is_missing_is_the_one_fault(config):
    for experiment in config["experiments"].values():
        del experiment["waveforms"]["source"]
    assert [line.split(" (")[0] for line in faults(config)] == [
        "experiments.cbc.waveforms: 'source' is missing",
        "experiments.ccsn.waveforms: 'source' is missing",
        "experiments.chirp_blip.waveforms: 'source' is missing",
        "experiments.glitch.waveforms: 'source' is missing",
    ]


def test_a_configuration_of_supernovae_is_checked_without_the_library_of_binaries():
    """It takes a second to load, and everyone checks a configuration."""
    code = "import sys, yaml; from gwsim import configuration; c = yaml.safe_load(open('config.yaml')); "
    code += "del c['experiments']['cbc']; configuration.check(c); print('lalsimulation' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout == "False\n", run.stderr


def test_reported_numbers_keep_their_order_through_sorted_keys(config):
    reported = json.loads(json.dumps(stages.settings(config)["report"], sort_keys=True))
    names = [name for name, _ in reported["experiments"]["ccsn"]["reported"]["numbers"]]
    assert names == list(config["experiments"]["ccsn"]["reported"]["numbers"]) != sorted(names)


def test_networks_need_what_they_are_asked_and_none_need_nothing(config):
    config["experiments"] = {"ccsn": config["experiments"]["ccsn"]}
    ccsn = config["experiments"]["ccsn"]
    del ccsn["explain"], ccsn["embed"]
    assert faults(config) == [
        "experiments.ccsn.networks: explain, embed are missing, which say what they are asked"
    ]
    del ccsn["networks"]
    assert faults(config) == []
    assert not any("networks" in path or path == "ccsn/evaluate" for path in stages.settings(config))


def test_faults_are_all_told_at_once():
    config = changed(seed="x", band=[20], noise__filter=None, segments__stray=1)
    config["experiments"]["ccsn"]["datasets"]["train"]["draw"]["snr"] = {"uniform": ["a", "b"]}
    del config["run"]
    assert [line.split(":")[0] for line in faults(config)] == [
        "band",
        "experiments.ccsn.datasets.train.draw.snr.uniform[0]",
        "experiments.ccsn.datasets.train.draw.snr.uniform[1]",
        "noise.filter",
        "seed",
        "segments",
        "top level",
    ]
    config = changed(band=[20, 5000], noise__filter=8, segments__guard=1, experiments__ccsn__duration=0.3)
    assert {line.split(":")[0] for line in faults(config)} >= {"band", "noise.filter", "segments.guard"}
    assert any("duration" in line for line in faults(config))


# Each stage's own part


def settings_changed(config):
    """Paths of settings that are new, gone, or not those of the default."""
    before, after = stages.settings(DEFAULT), stages.settings(config)
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def stage(*names, of=("ccsn",)):
    """Paths of stages of the four datasets, of one experiment or more."""
    return {
        f"{experiment}/{name}/{stage}"
        for experiment in of
        for name in DEFAULT["experiments"][experiment]["datasets"]
        for stage in names
    }


ALL = tuple(DEFAULT["experiments"])
CARDS = stage("card", of=ALL)
MORE = dataset()
MORE["experiments"]["ccsn"]["datasets"]["more"] = DEFAULT["experiments"]["ccsn"]["datasets"]["train"]


# Strain at the run's rate and at that of the glitches, and the stores of noise that are made of them.
STRAINS, NOISES = {"strain/demo", "strain/demo-8192"}, {"noise/demo", "noise/demo-8192-raw"}
OF_RUNS = {path.replace("demo", run) for path in STRAINS | NOISES for run in ("demo", "other")}
OF_16384 = {path.replace("8192", rate) for path in STRAINS | NOISES for rate in ("8192", "16384")}
SHORTER = {"duration": 8, "draw": {"event_time": {"uniform": [3.99, 4.01]}}}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (DEFAULT, set()),
        (MORE, {f"ccsn/more/{stage}" for stage in ("draw", "waveforms", "render", "card")}),
        (dataset("test", examples=4000), {"ccsn/test/draw", "ccsn/test/render", "ccsn/test/card"}),
        (dataset(draw={"snr": 8}), {"ccsn/train/draw", "ccsn/train/card"}),
        (changed(experiments__ccsn__render__keep_bits=9), stage("render", "card")),
        (changed(experiments__ccsn__render__crop="before"), stage("render", "card")),
        (changed(experiments__ccsn__waveforms__seconds=2), stage("waveforms", "card")),
        (changed(noise__psd_segment=8), NOISES | CARDS),
        (changed(noise__stretch=200), NOISES | {"segments"} | CARDS),
        # What whitens itself has no filter.
        (changed(noise__filter=1), {"noise/demo"} | stage("draw", of=["ccsn", "cbc"]) | CARDS),
        (changed(segments__guard=5), {"segments"} | CARDS),
        (changed(strain__simulated__drift=0.1), STRAINS | CARDS),
        (
            changed(seed=1),
            STRAINS
            | {"ccsn/embed", "cbc/embed", "glitch/embed", "chirp_blip/exercise"}
            | stage("draw", of=ALL)
            # Binaries that LAL refuses are drawn anew where they are made.
            | stage("waveforms", of=["cbc"])
            | CARDS,
        ),
        (
            changed(band=[30, 1600]),
            {"noise/demo"} | stage("render", of=["ccsn", "cbc"]) | stage("signals", of=["cbc"]) | CARDS,
        ),
        (changed(experiments__cbc__waveforms__taper=0.3), stage("waveforms", "card", of=["cbc"])),
        (changed(experiments__cbc__waveforms__end_cycles=0), stage("waveforms", "card", of=["cbc"])),
        (
            changed(experiments__cbc__waveforms__models__BNS__mass_1=1.4),
            stage("draw", "waveforms", "card", of=["cbc"]),
        ),
        (
            changed(experiments__cbc__draw={"event_time": {"uniform": [3.9, 4]}, "inclination": 0}),
            stage("draw", "waveforms", "card", of=["cbc"]),
        ),
        (
            changed(experiments__cbc__datasets__test__draw__psi=0),
            {"cbc/test/draw", "cbc/test/card"},
        ),
        (changed(experiments__cbc__render__keep_bits=9), stage("render", "card", of=["cbc"])),
        (
            changed(experiments__cbc__render__spectrogram__stored=True),
            stage("render", "signals", "card", of=["cbc"]),
        ),
        (changed(run="other"), {"report"} | OF_RUNS | CARDS),
        (changed(experiments__ccsn__networks__paper__seeds=[1, 2]), {"report"}),
        (changed(experiments__ccsn__networks__paper__train__batch=64), {"ccsn/networks/paper/train"}),
        (changed(experiments__ccsn__networks__paper__scale="none"), {"ccsn/networks/paper/train"}),
        (changed(experiments__ccsn__networks__paper=SERIES | {"rate": 512}), {"ccsn/networks/paper/train"}),
        (changed(experiments__ccsn__evaluate__datasets=["test", "gallery"]), {"ccsn/evaluate"}),
        (changed(experiments__ccsn__evaluate__shown=[2]), {"ccsn/evaluate", "ccsn/figures"}),
        (changed(experiments__ccsn__explain__score="logit"), {"ccsn/explain"}),
        (
            changed(experiments__ccsn__explain__align="receptive_field"),
            {"ccsn/figures", "ccsn/explorer"},
        ),
        (changed(experiments__ccsn__embed__perplexity=20), {"ccsn/embed"}),
        (changed(experiments__ccsn__reported__numbers={}), {"report", "ccsn/figures"}),
        (
            changed(experiments__glitch__datasets__test__draw={"snr": 12}),
            {"glitch/test/draw", "glitch/test/card"},
        ),
        (
            changed(experiments__glitch__datasets__train__proportions="published"),
            {"glitch/train/draw", "glitch/train/card"},
        ),
        (changed(experiments__glitch__render__qscan__search=1), stage("render", "card", of=["glitch"])),
        (changed(experiments__glitch=GLITCH | SHORTER), stage("draw", "render", "card", of=["glitch"])),
        (
            changed(experiments__glitch__ifos=["L1"]),
            {"noise/demo-8192-raw"} | stage("draw", "render", "card", of=["glitch"]),
        ),
        (
            changed(experiments__glitch__sample_rate=16384),
            (OF_16384 - {"strain/demo", "noise/demo"})
            | stage("draw", "waveforms", "render", "card", of=["glitch"]),
        ),
        (
            changed(experiments__glitch__waveforms__models=[*GLITCH["waveforms"]["models"][::-1]]),
            stage("draw", "waveforms", "card", of=["glitch"])
            | {"glitch/evaluate"}
            | {f"glitch/networks/{name}/train" for name in GLITCH["networks"]},
        ),
        (changed(experiments__glitch__beside=str(ROOT / "tests")), stage("card", of=["glitch"])),
    ],
)
def test_settings_change_only_where_they_are_used(config, expected):
    assert faults(config) == []
    assert settings_changed(config) == expected


def test_where_strain_comes_from_is_no_setting_of_strain(config):
    config["strain"]["source"] = "gwosc"
    found = stages.settings(config)
    assert set(found["strain/demo"]) == {"source", "block", "seed", "sample_rate"}
    assert found["site/demo"] == {"host": "https://gwosc.org", "mirrors": [], "plan": None}
    assert not {"host", "mirrors", "plan"} & set(found["plan/demo"]) and found["plan/demo"]["runs"] == []
    assert not {"plan/demo", "site/demo"} & set(stages.settings(DEFAULT))


def test_stages_know_what_they_need(config):
    found = stages.settings(config)
    assert found["segments"]["splits"] == config["segments"]["splits"]
    train = found["ccsn/train/draw"]
    assert train["columns"] == {"event_time": {"uniform": [0, 0.15]}, "snr": {"uniform": [20, 50]}}
    assert train["classes"] == ["noise", *MODELS] and train["window_samples"] == 4096
    assert (train["reuse"], train["paired"], train["own"]) == ("overlap", False, False)
    drawn_from = {"source": "ccsn", "models": MODELS, "realisations": "default"}
    assert train["waveforms"] == drawn_from
    bank = {"source": "ccsn", "seconds": 1.375, "realisations": "default", "models": MODELS}
    assert found["ccsn/train/waveforms"] == bank | {"sample_rate": 4096}
    binaries = found["cbc/gallery/waveforms"]
    assert (binaries["event_range"], binaries["duration"], binaries["margin"]) == ([3.95, 3.95], 4, 0.0625)
    assert binaries["stream"] == [config["seed"], "cbc", "gallery"] and found["cbc/train/draw"]["own"] is True
    gallery = found["ccsn/gallery/render"]
    assert gallery["event_range"] == [0.1, 0.1] and gallery["examples"] == 10
    card = found["ccsn/train/card"]["configuration"]
    assert list(card["experiments"]["ccsn"]["datasets"]) == ["train"]
    assert set(found["ccsn/train/render"]) >= {"ifos", "sample_rate", "band", "shard_rows", "keep_bits"}


def test_fractions_are_settled_before_the_stages(config):
    config["segments"]["splits"] = {"ranges": [[0, 4096]], "fractions": {"train": 0.5, "test": 0.5}}
    assert stages.settings(config)["segments"]["splits"] == {
        "train": [[0, 2044]],
        "test": [[2048, 4096]],
    }
    assert stages.gps_blocks(config) == list(range(0, 4096, 1024))


def test_counts_are_those_of_the_table():
    """What the workflow plans from the configuration is what draw makes."""
    blocks = [{"split": "train", "start": 0, "end": 256, "gps_block": 0}]
    config = dataset(examples=120, draw={"snr": {"grid": [8, 12, 20]}})
    for realisations in ("default", "fresh"):
        experiment = config["experiments"]["ccsn"] | {
            "waveforms": {**config["experiments"]["ccsn"]["waveforms"], "realisations": realisations}
        }
        config["experiments"]["ccsn"] = experiment
        one = experiment["datasets"]["train"]
        assert stages.cycle_length(experiment, one) == 30
        settings = stages.settings(config)["ccsn/train/draw"] | {"margin": 4500}
        systems, table = draw.draw(blocks, sources.SOURCES["ccsn"], settings)
        assert len(systems) == stages.bank_rows(experiment, one) and len(table) == 120
    assert len(systems) == 108


@pytest.mark.parametrize("source", ["cbc", "cbc_scaled"])
def test_counts_of_binaries_are_those_of_the_bank(source):
    """Each signal has a system; what is computed in `render` has one row for each approximant."""
    config = changed(experiments__cbc__waveforms__source=source)
    experiment = config["experiments"]["cbc"]
    one = experiment["datasets"]["gallery"]
    settings = stages.settings(config)["cbc/gallery/draw"] | {"margin": 20000}
    blocks = [{"split": "validation", "start": 0, "end": 256, "gps_block": 0}]
    signals = sources.SOURCES[source]
    systems, table = draw.draw(blocks, signals, settings)
    assert (len(table), len(systems)) == (8, 6)
    assert (
        len(signals.rows(systems)) == stages.bank_rows(experiment, one) == {"cbc": 6, "cbc_scaled": 2}[source]
    )


def test_a_pair_of_binaries_is_one_system():
    paired = {"split": "validation", "examples": 24, "paired": True, "draw": {"snr": {"grid": [8, 12, 20]}}}
    config = changed(experiments__cbc__datasets__gallery=paired)
    settings = stages.settings(config)["cbc/gallery/draw"] | {"margin": 20000}
    blocks = [{"split": "validation", "start": 0, "end": 256, "gps_block": 0}]
    systems, table = draw.draw(blocks, sources.SOURCES["cbc"], settings)
    experiment = config["experiments"]["cbc"]
    assert len(systems) == stages.bank_rows(experiment, paired) == (table["system"] >= 0).sum() / 3 == 6


def given(config, tmp_path, monkeypatch):
    """The default with real pictures instead of simulated glitches."""
    (tmp_path / "gravity-spy").mkdir()
    monkeypatch.chdir(tmp_path)
    overlay = yaml.safe_load((ROOT / "workflow/configs/real-glitch.yaml").read_text())
    return configuration.pruned(configuration.overlay(config, overlay))


def test_networks_over_given_pictures_are_checked_as_others_are(config, tmp_path, monkeypatch):
    config = given(config, tmp_path, monkeypatch)
    glitch = config["experiments"]["glitch"]
    glitch["explain"]["dataset"], glitch["embed"]["datasets"] = "nowhere", ["never"]
    glitch["datasets"]["test"]["split"] = "train"
    glitch["explain"]["select"] = {"snr": 3}
    assert [line.removeprefix("experiments.glitch.").split(": ")[0] for line in faults(config)] == [
        "embed.datasets",
        "explain.dataset",
        "explain.select",
        "networks.merged.train.dataset",
    ]


def test_an_exercise_has_networks_and_those_of_toys_an_exercise(config):
    toys = config["experiments"]["chirp_blip"]
    exercise, networks = toys.pop("exercise"), toys["networks"]
    assert faults(config) == [
        "experiments.chirp_blip.networks: those of toy pictures are asked by an exercise, and there is none"
    ]
    toys["exercise"] = exercise
    del toys["networks"]
    assert faults(config) == ["experiments.chirp_blip.exercise: it asks networks, and there are none"]
    toys["networks"] = networks
    assert faults(config) == []


def test_a_network_that_is_not_shown_has_no_place_on_the_page(config):
    named = stages.settings(config)["report"]["experiments"]["glitch"]["networks"]
    assert (
        set(named)
        == {name for name, recipe in GLITCH["networks"].items() if recipe.get("shown", True)}
        < set(GLITCH["networks"])
    )


def test_blocks_are_those_that_the_splits_touch(config):
    assert stages.gps_blocks(config) == segments.gps_blocks(config["segments"]["splits"], 1024)


def test_null_in_an_overlay_takes_away_what_it_replaces(config):
    change = {"snr": {"uniform": None, "grid": [8, 12]}}
    other = {"experiments": {"ccsn": {"datasets": {"train": {"draw": change, "examples": 40}}}}}
    merged = configuration.pruned(configuration.overlay(config, other))
    assert merged["experiments"]["ccsn"]["datasets"]["train"]["draw"] == {"snr": {"grid": [8, 12]}}
    assert faults(merged) == []


def test_the_papers_run_over_simulated_strain_is_the_papers_run(config):
    """What is learnt from GWOSC's strain is learnt from the simulated one in the same way."""
    real, simulated = (
        configuration.overlay(config, yaml.safe_load((ROOT / "workflow/configs" / name).read_text()))
        for name in ("paper-ccsn.yaml", "paper-ccsn-simulated.yaml")
    )
    assert real["experiments"] == simulated["experiments"]
    assert real["segments"]["splits"] == simulated["segments"]["splits"]
    assert (real["strain"]["source"], simulated["strain"]["source"]) == ("gwosc", "simulated")
