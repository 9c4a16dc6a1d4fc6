"""How fast Q-scans are made, beside GWpy's `q_transform` and beside the bare Fourier transforms and splines.

    python benchmarks/qscan.py [--sets 6]

A set is the four durations around one instant: whitening, the transform, four images of 224 x 224 from 448 x
448 points. GWpy makes four images of 0.5 Hz by 2 ms of it, one call each, as Gravity Spy's code does. All is
done on one thread on simulated noise with a burst, and timed by the processor's own time, the best of some
rounds, since machines are shared. Bare are Fourier transforms of the same sizes and number on arrays that are
there, and the products of rows by weights that are there.
"""

import argparse
import json
import os
import time

# Read by libraries when they are loaded.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import common
import numpy as np
import scipy.fft
import torch
from measuring import peak_mib, rounded

from gwsim import qscan
from gwsim.cli.memory import keep_freed_memory
from gwsim.qscan import splines

RATE = 8192


def blocks(count: int, seconds: int) -> tuple[torch.Tensor, list[float]]:
    """Return white noise with a burst of some frequency in each block, and the bursts' instants."""
    rng = np.random.default_rng(0)
    at = seconds / 2 + rng.uniform(-0.2, 0.2, count)
    t = np.arange(seconds * RATE) / RATE - at[:, None]
    frequency = np.geomspace(30, 900, count)[:, None]
    width = np.geomspace(1, 8, count)[:, None] / frequency
    burst = 3 * np.exp(-((t / width) ** 2)) * np.sin(2 * np.pi * frequency * t)
    return torch.from_numpy(rng.standard_normal(t.shape) + burst), at.tolist()


def best(job, rounds: int = 5) -> float:
    """Return the processor's seconds that a job takes, the least of some rounds after a first."""
    job()
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        job()
        spent.append(time.process_time() - start)
    return min(spent)


def of_gwpy(strain: torch.Tensor, at: list[float]) -> float:
    """Return GWpy's seconds a set."""
    return best(lambda: [by_gwpy(*pair) for pair in zip(strain.numpy(), at, strict=True)], 2) / len(at)


def by_gwpy(values: np.ndarray, instant: float) -> None:
    """Make a set by GWpy."""
    from gwpy.timeseries import TimeSeries

    series = TimeSeries(values, sample_rate=RATE)
    for duration in qscan.DURATIONS:
        window = (instant - duration / 2, instant + duration / 2)
        series.q_transform(
            qrange=(4, 64), frange=(10, 2048), gps=instant, tres=0.002, fres=0.5, outseg=window
        )


