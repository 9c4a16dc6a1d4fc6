"""The explorer's folder: what is written is what was given; what does not belong together is refused."""

import base64
import io
import json
import re
import shutil
import socket

import explorer_pages
import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image

from gwsim import checkpoint, embed, files, models, view
from gwsim import maps as stored
from gwsim.cli import explore, explorer
from gwsim.errors import GwsimError
from gwsim.explorer import bundle, live, pictures, points, products, saliency
from gwsim.figures import style


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return explorer_pages.write(tmp_path_factory.mktemp("page") / "explorer")


def told(folder):
    """What the page's script of points says."""
    text = (folder / "points.js").read_text()
    return json.loads(re.fullmatch(r"const EXPLORER = (\{.*\});\n", text, re.DOTALL)[1])


def unpacked(column):
    kinds = {name: kind for kind, name in points.TYPES.items()}
    return np.frombuffer(base64.b64decode(column["data"]), kinds[column["type"]])


# ---- the script of points


def test_columns_are_those_of_their_table_and_come_back_as_they_were(folder):
    packed, table = told(folder)["columns"], explorer_pages.embedding()
    assert list(packed) == list(points.COLUMNS)
    for name, column in packed.items():
        values = unpacked(column)
        assert str(values.dtype) == points.COLUMNS[name][0]
        assert len(values) == explorer_pages.COUNT * (embed.NEAREST if name == "near" else 1)
        if name in table:
            np.testing.assert_allclose(values, table[name], rtol=1e-6)
    near = unpacked(packed["near"]).reshape(-1, embed.NEAREST)
    assert near[39].tolist() == list(range(8))
    assert {name for name in packed if "umap" in name or "tsne" in name} == {
        name for name in embed.COLUMNS if "umap" in name or "tsne" in name
    }


def test_snr_time_and_ifo_are_those_of_the_points_rows(folder):
    found = {name: unpacked(column) for name, column in told(folder)["columns"].items()}
    for point in (0, 7, 21, 22, 39):
        row, noise = found["row"][point], found["label"][point] == 2
        assert found["ifo"][point] == row % 2
        # 0.25 s into the second, and 1.5 s to the event where there is one.
        assert found["second"][point] == 1238236470 + row + (0 if noise else 1)
        assert found["nanosecond"][point] == (250_000_000 if noise else 750_000_000)
        assert np.isnan(found["snr"][point]) if noise else found["snr"][point] == np.float32(8 + row / 10)


def test_a_table_without_times_and_ifos_says_so():
    tables = {name: one[["label"]] for name, one in explorer_pages.tables().items()}
    found = points.columns(explorer_pages.embedding(), tables, {})
    assert set(found["second"]) == set(found["ifo"]) == {-1} and np.isnan(found["snr"]).all()
    assert not found["maps"].any()


def test_points_of_mixed_datasets_keep_their_own_rows():
    table = explorer_pages.embedding().sample(frac=1, random_state=1).reset_index(drop=True)
    found = points.columns(table, explorer_pages.tables(), {})
    noise = table["label"] == 2
    np.testing.assert_array_equal(found["second"], 1238236470 + table["row"] + np.where(noise, 0, 1))
    np.testing.assert_array_equal(found["row"], table["row"])


# ---- pictures


def test_every_picture_stands_at_its_place_of_its_sheet(folder):
    sheets = sorted((folder / "sheets").iterdir(), key=lambda path: int(path.stem))
    assert [path.name for path in sheets] == ["0.webp", "1.webp", "2.webp"]
    about = told(folder)["about"]
    height, width = about["height"], about["width"]
    for point in (0, 5, 15, 16, 39):
        number, row, column = pictures.place(point)
        sheet = np.asarray(Image.open(sheets[number]).convert("RGB"), float)
        assert sheet.shape == (about["across"] * height, about["across"] * width, 3)
        found = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
        own, other = (
            pictures.drawn(explorer_pages.examples([one]), "merged")[0] for one in (point, (point + 1) % 40)
        )
        assert np.abs(found - own).mean() < 3 < 20 < np.abs(found - other).mean()


