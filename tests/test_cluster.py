"""What is said of a cluster that cannot give what jobs ask for: all of it, and where it is changed."""

import stat
from types import SimpleNamespace

import pytest

from gwsim import cluster
from gwsim.errors import GwsimError

HAS = {"main": False, "long": False, "gpu": True}


def command(folder, text, name="sinfo"):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_partitions_are_read_with_their_gpus(tmp_path, monkeypatch):
    # One line for each kind of node of a partition.
    command(tmp_path, "printf 'main|(null)\\ngpu|gpu:a100:4(S:0-1),tmp:100\\ngpu|(null)\\nlong|(null)\\n'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert cluster.partitions() == HAS


def test_a_controller_that_does_not_answer_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GwsimError, match="got no command sinfo"):
        cluster.partitions()
    command(tmp_path, "echo 'Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(
        GwsimError, match=r"sinfo said: Unable to contact.*login node.*without --profile slurm"
    ):
        cluster.partitions()
    command(tmp_path, "exec /bin/sleep 60")
    monkeypatch.setattr(cluster, "PATIENCE", 0.1)
    with pytest.raises(GwsimError, match=r"nothing for 0\.1 s"):
        cluster.partitions()


def test_what_a_killed_run_left_at_work_is_outlasted(tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    # The second time job 7 has ended, and one more has come.
    rows = (
        f"7|rule_train|{here}\n8|rule_run_draw|{here}\n5|rule_train|{there}\n6|(null)|{here}",
        f"8|rule_run_draw|{here}\n9|rule_run_draw|{here}",
        "",
    )
    for place, text in enumerate(rows):
        (tmp_path / str(place)).write_text(text)
    (tmp_path / "next").write_text("0")
    say = f"cat {tmp_path}/$(cat {tmp_path}/next); echo $(($(cat {tmp_path}/next) + 1)) > {tmp_path}/next"
    command(tmp_path, say, "squeue")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    told = []
    assert cluster.outlast(here, told.append, look=0)
    assert len(told) == 2 and "7, 8" in told[0] and "scancel 8 9" in told[1]
    (tmp_path / "next").write_text("0")
    assert cluster.at_work(there) == ["5"]
    (tmp_path / "next").write_text("2")
    assert not cluster.outlast(here, told.append, look=0) and len(told) == 2


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"mem_mb": 1000, "gpu": 0},
        {"slurm_partition": "main"},
        {"slurm_partition": "main,long"},
        {"slurm_partition": "gpu", "gpu": 1},
        {"slurm_partition": "main,gpu", "gres": "gpu:2"},
        {"gpu": 1},
    ],
)
def test_what_there_is_may_be_asked_for(asked):
    cluster.refuse({"train": asked}, HAS)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"slurm_partition": "express"},
            "slurm_partition: got 'express' for train; the cluster has main, long, gpu",
        ),
        ({"slurm_partition": "main,express"}, "slurm_partition: got 'main,express' for train"),
        (
            {"slurm_partition": "main", "gpu": 1},
            "gpu: train asks for one; got partition main, which has none",
        ),
        ({"slurm_partition": "main", "gpu_model": "a100"}, "gpu: train asks for one"),
        (
            {"slurm_partition": "long,main", "gres": "gpu:1"},
            "gpu: train asks for one; got partition long, main",
        ),
    ],
)
def test_what_there_is_not_is_refused(asked, message):
    with pytest.raises(GwsimError) as error:
        cluster.refuse({"draw": {}, "train": asked}, HAS)
    assert message in str(error.value) and str(error.value).endswith(
        "slurm/config.yaml, or on the command line"
    )


def test_a_gpu_is_refused_where_no_partition_has_one():
    with pytest.raises(GwsimError, match="gpu: train asks for one; got partition main"):
        cluster.refuse({"train": {"gpu": 1}}, {"main": False})


def test_of_a_partition_that_is_not_there_only_that_is_said():
    with pytest.raises(GwsimError) as error:
        cluster.refuse({"train": {"slurm_partition": "express", "gpu": 1}}, HAS)
    assert "gpu:" not in str(error.value)


def test_all_that_is_wrong_is_said_at_once():
    asked = {"train": {"slurm_partition": "here"}, "embed": {"slurm_partition": "there"}}
    with pytest.raises(GwsimError, match=r"'here' for train(?s:.*)'there' for embed"):
        cluster.refuse(asked, HAS)


def test_the_executor_remembers_what_the_controller_said_once():
    said = iter([300, None])
    executor = SimpleNamespace(get_min_job_age=lambda: next(said))
    cluster.remember_settings(executor)
    assert [executor.get_min_job_age() for _ in range(3)] == [300] * 3


def test_the_executor_asks_again_where_nothing_was_said():
    said = iter([None, 300])
    executor = SimpleNamespace(get_min_job_age=lambda: next(said))
    cluster.remember_settings(executor)
    assert executor.get_min_job_age() == 300


def test_names_are_held_against_those_that_are_read():
    rules = {"train", "draw"}
    cluster.refuse_names(
        ["mem_mb", "our_licences", "_nodes"], {"train": ["gpu", "device"]}, rules, ["device"]
    )
    with pytest.raises(GwsimError) as error:
        cluster.refuse_names(["slurm_acount"], {"trian": ["gpu"], "draw": ["devise"]}, rules, ["device"])
    assert str(error.value).splitlines() == [
        "default-resources: got 'slurm_acount', which nothing reads; did you mean 'slurm_account'?",
        "set-resources: got 'trian'; there is no such rule; did you mean 'train'?",
        "set-resources, draw: got 'devise', which nothing reads; did you mean 'device'?",
        "Change it in slurm/config.yaml, or on the command line",
    ]
