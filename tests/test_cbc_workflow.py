"""Compact binaries as users run them: whole, with other worker counts, from the scaled source."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray
import yaml
from test_workflow import ROOT, TINY, manifests, snakemake

from gwsim import manifest
from gwsim.waveforms import columns

OVERLAYS = [str(TINY), str(ROOT / "tests" / "cbc_alone.yaml")]
SETS = ("train", "validation", "test", "gallery")
STORES = [f"results/cbc/{name}" for name in SETS]
NETWORKS = ("strain-1", "image-1")


def tiny(folder, *overlays, **options):
    return snakemake(folder, "--configfile", *OVERLAYS, *map(str, overlays), **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tiny run of everything, on two workers."""
    folder = tmp_path_factory.mktemp("cbc")
    run = tiny(folder)
    assert run.returncode == 0, run.stderr
    return folder


def test_a_run_makes_whole_stores_networks_and_pages(finished):
    for name in STORES:
        assert manifest.verify(finished / name)["files"]
        assert (finished / name / "quality" / "index.html").is_file()
    for name in NETWORKS:
        metrics = finished / "results/cbc/networks" / name / "explain/metrics.json"
        numbers = json.loads(metrics.read_text())["numbers"]
        # So little is learnt that a class may never be predicted: it has no maps of its own then.
        timed = {name for name in numbers if name.startswith("cam_time_")}
        assert timed and timed <= {f"cam_time_grad_cam_{one}" for one in ("BBH", "NSBH", "BNS")}
    compared = json.loads((finished / "results/cbc/compare/figures.json").read_text())
    assert [one["name"] for one in compared["figures"]] == ["compare_accuracy", "compare_maps"]
    page = (finished / "results/index.html").read_text()
    assert (
        "cbc/compare/compare_accuracy.png" in page and "cbc/networks/image-1/figures/roc_groups.png" in page
    )


def test_examples_say_their_system_and_where_their_window_opens(finished):
    with xarray.open_zarr(finished / STORES[0] / "data.zarr", chunks=None) as data:
        assert data.strain.shape == (96, 3, 4 * 4096 + 512) and "spectrogram" not in data
        assert set(columns.PUBLISHED["cbc"]) | {"f_window"} <= set(data.coords) and "theta" not in data.coords
        classes = data.label.flag_meanings.split()
        for name, low, high in (("BBH", 5, 80), ("NSBH", 5, 35), ("BNS", 1, 2)):
            its = data.isel(sample=(data.label == classes.index(name)).values)
            assert low <= its.mass_1.min() and its.mass_1.max() <= high and its.sizes["sample"] == 24
            assert (its.attempt == 0).all() and (its.f_window > its.f_start).all()
            assert (its.event_time >= 3.9).all() and (its.event_time < 4).all()
        noise = data.isel(sample=(data.label == 0).values)
        assert noise.mass_1.isnull().all() and noise.f_window.isnull().all() and (noise.attempt == -1).all()
        assert data.mass_1.attrs["units"] == "solMass"
    log = (finished / "logs/waveforms/cbc-train-finalise.log").read_text()
    assert "0 of 72 systems were refused" in log


def test_a_second_run_does_nothing(finished):
    again = tiny(finished)
    assert again.returncode == 0 and "Nothing to be done" in again.stdout + again.stderr


def test_manifests_are_the_same_on_one_worker(finished, tmp_path):
    model = "results/cbc/networks/strain-1/model.safetensors"
    run = tiny(tmp_path, cores=1, targets=[*(f"{name}/data.zarr" for name in STORES), model])
    assert run.returncode == 0, run.stderr
    assert manifests(tmp_path, STORES) == manifests(finished, STORES)
    assert (tmp_path / model).read_bytes() == (finished / model).read_bytes()


@pytest.fixture(scope="module")
def scaled(tmp_path_factory):
    """The training set from the source that needs no bank of systems, on two numbers of workers."""
    overlay = tmp_path_factory.mktemp("overlay") / "scaled.yaml"
    overlay.write_text(yaml.safe_dump({"experiments": {"cbc": {"waveforms": {"source": "cbc_scaled"}}}}))
    folders = [tmp_path_factory.mktemp("scaled") for _ in range(2)]
    for cores, folder in enumerate(folders, start=1):
        run = tiny(folder, overlay, cores=cores, targets=[f"{STORES[0]}/data.zarr"])
        assert run.returncode == 0, run.stderr
    return folders


def test_the_scaled_source_makes_the_same_examples_anywhere(scaled):
    assert manifests(scaled[0], STORES[:1]) == manifests(scaled[1], STORES[:1])


def test_the_scaled_source_makes_the_direct_ones_systems(finished, scaled):
    direct, other = (
        pd.read_parquet(folder / STORES[0] / "table.parquet") for folder in (finished, scaled[0])
    )
    alike = [*columns.PUBLISHED["cbc_scaled"], "psd_block", "start_sample", "ra", "dec", "psi", "event_time"]
    pd.testing.assert_frame_equal(direct[alike], other[alike])
    signal = direct["system"] >= 0
    assert (np.abs(other["f_window"] / direct["f_window"] - 1)[signal] < 2e-3).all()
    # The two count the phase from another moment, so that an example is as far away to a few per cent.
    farther = other["distance_kpc"] / direct["distance_kpc"] - 1
    assert farther[signal].abs().max() < 0.05 and farther.groupby(direct["label"]).median().abs().max() < 5e-3
