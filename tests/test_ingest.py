"""A real set into a dataset: every glitch once and whole, in its own split, and every fault told at once."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from gravityspy_pictures import glitch

from gwsim import ingest, manifest
from gwsim.command import main
from gwsim.dataset import Examples, View
from gwsim.errors import GwsimError
from gwsim.figures import quality
from gwsim.gravityspy import sets
from gwsim.gravityspy.glitch import Glitch

CLASSES = ["Blip", "Tomte", "Whistle"]


@pytest.fixture
def pictures(tmp_path):
    for number in range(12):
        glitch(tmp_path / "set", CLASSES[number % 3], f"H1_{chr(97 + number) * 6}", index=10 + number)
    return tmp_path / "set"


def settings(path, **changes):
    wanted = {"path": str(path), "table": None, "models": CLASSES, "faults": "refuse", "split": "train"}
    wanted |= {"fractions": {"train": 0.5, "test": 0.5}, "examples": None, "seed": 3, "whiten": "given"}
    return wanted | {"qscan": {"size": 224}, "shard_rows": 64} | changes


def card(path):
    experiment = {
        "whiten": "given",
        "duration": 16,
        "waveforms": {"source": "pictures", "models": CLASSES, "path": str(path), "faults": "refuse"},
        "draw": {},
        "render": {"qscan": {"size": 224}},
        "datasets": {"train": {"split": "train", "draw": {}}},
    }
    configuration = {"ifos": ["H1", "L1"], "sample_rate": 4096, "run": "real"}
    configuration |= {"experiments": {"glitch": experiment}}
    named = {"experiment": "glitch", "dataset": "train", "run": "real", "seed": 3, "strain": "pictures"}
    return named | {"source": "pictures", "classes": CLASSES, "configuration": configuration}


def ingested(folder, path, **changes):
    """Run the verb."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(settings(path, **changes)))
    (folder / "card.json").write_text(json.dumps(card(path)))
    options = ["--settings", folder / "settings.json", "--card", folder / "card.json"]
    main(["ingest", *map(str, (folder / "glitch" / "train", *options))])


def test_every_glitch_of_a_split_is_there_once_and_whole(tmp_path, pictures):
    ingested(tmp_path, pictures)
    folder = tmp_path / "glitch" / "train"
    found = [one for one in ingest.find(settings(pictures)).glitches if one.split == "train"]
    table = pd.read_parquet(folder / "table.parquet")
    assert table["gravityspy_id"].tolist() == [one.id for one in found] and 3 <= len(found) < 12
    data = xr.open_zarr(folder / "data.zarr")
    assert data["qscan"].dtype == np.uint8 and data["qscan"].dims[0] == "sample"
    for place, one in enumerate(found):
        np.testing.assert_array_equal(data["qscan"][place], sets.read(one))
        assert CLASSES[int(data["label"][place])] == one.label
    assert data["seconds"].dims == ("duration", "time") and float(data["duration"][3]) == 4
    assert float(abs(data["seconds"][0]).max()) < 0.25 < float(abs(data["seconds"][1]).max())
    assert "Gravity Spy" in data.attrs["citation"] and "CC-BY" in data.attrs["licence"]
    main(["verify", str(folder)])


def test_splits_share_no_glitch_and_leave_none_out(pictures):
    its = ingest.find(settings(pictures))
    parts = [ingest.chosen(its, settings(pictures, split=name)) for name in ("train", "test")]
    names = [one.name for part in parts for one in part]
    assert len(names) == len(set(names)) == 12


def test_fewer_examples_are_some_of_all_classes_and_the_same_ones_again(pictures):
    its = ingest.find(settings(pictures, fractions={"train": 1.0}))
    some = [ingest.chosen(its, settings(pictures, examples=count)) for count in (4, 8)]
    assert {one.name for one in some[0]} < {one.name for one in some[1]} and len(some[0]) == 4
    assert {one.label for one in some[1]} == set(CLASSES)
    # They stand by class, and by name in it, as all of them do.
    assert all(part == sorted(part, key=lambda one: (one.label, one.name)) for part in some)


