"""Rendering, held against a slow float64 twin made of LAL, PyCBC and plain convolution."""

import dataclasses

import lal
import numpy as np
import pandas as pd
import pytest
import scipy.signal
from pycbc.filter import sigma
from pycbc.types import FrequencySeries, TimeSeries

from gwsim import geometry, layout, noise, render, seeds, spectral, stft
from gwsim.errors import GwsimError
from gwsim.strain import psds
from gwsim.waveforms import ccsn, surrogates
from gwsim.waveforms.sources import supernovae

RATE, IFOS, BLOCK_SECONDS = 4096, ["H1", "L1", "V1"], 24
NOISE_SETTINGS = {
    "ifos": IFOS,
    "sample_rate": RATE,
    "band": [20, 1600],
    "stretch": BLOCK_SECONDS,
    "stretch_min": 16,
    "psd_segment": 4,
    "filter": 2,
    "block": BLOCK_SECONDS,
    "kind": "whitened",
}
SETTINGS = {
    "ifos": IFOS,
    "sample_rate": RATE,
    "band": [20, 1600],
    "duration": 1,
    "event_range": [0.0, 0.15],
    "source": "ccsn",
    "whiten": "block",
    "glitches": False,
    "crop": "after",
    "polarisation_convention": "standard",
    "spectrogram": {"window": 256, "hop": 128, "f_max": 1500, "stored": True},
    "keep_bits": 10,
    "shard_rows": 64,
    "examples": 200,
}
BANK_SETTINGS = {
    "seconds": 1.375,
    "sample_rate": RATE,
    "models": dict.fromkeys(surrogates.MODELS, "surrogate"),
}


class MemoryNoise:
    """White noise in place of whitened strain, and operators of the O3 fits, for two blocks."""

    def __init__(self):
        frequencies = np.linspace(0, RATE / 2, 4 * RATE // 2 + 1)
        models = [psds.model_psd("o3", ifo, frequencies) / 1e-46 for ifo in IFOS]
        self.psds = np.array([[psd * factor for psd in models] for factor in (1.0, 1.3)])
        self.filters = np.array(
            [[spectral.whitening_taps(psd, RATE, [20, 1600], 2) for psd in block] for block in self.psds]
        )
        self.taps = self.filters.shape[-1]
        self.strain = seeds.generator("test", "noise").normal(size=(2, 3, BLOCK_SECONDS * RATE))
        self.strain = self.strain.astype(np.float32)

    def windows(self, blocks, first, size):
        return np.stack([self.strain[b, :, f : f + size] for b, f in zip(blocks, first, strict=True)])

    def psd(self, block):
        return self.psds[block]

    def filter(self, block):
        return self.filters[block]


class MemoryBank(supernovae.Bank):
    """The nine surrogates, conditioned."""

    def __init__(self):
        rows = pd.DataFrame({"model": list(surrogates.MODELS), "realisation": -1})
        self.values, _ = supernovae.make(rows, BANK_SETTINGS)
        self.start, self.samples = ccsn.START, self.values.shape[-1]

    def entries(self, systems):
        return self.values[systems]


@pytest.fixture(scope="module")
def sources():
    return MemoryNoise(), MemoryBank()


@pytest.fixture(scope="module")
def renderer(sources):
    return render.Renderer(SETTINGS, *sources)


@pytest.fixture(scope="module")
def table():
    rng, size = seeds.generator("test", "table"), SETTINGS["examples"]
    system = rng.integers(-1, 9, size)
    columns = {
        "label": system + 1,
        "system": system,
        "psd_block": rng.integers(0, 2, size),
        "start_sample": rng.integers(RATE + 256, (BLOCK_SECONDS - 3) * RATE, size),
        "gps_second": 1238236160 + rng.integers(0, 10**6, size),
        "gps_nanosecond": rng.integers(0, 10**9, size),
        "event_time": rng.uniform(0, 0.15, size),
        "ra": rng.uniform(0, 2 * np.pi, size),
        "dec": np.arcsin(rng.uniform(-1, 1, size)),
        "psi": rng.uniform(0, np.pi, size),
        "theta": np.arccos(rng.uniform(-1, 1, size)),
        "phi": rng.uniform(0, 2 * np.pi, size),
        "snr_target": np.where(np.arange(size) % 2, rng.uniform(8, 50, size), np.nan),
        "distance_target_kpc": np.where(np.arange(size) % 2, np.nan, rng.uniform(1, 10, size)),
    }
    return pd.DataFrame(columns)


def signal_rows(table, count=12):
    return table[table["system"] >= 0].iloc[:count]


def contraction(quadrupole, theta, phi):
    """D h+ and D hx in cm by explicit contraction with the polarisation tensors."""
    s = np.sqrt
    basis = [
        np.diag([-1, -1, 2]) / s(6),
        np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]]) / s(2),
        np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0]]) / s(2),
        np.diag([1, -1, 0]) / s(2),
        np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]) / s(2),
    ]
    tensor = np.einsum("at,aij->ijt", quadrupole, np.array(basis))
    e_theta = [np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi), -np.sin(theta)]
    e_phi = [-np.sin(phi), np.cos(phi), 0.0]
    plus = np.einsum("i,j,ijt->t", e_theta, e_theta, tensor) - np.einsum("i,j,ijt->t", e_phi, e_phi, tensor)
    return plus, 2 * np.einsum("i,j,ijt->t", e_theta, e_phi, tensor)