def test_a_scan_is_in_viridis_and_large_ones_are_means():
    values = np.zeros((1, 1, 448, 448), np.float32)
    values[0, 0, 1::2] = 1
    made = pictures.drawn(values, "merged")
    assert made.shape == (1, 224, 224, 3)
    assert np.unique(made.reshape(-1, 3), axis=0).tolist() == [[33, 145, 140]]  # the middle of viridis
    assert pictures.drawn(np.ones((1, 1, 4, 4), np.float32), "merged")[0, 0, 0].tolist() == [253, 231, 37]


@pytest.mark.parametrize("size", [225, 300, 448, 1000])
def test_shrinking_keeps_the_mean_and_a_ramp(size):
    ramp = np.linspace(0, 1, size, dtype=np.float32)[None, None] * np.ones((1, 300, 1), np.float32)
    found = pictures._sized(ramp)[0, 100]
    assert found.shape == (224,) and found.mean() == pytest.approx(0.5, abs=1e-3)
    np.testing.assert_allclose(found, (np.arange(224) + 0.5) / 224, atol=1 / size)
    assert (np.diff(found) > 0).all()


def test_a_spectrogram_has_low_frequencies_below_and_an_ifo_a_colour():
    values = np.zeros((1, 3, 10, 5), np.float32)
    values[0, 0, 0], values[0, 1, 9], values[0, 2, :, 4] = 1, 1, 1
    (made,) = pictures.drawn(values, "spectrogram")
    assert made.shape == (220, 220, 3)
    assert made[-1, 0].tolist() == [255, 0, 0] and made[0, 0].tolist() == [0, 255, 0]
    assert made[110, -1].tolist() == [0, 0, 255] and made[-1, -1].tolist() == [255, 0, 255]
    assert pictures.drawn(values[:, :2], "spectrogram")[0][110, -1].tolist() == [0, 0, 0]


def test_scans_of_several_durations_lie_side_by_side():
    values = np.arange(3, dtype=np.float32)[None, :, None, None] / 2 * np.ones((1, 1, 8, 8), np.float32)
    (made,) = pictures.drawn(values, "scans")
    low, middle, high = (pictures.viridis(np.full((1, 1, 1), float(value)))[0, 0, 0] for value in (0, 0.5, 1))
    corners = made[0, 0], made[0, -1], made[-1, 0], made[-1, -1]
    np.testing.assert_array_equal(corners, [low, middle, high, low])
    assert view.tiles("scans", (3, 8, 8)) == (2, 2) and view.tiles("scans", (1, 8, 8)) == (1, 1)
    assert saliency.byte(np.array([[0.0, 1]]), (2, 2)).tolist() == [[0, 255, 0, 255]] * 2


