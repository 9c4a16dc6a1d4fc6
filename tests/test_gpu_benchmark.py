"""The benchmark of a GPU does the same on a CPU: it renders, counts bytes and trains."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import gpu

    monkeypatch.setattr(gpu, "DRAWN", {"ccsn": 60, "cbc": 16})
    return gpu


@pytest.mark.parametrize("experiment", ["ccsn", "cbc"])
def test_rendering_is_told_beside_its_limits(gpu, experiment):
    found = gpu.rendering(experiment, torch.device("cpu"), 40, 2, 1e9)
    assert found["examples"] == 40
    low, high = found["lowest and highest"]
    assert 0 < low <= found["examples/s"] <= high
    # Bare transforms are some of the work: on a busy machine, two rounds may lie apart.
    assert 0 < found["of the bare transforms"] < 1.5
    moved = found["MB moved an example"]
    # Each of its transforms reads and writes once at the least; and no operation moves a bank or all noise.
    assert {"ccsn": 1.0, "cbc": 2.0}[experiment] < moved < 15
    assert found["bare copies of as many bytes (examples/s)"] == pytest.approx(1e9 / (moved * 1e6), rel=0.02)


def test_bytes_are_those_of_operands_and_results(gpu):
    values, rows = torch.ones(1000, 4), torch.tensor([3, 5])
    target = torch.zeros(8, 4)
    for work, moved in (
        (lambda: values + 1, 2 * 16000),
        (lambda: values.mul_(2.0), 2 * 16000),
        (lambda: values[2:].reshape(-1), 0),
        (lambda: torch.empty(50), 0),
        (lambda: values[rows], 2 * 32),
        (lambda: target.__setitem__(rows, values[:2]), 2 * 32),
        (lambda: values.expand(9, 1000, 4).clone(), 16000 + 9 * 16000),
    ):
        with gpu.Moved() as counted:
            work()
        assert counted.bytes == moved


def test_a_network_is_trained_beside_its_bare_passes():
    words = [
        sys.executable,
        BENCHMARKS / "gpu_networks.py",
        "linear_pixels",
        "--device",
        "cpu",
        "--rounds",
        "1",
    ]
    run = subprocess.run(words, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    assert found["batch"] == 8 and found["shape"] == [1, 32, 64]
    rates, ratios = found["examples/s"], found["ratios"]
    assert set(rates) == {
        f"{kind}, {one}" for kind in ("training", "bare passes") for one in ("float32", "bfloat16")
    }
    for precision in ("float32", "bfloat16"):
        ratio = rates[f"training, {precision}"] / rates[f"bare passes, {precision}"]
        assert ratios[f"training over bare passes, {precision}"] == pytest.approx(ratio, rel=0.02)


def test_every_network_is_measured(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import gpu_networks

    from gwsim import models

    assert set(gpu_networks.NETWORKS) == set(models.MODELS)
    for name, (shape, classes, _) in gpu_networks.NETWORKS.items():
        with torch.device("meta"):
            assert models.MODELS[name](shape, classes) is not None