def twin(row, quadrupole, ifo):
    """One ifo's strain at 1 kpc over [-1, 4) s about the window, by LAL's pattern and delay, in float64."""
    gps = lal.LIGOTimeGPS(int(row.gps_second), int(row.gps_nanosecond)) + float(row.event_time)
    gmst, site = lal.GreenwichMeanSiderealTime(gps), lal.cached_detector_by_prefix[ifo]
    patterns = lal.ComputeDetAMResponse(site.response, row.ra, row.dec, row.psi, gmst)
    delay = lal.TimeDelayFromEarthCenter(site.location, row.ra, row.dec, gps)
    plus, cross = contraction(quadrupole, row.theta, row.phi)
    strain = np.zeros(5 * RATE)
    strain[: plus.size] = (patterns[0] * plus + patterns[1] * cross) / 3.0856775814913673e21
    shift = 1.0 + row.event_time + delay + ccsn.START
    frequencies = np.fft.rfftfreq(strain.size, 1 / RATE)
    return np.fft.irfft(np.fft.rfft(strain) * np.exp(-2j * np.pi * frequencies * shift), strain.size)


def pycbc_snr(strain, psd):
    """sqrt((h|h)) of one second of strain, by PyCBC."""
    one_hz = FrequencySeries(psd[::4] * 1e-46, delta_f=1.0)
    series = TimeSeries(strain, delta_t=1 / RATE)
    # PyCBC leaves its upper frequency out, our band has it in.
    return sigma(series, psd=one_hz, low_frequency_cutoff=20.0, high_frequency_cutoff=1601.0)


def test_snr_is_pycbcs(renderer, sources, table):
    rows = signal_rows(table)
    _, realised = renderer.signals(rows)
    for place, row in enumerate(rows.itertuples()):
        quadrupole = sources[1].values[row.system].astype(float)
        factor = 1 / realised["distance_kpc"][place]
        expected = [
            pycbc_snr(factor * twin(row, quadrupole, ifo)[RATE : 2 * RATE], sources[0].psds[row.psd_block, i])
            for i, ifo in enumerate(IFOS)
        ]
        got = [realised[f"snr_{ifo}"][place] for ifo in IFOS]
        # LAL's response tensors are single: 2e-8 of the largest pattern, more of a small one.
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7 * np.linalg.norm(expected))
        np.testing.assert_allclose(realised["snr"][place], np.linalg.norm(expected), rtol=1e-6)


def test_whitened_signal_is_the_convolution_with_the_taps(renderer, sources, table):
    rows = signal_rows(table)
    whitened, realised = renderer.signals(rows)
    for place, row in enumerate(rows.itertuples()):
        quadrupole = sources[1].values[row.system].astype(float)
        for i, ifo in enumerate(IFOS):
            strain = twin(row, quadrupole, ifo) / realised["distance_kpc"][place] / 1e-23
            expected = scipy.signal.fftconvolve(strain, sources[0].filters[row.psd_block, i], mode="same")
            got = whitened[place, i].numpy()
            expected = expected[RATE - 128 : 2 * RATE + 128]
            np.testing.assert_allclose(got, expected, atol=2e-6 * np.abs(expected).max())


