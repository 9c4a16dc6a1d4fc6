"""Datasets of Q-scans as others read them: arrays and coordinates, views of networks, the quality page."""

import copy
import html
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray
import yaml

from gwsim import draw, layout, manifest, noise, publish, sharding, stages, store
from gwsim.dataset import Examples, View
from gwsim.errors import GwsimError
from gwsim.figures import dataset as datasets
from gwsim.figures import quality, scan_sections, scans
from gwsim.waveforms import columns, sources

ROOT = Path(__file__).parents[1]
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())
BLOCKS = [
    {"split": "train", "start": 1238236160, "end": 1238236192, "gps_block": 1238236160},
    {"split": "train", "start": 1238236224, "end": 1238236250, "gps_block": 1238236160},
]
CLASSES, SIZE, RATE = ["Blip", "No_Glitch", "Whistle", "1080Lines"], 12, 1024
EXAMPLES = 40


def config(**experiment):
    """The default's glitches, few and small."""
    content = copy.deepcopy(DEFAULT)
    content["experiments"] = {"glitch": content["experiments"]["glitch"]}
    its = content["experiments"]["glitch"]
    its["sample_rate"] = RATE
    its |= {"duration": 16, "draw": {"event_time": {"uniform": [7.99, 8.01]}}}
    its["waveforms"]["models"] = CLASSES
    its["render"]["qscan"] |= {"size": SIZE, "frequencies": [10, 250]}
    its["datasets"] = {"train": {"split": "train", "examples": EXAMPLES, "draw": {}}}
    its.pop("networks", None)
    content["noise"] |= {"stretch": 32, "stretch_min": 20}
    content["strain"]["block"] = 128
    its |= experiment
    return content


def raw_noise(folder, settings):
    """A store of raw noise with flat spectra, a number for each block and ifo."""
    folder.mkdir()
    sizes, count = noise.sizes(settings), len(settings["ifos"])
    store.create(folder, noise.arrays(len(BLOCKS), settings))

    def make(index):
        strain = np.zeros((1, count, sizes["time"]), np.float32)
        psd = np.ones((1, count, sizes["frequency"])) * (1 + np.arange(count) + 10 * index)[:, None]
        return {"strain": strain, "psd": psd}, None

    ranges = [(index, index + 1) for index in range(len(BLOCKS))]
    list(store.write_shards(folder, range(len(BLOCKS)), ranges, str, make))
    described = noise.described(BLOCKS, settings)
    manifest.finalise(folder, manifest.whole_records(folder, ranges), described, {}, {})
    return noise.NoiseStore(folder / "data.zarr")


def views_of(count):
    """Any pictures: brighter ones for later labels are not asked for, only that no two are the same."""
    return np.random.default_rng(5).integers(0, 256, (count, 4, SIZE, SIZE)).astype(np.uint8)


