"""The verb `plan`: what is still to be run is what Snakemake says, and numbers follow from the jobs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gwsim import forecast
from gwsim.costs import Cost
from gwsim.jobs import Job

ROOT = Path(__file__).resolve().parents[1]
EXERCISE = "workflow/configs/chirp-blip.yaml"


def job(
    seconds, *needs, rule="render", experiment="ccsn", submitted=0, on_gpu=False, memory=1000.0, disk=0.0
):
    return Job(rule, experiment, Cost(seconds, memory, disk), on_gpu, submitted, needs)


# A head of 2 s, then a chain of 5 s and 1 s beside three jobs of 2 s.
JOBS = [job(2), job(5, 0), job(1, 1), job(2, 0), job(2, 0), job(2, 0)]


# ---- numbers


@pytest.mark.parametrize("cores, seconds", [(1, 14), (2, 8), (3, 8), (100, 8)])
def test_time_on_some_cores(cores, seconds):
    assert forecast.duration(JOBS, cores) == seconds


def test_time_is_never_less_than_the_chain_nor_than_all_over_the_cores():
    jobs = [job(1 + place % 7, *([place - 3] if place % 2 and place > 2 else [])) for place in range(60)]
    total = sum(one.cost.seconds for one in jobs)
    for cores in (1, 2, 5, 60):
        found = forecast.duration(jobs, cores)
        chain = max(forecast._chains(jobs))
        assert max(chain, total / cores) <= found <= chain + total / cores
    assert forecast.duration([], 3) == 0


def test_what_is_submitted_as_one_counts_once_with_its_longest_job():
    jobs = [
        job(1, rule="layout", submitted=0),
        job(9, 0, rule="render", submitted=0, disk=3000),
        job(8, 0, rule="render", submitted=1),
        job(1, 1, 2, rule="settings", experiment="", submitted=None),
    ]
    found = forecast.forecast(jobs, 2)
    assert {name: one["submitted"] for name, one in found["rules"].items()} == {
        "layout": 0,
        "render": 2,
        "settings": 0,
    }
    assert found["total"]["submitted"] == 2
    assert found["total"]["core_hours"] == pytest.approx(19 / 3600)
    assert found["total"]["disk_gb"] == 3
    assert found["rules"]["render"]["longest_minutes"] == pytest.approx(9 / 60)
    assert found["experiments"][forecast.SHARED]["jobs"] == 1


def test_hours_of_a_gpu_are_not_those_of_cores():
    found = forecast.forecast([job(3600, rule="train", on_gpu=True), job(7200)], 1)
    assert (found["total"]["core_hours"], found["total"]["gpu_hours"]) == (2, 1)
    assert "On a GPU: 1 hours." in forecast.text(found)


def test_downloads_are_told():
    found = forecast.text(forecast.forecast([job(1, rule="fetch", submitted=None, disk=119_000.0)] * 3, 1))
    assert "Downloaded from GWOSC: about 360 GB in 3 jobs." in found


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0"),
        (0.004, "<0.01"),
        (0.0123, "0.012"),
        (1.26, "1.3"),
        (9.96, "10"),
        (12.7, "13"),
        (1234, "1,200"),
    ],
)
def test_numbers_have_two_digits(value, text):
    assert forecast.number(value) == text


@pytest.mark.parametrize(
    "value, text", [(0.002, "7.2 seconds"), (0.25, "15 minutes"), (3, "3 hours"), (72, "3 days")]
)
def test_times_in_words(value, text):
    assert forecast.hours(value) == text


# ---- against Snakemake


def run(*command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def dry_run(folder, *more):
    """Return rule -> number of jobs as Snakemake's dry run says it."""
    code, out, err = run("snakemake", "-n", "-q", "reason", "--cores", "1", "--directory", str(folder), *more)
    assert code == 0, err
    stats = re.search(r"^job +count\n-[- ]+\n(.*?)^total +\d+", out + err, re.MULTILINE | re.DOTALL)
    return {name: int(count) for name, count in (line.split() for line in stats[1].splitlines())}