@pytest.mark.parametrize("samples", [100, 224, 2048])
def test_strain_is_drawn_in_lanes_between_its_extremes(samples):
    values = np.zeros((2, 2, samples), np.float32)
    values[0, 0, samples // 2] = 5
    values[0, 1] = -5 * np.sin(np.linspace(0, np.pi, samples))
    made = pictures.drawn(values, "strain")
    assert made.shape == (2, 2 * pictures.LANE, 224, 3)
    inked = (made != 255).any(axis=-1)
    assert inked.any(axis=1).all()  # no gaps
    first, second = inked[0, : pictures.LANE], inked[0, pictures.LANE :]
    assert first[1].any() and np.flatnonzero(first[1]).mean() == pytest.approx(112, abs=3)
    assert not second[: pictures.LANE // 2].any() and second[pictures.LANE - 1, 112]
    colours = [tuple(made[0, row, 0]) for row in (pictures.LANE // 2, pictures.LANE + pictures.LANE // 2)]
    assert ["#{:02x}{:02x}{:02x}".format(*one) for one in colours] == [style.IFOS[0], style.IFOS[1]]
    assert inked[1].sum() == 2 * 224  # silence is a line


# ---- maps


def a_set(dataset, rows, targets, methods, values):
    columns = {"row": rows, "label": rows, "predicted": targets, "target": targets}
    made = stored.described(np.asarray(values, np.float32), methods, columns, {})
    return made.assign_attrs(dataset=dataset)


def test_maps_of_every_set_are_found_and_score_cam_is_preferred():
    ramp = np.arange(4.0).reshape(2, 2)
    sets = [
        a_set("test", [1, 2], [0, 1], ["grad_cam"], [[ramp, ramp]]),
        a_set("test", [2, 2], [1, 0], ["grad_cam", "score_cam"], [[ramp, ramp], [ramp[::-1], 0 * ramp]]),
        a_set("train", [1], [2], ["grad_cam"], [[3 - ramp]]),
        a_set("test", [99], [2], ["grad_cam"], [[ramp]]),
    ]
    found = saliency.of_points(sets, {("test", 1): 0, ("test", 2): 1, ("train", 1): 2, ("train", 2): 3})
    assert {point: [(one.target, one.method) for one in its] for point, its in found.items()} == {
        0: [(0, "grad_cam")],
        1: [(1, "score_cam"), (0, "score_cam")],
        2: [(2, "grad_cam")],
    }
    assert found[1][0].cells.tolist() == [[170, 255], [0, 85]] and not found[1][1].cells.any()
    assert found[2][0].cells.tolist() == [[255, 170], [85, 0]]


def test_scripts_hold_the_maps_of_their_sheets_points(folder):
    assert sorted(path.name for path in (folder / "maps").iterdir()) == ["0.js", "1.js"]
    text = (folder / "maps" / "1.js").read_text()
    content = json.loads(re.fullmatch(r"EXPLORER\.maps\.arrived\(1, (\{.*\})\);\n", text)[1])
    assert content["points"] == [20, 21, 21] and content["targets"] == [1, 1, 2]
    cells = np.frombuffer(base64.b64decode(content["cells"]), np.uint8).reshape(3, 7, 7)
    np.testing.assert_array_equal(cells[1], explorer_pages.maps()[21][0].cells)
    assert unpacked(told(folder)["columns"]["maps"])[[3, 4, 20, 21]].tolist() == [1, 0, 1, 2]


def test_maps_are_placed_over_the_picture_or_where_their_cells_see():
    assert saliency.placed((100,), (10,), [(8, 3.5)], "resize") == [[0, 1]]
    # The first cell sees pixels 0 to 7, the last of ten 72 to 79.
    assert saliency.placed((100,), (10,), [(8, 3.5)], "receptive_field") == [[0, 0.8]]


# ---- the folder


def test_nothing_is_fetched_from_elsewhere(folder):
    for path in folder.glob("*.*"):
        assert not re.search(r"https?://|//cdn|fetch\(\"|@import", path.read_text()), path.name
    size = sum(path.stat().st_size for path in folder.rglob("*.*"))
    assert size < 400_000


def test_a_folder_that_fails_leaves_the_old_one(tmp_path):
    explorer.write(tmp_path / "explorer", [("index.html", b"old"), ("sheets/0.webp", b"x")])

    def broken():
        yield "index.html", b"new"
        raise GwsimError("no more")

    with pytest.raises(GwsimError, match="no more"):
        explorer.write(tmp_path / "explorer", broken())
    assert (tmp_path / "explorer" / "index.html").read_bytes() == b"old"
    explorer.write(tmp_path / "explorer", [("index.html", b"new")])
    assert [path.name for path in tmp_path.rglob("*")] == ["explorer", "index.html"]


def test_the_page_comes_last_and_the_same_points_give_the_same_bytes(folder, tmp_path):
    assert list(bundle.PAGE)[-1] == "index.html"
    again = explorer_pages.write(tmp_path / "explorer")
    for path in folder.rglob("*.*"):
        assert (again / path.relative_to(folder)).read_bytes() == path.read_bytes()


# ---- what does not belong together


@pytest.fixture
def network(tmp_path):
    """A network's folder with points and maps, as its stages leave them."""
    shape = (3, 40, 20)
    model = models.build("ccsn_cnn", shape, 4, 1)
    description = {"model": "ccsn_cnn", "shape": list(shape), "classes": explorer_pages.CLASSES}
    checkpoint.write(tmp_path / "model.safetensors", model.state_dict(), description)
    (tmp_path / "embed").mkdir()
    explorer_pages.embedding().to_parquet(tmp_path / "embed" / "embedding.parquet")
    content = {"classes": explorer_pages.CLASSES, "datasets": explorer_pages.DATASETS}
    (tmp_path / "embed" / "metrics.json").write_text(json.dumps(content))
    sha256 = files.fingerprint(tmp_path / "model.safetensors")["sha256"]
    path = tmp_path / "maps.zarr"
    xr.Dataset(attrs={"model_sha256": sha256}).to_zarr(path, zarr_format=3, consolidated=False)
    one = a_set("test", [1, 2], [0, 1], ["score_cam"], [np.eye(2)[None].repeat(2, 0)])
    one.to_zarr(path, group="table", mode="a", zarr_format=3, consolidated=False)
    one.to_zarr(path, group="another", mode="a", zarr_format=3, consolidated=False)
    return tmp_path


def embedded(network, classes=explorer_pages.CLASSES):
    return products.embedded(network / "embed" / "metrics.json", network / "model.safetensors", classes)


def test_products_that_belong_together_are_read(network):
    assert len(embedded(network).table) == 40 and embedded(network).datasets == ["train", "test"]
    found = products.maps(network / "maps.zarr", network / "model.safetensors")
    assert len(found) == 2 and found[0].attrs["dataset"] == "test"


def test_no_features_are_named_with_their_place(network):
    (network / "embed" / "embedding.parquet").unlink()
    with pytest.raises(
        GwsimError, match=r"no features of .*model\.safetensors stand at .*embedding\.parquet.*run embed"
    ):
        embedded(network)


def test_points_of_another_version_are_refused(network):
    explorer_pages.embedding().drop(columns=["umap3_z", "near_8"]).to_parquet(
        network / "embed" / "embedding.parquet"
    )
    with pytest.raises(GwsimError, match=r"embedding\.parquet has no columns near_8, umap3_z.*run embed"):
        embedded(network)


def test_a_checkpoint_of_other_classes_is_refused(network):
    with pytest.raises(GwsimError, match=r"has the classes noise, s25, the points of .*: Blip, Chirp, noise"):
        embedded(network, ["noise", "s25"])


def test_maps_of_another_checkpoint_are_refused(network):
    with (network / "model.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(GwsimError, match=r"holds the maps of another checkpoint .* run explain again"):
        products.maps(network / "maps.zarr", network / "model.safetensors")
    shutil.rmtree(network / "maps.zarr")
    with pytest.raises(GwsimError, match=r"no maps stand at .*maps\.zarr: run explain"):
        products.maps(network / "maps.zarr", network / "model.safetensors")


def test_a_point_whose_picture_is_missing_is_named():
    short = {name: one.iloc[:50] for name, one in explorer_pages.tables().items()}
    with pytest.raises(
        GwsimError,
        match=r"6 points have no picture, the first .* row 51 of the dataset train.*50 rows",
    ):
        points.columns(explorer_pages.embedding(), short, {})


def test_points_of_other_labels_are_refused():
    tables = explorer_pages.tables()
    tables["test"].loc[[3, 6], "label"] = 0
    with pytest.raises(GwsimError, match=r"2 points have other labels than the rows of .*train, test"):
        points.columns(explorer_pages.embedding(), tables, {})


def test_a_dataset_without_manifest_is_named(tmp_path):
    with pytest.raises(GwsimError, match=r"datasets train, test; of test there is no manifest among .*train"):
        products.examples([tmp_path / "train" / "manifest.json"], ["train", "test"], {})


# ---- alive


def test_a_port_in_use_is_named_with_another():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(GwsimError, match=rf"port {port} of 127.0.0.1 is in use.*--port {port + 1}"):
            explore.bound("127.0.0.1", port)
    with pytest.raises(GwsimError, match="cannot listen on port 70000"):
        explore.bound("127.0.0.1", 70000)
    explore.bound("127.0.0.1", 0).close()


def test_a_network_without_explorer_is_refused(tmp_path):
    with pytest.raises(GwsimError, match=r"no explorer stands at .*explorer/index\.html: make it with"):
        explore.opened(tmp_path, torch.device("cpu"))


class Bright(torch.nn.Module):
    """A network of two classes, the brightness of the left and of the right half."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 1, bias=False)
        self.calls = 0
        with torch.no_grad():
            self.conv.weight[:] = torch.tensor([1.0, -1]).reshape(2, 1, 1, 1)

    @property
    def cam_layer(self):
        return self.conv

    def forward(self, x):
        self.calls += 1
        kept = self.conv(x)[:, 0]
        half = kept.shape[-1] // 2
        return torch.stack([kept[..., :half].mean((1, 2)), kept[..., half:].mean((1, 2))], dim=1)


def answers():
    model = Bright().eval()
    return model, live.Answers(model, explorer_pages.examples, 40, ["left", "right"], "logit", (1, 1))


def test_maps_on_demand_are_those_of_score_cam_and_are_kept():
    model, found = answers()
    made = found.maps(5)
    # By hand: channel 0 is x, its mask x scaled; channel 1 is -x, whose part of the map the ReLU takes.
    x = explorer_pages.examples([5])[0, 0].astype(float)
    mask, half = (x - x.min()) / (x.max() - x.min()), x.shape[1] // 2
    for place, part in enumerate((np.s_[:, :half], np.s_[:, half:])):
        weights = [(x * one)[part].mean() for one in (mask, 1 - mask)]
        expected = np.maximum(weights[0] * x - weights[1] * x, 0)
        np.testing.assert_allclose(made[place].cells, saliency.byte(expected), atol=1)
        assert (made[place].target, made[place].method) == (place, "score_cam")
    calls = model.calls
    assert found.maps(5) is made and model.calls == calls
    assert found.scores(5).sum() == pytest.approx(1)


def test_the_server_answers_for_points_and_refuses_others(folder):
    _, found = answers()
    app = live.application(folder, found, {("test", 3): 21})
    client = app.server.test_client()
    answer = client.get("/map?point=7").get_json()
    assert answer["points"] == [7, 7] and answer["targets"] == [0, 1]
    cells = np.frombuffer(base64.b64decode(answer["cells"]), np.uint8).reshape(2, 56, 56)
    np.testing.assert_array_equal(cells[1], found.maps(7)[1].cells)
    for bad in ("40", "-1", "x", "", "²", "9" * 5000):
        refused = client.get(f"/map?point={bad}")
        assert refused.status_code == 404 and "expected one from 0 to 39" in refused.get_json()["error"]
    assert client.get("/map").status_code == 404
    sheet = Image.open(io.BytesIO(client.get("/sheets/0.webp").data))
    assert sheet.size == Image.open(folder / "sheets" / "0.webp").size
    assert b"secret" not in client.get("/sheets/..%2F..%2Fsecret").data
    page = client.get("/").get_data(as_text=True)
    assert "EXPLORER.about.live = true" in page and not re.search(r"(src|href)=\"https?://", page)


def test_the_server_has_nothing_of_the_folder_that_it_is_started_in(folder, tmp_path, monkeypatch):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "own.js").write_text("private()")
    monkeypatch.chdir(tmp_path)
    client = live.application(folder, answers()[1], {}).server.test_client()
    assert b"private" not in client.get("/assets/own.js").data
    assert "own.js" not in client.get("/").get_data(as_text=True)


def test_on_loopback_the_server_answers_to_its_own_names_alone(folder):
    """A page whose name was made to lead here is refused; asked for by --host, any name will do."""
    here = live.application(folder, answers()[1], {}, explore.NAMES).server.test_client()
    for name in ("127.0.0.1:8050", "localhost:8050"):
        assert here.get("/points.js", headers={"Host": name}).status_code == 200
    assert here.get("/points.js", headers={"Host": "evil.example"}).status_code == 400
    everywhere = live.application(folder, answers()[1], {}).server.test_client()
    assert everywhere.get("/points.js", headers={"Host": "evil.example"}).status_code == 200


def test_a_folder_that_holds_something_else_is_not_replaced(tmp_path):
    kept = tmp_path / "results"
    kept.mkdir()
    (kept / "thesis.txt").write_text("years")
    with pytest.raises(GwsimError, match=r"holds thesis\.txt, which is of no explorer"):
        explorer.write(kept, [("index.html", b"new")])
    assert (kept / "thesis.txt").read_text() == "years" and len(list(kept.iterdir())) == 1


def test_scores_of_the_point_that_an_address_names_are_told():
    _, found = answers()
    table = live._scores(found, {("test", 3): 21}, "#dataset=test&row=3&colour=result")
    cells = [[cell.children for cell in row.children] for row in table[1].children]
    scores = found.scores(21)
    best = int(scores.argmax())
    assert cells[0] == [["left", "right"][best], f"{scores[best]:.4f}"] and len(cells) == 2
    for text in ("", "#", None, "#row=x&dataset=test", "#dataset=test&row=4"):
        assert live._scores(found, {("test", 3): 21}, text) is None
