"""Finished stores as strangers find them: cards that run, metadata that others check, other readers.

One tiny run makes a store of each kind. The readers are xarray, tensorstore, zarrs and, in JavaScript,
zarrita: they read every array bit for bit, from the disk and over HTTP.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import warnings

import fsspec
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.signal
import tensorstore
import xarray
import yaml
import zarr
from static_server import Server
from test_about import GIVEN, JOSIAH
from test_workflow import ENVIRONMENT, ROOT, TINY, snakemake

from gwsim import manifest, noise, render
from gwsim.errors import GwsimError
from gwsim.waveforms import sources

DATASETS = ("ccsn/train", "cbc/gallery", "glitch/validation", "chirp_blip/test")
CCSN, GLITCH, NOISE = "results/ccsn/train", "results/glitch/validation", "results/noise/tiny"
BESIDE = {"croissant.json", "CITATION.cff", "datacite.json", ".zenodo.json"}
JAVASCRIPT = ROOT / "tests" / "javascript"
ZARRS = """
import hashlib, json, sys, zarr, zarrs

zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})
group = zarr.open_group(sys.argv[1], mode="r")
arrays = {name: group[name] for name in sys.argv[2:]}
assert {type(one.async_array.codec_pipeline) for one in arrays.values()} == {zarrs.ZarrsCodecPipeline}
print(json.dumps({name: hashlib.sha256(one[:].tobytes()).hexdigest() for name, one in arrays.items()}))
"""
SMALLER = {"experiments": {"ccsn": {"datasets": {"train": {"examples": 80}}}}, "about": GIVEN}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A store of each kind, whose authors are given."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "about.yaml").write_text(yaml.safe_dump(SMALLER))
    targets = [f"results/{name}/data.zarr" for name in DATASETS]
    run = snakemake(folder, "--configfile", str(TINY), str(folder / "about.yaml"), targets=targets)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="module")
def node():
    """Run a script beside zarrita, and give what it prints."""
    if not shutil.which("node"):
        pytest.skip("no node here")
    if not (JAVASCRIPT / "node_modules" / "zarrita").is_dir():
        pytest.skip("zarrita is not installed: npm ci --prefix tests/javascript")

    def run(script, *arguments, cwd=None):
        done = subprocess.run(["node", script, *map(str, arguments)], capture_output=True, text=True, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def names(path):
    return sorted(each.parent.name for each in path.glob("*/zarr.json"))


def sha256(values):
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def blocks(folder, language, said=""):
    """Code of a card, block by block."""
    text = (folder / "data.zarr" / "README.md").read_text()
    found = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return [code for code in found if said in code]


# What stands there


def test_every_array_has_a_unit_a_meaning_and_named_axes(finished):
    stores = sorted((finished / "results").rglob("data.zarr"))
    assert len(stores) == len(DATASETS) + 2 + 2  # two banks, two stores of noise
    for store in stores:
        for name in names(store):
            about = json.loads((store / name / "zarr.json").read_text())
            assert about["attributes"]["units"] and len(about["attributes"]["long_name"]) > 3, (store, name)
            assert len(about["dimension_names"]) == len(about["shape"]) and all(about["dimension_names"])


def test_metadata_stand_beside_the_store_and_are_covered(finished, tmp_path):
    for name in DATASETS:
        folder = finished / "results" / name
        assert not BESIDE - set(manifest.verify(folder)["files"])
        assert not BESIDE & {path.name for path in (folder / "data.zarr").iterdir()}
    for name in BESIDE:
        copy = shutil.copytree(finished / CCSN, tmp_path / "copy", dirs_exist_ok=True)
        (copy / name).write_text((copy / name).read_text().replace("Bursts", "Pulses"))
        with pytest.raises(GwsimError, match=f"altered: {re.escape(name)}"):
            manifest.verify(copy)


def test_the_group_tells_what_a_reader_needs(finished):
    """Nobody has to dig in the configuration."""
    told = {
        name: json.loads((finished / "results" / name / "data.zarr/zarr.json").read_text())["attributes"]
        for name in DATASETS
    }
    ccsn, glitch, toys = told["ccsn/train"], told["glitch/validation"], told["chirp_blip/test"]
    assert (ccsn["ifos"], ccsn["sample_rate"], ccsn["duration"]) == (["H1", "L1", "V1"], 4096, 1)
    assert ccsn["spectrogram"] == {"window": 256, "hop": 128, "f_max": 1500, "stored": True}
    assert ccsn["band"] == [20, 1600] and ccsn["classes"][0] == "noise"
    assert (glitch["ifos"], glitch["sample_rate"], glitch["qscan"]["size"]) == (["H1", "L1"], 8192, 224)
    assert toys["ifos"] == [] and toys["picture"]["rows"] > 8 and "sample_rate" not in toys
    assert told["cbc/gallery"]["duration"] == 4 and not told["cbc/gallery"]["spectrogram"]["stored"]
    for about in told.values():
        assert "Carberry, Josiah" in about["citation"] and about["licence"] == "CC-BY-4.0"


def test_a_store_opens_without_a_warning(finished):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in DATASETS:
            path = finished / "results" / name / "data.zarr"
            assert xarray.open_zarr(path, chunks=None)["label"].size == zarr.open_group(path)["label"].size


def test_a_second_making_has_the_same_bytes(finished, tmp_path):
    """Nothing tells the time of day: the whole folder is finished again, in another place."""
    copy = shutil.copytree(finished / CCSN, tmp_path / "train")
    before = (copy / "manifest.json").read_bytes()
    config = finished / "results/config/ccsn/train"
    command = [sys.executable, "-m", "gwsim", "finalise", copy / "shards.zarr/zarr.json"]
    command += ["--settings", config / "render.json", "--card", config / "card.json"]
    command += ["--table", copy / "draw.parquet", "--systems", copy / "bank/systems.parquet"]
    command += ["--noise", finished / NOISE / "manifest.json"]
    shutil.rmtree(copy / "data.zarr")
    subprocess.run(command, check=True, env=ENVIRONMENT)
    assert (copy / "manifest.json").read_bytes() == before


# The card


@pytest.mark.parametrize("name", DATASETS)
def test_code_of_the_card_runs_as_it_stands(finished, name):
    folder = finished / "results" / name
    found = blocks(folder, "python")
    assert len(found) == (6 if name.startswith("c") and "blip" not in name else 4)
    script = "import json, sys\nfor code in json.load(sys.stdin):\n    exec(code, {'__name__': '__main__'})"
    run = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(
        run, input=json.dumps(found), cwd=folder, capture_output=True, text=True, env=ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", DATASETS)
def test_javascript_of_the_card_runs_as_it_stands(finished, node, name):
    folder = finished / "results" / name
    (code,) = blocks(folder, "js")
    script = JAVASCRIPT / "node_modules" / f"card-{name.replace('/', '-')}.mjs"  # where zarrita is found
    script.write_text(code)
    printed = node(script, cwd=folder)
    (first,) = {"strain", "qscan", "picture"} & set(names(folder / "data.zarr"))
    with xarray.open_zarr(folder / "data.zarr", chunks=None) as data:
        shape = ", ".join(str(size) for size in data[first].shape[1:])
        assert data[first].attrs["long_name"] in printed and f"[ {shape} ]" in printed


@pytest.mark.parametrize("name", DATASETS)
def test_the_card_lists_every_array_with_its_unit(finished, name):
    path = finished / "results" / name / "data.zarr"
    lines = re.findall(r"^\| `\w+` \|.*\|$", (path / "README.md").read_text(), re.M)
    rows = [line.strip("| ").split(" | ") for line in lines]
    assert sorted(row[0].strip("`") for row in rows) == names(path)
    for array, *dims, unit, meaning in rows:
        about = json.loads((path / array.strip("`") / "zarr.json").read_text())
        assert (unit, meaning) == (about["attributes"]["units"], about["attributes"]["long_name"])
        assert (dims or ["sample"]) == [", ".join(about["dimension_names"])]


def whitening(folder, monkeypatch):
    """The card's own functions."""
    monkeypatch.chdir(folder)
    place = {}
    (code,) = blocks(folder, "python", "def whiten")
    exec(code, place)
    return place["whiten"], place["optimal_snr"]


