"""Binaries by ml4gw: projection, weights for the wanted SNR, noise and whitening, beside ours."""

from pathlib import Path

import elsewhere
import lal
import numpy as np
import pandas as pd
from measuring import Way

from gwsim import noise, render
from gwsim.conventions import KPC_CM, STRAIN_UNIT
from gwsim.waveforms import sources

# Half of ml4gw's filter, which it drops at each end (s).
AROUND = 1


def ways(scratch: Path, folder: Path, settings: dict, rows: int = 64) -> list[Way]:
    """Return ml4gw's way with a dataset's first rows; none where it is not there.

    scratch: has the noise and strain.npy; folder: the dataset's, with bank and draw.parquet.
    """
    if not elsewhere.there():
        return []
    table = pd.read_parquet(folder / "draw.parquet").iloc[:rows]
    room = table["start_sample"].between(AROUND * settings["sample_rate"], 250 * settings["sample_rate"])
    # ml4gw whitens a batch by one PSD; those with a signal come first.
    table = table[room & (table["psd_block"] == 0)].sort_values("system", ascending=False)
    source = noise.NoiseStore(scratch / "noise" / "shards.zarr")
    np.savez(
        scratch / "ml4gw.npz",
        strain=np.load(scratch / "strain.npy").astype(np.float32),
        psd=source.psd(0) * STRAIN_UNIT**2,
        first=table["start_sample"].to_numpy() - AROUND * settings["sample_rate"],
        **signals(folder, table[table["system"] >= 0], settings),
    )
    arguments = scratch / "ml4gw.npz", settings["sample_rate"], settings["duration"], *settings["ifos"]
    return elsewhere.ways("projected", ["ml4gw, a known PSD"], *arguments)


def signals(folder: Path, table: pd.DataFrame, settings: dict) -> dict[str, np.ndarray]:
    """Return plus and cross of rows in windows with AROUND at each end, where each lies, and wanted SNRs."""
    bank = sources.opened(folder / "bank" / "shards.zarr")
    entries = bank.entries(table["system"].to_numpy()) / KPC_CM
    weights = bank.weights(table, settings["polarisation_convention"])
    waves = np.einsum("pst,stn->psn", weights, entries)
    rate = settings["sample_rate"]
    placed = np.zeros((*waves.shape[:2], rate * (settings["duration"] + 2 * AROUND)), np.float32)
    begins = np.rint((AROUND + table["event_time"].to_numpy() + bank.start) * rate).astype(int)
    for row, begin in enumerate(begins):
        low, high = max(begin, 0), min(begin + waves.shape[-1], placed.shape[-1])
        placed[:, row, low:high] = waves[:, row, low - begin : high - begin]
    second, nanosecond = render.event_gps(table)
    gmst = np.array([lal.GreenwichMeanSiderealTime(one) for one in second + 1e-9 * nanosecond])
    angles = {"dec": table["dec"], "psi": table["psi"], "phi": table["ra"] - gmst}
    return {"plus": placed[0], "cross": placed[1], "snr": table["snr_target"], **angles}
