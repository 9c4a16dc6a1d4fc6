"""Strain of every PSD block with its PSD, whitened with one filter or as it is: made once, for every dataset.

Takes the strain of one block per ifo, in which all seconds are finite; gives float32 strain of unit
variance, the PSD estimated from the block itself (noise alone, before any injection), and the taps of the
one operator that noise and signals pass through. The store has one row per PSD block of `segments`.
Strain and amplitude spectra are in units of conventions.STRAIN_UNIT. Whitened strain begins with its block;
it is NaN where the filter lacks neighbours and after the block's end. A store of kind `raw`, for examples
that are whitened each by itself, has strain that is not whitened (in 1e-23) and no filter.

field | dims | unit | dtype | meaning
strain | block, ifo, time | 1 | float32 | whitened strain from the block's start
psd | block, ifo, frequency | 1e-46/Hz | float64 | one-sided power spectral density, 0 Hz to Nyquist
filter | block, ifo, tap | 1e23 | float64 | taps of the whitening operator, the middle one at delay zero
"""

import functools
import json
import math
from pathlib import Path

import numpy as np

from gwsim import coordinates, shards, spectral, store
from gwsim.conventions import LIGHT_TRAVEL, STRAIN_UNIT

# Inner chunks of two seconds: an example of one second touches one or two of them.
CHUNK_SECONDS = 2
RAW = "raw"


def sizes(settings: dict) -> dict[str, int]:
    """Return the lengths of the store's axes along time, frequency and tap."""
    rate = settings["sample_rate"]
    axes = {
        "time": min(2 * settings["stretch"], settings["block"]) * rate,
        "frequency": round(settings["psd_segment"] * rate) // 2 + 1,
    }
    return axes if settings["kind"] == RAW else axes | {"tap": 2 * round(settings["filter"] * rate / 2) + 1}


def arrays(blocks: int, settings: dict) -> list[store.Array]:
    """Return the layout of the store: a shard is one block of all ifos, its strain not compressed."""
    size, ifos = sizes(settings), len(settings["ifos"])
    unit, kind = ("1e-23", "strain") if settings["kind"] == RAW else ("1", "whitened strain")
    fields = (
        ("strain", "time", "float32", unit, f"{kind} from the block's start"),
        ("psd", "frequency", "float64", "1e-46/Hz", "one-sided power spectral density, 0 Hz to Nyquist"),
        ("filter", "tap", "float64", "1e23", "taps of the whitening operator, the middle one at delay zero"),
    )
    return [
        store.Array(
            name=name,
            dims=("block", "ifo", axis),
            shape=(blocks, ifos, size[axis]),
            rows=1,
            chunk=(ifos, CHUNK_SECONDS * settings["sample_rate"] if axis == "time" else size[axis]),
            dtype=dtype,
            attributes={"units": unit, "long_name": meaning},
            compress=axis != "time",
        )
        for name, axis, dtype, unit, meaning in fields
        if axis in size
    ]


def described(blocks: list[dict], settings: dict) -> dict[str, dict]:
    """Return the small arrays of the store: which blocks these are."""
    splits = sorted({block["split"] for block in blocks})
    start = np.array([block["start"] for block in blocks], dtype=np.int32)
    duration = np.array([block["end"] - block["start"] for block in blocks], dtype=np.int32)
    split = np.array([splits.index(block["split"]) for block in blocks], dtype=np.int32)
    return {
        **coordinates.ifo_axis(settings["ifos"]),
        "gps_second": coordinates.array(("block",), start, "s", "GPS second of the block's first sample"),
        "duration": coordinates.array(("block",), duration, "s", "length of the block"),
        "split": coordinates.flags(("block",), split, splits, "split that the block belongs to"),
    }


def of_block(strain: np.ndarray, settings: dict) -> dict[str, np.ndarray]:
    """Return what a store has of one ifo's block: strain (float32), PSD and, where it is whitened, taps."""
    rate, scaled = settings["sample_rate"], strain / STRAIN_UNIT
    stored = np.full(sizes(settings)["time"], np.nan, dtype=np.float32)
    found = {"strain": stored, "psd": spectral.welch(scaled, rate, settings["psd_segment"])}
    if settings["kind"] != RAW:
        found["filter"] = spectral.whitening_taps(found["psd"], rate, settings["band"], settings["filter"])
        scaled = spectral.whiten(scaled, found["filter"])
    stored[: len(strain)] = scaled
    return found


def margin_samples(settings: dict) -> int:
    """Return how far an example's window must keep from its block's edges.

    Half the filter (what it spoils), half an STFT window, and light's way through the Earth.
    """
    rate = settings["sample_rate"]
    half_filter, half_stft = round(settings["filter"] * rate / 2), settings["stft_window"] // 2
    return half_filter + half_stft + math.ceil(LIGHT_TRAVEL * rate)


class NoiseStore:
    """A noise store on disk, as render asks for it."""

    def __init__(self, path: Path):
        self._strain, self._psd = (store.open_array(path / name) for name in ("strain", "psd"))
        self._filter = store.open_array(path / "filter") if (path / "filter").is_dir() else None
        self.taps = self._filter.shape[-1] if self._filter else 0
        self._windows = shards.ours(path / "strain")
        self._path, self.manifest = path, path.parent / "manifest.json"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all strain, (block, ifo, time)."""
        return tuple(self._strain.shape)

    @functools.cached_property
    def ifos(self) -> list[str]:
        """The store's interferometers, in its order."""
        attributes = json.loads((self._path / "ifo" / "zarr.json").read_text())["attributes"]
        return attributes["flag_meanings"].split()

    @functools.cached_property
    def spans(self) -> tuple[np.ndarray, np.ndarray]:
        """The first GPS second of each block, and its length in s."""
        start, seconds = (
            store.open_array(self._path / name).read().result() for name in ("gps_second", "duration")
        )
        return start, seconds

    def windows(self, blocks: np.ndarray, first: np.ndarray, size: int) -> np.ndarray:
        """Return (sample, ifo, time) strain of each block from its first sample on."""
        found = np.empty((len(blocks), self._windows.shape[1], size), np.float32)
        for out, block, start in zip(found, blocks, first, strict=True):
            self._windows.window(int(block), int(start), out)
        return found

    def series(self, block: int, ifo: int, first: int, size: int) -> np.ndarray:
        """Return the strain of one block and ifo from a sample on."""
        end = min(first + size, self._strain.shape[-1])
        return self._strain[block, ifo, first:end].read().result()

    def psd(self, block: int) -> np.ndarray:
        """Return a block's PSD, (ifo, frequency)."""
        return self._psd[block].read().result()

    def filter(self, block: int) -> np.ndarray:
        """Return a block's taps, (ifo, tap)."""
        return self._filter[block].read().result()