def test_snr_whitened_is_that_of_the_convolution_with_the_taps(renderer, sources, table):
    rows = signal_rows(table)
    _, realised = renderer.signals(rows)
    expected = []
    for row in rows.itertuples():
        quadrupole = sources[1].values[row.system].astype(float)
        whitened = [
            scipy.signal.fftconvolve(twin(row, quadrupole, ifo) / 1e-23, taps, mode="same")[RATE : 2 * RATE]
            for ifo, taps in zip(IFOS, sources[0].filters[row.psd_block], strict=True)
        ]
        expected.append(np.linalg.norm(whitened))
    expected = np.array(expected) / realised["distance_kpc"]
    np.testing.assert_allclose(realised["snr_whitened"], expected, rtol=1e-5)
    # The taps are no exact inverse of the PSD: what is found so is not the optimal SNR.
    assert np.abs(expected / realised["snr"] - 1).max() > 1e-3


def snr_of_all(strain, psd):
    """sqrt(4 sum |h~|^2 / S df) over the band of strain at 1/16 Hz, between the PSD's own points on lines."""
    frequencies = np.fft.rfftfreq(16 * RATE, 1 / RATE)
    band = (frequencies >= 20) & (frequencies <= 1600)
    spectrum = np.fft.rfft(strain, 16 * RATE)[band] / RATE
    density = np.interp(frequencies[band], np.linspace(0, RATE / 2, len(psd)), psd) * 1e-46
    return np.sqrt(4 * np.sum(np.abs(spectrum) ** 2 / density) / 16)


def test_snr_full_is_that_of_the_signal_before_it_is_cut(renderer, sources, table):
    y20 = surrogates.MODELS.index("y20")
    late = signal_rows(table, 3).assign(system=y20, event_time=0.15)
    rows = pd.concat([signal_rows(table), late], ignore_index=True)
    _, realised = renderer.signals(rows)
    for place, row in enumerate(rows.itertuples()):
        quadrupole = sources[1].values[row.system].astype(float)
        parts = [
            snr_of_all(twin(row, quadrupole, ifo), sources[0].psds[row.psd_block, i])
            for i, ifo in enumerate(IFOS)
        ]
        expected = np.linalg.norm(parts) / realised["distance_kpc"][place]
        # The signal's own grid is six times coarser; the PSD bends between its points: up to 7e-6.
        np.testing.assert_allclose(realised["snr_full"][place], expected, rtol=3e-5)
    # The last 0.35 s of y20 stand outside the window.
    assert (realised["snr_full"][-3:] > 1.01 * realised["snr"][-3:]).all()


def test_arrivals_are_lals(renderer, table):
    rows = signal_rows(table, 60)
    columns = renderer.rows(table)[1].loc[rows.index]
    for place, row in enumerate(rows.itertuples()):
        gps = lal.LIGOTimeGPS(int(row.gps_second), int(row.gps_nanosecond)) + float(row.event_time)
        for ifo in IFOS:
            site = lal.cached_detector_by_prefix[ifo].location
            expected = row.event_time + lal.TimeDelayFromEarthCenter(site, row.ra, row.dec, gps)
            assert abs(columns[f"arrival_{ifo}"].iloc[place] - expected) < 1e-9


def test_noise_and_signal_pass_through_one_operator(renderer, sources, table):
    row = next(signal_rows(table, 1).itertuples())
    whitened, realised = renderer.signals(signal_rows(table, 1))
    taps = sources[0].filters[row.psd_block, 0]
    raw = seeds.generator("test", "raw").normal(size=7 * RATE) * 50
    injected = twin(row, sources[1].values[row.system].astype(float), "H1")
    injected = np.pad(injected / realised["distance_kpc"][0] / 1e-23, RATE)
    window = slice(2 * RATE - 128, 3 * RATE + 128)
    together = spectral.whiten(raw + injected, taps)[window]
    apart = spectral.whiten(raw, taps)[window] + whitened[0, 0].numpy()
    np.testing.assert_allclose(together, apart, atol=1e-6 * np.abs(together).max())