def made(folder, spoil=lambda table: None, labels=None, **experiment):
    """A finished dataset of Q-scans in a folder, which is returned."""
    folder.mkdir(parents=True)
    content = config(**experiment)
    settings = stages.settings(content)
    parts = [settings[f"glitch/train/{stage}"] for stage in ("draw", "render", "card")]
    drawing, rendering, card = parts
    drawing["margin"] = noise.margin_samples(drawing)
    systems, table = draw.draw(BLOCKS, sources.SOURCES["glitch"], drawing)
    if labels is not None:
        kept = table["label"].isin(labels).to_numpy()
        systems, table = systems[kept].reset_index(drop=True), table[kept].reset_index(drop=True)
        table["system"] = np.arange(len(table), dtype=np.int32)
        rendering["examples"] = len(table)
    table = pd.concat([table, publish.of_systems(table, systems, "glitch")], axis=1)
    chance = np.random.default_rng(6)
    for name, (kind, _, _) in layout.realised_columns(rendering).items():
        table[name] = chance.uniform(5, 50, len(table)).astype(kind)
    table["snr"] = table["snr_target"]
    table.loc[table["snr_target"].isna(), "snr_scan"] = 5.0
    table["snr_kind"] = np.int32(layout.SNR_KINDS.index("peak_tile"))
    spoil(table)
    source = raw_noise(folder.parent / f"{folder.name}-noise", settings[f"noise/demo-{RATE}-raw"])
    ranges, views = sharding.shard_ranges(len(table), rendering["shard_rows"]), views_of(len(table))
    store.create(folder, layout.arrays(rendering))
    list(
        store.write_shards(
            folder, range(len(ranges)), ranges, str, lambda i: ({"qscan": views[slice(*ranges[i])]}, None)
        )
    )
    store.write_table(folder / "table.parquet", table)
    store.write_table(folder / "systems.parquet", systems)
    card["provenance"] = {"noise_manifest_sha256": "of the noise"}
    arrays = publish.dataset_arrays(table, source, rendering, card["classes"])
    texts = {"README.md": publish.card_text("glitch train", table, card)}
    attributes = publish.attributes("glitch train", card, table.columns)
    records = manifest.whole_records(folder, ranges)
    manifest.finalise(folder, records, arrays, attributes, texts, beside=("table.parquet",))
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return made(tmp_path_factory.mktemp("scans") / "train")


# ---- the store


def test_another_reader_finds_scans_and_their_coordinates(finished):
    with xarray.open_zarr(finished / "data.zarr", chunks=None) as data:
        assert data.qscan.dims == ("sample", "duration", "frequency", "time")
        assert data.qscan.shape == (EXAMPLES, 4, SIZE, SIZE) and data.qscan.dtype == np.uint8
        np.testing.assert_array_equal(data.qscan.values, views_of(EXAMPLES))
        np.testing.assert_array_equal(data.duration, [0.5, 1, 2, 4])
        # A crop of 566 of 574 columns, of which 224 of 272 are left; pixels' centres, evenly spaced.
        span = 224 / 272 * 566 / 574
        np.testing.assert_allclose(data.time, (np.arange(SIZE) + 0.5) / SIZE * span - span / 2)
        np.testing.assert_allclose(data.seconds, np.outer([0.5, 1, 2, 4], data.time.values))
        assert data.seconds.dims == ("duration", "time")
        # 8 of 480 rows are cut off below and 6 above, of a logarithmic axis from 10 to 2048 Hz.
        rows = 8 + 466 * (np.arange(SIZE) + 0.5) / SIZE
        np.testing.assert_allclose(data.frequency, 10 * 204.8 ** (rows / 480))
        units = {
            name: data[name].attrs["units"] for name in ("duration", "frequency", "time", "seconds", "qscan")
        }
        assert units == {"duration": "s", "frequency": "Hz", "time": "1", "seconds": "s", "qscan": "1"}
        assert all(data[name].attrs["long_name"] for name in data.variables if name != "ifo")
        assert data.attrs["classes"] == CLASSES == data.label.attrs["flag_meanings"].split()


def test_columns_tell_of_each_glitch_and_its_detector(finished):
    table = pd.read_parquet(finished / "table.parquet")
    with xarray.open_zarr(finished / "data.zarr", chunks=None) as data:
        axes = {"sample", *data.qscan.dims, "seconds", "psd_frequency", "psd_index", "psd", "ifo"}
        assert not axes & set(table), "a column would take an axis's place"
        told = set(layout.REALISED_SCAN) | set(columns.PUBLISHED["glitch"]) | set(columns.ROW["glitch"])
        for name in told | {"label", "snr_target", "event_time"}:
            np.testing.assert_array_equal(data[name], table[name])
        assert data.scan_ifo.attrs["flag_meanings"].split() == ["H1", "L1"]
        assert data.snr_kind.attrs["flag_meanings"].split() == ["optimal", "peak_tile"]
        assert not {"ra", "theta", "strain", "spectrogram", "filter", "tap", "distance_kpc"} & set(
            data.variables
        )
        # The spectrum of each example's block: numbers of raw_noise.
        psd = data.psd.values[data.psd_index.values, np.arange(2), 0]
        np.testing.assert_array_equal(psd, [1, 2] + 10 * table["psd_block"].to_numpy()[:, None])
        np.testing.assert_allclose(data.psd_frequency.values[[0, -1]], [0, RATE / 2])
        assert data.psd.attrs["units"] == "1e-46/Hz" and set(np.unique(table["psd_block"])) == {0, 1}


