"""The workflow as users run it: whole, again, with other worker counts, killed, and with bad input."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import scipy.signal
import scipy.special
import xarray
import yaml

from gwsim import manifest, store
from gwsim.errors import GwsimError

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "workflow" / "configs" / "tiny.yaml"
OVERLAYS = [str(TINY), str(ROOT / "tests" / "ccsn_alone.yaml")]
SETS = ("train", "validation", "test", "gallery")
STORES = [f"results/ccsn/{name}" for name in SETS]
NETWORK = "results/ccsn/networks/paper-1"
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
KILLS = 25


def snakemake(folder, *arguments, cores=2, targets=()):
    """Run the workflow in a scratch folder; targets come before options that take lists."""
    command = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--cores", str(cores), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)


def tiny(folder, *arguments, **options):
    return snakemake(folder, *arguments, "--configfile", *OVERLAYS, **options)


def manifests(folder, names=STORES):
    return {name: (folder / name / "manifest.json").read_bytes() for name in names}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tiny run of everything, on two workers."""
    folder = tmp_path_factory.mktemp("tiny")
    run = tiny(folder)
    assert run.returncode == 0, run.stderr
    return folder


def test_a_run_makes_whole_stores_and_their_pages(finished):
    for name in STORES:
        assert manifest.verify(finished / name)["files"]
        assert (finished / name / "quality" / "index.html").is_file()
    manifest.verify(finished / "results" / "noise" / "tiny")


def test_a_run_ends_with_a_page_whose_links_are_there(finished):
    page = (finished / "results" / "index.html").read_text()
    links = set(re.findall(r'(?:src|href)="([^"#][^"]*)"', page))
    assert {f"ccsn/{name}/quality/index.html" for name in SETS} <= links and len(links) > 40
    assert [link for link in links if not (finished / "results" / link).exists()] == []
    assert "://" not in page


def test_predictions_are_those_of_other_readers_and_another_runtime(finished):
    """xarray reads the store, numpy scales, ONNX Runtime runs the network: none of this package."""
    session = onnxruntime.InferenceSession(finished / NETWORK / "model.onnx")
    predicted = pd.read_parquet(finished / NETWORK / "evaluate" / "test.parquet")
    with xarray.open_zarr(finished / "results/ccsn/test/data.zarr", chunks=None) as data:
        x, names = data["spectrogram"].values, data["label"].attrs["flag_meanings"].split()
        assert (data["label"].values == predicted["label"]).all()
    low, high = (edge(axis=(1, 2, 3), keepdims=True) for edge in (x.min, x.max))
    (logits,) = session.run(None, {"input": (x - low) / (high - low)})
    theirs = predicted[[f"logit_{name}" for name in names]].to_numpy()
    np.testing.assert_allclose(theirs, logits, atol=1e-4)
    scores = predicted[[f"score_{name}" for name in names]].to_numpy()
    np.testing.assert_allclose(scores, scipy.special.softmax(logits.astype(float), axis=1), atol=1e-4)
    assert (predicted["predicted"] == logits.argmax(1)).mean() > 0.98  # ties within rounding


def test_numbers_of_the_page_are_those_of_the_predictions(finished):
    metrics = json.loads((finished / NETWORK / "evaluate" / "metrics.json").read_text())
    predicted = pd.read_parquet(finished / NETWORK / "evaluate" / "validation.parquet")
    accuracy = (predicted["label"] == predicted["predicted"]).mean()
    assert metrics["numbers"]["accuracy_validation"]["value"] == pytest.approx(accuracy)


def test_a_killed_training_ends_in_the_same_weights(finished, tmp_path):
    """Killed twice: before and after its first whole epoch."""
    command = [sys.executable, "-m", "gwsim", "train", "--seed", "1", "--device", "cpu"]
    command += ["--settings", finished / "results/config/ccsn/networks/paper/train.json"]
    command += ["--train", finished / STORES[0] / "manifest.json"]
    command += ["--validation", finished / STORES[1] / "manifest.json"]
    folder = tmp_path / "paper-1"
    command += ["--output", folder / "model.safetensors", "--history", folder / "metrics.csv"]
    for wanted in ("events/events.out.tfevents.gwsim", "state.safetensors"):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        while not (folder / wanted).exists() and process.poll() is None:
            time.sleep(0.005)
        process.kill()
        process.wait()
    assert not (folder / "model.safetensors").exists(), "the training was over before it was killed"
    run = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    assert run.returncode == 0 and "going on after epoch 1" in run.stderr, run.stderr
    whole = finished / NETWORK / "model.safetensors"
    assert (folder / "model.safetensors").read_bytes() == whole.read_bytes()
    assert len(pd.read_csv(folder / "metrics.csv")) == 2


