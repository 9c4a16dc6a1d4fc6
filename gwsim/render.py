"""Rows into arrays: whitened strain with its signal, spectrograms, realised columns. Nothing is drawn here.

Takes rows of `draw.parquet`, whitened noise with its operators, and a bank of waveforms; gives the arrays and
columns of `layout`, mantissas rounded to a stated number of bits. Rows are made in
micro-batches of fixed boundaries, so that a row has the same bits whoever asks for it.

A signal is summed from the bank in frequency, delayed by a phase (never whole samples), and whitened by the
block's own operator. Its SNR is that of the conditioned, projected signal cut to the window. Strain and
amplitude spectra are in units of STRAIN_UNIT, distances in kpc, the bank in cm.
"""

import collections

import numpy as np
import pandas as pd
import torch

from gwsim import geometry, glitched, layout, microbatches, project, sharding, spectral, stft
from gwsim.conventions import KPC_CM, STRAIN_UNIT
from gwsim.errors import GwsimError

MICRO_BATCH = sharding.LEAST_ROWS
CACHED_BLOCKS = CACHED_ENTRIES = 512
# D h in cm, over a distance of 1 kpc, in units of STRAIN_UNIT.
UNIT_AT_ONE_KPC = 1.0 / (KPC_CM * STRAIN_UNIT)


