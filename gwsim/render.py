"""Rows into arrays: whitened strain with its signal, spectrograms, realised columns. Nothing is drawn here.

Takes rows of `draw.parquet`, whitened noise with its operators, and a bank of waveforms; gives the arrays and
columns of `layout`, mantissas rounded to a stated number of bits. A row has the same bits whoever asks for
it, beside whichever others.

A signal is summed from the bank in frequency, delayed by a phase (never whole samples), and whitened by the
block's own operator. Its SNR is that of the conditioned, projected signal cut to the window. Strain and
amplitude spectra are in units of STRAIN_UNIT, distances in kpc, the bank in cm. Transforms are torch's, the
rest are loops over rows (`kernels`); `bulk` has all of it in torch, for a GPU.
"""

import collections
import functools
import itertools
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from gwsim import geometry, glitched, kernels, layout, microbatches, project, sharding, spectral, stft
from gwsim.conventions import KPC_CM, STRAIN_UNIT
from gwsim.errors import GwsimError

MICRO_BATCH = sharding.LEAST_ROWS
# Rows of a shard whose columns are looked up together: bits are each row's own.
AT_ONCE = 8 * MICRO_BATCH
# Rows are worked on in pieces whose transforms stay in a core's own cache.
PIECE_BYTES = 4 * 2**20
# Rows of which spectrograms are made at once.
FRAMED = 16
CACHED_BLOCKS = CACHED_ENTRIES = 512
# D h in cm, over a distance of 1 kpc, in units of STRAIN_UNIT.
UNIT_AT_ONE_KPC = 1.0 / (KPC_CM * STRAIN_UNIT)