def mixing(finished, *names):
    """What sets are rendered from: noise, and the bank of each."""
    folder = finished / "results"
    return [
        folder / "noise/tiny/manifest.json",
        *(folder / f"ccsn/{one}/bank/manifest.json" for one in names),
    ]


def test_training_can_mix(finished, tmp_path):
    settings = json.loads((finished / "results/config/ccsn/networks/paper/train.json").read_text())
    settings |= {"mix": True, "phases": [{"epochs": 2, "snr": [60, 70]}]}
    (tmp_path / "train.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "gwsim", "train", "--seed", "1", "--settings", tmp_path / "train.json"]
    command += ["--train", finished / STORES[0] / "manifest.json", "--device", "cpu"]
    command += ["--validation", finished / STORES[1] / "manifest.json"]
    command += ["--mix", *mixing(finished, "train", "validation")]
    command += ["--output", tmp_path / "model.safetensors", "--history", tmp_path / "metrics.csv"]
    # The tiny sets have no example of SNR 60 to 70 on disk.
    run = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    assert run.returncode == 0, run.stderr
    assert list(pd.read_csv(tmp_path / "metrics.csv")["examples"]) == [200, 200]


def test_snakemakes_own_report_has_every_figure(finished):
    run = tiny(finished, "--report", "report.html")
    assert run.returncode == 0, run.stderr
    text = (finished / "report.html").read_text()
    from gwsim.figures import listing

    assert all(listing.title(name) in text for name in listing.figures("signals"))


def test_a_second_run_does_nothing(finished):
    run = tiny(finished)
    assert run.returncode == 0 and "Nothing to be done" in run.stderr + run.stdout


def test_nothing_but_the_stages_own_heirs_run_again(finished, tmp_path):
    def rules(change):
        overlay = tmp_path / "overlay.yaml"
        overlay.write_text(change)
        run = snakemake(finished, "--dry-run", "--configfile", *OVERLAYS, str(overlay))
        assert run.returncode == 0, run.stderr
        # The table of jobs by rule that a dry run prints.
        return set(re.findall(r"^(\w+) +\d+$", run.stdout + run.stderr, re.MULTILINE))

    quiet = rules("experiments: {ccsn: {datasets: {test: {examples: 200}}}}")
    assert not quiet & {"strain", "segments", "noise"} and {"draw", "render", "finalise"} <= quiet
    rounding = rules("experiments: {ccsn: {render: {keep_bits: 9}}}")
    assert not rounding & {"strain", "noise", "draw", "waveforms"} and {"layout", "render"} <= rounding
    recipe = rules("experiments: {ccsn: {networks: {paper: {train: {batch: 64}}}}}")
    assert not recipe & {"strain", "draw", "render", "finalise", "quality"} and {"train", "explain"} <= recipe
    maps = rules("experiments: {ccsn: {explain: {score: logit}}}")
    assert not maps & {"train", "evaluate", "embed"} and {"explain", "figures", "report"} <= maps


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (ROOT / "README.md", "."),
        (ROOT / "docs" / "learning.md", "."),
        (ROOT / "docs" / "waveforms.md", "."),
        ("results/ccsn/test/data.zarr/README.md", "results/ccsn/test"),
    ],
)
def test_code_of_the_docs_runs(finished, text, place):
    for code in re.findall(r"```python\n(.*?)```", (finished / text).read_text(), re.DOTALL):
        command = [sys.executable, "-W", "error", "-c", code]
        run = subprocess.run(command, cwd=finished / place, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("cores", [1, 5])
def test_manifests_are_the_same_for_any_number_of_workers(finished, tmp_path, cores):
    model = f"{NETWORK}/model.safetensors"
    run = tiny(tmp_path, cores=cores, targets=[*(f"{name}/data.zarr" for name in STORES), model])
    assert run.returncode == 0, run.stderr
    assert manifests(tmp_path) == manifests(finished)
    assert (tmp_path / model).read_bytes() == (finished / model).read_bytes()


def test_one_row_alone_is_the_stores(finished):
    from gwsim import noise, render
    from gwsim.waveforms import sources

    folder = finished / "results" / "ccsn" / "train"
    settings = json.loads((finished / "results/config/ccsn/train/render.json").read_text())
    renderer = render.Renderer(
        settings,
        noise.NoiseStore(finished / "results/noise/tiny/data.zarr"),
        sources.opened(folder / "bank" / "data.zarr"),
    )
    table = pd.read_parquet(folder / "draw.parquet")
    for row in (0, 77, len(table) - 1):
        arrays, columns = renderer.example(table, row)
        for name, values in arrays.items():
            stored = store.open_array(folder / "data.zarr" / name)[row].read().result()
            assert np.array_equal(stored, values)
        published = pd.read_parquet(folder / "table.parquet")[columns.columns].iloc[[row]]
        pd.testing.assert_frame_equal(published.reset_index(drop=True), columns.reset_index(drop=True))


def test_a_reader_finds_what_the_layout_says(finished):
    folder = finished / "results"
    with xarray.open_zarr(folder / "ccsn" / "test" / "data.zarr", chunks=None) as data:
        assert {"label", "snr", "gps_second", "psd_block"} <= set(data.coords)
        np.testing.assert_allclose(data.time, (np.arange(4352) - 128) / 4096, atol=1e-12)
        np.testing.assert_allclose(data.frame, np.arange(33) / 32, atol=1e-12)
        np.testing.assert_allclose(data.frequency, np.arange(94) * 16.0)
        np.testing.assert_allclose(data.psd_frequency, np.arange(8193) / 4)
        np.testing.assert_allclose(data.tap, (np.arange(8193) - 4096) / 4096, atol=1e-12)
        window = scipy.signal.get_window("hann", 256)
        transform = scipy.signal.ShortTimeFFT(window, hop=128, fs=4096)
        rebuilt = np.abs(transform.stft(data.strain[:20].values.astype(float), p0=1, p1=34, k_offset=0))
        rebuilt = rebuilt[..., :94, :] / np.sqrt((window**2).sum())
        np.testing.assert_allclose(data.spectrogram[:20], rebuilt, rtol=2**-10.9, atol=1e-6)
        noise = xarray.open_zarr(folder / "noise" / "tiny" / "data.zarr", chunks=None)
        for name in ("psd", "filter"):
            index = xarray.DataArray(data.psd_index.values, dims=("sample", "ifo"))
            ifo = xarray.DataArray(np.arange(3), dims="ifo")
            used = data[name].values[index.values, ifo.values]
            np.testing.assert_array_equal(used, noise[name].values[data.psd_block.values])
        assert data.psd.attrs["units"] == noise.psd.attrs["units"] == "1e-46/Hz"


def test_shards_are_made_again_when_what_they_are_made_from_changes(finished, tmp_path):
    shutil.copytree(finished / "results", tmp_path / "results")
    train = tmp_path / "results" / "ccsn" / "train"

    def made():
        subprocess.run(render_command(tmp_path), env=ENVIRONMENT, check=True)
        return [path.stat().st_mtime_ns for path in sorted(train.glob("shards.zarr/strain/c/*/0/0"))]

    first = made()
    assert len(first) == 4 and made() == first
    table = pd.read_parquet(train / "draw.parquet")
    table.loc[70, "psi"] += 0.1
    store.write_table(train / "draw.parquet", table, row_group=64)
    second = made()
    assert [a == b for a, b in zip(first, second, strict=True)] == [True, False, True, True]
    for changed in (
        tmp_path / "results/noise/tiny/manifest.json",
        train / "bank/manifest.json",
        tmp_path / "results/config/ccsn/train/render.json",
    ):
        content = json.loads(changed.read_text())
        key = "keep_bits" if "keep_bits" in content else "another"
        changed.write_text(json.dumps({**content, key: 9}))
        third = made()
        assert not set(second) & set(third), changed
        second = third


def test_another_runs_datasets_are_not_written_over(finished):
    run = snakemake(finished, "--dry-run")
    assert run.returncode != 0
    assert "belongs to run 'tiny', this configuration is run 'demo'" in run.stdout + run.stderr


def render_command(folder):
    """The workflow's own render command for the training set, all shards in one job."""
    base = folder / "results"
    train = base / "ccsn" / "train"
    shards = -(-200 // json.loads((base / "config/ccsn/train/render.json").read_text())["shard_rows"])
    return [
        *(sys.executable, "-m", "gwsim", "render", "--settings", base / "config/ccsn/train/render.json"),
        *("--table", train / "draw.parquet", "--noise", base / "noise/tiny/manifest.json"),
        *("--bank", train / "bank/manifest.json", "--layout", train / "shards.zarr/zarr.json"),
        *("--part", f"0-{shards - 1}", "--record", train / "parts/killed.json"),
    ]


def store_files(train):
    """What stands in a growing store, and since when."""
    stands = {}
    for path in [*train.glob("shards.zarr/**/*"), *train.glob("records/*")]:
        with contextlib.suppress(FileNotFoundError):  # renamed in between
            stands[path] = path.stat().st_mtime_ns
    return stands


def test_workers_killed_at_any_moment_lose_nothing_that_was_whole(finished, tmp_path):
    shutil.copytree(finished / "results", tmp_path / "results")
    train = tmp_path / "results" / "ccsn" / "train"
    for name in ("data.zarr", "records", "parts"):
        shutil.rmtree(train / name)
    for name in ("manifest.json", "table.parquet"):
        (train / name).unlink()
    for shard in train.glob("shards.zarr/*/c"):
        shutil.rmtree(shard)
    chance = random.Random(20231220)
    whole, struck = set(), 0
    for kill in range(KILLS):
        before = store_files(train)
        process = subprocess.Popen(render_command(tmp_path), env=ENVIRONMENT)
        # Most of its time a worker loads libraries: every other kill waits until it writes, or ends because
        # all is whole.
        patient = kill % 2
        while (
            (patient or chance.random() > 0.002) and store_files(train) == before and process.poll() is None
        ):
            time.sleep(0.005)
        time.sleep(chance.uniform(0.0, 0.2))
        struck += process.poll() is None and store_files(train) != before
        process.send_signal(signal.SIGKILL)
        process.wait()
        with pytest.raises(GwsimError, match="INCOMPLETE"):
            manifest.verify(train)
        now = {i for i in range(4) if store.is_whole(train, store.read_record(train, i))}
        assert whole <= now
        whole = now
        for lost in sorted(whole) if len(whole) > 2 else ():  # damage them, as a torn disk would
            path = train / "shards.zarr" / next(iter(store.read_record(train, lost)["files"]))
            path.write_bytes(path.read_bytes()[:-100])
            whole.discard(lost)
    assert struck >= KILLS // 3, "hardly a kill found its worker writing"
    run = tiny(tmp_path, targets=["results/ccsn/train/data.zarr"])
    assert run.returncode == 0, run.stderr
    assert manifests(tmp_path, STORES[:1]) == manifests(finished, STORES[:1])


def test_a_killed_snakemake_is_taken_up_again(finished, tmp_path):
    shutil.copytree(finished / "results" / "strain", tmp_path / "results" / "strain")
    targets = [f"{name}/data.zarr" for name in STORES[:1]]
    command = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(tmp_path), "--cores", "2", "--configfile", *OVERLAYS]
    chance = random.Random(7)
    for _ in range(3):
        quiet = {"env": ENVIRONMENT, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, start_new_session=True, **quiet)
        time.sleep(chance.uniform(5, 20))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        tiny(tmp_path, "--unlock", targets=targets)
    run = tiny(tmp_path, targets=targets)
    assert run.returncode == 0, run.stderr
    assert manifests(tmp_path, STORES[:1]) == manifests(finished, STORES[:1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seeed: 1", "unknown key 'seeed' \\(did you mean 'seed'\\?\\)"),
        ("sample_rate: fast", "sample_rate: got 'fast'"),
        ("segments: {splits: {test: [[1238236160, 1238236288]]}}", "'train' and 'test' overlap"),
        ("segments: {splits: {test: [[1238236480, 1238236482]]}}", "split 'test' has no range of at least"),
        ("experiments: {ccsn: {waveforms: {models: {s99: surrogate}}}}", "no surrogate of that name"),
        ("ifos: [H1, X1]", "ifos: unknown X1"),
    ],
)
def test_bad_configurations_are_refused_by_their_message(tmp_path, change, message):
    path = tmp_path / "change.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(change)))
    run = snakemake(tmp_path, "--dry-run", "--configfile", *OVERLAYS, str(path))
    assert run.returncode != 0
    assert re.search(message, run.stdout + run.stderr), run.stderr


def test_a_target_that_is_none_says_which_there_are(tmp_path):
    run = tiny(tmp_path, "--dry-run", targets=["results/ccsn/training/data.zarr"])
    assert run.returncode != 0 and "'training': expected one of train, " in run.stdout + run.stderr


def test_lint_finds_nothing():
    run = snakemake(ROOT, "--lint")
    assert run.returncode == 0, run.stderr