class Renderer(microbatches.MicroBatches):
    """Renders rows of one dataset. noise and bank are sources of arrays: see NoiseStore and Bank.

    noise: taps (a number), windows(block, first, size), psd(block), filter(block);
    bank: start and samples (numbers), own, entries(systems), weights(table, convention), realised(table).
    """

    size = MICRO_BATCH

    def __init__(self, settings: dict, noise, bank, device: str = "cpu"):
        self.settings, self.noise, self.bank, self.device = settings, noise, bank, device
        self.ifos = settings["ifos"]
        self._realised = layout.realised_columns(settings)
        self.geometry = geometry.of(settings, bank.start, bank.samples, noise.taps)
        self.glitches = glitched.Glitches(noise, self.geometry, device) if settings["glitches"] else None
        self._operators = _Cache(self._operator, CACHED_BLOCKS)
        self._spectra = _Cache(self._spectrum, CACHED_ENTRIES)

    def micro_batch(self, table: pd.DataFrame) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
        """Render one micro-batch of rows."""
        strain, columns = self.strain(table)
        return self._stored(strain), columns

    def units(self, table: pd.DataFrame) -> tuple[torch.Tensor, np.ndarray]:
        """Return the whitened signals at 1 kpc of rows that have one, and their network SNRs there."""
        whitened, unit_ifo, _, _ = self._at_one_kpc(table)
        return whitened, _network(unit_ifo)

    def mix(self, table: pd.DataFrame, rows: np.ndarray, signals) -> dict[str, np.ndarray]:
        """Return what a store would have of some rows of a table: their noise with these signals.

        signals: (place among the rows, whitened signal at 1 kpc, factor on it) of those that have one.
        """
        strain = self._noise(table, rows)
        for place, unit, factor in signals:
            strain[place] += unit * factor
        return self._stored(self._with_glitches(strain, table, rows))

    def _stored(self, strain: torch.Tensor) -> dict[str, np.ndarray]:
        """Return what the store has of strain."""
        keep, sizes = self.settings["keep_bits"], self.geometry
        strain = round_mantissa(strain, keep)
        arrays = {"strain": strain.cpu().numpy()}
        if self.settings["spectrogram"]["stored"]:
            spectrogram = stft.magnitude(strain, 2 * sizes.half_stft, sizes.hop, sizes.bins)
            arrays["spectrogram"] = round_mantissa(spectrogram.contiguous(), keep).cpu().numpy()
        return arrays

    def _noise(self, table: pd.DataFrame, rows: np.ndarray) -> torch.Tensor:
        """Return the whitened noise of some rows of a table."""
        block, start = (table[name].to_numpy()[rows] for name in ("psd_block", "start_sample"))
        strain = self.noise.windows(block, start - self.geometry.half_stft, self.geometry.stored)
        strain = torch.as_tensor(strain, device=self.device)
        if bool(strain.sum().isnan()):  # as every sum with a NaN is
            raise GwsimError(
                f"rows {table.index[rows[0]]} to {table.index[rows[-1]]} reach past the whitened noise of "
                "their block: the table does not belong to this noise store; draw it again"
            )
        return strain

    def _with_glitches(self, strain: torch.Tensor, table: pd.DataFrame, rows: np.ndarray) -> torch.Tensor:
        """Add the glitches of some rows of a table."""
        if self.glitches:
            for one, row in zip(strain, table.iloc[rows].itertuples(), strict=True):
                if row.glitch >= 0:
                    one[int(row.glitch_ifo)] += self.glitches.whitened(row)
        return strain

    def strain(self, table: pd.DataFrame) -> tuple[torch.Tensor, pd.DataFrame]:
        """Return whitened noise with its signals, and the realised columns."""
        rows = np.arange(len(table))
        strain = self._noise(table, rows)
        kinds = {name: column[0] for name, column in self._realised.items()}
        columns = {name: np.full(len(table), microbatches.missing(kind)) for name, kind in kinds.items()}
        signal = np.flatnonzero(table["system"].to_numpy() >= 0)
        if len(signal):
            whitened, realised = self.signals(table.iloc[signal])
            for place, one in zip(signal, whitened, strict=True):
                strain[place] += one
            for name, values in realised.items():
                columns[name][signal] = values
        strain = self._with_glitches(strain, table, rows)
        return strain, pd.DataFrame({name: columns[name].astype(kind) for name, kind in kinds.items()})

    def signals(self, table: pd.DataFrame) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
        """Return the whitened signals of rows that have one, scaled as wanted, and what was realised."""
        whitened, unit_ifo, unit_full, arrival = self._at_one_kpc(table)
        unit, cut = _network(unit_ifo), slice(self.geometry.half_stft, -self.geometry.half_stft)
        scale = scales(table, unit)
        whitened *= torch.as_tensor(scale, dtype=whitened.dtype, device=self.device)[:, None, None]
        snr_whitened = whitened[..., cut].square().sum((-1, -2), dtype=torch.float64).sqrt()
        realised = {
            "snr": unit * scale,
            "snr_full": unit_full.cpu().numpy() * scale,
            "snr_whitened": snr_whitened.cpu().numpy(),
            "snr_kind": np.full(len(table), layout.SNR_KINDS.index("optimal")),
            "distance_kpc": 1.0 / scale,
            **self.bank.realised(table),
        }
        for i, ifo in enumerate(self.ifos):
            realised[f"snr_{ifo}"] = unit_ifo[:, i].cpu().numpy() * scale
            realised[f"arrival_{ifo}"] = arrival[:, i]
        return whitened, realised

    def _at_one_kpc(self, table: pd.DataFrame) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, np.ndarray]:
        """Return whitened signals at 1 kpc, their SNRs in each ifo, full ones, and arrival times."""
        spectra, arrival = self.projected(table)
        operators = [self._operators[int(block)] for block in table["psd_block"]]
        response, in_window, in_full = zip(*operators, strict=True)
        size, cut = self.geometry.fft, slice(self.geometry.half_stft, -self.geometry.half_stft)
        raw = torch.fft.irfft(spectra, size)[..., : self.geometry.stored]
        unit_ifo = self._snr(torch.fft.rfft(raw[..., cut]), in_window, self.geometry.window)
        unit_full = self._snr(spectra, in_full, size).square().sum(-1).sqrt()
        if self.settings["crop"] == "before":
            alone = torch.nn.functional.pad(raw[..., cut], (self.geometry.half_stft, 0))
            spectra = torch.fft.rfft(alone, size)
        whitened = torch.fft.irfft(_times(spectra, response), size)[..., : self.geometry.stored]
        return whitened, unit_ifo, unit_full, arrival

    def projected(self, table: pd.DataFrame) -> tuple[stft.Spectra, np.ndarray]:
        """Return each ifo's signal at 1 kpc, as rfft over the transform's length, and its arrival times."""
        second, nanosecond = event_gps(table)
        ra, dec, psi = (table[name].to_numpy() for name in ("ra", "dec", "psi"))
        plus, cross = self.bank.weights(table, self.settings["polarisation_convention"])
        weights = project.coefficients(self.ifos, plus, cross, ra, dec, psi, second, nanosecond)
        delays = project.arrivals(self.ifos, ra, dec, second, nanosecond)
        arrival = table["event_time"].to_numpy()[:, None] + delays
        spectra = self._sum_bank(table["system"].to_numpy(), weights * UNIT_AT_ONE_KPC)
        shift = arrival + self.geometry.bank_start + self.geometry.half_stft / self.geometry.rate
        return spectra.mul_(self._phases(shift)), arrival

    def _sum_bank(self, systems: np.ndarray, weights: np.ndarray) -> torch.Tensor:
        """Return sum_a weight_a A~_a of each (sample, ifo): a matrix product for each sample.

        Samples of one system together would be one product, whose bits depend on how many they are.
        """
        weights = torch.as_tensor(weights, dtype=torch.float32, device=self.device)
        if self.bank.own:
            entries = torch.as_tensor(self.bank.entries(systems), dtype=torch.float32, device=self.device)
            spectra = torch.view_as_real(torch.fft.rfft(entries, self.geometry.fft)).flatten(2)
            return torch.view_as_complex((weights @ spectra).unflatten(-1, (-1, 2)))
        bins = self.geometry.fft // 2 + 1
        total = torch.empty((*weights.shape[:2], bins), dtype=torch.complex64, device=self.device)
        for system in np.unique(systems):
            rows = torch.as_tensor(np.flatnonzero(systems == system), device=self.device)
            entry = torch.view_as_real(self._spectra[int(system)]).reshape(weights.shape[-1], -1)
            product = torch.bmm(weights[rows], entry.expand(len(rows), -1, -1))
            total[rows] = torch.view_as_complex(product.unflatten(-1, (bins, 2)))
        return total

    def _phases(self, shift: np.ndarray) -> torch.Tensor:
        """Return exp(-2 pi i f shift) at every bin: two short exponentials, of float64 cycles, multiplied."""
        bins, low = self.geometry.fft // 2 + 1, 64
        shift = torch.as_tensor(shift, dtype=torch.float64, device=self.device)[..., None]
        cycles = shift * self.geometry.rate / self.geometry.fft
        coarse = _turn(cycles * torch.arange(0, bins, low, device=self.device))
        fine = _turn(cycles * torch.arange(low, device=self.device))
        return (coarse[..., :, None] * fine[..., None, :]).flatten(-2)[..., :bins]

    def _snr(self, spectra: torch.Tensor, weight: tuple[torch.Tensor, ...], size: int) -> torch.Tensor:
        """Return sqrt(4 sum |h~|^2 / S df) with h~ = dt rfft(h).

        Products are float32 and sums of 64 of them too; their sum is float64.
        """
        terms = _times(stft.power(spectra), weight)
        whole = terms.shape[-1] // 64 * 64
        total = terms[..., :whole].unflatten(-1, (-1, 64)).sum(-1).sum(-1, dtype=torch.float64)
        total += terms[..., whole:].sum(-1, dtype=torch.float64)
        return (4 * total / (self.geometry.rate * size)).sqrt()

    def _operator(self, block: int) -> tuple[torch.Tensor, ...]:
        """Return a block's filter response on the transform's bins, and 1/S in the band on both grids."""
        taps, psd, size = self.noise.filter(block), self.noise.psd(block), self.geometry.fft
        half = taps.shape[-1] // 2
        circular = np.zeros((taps.shape[0], size))
        circular[:, : half + 1], circular[:, size - half :] = taps[:, half:], taps[:, :half]
        response = np.fft.rfft(circular).real
        inverse = (self._inverse_psd(psd, self.geometry.window), self._inverse_psd(psd, size))
        entry = (response, *inverse)
        return tuple(torch.as_tensor(one, dtype=torch.float32, device=self.device) for one in entry)

    def _inverse_psd(self, psd: np.ndarray, size: int) -> np.ndarray:
        frequencies = np.fft.rfftfreq(size, 1 / self.geometry.rate)
        low, high = self.geometry.band
        inside = (frequencies >= low) & (frequencies <= high)
        return inside / spectral.at_frequencies(psd, self.geometry.rate, frequencies)

    def _spectrum(self, system: int) -> torch.Tensor:
        entry = np.fft.rfft(self.bank.entries(np.array([system]))[0].astype(np.float64), self.geometry.fft)
        return torch.as_tensor(entry, dtype=torch.complex64, device=self.device)