class Renderer(microbatches.MicroBatches):
    """Renders rows of one dataset. noise and bank are sources of arrays: see NoiseStore and Bank.

    noise: taps (a number), windows(block, first, size), psd(block), filter(block);
    bank: start and samples (numbers), own, entries(systems), weights(table, convention), realised(table).
    """

    size, at_once = MICRO_BATCH, AT_ONCE

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
        self._piece = self._rows_of(PIECE_BYTES)
        self._dropped = 23 - settings["keep_bits"]
        self._taper = stft.taper(2 * sizes.half_stft).numpy()
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
        columns = [self._render(table, first, arrays) for first in range(0, len(table), self.at_once)]
        return arrays, pd.concat(columns, ignore_index=True)

    def micro_batch(self, table: pd.DataFrame) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
        """Render one micro-batch of rows."""
        return self.rows(table)

    def _render(self, table: pd.DataFrame, first: int, arrays: dict[str, np.ndarray]) -> pd.DataFrame:
        """Render the rows from a first one on into their places; return their realised columns."""
        table = table.iloc[first : first + self.at_once]
        columns = self._empty_columns(len(table))
        for places, strain in self._strains(table, columns):
            self._store(strain, first + places, arrays)
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
        arrays = {name: np.empty((len(rows), *shape), np.float32) for name, shape in self._shapes.items()}
        strain = self._noise(table, rows)
        self._add(signals, strain)
        self._store(self._with_glitches(strain, table, rows), np.arange(len(rows)), arrays)
        return arrays

    def _empty(self, table: pd.DataFrame) -> torch.Tensor:
        return torch.empty((len(table), len(self.ifos), self.geometry.stored), device=self.device)

    def _empty_columns(self, count: int) -> dict[str, np.ndarray]:
        """Return realised columns of rows without a signal."""
        kinds = {name: column[0] for name, column in self._realised.items()}
        return {name: np.full(count, microbatches.missing(kind)) for name, kind in kinds.items()}

    def _typed(self, columns: dict[str, np.ndarray]) -> pd.DataFrame:
        return pd.DataFrame({name: columns[name].astype(one[0]) for name, one in self._realised.items()})

    def _store(self, strain: torch.Tensor, places: np.ndarray, arrays: dict[str, np.ndarray]) -> None:
        """Write what the store has of some rows into their places."""
        kernels.round_mantissas(strain.numpy(), self._dropped, places, arrays["strain"])
        if "spectrogram" in arrays:
            for first in range(0, len(places), FRAMED):
                self._transform(arrays["strain"], places[first : first + FRAMED], arrays["spectrogram"])

    def _transform(self, strain: np.ndarray, places: np.ndarray, spectrogram: np.ndarray) -> None:
        """Write the spectrograms of some rows, from their strain as it is stored."""
        frames = torch.empty((len(places), *spectrogram.shape[1::2], len(self._taper)))
        kernels.frame(strain, places, self._taper, self.geometry.hop, frames.numpy())
        kernels.magnitudes(stft.floats(torch.fft.rfft(frames)), self._dropped, places, spectrogram)

    @staticmethod
    def _add(signals, strain: torch.Tensor) -> None:
        """Add signals to strain: (row, whitened signal at 1 kpc, factor) of each."""
        for row, unit, factor in signals:
            # Ifo by ifo, so that neither has to lie in memory as a whole.
            for one, its in zip(strain[row].numpy(), unit.numpy(), strict=True):
                kernels.add(its, factor, one)

    def _strains(self, table: pd.DataFrame, columns: dict[str, np.ndarray]):
        """Yield pieces of a table, (rows, strain), and fill the realised columns."""
        system = table["system"].to_numpy()
        quiet, loud = np.flatnonzero(system < 0), np.flatnonzero(system >= 0)
        for places in self._pieces(quiet):
            yield places, self._with_glitches(self._noise(table, places), table, places)
        if not len(loud):
            return
        for part, whitened, scale, realised in self._signals(table.iloc[loud]):
            places = loud[part]
            strain = self._noise(table, places)
            self._add(zip(range(len(part)), whitened, scale, strict=True), strain)
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

    def _unit_columns(self, unit: dict[str, np.ndarray], arrival: np.ndarray) -> dict[str, np.ndarray]:
        """Return the columns at 1 kpc that follow from SNRs there, and those of arrival."""
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

    def _whitened(self, waves: "_Waves", places: np.ndarray) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
        """Return some rows' whitened signals at 1 kpc, and their SNRs: of each ifo, full, and whitened."""
        spectra = self._projected(waves, places)
        operators = (self._operators[int(block)] for block in waves.block[places])
        response, in_window, in_full = zip(*operators, strict=True)
        size, stored, cut = self.geometry.fft, self.geometry.stored, self._cut
        unit = {"full": np.sqrt(np.square(self._snr(spectra, in_full, size)).sum(-1))}
        raw = torch.fft.irfft(spectra, size)
        unit["ifo"] = self._snr(torch.fft.rfft(raw[..., cut]), in_window, self.geometry.window)
        if self.settings["crop"] == "before":
            spectra = self._alone(raw)
        for row, factors in zip(stft.floats(spectra), response, strict=True):
            kernels.multiply(factors, row)
        whitened = torch.fft.irfft(spectra, size)
        sums = np.empty(whitened.shape[:2])
        kernels.squares(whitened.numpy(), cut.start, cut.stop, sums)
        return whitened[..., :stored], unit | {"whitened": np.sqrt(sums.sum(-1))}

    def _alone(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the spectra of signals that are zero outside of the window."""
        alone = torch.nn.functional.pad(raw[..., self._cut], (self.geometry.half_stft, 0))
        return torch.fft.rfft(alone, self.geometry.fft)

    @property
    def _cut(self) -> slice:
        """The example's window within stored strain."""
        return slice(self.geometry.half_stft, self.geometry.half_stft + self.geometry.window)

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
        """Return sum_a weight_a A~_a exp(-2 pi i f arrival) of each (sample, ifo)."""
        coarse, fine = (turns.numpy() for turns in self._turns(waves.arrival[places]))
        shape = (*coarse.shape[:2], self.geometry.fft // 2 + 1)
        spectra, weights = torch.empty(shape, dtype=torch.complex64), waves.weights[places]
        out = stft.floats(spectra)
        for rows, entry in self._entries(waves.system[places]):
            kernels.project(entry, weights[rows], coarse[rows], fine[rows], out[rows])
        return spectra

    def _entries(self, systems: np.ndarray):
        """Yield runs of samples that have the same entry of the bank, and the entry (term, bin)."""
        if self.bank.own:
            for row, entry in enumerate(stft.floats(self._own_spectra(systems))):
                yield slice(row, row + 1), entry
            return
        edges = [0, *np.flatnonzero(np.diff(systems)) + 1, len(systems)]
        for first, last in itertools.pairwise(edges):
            yield slice(first, last), self._spectra[int(systems[first])]

    def _own_spectra(self, systems: np.ndarray) -> torch.Tensor:
        """Return the spectra of entries that no two samples share, (sample, term, bin)."""
        entries = self._put(self.bank.entries(systems)).to(torch.float32)
        return torch.fft.rfft(entries, self.geometry.fft)

    def _turns(self, arrival: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the phases of waves that arrive so long after the window's start, at some bins.

        exp(-2 pi i f t) at every bin is the product of two short exponentials of float64 cycles: of each
        64th bin, and of 64 bins.
        """
        bins, low = self.geometry.fft // 2 + 1, kernels.TERMS
        start = self.geometry.bank_start + self.geometry.half_stft / self.geometry.rate
        cycles = self._put(arrival + start)[..., None] * self.geometry.rate / self.geometry.fft
        coarse = _turn(cycles * torch.arange(0, bins, low, device=self.device))
        return coarse, _turn(cycles * torch.arange(low, device=self.device))

    def _snr(self, spectra: torch.Tensor, weights: tuple[np.ndarray, ...], size: int) -> np.ndarray:
        """Return sqrt(4 sum |h~|^2 / S df) with h~ = dt rfft(h)."""
        first, sums = 2 * band(self.geometry, size).start, np.empty(spectra.shape[:2])
        for row, its, out in zip(stft.floats(spectra), weights, sums, strict=True):
            kernels.weighted_squares(row, first, its, out)
        return np.sqrt(4 * sums / (self.geometry.rate * size))

    def _operator(self, block: int) -> tuple[np.ndarray, ...]:
        """Return a block's filter response on the transform's bins, and 1/S in the band on both grids.

        Each value stands twice, for the real part of a bin and the imaginary one.
        """
        taps, psd, size = self.noise.filter(block), self.noise.psd(block), self.geometry.fft
        half = taps.shape[-1] // 2
        circular = np.zeros((taps.shape[0], size))
        circular[:, : half + 1], circular[:, size - half :] = taps[:, half:], taps[:, :half]
        response = np.fft.rfft(circular).real
        inverse = (self._inverse_psd(psd, self.geometry.window), self._inverse_psd(psd, size))
        return tuple(np.repeat(one, 2, axis=-1).astype(np.float32) for one in (response, *inverse))

    def _inverse_psd(self, psd: np.ndarray, size: int) -> np.ndarray:
        bins = band(self.geometry, size)
        frequencies = np.fft.rfftfreq(size, 1 / self.geometry.rate)[bins]
        return 1.0 / spectral.at_frequencies(psd, self.geometry.rate, frequencies)

    def _spectrum(self, system: int) -> np.ndarray:
        entry = np.fft.rfft(self.bank.entries(np.array([system]))[0].astype(np.float64), self.geometry.fft)
        return entry.astype(np.complex64).view(np.float32)


class _Waves(NamedTuple):
    """How the waves of some rows reach the ifos: what they are made of, each ifo's weights and arrival."""

    system: np.ndarray
    block: np.ndarray
    weights: np.ndarray
    arrival: np.ndarray


class _Cache:
    """What was last used, by number: the rest is made again, so that memory stays bounded."""

    def __init__(self, make, size: int):
        self._make, self._size, self._kept = make, size, collections.OrderedDict()

    def __getitem__(self, number: int):
        if number not in self._kept:
            self._kept[number] = self._make(number)
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        self._kept.move_to_end(number)
        return self._kept[number]


@functools.lru_cache
def band(sizes: geometry.Geometry, size: int) -> slice:
    """Return the bins of a transform that lie in the band."""
    frequencies, (low, high) = np.fft.rfftfreq(size, 1 / sizes.rate), sizes.band
    inside = np.flatnonzero((frequencies >= low) & (frequencies <= high))
    return slice(int(inside[0]), int(inside[-1]) + 1)


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
        rows = _named(table, ~(np.isfinite(unit) & (unit > 0)))
        raise GwsimError(
            f"the signals of rows {rows} have no SNR inside their window: the waveform is zero or misses it; "
            "check event_time, the model's duration and bounce time"
        )
    wanted, far = (table[name].to_numpy() for name in ("snr_target", "distance_target_kpc"))
    loudness = np.where(np.isnan(wanted), far, wanted)
    if not (np.isfinite(loudness) & (loudness > 0)).all():
        rows = _named(table, ~(np.isfinite(loudness) & (loudness > 0)))
        raise GwsimError(
            f"rows {rows} want no SNR or distance above zero: was the table edited? Draw it again"
        )
    return np.where(np.isnan(wanted), 1.0 / far, wanted / unit)


def _named(table: pd.DataFrame, wrong: np.ndarray) -> list[int]:
    """Return the numbers of the wrong rows, each once: a row that is made alone fills its micro-batch."""
    return sorted(set(table.index[wrong].tolist()))


def event_gps(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the GPS second and nanosecond of each row's bounce or merger."""
    if (missing := table["event_time"].isna().to_numpy()).any():
        rows = _named(table, missing)
        raise GwsimError(f"rows {rows} have a signal and no event_time: was the table edited? Draw it again")
    nanosecond = table["gps_nanosecond"].to_numpy(np.int64)
    nanosecond = nanosecond + np.rint(table["event_time"].to_numpy() * 1e9).astype(np.int64)
    return table["gps_second"].to_numpy(np.int64) + nanosecond // 10**9, nanosecond % 10**9
