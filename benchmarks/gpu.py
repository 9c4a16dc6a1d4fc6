"""What a GPU does: rendering in its memory and steps of training, beside bare work of the same device.

    python benchmarks/gpu.py [--device auto] [--examples N] [--rounds 5] [--out FILE] [--networks NAME ...]

Rendering takes noise and waveforms that lie on the device and leaves strain and spectrograms there. It is
held against the Fourier transforms that it cannot do without, and against bare copies of as many bytes as its
operations read and write. Each network has a process of its own (see gpu_networks.py). Medians of rounds in
turns; without a GPU the same is done by the CPU, with less of everything, on one thread.

What to expect of one H200 (4.8 TB/s on paper), of examples of three ifos at 4096 Hz, counted, not measured:

| | `ccsn`, 1 s | `cbc`, 4 s |
|---|---|---|
| real transforms of a signal | 6 of 10240 samples, 3 of 4096 | 8 of 23040, 3 of 16384 |
| real transforms of a spectrogram | 99 of 256 | none is stored |
| bytes read and written by operations, MB | 5.5 | 10.5 |
| the same with a copy before each inverse transform, as cuFFT has it, MB | 6.0 | 11.3 |
| examples a second that memory allows | 800,000 | 425,000 |
| microseconds of the processor beside it | 1.6 | 11.5 |
| examples a second that it allows | 600,000 | 87,000 |

Transforms of such lengths pass through memory twice, and no operation reaches all of the bandwidth.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# What Snakemake sets for a job of one thread; libraries read it when they are loaded.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import common
import gpu_networks
import learn
import machine
import pandas as pd
import torch
from measuring import rounded
from torch.utils._python_dispatch import TorchDispatchMode

from gwsim import bulk, devices, on_device, render

# Rows that are drawn, and repeated as often as it takes: a system of `cbc` takes LAL 15 ms.
DRAWN = {"ccsn": 4090, "cbc": 1024}
# Operations that touch no value.
NO_BYTES = (torch.ops.aten.empty, torch.ops.aten._unsafe_view)
EXAMPLES = {"cuda": {"ccsn": 131072, "cbc": 32768}, "cpu": {"ccsn": 512, "cbc": 128}}


def described(device: torch.device) -> dict:
    """Return what the device is, and how fast it moves bytes."""
    found = {"device": device.type, "torch": torch.__version__, "CUDA": torch.version.cuda or ""}
    if device.type == "cuda":
        about = torch.cuda.get_device_properties(device)
        found |= {
            "name": about.name,
            "memory (GiB)": round(about.total_memory / 2**30),
            "multiprocessors": about.multi_processor_count,
            "TF32 in convolutions": torch.backends.cudnn.allow_tf32,
        }
    else:
        found |= {"name": machine.processor() or platform.machine(), "threads": torch.get_num_threads()}
    return found | {"copying in its memory (GB/s)": rounded(copying(device) / 1e9)}


def copying(device: torch.device) -> float:
    """Return bytes read and written a second by a bare copy."""
    source = torch.ones(2**30 if device.type == "cuda" else 2**26, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return (
        2 * len(source) / statistics.median(seconds(lambda: target.copy_(source), device) for _ in range(9))
    )


def seconds(work, device: torch.device) -> float:
    """Return how long some work takes, the device's part included."""
    learn.wait(device)
    start = time.perf_counter()
    work()
    learn.wait(device)
    return time.perf_counter() - start


def prepared(folder: Path, experiment: str, device: torch.device) -> tuple[bulk.Renderer, pd.DataFrame]:
    """Return a renderer with noise and bank on the device, and a table, all made in a folder."""
    settings = common.settings_of(config := common.configuration(experiment, DRAWN[experiment]))
    common.prepare_noise(folder, config)
    common.make_bank(folder / "bank", common.make_table(folder, settings), settings["waveforms"])
    stored = common.renderer_of(folder, settings["render"])
    sources = ((on_device.Noise, stored.noise), (on_device.Bank, stored.bank))
    noise, bank = (make(own, device.type) for make, own in sources)
    piece = render.PIECE_BYTES if device.type == "cpu" else bulk.PIECE_BYTES
    made = bulk.Renderer(settings["render"], noise, bank, device.type, piece)
    return made, pd.read_parquet(folder / "draw.parquet")