def test_faults_are_told_all_at_once_or_left_out(tmp_path, pictures, capsys):
    glitch(pictures, "Blip", "L1_short", durations=("0.5", "1.0"))
    glitch(pictures, "Elephant", "L1_trunk")
    broken = sorted(pictures.rglob("*dddddd*4.0.png"))[0]
    broken.write_bytes(broken.read_bytes()[:900])
    one_split = {"fractions": {"train": 1.0}}
    with pytest.raises(SystemExit):
        ingested(tmp_path / "a", pictures, **one_split)
    told = capsys.readouterr().err
    for part in ("1 glitches lack a duration", "Elephant", "1 glitches cannot be read", "faults: skip"):
        assert part in told
    assert not (tmp_path / "a/glitch/train/manifest.json").exists()
    ingested(tmp_path / "b", pictures, faults="skip", **one_split)
    assert "left out: 1 glitches cannot be read" in capsys.readouterr().err
    data = xr.open_zarr(tmp_path / "b/glitch/train/data.zarr")
    assert data.sizes["sample"] == 11 and len(data.attrs["left_out"]) == 3


def test_a_set_without_the_split_is_told(pictures):
    its = ingest.find(settings(pictures))
    with pytest.raises(GwsimError, match=r"no glitch of split 'validation' \(its splits: test, train\)"):
        ingest.chosen(its, settings(pictures, split="validation"))


def test_ingested_twice_is_the_same_and_what_stood_is_kept(tmp_path, pictures):
    folder = tmp_path / "glitch" / "train"
    ingested(tmp_path, pictures)
    first = (folder / manifest.MANIFEST).read_bytes()
    shard = next((folder / "shards.zarr/qscan/c").rglob("0"))
    while shard.is_dir():
        shard = shard / "0"
    made = shard.stat().st_mtime_ns
    ingested(tmp_path, pictures)
    assert (folder / manifest.MANIFEST).read_bytes() == first and shard.stat().st_mtime_ns == made


def test_other_pictures_under_the_same_names_are_read_anew(tmp_path, pictures):
    ingested(tmp_path, pictures)
    store_of = tmp_path / "glitch/train/data.zarr"
    first = xr.open_zarr(store_of)["qscan"].values
    name = pd.read_parquet(tmp_path / "glitch/train/table.parquet")["gravityspy_id"][0]
    (label,) = {path.parent.name for path in pictures.rglob(f"*{name}*")}
    glitch(pictures, label, f"H1_{name}", index=200)
    ingested(tmp_path, pictures)
    again = xr.open_zarr(store_of)["qscan"].values
    assert again[0].min() >= 200 > first[0].max()
    np.testing.assert_array_equal(again[1:], first[1:])


def test_classes_that_are_not_asked_for_are_told_and_are_no_fault(pictures):
    glitch(pictures, "Blip", "H1_VXw4KBWl5g")  # known to be Paired_Doves
    its = ingest.find(settings(pictures, models=["Blip"]))
    assert {one.label for one in its.glitches} == {"Blip"} and its.faults == []
    assert any("9 glitches are of classes that are not asked for" in note for note in its.notes)


def test_a_network_sees_the_merged_view_and_a_person_the_page(tmp_path, pictures):
    ingested(tmp_path, pictures)
    folder = tmp_path / "glitch" / "train"
    examples = Examples(folder, View("merged", "none"))
    seen = examples.read(np.array([0]))
    assert seen.shape == (1, *examples.shape) == (1, 1, 448, 448) and seen.max() <= 1
    quality.page(folder, None, [], tmp_path / "page" / "index.html")
    page = (tmp_path / "page" / "index.html").read_text()
    assert "Contact sheet" in page and (tmp_path / "page" / "contact.png").stat().st_size > 10_000


def test_the_table_has_times_and_ifos_where_they_are_known():
    known = Glitch("L1", "a", "Tomte", None, {}, gps=1238236470 * 10**9 + 250_000_000)
    table = ingest.table([known, Glitch(None, "b", "Blip", None, {})], CLASSES)
    assert table[["label", "scan_ifo"]].to_numpy().tolist() == [[1, 1], [0, -1]]
    times = table[["gps_second", "gps_nanosecond"]].to_numpy().tolist()
    assert times == [[1238236470, 250_000_000], [-1, -1]]
