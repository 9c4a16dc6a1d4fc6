"""Glitches as users run them: whole, again, on one worker, killed and taken up, and louder."""

import html
import json
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import xarray
from test_workflow import ENVIRONMENT, ROOT, TINY, manifests, snakemake

from gwsim import manifest, noise, scans, store
from gwsim.errors import GwsimError
from gwsim.waveforms import columns, glitches

OVERLAYS = [str(TINY), str(ROOT / "tests" / "glitch_alone.yaml")]
STORES = [f"results/glitch/{name}" for name in ("train", "validation", "test")]
TRAIN, NOISE = STORES[0], "results/noise/tiny-8192-raw"
EXAMPLES = 88
# What stands before a dataset's table.
BEFORE = {"strain", "segments", "noise_layout", "noise", "noise_finalise"}


def tiny(folder, *overlays, **options):
    return snakemake(folder, "--configfile", *OVERLAYS, *map(str, overlays), **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tiny run of everything, on two workers."""
    folder = tmp_path_factory.mktemp("glitch")
    run = tiny(folder)
    assert run.returncode == 0, run.stderr
    return folder


def marks(path):
    """Return the mark of each number on a page."""
    row = r'<tr><td><span class="(\w+)">[^<]*</span></td><td>([^<]*)</td>'
    return {html.unescape(name): mark for mark, name in re.findall(row, path.read_text())}


def test_a_run_makes_whole_stores_and_their_pages(finished):
    for name in STORES:
        assert manifest.verify(finished / name)["files"]
        pages = {one.name for one in (finished / name / "quality").iterdir()}
        assert {"index.html", "contact.png", "loudness.png"} <= pages
    found = marks(finished / TRAIN / "quality/index.html")
    assert "look" not in found.values(), found
    manifest.verify(finished / NOISE)
    page = (finished / "results/index.html").read_text()
    links = set(re.findall(r'(?:src|href)="([^"#][^"]*)"', page))
    assert {f"glitch/{name}/quality/index.html" for name in ("train", "validation", "test")} <= links
    assert [link for link in links if not (finished / "results" / link).exists()] == []


def test_nothing_is_made_that_glitches_do_not_need(finished):
    """No bank, and no noise at the run's own rate: strain alone is looked at there, for its segments."""
    assert not (finished / TRAIN / "bank").exists()
    assert [path.name for path in (finished / "results/noise").iterdir()] == ["tiny-8192-raw"]
    settings = json.loads((finished / "results/config/noise/tiny-8192-raw.json").read_text())
    assert (settings["ifos"], settings["sample_rate"], settings["kind"]) == (["H1", "L1"], 8192, "raw")


def test_a_reader_finds_what_the_layout_says(finished):
    with xarray.open_zarr(finished / TRAIN / "data.zarr", chunks=None) as data:
        assert data.qscan.shape == (EXAMPLES, 4, 224, 224) and data.qscan.dtype == np.uint8
        assert list(data.duration.values) == [0.5, 1, 2, 4] and data.frequency.shape == data.time.shape == (
            224,
        )
        np.testing.assert_allclose(data.frequency[[0, -1]], [10.93, 1916], rtol=0.02)
        classes = data.label.flag_meanings.split()
        assert tuple(classes) == glitches.CLASSES and (np.bincount(data.label) == 4).all()
        silent = (data.label == classes.index("No_Glitch")).values
        np.testing.assert_array_equal(np.isnan(data.snr), silent)
        np.testing.assert_allclose(data.snr[~silent], data.snr_target[~silent], rtol=1e-9)
        assert set(columns.PUBLISHED["glitch"]) | {"scan_ifo", "mean_norm", "q_scan"} <= set(data.coords)
        # A glitch is brighter in the middle of its shortest view than noise is anywhere.
        loud = data.isel(sample=(data.snr > 50).values, duration=0)
        assert loud.sizes["sample"] > 5
        assert (loud.qscan.max(["frequency", "time"]) == 255).mean() > 0.8
    with xarray.open_zarr(finished / NOISE / "data.zarr", chunks=None) as kept:
        assert kept.strain.attrs["units"] == "1e-23" and kept.ifo.attrs["flag_meanings"] == "H1 L1"
        # Of the order of the detectors' noise above 20 Hz: nothing was whitened.
        assert float(np.nanstd(kept.strain[0])) > 100


def renderer_of(folder):
    settings = json.loads((folder / "results/config/glitch/train/render.json").read_text())
    source = noise.NoiseStore(folder / NOISE / "data.zarr")
    return scans.Renderer(settings, source, pd.read_parquet(folder / TRAIN / "systems.parquet"))


def test_one_row_alone_is_the_stores(finished):
    renderer, table = renderer_of(finished), pd.read_parquet(finished / TRAIN / "draw.parquet")
    published = pd.read_parquet(finished / TRAIN / "table.parquet")
    for row in (0, 65, EXAMPLES - 1):
        arrays, realised = renderer.example(table, row)
        stored = store.open_array(finished / TRAIN / "data.zarr" / "qscan")[row].read().result()
        assert np.array_equal(stored, arrays["qscan"])
        told = published[realised.columns].iloc[[row]].reset_index(drop=True)
        pd.testing.assert_frame_equal(told, realised.reset_index(drop=True))


def test_a_second_run_does_nothing(finished):
    run = tiny(finished)
    assert run.returncode == 0 and "Nothing to be done" in run.stderr + run.stdout


def rules(folder, tmp_path, change):
    """The rules that would run after a change of the configuration."""
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(change)
    run = tiny(folder, overlay, targets=["--dry-run"])
    assert run.returncode == 0, run.stderr
    return set(re.findall(r"^(\w+) +\d+$", run.stdout + run.stderr, re.MULTILINE))


def test_nothing_but_the_stages_own_heirs_run_again(finished, tmp_path):
    louder = rules(finished, tmp_path, "experiments: {glitch: {draw: {snr: 30}}}")
    assert {"draw", "render", "finalise", "quality"} <= louder
    assert not louder & (BEFORE | {"layout", "waveforms"})
    wider = rules(finished, tmp_path, "experiments: {glitch: {render: {qscan: {search: 1}}}}")
    assert {"render", "finalise"} <= wider and not wider & (BEFORE | {"draw"})
    proportions = "experiments: {glitch: {datasets: {test: {proportions: published}}}}"
    assert not rules(finished, tmp_path, proportions) & BEFORE
    beside = rules(finished, tmp_path, f"experiments: {{glitch: {{beside: '{tmp_path}'}}}}")
    assert {"finalise", "quality"} <= beside and not beside & (BEFORE | {"draw", "render"})
    assert not rules(finished, tmp_path, "noise: {filter: 1}") & (BEFORE | {"draw", "render"})


def test_a_new_snr_is_the_same_glitches_louder(finished, tmp_path):
    # With Snakemake's own notes, by which it knows that settings are others.
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    named = f"{STORES[2]}-snr30"
    run = tiny(tmp_path, targets=[f"{named}/data.zarr"])
    assert run.returncode == 0, run.stderr
    assert "glitches have no distance" in tiny(tmp_path, targets=[f"{STORES[2]}-d3kpc/data.zarr"]).stderr
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("experiments: {glitch: {draw: {snr: 30}}}")
    run = tiny(tmp_path, overlay, targets=[f"{STORES[2]}/data.zarr"])
    assert run.returncode == 0, run.stderr
    before, after = (pd.read_parquet(folder / STORES[2] / "table.parquet") for folder in (finished, tmp_path))
    made = ["snr", "snr_target", "snr_scan", "q_scan"]
    pd.testing.assert_frame_equal(before.drop(columns=made), after.drop(columns=made), check_exact=True)
    silent = before["snr_target"].isna()
    assert silent.sum() == 1 and after["snr"][silent].isna().all()
    np.testing.assert_allclose(after["snr"][~silent], 30, rtol=1e-9)
    (place,) = np.flatnonzero(silent)
    old, new = (
        store.open_array(folder / STORES[2] / "data.zarr" / "qscan").read().result()
        for folder in (finished, tmp_path)
    )
    same = [one.tobytes() == other.tobytes() for one, other in zip(old, new, strict=True)]
    assert same[place] and sum(same) == 1
    # By its name, without a change of the configuration, it is the same again.
    assert np.array_equal(store.open_array(tmp_path / named / "data.zarr" / "qscan").read().result(), new)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / named / "table.parquet"), after)


