"""What a job works on: amounts to which its cost is in proportion, from the configuration alone.

One function a rule takes the checked configuration and the job's wildcards. `costs` has the coefficients,
which are measured; here is what can be counted. Megabytes are 10^6 bytes, samples and pixels are in millions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gwsim import segments, sharding, stages
from gwsim.conventions import SCAN_DURATIONS

MILLION = 1e6
# Examples of sets that are given, whose number no configuration tells: Gravity Spy's of Koyama et al.
GIVEN = 8583
# GWOSC's files: their length (s), their sampling rates (Hz), and their bytes a sample as they are packed.
FILE_SECONDS, FILE_RATES, FILE_BYTES = 4096, (4096, 16384), 7.1
# Of random mantissas so many bits are left when they are packed, beside those that are kept: sign, exponent.
PACKED_BESIDE = 5
# Of the bytes of pictures, what is left when they are packed.
PACKED_SCAN, PACKED_PICTURE = 0.55, 0.92
# Of LAL's approximants, what a second of signal takes beside SEOBNRv4_opt.
APPROXIMANTS = {"SEOBNRv4_opt": 1.0, "SpinTaylorT4": 0.3, "SEOBNRv4": 23.0}
# Pictures that a quality page measures, and examples of which it looks at more than the table.
COMPARED, LOOKED_AT = 512, 4096
# Of work that costs the same whatever it is done on.
ANY = "any"

# Kind of work -> unit -> how much of it.
Amounts = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Work:
    """amounts: for seconds, and held: for memory, by kind of work and unit; disk_mb: what stays."""

    amounts: Amounts = field(default_factory=dict)
    held: Amounts = field(default_factory=dict)
    disk_mb: float = 0.0


# ---- strain and noise


def strain(config: dict, its: Mapping) -> Work:
    source, rate = config["strain"]["source"], stages.strains(config)[its["strain"]]
    samples = rate * config["strain"]["block"] / MILLION
    kept = 8 * samples if source == "simulated" else 0.0  # else the files stand elsewhere already
    return Work({source: {"samples": samples}}, {ANY: {"samples": samples}}, kept)


def fetch(config: dict, its: Mapping) -> Work:
    megabytes = downloaded_mb(config, its["strain"], int(its["gps"]))
    return Work({ANY: {"mb": megabytes}}, disk_mb=megabytes)


def downloaded_mb(config: dict, name: str, gps: int) -> float:
    """Return the size of GWOSC's files of one ifo that a GPS block touches."""
    rate = next(one for one in FILE_RATES if stages.strains(config)[name] <= one or one == FILE_RATES[-1])
    block = config["strain"]["block"]
    files = -(-(gps % FILE_SECONDS + block) // FILE_SECONDS)
    # A file that several short blocks read is fetched once.
    share = min(1.0, block / FILE_SECONDS)
    return files * share * FILE_SECONDS * rate * FILE_BYTES / MILLION


def records(config: dict, its: Mapping) -> Work:
    return Work({ANY: {"records": len(stages.gps_blocks(config)) * len(config["ifos"])}})


def noise(config: dict, its: Mapping) -> Work:
    made, block = stages.noises(config)[its["noise"]], config["strain"]["block"]
    gps, whole = int(its["gps"]), len(made["ifos"]) * made["sample_rate"] / MILLION
    seconds = sum(
        max(0, min(end, gps + block) - max(start, gps))
        for ranges in stages.splits(config).values()
        for start, end in ranges
    )
    held = {made["kind"]: {"samples": block * made["sample_rate"] / MILLION}}
    return Work({made["kind"]: {"samples": seconds * whole}}, held, 4 * seconds * whole)


def noise_finalise(config: dict, its: Mapping) -> Work:
    made = stages.noises(config)[its["noise"]]
    return Work({ANY: {"mb": 4 * _seconds(config) * len(made["ifos"]) * made["sample_rate"] / MILLION}})


def _seconds(config: dict) -> float:
    """Return the seconds of all splits."""
    return sum(split_seconds(config, split) for split in stages.splits(config))


# ---- datasets


def draw(config: dict, its: Mapping) -> Work:
    rows, experiment = rows_of(config, its), config["experiments"][its["experiment"]]
    size, source = rows * 100 / MILLION, experiment["waveforms"]["source"]
    return Work({source: {"rows": rows}}, {ANY: {"rows": rows}}, size)


def waveforms(config: dict, its: Mapping) -> Work:
    experiment, dataset = _both(config, its)
    source = experiment["waveforms"]["source"]
    rows = _in_part(its["part"], stages.bank_rows(experiment, dataset), sharding.BANK_ROWS)
    held = {ANY: {"shard_mb": min(rows, sharding.BANK_ROWS) * _entry_mb(config, experiment)}}
    disk = rows * _entry_mb(config, experiment)
    if source != "cbc":
        return Work({source: {"entries": rows}}, held, disk)
    names = [model["approximant"] for model in experiment["waveforms"]["models"].values()]
    dear = sum(APPROXIMANTS.get(name, 1.0) for name in names) / len(names)  # as many systems of each
    return Work({source: {"seconds": rows * experiment["duration"] * dear}}, held, disk)


def waveforms_finalise(config: dict, its: Mapping) -> Work:
    experiment, dataset = _both(config, its)
    rows = stages.bank_rows(experiment, dataset)
    return Work({ANY: {"mb": rows * _entry_mb(config, experiment), "rows": rows}}, {ANY: {"rows": rows}})


def _entry_mb(config: dict, experiment: dict) -> float:
    """Return the size of one system in a bank: two polarisations, or the components of a quadrupole."""
    waveforms, rate = experiment["waveforms"], stages.sample_rate(config, experiment)
    if waveforms["source"] == "cbc":
        return 2 * 4 * (experiment["duration"] + 0.25) * rate / MILLION
    if waveforms["source"] == "cbc_scaled":
        return 0.7
    return 5 * 4 * waveforms["seconds"] * rate / MILLION


def render(config: dict, its: Mapping) -> Work:
    experiment, dataset = _both(config, its)
    settings = _render(config, its)
    rows = _in_part(its["part"], settings["examples"], settings["shard_rows"])
    kind = experiment["waveforms"]["source"]
    if "of" in dataset and stages.signals_kept(experiment):
        kind = "kept"
    one = row_mb(settings)
    held = {ANY: {"shard_mb": one * min(rows, settings["shard_rows"])}}
    disk = rows * one * packed(settings)
    if settings["whiten"] == "none":
        return Work({kind: {"rows": rows}}, held, disk)
    if settings["whiten"] == "self":
        samples = settings["duration"] * settings["sample_rate"] / MILLION
        held[kind] = {"samples": samples}
        return Work({kind: {"rows": rows, "samples": rows * samples}}, held, disk)
    return Work({kind: {"samples": rows * _samples(settings)}}, held, disk)


def signals(config: dict, its: Mapping) -> Work:
    settings = _render(config, its)
    rows = _in_part(its["part"], settings["examples"], settings["shard_rows"])
    one = 4 * _samples(settings)
    held = {ANY: {"shard_mb": one * min(rows, settings["shard_rows"])}}
    return Work({ANY: {"samples": rows * _samples(settings)}}, held, rows * one)


def signals_finalise(config: dict, its: Mapping) -> Work:
    settings = _render(config, its)
    return Work({ANY: {"mb": 4 * settings["examples"] * _samples(settings)}})


def finalise(config: dict, its: Mapping) -> Work:
    settings = _render(config, its)
    rows = settings["examples"]
    megabytes = rows * row_mb(settings) * packed(settings)
    # The files themselves are those that `render` wrote.
    return Work({ANY: {"mb": megabytes, "rows": rows}}, {ANY: {"rows": rows}}, rows * 160 / MILLION)


def ingest(config: dict, its: Mapping) -> Work:
    rows = rows_of(config, its)
    size = config["experiments"][its["experiment"]]["render"]["qscan"]["size"]
    one = len(SCAN_DURATIONS) * size**2 / MILLION
    return Work({ANY: {"rows": rows}}, {ANY: {"mb": rows * one}}, rows * one * PACKED_SCAN)


def adopt(config: dict, its: Mapping) -> Work:
    return Work({ANY: {"rows": GIVEN}})


def quality(config: dict, its: Mapping) -> Work:
    experiment, _ = _both(config, its)
    rows = rows_of(config, its)
    held = {"rows": rows}
    if experiment["whiten"] in ("self", "given"):
        size = experiment["render"]["qscan"]["size"]
        held = {"mb": min(rows, COMPARED) * len(SCAN_DURATIONS) * size**2 / MILLION}
    # One of given pictures is one of scans.
    kind = {"given": "self"}.get(experiment["whiten"], experiment["whiten"])
    return Work({kind: {"pages": 1, "rows": min(rows, LOOKED_AT)}}, {ANY: held}, 1.0)


def small(config: dict, its: Mapping) -> Work:
    return Work()


# ---- sizes


def rows_of(config: dict, its: Mapping) -> int:
    """Return the examples of a dataset, of which one that is given does not always tell."""
    experiment = config["experiments"][its["experiment"]]
    dataset = experiment["datasets"][its["dataset"]]
    dataset = experiment["datasets"][dataset["of"]] if "of" in dataset else dataset
    return dataset.get("examples") or GIVEN


def row_mb(settings: dict) -> float:
    """Return the size of an example as it is worked on, from the settings of render."""
    if settings["whiten"] == "none":
        return 4 * settings["picture"]["rows"] * settings["picture"]["columns"] / MILLION
    if settings["whiten"] == "self":
        return len(SCAN_DURATIONS) * settings["qscan"]["size"] ** 2 / MILLION
    return 4 * (_samples(settings) + _pixels(settings))


def packed(settings: dict) -> float:
    """Return what part of an example's bytes is on disk."""
    if settings["whiten"] == "none":
        return PACKED_PICTURE
    return PACKED_SCAN if settings["whiten"] == "self" else (settings["keep_bits"] + PACKED_BESIDE) / 32


def _samples(settings: dict) -> float:
    """Return the samples of an example's strain with its margins, of all ifos."""
    window = settings["spectrogram"]["window"]
    return len(settings["ifos"]) * (settings["duration"] * settings["sample_rate"] + window) / MILLION


def _pixels(settings: dict) -> float:
    """Return the pixels of an example's stored spectrogram, of all ifos."""
    stft, rate = settings["spectrogram"], settings["sample_rate"]
    if not stft["stored"]:
        return 0.0
    bins = stft["f_max"] * stft["window"] / rate + 1
    return len(settings["ifos"]) * bins * (settings["duration"] * rate / stft["hop"] + 1) / MILLION


def _both(config: dict, its: Mapping) -> tuple[dict, dict]:
    experiment = config["experiments"][its["experiment"]]
    return experiment, experiment["datasets"][its["dataset"]]


def _render(config: dict, its: Mapping) -> dict:
    return stages.dataset_settings(config, its["experiment"], its["dataset"])["render"]


def _in_part(part: str, rows: int, per_shard: int) -> int:
    """Return the rows of a job's shards."""
    first, last = sharding.parse_part(part)
    return max(0, min(rows, (last + 1) * per_shard) - first * per_shard)


def split_seconds(config: dict, split: str) -> float:
    """Return the seconds of one split."""
    found: segments.Intervals = stages.splits(config).get(split, [])
    return float(sum(end - start for start, end in found))