def test_signals_have_the_wanted_snr_or_distance(renderer, table):
    _, columns = renderer.rows(table)
    wanted = table["snr_target"].to_numpy()
    asked = ~np.isnan(wanted) & (table["system"].to_numpy() >= 0)
    np.testing.assert_allclose(columns["snr"][asked], wanted[asked], rtol=1e-12)
    far = np.isnan(wanted) & (table["system"].to_numpy() >= 0)
    np.testing.assert_allclose(columns["distance_kpc"][far], table["distance_target_kpc"][far], rtol=1e-12)
    parts = np.stack([columns[f"snr_{ifo}"] for ifo in IFOS])
    np.testing.assert_allclose(np.sqrt((parts**2).sum(0)), columns["snr"], rtol=1e-9)
    assert columns["snr"][table["system"] < 0].isna().all()
    assert (columns["snr_full"].dropna() >= columns["snr"].dropna() * (1 - 1e-3)).all()


def test_columns_are_the_documented_ones(renderer, table):
    _, columns = renderer.rows(table.iloc[:64])
    documented = {name: np.dtype(column[0]) for name, column in layout.realised_columns(SETTINGS).items()}
    assert dict(columns.dtypes) == documented


def test_arrays_are_the_documented_ones(renderer, table):
    arrays, _ = renderer.rows(table.iloc[:64])
    rows = [line.split(" | ") for line in layout.__doc__.splitlines() if line.count("|") == 4][1:]
    assert [row[0] for row in rows] == ["strain", "spectrogram", "qscan", "picture"]
    rows = rows[:2]  # those of strain
    stored = {array.name: array for array in layout.arrays(SETTINGS)}
    assert [row[0] for row in rows] == list(arrays) == list(stored)
    for name, dims, unit, dtype, _ in rows:
        assert tuple(dims.split(", ")) == stored[name].dims
        assert arrays[name].dtype == dtype == stored[name].dtype
        assert stored[name].attributes["units"] == unit
        assert arrays[name].shape[1:] == stored[name].shape[1:]


def test_a_spectrogram_that_is_not_stored_is_left_out_and_nothing_else(renderer, sources, table):
    settings = SETTINGS | {"spectrogram": SETTINGS["spectrogram"] | {"stored": False}}
    arrays, columns = render.Renderer(settings, *sources).rows(table.iloc[:64])
    whole, its_columns = renderer.rows(table.iloc[:64])
    assert list(arrays) == [array.name for array in layout.arrays(settings)] == ["strain"]
    assert arrays["strain"].tobytes() == whole["strain"].tobytes()
    pd.testing.assert_frame_equal(columns, its_columns, check_exact=True)


def test_signals_are_the_same_whether_systems_are_shared_or_their_own(renderer, sources, table):
    """Entries that no two examples share go through another order of the same sum."""
    alone = MemoryBank()
    alone.own = True
    rows = signal_rows(table, 60)
    one, realised = renderer.signals(rows)
    other, its_realised = render.Renderer(SETTINGS, sources[0], alone).signals(rows)
    np.testing.assert_allclose(other.numpy(), one.numpy(), atol=3e-6 * one.abs().max().item())
    for name, values in realised.items():
        np.testing.assert_allclose(its_realised[name], values, rtol=1e-5, err_msg=name)


def test_a_row_has_the_same_bits_alone_and_among_others(renderer, sources, table):
    arrays, columns = renderer.rows(table)
    other = render.Renderer(SETTINGS, *sources)
    for row in (0, 63, 64, 130, 199):
        alone, its_columns = other.example(table, row)
        assert all(np.array_equal(alone[name], arrays[name][row]) for name in arrays)
        pd.testing.assert_frame_equal(
            its_columns.reset_index(drop=True), columns.iloc[[row]].reset_index(drop=True)
        )


def test_old_arrays_are_written_over_with_the_same_bits(renderer, table):
    fresh, _ = renderer.rows(table.iloc[:128])
    kept, _ = renderer.rows(table.iloc[64:])
    again, _ = renderer.rows(table.iloc[:128], out=kept)
    assert all(np.shares_memory(again[name], kept[name]) for name in again)
    assert all(np.array_equal(again[name], fresh[name]) for name in fresh)


