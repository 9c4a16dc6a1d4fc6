"""Rows into arrays as `render` makes them, thousands at a time: how a GPU renders.

The arithmetic is that of `render`; what goes row by row there, in loops that stay in a core's cache, is an
operation on all rows and stacked operators here, and nothing waits for the device before all are under way. A
device may take sums in another order: strain may then differ in the last bit that is kept.

Noise and bank are the sources that `render` takes; with those of `on_device` nothing is copied between.
"""

import numpy as np
import pandas as pd
import torch

from gwsim import render, stft

# Of one of the arrays that are transformed; a good ten of that size are alive at once.
PIECE_BYTES = 512 * 2**20
# Whose operators and spectra stay from piece to piece.
MOST_BLOCKS = MOST_SYSTEMS = 1024
# An SNR or, where that is NaN, a distance.
WANTED = ("snr_target", "distance_target_kpc")


def renderer(settings: dict, noise, bank, device: str) -> render.Renderer:
    """Return what renders on a device: a CPU row by row, and anything else in bulk."""
    kind = render.Renderer if torch.device(device).type == "cpu" else Renderer
    return kind(settings, noise, bank, device)


class Renderer(render.Renderer):
    """Renders rows of one dataset on a device, as many at once as have piece_bytes in one array."""

    def __init__(self, settings: dict, noise, bank, device: str = "cuda", piece_bytes: int = PIECE_BYTES):
        super().__init__(settings, noise, bank, device)
        self.size = self.at_once = self._piece = self._rows_of(piece_bytes)
        self._operators = _Stack(self._stacked_operators, MOST_BLOCKS)
        self._spectra = _Stack(self._stacked_spectra, MOST_SYSTEMS)

    def tensors(self, table: pd.DataFrame) -> tuple[dict[str, torch.Tensor], pd.DataFrame]:
        """Render rows as `rows` does, but leave their arrays on the device."""
        count, columns = len(table), self._empty_columns(len(table))
        whole = {
            name: torch.empty((count, *shape), device=self.device) for name, shape in self._shapes.items()
        }
        for places, strain in self._strains(table, columns):
            for name, values in self._stored(strain).items():
                whole[name][self._put(places)] = values
        return whole, self._typed(columns)

    def _store(self, strain: torch.Tensor, places: np.ndarray, arrays: dict[str, np.ndarray]) -> None:
        for name, values in self._stored(strain).items():
            arrays[name][places] = values.cpu().numpy()

    def _stored(self, strain: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return what the store has of some rows."""
        keep, sizes = self.settings["keep_bits"], self.geometry
        stored = {"strain": round_mantissa(strain, keep)}
        if "spectrogram" in self._shapes:
            found = stft.magnitude(stored["strain"], 2 * sizes.half_stft, sizes.hop, sizes.bins)
            stored["spectrogram"] = round_mantissa(found.contiguous(), keep)
        return stored

    def _add(self, signals, strain: torch.Tensor) -> None:
        if signals := list(signals):
            places, units, factors = zip(*signals, strict=True)
            scaled = torch.stack(units).mul_(self._put(np.float32(factors))[:, None, None])
            strain[self._put(np.array(places))] += scaled

    def _strains(self, table: pd.DataFrame, columns: dict[str, np.ndarray]):
        """Yield pieces of rows, (rows, strain); fill the realised columns when the last one is under way."""
        system, sums = table["system"].to_numpy(), []
        for places in self._pieces(np.flatnonzero(system < 0)):
            strain = self._windows(table, places)
            sums.append(strain.sum())
            yield places, self._with_glitches(strain, table, places)
        if len(loud := np.flatnonzero(system >= 0)):
            units, its = [], table.iloc[loud]
            waves = self._waves(its)
            for part in self._pieces(np.arange(len(loud))):
                strain = self._windows(its, part)
                sums.append(strain.sum())
                units.append(self._add_signals(strain, its.iloc[part], waves, part))
                yield loud[part], self._with_glitches(strain, its, part)
            self._fill(columns, loud, its, units, waves.arrival)
        self._expect_inside(torch.stack(sums).sum(), table)

    def _add_signals(self, strain: torch.Tensor, table: pd.DataFrame, waves, part) -> dict[str, torch.Tensor]:
        """Add the signals of a piece to its noise, as loud as its table wants them; return SNRs at 1 kpc."""
        whitened, unit = self._whitened(waves, part)
        snr, distance = (self._put(table[name].to_numpy(copy=True)) for name in WANTED)
        network = unit["ifo"].square().sum(-1).sqrt()
        scale = torch.where(snr.isnan(), 1.0 / distance, snr / network)
        strain.addcmul_(whitened, scale.to(torch.float32)[:, None, None])
        return unit

    def _fill(self, columns, loud: np.ndarray, its: pd.DataFrame, units: list, arrival: np.ndarray) -> None:
        """Fill the realised columns of rows with a signal, from the SNRs at 1 kpc of all their pieces."""
        whole = {name: torch.cat([unit[name] for unit in units]) for name in units[0]}
        unit = self._unit_columns(whole, arrival) | self.bank.realised(its)
        for name, values in render.as_scaled(unit, render.scales(its, unit["snr"])).items():
            columns[name][loud] = values

    def _unit_columns(self, unit: dict[str, torch.Tensor], arrival: np.ndarray) -> dict[str, np.ndarray]:
        unit = {name: values.cpu().numpy() for name, values in unit.items()}
        return super()._unit_columns(unit, arrival)

    def _whitened(self, waves, places: np.ndarray) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return signals and SNRs as `render` does, on the device."""
        spectra = self._projected(waves, places)
        response, in_window, in_full = self._operators.of(waves.block[places], self._put)
        size, cut = self.geometry.fft, self._cut
        raw = torch.fft.irfft(spectra, size)
        unit = {
            "ifo": self._snr(torch.fft.rfft(raw[..., cut]), in_window, self.geometry.window),
            "full": self._snr(spectra, in_full, size).square().sum(-1).sqrt(),
        }
        if self.settings["crop"] == "before":
            spectra = self._alone(raw)
        torch.view_as_real(spectra).flatten(-2).mul_(response)
        whitened = torch.fft.irfft(spectra, size)[..., : self.geometry.stored]
        unit["whitened"] = _sum(whitened[..., cut].square()).sum(-1).sqrt()
        return whitened, unit

    def _projected(self, waves, places: np.ndarray) -> torch.Tensor:
        systems, weights = waves.system[places], self._put(waves.weights[places])
        if self.bank.own:
            entries = self._own_spectra(systems)
        else:
            (entries,) = self._spectra.of(systems, self._put)
        coarse, fine = self._turns(waves.arrival[places])
        product = weights @ torch.view_as_real(entries).flatten(2)
        spectra = torch.view_as_complex(product.unflatten(-1, (-1, 2)))
        phases = (coarse[..., :, None] * fine[..., None, :]).flatten(-2)
        return spectra.mul_(phases[..., : spectra.shape[-1]])

    def _snr(self, spectra: torch.Tensor, weights: torch.Tensor, size: int) -> torch.Tensor:
        squares = torch.view_as_real(spectra[..., render.band(self.geometry, size)]).flatten(-2).square()
        return (4 * _sum(squares.mul_(weights)) / (self.geometry.rate * size)).sqrt()

    def _stacked_operators(self, blocks: list[int]) -> tuple[torch.Tensor, ...]:
        each = zip(*(self._operator(block) for block in blocks), strict=True)
        return tuple(torch.as_tensor(np.stack(one), device=self.device) for one in each)

    def _stacked_spectra(self, systems: list[int]) -> tuple[torch.Tensor, ...]:
        entries = self._put(self.bank.entries(np.array(systems))).to(torch.float64)
        return (torch.fft.rfft(entries, self.geometry.fft).to(torch.complex64),)


class _Stack:
    """Tensors that belong to numbers, stacked, so that those of many rows are gathered at once.

    All are forgotten where they would become more than `most`, but for those that are asked for together.
    """

    def __init__(self, make, most: int):
        self._make, self._most = make, most
        self._forget()

    def _forget(self) -> None:
        self._slots, self._kept = {}, ()

    def of(self, numbers: np.ndarray, put) -> tuple[torch.Tensor, ...]:
        """Return what belongs to each of some numbers, a row for each."""
        different, which = np.unique(numbers, return_inverse=True)
        if len(self._slots.keys() | set(different.tolist())) > self._most:
            self._forget()
        self._add([number for number in different.tolist() if number not in self._slots])
        slots = put(np.array([self._slots[number] for number in different.tolist()])[which])
        return tuple(one[slots] for one in self._kept)

    def _add(self, numbers: list[int]) -> None:
        if numbers:
            made, first = self._make(numbers), len(self._slots)
            both = zip(self._kept, made, strict=True) if self._kept else ((one,) for one in made)
            self._kept = tuple(torch.cat(pair) for pair in both)
            self._slots |= {number: first + place for place, number in enumerate(numbers)}


def _sum(terms: torch.Tensor) -> torch.Tensor:
    """Return the float64 sum over the last axis: sums of 64 terms are float32, as these are."""
    whole = terms.shape[-1] // 64 * 64
    total = terms[..., :whole].unflatten(-1, (-1, 64)).sum(-1).sum(-1, dtype=torch.float64)
    return total + terms[..., whole:].sum(-1, dtype=torch.float64)


def round_mantissa(values: torch.Tensor, keep_bits: int) -> torch.Tensor:
    """Round finite float32 to the given bits of mantissa, half to even."""
    drop = 23 - keep_bits
    if drop == 0:
        return values
    bits = values.view(torch.int32)
    rounded = (bits >> drop).bitwise_and_(1).add_((1 << (drop - 1)) - 1).add_(bits)
    return rounded.bitwise_and_(-(1 << drop)).view(torch.float32)