def test_one_duration_is_read_without_the_others():
    settings = stages.settings(config())["glitch/train/render"]
    (array,) = layout.arrays(settings)
    assert array.chunk == (1, SIZE, SIZE) and array.shape == (EXAMPLES, 4, SIZE, SIZE)
    assert settings["shard_rows"] % sharding.LEAST_ROWS == 0


def test_the_card_says_what_it_is_and_what_it_is_not(finished):
    text = (finished / "data.zarr" / "README.md").read_text()
    assert "40 examples of Q-scans of detector strain in four durations" in text
    assert "| 1 | No_Glitch | 10 |" in text and "Interferometers: H1 L1." in text
    assert "results on them are no results on Gravity Spy" in text and 'data["qscan"][0]' in text
    assert "strain (ifo, time)" not in text and "Whitened noise" not in text


def test_networks_see_one_picture_of_the_four(finished):
    examples, rows = Examples(finished, View("merged", "none")), np.array([7, 2, 2])
    assert examples.shape == (1, 2 * SIZE, 2 * SIZE) and examples.classes == CLASSES
    assert (examples.ifos, examples.sample_rate) == (["H1", "L1"], RATE)
    views = views_of(EXAMPLES)[rows, :, ::-1] / 255
    expected = np.concatenate(
        [np.concatenate([views[:, 0], views[:, 1]], 2), np.concatenate([views[:, 2], views[:, 3]], 2)], 1
    )
    np.testing.assert_allclose(examples.raw(rows)[:, 0], expected, rtol=1e-6)


# ---- the quality page


def page(folder):
    quality.page(folder, None, BLOCKS, folder / "quality" / "index.html")
    return folder / "quality" / "index.html"


def marks(path):
    """Return the mark of each number on a page."""
    row = r'<tr><td><span class="(\w+)">[^<]*</span></td><td>([^<]*)</td>'
    return {html.unescape(name): mark for mark, name in re.findall(row, path.read_text())}


@pytest.fixture
def sheets(monkeypatch):
    """What every contact sheet is drawn from."""
    seen, real = [], scans.sheet

    def sheet(rows, heads):
        seen.append((rows, heads))
        return real(rows, heads)

    monkeypatch.setattr(scans, "sheet", sheet)
    return seen


def test_a_sheet_has_a_row_for_every_class(finished, sheets):
    path = page(finished)
    ((rows, heads),) = sheets
    assert list(rows) == CLASSES and heads == ["this dataset", *[""] * (scans.SHOWN - 1)]
    table = pd.read_parquet(finished / "table.parquet")
    for label, name in enumerate(CLASSES):
        mine = table.index[table["label"] == label][: scans.SHOWN]
        np.testing.assert_array_equal(rows[name], views_of(EXAMPLES)[mine])
    found = marks(path)
    assert "look" not in found.values(), found
    assert found["median SNR of the loudest tile in scans without a glitch"] == "ok"
    assert {"contact.png", "loudness.png"} <= {one.name for one in path.parent.glob("*.png")}
    assert "classes without a real picture beside them" not in found
    assert not re.search(r"https?:|//|@import|<script", path.read_text())