def of_ours(strain, at, mean: bool) -> dict[str, float]:
    """Return seconds a set, by parts."""
    transform = qscan.QTransform(strain.shape[-1] // RATE, RATE)
    one = [strain[place : place + 1] for place in range(len(at))]
    whitened = [qscan.whiten(x, RATE) for x in one]
    scans = [transform.scan(x, [instant], mean) for x, instant in zip(whitened, at, strict=True)]
    parts = {
        "whitening": lambda: [qscan.whiten(x, RATE) for x in one],
        "transform": lambda: [transform.scan(x, [i], mean) for x, i in zip(whitened, at, strict=True)],
        "views": lambda: [qscan.four(scan) for scan in scans],
    }
    found = {name: best(job) / len(at) for name, job in parts.items()}
    return found | {"loudest": best(lambda: [transform.loudest(x, at[0]) for x in whitened]) / len(at)}


def of_bare(strain, at) -> dict[str, float]:
    """Return the seconds a set of bare Fourier transforms and of products by weights."""
    jobs = bare_jobs(strain, at)
    return {name: best(job) / (len(at) if name == "views" else 1) for name, job in jobs.items()}


def bare_jobs(strain, at) -> dict:
    """Return bare work: the transforms of one set's whitening and Q-transform, the products of all views."""
    seconds = strain.shape[-1] // RATE
    transform = qscan.QTransform(seconds, RATE)
    size, taps = strain.shape[-1], 2 * RATE
    whitened = qscan.whiten(strain, RATE)
    scans = transform.scan(whitened, at)
    block = torch.randn(size)
    rows = [torch.randn(len(g.first), g.tiles, dtype=torch.complex64) for g in transform.groups]
    length = min(4 * taps, scipy.fft.next_fast_len(size + taps - 1, real=True))
    pieces = torch.randn(-(-size // (length - taps + 1)), length, dtype=torch.float64)
    segments = torch.randn(seconds - 1, taps, dtype=torch.float64)
    response = torch.randn(size // 2 + 1, dtype=torch.complex128)

    def whitening():
        torch.fft.rfft(segments)
        torch.fft.irfft(response)
        torch.fft.rfft(pieces[0])
        torch.fft.irfft(torch.fft.rfft(pieces), length)

    def transforms():
        torch.fft.rfft(block)
        for x in rows:
            torch.fft.ifft(x)

    ready = [products(scans, place) for place in range(len(at))]
    return {
        "whitening": whitening,
        "transform": transforms,
        "views": lambda: [product() for item in ready for product in item],
    }


def products(scans: qscan.Scans, item: int) -> list:
    """Return what is left of an item's images when all weights are there, a function for each duration."""
    transform, plane = scans.transform, int(scans.plane[item])
    frequencies, parts = qscan.axes(448)
    across = transform.across(plane, frequencies)
    found = []
    for duration in qscan.DURATIONS:
        pieces = []
        for group, rows, first in zip(transform.groups, scans._rows, scans._firsts, strict=True):
            if plane not in group.places:
                continue
            step = transform.seconds / group.tiles
            place = torch.from_numpy((float(scans.at[item]) + parts * duration) / step) - first[item]
            mine, taps = rows[item, group.places[plane]], splines.TAPS[rows.dtype]
            index = place.floor().long()[:, None] + torch.arange(1 - taps, taps + 1)
            weight = splines.weights((place - place.floor()).float(), taps)
            if int(index.max() - index.min()) < 64 * taps:
                begin = int(index.min())
                mine = mine[:, begin : int(index.max()) + 1]
                matrix = torch.zeros(len(place), mine.shape[1]).scatter_(-1, index - begin, weight).mT
                pieces.append(lambda a=mine, b=matrix: a @ b)
            else:
                pieces.append(lambda a=mine, i=index, w=weight: (a[:, i] * w).sum(-1))
        found.append(lambda pieces=pieces: across @ torch.cat([piece() for piece in pieces]))
    return found


def measured(seconds: int, sets: int) -> dict:
    """Return milliseconds a set at one length of blocks, and ratios."""
    strain, at = blocks(sets, seconds)
    ours = {norm: of_ours(strain, at, norm == "mean") for norm in ("median", "mean")}
    bare, gwpy = of_bare(strain, at), of_gwpy(strain[:3], at[:3])
    told = {"GWpy": gwpy, "bare": sum(bare.values())}
    ratios = {}
    for norm, parts in ours.items():
        total = sum(parts[name] for name in bare)
        told[f"ours, {norm}"] = total
        ratios[norm] = {"times GWpy's rate": gwpy / total, "times the bare time": total / sum(bare.values())}
    of_parts = {"bare": bare} | ours
    return {
        "ms a set": {name: rounded(1e3 * value) for name, value in told.items()},
        "ms by parts": {k: {n: rounded(1e3 * v) for n, v in part.items()} for k, part in of_parts.items()},
        "ratios": {k: {n: rounded(v) for n, v in part.items()} for k, part in ratios.items()},
        "8583 sets on two cores (minutes)": rounded(8583 * told["ours, mean"] / 2 / 60),
    }


def memory(seconds: int, done) -> None:
    """Report the peak memory (MiB) beyond libraries and strain of one set, and that of the process."""
    torch.set_num_threads(1)
    strain, at = blocks(1, seconds)
    transform = qscan.QTransform(seconds, RATE)
    before = peak_mib()
    for _ in range(3):
        qscan.four(transform.scan(qscan.whiten(strain, RATE), at))
    done.put([round(peak_mib() - before), round(peak_mib())])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=6, help="blocks of each length")
    args = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    report = {f"blocks of {seconds} s": measured(seconds, args.sets) for seconds in (64, 16)}
    peaks = {f"{seconds} s": common.together(memory, [(seconds,)])[0] for seconds in (64, 16)}
    print(json.dumps(report | {"peak memory of a set, and of its process (MiB)": peaks}, indent=1))


if __name__ == "__main__":
    main()
