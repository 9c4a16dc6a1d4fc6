"""A store made by tensorstore alone, with nothing of gwsim, is checked, trained on and evaluated here.

What is wrong with one is told all at once, and nothing is written then.
"""

import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import foreign_store
import numpy as np
import pandas as pd
import pytest
import tensorstore
import yaml
from foreign_store import ATTRIBUTES, CLASSES, RATE, ROWS
from test_workflow import ROOT, snakemake

from gwsim import command, configuration, dataset, finished, foreign, manifest
from gwsim.errors import GwsimError

OVERLAY = ROOT / "tests" / "foreign.yaml"
SPLITS = {
    "train": ("given/train", 1),
    "validation": ("given/validation/data.zarr", 2),
    "test": ("given/test", 3),
}


def make(path, seed, **changes):
    """Make a store in a process of its own, which imports nothing of ours."""
    words = [sys.executable, foreign_store.__file__, str(path), str(seed), json.dumps(changes)]
    subprocess.run(words, check=True, cwd="/", env={})
    return path


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A folder in which the three stores of the overlay stand."""
    folder = tmp_path_factory.mktemp("theirs")
    for path, seed in SPLITS.values():
        make(folder / path, seed)
    return folder


@pytest.fixture(scope="module")
def ran(given):
    """The folder after a run of the workflow."""
    run = snakemake(given, "--configfile", str(OVERLAY))
    assert run.returncode == 0, run.stderr
    return given


def refused(path, **changes):
    """Return what is said of a store with changes."""
    make(path, 1, **changes)
    with pytest.raises(GwsimError) as error:
        foreign.expect(foreign.Foreign(path), CLASSES, iter)
    return str(error.value)


# ---- taken in


def test_a_store_is_taken_in_as_it_is(given, tmp_path, capsys):
    folder = tmp_path / "theirs" / "train"
    command.main(["adopt", str(given / "given/train"), str(folder)])
    strain, label = foreign_store.examples(1)
    examples = dataset.Examples(folder, dataset.View("strain", "none"))
    assert (examples.classes, examples.ifos, examples.sample_rate) == (CLASSES, ["H1", "K1"], RATE)
    inside = slice(32, 32 + RATE)
    np.testing.assert_array_equal(examples.raw(np.arange(ROWS)), strain[..., inside])
    assert list(examples.table.columns) == ["label", "loudness"]
    np.testing.assert_array_equal(examples.table["label"], label)
    seen = dataset.Examples(folder, dataset.View("spectrogram", "minmax"))
    assert seen.read(np.array([3])).shape == (1, 2, 200 * 64 // RATE + 1, RATE // 16 + 1)
    # Both share their files; what is listed is proved, with rows.
    shard = Path("strain/c/1/0/0")
    assert (folder / "data.zarr" / shard).samefile(given / "given/train" / shard)
    assert manifest.rows(manifest.verify(folder)) == ROWS
    (folder / "data.zarr" / shard).unlink()
    with pytest.raises(GwsimError, match=r"missing: data.zarr/strain/c/1/0/0 \(rows 10 to 19\)"):
        manifest.verify(folder)
    command.main(["adopt", str(given / "given/train"), str(tmp_path / "again")])
    command.main(["inspect", str(tmp_path / "again")])
    assert "strain       (sample 24, ifo 2, time 576) float32, 1" in capsys.readouterr().out


def test_it_goes_out_again_in_every_format(given, tmp_path):
    import h5py

    folder = tmp_path / "theirs" / "train"
    command.main(["adopt", str(given / "given/train"), str(folder)])
    strain, label = foreign_store.examples(1)
    for name in ("hdf5", "npy", "webdataset", "tar"):
        command.main(["export", str(folder), str(tmp_path / name), "--to", name])
    with h5py.File(tmp_path / "hdf5") as file:
        np.testing.assert_array_equal(file["strain"][:], strain)
    np.testing.assert_array_equal(np.load(tmp_path / "npy" / "label.npy"), label)
    told = json.loads((tmp_path / "webdataset" / "dataset.json").read_text())
    assert [one["rows"] for one in told["tars"]] == [[0, 10], [10, 20], [20, 24]]
    command.main(["verify", str(tmp_path / "tar")])
    with tarfile.open(tmp_path / "webdataset" / "theirs-train-000001.tar") as tar:
        row = json.load(tar.extractfile("00000010.json"))
    assert row["label"] == label[10] and type(row["label"]) is int


def test_one_of_ours_comes_back(tmp_path):
    """A finished dataset from elsewhere is proved by its manifest and taken in; an altered one is not."""
    import finished_store

    ours = finished_store.make(tmp_path / "cbc" / "train")
    command.main(["adopt", str(ours), str(tmp_path / "again")])
    table = pd.read_parquet(tmp_path / "again" / "table.parquet")
    wanted = finished_store.table()[table.columns]
    pd.testing.assert_frame_equal(table, wanted)
    path = ours / "data.zarr" / "mass_1" / "c" / "0"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(SystemExit):
        command.main(["adopt", str(ours), str(tmp_path / "other")])
    assert not (tmp_path / "other").exists()


def everything(folder):
    """Return every file below a folder, with its bytes."""
    return {str(one): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}


def adopt_refused(source, folder, words, capsys):
    """Adopt, which is refused with these words, and nothing changes."""
    before = everything(source), everything(folder)
    with pytest.raises(SystemExit) as ended:
        command.main(["adopt", str(source), str(folder)])
    assert ended.value.code == 2 and words in capsys.readouterr().err
    assert (everything(source), everything(folder)) == before
    with pytest.raises(GwsimError):
        foreign.adopt(foreign.Foreign(source), folder)
    assert (everything(source), everything(folder)) == before


@pytest.mark.parametrize("there", ["data.zarr", "table.parquet", "manifest.json"])
def test_what_stands_there_is_not_overwritten(given, tmp_path, there, capsys):
    folder = tmp_path / "train"
    command.main(["adopt", str(given / "given/train"), str(folder)])
    for name in {"data.zarr", "table.parquet", "manifest.json"} - {there}:
        (folder / name).rename(tmp_path / name)
    adopt_refused(given / "given/test", folder, f"{folder} has {there} already", capsys)


def test_a_folder_in_the_store_or_around_it_is_refused(tmp_path, capsys):
    bare = make(tmp_path / "bare", 1)
    for folder in (bare, bare / "mine", tmp_path):
        adopt_refused(bare, folder, "stand in one another", capsys)
    (tmp_path / "link").symlink_to(bare)
    adopt_refused(bare, tmp_path / "link" / "mine", "stand in one another", capsys)
    # Of a finished dataset the folder with its manifest is the store.
    whole = tmp_path / "apart" / "whole"
    command.main(["adopt", str(bare), str(whole)])
    for source in (whole, whole / "data.zarr"):
        for folder in (whole, whole / "mine", whole / "data.zarr" / "strain"):
            adopt_refused(source, folder, "stand in one another", capsys)
    assert manifest.verify(whole)


def test_beside_a_group_without_a_manifest_there_is_room(tmp_path):
    make(tmp_path / "data.zarr", 1)
    command.main(["adopt", str(tmp_path), str(tmp_path / "results" / "train")])
    assert manifest.verify(tmp_path / "results" / "train")


def test_what_a_killed_run_left_goes(given, tmp_path):
    folder = tmp_path / "train"
    killed, users = folder / f"data.zarr.{'0a' * 16}.part", folder / "data.zarr.old.part"
    for one in (killed, users):
        one.mkdir(parents=True)
        (one / "half").write_bytes(b"half")
    command.main(["adopt", str(given / "given/test"), str(folder)])
    kept = ["data.zarr", "data.zarr.old.part", "manifest.json", "table.parquet"]
    assert sorted(one.name for one in folder.iterdir()) == kept
    np.testing.assert_array_equal(finished.Finished(folder).read("strain"), foreign_store.examples(3)[0])


def test_folders_and_files_that_are_links_are_taken_in(tmp_path):
    path, disk = make(tmp_path / "given", 1), tmp_path / "disk"
    disk.mkdir()
    linked = ["strain", "label/c", "loudness/c/0", "loudness/zarr.json"]
    for number, name in enumerate(linked):
        (path / name).rename(disk / str(number))
        (path / name).symlink_to(disk / str(number))
    command.main(["adopt", str(path), str(tmp_path / "in")])
    content, store = manifest.verify(tmp_path / "in"), finished.Finished(tmp_path / "in")
    assert {"data.zarr/strain/c/0/0/0", "data.zarr/label/c/0"} < set(content["files"])
    for name, values in zip(("strain", "label"), foreign_store.examples(1), strict=True):
        np.testing.assert_array_equal(store.read(name), values)
    np.testing.assert_array_equal(store.read("loudness"), np.linspace(1, 2, ROWS))
    # Nothing in it is a link of its own: theirs may move.
    assert not [one for one in (tmp_path / "in").rglob("*") if one.is_symlink()]


def test_links_to_nothing_and_back_are_told(tmp_path, capsys):
    path = make(tmp_path / "given", 1)
    for target, words in (("nowhere", "is a link to nothing"), ("..", "is a link back to")):
        (path / "strain" / "more").symlink_to(target)
        with pytest.raises(SystemExit):
            command.main(["adopt", str(path), str(tmp_path / "in")])
        assert words in capsys.readouterr().err and not (tmp_path / "in").exists()
        (path / "strain" / "more").unlink()


# ---- in the workflow


def test_the_workflow_trains_and_evaluates_on_it(ran):
    folder = ran / "results" / "theirs"
    for name in SPLITS:
        assert manifest.verify(folder / name)
    metrics = json.loads((folder / "networks/small-1/evaluate/metrics.json").read_text())
    assert set(metrics["datasets"]) == {"validation", "test"} and "background" not in metrics
    found = pd.read_parquet(folder / "networks/small-1/evaluate/test.parquet")
    assert list(found["label"]) == foreign_store.examples(3)[1].tolist()
    assert {"score_quiet", "score_burst", "score_chirp"} < set(found)
    assert (folder / "networks/small-1/model.onnx").is_file() and (ran / "results/index.html").is_file()
    again = snakemake(ran, "--configfile", str(OVERLAY), "--dry-run")
    assert "Nothing to be done" in again.stdout + again.stderr


def test_a_new_edition_of_it_is_taken_in_anew(ran, tmp_path):
    group = ran / "given" / "test" / "zarr.json"
    group.write_text(group.read_text().replace("another group", "the same group, again"))
    # What was taken in stays what it was: metadata are no links.
    assert manifest.verify(ran / "results" / "theirs" / "test")
    run = snakemake(ran, "--configfile", str(OVERLAY), "--dry-run")
    assert "taking in theirs test" in run.stdout and "taking in theirs train" not in run.stdout
    assert "training" not in run.stdout and "evaluating" in run.stdout


def test_any_path_and_any_new_metadata(tmp_path):
    """A path with spaces and quotes is one word; metadata of an array and a manifest count too."""
    theirs, store = tmp_path / "it's $HOME; (theirs)", "results/theirs/test/manifest.json"
    make(tmp_path / "bare", 1)
    for name in ("train", "validation", "test"):
        command.main(["adopt", str(tmp_path / "bare"), str(theirs / name)])
    text = OVERLAY.read_text().replace("validation/data.zarr", "validation").replace("given/", f"{theirs}/")
    (tmp_path / "theirs.yaml").write_text(text)
    words = ["--configfile", str(tmp_path / "theirs.yaml")]
    run = snakemake(tmp_path, *words, targets=[store])
    assert run.returncode == 0, run.stderr
    assert manifest.verify(tmp_path / "results/theirs/test")
    for name in (None, "data.zarr/strain/zarr.json", "manifest.json"):
        if name:
            text = (theirs / "test" / name).read_text()
            (theirs / "test" / name).write_text(f"{text}\n")
        run = snakemake(tmp_path, *words, "--dry-run", targets=[store])
        assert ("taking in theirs test" in run.stdout) == bool(name), (name, run.stdout, run.stderr)
        run = snakemake(tmp_path, *words, "--touch", targets=[store])
        assert run.returncode == 0, run.stderr


def test_the_verbs_train_and_evaluate_on_it_by_hand(ran, tmp_path):
    folder, config = ran / "results", ran / "results/config/theirs"
    names = {name: str(folder / "theirs" / name / "manifest.json") for name in SPLITS}
    model, history = str(tmp_path / "small-1" / "model.safetensors"), str(tmp_path / "metrics.csv")
    words = ["--settings", str(config / "networks/small/train.json"), "--seed", "1"]
    words += ["--train", names["train"], "--validation", names["validation"]]
    command.main(["train", *words, "--output", model, "--history", history])
    assert Path(model).read_bytes() == (folder / "theirs/networks/small-1/model.safetensors").read_bytes()
    words = ["--settings", str(config / "evaluate.json"), "--model", model]
    words += ["--data", names["validation"], names["test"]]
    command.main(["evaluate", *words, "--metrics", str(tmp_path / "metrics.json")])
    assert json.loads((tmp_path / "metrics.json").read_text())["numbers"]


def test_a_network_of_another_rate_is_refused(ran, tmp_path, capsys):
    """Examples of as many samples, at twice the rate: shapes alone would not tell."""
    other = {"sample_rate": 1024, "duration": 0.5}
    make(tmp_path / "given", 3, attributes=other)
    for name in ("validation", "test"):
        command.main(["adopt", str(tmp_path / "given"), str(tmp_path / "theirs" / name)])
    config = ran / "results/config/theirs/evaluate.json"
    model = ran / "results/theirs/networks/small-1/model.safetensors"
    data = [str(tmp_path / "theirs" / name / "manifest.json") for name in ("validation", "test")]
    with pytest.raises(SystemExit):
        words = ["--settings", str(config), "--model", str(model), "--data", *data]
        command.main(["evaluate", *words, "--metrics", str(tmp_path / "metrics.json")])
    assert "sample_rate: the network has 512, the dataset 1024" in capsys.readouterr().err


# ---- bad ones


BAD = {
    "no label": ({"without": ["label"]}, "no array label: expected the class of each sample"),
    "label out of range": ({"label": {"4": 3, "9": -1}}, "label: got [-1, 3] in rows 4, 9, expected 0 to 2"),
    "nan": ({"nan": [3, 11]}, "strain: NaN or infinite in rows 3, 11, expected finite numbers"),
    "order": (
        {"dims": ["sample", "time", "ifo"]},
        "strain: got dimension_names (sample, time, ifo), expected (sample, ifo, time)",
    ),
    "double": ({"dtype": "float64"}, "strain: got float64, expected float32"),
    "no examples": ({"without": ["strain"]}, "no array of examples: expected one of strain, spectrogram"),
    "rate": (
        {"attributes": {"sample_rate": 1024}},
        "strain: got (2, 576) of (ifo, time), expected (2, 1088) by the attributes",
    ),
    "no margin": ({"attributes": {"duration": 1.125}}, "expected (2, 640) by the attributes"),
    "other classes": (
        {"attributes": {"classes": ["a", "b", "c"]}, "flags": {"flag_meanings": "a b c"}},
        "attribute classes: got ['a', 'b', 'c'], the configuration has quiet, burst, chirp",
    ),
    "flags": (
        {"flags": {"flag_meanings": "chirp burst quiet"}},
        "expected 0 to 2 and 'quiet burst chirp'",
    ),
    "spaces": (
        {"attributes": {"classes": ["quiet", "a burst", "chirp"]}},
        "attribute classes: got ['quiet', 'a burst', 'chirp'], expected two names or more, without spaces",
    ),
    "true": (
        {"attributes": {"duration": True}},
        "attribute duration: got True, expected a number above zero",
    ),
    "short column": ({"columns": 23}, "loudness: got 23 samples, expected 24"),
    "no attributes": (
        {"attributes": {"sample_rate": None, "ifos": None, "spectrogram": {"window": 64, "hop": 0.5}}},
        "attribute sample_rate: got nothing, expected a whole number above zero",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_store_is_told_and_not_taken_in(tmp_path, name, capsys):
    changes, words = BAD[name]
    said = refused(tmp_path / "given", **changes)
    assert words in said and "is not laid out as docs/store.md says:\n" in said
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"classes": CLASSES}))
    words = [str(tmp_path / "given"), str(tmp_path / "out"), "--settings", str(settings)]
    with pytest.raises(SystemExit) as ended:
        command.main(["adopt", *words])
    assert ended.value.code == 2 and not (tmp_path / "out").exists()
    assert said in capsys.readouterr().err


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    said = refused(
        tmp_path / "given",
        attributes={"sample_rate": "fast", "ifos": "H1", "spectrogram": {"window": 64, "hop": 0.5}},
        without=["label"],
        dtype="float64",
        columns=3,
    )
    for words in (
        "attribute sample_rate: got 'fast', expected a whole number above zero",
        "attribute ifos: got 'H1', expected a list of names",
        "attribute spectrogram.hop: got 0.5, expected a whole number above zero",
        "attribute spectrogram.f_max: got nothing, expected a number above zero",
        "strain: got float64, expected float32",
        "no array label",
        "loudness: got 3 samples, expected 24",
    ):
        assert words in said


def test_zarr_2_and_what_is_no_store_are_told(tmp_path):
    spec = {"driver": "zarr", "kvstore": {"driver": "file", "path": str(tmp_path / "two" / "strain")}}
    spec["metadata"] = {"shape": [4, 2, 8], "dtype": "<f4", "chunks": [1, 2, 8]}
    tensorstore.open(spec, create=True).result()
    (tmp_path / "two" / ".zgroup").write_text('{"zarr_format": 2}')
    with pytest.raises(GwsimError, match="is Zarr format 2, expected 3; hint: "):
        foreign.Foreign(tmp_path / "two")
    (tmp_path / "empty").mkdir()
    with pytest.raises(GwsimError, match=r"no store: it has no zarr.json"):
        foreign.Foreign(tmp_path / "empty")
    with pytest.raises(GwsimError, match=r"is not there \(expected a Zarr 3 group"):
        foreign.Foreign(tmp_path / "nothing")
    for text in ('{"zarr_format": 3', "[]", '{"zarr_format": 3, "attributes": []}'):
        (tmp_path / "empty" / "zarr.json").write_text(text)
        with pytest.raises(GwsimError):
            foreign.expect(foreign.Foreign(tmp_path / "empty"), None, iter)


def test_a_damaged_store_is_told(tmp_path):
    metadata = make(tmp_path / "given", 1) / "strain" / "zarr.json"
    text = metadata.read_text()
    for bad in ("[0,2,576]", "[10,2]"):
        metadata.write_text(text.replace("[10,2,576]", bad))
        assert metadata.read_text() != text
        with pytest.raises(GwsimError, match="strain cannot be read"):
            foreign.expect(foreign.Foreign(tmp_path / "given"), None, iter)
    metadata.write_text(text)
    path = tmp_path / "given" / "strain" / "c" / "1" / "0" / "0"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(GwsimError, match="strain cannot be read"):
        foreign.expect(foreign.Foreign(tmp_path / "given"), None, iter)
    path.unlink()
    # A shard that is missing reads as the fill value; only zeros say that it is.
    with pytest.raises(GwsimError, match=r"strain: no file of rows 10 to 19"):
        foreign.expect(foreign.Foreign(tmp_path / "given"), None, iter)


KEYS = {
    "slash": (None, "c/1/0/0", "c/1/1/0"),
    "dot": ({"name": "default", "configuration": {"separator": "."}}, "c.1.0.0", "c.1.1.0"),
    "second": ({"name": "v2"}, "1.0.0", "1.1.0"),
    "second with slashes": ({"name": "v2", "configuration": {"separator": "/"}}, "1/0/0", "1/1/0"),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_chunk_missing_along_any_axis_is_told(tmp_path, name):
    """One detector of some rows is not there: it would read as zeros."""
    keys, other, lost = KEYS[name]
    path = make(tmp_path / "given", 1, chunk=[8, 1, 576], keys=keys)
    foreign.expect(foreign.Foreign(path), CLASSES, iter)
    content = foreign.adopt(foreign.Foreign(path), tmp_path / "whole")
    (listed,) = [one["files"] for one in content["shards"] if one["rows"] == [8, 16]]
    assert listed == [f"strain/{other}", f"strain/{lost}"]
    (path / "strain" / lost).rename(tmp_path / "lost")
    # Files that are no chunks of it do not stand in for those.
    (path / "strain" / "c.1.1").write_bytes(b"")
    with pytest.raises(GwsimError, match=rf"strain: no file of rows 8 to 15, {lost}$"):
        foreign.expect(foreign.Foreign(path), CLASSES, iter)


# Places in the configuration, what stands there then, and what is said of it.
CHANGES = [
    ("waveforms models", ["quiet", "burst"], "the configuration has quiet, burst"),
    ("waveforms source", "ccsn", "theirs.waveforms"),
    ("whiten", "none", "theirs"),
    ("duration", 1, "duration: a store's attributes tell it, leave it out"),
    ("draw", {"snr": 8}, "draw: what is stored is not drawn"),
    ("render", {"shard_mib": 8}, "theirs.render"),
    ("datasets train", {"split": "train", "draw": {}}, "datasets.train.store: missing, say where it stands"),
    ("datasets train store", "nowhere", "datasets.train.store: nowhere is not there"),
    (
        "datasets train store",
        "results/theirs/train",
        "datasets.train.store: the run writes results/theirs/train",
    ),
    ("datasets train store", "results/theirs/test/data.zarr", "the run writes results/theirs/test: move"),
    ("datasets train store", "results", "the run writes results/theirs/train: move results elsewhere"),
    ("datasets train examples", 6, "datasets.train.examples: a store is taken as it is"),
    ("datasets train split", "test", "its split 'test' is that of the dataset test too"),
    ("networks small train dataset", "other", "no dataset 'other'"),
    ("networks small train mix", True, "stores have no noise by itself to mix"),
    ("networks small array", "spectrogram", "expected strain, which resnet54_mean takes"),
    ("networks small rate", 300, "rate: got 300 Hz, expected a divisor of sample_rate, 512"),
    ("evaluate by", "snr_target", "evaluate.by: expected none where no class is noise"),
    ("evaluate datasets", ["other"], "evaluate.datasets: no dataset 'other'"),
    ("evaluate", None, "evaluate is missing"),
]


@pytest.mark.parametrize("where, value, words", CHANGES)
def test_a_configuration_of_them_is_checked(given, where, value, words, monkeypatch):
    monkeypatch.chdir(given)
    base = yaml.safe_load((ROOT / "config.yaml").read_text())
    config = configuration.pruned(configuration.overlay(base, yaml.safe_load(OVERLAY.read_text())))
    configuration.check(config)
    *path, last = where.split()
    place = config["experiments"]["theirs"]
    for key in path:
        place = place[key]
    place[last] = value
    with pytest.raises(GwsimError) as error:
        configuration.check(configuration.pruned(config))
    assert words in str(error.value)


def test_the_documented_configuration_is_in_order(given, tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/sharing.md").read_text(), re.DOTALL)
    (tmp_path / "theirs.yaml").write_text(text.replace("/data/theirs/", f"{given}/given/"))
    configuration.load([ROOT / "config.yaml", tmp_path / "theirs.yaml"])


def test_a_store_does_not_go_with_datasets_that_are_made(given):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["experiments"]["ccsn"]["datasets"]["train"]["store"] = str(given / "given/train")
    with pytest.raises(GwsimError, match=r"ccsn.datasets.train.store: goes with whiten: stored alone"):
        configuration.check(config)


def test_pictures_and_scans_of_others_are_taken_in_too(tmp_path):
    kinds = {
        "picture": (["row", "column"], {"picture": {"rows": 8, "columns": 12}}, (6, 8, 12), "float32"),
        "qscan": (
            ["duration", "frequency", "time"],
            {"qscan": {"size": 16}},
            (6, 4, 16, 16),
            "uint8",
        ),
    }
    for name, (dims, attributes, shape, dtype) in kinds.items():
        path, values = tmp_path / name, np.random.default_rng(2).integers(0, 255, shape).astype(dtype)
        foreign_store.write(path, name, values, ["sample", *dims], {}, [2, *shape[1:]])
        flags = {"flag_values": [0, 1], "flag_meanings": "a b"}
        foreign_store.write(path, "label", np.arange(6, dtype=np.int64) % 2, ["sample"], flags, [6])
        told = {"classes": ["a", "b"], "ifos": [], **attributes}
        group = {"zarr_format": 3, "node_type": "group", "attributes": told}
        (path / "zarr.json").write_text(json.dumps(group))
        command.main(["adopt", str(path), str(tmp_path / f"{name}-in")])
        view = dataset.View("picture" if name == "picture" else "merged", "none")
        seen = dataset.Examples(tmp_path / f"{name}-in", view).raw(np.arange(6))
        assert seen.shape == ((6, 1, 8, 12) if name == "picture" else (6, 1, 32, 32))
        if name == "picture":
            np.testing.assert_array_equal(seen[:, 0], values)
    assert ATTRIBUTES["made_by"] == "another group"