def test_manifests_are_the_same_on_one_worker(finished, tmp_path):
    run = tiny(tmp_path, cores=1, targets=[f"{name}/data.zarr" for name in STORES])
    assert run.returncode == 0, run.stderr
    assert manifests(tmp_path, STORES) == manifests(finished, STORES)
    assert manifests(tmp_path, [NOISE]) == manifests(finished, [NOISE])


def render_command(folder):
    """The workflow's own render command for the training set, all shards in one job."""
    base = folder / "results"
    train = base / "glitch" / "train"
    rows = json.loads((base / "config/glitch/train/render.json").read_text())["shard_rows"]
    return [
        *(sys.executable, "-m", "gwsim", "render", "--settings", base / "config/glitch/train/render.json"),
        *("--table", train / "draw.parquet", "--noise", folder / NOISE / "manifest.json"),
        *("--bank", train / "systems.parquet", "--layout", train / "shards.zarr/zarr.json"),
        *("--part", f"0-{-(-EXAMPLES // rows) - 1}", "--record", train / "parts/killed.json"),
    ]


def test_a_worker_killed_between_its_shards_is_taken_up_again(finished, tmp_path):
    shutil.copytree(finished / "results", tmp_path / "results")
    train = tmp_path / TRAIN
    for name in ("data.zarr", "records", "parts"):
        shutil.rmtree(train / name)
    for name in ("manifest.json", "table.parquet"):
        (train / name).unlink()
    shutil.rmtree(train / "shards.zarr/qscan/c")
    process = subprocess.Popen(render_command(tmp_path), env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    while not (train / "records/00000.json").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the work was over before it was killed"
    with pytest.raises(GwsimError, match="INCOMPLETE"):
        manifest.verify(train)
    (first,) = train.glob("shards.zarr/qscan/c/0/0/0/0")
    since = first.stat().st_mtime_ns
    run = tiny(tmp_path, targets=[f"{TRAIN}/data.zarr"])
    assert run.returncode == 0, run.stderr
    assert manifests(tmp_path, [TRAIN]) == manifests(finished, [TRAIN])
    # What was whole was not made again.
    assert first.stat().st_mtime_ns == since