# An event in the middle of a long example needs a transform for the example's length, not for the margins.
@pytest.mark.parametrize(("duration", "later"), [(1, 0), (8, 4)])
def test_nothing_wraps_around(sources, table, duration, later):
    rows = signal_rows(table.assign(event_time=table["event_time"] + later))
    settings = SETTINGS | {"duration": duration, "event_range": [later, later + 0.15]}
    short, long = (render.Renderer(settings, *sources) for _ in range(2))
    assert short.geometry.fft >= short.geometry.stored
    long.geometry = dataclasses.replace(long.geometry, fft=4 * long.geometry.fft)
    one, _ = short.signals(rows)
    other, _ = long.signals(rows)
    # Both grids resolve the same taps; only float32 arithmetic differs.
    np.testing.assert_allclose(one.numpy(), other.numpy(), atol=3e-6 * one.abs().max().item())


def test_crop_before_whitens_what_is_inside_the_window_alone(sources, table):
    rows = signal_rows(table, 4)
    whitened, realised = render.Renderer({**SETTINGS, "crop": "before"}, *sources).signals(rows)
    for place, row in enumerate(rows.itertuples()):
        strain = twin(row, sources[1].values[row.system].astype(float), "L1")
        strain = strain / realised["distance_kpc"][place] / 1e-23
        strain[:RATE], strain[2 * RATE :] = 0, 0
        expected = scipy.signal.fftconvolve(strain, sources[0].filters[row.psd_block, 1], mode="same")
        expected = expected[RATE - 128 : 2 * RATE + 128]
        np.testing.assert_allclose(whitened[place, 1].numpy(), expected, atol=2e-6 * np.abs(expected).max())


def test_spectrogram_is_scipys_of_the_stored_strain(renderer, table):
    arrays, _ = renderer.rows(table.iloc[:64])
    window = scipy.signal.get_window("hann", 256)
    transform = scipy.signal.ShortTimeFFT(window, hop=128, fs=RATE)
    expected = np.abs(transform.stft(arrays["strain"].astype(float), p0=1, p1=34, k_offset=0))
    expected = expected[..., :94, :] / np.sqrt((window**2).sum())
    # Ten bits of mantissa are kept: half a step is 2^-11.
    np.testing.assert_allclose(arrays["spectrogram"], expected, rtol=2**-10.9, atol=1e-6)


def test_noise_alone_has_a_spectrogram_of_mean_square_one(renderer, table):
    noise_rows = table[table["system"] < 0]
    strain, _ = renderer.strain(noise_rows)
    spectrogram = stft.magnitude(strain, 256, 128, 94)
    mean = spectrogram.double().square().mean().item()
    # Half-overlapping Hann frames correlate by 1/6: about 0.7 independent values for each one.
    assert abs(mean - 1) < 4 / np.sqrt(0.7 * spectrogram.numel())


def test_what_is_stored_has_ten_bits_of_mantissa(renderer, table):
    rows = table.iloc[:64]
    arrays, _ = renderer.rows(rows)
    for name, values in arrays.items():
        assert not (values.view(np.uint32) & 0x1FFF).any(), name
        assert (values.view(np.uint32) >> 13 & 1).mean() == pytest.approx(0.5, abs=0.02), name
    # Half a step of ten bits.
    np.testing.assert_allclose(arrays["strain"], renderer.strain(rows)[0].numpy(), rtol=2**-11)


