"""Rows into Q-scans: raw strain with its glitch, whitened on itself and seen at four durations.

Takes rows of `draw.parquet`, a store of raw noise and the systems of its glitches; gives arrays and columns
of `layout`. A glitch is scaled to the wanted SNR of its loudest tile, alone and whitened by its PSD block's
spectrum, and put so that this tile stands at `event_time`. Then strain and glitch together are whitened by
their own spectrum, as Gravity Spy's pictures are. Strain is in units of STRAIN_UNIT.
"""

import numpy as np
import pandas as pd
import torch

from gwsim import layout, loudest, microbatches, qscan
from gwsim.errors import GwsimError

# Blocks of a minute take some 100 MB each while they are transformed.
MICRO_BATCH = 4


class Renderer(microbatches.MicroBatches):
    """Renders rows of one dataset. noise: see NoiseStore, of which it takes ifos, series and psd."""

    size = MICRO_BATCH

    def __init__(self, settings: dict, noise, systems: pd.DataFrame, device: str = "cpu"):
        self.settings, self.noise, self.systems, self.device = settings, noise, systems, device
        # The store may have other ifos than the dataset, in another order.
        self.places = [noise.ifos.index(ifo) for ifo in settings["ifos"]]
        self.rate = settings["sample_rate"]
        self.samples = round(settings["duration"] * self.rate)
        kind = (settings["duration"], self.rate, settings["qscan"]["q"], settings["qscan"]["frequencies"])
        self.transform, self.waveform = qscan.QTransform(*kind, device=device), loudest.Loudest(*kind, device)
        self._realised = layout.realised_columns(settings)

    def micro_batch(self, table: pd.DataFrame) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
        """Render one micro-batch of rows."""
        strains, realised = zip(*(self.strain(row) for row in table.itertuples()), strict=True)
        whitened = qscan.whiten(torch.as_tensor(np.stack(strains), device=self.device), self.rate)
        at = torch.tensor(table["event_time"].to_numpy(), device=self.device)
        mean = torch.tensor(table["mean_norm"].to_numpy() == 1, device=self.device)
        scans = self.transform.scan(whitened, at, mean, search=self.settings["qscan"]["search"])
        found = pd.DataFrame(list(realised))
        found["q_scan"] = scans.q.cpu().numpy()
        # The median of white noise's energy is ln 2 of its mean.
        energy = scans.energy.cpu().numpy() * np.where(table["mean_norm"] == 1, 1.0, np.log(2))
        found["snr_scan"] = np.sqrt(2 * energy)
        found["snr_kind"] = layout.SNR_KINDS.index("peak_tile")
        columns = {name: found[name].to_numpy().astype(kind) for name, (kind, _, _) in self._realised.items()}
        views = qscan.four(scans, self.settings["qscan"]["size"]).cpu().numpy()
        return {"qscan": views}, pd.DataFrame(columns)

    def strain(self, row) -> tuple[np.ndarray, dict[str, float]]:
        """Return a row's strain with its glitch, not whitened, and what was realised."""
        block, ifo = int(row.psd_block), self.places[int(row.scan_ifo)]
        strain = self.noise.series(block, ifo, int(row.start_sample), self.samples).astype(np.float64)
        if len(strain) < self.samples or np.isnan(strain.sum()):
            raise GwsimError(
                f"row {row.Index} reaches past the noise of its block: the table does not belong to this "
                "noise store; draw it again"
            )
        if np.isnan(row.snr_target):
            return strain, {"snr": np.nan, "peak_frequency": np.nan, "peak_q": np.nan}
        made = self.waveform(self.systems.iloc[int(row.system)].to_dict(), self.noise.psd(block)[ifo])
        strain += row.snr_target * made.put(row.event_time, self.rate)
        return strain, {"snr": row.snr_target, "peak_frequency": made.frequency, "peak_q": made.q}