def test_the_card_whitens_noise_as_it_is_in_the_store(finished, monkeypatch):
    """Strain is read from the simulated files by h5py, whitened by the card's code and by numpy alone."""
    whiten, _ = whitening(finished / CCSN, monkeypatch)
    with xarray.open_zarr("data.zarr", chunks=None) as data:
        rows = np.flatnonzero(data["label"].values == 0)[:3]
        for row, ifo in zip(rows, range(3), strict=True):
            name = data["ifo"].attrs["flag_meanings"].split()[ifo]
            start = int(data["gps_second"][row])
            first = round(int(data["gps_nanosecond"][row]) * 1e-9 * 4096 + float(data["time"][0]) * 4096)
            strain, begins = raw_strain(finished / "results/strain/tiny", name, start)
            first += (start - begins) * 4096
            half, size = data["tap"].size // 2, data["time"].size
            piece = strain[first - half : first + size + half]
            taps = data["filter"].values[int(data["psd_index"][row, ifo]), ifo]
            ours, plain = whiten(piece, row, ifo)[half:-half], np.convolve(piece * 1e23, taps, mode="valid")
            np.testing.assert_allclose(ours, plain, atol=1e-9)
            stored = data["strain"][row, ifo].values
            # Ten bits of the mantissa are kept.
            np.testing.assert_allclose(stored, plain, rtol=2**-11 + 1e-6, atol=1e-6)