def rendering(experiment: str, device: torch.device, examples: int, rounds: int, copied: float) -> dict:
    """Return examples a second of rendering, and what the device's transforms and its memory would allow.

    copied: bytes that a bare copy moves a second
    """
    with tempfile.TemporaryDirectory() as folder:
        renderer, drawn = prepared(Path(folder), experiment, device)
        table = pd.concat([drawn] * -(-examples // len(drawn)), ignore_index=True)
        table = table.sample(frac=1, random_state=1).iloc[:examples].reset_index(drop=True)
        counted = table.iloc[:256]
        with Moved() as moved:
            renderer.tensors(counted)
        bare = transforms(renderer, table)
        works = {"ours": lambda: renderer.tensors(table), "transforms": bare}
        for work in works.values():
            work()
        took = [{name: seconds(work, device) for name, work in works.items()} for _ in range(rounds)]
    middle = {name: statistics.median(one[name] for one in took) for name in works}
    each = moved.bytes / len(counted)
    return {
        "examples": examples,
        "rows at once": renderer.size,
        "examples/s": rounded(examples / middle["ours"]),
        "bare transforms (examples/s)": rounded(examples / middle["transforms"]),
        "MB moved an example": rounded(each / 1e6),
        "bare copies of as many bytes (examples/s)": rounded(copied / each),
        "of the bare transforms": rounded(statistics.median(one["transforms"] / one["ours"] for one in took)),
        "lowest and highest": [rounded(examples / end(one["ours"] for one in took)) for end in (max, min)],
    }


def transforms(renderer: bulk.Renderer, table: pd.DataFrame):
    """Return bare work: as many Fourier transforms of the same lengths, of arrays that are there already."""
    sizes, ifos, rows = renderer.geometry, len(renderer.ifos), min(renderer.size, len(table))
    loud = int((table["system"] >= 0).sum())
    room = {"device": renderer.device}
    spectra = torch.randn(rows, ifos, sizes.fft // 2 + 1, dtype=torch.complex64, **room)
    cut = torch.randn(rows, ifos, sizes.window, **room)
    entries = torch.randn(rows, 2, sizes.fft, **room)
    frames = torch.randn(rows, ifos, sizes.window // sizes.hop + 1, 2 * sizes.half_stft, **room)

    def work():
        for first in range(0, loud, rows):
            part = slice(0, min(rows, loud - first))
            if renderer.bank.own:
                torch.fft.rfft(entries[part])
            torch.fft.rfft(cut[part])
            for _ in range(2):
                torch.fft.irfft(spectra[part], sizes.fft)
        if renderer.settings["spectrogram"]["stored"]:
            for first in range(0, len(table), rows):
                torch.fft.rfft(frames[: len(table) - first])

    return work


class Moved(TorchDispatchMode):
    """Counts the bytes that operations read and write, each operand once, and what is gathered twice."""

    def __init__(self):
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, function, types, operands=(), named=None):
        result = function(*operands, **(named or {}))
        if function is torch.ops.aten.index.Tensor:
            self._add(result, result)
        elif function is torch.ops.aten.index_put_.default:
            self._add(operands[2], operands[2])
        elif not (function.is_view or function.overloadpacket in NO_BYTES):
            self._add(*torch.utils._pytree.arg_tree_leaves(*operands, result))
        return result

    def _add(self, *operands) -> None:
        """Count tensors: of one that is spread over more places than it has values, its values."""
        for one in (one for one in operands if isinstance(one, torch.Tensor)):
            self.bytes += min(one.numel() * one.element_size(), one.untyped_storage().nbytes())


def network(name: str, device: str, rounds: int, limit: int) -> dict:
    """Measure a network in processes of its own: one as it is, one compiled, which has so many seconds."""
    words = [sys.executable, gpu_networks.__file__, name, "--device", device, "--rounds", str(rounds)]
    found = json.loads(subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout)
    if not limit:
        return found
    try:
        run = subprocess.run([*words, "--compiled"], capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return found | {"compiled": f"not compiled within {limit} s"}
    if run.returncode:
        return found | {"compiled": f"failed: {(run.stderr.strip() or str(run.returncode)).splitlines()[-1]}"}
    return found | {"compiled": json.loads(run.stdout)}


def told(results: dict) -> str:
    """Return the results as tables in words."""
    lines = [f"{name}: {value}" for name, value in results["device"].items()]
    for experiment, one in results["rendering"].items():
        lines += [f"\nrendering {experiment}", *(f"  {name:45s} {value}" for name, value in one.items())]
    for name, one in results["training"].items():
        lines.append(f"\ntraining {name}, {one['shape']}, batches of {one['batch']}")
        lines += [f"  {way:45s} {rate} examples/s" for way, rate in one["examples/s"].items()]
        lines += [f"  {way:45s} {ratio}" for way, ratio in one["ratios"].items()]
        compiled = one.get("compiled", {})
        told = {"torch.compile": compiled} if isinstance(compiled, str) else compiled
        lines += [f"  {way:45s} {value}" for way, value in told.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--examples", type=int, help="rendered in a round; default: by device")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="results to write (JSON)")
    parser.add_argument("--networks", nargs="*", default=list(gpu_networks.NETWORKS), metavar="NAME")
    parser.add_argument("--compile-seconds", type=int, default=300, help="for each network; 0: not compiled")
    args = parser.parse_args()
    torch.set_num_threads(1)
    device = devices.found(args.device)
    results: dict = {"device": described(device), "rendering": {}, "training": {}}
    copied = 1e9 * results["device"]["copying in its memory (GB/s)"]
    for experiment, usual in EXAMPLES[device.type].items():
        count = args.examples or usual
        results["rendering"][experiment] = rendering(experiment, device, count, args.rounds, copied)
    for name in args.networks:
        results["training"][name] = network(name, device.type, args.rounds, args.compile_seconds)
    print(told(results))
    if args.out:
        args.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
