"""What differs between two datasets: real ones, and copies in which one thing is another."""

import json
import shutil

import pandas as pd
import pytest
import yaml
from test_cli import gwsim
from test_workflow import ROOT, TINY, snakemake

from gwsim import difference, difference_words, files, manifest, store
from gwsim.errors import GwsimError

OVERLAYS = [str(TINY), str(ROOT / "tests" / "several_kinds.yaml")]
ONE, TWO, TOYS = "results/ccsn/gallery", "results/ccsn/train", "results/chirp_blip/train"
FAINTER = 0.43


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two datasets of supernovae and one of toys; and the first again, fainter, in a folder of its own."""
    folder, faint = (tmp_path_factory.mktemp(name) for name in ("made", "faint"))
    targets = [f"{name}/data.zarr" for name in (ONE, TWO, TOYS)]
    run = snakemake(folder, "--configfile", *OVERLAYS, targets=targets)
    assert run.returncode == 0, run.stderr
    for name in ("strain", "segments", "noise", "config"):
        shutil.copytree(folder / "results" / name, faint / "results" / name, copy_function=shutil.copy2)
    shutil.copytree(folder / ".snakemake", faint / ".snakemake")
    overlay = faint / "faint.yaml"
    gallery = {"draw": {"snr": 40 * FAINTER}}
    overlay.write_text(yaml.safe_dump({"experiments": {"ccsn": {"datasets": {"gallery": gallery}}}}))
    run = snakemake(faint, "--configfile", *OVERLAYS, str(overlay), targets=[f"{ONE}/data.zarr"])
    assert run.returncode == 0, run.stderr
    return {"gallery": folder / ONE, "train": folder / TWO, "toys": folder / TOYS, "faint": faint / ONE}


def differ(capsys, a, b, *options):
    status, out, err = gwsim(capsys, "diff", a, b, *options)
    assert status in (0, 1), err
    return status, json.loads(out) if "--json" in options else out


def test_a_store_and_itself_do_not_differ(made, capsys):
    status, text = differ(capsys, made["gallery"], made["gallery"] / "data.zarr")
    assert status == 0 and text.endswith("They are the same, byte for byte.\n")
    for head in ("configuration", "made with", "rows", "columns", "arrays", "noise"):
        assert head in text


def test_the_same_examples_at_another_snr_are_told_by_their_ratio(made, capsys):
    status, text = differ(capsys, made["gallery"], made["faint"])
    assert status == 1
    assert "has the same examples as A (ccsn gallery), 0.43 times as loud." in text.splitlines()[-1]
    assert "dataset.draw.snr: 40 | 17.2" in text
    _, found = differ(capsys, made["gallery"], made["faint"], "--json")
    assert list(found["configuration"]) == ["dataset.draw.snr"]
    assert found["noise"]["same_store"] is True and found["waveforms"] == {
        "same_systems": True,
        "same_bank": True,
    }
    columns = {"snr_target", "snr", "snr_full", "snr_whitened", "distance_kpc", "snr_H1", "snr_L1", "snr_V1"}
    assert set(found["rows"]["columns"]) == columns and set(found["rows"]["columns"].values()) == {2}
    tables = [pd.read_parquet(made[name] / "table.parquet") for name in ("gallery", "faint")]
    ratio = (tables[1]["snr"] / tables[0]["snr"]).dropna()
    assert found["snr"]["ratio"]["median"] == pytest.approx(ratio.median()) == pytest.approx(FAINTER)
    assert found["arrays"]["same_shards"] == 0 and found["arrays"]["laid_out_otherwise"] == []
    # The other way round it is the inverse.
    assert "2.33 times as loud." in differ(capsys, made["faint"], made["gallery"])[1]


def test_two_splits_are_told_by_their_rows_and_noise(made, capsys):
    status, text = differ(capsys, made["train"], made["gallery"])
    assert status == 1 and "A is of split train, B of split validation." in text
    _, found = differ(capsys, made["train"], made["gallery"], "--json")
    assert found["configuration"]["dataset.split"] == ["train", "validation"]
    assert found["configuration"]["dataset.examples"] == [120, 3]
    assert found["rows"]["numbers"] == [120, 3] and found["rows"]["compared"] == 3
    assert found["noise"]["shared_blocks"] == 0 and found["noise"]["blocks"] == [2, 1]
    assert set(found["rows"]["only"][0]) == {
        "glitch",
        "glitch_key",
        "glitch_ifo",
        "glitch_time",
        "glitch_snr",
    }
    assert "ratio" not in found["snr"]


def test_a_screen_is_enough_for_datasets_of_other_kinds(made, capsys):
    status, text = differ(capsys, made["toys"], made["gallery"])
    assert status == 1 and len(text.splitlines()) <= 40 and max(map(len, text.splitlines())) < 360
    assert "strain         toys | simulated" in text and "only in A: amplitude" in text


@pytest.fixture
def copied(made, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(made["gallery"], folder, ignore=shutil.ignore_patterns("shards.zarr", "bank"))
    return folder


def listed_anew(folder):
    """Write the manifest that a store has once it is as it is now."""
    content = manifest.read(folder / "manifest.json")
    content["files"] = {name: files.fingerprint(folder / name) for name in content["files"]}
    manifest.write(folder, content)


def found(made, copied):
    listed_anew(copied)
    document = difference.found(difference.side(made["gallery"]), difference.side(copied))
    return document, difference_words.sentence(document)


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_other_versions_alone_are_told_so(made, copied):
    edit(copied / "data.zarr/zarr.json", lambda one: one["attributes"].update(revision="0123"))
    document, sentence = found(made, copied)
    assert list(document["made_with"]) == ["revision"] and document["made_with"]["revision"][1] == "0123"
    assert (
        sentence
        == "The examples are the same; what differs is beside them (they were made with other versions)."
    )


def test_other_signals_in_the_same_noise_are_told_so(made, copied):
    path = copied / "table.parquet"
    table = pd.read_parquet(path)
    store.write_table(path, table.assign(theta=0.5, ra=0.25), attributes=store.table_attributes(path))
    document, sentence = found(made, copied)
    assert document["rows"]["columns"] == {"theta": 3, "ra": 3}
    assert sentence.endswith(
        "has the same noise as A (ccsn gallery) at the same times, with other signals in it."
    )


def test_other_noise_is_told_by_its_blocks(made, copied):
    psd = store.open_array(copied / "data.zarr/psd")
    psd[...].write(2 * psd.read().result()).result()
    edit(copied / "data.zarr/zarr.json", lambda one: one["attributes"].update(noise_manifest_sha256="other"))
    document, _ = found(made, copied)
    told = {"same_store": False, "blocks": [1, 1], "shared_blocks": 1, "same_psds": 0, "same_filters": 1}
    assert document["noise"] == told
    assert "of another store; 1 | 1 PSD blocks, 1 of both, 0 of the same psd, 1 of the same filter" in (
        difference_words.text(document | {"sentence": ""})
    )


def test_a_store_made_elsewhere_is_held_against_ours_as_far_as_it_tells(made, copied):
    def forget(content):
        for name in ("configuration", "versions", "revision", "experiment", "dataset", "systems_sha256"):
            del content["attributes"][name]

    edit(copied / "data.zarr/zarr.json", forget)
    document, _ = found(made, copied)
    assert document["waveforms"]["same_systems"] is None and document["b"]["name"] == "ccsn gallery"
    assert document["configuration"]["seed"] == [20231220, None]


def test_no_setting_is_named_that_one_of_them_does_not_tell(made, copied):
    edit(copied / "data.zarr/zarr.json", lambda one: one["attributes"].pop("configuration"))
    path = copied / "table.parquet"
    store.write_table(path, pd.read_parquet(path).assign(start_sample=0, ra=0.25))
    _, sentence = found(made, copied)
    assert "are different datasets: 2 columns of their tables differ" in sentence and "None" not in sentence


def test_an_edited_table_is_not_called_the_same(made, copied):
    path = copied / "table.parquet"
    store.write_table(path, pd.read_parquet(path).assign(ra=0.25), attributes=store.table_attributes(path))
    for sides in ((made["gallery"], copied), (copied, made["gallery"])):
        with pytest.raises(GwsimError, match=r"(?s)copy.*table.parquet.*gwsim verify"):
            [difference.side(one) for one in sides]


def test_metadata_of_the_same_size_that_were_altered_are_refused(made, copied):
    path = copied / "data.zarr" / "label" / "zarr.json"
    path.write_bytes(path.read_bytes().replace(b"class", b"glass"))
    with pytest.raises(GwsimError, match=r"label/zarr.json is not what its manifest says; `gwsim verify"):
        difference.side(copied)


def test_a_store_that_lacks_a_shard_is_not_called_the_same(made, copied, capsys):
    (copied / "data.zarr/strain/c/0/0/0").unlink()
    status, out, err = gwsim(capsys, "diff", made["gallery"], copied)
    assert status == 2 and not out
    assert "is not whole: 1 files are missing or of another size, such as data.zarr/strain/c/0/0/0" in err


def test_bad_input_is_refused(made, copied, tmp_path, capsys):
    for path, words in ((tmp_path / "none", "nothing stands at"), (tmp_path, "is no store")):
        status, _, err = gwsim(capsys, "diff", made["gallery"], path)
        assert status == 2 and words in err
    (copied / "manifest.json").unlink()
    status, _, err = gwsim(capsys, "diff", copied, made["gallery"])
    assert status == 2 and "holds no finished store" in err
    noise = made["gallery"].parents[1] / "noise/tiny"
    status, _, err = gwsim(capsys, "diff", noise, made["gallery"])
    assert status == 2 and "has no table.parquet" in err


def test_nested_settings_are_told_by_their_place():
    nested = {"a": {"b": 1, "c": {"d": [2], "e": {}}}, "f": None}
    assert difference.flat(nested) == {"a.b": 1, "a.c.d": [2], "a.c.e": {}, "f": None}


def test_rows_that_are_missing_in_both_are_the_same():
    rows = {"numbers": [2, 2], "only": [[], []], "columns": {"snr": 1, "snr_H1": 2}}
    assert difference.louder_alone(rows)
    assert not difference.louder_alone(rows | {"columns": {"snr": 1, "ra": 1}})
    assert not difference.louder_alone(rows | {"columns": {}})
    assert not difference.louder_alone(rows | {"numbers": [2, 3]})
