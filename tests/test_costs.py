"""What jobs are said to cost: of every rule, more for more work, at once; and how shards make jobs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gwsim import configuration, costs, parts, sharding, stages, work, work_of_networks
from gwsim.errors import GwsimError

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "workflow/configs"
LATER = {"ifo": "H1", "seed": "1", "part": "0-0"}


def loaded(*names):
    return configuration.load([ROOT / "config.yaml", *(CONFIGS / f"{name}.yaml" for name in names)])


@pytest.fixture(scope="module")
def config():
    return loaded()


def rules():
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    named = re.findall(r"^rule (\w+):", text, re.MULTILINE)
    return {"all", *named, *re.findall(r"^use rule \w+ as (\w+)", text, re.MULTILINE)}


def jobs(config):
    """Yield (rule, wildcards) of jobs of all kinds, of a configuration that draws its datasets."""
    gps = str(stages.gps_blocks(config)[0])
    for rule in ("all", "settings", "segments", "report"):
        yield rule, {}
    for name in stages.strains(config):
        for rule in ("fetch_plan", "fetch", "lock", "strain"):
            yield rule, {"strain": name, "gps": gps, **LATER}
    for name in stages.noises(config):
        for rule in ("noise_layout", "noise", "noise_finalise"):
            yield rule, {"noise": name, "gps": gps}
    for name, experiment in config["experiments"].items():
        for dataset in experiment["datasets"]:
            its = {"experiment": name, "dataset": dataset, "part": "0-0"}
            for rule in ("draw", "layout", "render", "finalise", "quality"):
                yield rule, its
            if stages.banked(experiment):
                for rule in ("waveforms_layout", "waveforms", "waveforms_finalise", "redraw"):
                    yield rule, its
            if stages.signals_kept(experiment):
                for rule in ("signals_layout", "signals", "signals_finalise"):
                    yield rule, its
        for network in experiment["networks"]:
            its = {"experiment": name, "network": network, "seed": "1"}
            asked = ("evaluate", "explain", "embed", "explorer", "figures", "figures_of_pictures")
            for rule in ("train", "onnx", *(() if "exercise" in experiment else asked)):
                yield rule, its
        both = ("exercise",) if "exercise" in experiment else ("compare", "compare_pictures")
        for rule in both:
            yield rule, {"experiment": name}


# ---- every rule


def test_every_rule_of_the_workflow_has_a_cost_and_no_other_has():
    assert rules() == {*costs.JOBS, *costs.SAME}


def test_every_rule_has_measured_coefficients_and_no_other_has():
    assert set(costs.coefficients()) == set(costs.JOBS)


def test_every_network_is_known():
    from gwsim import networks

    assert set(work_of_networks.MODELS) == set(networks.TAKES)
    assert set(costs._file()["gpu"]) == {work_of_networks.LIKE.get(name, name) for name in networks.TAKES}


@pytest.mark.parametrize("names", [(), ("tiny",), ("paper-ccsn",), ("paper-cbc",), ("paper-glitch",)])
def test_a_job_of_any_rule_costs_a_little_of_all(names):
    config, seen = loaded(*names), set()
    for rule, its in jobs(config):
        cost = costs.of(config, rule, its)
        assert cost.seconds > 0 or rule == "all", (rule, its)
        # Batches of the papers are for a GPU.
        most = 200_000 if rule == "train" else 16_000
        assert 50 < cost.memory_mb < most or rule == "all", (rule, its, cost)
        assert 0 <= cost.disk_mb < 1e6
        seen.add(rule)
    assert len(seen) > 20


def test_given_pictures_and_stores_have_costs_too():
    its = {"experiment": "glitch", "dataset": "train"}
    # Not checked: the folder of pictures is not there.
    base, over = (
        yaml.safe_load(path.read_text()) for path in (ROOT / "config.yaml", CONFIGS / "real-glitch.yaml")
    )
    config = configuration.pruned(configuration.overlay(base, over))
    assert costs.of(config, "ingest", its).seconds > 5
    assert costs.of(config, "quality", its).memory_mb > costs.coefficients()["quality"]["memory_mb"]["start"]
    assert costs.of(config, "train", {**its, "network": "merged"}).seconds > 60
    assert costs.of(config, "adopt", its).seconds > 0


def test_an_unknown_rule_is_named(config):
    with pytest.raises(GwsimError, match=r"no cost of a rule 'rendr'.*render"):
        costs.of(config, "rendr", {})


# ---- more for more


def changed(config, *path, to):
    """Return a copy of a configuration in which one value is another."""
    found = json.loads(json.dumps(config))
    place = found
    for key in path[:-1]:
        place = place[key]
    assert place[path[-1]] != to
    place[path[-1]] = to
    return found


CCSN, GLITCH, TOY = ("experiments", "ccsn"), ("experiments", "glitch"), ("experiments", "chirp_blip")
OF_CCSN, OF_GLITCH = {"experiment": "ccsn", "dataset": "train"}, {"experiment": "glitch", "dataset": "train"}
PAPER = {"experiment": "ccsn", "network": "paper", "seed": "1"}
MERGED = {"experiment": "glitch", "network": "merged", "seed": "1"}
GROWN = [
    ("strain", {"strain": "demo", "ifo": "H1", "gps": "1238236160"}, ("strain", "block"), 4096, 3),
    ("strain", {"strain": "demo", "ifo": "H1", "gps": "1238236160"}, ("sample_rate",), 16384, 3),
    ("noise", {"noise": "demo", "gps": "1238236160"}, ("ifos",), ["H1"], 0.95),
    ("draw", OF_CCSN, (*CCSN, "datasets", "train", "examples"), 10**8, 100),
    ("render", {**OF_CCSN, "part": "0-5"}, (*CCSN, "datasets", "train", "examples"), 3000, 0.9),
    ("render", {**OF_CCSN, "part": "0-23"}, (*CCSN, "duration"), 4, 1.5),
    ("render", {**OF_GLITCH, "part": "0-2"}, (*GLITCH, "duration"), 64, 1),
    ("finalise", OF_CCSN, (*CCSN, "datasets", "train", "examples"), 10**7, 100),
    ("finalise", OF_CCSN, (*CCSN, "render", "keep_bits"), 23, 1),
    ("quality", OF_GLITCH, (*GLITCH, "datasets", "train", "examples"), 10**6, 1.1),
    ("train", PAPER, (*CCSN, "datasets", "train", "examples"), 60000, 5),
    ("train", PAPER, (*CCSN, "networks", "paper", "train", "phases", 0, "epochs"), 1000, 5),
    ("train", PAPER, (*CCSN, "networks", "paper", "train", "phases", 0, "snr"), [20, 50], 1.2),
    ("train", PAPER, (*CCSN, "networks", "paper", "train", "mix"), True, 1.2),
    ("train", MERGED, (*GLITCH, "networks", "merged", "pool"), 1, 10),
    ("evaluate", PAPER, (*CCSN, "datasets", "test", "examples"), 10**6, 5),
    ("explain", PAPER, (*CCSN, "explain", "methods"), ["grad_cam"], 0.95),
    ("explain", PAPER, (*CCSN, "explain", "steps"), 240, 3),
    ("explain", MERGED, (*GLITCH, "explain", "examples"), 220, 1.1),
    ("embed", PAPER, (*CCSN, "datasets", "test", "examples"), 10**5, 3),
    ("explorer", MERGED, (*GLITCH, "datasets", "train", "examples"), 5280, 1),
    ("exercise", {"experiment": "chirp_blip"}, (*TOY, "exercise", "sweep"), 10**5, 2),
]


@pytest.mark.parametrize("rule, its, path, to, factor", GROWN, ids=[f"{g[0]}-{g[2][-1]}" for g in GROWN])
def test_time_follows_sizes(config, rule, its, path, to, factor):
    before, after = costs.of(config, rule, its), costs.of(changed(config, *path, to=to), rule, its)
    if factor >= 1:
        assert after.seconds >= factor * before.seconds
        assert after.memory_mb >= 0.95 * before.memory_mb
    else:
        assert after.seconds < factor * before.seconds


def test_a_dataset_that_its_name_alone_speaks_of_costs_what_its_parent_does(config):
    whole = configuration.with_dataset(config, "ccsn", "train-snr12")
    named, own = ({"experiment": "ccsn", "dataset": one, "part": "0-5"} for one in ("train-snr12", "train"))
    assert costs.of(whole, "render", named) == costs.of(config, "render", own)


def test_kept_signals_are_quicker_than_the_bank(config):
    whole = configuration.with_dataset(config, "cbc", "train-snr12")
    named, own = ({"experiment": "cbc", "dataset": one, "part": "0-6"} for one in ("train-snr12", "train"))
    assert costs.of(whole, "render", named).seconds < costs.of(config, "render", own).seconds


def test_a_gpu_is_quicker_where_networks_run_and_nowhere_else(config):
    for rule, its in jobs(config):
        cpu, gpu = (costs.of(config, rule, its, device) for device in ("cpu", "cuda"))
        assert gpu.seconds <= cpu.seconds
        assert rule in costs.ON_GPU or gpu == cpu
    paper = loaded("paper-cbc")
    its = {"experiment": "cbc", "network": "strain", "seed": "1"}
    cpu, gpu = (costs.of(paper, "train", its, device) for device in ("cpu", "cuda"))
    assert gpu.seconds < cpu.seconds / 5
    # Its batches are in the GPU's own memory.
    assert gpu.memory_mb < 8000 < cpu.memory_mb


@pytest.mark.parametrize(
    "spec, low, high, share",
    [
        ({"uniform": [20, 50]}, 40, 50, 1 / 3),
        ({"uniform": [20, 50]}, 10, 20, 0),
        ({"uniform": [20, 50]}, 10, 90, 1),
        ({"grid": [8, 9, 10, 11]}, 9, 10, 0.5),
        (12, 8, 24, 1),
        (30, 8, 24, 0),
        (None, 8, 24, 1),
        ({"power_law": {"index": -4, "low": 8, "high": 50}}, 8, 9, 1),
    ],
)
def test_the_part_of_a_dataset_that_a_phase_sees(spec, low, high, share):
    assert work_of_networks._share(spec, low, high) == pytest.approx(share)


# ---- against what stands on disk


def test_bytes_of_examples_are_those_of_the_arrays(config):
    """An oracle of its own: the shapes that docs/store.md states, times four bytes."""
    settings = stages.dataset_settings(config, "ccsn", "train")["render"]
    assert work.row_mb(settings) == pytest.approx(4 * 3 * (4096 + 256 + 94 * 33) / 1e6, rel=0.01)
    settings = stages.dataset_settings(config, "glitch", "train")["render"]
    assert work.row_mb(settings) == pytest.approx(4 * 224 * 224 / 1e6)


def test_files_of_gwosc_have_the_size_that_its_plan_says():
    from gwsim.gwosc import plan, summary

    assert summary.BYTES_PER_SAMPLE == work.FILE_BYTES
    for rate in (512, 4096, 8192, 16384):
        config = {"run": "r", "sample_rate": rate, "strain": {"block": 4096}, "experiments": {}}
        wanted = 4096 * plan.file_rate({"sample_rate": rate}) * summary.BYTES_PER_SAMPLE / 1e6
        assert work.downloaded_mb(config, "r", 4096 * 300000) == pytest.approx(wanted)


# ---- how shards make jobs


@pytest.mark.parametrize(
    "names", [(), ("tiny",), ("paper-ccsn-simulated",), ("paper-cbc",), ("paper-glitch",)]
)
def test_parts_hold_each_shard_once_and_few_make_long_jobs(names):
    config = loaded(*names)
    for name, experiment in config["experiments"].items():
        for dataset in experiment["datasets"]:
            for kind in ("render", *(("waveforms",) if stages.banked(experiment) else ())):
                rows, per_shard = parts.sizes(config, name, dataset, kind)
                found = [sharding.parse_part(one) for one in parts.names(config, name, dataset, kind)]
                covered = [shard for a, b in found for shard in range(a, b + 1)]
                assert covered == list(range(len(sharding.shard_ranges(rows, per_shard))))
                check_lengths(config, kind, {"experiment": name, "dataset": dataset}, found)


def check_lengths(config, kind, its, found):
    start = costs.coefficients()[kind]["seconds"]["start"]
    times = [costs.of(config, kind, {**its, "part": f"{a}-{b}"}).seconds - start for a, b in found]
    wanted, longest = parts.job_seconds(sum(times)), max(times)
    assert longest <= parts.MOST + longest / (found[0][1] - found[0][0] + 1)
    if len(found) > 1 and found[0][1] > found[0][0]:
        assert wanted / 2 < longest < 2 * wanted
        sizes = [b - a + 1 for a, b in found]
        assert max(sizes[:-1], default=0) == min(sizes[:-1], default=0) >= sizes[-1]


def test_jobs_grow_in_number_and_length_and_stop_at_ten_minutes():
    lengths = [parts.job_seconds(seconds) for seconds in (5, 500, 50_000, 72_000, 10**9)]
    assert lengths == pytest.approx([5, 50, 500, 600, 600])


def test_a_million_examples_are_few_jobs(config):
    more = changed(config, *CCSN, "datasets", "train", "examples", to=10**6)
    assert 5 < len(parts.names(more, "ccsn", "train", "render")) < 60


# ---- at once


def test_nothing_that_takes_long_is_loaded():
    heavy = ("torch", "pycbc", "lal", "zarr", "xarray", "scipy", "tensorstore", "gwosc", "snakemake")
    code = f"import sys, gwsim.costs, gwsim.parts; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
