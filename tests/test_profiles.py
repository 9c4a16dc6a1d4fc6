"""Profiles for engines besides SLURM: what jobs ask for follows from the rules alone."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
import yte

ROOT = Path(__file__).resolve().parents[1]
HTCONDOR = ROOT / "profiles" / "htcondor" / "config.yaml"
OVERLAYS = [str(ROOT / "workflow" / "configs" / "tiny.yaml"), str(ROOT / "tests" / "exercise_alone.yaml")]
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def rules():
    """Names of all rules, and of those that run where Snakemake does."""
    texts = [path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk")]
    snakefile = (ROOT / "Snakefile").read_text()
    defined = re.compile(r"^(?:use )?rule (?:\w+ as )?(\w+)", re.MULTILINE)
    named = {name for text in texts for name in defined.findall(text)}
    (local,) = re.findall(r"^localrules:\n((?: +\w+,\n)+)", snakefile, re.MULTILINE)
    return named, set(re.findall(r"\w+", local))


def without_its_engine(folder, edit=lambda text: text):
    """Write the profile as it is but for the plugin, which need not be installed; return its folder."""
    kept = re.sub(r"^(executor|htcondor-[a-z-]+):.*\n", "", edit(HTCONDOR.read_text()), flags=re.MULTILINE)
    folder.mkdir()
    (folder / "config.yaml").write_text(kept)
    return folder


def speaking_workflow(folder):
    """Copy the workflow without its messages: Snakemake then prints what jobs ask for; return its folder."""
    folder.mkdir()
    for name in ("gwsim", "config.yaml"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "Snakefile", folder)
    shutil.copytree(ROOT / "workflow", folder / "workflow")
    for path in (folder / "workflow" / "rules").glob("*.smk"):
        path.write_text(re.sub(r"^    message:\n(        .*\n)+", "", path.read_text(), flags=re.MULTILINE))
    return folder


def asked(folder, edit_profile=lambda text: text, edit_draw=lambda text: text):
    """What each submitted job of a dry run asks for, by its rule: a list of mappings."""
    profile = without_its_engine(folder / "profile", edit_profile)
    workflow = speaking_workflow(folder / "workflow")
    draw = workflow / "workflow" / "rules" / "draw.smk"
    draw.write_text(edit_draw(draw.read_text()))
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "32", "--nocolor"]
    command += ["--snakefile", str(workflow / "Snakefile"), "--directory", str(folder / "run")]
    command += ["--profile", str(profile), "--configfile", *OVERLAYS]
    run = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (_, local), jobs, rule = rules(), {}, None
    for line in (run.stdout + run.stderr).splitlines():
        if named := re.fullmatch(r" *(?:local)?rule (\w+):", line):
            rule = named[1]
        if (resources := re.fullmatch(r" +resources: (.*)", line)) and rule not in local:
            jobs.setdefault(rule, []).append(dict(re.findall(r"(\w+)=([^,]*)", resources[1])))
    return jobs


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    return asked(tmp_path_factory.mktemp("htcondor"))


def test_every_submitted_rule_is_in_the_profile_of_htcondor():
    named, local = rules()
    listed = yaml.safe_load(HTCONDOR.read_text())["__variables__"]["rules"]
    assert len(listed) == len(set(listed)) > 20
    assert set(listed) == named - local


def test_htcondor_asks_for_the_memory_that_each_rule_states(jobs):
    assert {"draw", "layout", "render", "finalise", "quality", "train", "exercise"} <= jobs.keys()
    assert len({job["mem_mb"] for its in jobs.values() for job in its}) > 2
    for rule, its in jobs.items():
        for job in its:
            assert job["htcondor_request_mem_mb"] == job["mem_mb"], rule
            assert job["getenv"] == "True" and job["allowed_execute_duration"] == "86400", rule
            assert "request_gpus" not in job, rule


def test_a_rule_that_states_more_asks_htcondor_for_more_and_networks_for_a_gpu(tmp_path):
    jobs = asked(
        tmp_path,
        lambda text: text.replace("gpu: []", "gpu: [train, exercise]"),
        lambda text: re.sub(r"mem_mb=.*", "mem_mb=lambda wildcards, attempt: 4321 * attempt,", text),
    )
    assert {job["htcondor_request_mem_mb"] for job in jobs["draw"]} == {"4321"}
    for rule, its in jobs.items():
        gpus = {job.get("request_gpus") for job in its}
        assert gpus == ({"1"} if rule in ("train", "exercise") else {None}), rule


def test_the_profile_is_a_mapping_that_snakemake_fills_in():
    filled = yte.process_yaml(HTCONDOR.read_text(), require_use_yte=True)
    assert filled["executor"] == "htcondor" and filled["retries"] == 2
    assert (
        'get_rule("render").resources["mem_mb"]'
        in filled["set-resources"]["render"]["htcondor_request_mem_mb"]
    )
