"""The exercise as a student runs it: alone, whole, with its page, and nothing to do again."""

import json
import re

import numpy as np
import pytest
import xarray
from test_workflow import ROOT, TINY, manifests, snakemake

from gwsim import manifest

OVERLAYS = [
    str(ROOT / "workflow/configs/chirp-blip.yaml"),
    str(TINY),
    str(ROOT / "tests/exercise_alone.yaml"),
]
STORES = [f"results/chirp_blip/{name}" for name in ("train", "validation", "test")]
FIGURES = {"training", "errors", "confusion", "confident", "third_class", "drift", "linear", "halves"}


def alone(folder, **options):
    return snakemake(folder, "--configfile", *OVERLAYS, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tiny run of the exercise."""
    folder = tmp_path_factory.mktemp("exercise")
    run = alone(folder)
    assert run.returncode == 0, run.stderr
    return folder


def test_it_makes_its_stores_its_page_and_nothing_else(finished):
    results = finished / "results"
    assert {path.name for path in results.iterdir()} == {"chirp_blip", "config", "index.html"}
    for name in STORES:
        assert manifest.verify(finished / name)["files"]
    with xarray.open_zarr(finished / STORES[2] / "data.zarr", chunks=None) as data:
        assert data.picture.dims == ("sample", "row", "column") and data.picture.shape == (30, 32, 64)
        assert data.picture.dtype == np.float32 and data.label.attrs["flag_meanings"] == "blip chirp noise"
        assert all(data[name].attrs["long_name"] for name in data.variables)
    page = (results / "chirp_blip/exercise/index.html").read_text()
    pictures = set(re.findall(r'src="(\w+)\.png"', page))
    assert pictures >= FIGURES
    assert all((results / f"chirp_blip/exercise/{name}.png").stat().st_size > 5000 for name in pictures)
    assert [f"Task {n}" in page and f"Question {n}" in page for n in range(1, 5)] == [True] * 4


def test_its_numbers_stand_beside_the_page_and_the_first_page_leads_there(finished):
    results = finished / "results"
    numbers = json.loads((results / "chirp_blip/exercise/metrics.json").read_text())["numbers"]
    assert {f"accuracy_{name}" for name in ("network", "again", "linear", "three")} <= numbers.keys()
    assert numbers["accuracy_network"]["n"] == 20 and numbers["errors_chirp"]["n"] == 50
    links = set(re.findall(r'href="([^"#]+)"', (results / "index.html").read_text()))
    assert "chirp_blip/exercise/index.html" in links
    assert [link for link in links if not (results / link).exists()] == []


def test_quality_pages_find_nothing_to_look_at(finished):
    for name in STORES:
        page = (finished / name / "quality/index.html").read_text()
        assert 'class="look"' not in page and (finished / name / "quality/examples.png").exists()


def test_a_second_run_does_nothing(finished):
    run = alone(finished)
    assert run.returncode == 0 and "Nothing to be done" in run.stderr + run.stdout


def test_pictures_are_the_same_on_one_worker(finished, tmp_path):
    run = alone(tmp_path, cores=1, targets=[f"{name}/data.zarr" for name in STORES])
    assert run.returncode == 0, run.stderr
    assert manifests(tmp_path, STORES) == manifests(finished, STORES)