def test_injections_are_recovered(sources):
    """(s|h) / sqrt((h|h)) - target over 1000 injections has mean 0 and variance 1."""
    from gwsim.strain import simulated

    memory, size = MemoryNoise(), 1000
    settings = {
        "psd": "o3",
        "lines": False,
        "drift": 0.0,
        "gaps_per_day": 0,
        "gap_seconds": [1, 2],
        "failed_bits_per_day": 0,
        "failed_bit_seconds": [1, 2],
        "glitches_per_hour": 0,
        "glitch_snr": [8, 50],
    }
    seconds, start, whitened_strain = 1100, 1238236160, []
    for i, ifo in enumerate(IFOS):
        stretch = simulated.make(settings, 7, ifo, start, start + seconds, RATE)
        whitened = spectral.whiten(stretch.strain / 1e-23, memory.filters[0, i]).astype(np.float32)
        whitened_strain.append(whitened)
    memory.strain = np.stack(whitened_strain)[None]
    rng = seeds.generator("test", "recover")
    # Signals that end well inside the window, so that cutting takes nothing: he3.5, s25, s18np, z85, z100.
    table = pd.DataFrame(
        {
            "system": rng.choice([0, 3, 6, 7, 8], size),
            "psd_block": 0,
            "start_sample": RATE + 256 + np.arange(size) * (RATE + 256),
            "gps_second": start + np.arange(size),
            "gps_nanosecond": 0,
            "event_time": rng.uniform(0.1, 0.15, size),
            "ra": rng.uniform(0, 2 * np.pi, size),
            "dec": np.arcsin(rng.uniform(-1, 1, size)),
            "psi": rng.uniform(0, np.pi, size),
            "theta": np.arccos(rng.uniform(-1, 1, size)),
            "phi": rng.uniform(0, 2 * np.pi, size),
            "snr_target": rng.uniform(5, 50, size),
            "distance_target_kpc": np.nan,
        }
    )
    renderer = render.Renderer(SETTINGS, memory, sources[1])
    signal, _ = renderer.signals(table)
    strain, _ = renderer.strain(table)
    frequencies = np.fft.rfftfreq(RATE, 1 / RATE)
    band = (frequencies >= 20) & (frequencies <= 1600)
    response = np.abs(np.fft.rfft(memory.filters[0], 4 * RATE, axis=-1))[:, ::4] ** 2
    whitened_psd = response * memory.psds[0][:, ::4]
    s, h = (np.fft.rfft(x[..., 128:-128].numpy().astype(float))[..., band] / RATE for x in (strain, signal))
    weight = 4 / whitened_psd[None, :, band]
    inner = (weight * (s * h.conj()).real).sum((-1, -2)) / np.sqrt((weight * np.abs(h) ** 2).sum((-1, -2)))
    excess = inner - table["snr_target"].to_numpy()
    assert abs(excess.mean()) < 3 / np.sqrt(size)
    assert abs(excess.var() - 1) < 3 * np.sqrt(2 / size)


def test_a_table_of_another_noise_store_is_refused(sources, table):
    memory = MemoryNoise()
    memory.strain[:, :, 5 * RATE :] = np.nan
    with pytest.raises(GwsimError, match="reach past the whitened noise"):
        render.Renderer(SETTINGS, memory, sources[1]).rows(table.iloc[:64])


def test_a_silent_waveform_is_refused(sources, table):
    silent = MemoryBank()
    silent.values[:] = 0
    with pytest.raises(GwsimError, match="no SNR inside their window"):
        render.Renderer(SETTINGS, sources[0], silent).rows(table.iloc[:64])


@pytest.mark.parametrize(
    "edited",
    [
        {"snr_target": 0.0, "distance_target_kpc": np.nan},
        {"snr_target": -4.0, "distance_target_kpc": np.nan},
        {"snr_target": np.inf, "distance_target_kpc": np.nan},
        {"snr_target": np.nan, "distance_target_kpc": -2.0},
        {"snr_target": np.nan, "distance_target_kpc": np.nan},
    ],
)
def test_a_table_edited_to_no_loudness_is_refused(renderer, table, edited):
    row = int(np.flatnonzero(table["system"] >= 0)[0])
    wrong = table.copy()
    wrong.loc[[row], list(edited)] = list(edited.values())
    with pytest.raises(GwsimError, match=rf"rows \[{row}\] want no SNR or distance above zero"):
        renderer.rows(wrong.iloc[:64])


def test_a_row_that_fills_its_micro_batch_is_named_once(renderer, table):
    row = int(np.flatnonzero(table["system"] >= 0)[0])
    wrong = table.iloc[np.full(8, row)].assign(event_time=np.nan)
    with pytest.raises(GwsimError, match=rf"rows \[{row}\] have a signal and no event_time"):
        renderer.rows(wrong)
    with pytest.raises(GwsimError, match=rf"the signals of rows \[{row}\] have no SNR"):
        renderer.rows(wrong.assign(event_time=0.1, dec=np.nan))


@pytest.mark.parametrize("needed", [1, 2, 100, 1025, 9871, 10240, 22426, 65537])
def test_fast_lengths_are_the_least_that_suffice(needed):
    allowed = sorted(odd * 2**k for odd in (1, 3, 5, 9, 15, 45) for k in range(1, 20))
    assert geometry.fast_length(needed) == next(n for n in allowed if n >= needed)


def test_noise_margins_hold_what_the_filter_spoils():
    settings = {"sample_rate": RATE, "filter": 2, "stft_window": 256}
    assert noise.margin_samples(settings) == RATE + 128 + 103
