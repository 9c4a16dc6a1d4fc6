"""What the stages of rendering share: our way in memory, and the work that none can do without."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from measuring import CORE, MEMORY, Part, copied


def in_memory(renderer, folder: Path):
    """Return what renders a folder's table as one shard, into the same memory every time."""
    table, kept = pd.read_parquet(folder / "draw.parquet"), {}

    def work() -> int:
        arrays, _ = renderer.rows(table, out=kept)
        kept.update(arrays)
        return len(table)

    return work


def limit(renderer, classes: int) -> list[Part]:
    """Return the bare work of an example, where one class of so many is noise."""
    noise = len(renderer.ifos) * renderer.geometry.stored
    arrays = sum(math.prod(shape) for shape in renderer._shapes.values())
    return [
        Part("transforms and products of signals, bare", CORE, of_signals(renderer, (classes - 1) / classes)),
        *(
            [Part("transforms of spectrograms, bare", CORE, of_frames(renderer))]
            if "spectrogram" in renderer._shapes
            else []
        ),
        Part("noise read and arrays written once", MEMORY, copied(4 * (noise + arrays))),
    ]


def of_signals(renderer, share: float):
    """Return the sum over a bank's entry, and its strain as it is, cut, and whitened, of a piece of rows."""
    sizes, rows, ifos = renderer.geometry, renderer._piece, len(renderer.ifos)
    terms = renderer.bank.entries(np.array([0]))[0]
    own = torch.as_tensor(terms, dtype=torch.float32).expand(rows, -1, -1).contiguous()
    bins = sizes.fft // 2 + 1
    weights = torch.randn(rows, ifos, len(terms))
    # Rows of one system share its entry.
    entry = torch.randn(rows if renderer.bank.own else 1, len(terms), 2 * bins).expand(rows, -1, -1)
    spectra = torch.randn(rows, ifos, bins, dtype=torch.complex64)
    strain, summed = torch.randn(rows, ifos, sizes.window), torch.empty(rows, ifos, 2 * bins)

    def work() -> float:
        if renderer.bank.own:
            torch.fft.rfft(own, sizes.fft)
        torch.bmm(weights, entry, out=summed)
        torch.fft.irfft(spectra, sizes.fft)
        torch.fft.rfft(strain)
        torch.fft.irfft(spectra, sizes.fft)
        return rows / share

    return lambda: sum(work() for _ in range(16))


def of_frames(renderer):
    """Return the transforms of a piece's spectrograms."""
    sizes, (ifos, _, frames) = renderer.geometry, renderer._shapes["spectrogram"]
    windows = torch.randn(renderer._piece, ifos, frames, 2 * sizes.half_stft)

    def work() -> int:
        for _ in range(16):
            torch.fft.rfft(windows)
        return 16 * len(windows)

    return work
