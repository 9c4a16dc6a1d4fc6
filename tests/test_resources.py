"""What jobs ask a cluster for: costs, a margin, more with each attempt, and no more than sites give."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.resources import Resources

from gwsim import configuration, costs

ROOT = Path(__file__).resolve().parents[1]
TRAIN = {"experiment": "cbc", "network": "strain", "seed": "1"}


class Wildcards(SimpleNamespace):
    def items(self):
        return vars(self).items()


def asked(overlay="config.yaml", nodes=None, inside=False, default=None, **rules):
    """What resources.smk defines, for a profile that asks so much of rules."""
    config = configuration.load([ROOT / "config.yaml", ROOT / overlay])
    settings = SimpleNamespace(
        nodes=nodes,
        default_resources=Resources.from_mapping(default) if default else None,
        overwrite_resources={rule: Resources.from_mapping(its) for rule, its in rules.items()},
    )
    workflow = SimpleNamespace(resource_settings=settings, global_resources=Resources(), remote_exec=inside)
    workflow.parent_groupids = {}
    names = {"workflow": workflow, "config": config, "having": lambda *_: config}
    exec((ROOT / "workflow" / "rules" / "resources.smk").read_text(), names)
    return names


def test_memory_and_time_are_those_of_the_costs_and_grow_with_the_attempt():
    names, its = asked(), costs.of(configuration.load([ROOT / "config.yaml"]), "train", TRAIN)
    memory, minutes = names["memory"]("train"), names["minutes"]("train")
    assert its.memory_mb * 1.5 < memory(Wildcards(**TRAIN), 1) < its.memory_mb * 1.5 + 1000
    assert its.seconds / 60 * 3 < minutes(Wildcards(**TRAIN), 1) < its.seconds / 60 * 3 + 10
    for of in (memory, minutes):
        assert of(Wildcards(**TRAIN), 3) == 3 * of(Wildcards(**TRAIN), 1)


def test_nothing_asks_for_less_than_snakemake_takes_itself():
    assert asked()["memory"]("settings")(Wildcards(), 1) >= 700


def test_no_job_asks_for_more_days_than_sites_give():
    names = asked("workflow/configs/paper-cbc.yaml")
    assert names["minutes"]("train")(Wildcards(**TRAIN), 1) == names["minutes"]("train")(
        Wildcards(**TRAIN), 3
    )
    assert names["minutes"]("train")(Wildcards(**TRAIN), 1) == 2 * 24 * 60


@pytest.mark.parametrize(
    ("rules", "there"), [({"train": {"gpu": 1}}, True), ({"train": {"gpu": 0}}, False), ({}, False)]
)
def test_a_gpu_that_is_asked_for_is_reckoned_with(rules, there):
    overlay = "workflow/configs/paper-cbc.yaml"
    names, without = asked(overlay, **rules), asked(overlay)
    memory = [one["memory"]("train")(Wildcards(**TRAIN), 1) for one in (names, without)]
    assert (memory[0] < memory[1]) is there


def test_one_machine_is_limited_in_nothing_but_downloads():
    assert dict(asked()["workflow"].global_resources.unwrapped_items()) == {"gwosc": 4}


@pytest.mark.parametrize(
    ("default", "lanes"), [(None, 4), ({"slurm_partition": "main"}, 4), ({"lanes_of_a_job": 7}, 7)]
)
def test_a_job_of_several_steps_has_some_lanes_and_one_gpu(default, lanes):
    for where in ({"nodes": 200}, {"inside": True}):  # the head, and what it submitted
        given = asked(default=default, **where)["workflow"].global_resources
        assert dict(given.unwrapped_items()) == {"gwosc": 4, "lanes": lanes, "gpu": 1}


def test_profiles_speak_of_all_small_units_by_one_name():
    names = asked()
    groups = {rule: names["together"](rule)(Wildcards(**TRAIN)) for rule in ("train", "onnx")}
    assert names["workflow"].parent_groupids == dict.fromkeys(groups.values(), "unit")
    blocks = asked("workflow/configs/paper-cbc.yaml")
    assert blocks["together"]("strain")(Wildcards(strain="x", ifo="H1", gps="0")) == "strain"
    assert blocks["workflow"].parent_groupids == {}
