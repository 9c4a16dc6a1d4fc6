"""Which jobs a cluster gets as one: small units whole, large ones in pieces, networks apart for a GPU."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gwsim import configuration, costs, parts, submitted

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "workflow" / "configs"
LOCAL = {"all", "settings", "fetch_plan", "fetch", "lock", "report"}
NETWORK = {"experiment": "ccsn", "network": "paper", "seed": "1"}
DATASET = {"experiment": "ccsn", "dataset": "train", "part": "0-1"}
NOISE = {"strain": "tiny", "noise": "tiny", "ifo": "H1", "gps": "1238236160"}


def load(*overlays):
    return configuration.load([ROOT / "config.yaml", *overlays])


def of_size(examples):
    """The experiment of supernovae alone, with so many examples to train on."""
    config = copy.deepcopy(load(CONFIGS / "tiny.yaml", ROOT / "tests" / "ccsn_alone.yaml"))
    config["experiments"]["ccsn"]["datasets"]["train"]["examples"] = examples
    return config


def groups(config, on_gpu=frozenset()):
    """Group by rule, of one job of each."""
    units = submitted.Units(config, on_gpu)
    found = {rule: units.group(rule, NOISE, config) for rule in submitted.NOISE}
    for rule in (*submitted.DATASET, *submitted.SHARDS):
        found[rule] = units.group(rule, DATASET, config)
    for rule in (*submitted.LEARNING, *submitted.PAGES):
        found[rule] = units.group(rule, NETWORK, config)
    return found


def test_a_small_run_is_one_job():
    assert set(groups(of_size(200)).values()) == {"run"}


def test_networks_that_ask_for_a_gpu_have_jobs_of_their_own():
    found = groups(of_size(200), {*submitted.LEARNING})
    assert {found[rule] for rule in submitted.LEARNING} == {"ccsn-networks"}
    assert {found[rule] for rule in submitted.PAGES} == {"ccsn-pages"}
    assert {its for rule, its in found.items() if rule not in submitted.LEARNING + submitted.PAGES} == {"run"}


def test_steps_of_a_network_that_ask_for_different_machines_are_apart():
    found = groups(of_size(200), {"explain"})
    assert {rule: found[rule] for rule in submitted.LEARNING} == {
        rule: f"ccsn-paper-1-{rule}" for rule in submitted.LEARNING
    }


def test_a_large_dataset_is_written_by_jobs_of_its_own():
    found = groups(of_size(2_000_000))
    assert found["render"] == "ccsn-train-render-0-1" and found["waveforms"] == "ccsn-train-waveforms-0-1"
    assert found["draw"] == found["layout"] != found["finalise"] == found["quality"]
    assert len({found[rule] for rule in ("draw", "waveforms_finalise", "finalise", "render")}) == 4
    assert found["strain"] == found["noise_finalise"] == "all_noise"


def test_what_was_trained_for_long_is_not_lost_with_what_follows():
    found = groups(of_size(2_000_000))
    assert found["train"] == "ccsn-paper-1-train"
    assert {found[rule] for rule in submitted.LEARNING[1:]} == {"ccsn-paper-1"}


def test_much_strain_is_written_block_by_block():
    config = of_size(200)
    config["segments"]["splits"]["train"] = [[1238236160, 1238236160 + 64 * 20_000]]
    found = groups(config)
    assert [found[rule] for rule in submitted.NOISE] == list(submitted.NOISE.values())


def test_a_unit_is_as_small_as_the_sum_of_its_jobs():
    """The border between one job and several lies at SMALL_MINUTES of all jobs that the run has."""
    config = of_size(200)
    units = submitted.Units(config, frozenset())
    total = units._noise + units._all_of("ccsn")
    noise = costs.of(config, "strain", NOISE).seconds * 4 * 3 + costs.of(config, "noise", NOISE).seconds * 4
    assert units._noise * 60 > noise > 0
    for limit, whole in ((total * 1.01, True), (total * 0.99, False)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(submitted, "SMALL_MINUTES", limit)
            assert (set(groups(config).values()) == {"run"}) is whole


def test_a_dataset_that_its_name_tells_of_is_measured_too():
    config = configuration.with_dataset(of_size(2_000_000), "ccsn", "train-snr12")
    units = submitted.Units(of_size(2_000_000), frozenset())
    where = {**DATASET, "dataset": "train-snr12"}
    assert units.group("render", where, config) == "ccsn-train-snr12-render-0-1"
    assert units.group("redraw", where, config) == "ccsn-train-snr12-before"


def test_every_rule_belongs_to_something():
    rules = set()
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        rules |= set(re.findall(r"^rule (\w+):", path.read_text(), re.MULTILINE))
        asked = re.findall(r'(?:memory|minutes|together)\("(\w+)"\)', path.read_text())
        assert set(asked) <= set(re.findall(r"^rule (\w+):", path.read_text(), re.MULTILINE))
    known = {*submitted.NOISE, *submitted.DATASET, *submitted.SHARDS, *submitted.LEARNING, *submitted.PAGES}
    assert known | LOCAL == rules | {"all"}


@pytest.mark.parametrize(
    "name", sorted(path.name for path in CONFIGS.glob("*.yaml") if "real" not in path.name)
)
def test_no_group_depends_on_itself(name, tmp_path):
    """Snakemake refuses groups that leave themselves and come back."""
    words = ["--executor", "slurm", "--jobs", "9", "--cores", "8", "--dry-run"]
    words.extend(("--group-components", "unit=999"))
    if name == "paper-glitch.yaml":  # and networks on their own
        words += ["--set-resources", *(f"{rule}:gpu=1" for rule in submitted.LEARNING)]
    start = [sys.executable, "-m", "snakemake", "--directory", tmp_path]
    command = [*start, "--configfile", CONFIGS / name, *words]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-1500:] + run.stderr[-1500:]


def test_parts_are_few_where_a_store_is_small_and_long_where_it_is_large():
    small, large = (len(parts.names(of_size(size), "ccsn", "train", "render")) for size in (2_000, 1_000_000))
    assert small == 1 and 10 < large < 200