class _Cache:
    """The tensors last used, by number: the rest is made again, so that memory stays bounded."""

    def __init__(self, make, size: int):
        self._make, self._size, self._kept = make, size, collections.OrderedDict()

    def __getitem__(self, number: int):
        if number not in self._kept:
            self._kept[number] = self._make(number)
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        self._kept.move_to_end(number)
        return self._kept[number]


def _network(unit_ifo: torch.Tensor) -> np.ndarray:
    """Return the network's SNRs from those in each ifo."""
    return unit_ifo.square().sum(-1).sqrt().cpu().numpy()


def _times(rows: torch.Tensor, factors: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Multiply each row by its own factor, in place: stacked factors would be copied for every batch."""
    for row, factor in zip(rows, factors, strict=True):
        row *= factor
    return rows


def _turn(cycles: torch.Tensor) -> torch.Tensor:
    angle = (cycles - cycles.round()).to(torch.float32) * (-2 * np.pi)
    return torch.polar(torch.ones_like(angle), angle)


def scales(table: pd.DataFrame, unit: np.ndarray) -> np.ndarray:
    """Return the factor on each signal at 1 kpc: from its wanted SNR, or its wanted distance."""
    if not (np.isfinite(unit).all() and (unit > 0).all()):
        rows = list(table.index[~(np.isfinite(unit) & (unit > 0))])
        raise GwsimError(
            f"the signals of rows {rows} have no SNR inside their window: the waveform is zero or misses it; "
            "check event_time, the model's duration and bounce time"
        )
    wanted = table["snr_target"].to_numpy()
    return np.where(np.isnan(wanted), 1.0 / table["distance_target_kpc"].to_numpy(), wanted / unit)


def event_gps(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the GPS second and nanosecond of each row's bounce or merger."""
    nanosecond = table["gps_nanosecond"].to_numpy(np.int64)
    nanosecond = nanosecond + np.rint(table["event_time"].to_numpy() * 1e9).astype(np.int64)
    return table["gps_second"].to_numpy(np.int64) + nanosecond // 10**9, nanosecond % 10**9


def round_mantissa(values: torch.Tensor, keep_bits: int) -> torch.Tensor:
    """Round finite float32 to the given bits of mantissa, half to even."""
    drop = 23 - keep_bits
    if drop == 0:
        return values
    bits = values.view(torch.int32)
    rounded = (bits >> drop).bitwise_and_(1).add_((1 << (drop - 1)) - 1).add_(bits)
    return rounded.bitwise_and_(-(1 << drop)).view(torch.float32)