def test_the_page_of_the_same_dataset_has_the_same_bytes(finished, tmp_path):
    first = {one.name: one.read_bytes() for one in page(finished).parent.iterdir()}
    quality.page(finished, None, BLOCKS, tmp_path / "again" / "index.html")
    assert {one.name: one.read_bytes() for one in (tmp_path / "again").iterdir()} == first


def test_a_class_without_examples_has_its_row(tmp_path, sheets):
    path = page(made(tmp_path / "train", labels=[0, 1, 3]))
    rows, _ = sheets[0]
    assert rows["Whistle"] == [None, None] and all(
        one is not None for one in rows["Blip"] + rows["1080Lines"]
    )
    assert marks(path)["examples of the largest class less the smallest"] == "look"


def test_silence_alone_has_a_page(tmp_path, sheets):
    path = page(made(tmp_path / "train", labels=[1]))
    assert list(sheets[0][0]) == CLASSES and (path.parent / "loudness.png").is_file()


def real_pictures(shared_data, folder, names):
    """A folder of Gravity Spy's own pictures of some classes."""
    for name in names:
        (found,) = [one for one in (shared_data / "gravityspy").rglob(name) if one.is_dir()]
        shutil.copytree(found, folder / name)
    return folder


def test_real_pictures_stand_beside(shared_data, tmp_path, sheets):
    """Of two of the dataset's classes, and of one that it does not have."""
    from gwsim.gravityspy import sets

    folder = real_pictures(shared_data, tmp_path / "real", ["Blip", "Whistle", "Koi_Fish"])
    path = page(made(tmp_path / "train", beside=str(folder)))
    ((rows, heads),) = sheets
    assert heads == ["Gravity Spy", "this dataset", *[""] * (scans.SHOWN - 1)] and list(rows) == CLASSES
    real = sets.beside(folder)
    assert set(real) == {"Blip", "Whistle", "Koi_Fish"}
    for name in CLASSES:
        if name in real:
            np.testing.assert_array_equal(rows[name][0], real[name])
        else:
            assert rows[name][0] is None
    (told,) = re.findall(
        r"classes without a real picture beside them</td><td[^>]*>([^<]*)<", path.read_text()
    )
    assert int(float(told)) == 2
    assert "a picture of Gravity Spy" in path.read_text()


def test_pictures_that_have_gone_since_are_asked_for(tmp_path):
    with pytest.raises(GwsimError, match="gone: no folder there"):
        page(made(tmp_path / "train", beside=str(tmp_path / "gone")))


def test_noise_that_is_no_noise_is_flagged(tmp_path):
    def spoil(table):
        table.loc[table["snr_target"].isna(), "snr_scan"] = 9.0

    found = marks(page(made(tmp_path / "train", spoil)))
    assert [name for name, mark in found.items() if mark == "look"] == [
        "median SNR of the loudest tile in scans without a glitch"
    ]


def test_brightness_is_that_of_the_published_grey(finished):
    """Viridis by matplotlib, its luma with the weights that scikit-image has."""
    import matplotlib

    colours = matplotlib.colormaps["viridis"](np.arange(256))[:, :3]
    luma = colours @ [0.2125, 0.7154, 0.0721]
    expected = luma[views_of(EXAMPLES)].mean(axis=(0, 2, 3))
    found = scan_sections._grey(datasets.Dataset(finished, BLOCKS))
    assert [one.name for one in found] == [f"mean grey of {one} s" for one in ("0.5", "1", "2", "4")]
    np.testing.assert_allclose([one.value for one in found], expected, atol=2e-3)


def test_a_strip_has_durations_from_left_to_right_and_high_frequencies_above():
    views = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3)
    found = scans.strip(views)
    assert found.shape == (2, 4 * 3 + 3 * scans.GAP)
    for place in range(4):
        first = place * (3 + scans.GAP)
        np.testing.assert_allclose(found[:, first : first + 3], views[place, ::-1] / 10)
    assert np.isnan(found).sum() == 2 * 3 * scans.GAP
