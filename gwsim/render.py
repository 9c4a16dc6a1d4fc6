"""Rows into arrays: whitened strain with its signal, spectrograms, realised columns. Nothing is drawn here.

Takes rows of `draw.parquet`, whitened noise with its operators, and a bank of waveforms; gives the arrays and
columns of `layout`, mantissas rounded to a stated number of bits. Rows are made in
micro-batches of fixed boundaries, so that a row has the same bits whoever asks for it.

A signal is summed from the bank in frequency, delayed by a phase (never whole samples), and whitened by the
block's own operator. Its SNR is that of the conditioned, projected signal cut to the window. Strain and
amplitude spectra are in units of STRAIN_UNIT, distances in kpc, the bank in cm.
"""

import collections
import functools
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from gwsim import geometry, glitched, layout, microbatches, project, sharding, spectral, stft
from gwsim.conventions import KPC_CM, STRAIN_UNIT
from gwsim.errors import GwsimError

MICRO_BATCH = sharding.LEAST_ROWS
# Rows are worked on in pieces whose transforms stay in a core's own cache.
PIECE_BYTES = 4 * 2**20
CACHED_BLOCKS = CACHED_ENTRIES = 512
# D h in cm, over a distance of 1 kpc, in units of STRAIN_UNIT.
UNIT_AT_ONE_KPC = 1.0 / (KPC_CM * STRAIN_UNIT)
# What rows are multiplied by: one of each row, or all of them stacked.
Factors = tuple[torch.Tensor, ...] | torch.Tensor


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
        sizes = self.geometry
        self._shapes = {"strain": (len(self.ifos), sizes.stored)}
        if settings["spectrogram"]["stored"]:
            self._shapes["spectrogram"] = (len(self.ifos), sizes.bins, sizes.window // sizes.hop + 1)
        self._piece = self._rows_of(PIECE_BYTES) if device == "cpu" else self.size
        self._operators = _Cache(self._operator, CACHED_BLOCKS)
        self._spectra = _Cache(self._spectrum, CACHED_ENTRIES)

    def _rows_of(self, piece_bytes: int) -> int:
        """Return of how many rows one of the transformed arrays has so many bytes."""
        return max(1, piece_bytes // (4 * len(self.ifos) * self.geometry.fft))

    def rows(
        self, table: pd.DataFrame, out: dict | None = None
    ) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
        """Render rows as any heir does, straight into their places."""
        arrays = {
            name: microbatches.room(out, name, (len(table), *shape), np.float32)
            for name, shape in self._shapes.items()
        }
        columns = [self._render(table, first, arrays) for first in range(0, len(table), self.size)]
        return arrays, pd.concat(columns, ignore_index=True)

    def micro_batch(self, table: pd.DataFrame) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
        """Render one micro-batch of rows."""
        return self.rows(table)

    def _render(self, table: pd.DataFrame, first: int, arrays: dict[str, np.ndarray]) -> pd.DataFrame:
        """Render the micro-batch that begins with a row into its place; return its realised columns."""
        table = table.iloc[first : first + self.size]
        columns = self._empty_columns(len(table))
        for places, strain in self._strains(table, columns):
            for name, values in self._stored(strain).items():
                arrays[name][first + places] = values.cpu().numpy()
        return self._typed(columns)

    def strain(self, table: pd.DataFrame) -> tuple[torch.Tensor, pd.DataFrame]:
        """Return whitened noise with its signals, and the realised columns."""
        whole, columns = self._empty(table), self._empty_columns(len(table))
        for places, strain in self._strains(table, columns):
            whole[places] = strain
        return whole, self._typed(columns)

    def signals(self, table: pd.DataFrame) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
        """Return the whitened signals of rows that have one, scaled as wanted, and what was realised."""
        whole, columns = self._empty(table), {}
        for places, whitened, scale, realised in self._signals(table):
            for place, one, factor in zip(places, whitened, scale, strict=True):
                torch.mul(one, factor, out=whole[place])
            for name, values in realised.items():
                columns.setdefault(name, np.empty(len(table)))[places] = values
        return whole, columns

    def units(self, table: pd.DataFrame) -> tuple[torch.Tensor, np.ndarray]:
        """Return the whitened signals at 1 kpc of rows that have one, and their network SNRs there."""
        whole, network = self._empty(table), np.empty(len(table))
        for places, whitened, unit in self.at_one_kpc(table):
            network[places] = unit["snr"]
            whole[self._put(places)] = whitened
        return whole, network

    def mix(self, table: pd.DataFrame, rows: np.ndarray, signals) -> dict[str, np.ndarray]:
        """Return what a store would have of some rows of a table: their noise with these signals.

        signals: (place among the rows, whitened signal at 1 kpc, factor on it) of those that have one.
        """
        strain = self._noise(table, rows)
        for place, unit, factor in signals:
            _add(strain[place], unit, factor)
        stored = self._stored(self._with_glitches(strain, table, rows))
        return {name: values.cpu().numpy() for name, values in stored.items()}

    def _empty(self, table: pd.DataFrame) -> torch.Tensor:
        return torch.empty((len(table), len(self.ifos), self.geometry.stored), device=self.device)

    def _empty_columns(self, count: int) -> dict[str, np.ndarray]:
        """Return realised columns of rows without a signal."""
        kinds = {name: column[0] for name, column in self._realised.items()}
        return {name: np.full(count, microbatches.missing(kind)) for name, kind in kinds.items()}

    def _typed(self, columns: dict[str, np.ndarray]) -> pd.DataFrame:
        return pd.DataFrame({name: columns[name].astype(one[0]) for name, one in self._realised.items()})

    def _stored(self, strain: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return what the store has of some rows."""
        keep, sizes = self.settings["keep_bits"], self.geometry
        stored = {"strain": round_mantissa(strain, keep)}
        if self.settings["spectrogram"]["stored"]:
            found = stft.magnitude(stored["strain"], 2 * sizes.half_stft, sizes.hop, sizes.bins)
            stored["spectrogram"] = round_mantissa(found.contiguous(), keep)
        return stored

    def _strains(self, table: pd.DataFrame, columns: dict[str, np.ndarray]):
        """Yield pieces of a micro-batch, (rows, strain), and fill the realised columns."""
        system = table["system"].to_numpy()
        quiet, loud = np.flatnonzero(system < 0), np.flatnonzero(system >= 0)
        for places in self._pieces(quiet):
            yield places, self._with_glitches(self._noise(table, places), table, places)
        if not len(loud):
            return
        for part, whitened, scale, realised in self._signals(table.iloc[loud]):
            places = loud[part]
            strain = self._noise(table, places)
            for row, one, factor in zip(strain, whitened, scale, strict=True):
                _add(row, one, factor)
            for name, values in realised.items():
                columns[name][places] = values
            yield places, self._with_glitches(strain, table, places)

    def _pieces(self, rows: np.ndarray) -> list[np.ndarray]:
        return [rows[first : first + self._piece] for first in range(0, len(rows), self._piece)]

    def _noise(self, table: pd.DataFrame, places: np.ndarray) -> torch.Tensor:
        """Return the whitened noise of some rows of a table."""
        strain = self._windows(table, places)
        self._expect_inside(strain.sum(), table)
        return strain

    def _windows(self, table: pd.DataFrame, places: np.ndarray) -> torch.Tensor:
        block, start = (table[name].to_numpy()[places] for name in ("psd_block", "start_sample"))
        strain = self.noise.windows(block, start - self.geometry.half_stft, self.geometry.stored)
        return self._put(strain)

    def _put(self, values) -> torch.Tensor:
        """Return an array where the work is done; a GPU is not waited for."""
        return torch.as_tensor(values).to(self.device, non_blocking=True)

    @staticmethod
    def _expect_inside(total: torch.Tensor, table: pd.DataFrame) -> None:
        """Refuse rows by the sum of their noise, which is NaN outside of a block."""
        if bool(total.isnan()):  # as every sum with a NaN is
            raise GwsimError(
                f"rows {table.index[0]} to {table.index[-1]} reach past the whitened noise of their block: "
                "the table does not belong to this noise store; draw it again"
            )

    def _with_glitches(self, strain: torch.Tensor, table: pd.DataFrame, places: np.ndarray) -> torch.Tensor:
        """Add the glitches of some rows of a table."""
        if self.glitches:
            for one, row in zip(strain, table.iloc[places].itertuples(), strict=True):
                if row.glitch >= 0:
                    one[int(row.glitch_ifo)] += self.glitches.whitened(row)
        return strain

    def _signals(self, table: pd.DataFrame):
        """Yield pieces: (rows, whitened signals at 1 kpc, what scales them as wanted, realised columns)."""
        for places, whitened, unit in self.at_one_kpc(table):
            scale = scales(table.iloc[places], unit["snr"])
            yield places, whitened, scale, as_scaled(unit, scale)

    def at_one_kpc(self, table: pd.DataFrame):
        """Yield pieces of rows that have a signal: (rows, whitened signals of each at 1 kpc, columns there).

        Columns whose names begin with snr are in proportion to the signal, the others do not follow it.
        """
        waves, realised = self._waves(table), self.bank.realised(table)
        for places in self.pieces(table):
            whitened, unit = self._whitened(waves, places)
            found = {name: values[places] for name, values in realised.items()}
            yield places, whitened, self._unit_columns(unit, waves.arrival[places]) | found

    def _unit_columns(self, unit: dict[str, torch.Tensor], arrival: np.ndarray) -> dict[str, np.ndarray]:
        """Return the columns at 1 kpc that follow from SNRs there, and those of arrival."""
        unit = {name: values.cpu().numpy() for name, values in unit.items()}
        columns = {
            "snr": np.sqrt(np.square(unit["ifo"]).sum(-1)),
            "snr_full": unit["full"],
            "snr_whitened": unit["whitened"],
        }
        for i, ifo in enumerate(self.ifos):
            columns[f"snr_{ifo}"] = unit["ifo"][:, i]
            columns[f"arrival_{ifo}"] = arrival[:, i]
        return columns

    def pieces(self, table: pd.DataFrame) -> list[np.ndarray]:
        """Return rows that are worked on together; those of one system find its spectrum at hand."""
        return self._pieces(np.argsort(table["system"].to_numpy(), kind="stable"))

    def _whitened(self, waves: "_Waves", places: np.ndarray) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return some rows' whitened signals at 1 kpc, and their SNRs: of each ifo, full, and whitened."""
        spectra = self._projected(waves, places)
        response, in_window, in_full = self._operators_of(waves.block[places])
        size, cut = self.geometry.fft, slice(self.geometry.half_stft, -self.geometry.half_stft)
        raw = torch.fft.irfft(spectra, size)[..., : self.geometry.stored]
        unit = {
            "ifo": self._snr(torch.fft.rfft(raw[..., cut]), in_window, self.geometry.window),
            "full": self._snr(spectra, in_full, size).square().sum(-1).sqrt(),
        }
        if self.settings["crop"] == "before":
            alone = torch.nn.functional.pad(raw[..., cut], (self.geometry.half_stft, 0))
            spectra = torch.fft.rfft(alone, size)
        _times(torch.view_as_real(spectra).flatten(-2), response)
        whitened = torch.fft.irfft(spectra, size)[..., : self.geometry.stored]
        unit["whitened"] = _sum(whitened[..., cut].square()).sum(-1).sqrt()
        return whitened, unit

    def _operators_of(self, blocks: np.ndarray):
        """Return of each row the response, and the two 1/S: what `_times` takes."""
        return zip(*(self._operators[int(block)] for block in blocks), strict=True)

    def projected(self, table: pd.DataFrame) -> tuple[stft.Spectra, np.ndarray]:
        """Return each ifo's signal at 1 kpc, as rfft over the transform's length, and its arrival times."""
        waves = self._waves(table)
        return self._projected(waves, np.arange(len(table))), waves.arrival

    def _waves(self, table: pd.DataFrame) -> "_Waves":
        """Return how the waves of rows that have a signal reach the ifos."""
        second, nanosecond = event_gps(table)
        ra, dec, psi = (table[name].to_numpy() for name in ("ra", "dec", "psi"))
        plus, cross = self.bank.weights(table, self.settings["polarisation_convention"])
        weights = project.coefficients(self.ifos, plus, cross, ra, dec, psi, second, nanosecond)
        delays = project.arrivals(self.ifos, ra, dec, second, nanosecond)
        return _Waves(
            system=table["system"].to_numpy(),
            block=table["psd_block"].to_numpy(),
            weights=(weights * UNIT_AT_ONE_KPC).astype(np.float32),
            arrival=table["event_time"].to_numpy()[:, None] + delays,
        )

    def _projected(self, waves: "_Waves", places: np.ndarray) -> stft.Spectra:
        spectra = self._sum_bank(waves.system[places], waves.weights[places])
        start = self.geometry.bank_start + self.geometry.half_stft / self.geometry.rate
        return spectra.mul_(self._phases(waves.arrival[places] + start))

    def _sum_bank(self, systems: np.ndarray, weights: np.ndarray) -> torch.Tensor:
        """Return sum_a weight_a A~_a of each (sample, ifo): a matrix product for each sample.

        Samples of one system together would be one product, whose bits depend on how many they are.
        """
        weights = self._put(weights)
        if self.bank.own:
            entries = self._put(self.bank.entries(systems)).to(torch.float32)
            return weighted(weights, torch.fft.rfft(entries, self.geometry.fft))
        return self._sum_shared(systems, weights)

    def _sum_shared(self, systems: np.ndarray, weights: torch.Tensor) -> torch.Tensor:
        """Return the sums of entries that several samples may have."""
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
        shift = self._put(shift)[..., None]
        cycles = shift * self.geometry.rate / self.geometry.fft
        coarse = _turn(cycles * torch.arange(0, bins, low, device=self.device))
        fine = _turn(cycles * torch.arange(low, device=self.device))
        return (coarse[..., :, None] * fine[..., None, :]).flatten(-2)[..., :bins]

    def _snr(self, spectra: torch.Tensor, weight: Factors, size: int) -> torch.Tensor:
        """Return sqrt(4 sum |h~|^2 / S df) with h~ = dt rfft(h)."""
        squares = torch.view_as_real(spectra[..., _band(self.geometry, size)]).flatten(-2).square()
        return (4 * _sum(_times(squares, weight)) / (self.geometry.rate * size)).sqrt()

    def _operator(self, block: int) -> tuple[torch.Tensor, ...]:
        """Return a block's filter response on the transform's bins, and 1/S in the band on both grids.

        Each value stands twice, for the real part of a bin and the imaginary one.
        """
        taps, psd, size = self.noise.filter(block), self.noise.psd(block), self.geometry.fft
        half = taps.shape[-1] // 2
        circular = np.zeros((taps.shape[0], size))
        circular[:, : half + 1], circular[:, size - half :] = taps[:, half:], taps[:, :half]
        response = np.fft.rfft(circular).real
        inverse = (self._inverse_psd(psd, self.geometry.window), self._inverse_psd(psd, size))
        entry = (np.repeat(one, 2, axis=-1) for one in (response, *inverse))
        return tuple(torch.as_tensor(one, dtype=torch.float32, device=self.device) for one in entry)

    def _inverse_psd(self, psd: np.ndarray, size: int) -> np.ndarray:
        bins = _band(self.geometry, size)
        frequencies = np.fft.rfftfreq(size, 1 / self.geometry.rate)[bins]
        return 1.0 / spectral.at_frequencies(psd, self.geometry.rate, frequencies)

    def _spectrum(self, system: int) -> torch.Tensor:
        entry = np.fft.rfft(self.bank.entries(np.array([system]))[0].astype(np.float64), self.geometry.fft)
        return torch.as_tensor(entry, dtype=torch.complex64, device=self.device)


class _Waves(NamedTuple):
    """How the waves of some rows reach the ifos: what they are made of, each ifo's weights and arrival."""

    system: np.ndarray
    block: np.ndarray
    weights: np.ndarray
    arrival: np.ndarray


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


def weighted(weights: torch.Tensor, spectra: torch.Tensor) -> torch.Tensor:
    """Return each sample's sum of spectra (sample, term, bin) by weights (sample, ifo, term)."""
    product = weights @ torch.view_as_real(spectra).flatten(2)
    return torch.view_as_complex(product.unflatten(-1, (-1, 2)))


def _times(rows: torch.Tensor, factors: Factors) -> torch.Tensor:
    """Multiply each row by its own factor, in place: on a CPU stacked factors cost a copy of all of them."""
    if isinstance(factors, torch.Tensor):
        return rows.mul_(factors)
    for row, factor in zip(rows, factors, strict=True):
        row *= factor
    return rows


@functools.lru_cache
def _band(sizes: geometry.Geometry, size: int) -> slice:
    """Return the bins of a transform that lie in the band."""
    frequencies, (low, high) = np.fft.rfftfreq(size, 1 / sizes.rate), sizes.band
    inside = np.flatnonzero((frequencies >= low) & (frequencies <= high))
    return slice(int(inside[0]), int(inside[-1]) + 1)


def _sum(terms: torch.Tensor) -> torch.Tensor:
    """Return the float64 sum over the last axis: sums of 64 terms are float32, as these are."""
    whole = terms.shape[-1] // 64 * 64
    total = terms[..., :whole].unflatten(-1, (-1, 64)).sum(-1).sum(-1, dtype=torch.float64)
    return total + terms[..., whole:].sum(-1, dtype=torch.float64)


def _add(strain: torch.Tensor, signal: torch.Tensor, factor: float) -> None:
    """Add a multiple of a signal, ifo by ifo: so bits do not depend on how either lies in memory."""
    for row, one in zip(strain, signal, strict=True):
        row.add_(one, alpha=factor)


def _turn(cycles: torch.Tensor) -> torch.Tensor:
    angle = (cycles - cycles.round()).to(torch.float32) * (-2 * np.pi)
    return torch.polar(torch.ones_like(angle), angle)


def as_scaled(unit: dict[str, np.ndarray], scale: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of signals that are scaled, from those at 1 kpc."""
    return {
        **{name: one * scale if name.startswith("snr") else one for name, one in unit.items()},
        "snr_kind": np.full(len(scale), layout.SNR_KINDS.index("optimal")),
        "distance_kpc": 1.0 / scale,
    }


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
