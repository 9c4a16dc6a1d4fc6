"""gwsim.open: examples as they are stored, and mixed in memory at other SNRs, as a PyTorch dataset."""

import concurrent.futures
import json
import pickle
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import test_workflow
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler

import gwsim
from gwsim import mixed, noise, render, schedule, seeds, store
from gwsim.errors import GwsimError
from gwsim.waveforms import sources

DOCS = Path(__file__).resolve().parents[1] / "docs" / "loading.md"
# Seconds until a worker that says nothing is taken to hang; on a busy machine one starts slowly.
WAIT = 300
STORES, FAINT = ("results/ccsn/train", "results/ccsn/test"), "results/ccsn/train-snr8to12"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of two tiny datasets: one drawn by SNR, the other by distance."""
    folder = tmp_path_factory.mktemp("open")
    run = test_workflow.tiny(folder, targets=[f"{name}/data.zarr" for name in (*STORES, FAINT)])
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="module")
def train(made):
    return made / STORES[0]


@pytest.fixture(scope="module")
def signal(train):
    """Which rows have a signal."""
    return pd.read_parquet(train / "table.parquet")["system"].to_numpy() >= 0


def stored(path, name):
    """An array of a store, by zarr-python."""
    import zarr

    return zarr.open_array(path / "data.zarr" / name, mode="r")[:]


def rendered(train, snr):
    """All rows of a dataset with other SNRs, by the renderer as the workflow calls it."""
    settings = json.loads((train.parents[1] / "config/ccsn/train/render.json").read_text())
    renderer = render.Renderer(
        settings,
        noise.NoiseStore(train.parents[1] / "noise/tiny/data.zarr"),
        sources.opened(train / "bank/data.zarr"),
    )
    table = pd.read_parquet(train / "draw.parquet")
    table["snr_target"] = np.where(table["system"] < 0, np.nan, snr)
    return renderer.rows(table)[0]


# ---- examples of a store


@pytest.mark.parametrize("array", ["spectrogram", "strain"])
def test_a_store_is_read_as_it_is(train, array):
    data, values = gwsim.open(train, array), stored(train, array)
    if array == "strain":
        values = values[..., 128:-128]
    x, label = data[7]
    assert isinstance(x, torch.Tensor) and type(label) is int
    np.testing.assert_array_equal(x, values[7])
    assert label == pd.read_parquet(train / "table.parquet")["label"][7]
    x, labels = data[[3, 150, 3]]
    np.testing.assert_array_equal(x, values[[3, 150, 3]])
    assert labels.dtype == torch.int64 and labels[0] == labels[2]
    assert (len(data), data.shape) == (len(values), values.shape[1:])
    np.testing.assert_array_equal(data[-2:][0], values[-2:])
    np.testing.assert_array_equal(data[-1][0], values[-1])
    assert [len(axis) for axis in data.axes.values()] == list(values.shape[2:])


def test_a_dataset_tells_what_it_is(train):
    data = gwsim.open(train)
    assert data.classes[:2] == ["noise", "he3.5"] and data.name == "ccsn/train"
    assert (data.ifos, data.sample_rate) == (["H1", "L1", "V1"], 4096)
    np.testing.assert_array_equal(data.snr, data.table["snr"])
    assert data.labels.tolist() == data.table["label"].tolist()


def test_rows_beyond_the_end_are_refused(train):
    data = gwsim.open(train)
    for row in (200, -201):
        with pytest.raises(IndexError, match=f"row {row} of 200 in ccsn/train"):
            data[row]
    with pytest.raises(IndexError):
        data[[0, 200]]
    assert sum(1 for _ in data) == 200


def test_a_store_may_be_named_by_its_parts(train):
    for path in (str(train), train / "data.zarr", train / "manifest.json"):
        assert len(gwsim.open(path)) == 200


def test_views_are_those_of_networks(train):
    seen = gwsim.open(train, "strain", "minmax", rate=1024)
    assert seen.shape == (3, 1024)
    x, _ = seen[0]
    assert (float(x.min()), float(x.max())) == (0, 1)


def test_the_package_alone_loads_nothing():
    code = "import sys, gwsim; sys.exit(bool({'torch', 'numpy', 'zarr', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_store_is_read_without_what_renders(train):
    code = f"import sys, gwsim; gwsim.open({str(train)!r})[0]; sys.exit('gwsim.render' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ---- examples that are mixed


@pytest.mark.parametrize("array", ["spectrogram", "strain"])
@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("keep_mib", [0, 2, 1024])
def test_mixed_as_drawn_they_are_the_stores_to_the_bit(made, name, array, keep_mib):
    path = made / name
    data, plain = gwsim.open(path, array, snr="stored", keep_mib=keep_mib), gwsim.open(path, array)
    order = np.random.default_rng(1).permutation(len(data))
    for _ in range(2):  # made, and kept
        for rows in np.split(order, [1, 3, 40, 45]):
            (x, labels), (wanted, theirs) = data[rows], plain[rows]
            assert torch.equal(x, wanted) and torch.equal(labels, theirs)
        order = order[::-1].copy()


def test_memory_that_is_kept_is_bounded(train):
    data = gwsim.open(train, snr=9, keep_mib=2)
    data[:]
    kept = data._source._signals()._kept
    assert 0 < kept.numel() * 4 <= 2 * 2**20
    assert data._source._signals()._used == len(kept) < 200


def test_workers_share_the_memory_of_one(train, monkeypatch):
    found = []
    for workers in (None, types.SimpleNamespace(num_workers=4)):
        monkeypatch.setattr(torch.utils.data, "get_worker_info", lambda workers=workers: workers)
        data = gwsim.open(train, snr=9, keep_mib=2)
        data[0]
        found.append(len(data._source._signals()._kept))
    assert found[0] // 4 == found[1] > 0


def test_mixed_at_another_snr_they_are_what_a_store_of_it_would_have(train, signal):
    wanted = np.random.default_rng(2).uniform(8, 100, 200)
    arrays = rendered(train, wanted)
    data = gwsim.open(train, snr=wanted)
    for rows in (np.array([11, 190, 64, 64]), np.arange(200)):
        np.testing.assert_array_equal(data[rows][0], arrays["spectrogram"][rows])
    strain = gwsim.open(train, "strain", snr=wanted)[:][0]
    np.testing.assert_array_equal(strain, arrays["strain"][..., 128:-128])
    assert not np.array_equal(strain, stored(train, "strain")[..., 128:-128])
    np.testing.assert_array_equal(data.snr, np.where(signal, wanted, np.nan))


def test_a_louder_signal_is_the_same_signal(train, signal):
    """Without our arithmetic: what an SNR adds to the strain grows in proportion, and noise stays."""
    faint, middle, loud = (gwsim.open(train, "strain", snr=snr)[:][0].double() for snr in (10, 20, 1000))
    assert torch.equal(faint[~signal], loud[~signal])
    much, little = (loud - faint)[signal], (middle - faint)[signal]
    # Strain is rounded to 10 bits of mantissa: of the sums over a row little is left of that.
    slope = (much * little).sum((1, 2)) / (much * much).sum((1, 2))
    np.testing.assert_allclose(slope, 10 / 990, rtol=0.02)


@pytest.mark.parametrize(
    ("snr", "first", "second"),
    [
        (12, (12, 12), (12, 12)),
        ({"uniform": [8, 12]}, (8, 12), (8, 12)),
        ({"power_law": {"low": 5, "high": 50, "index": -4}}, (5, 50), (5, 50)),
        ([30, {"uniform": [8, 12]}], (30, 30), (8, 12)),
        (lambda epoch: 40 - 10 * epoch, (40, 40), (30, 30)),
        (lambda epoch: {"uniform": [40 - 30 * epoch, 41]}, (40, 41), (10, 41)),
    ],
    ids=["constant", "uniform", "power law", "list", "function", "function of distributions"],
)
def test_schedules(train, signal, snr, first, second):
    data = gwsim.open(train, snr=snr)
    for epoch, (low, high) in enumerate((first, second)):
        data.set_epoch(epoch)
        assert np.isnan(data.snr[~signal]).all() and data.epoch == epoch
        drawn = data.snr[signal]
        assert low <= drawn.min() and drawn.max() <= high
        if high > low:
            assert drawn.min() < low + 0.1 * (high - low) and len(set(drawn)) == signal.sum()


def test_the_last_entry_of_a_list_stays(train, signal):
    data = gwsim.open(train, snr=[30, 20])
    data.set_epoch(7)
    assert set(data.snr[signal]) == {20}


def test_a_power_law_is_one(train):
    """Its median by hand: of index -4 from 5 to 50 the share above x is (x^-3 - 50^-3) / (5^-3 - 50^-3)."""
    system = np.zeros(20000, int)
    snr = schedule.snrs({"power_law": {"low": 5, "high": 50, "index": -4}}, 0, (1, "x"), system)
    median = ((5**-3 + 50**-3) / 2) ** (-1 / 3)
    assert abs((snr > median).mean() - 0.5) < 0.015


def test_epochs_differ_and_repeat(train, signal):
    data, again = (gwsim.open(train, snr={"uniform": [8, 50]}) for _ in range(2))
    first = data[:][0]
    data.set_epoch(1)
    second = data[:][0]
    changed = (first != second).flatten(1).any(1).numpy()
    np.testing.assert_array_equal(changed, signal)
    again.set_epoch(1)
    assert torch.equal(again[:][0], second)
    again.set_epoch(0)
    assert torch.equal(again[:][0], first)
    other = gwsim.open(train, snr={"uniform": [8, 50]}, seed=1)
    assert not np.isclose(other.snr[signal], again.snr[signal]).any()
    # Row i does not depend on how many there are.
    np.testing.assert_array_equal(
        schedule.snrs({"uniform": [8, 50]}, 0, (0, "ccsn/train"), np.zeros(20, int)),
        schedule.snrs({"uniform": [8, 50]}, 0, (0, "ccsn/train"), np.zeros(99, int))[:20],
    )


def test_noise_and_waveforms_may_lie_elsewhere(made, tmp_path):
    shutil.copytree(made / STORES[0], tmp_path / "mine" / "data", ignore=shutil.ignore_patterns("bank"))
    data = gwsim.open(
        tmp_path / "mine" / "data",
        snr="stored",
        noise=made / "results/noise/tiny",
        bank=str(made / STORES[0] / "bank" / "data.zarr"),
    )
    assert torch.equal(data[:8][0], gwsim.open(made / STORES[0])[:8][0])


def test_another_loudness_by_name_is_mixed_to_the_bit(made):
    """A dataset that the workflow made at another SNR: from itself, and from the one that it is of."""
    faint = gwsim.open(made / FAINT)
    wanted = faint[:][0]
    assert torch.equal(gwsim.open(made / FAINT, snr="stored")[:][0], wanted)
    snr = faint.table["snr_target"].to_numpy()
    assert torch.equal(gwsim.open(made / STORES[0], snr=snr)[:][0], wanted)
    assert np.nanmin(snr) >= 8 and np.nanmax(snr) <= 12
    assert not (made / FAINT / "bank").exists()


# ---- in torch's DataLoader, and in loops of one's own


@pytest.mark.parametrize("snr", [None, "stored", {"uniform": [8, 12]}], ids=["store", "as drawn", "mixed"])
@pytest.mark.parametrize(
    "options",
    [{}, {"num_workers": 2}, {"num_workers": 2, "multiprocessing_context": "spawn"}],
    ids=["one process", "forked", "spawned"],
)
def test_torchs_loader_gives_the_same_batches(train, snr, options):
    data = gwsim.open(train, snr=snr)
    data.set_epoch(3)
    wanted, labels = data[:]  # files are open, and threads running, before a worker starts
    x, y = zip(*DataLoader(data, batch_size=64, timeout=WAIT if options else 0, **options), strict=True)
    assert [len(one) for one in x] == [64, 64, 64, 8]
    assert torch.equal(torch.cat(x), wanted) and torch.equal(torch.cat(y), labels)
    assert torch.cat(y).dtype == torch.int64


def test_workers_that_stay_learn_of_the_next_epoch(train):
    data = gwsim.open(train, snr={"uniform": [8, 50]})
    loader = DataLoader(data, batch_size=50, num_workers=2, persistent_workers=True, timeout=WAIT)
    for epoch in (0, 1):
        data.set_epoch(epoch)
        found = torch.cat([x for x, _ in loader])
        assert torch.equal(found, data[:][0])


def test_torchs_loader_may_ask_for_whole_batches(train):
    data = gwsim.open(train)
    batches = BatchSampler(RandomSampler(data), 64, drop_last=False)
    sizes = [(len(x), len(y)) for x, y in DataLoader(data, batch_size=None, sampler=batches)]
    assert sizes == [(64, 64)] * 3 + [(8, 8)]


def test_a_dataset_can_be_sent(train):
    data = gwsim.open(train, snr=12)
    wanted = data[:4][0]
    assert torch.equal(pickle.loads(pickle.dumps(data))[:4][0], wanted)


def test_batches_are_all_rows_in_an_order_of_the_epoch(train):
    data = gwsim.open(train)
    orders = []
    for epoch in (0, 1, 0):
        data.set_epoch(epoch)
        x, y = zip(*data.batches(64), strict=True)
        assert [len(one) for one in x] == [64, 64, 64, 8]
        whole = data[:][0].flatten(1).double().sum(1)
        sums = torch.cat(x).flatten(1).double().sum(1)
        order = sums.argsort()
        assert torch.equal(sums[order], whole.sort().values)
        assert torch.equal(torch.cat(y)[order], data[:][1][whole.argsort()])
        orders.append(sums)
    assert torch.equal(orders[0], orders[2]) and not torch.equal(orders[0], orders[1])
    assert [len(x) for x, _ in data.batches(64, drop_last=True)] == [64] * 3
    straight = torch.cat([x for x, _ in data.batches(64, shuffle=False)])
    assert torch.equal(straight, data[:][0])


def test_the_loop_of_the_documentation_runs(made, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(import torch\n.*?)```", DOCS.read_text(), flags=re.DOTALL)
    assert len(code.splitlines()) <= 16
    monkeypatch.chdir(made)
    exec(compile(code, str(DOCS), "exec"), {})
    assert re.findall(r"^epoch (\d)", capsys.readouterr().out, flags=re.MULTILINE) == ["0", "1", "2"]


# ---- what cannot be


@pytest.mark.parametrize(
    ("snr", "message"),
    [
        (0, "snr: 0 gives row . an SNR of 0 in epoch 0, expected one above 0"),
        (-3, "an SNR of -3 in epoch 0"),
        ({"uniform": [-1, 1]}, r"snr: \{'uniform': \[-1, 1\]\} gives row \d+ an SNR of -"),
        (float("nan"), "an SNR of nan"),
        ({"gauss": [8, 12]}, "snr: got {'gauss': .*expected a number, a distribution such as .*uniform"),
        ({"uniform": 8}, "snr: got {'uniform': 8}, expected"),
        ({"uniform": [8, 12], "normal": 3}, "expected a number"),
        ({"power_law": {"low": 5}}, "expected a number"),
        ("loud", "snr: got 'loud', expected"),
        ([], "snr: got an empty list"),
        (np.ones(3), r"snr: got an array of the shape \(3,\), expected \(200,\)"),
    ],
    ids=str,
)
def test_snrs_that_cannot_be_are_told_at_once(train, snr, message):
    with pytest.raises(GwsimError, match=message):
        gwsim.open(train, snr=snr)


def test_a_later_epochs_snr_that_cannot_be_is_told_then(train):
    data = gwsim.open(train, snr=lambda epoch: 20 - 10 * epoch)
    with pytest.raises(GwsimError, match="an SNR of 0 in epoch 2"):
        data.set_epoch(2)


def test_what_is_not_there_is_told(made, train, tmp_path):
    with pytest.raises(GwsimError, match=r"nothing stands at .*nowhere"):
        gwsim.open(made / "nowhere")
    with pytest.raises(GwsimError, match="holds no finished dataset"):
        gwsim.open(made)
    with pytest.raises(GwsimError, match="array: got 'merged', expected one of spectrogram, strain"):
        gwsim.open(train, "merged")
    with pytest.raises(GwsimError, match="no scale 'max': expected one of minmax, none"):
        gwsim.open(train, scale="max")
    with pytest.raises(GwsimError, match="rate: got 1000 Hz"):
        gwsim.open(train, "strain", rate=1000)
    with pytest.raises(GwsimError, match="no device 'tpu': expected one of auto, cpu, cuda"):
        gwsim.open(train, snr=12, device="tpu")
    with pytest.raises(GwsimError, match="noise: got a folder, expected it with snr"):
        gwsim.open(train, noise=tmp_path)


def test_stores_that_are_not_there_are_looked_for_aloud(made, tmp_path):
    alone = tmp_path / "results" / "ccsn" / "train"
    shutil.copytree(made / STORES[0], alone, ignore=shutil.ignore_patterns("bank"))
    place = tmp_path.resolve() / "results" / "noise" / "tiny"
    with pytest.raises(GwsimError, match=f"no finished store of noise at {place}: .*noise=FOLDER"):
        gwsim.open(alone, snr=12)
    there = made / "results/noise/tiny"
    with pytest.raises(GwsimError, match=f"no finished store of bank at {alone.resolve() / 'bank'}"):
        gwsim.open(alone, snr=12, noise=there)
    with pytest.raises(GwsimError, match=r"no finished store of bank at .*noise/tiny/nowhere|nothing stands"):
        gwsim.open(alone, snr=12, noise=there, bank=there / "nowhere")


@pytest.mark.parametrize("what, place", [("noise", "noise/tiny"), ("bank", "ccsn/train/bank")])
def test_other_noise_and_other_waveforms_are_refused(made, train, tmp_path, what, place):
    shutil.copytree(made / "results" / place, tmp_path / what)
    manifest = tmp_path / what / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    with pytest.raises(GwsimError, match=f"is not the {what} that ccsn/train was made from"):
        gwsim.open(train, snr=12, **{what: tmp_path / what})


def test_threads_that_ask_at_once_get_their_own_rows(train):
    """Batches are read ahead by a thread while rows are asked for beside it."""
    alone = gwsim.open(train, snr=12)
    expected, data = alone[:][0], gwsim.open(train, snr=12)
    rows = [seeds.generator("test", number).permutation(len(data))[:8] for number in range(64)]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda each: data[each][0], rows))
    for each, got in zip(rows, found, strict=True):
        assert torch.equal(got, expected[each])
    assert torch.equal(data[:][0], expected)


def test_randomness_is_the_datasets_wherever_it_lies(train, tmp_path, monkeypatch):
    shutil.copytree(train, tmp_path / "copy")
    order = [labels for _, labels in gwsim.open(train).batches(4)]
    monkeypatch.chdir(tmp_path / "copy")
    for spelled in (tmp_path / "copy", ".", "data.zarr"):
        again = [labels for _, labels in gwsim.open(spelled).batches(4)]
        assert all(torch.equal(one, other) for one, other in zip(order, again, strict=True))
    assert gwsim.open(".").name == "/".join((tmp_path / "copy").parts[-2:])


def test_a_store_without_examples_is_told(train, tmp_path):
    shutil.copytree(train, tmp_path / "bare")
    for name in ("strain", "spectrogram"):
        shutil.rmtree(tmp_path / "bare/data.zarr" / name)
    with pytest.raises(GwsimError, match=r"has no examples: expected one of the arrays"):
        gwsim.open(tmp_path / "bare")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda its: its["experiments"]["ccsn"].update(whiten="self"), "whiten is 'self', expected 'block'"),
        (
            lambda its: its["experiments"]["ccsn"].pop("waveforms"),
            "do not tell how this version would render",
        ),
    ],
    ids=["glitches", "older"],
)
def test_datasets_that_cannot_be_mixed_say_why(train, monkeypatch, change, message):
    examples = gwsim.open(train)._source
    change(examples.attributes["configuration"])
    with pytest.raises(GwsimError, match=f"ccsn/train cannot be mixed at other SNRs: .*{message}"):
        mixed.render_settings(examples)


def test_a_forked_process_is_told_that_the_gpu_is_not_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "_is_in_bad_fork", lambda: True)
    with pytest.raises(GwsimError, match="num_workers=0"):
        mixed._Signals({}, Path(), Path(), "cuda", 1, 0)


def test_a_damaged_store_is_told(train, tmp_path):
    shutil.copytree(train, tmp_path / "train")
    shard = tmp_path / "train/data.zarr/spectrogram/c/0/0/0/0"
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.unlink()
    shard.write_bytes(content)
    with pytest.raises(GwsimError, match="damaged"):
        gwsim.open(tmp_path / "train")[:]


def test_the_reader_of_a_store_is_ours(train):
    """What is quick is in use: neither a layout nor its reader has changed without the other."""
    assert store.open_array(train / "data.zarr" / "spectrogram").dtype.numpy_dtype == np.float32
    read = gwsim.open(train)._source._values()
    assert read.__self__.threads == 2
