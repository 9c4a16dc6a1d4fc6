"""One example made again from a table alone: the stored one, bit for bit, of every kind; and bad input."""

import json
import re
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray
from test_cli import gwsim
from test_workflow import ROOT, TINY, snakemake

from gwsim import command, origin, row, store
from gwsim.errors import GwsimError

OVERLAYS = [str(TINY), str(ROOT / "tests" / "several_kinds.yaml")]
KINDS = ("ccsn", "cbc", "glitch", "chirp_blip")
ARRAYS = {"ccsn": "strain, spectrogram", "cbc": "strain", "glitch": "qscan", "chirp_blip": "picture"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A training set of each kind."""
    folder = tmp_path_factory.mktemp("kinds")
    targets = [f"results/{kind}/train/data.zarr" for kind in KINDS]
    run = snakemake(folder, "--configfile", *OVERLAYS, targets=targets)
    assert run.returncode == 0, run.stderr
    return folder / "results"


def table(made, kind):
    return pd.read_parquet(made / kind / "train" / "table.parquet")


def asked_rows(table):
    """Return rows of noise and of signals, of both ends of the table, with and without glitches."""
    noise, last = table["system"] < 0, table.index[-1]
    found = [*table.index[~noise][:2], last, *table.index[noise][:1]]
    if "glitch" in table:
        glitched = table["glitch"] >= 0
        found += [*table.index[noise & glitched][:1], *table.index[~noise & glitched][:1]]
    return sorted({int(one) for one in found})


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_is_the_stored_one_bit_for_bit(made, kind, capsys):
    folder = made / kind / "train"
    for number in asked_rows(table(made, kind)):
        status, out, err = gwsim(capsys, "render", "--row", number, folder)
        assert status == 0, err
        assert f"It is the stored example, bit for bit ({ARRAYS[kind]}, " in out
        assert f"{kind} train, row {number}: " in out


@pytest.mark.parametrize("kind", ["ccsn", "glitch"])
def test_a_table_alone_is_enough_anywhere(made, kind, tmp_path, capsys, monkeypatch):
    """No data.zarr, no noise, no bank: and what is written is what xarray reads in the store."""
    shutil.copy(made / kind / "train" / "table.parquet", tmp_path / "published.parquet")
    monkeypatch.chdir(tmp_path)
    number = int(table(made, kind)["snr"].dropna().index[-1])
    paths = ["one.npz", "one.h5", "one.png"]
    command_ = ["render", "--row", number, "published.parquet"]
    assert gwsim(capsys, *command_, "--output", paths[0], "--figure", paths[2])[0] == 0
    status, out, err = gwsim(capsys, *command_, "--output", paths[1])
    assert status == 0 and "It is its row of the table, bit for bit" in out, err
    assert (tmp_path / "one.png").read_bytes()[:4] == b"\x89PNG"
    with xarray.open_zarr(made / kind / "train" / "data.zarr", chunks=None) as data:
        example = data.isel(sample=number)
        with np.load("one.npz") as arrays, h5py.File("one.h5") as file:
            for name in ARRAYS[kind].split(", "):
                assert np.array_equal(arrays[name], example[name].values)
                assert np.array_equal(file[name][()], example[name].values)
            assert np.array_equal(arrays["time"], data["time"].values)
            assert float(arrays["column_snr"]) == float(example["snr"]) == file.attrs["snr"]
            assert json.loads(file["attributes"][()])["title"] == f"{kind} train"
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(["published.parquet", *paths])


def test_no_block_but_the_row_s_own_is_made(made, monkeypatch, capsys):
    asked = []
    real = row.strain

    def strain(settings, ifo, start, end, folder):
        asked.append((ifo, start, end))
        return real(settings, ifo, start, end, folder)

    monkeypatch.setattr(row, "strain", strain)
    assert gwsim(capsys, "render", "--row", "3", made / "ccsn/train")[0] == 0
    with xarray.open_zarr(made / "ccsn/train/data.zarr", chunks=None) as data:
        block = list(data["block_number"].values).index(int(data["psd_block"][3]))
        start, seconds = int(data["block_gps_second"][block]), int(data["block_seconds"][block])
    assert asked == [(ifo, start, start + seconds) for ifo in ("H1", "L1", "V1")]


def test_the_store_and_its_table_tell_the_same_of_psd_blocks(made):
    blocks = json.loads((made / "segments/tiny/segments.json").read_text())["blocks"]
    for kind in ("ccsn", "glitch"):
        with xarray.open_zarr(made / kind / "train/data.zarr", chunks=None) as data:
            names = ("block_number", "block_gps_second", "block_seconds")
            told = np.stack([data[name].values for name in names], axis=1).tolist()
            assert {data[name].dtype for name in names} == {np.dtype("int32")}
            assert (data["block_number"].values[data["psd_index"].values[:, 0]] == data["psd_block"]).all()
        assert told == [
            [one, blocks[one]["start"], blocks[one]["end"] - blocks[one]["start"]] for one, _, _ in told
        ]
        path = made / kind / "train/table.parquet"
        attributes = origin.of_table(path)
        assert attributes.pop("blocks") == told
        assert attributes == json.loads((path.parent / "data.zarr/zarr.json").read_text())["attributes"]
        assert pd.read_parquet(path).attrs == {}


def test_settings_that_follow_are_those_of_the_run(made):
    for kind in KINDS:
        settings = origin.settings(origin.of_table(made / kind / "train/table.parquet"))
        for stage in ("draw", "render"):
            assert settings[stage] == json.loads((made / f"config/{kind}/train/{stage}.json").read_text())
        if kind != "chirp_blip":
            run = settings["noise"]["run"]
            assert settings["strain"] == json.loads((made / f"config/strain/{run}.json").read_text())


# ---- what is not the stored one


@pytest.fixture
def copied(made, tmp_path):
    """A copy of the supernovae that may be spoilt, and what spoils a column of its table."""
    folder = tmp_path / "train"
    shutil.copytree(made / "ccsn/train", folder, ignore=shutil.ignore_patterns("shards.zarr", "bank"))

    def edit(number, **values):
        path = folder / "table.parquet"
        edited, told = pd.read_parquet(path), store.table_attributes(path)
        for name, value in values.items():
            edited.loc[number, name] = value
        store.write_table(path, edited, attributes=told)

    return folder, edit


def test_an_edited_distance_is_found_in_the_arrays_and_the_columns(copied, capsys):
    folder, edit = copied
    number = int(pd.read_parquet(folder / "table.parquet")["system"].to_numpy().argmax())
    edit(number, snr_target=99.0)
    status, _, err = gwsim(capsys, "render", "--row", number, folder)
    assert status == 2 and "ERROR: row" in err and "is not what was made again" in err
    assert "strain: " in err and "column snr: 1 of 1 values differ" in err


def test_an_edited_class_or_time_is_named(copied, capsys):
    folder, edit = copied
    its = pd.read_parquet(folder / "table.parquet")
    number = int(its.index[its["system"] >= 0][0])
    edit(number, label=0)
    status, _, err = gwsim(capsys, "render", "--row", number, folder)
    assert (
        status == 2 and f"row {number} is not what its dataset's configuration draws: it has label 0" in err
    )
    edit(number, label=its["label"][number], gps_second=its["gps_second"][number] + 1)
    status, _, err = gwsim(capsys, "render", "--row", number, folder)
    assert status == 2 and "was the table edited?" in err


def test_a_stored_value_a_step_away_is_told_and_two_steps_are_refused(copied, capsys):
    folder, _ = copied
    strain = store.open_array(folder / "data.zarr/strain")
    values = strain[5].read().result()
    place = np.unravel_index(np.abs(values).argmax(), values.shape)
    step = 2.0 ** (np.floor(np.log2(abs(values[place]))) - 10)
    for steps, status_, words in (
        (1, 0, "within one step of the stored rounding"),
        (4, 2, "is not what was made"),
    ):
        changed = values.copy()
        changed[place] += steps * step
        strain[5].write(changed).result()
        status, out, err = gwsim(capsys, "render", "--row", 5, folder)
        assert status == status_ and words in out + err and "strain: 1 of" in out + err


# ---- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--row", "120", "{}"), "--row 120: .* has rows 0 to 119"),
        (("--row", "-1", "{}"), "--row -1: .* has rows 0 to 119"),
        (("--row", "1", "{}", "--output", "x.txt"), r"--output x.txt: expected .*\.npz, \.h5, \.hdf5"),
        (("--row", "1", "{}", "--figure", "x.pdf"), "--figure x.pdf: a PNG is drawn"),
        (("--row", "1", "{}/nowhere"), "nothing stands at"),
        (("--row", "1", "{}/bank"), "expected a dataset's table.parquet"),
        (("--row", "1", "{}/systems.parquet"), "systems.parquet does not tell how it was made"),
    ],
)
def test_bad_input_is_refused(made, arguments, message, capsys):
    folder = made / "ccsn/train"
    status, _, err = gwsim(capsys, "render", *(one.format(folder) for one in arguments))
    assert status == 2 and re.search(message, err), err


@pytest.mark.parametrize(
    ("option", "name"), [("--output", "a.npz"), ("--output", "a.h5"), ("--figure", "a.png")]
)
@pytest.mark.parametrize("link", [True, False])
def test_what_is_there_is_not_overwritten(tmp_path, option, name, link, capsys):
    path = tmp_path / name
    if link:
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_text("mine")
    (tmp_path / "table.parquet").touch()
    status, _, err = gwsim(capsys, "render", "--row", 1, tmp_path, option, path)
    assert status == 2 and f"{path} is there already, and nothing is overwritten" in err
    assert path.is_symlink() if link else path.read_text() == "mine"


@pytest.mark.parametrize(
    "arguments", [("--row", "1"), ("x",), ("--row", "1", "x", "--part", "0-0"), ("--part", "0-0")]
)
def test_options_of_a_part_and_of_a_row_do_not_mix(arguments, capsys):
    status, _, err = gwsim(capsys, "render", *arguments)
    assert status == 2 and err.startswith("usage:") and ("one example" in err or "are required" in err)


def test_a_table_without_metadata_is_helped_by_the_store_beside_it(copied, capsys):
    """As pandas leaves it that read and wrote it."""
    folder, _ = copied
    pd.read_parquet(folder / "table.parquet").to_parquet(folder / "table.parquet")
    assert store.table_attributes(folder / "table.parquet") is None
    status, out, err = gwsim(capsys, "render", "--row", 2, folder)
    assert status == 0 and "It is the stored example, bit for bit" in out, err


def test_given_pictures_and_foreign_tables_cannot_be_made_again(tmp_path, capsys):
    told = {"title": "real train", "classes": ["Blip"]}
    its = {"whiten": "given", "waveforms": {"source": "pictures", "models": ["Blip"], "path": "gravity-spy"}}
    config = {"experiments": {"real": {**its, "datasets": {"train": {}}}}}
    path = tmp_path / "table.parquet"
    store.write_table(path, pd.DataFrame({"label": [0]}), attributes=told | {"configuration": config})
    status, _, err = gwsim(capsys, "render", "--row", "0", path)
    assert status == 2 and "real train has given pictures, read from gravity-spy" in err
    store.write_table(path, pd.DataFrame({"label": [0]}), attributes=told)
    status, _, err = gwsim(capsys, "render", "--row", "0", path)
    assert status == 2 and "'real train' tells no configuration" in err
    (tmp_path / "table.parquet").write_bytes(b"no Parquet")
    status, _, err = gwsim(capsys, "render", "--row", "0", path)
    assert status == 2 and "no table in Parquet" in err


def test_strain_that_was_fetched_is_asked_for_by_its_receipt(tmp_path):
    settings = {"source": "gwosc", "block": 4096, "sample_rate": 4096, "seed": 1}
    with pytest.raises(GwsimError, match=r"no receipt .*fetched/H1-1238233088.json.*--strain"):
        row.strain(settings, "H1", 1238236160, 1238236224, tmp_path)


def test_strain_of_files_is_that_of_the_files(made):
    """The run's own simulated files, read as files: the noise of a block, bit for bit."""
    told = origin.settings(origin.of_table(made / "ccsn/train/table.parquet"))
    _, start, seconds = origin.of_table(made / "ccsn/train/table.parquet")["blocks"][0]
    settings = {**told["strain"], "source": "files", "files": [str(made / "strain/tiny/*.hdf5")]}
    for ifo in ("H1", "V1"):
        both = [row.strain(one, ifo, start, start + seconds, made) for one in (settings, told["strain"])]
        assert np.array_equal(*both)


def test_the_table_s_metadata_is_no_part_of_what_a_stage_rests_on():
    """Making an example again is no reason to render anything anew."""
    from gwsim import provenance

    names = {path.name for path in provenance.closure("gwsim.cli.render")}
    assert not names & {"row.py", "origin.py", "likeness.py"} and "row" not in command.VERBS