def raw_strain(folder, ifo, second):
    """Strain of a simulated block, and the GPS second at which it begins."""
    for path in folder.glob(f"{ifo[0]}-{ifo}_*.hdf5"):
        with h5py.File(path) as file:
            begins = int(file["meta/GPSstart"][()])
            if begins <= second < begins + int(file["meta/Duration"][()]):
                return file["strain/Strain"][:], begins
    raise AssertionError(f"no strain of {ifo} at {second}")


class Silence:
    """The noise of a store with nothing in it, and an operator that changes nothing."""

    def __init__(self, path):
        self._store = noise.NoiseStore(path)
        self.taps, self.ifos, self.psd = self._store.taps, self._store.ifos, self._store.psd

    def windows(self, blocks, first, size):
        return np.zeros((len(blocks), len(self.ifos), size), np.float32)

    def filter(self, block):
        taps = np.zeros((len(self.ifos), self.taps))
        taps[:, self.taps // 2] = 1
        return taps


def test_the_card_whitens_a_signal_as_the_renderer_does(finished, monkeypatch):
    """Signals as detectors see them, with a second more at each side, through the card's code."""
    folder = finished / CCSN
    whiten, snr = whitening(folder, monkeypatch)
    table, rate = pd.read_parquet("table.parquet"), 4096
    settings = json.loads((finished / "results/config/ccsn/train/render.json").read_text())
    rows = np.flatnonzero(table["label"] > 0)[:8]
    wanted = table.iloc[rows].copy()
    wanted["snr_target"], wanted["distance_target_kpc"] = np.nan, wanted["distance_kpc"]
    wanted["event_time"], wanted["gps_second"] = wanted["event_time"] + 1, wanted["gps_second"] - 1
    settings |= {"duration": 3, "event_range": [time + 1 for time in settings["event_range"]]}
    settings |= {"spectrogram": settings["spectrogram"] | {"stored": False}, "keep_bits": 23}
    source = finished / NOISE / "data.zarr"
    silent = render.Renderer(settings, Silence(source), sources.opened(folder / "bank" / "data.zarr"))
    bare = silent.rows(wanted)[0]["strain"].astype(float) * 1e-23
    first = table["start_sample"].to_numpy()[rows] - 128
    quiet = noise.NoiseStore(source).windows(table["psd_block"].to_numpy()[rows], first, rate + 256)
    with xarray.open_zarr("data.zarr", chunks=None) as data:
        for place, row in enumerate(rows):
            signal = data["strain"][row].values - quiet[place]
            for ifo in range(3):
                ours = whiten(bare[place, ifo], row, ifo)[rate:-rate]
                # What is left is the rounding of noise and signal together.
                assert (
                    np.abs(ours - signal[ifo]).max() < 2**-11 * np.abs(data["strain"][row, ifo]).max() + 1e-4
                )
                cut = bare[place, ifo, rate + 128 : -rate - 128]
                name = f"snr_{data['ifo'].attrs['flag_meanings'].split()[ifo]}"
                assert snr(cut, row, ifo) == pytest.approx(float(data[name][row]), rel=1e-4)


def test_the_card_makes_the_stored_spectrogram(finished, monkeypatch):
    monkeypatch.chdir(finished / CCSN)
    place = {}
    (code,) = blocks(finished / CCSN, "python", "sliding_window_view")
    exec(code, place)
    with xarray.open_zarr("data.zarr", chunks=None) as data:
        stored = data["spectrogram"][0].values
    np.testing.assert_allclose(place["spectrogram"], stored, rtol=2**-11 + 1e-5, atol=1e-5)
    assert scipy.signal.windows.hann(4, sym=False)[0] == 0  # periodic, as the layout says


# Metadata, held against those who define them


@pytest.mark.parametrize("name", DATASETS)
def test_croissant_is_valid_and_reads_the_table(finished, name):
    mlcroissant = pytest.importorskip("mlcroissant")
    folder = finished / "results" / name
    found = mlcroissant.Dataset(jsonld=folder / "croissant.json")
    assert not found.metadata.issues.errors and not found.metadata.issues.warnings
    table, records = pd.read_parquet(folder / "table.parquet"), list(found.records("examples"))
    assert len(records) == len(table) and {f"examples/{name}" for name in table} == set(records[0])
    for column in ("label", "snr"):
        theirs = np.array([record[f"examples/{column}"] for record in records], float)
        np.testing.assert_array_equal(theirs, table[column].to_numpy(float))
    classes = {record["classes/number"]: record["classes/name"] for record in found.records("classes")}
    about = json.loads((folder / "data.zarr" / "zarr.json").read_text())["attributes"]
    assert (
        list(classes.values()) == [name.encode() for name in about["classes"]]
        or [*classes.values()] == about["classes"]
    )


def test_croissant_says_what_columns_mean(finished):
    content = json.loads((finished / CCSN / "croissant.json").read_text())
    fields = {field["name"]: field for field in content["recordSet"][1]["field"]}
    assert fields["ra"]["description"] == "right ascension (rad)" and fields["ra"]["dataType"] == "sc:Float"
    assert "0: optimal, 1: peak_tile" in fields["snr_kind"]["description"]
    assert all(len(field["description"]) > 3 for field in fields.values())
    proofs = {one["@id"]: one.get("sha256") for one in content["distribution"]}
    for name in ("table.parquet", "data.zarr/zarr.json"):
        assert proofs[name] == hashlib.sha256((finished / CCSN / name).read_bytes()).hexdigest()


def test_the_other_metadata_name_the_authors(finished):
    for name in ("CITATION.cff", "datacite.json", ".zenodo.json", "croissant.json", "data.zarr/README.md"):
        assert "Carberry" in (finished / CCSN / name).read_text()
    assert JOSIAH in (finished / CCSN / ".zenodo.json").read_text()


# Readers that share no code with ours

STORES = pytest.mark.parametrize("name", [CCSN, GLITCH, NOISE])


@pytest.fixture(scope="module")
def truth(finished):
    """sha256 of every array's values, as zarr-python reads them."""
    found = {}
    for name in (CCSN, GLITCH, NOISE):
        group = zarr.open_group(finished / name / "data.zarr", mode="r")
        found[name] = {each: sha256(group[each][:]) for each in names(finished / name / "data.zarr")}
    return found


@STORES
def test_xarray_reads_every_array(finished, truth, name):
    with xarray.open_zarr(finished / name / "data.zarr", chunks=None) as data:
        assert {each: sha256(data[each].values) for each in data.variables} == truth[name]


@STORES
def test_tensorstore_reads_every_array(finished, truth, name):
    def read(each):
        spec = {
            "driver": "zarr3",
            "kvstore": {"driver": "file", "path": str(finished / name / "data.zarr" / each)},
        }
        return tensorstore.open(spec, open=True).result().read().result()

    assert {each: sha256(read(each)) for each in truth[name]} == truth[name]


@STORES
def test_zarrs_reads_every_array(finished, truth, name):
    """In a process of its own: it brings threads of another language."""
    pytest.importorskip("zarrs")
    asked = [sys.executable, "-c", ZARRS, str(finished / name / "data.zarr"), *truth[name]]
    done = subprocess.run(asked, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == truth[name]


@STORES
def test_zarrita_reads_every_array(finished, truth, node, name):
    printed = json.loads(node(JAVASCRIPT / "digests.mjs", finished / name / "data.zarr", *truth[name]))
    assert {each: printed[each][0] for each in printed} == truth[name]


# Over plain HTTP, by ranges of bytes


@pytest.fixture
def site(finished):
    with Server(finished) as site:
        yield site


def served(site, name):
    """Bytes of an array's shards that were served, over the size of the first shard."""
    shard = next(
        path for path in sorted((site.folder / CCSN / "data.zarr" / name / "c").rglob("*")) if path.is_file()
    )
    inside = f"{CCSN}/data.zarr/{name}/c/"
    return sum(n for path, n in site.bytes.items() if path.startswith(inside)) / shard.stat().st_size


def example(finished, row=3):
    with xarray.open_zarr(finished / CCSN / "data.zarr", chunks=None) as data:
        return data["strain"][row].values


def test_xarray_reads_one_example_over_http_by_its_bytes_alone(finished, site):
    pytest.importorskip("aiohttp")
    with xarray.open_zarr(f"{site.url}/{CCSN}/data.zarr", chunks=None) as data:
        columns = dict(site.bytes)
        np.testing.assert_array_equal(data["strain"][3].values, example(finished))
    assert 0 < served(site, "strain") < 0.03
    assert not any("/strain/c/" in path or "/spectrogram/c/" in path for path in columns)


def test_zarr_reads_one_example_over_http_with_fsspec(finished, site):
    pytest.importorskip("aiohttp")
    store = zarr.storage.FsspecStore.from_url(f"{site.url}/{CCSN}/data.zarr", read_only=True)
    values = zarr.open_group(store, mode="r")["strain"][3]
    np.testing.assert_array_equal(values, example(finished))
    assert 0 < served(site, "strain") < 0.03
    with fsspec.open(f"{site.url}/{CCSN}/table.parquet") as file:
        pd.testing.assert_frame_equal(
            pd.read_parquet(file), pd.read_parquet(finished / CCSN / "table.parquet")
        )


def test_tensorstore_reads_one_example_over_http(finished, site):
    kvstore = {"driver": "http", "base_url": f"{site.url}/{CCSN}/data.zarr/strain/"}
    array = tensorstore.open({"driver": "zarr3", "kvstore": kvstore}, open=True).result()
    np.testing.assert_array_equal(array[3].read().result(), example(finished))
    assert 0 < served(site, "strain") < 0.03


def test_zarrita_reads_one_example_over_http(finished, site, node):
    printed = json.loads(node(JAVASCRIPT / "digests.mjs", f"{site.url}/{CCSN}/data.zarr", "strain:3"))
    assert printed["strain:3"][0] == sha256(example(finished))
    assert 0 < served(site, "strain") < 0.03


def test_every_array_over_http_is_the_same(finished, site, truth, node):
    printed = json.loads(node(JAVASCRIPT / "digests.mjs", f"{site.url}/{CCSN}/data.zarr", *truth[CCSN]))
    assert {each: printed[each][0] for each in printed} == truth[CCSN]