def planned(folder, *more):
    code, out, err = run("gwsim", "plan", *more, "--directory", str(folder), "--json")
    assert code == 0, err
    return json.loads(out)


def test_jobs_are_those_that_snakemake_would_run(tmp_path):
    told = planned(tmp_path, EXERCISE)
    wanted = dry_run(tmp_path, "--configfile", EXERCISE)
    wanted.pop("all", None)
    assert {name: one["jobs"] for name, one in told["rules"].items() if name != "all"} == wanted
    assert told["total"]["jobs"] > 20
    assert told["rules"]["settings"]["submitted"] == 0
    assert told["download"] == {"files": 0, "gb": 0}
    # Small units of a run go as one.
    assert 1 <= told["total"]["submitted"] < told["total"]["jobs"] / 5


def test_a_profile_says_what_more_goes_together(tmp_path):
    for name, said in (("one", "jobs: 9"), ("three", "group-components: {strain: 3}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(f"{said}\n")
    large, target = (
        "workflow/configs/paper-ccsn-simulated.yaml",
        "results/segments/paper_simulated/segments.json",
    )
    counts = [
        planned(tmp_path, large, "--target", target, "--profile", str(profile))["rules"]["strain"]
        for profile in (tmp_path / "one", tmp_path / "three")
    ]
    assert counts[0]["jobs"] == counts[1]["jobs"] == counts[0]["submitted"] > 6
    assert counts[1]["submitted"] == -(-counts[1]["jobs"] // 3)


def test_a_profile_that_is_not_there_is_refused(tmp_path):
    code, _, err = run("gwsim", "plan", EXERCISE, "--directory", str(tmp_path), "--profile", str(tmp_path))
    assert code == 2 and "expected the folder of a profile" in err


def test_the_template_of_a_profile_is_filled_in(tmp_path):
    profile = str(ROOT / "profiles" / "htcondor")
    assert planned(tmp_path, EXERCISE, "--profile", profile) == planned(tmp_path, EXERCISE)


def test_what_stands_already_is_not_planned(tmp_path):
    made = "results/config/report.json"
    before = planned(tmp_path, EXERCISE)
    code, *_ = run(
        "snakemake", "--cores", "1", "--directory", str(tmp_path), "--configfile", EXERCISE, "--", made
    )
    assert code == 0
    after = planned(tmp_path, EXERCISE)
    assert after["rules"]["settings"]["jobs"] == before["rules"]["settings"]["jobs"] - 1
    code, out, _ = run("gwsim", "plan", EXERCISE, "--directory", str(tmp_path), "--target", made)
    assert code == 0
    assert out == "Nothing is to be done: all products are there, and up to date.\n"


def test_one_target_alone_and_the_table(tmp_path):
    target = "results/chirp_blip/test/data.zarr"
    code, out, err = run(
        "gwsim", "plan", "config.yaml", EXERCISE, "--directory", str(tmp_path), "--target", target
    )
    assert code == 0, err
    rows = [line.split() for line in out.splitlines()]
    assert [row[0] for row in rows if row][:2] == ["rule", "settings"]
    widths = {len(line) for line in out.split("\n\n")[0].splitlines()}
    assert len(widths) == 1
    assert "train " not in out and "\nfinalise " in out
    assert "On 32 cores: about" in out


@pytest.mark.parametrize(
    "more, message",
    [
        (["--target", "results/chirp_blip/tset/data.zarr"], "no dataset 'tset'"),
        (["--target", "results/nothing.txt"], "results/nothing.txt"),
        (["--cores", "0"], "--cores: got 0"),
    ],
)
def test_what_cannot_be_planned_is_told_without_a_traceback(tmp_path, more, message):
    code, _, err = run("gwsim", "plan", EXERCISE, "--directory", str(tmp_path), *more)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_faults_of_the_configuration_are_all_told(tmp_path):
    (tmp_path / "wrong.yaml").write_text("seed: many\nband: [0, 1]\n")
    code, _, err = run("gwsim", "plan", str(tmp_path / "wrong.yaml"), "--directory", str(tmp_path))
    assert code == 2
    assert "seed" in err and "Traceback" not in err
