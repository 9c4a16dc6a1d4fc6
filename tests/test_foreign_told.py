"""A store made elsewhere, with no title and no configuration, is held against others, and not made again."""

import json

import foreign_store
import pytest
from test_cli import gwsim


@pytest.fixture
def adopted(tmp_path, capsys):
    """Two stores that were taken in."""
    for name, seed in (("train", 1), ("test", 2)):
        foreign_store.make(tmp_path / "given" / name, seed)
        status, _, err = gwsim(capsys, "adopt", tmp_path / "given" / name, tmp_path / name)
        assert status == 0, err
    return tmp_path


def test_stores_that_others_made_are_told_apart_by_their_folders(adopted, capsys, monkeypatch):
    status, out, err = gwsim(capsys, "diff", adopted / "train", adopted / "test")
    assert status == 1, err
    assert out.splitlines()[:2] == [f"A train: {adopted / 'train'}", f"B test: {adopted / 'test'}"]
    assert out.endswith("B (test) has the same table as A (train), and other values in its arrays.\n")
    monkeypatch.chdir(adopted / "train")
    status, out, _ = gwsim(capsys, "diff", ".", ".", "--json")
    assert status == 0 and json.loads(out)["a"] == {"folder": ".", "name": "train"}


def test_a_title_that_is_told_is_the_name(adopted, capsys):
    foreign_store.make(adopted / "given" / "titled", 1, attributes={"title": "bursts train"})
    assert gwsim(capsys, "adopt", adopted / "given" / "titled", adopted / "other")[0] == 0
    status, out, err = gwsim(capsys, "diff", adopted / "other", adopted / "train")
    assert status == 1, err
    assert out.splitlines()[:2] == [
        f"A bursts train: {adopted / 'other'}",
        f"B train: {adopted / 'train'}",
    ]


@pytest.mark.parametrize("command", [("render", "--row", "1"), ("rebuild",)])
def test_what_others_made_is_not_made_again(adopted, command, capsys):
    status, _, err = gwsim(capsys, *command, adopted / "train")
    assert status == 2 and "tells no configuration: it was made elsewhere" in err
