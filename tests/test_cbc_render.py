"""Rendered binaries against PyCBC and LAL: projection, SNR, time of merger, recovery by a matched filter."""

import lal
import numpy as np
import pandas as pd
import pytest
from pycbc.detector import Detector
from pycbc.filter import matched_filter, sigma
from pycbc.types import FrequencySeries, TimeSeries
from scipy.optimize import minimize_scalar

from gwsim import noise, render, seeds, spectral
from gwsim.strain import psds
from gwsim.waveforms.sources import binaries

RATE, IFOS, BLOCK_SECONDS, DURATION = 4096, ["H1", "L1", "V1"], 32, 4
KPC_CM = 3.0856775814913673e21
BANK = {
    "source": "cbc",
    "models": {
        "BBH": {"approximant": "SEOBNRv4_opt"},
        "NSBH": {"approximant": "SpinTaylorT4"},
        "BNS": {"approximant": "SpinTaylorT4"},
    },
    "columns": {},
    "stream": [1, "cbc", "train"],
    "taper": 0.2,
    "end_cycles": 1,
    "sample_rate": RATE,
    "duration": DURATION,
    "event_range": [3.9, 4.0],
    "margin": 256 / RATE,
}
RENDER = {
    "ifos": IFOS,
    "sample_rate": RATE,
    "band": [20, 1600],
    "duration": DURATION,
    "event_range": BANK["event_range"],
    "source": "cbc",
    "crop": "after",
    "polarisation_convention": "standard",
    "spectrogram": {"window": 512, "hop": 128, "f_max": 512, "stored": False},
    "keep_bits": 23,
    "whiten": "block",
    "glitches": False,
    "shard_rows": 64,
    "examples": 12,
}
MASSES = {"BBH": ((5, 80), (5, 80)), "NSBH": ((5, 35), (1, 2)), "BNS": ((1, 2), (1, 2))}
START, SAMPLES = binaries.span(BANK)


def systems_of(each: int) -> pd.DataFrame:
    rng, rows = seeds.generator("test", "cbc systems"), []
    for model in np.repeat(list(MASSES), each):
        mass_1, mass_2 = (rng.uniform(*span) for span in MASSES[model])
        angles = {"inclination": np.arccos(rng.uniform(-1, 1)), "phase": rng.uniform(0, 2 * np.pi)}
        spins = dict.fromkeys(binaries.columns.SPINS, 0.0)
        source = BANK["models"][model]["approximant"]
        rows.append({"model": model, "source": source, "mass_1": mass_1, "mass_2": mass_2, **spins, **angles})
    return pd.DataFrame(rows)


class MemoryNoise:
    """Noise that is white already, and operators of the O3 fits, for one block."""

    def __init__(self):
        frequencies = np.linspace(0, RATE / 2, 4 * RATE // 2 + 1)
        self.psds = np.array([psds.model_psd("o3", ifo, frequencies) / 1e-46 for ifo in IFOS])
        self.filters = np.array([spectral.whitening_taps(psd, RATE, [20, 1600], 2) for psd in self.psds])
        self.taps = self.filters.shape[-1]
        self.strain = seeds.generator("test", "cbc noise").normal(size=(3, BLOCK_SECONDS * RATE))

    def windows(self, blocks, first, size):
        return np.stack([self.strain[:, f : f + size] for f in first]).astype(np.float32)

    def psd(self, block):
        return self.psds

    def filter(self, block):
        return self.filters


class MemoryBank(binaries.Bank):
    """The entries of some systems."""

    def __init__(self, systems):
        self.start, self.samples = START, SAMPLES
        self.values, realised = binaries.make(systems, BANK)
        self.systems = systems.assign(**realised)

    def entries(self, systems):
        return self.values[np.asarray(systems)]


@pytest.fixture(scope="module")
def sources():
    return MemoryNoise(), MemoryBank(systems_of(4))


@pytest.fixture(scope="module")
def renderer(sources):
    return render.Renderer(RENDER, *sources)


@pytest.fixture(scope="module")
def table():
    rng, size = seeds.generator("test", "cbc table"), RENDER["examples"]
    margin = noise.margin_samples({"sample_rate": RATE, "filter": 2, "stft_window": 512})
    start = rng.integers(margin, (BLOCK_SECONDS - DURATION) * RATE - margin, size)
    nanosecond = np.round(start % RATE * 1e9 / RATE).astype(int)
    columns = {
        "system": np.arange(size),
        "psd_block": np.zeros(size, int),
        "start_sample": start,
        "gps_second": 1238236160 + 10**5 * np.arange(size) + start // RATE,
        "gps_nanosecond": nanosecond,
        "event_time": rng.uniform(3.9, 4.0, size),
        "ra": rng.uniform(0, 2 * np.pi, size),
        "dec": np.arcsin(rng.uniform(-1, 1, size)),
        "psi": rng.uniform(0, np.pi, size),
        "snr_target": rng.uniform(12, 24, size),
        "distance_target_kpc": np.full(size, np.nan),
    }
    return pd.DataFrame(columns)


def gps_of(row):
    """The geocentric time of merger."""
    return lal.LIGOTimeGPS(int(row.gps_second), int(row.gps_nanosecond)) + float(row.event_time)


def at(spectrum, geometry, first, samples):
    """Our strain at 1 kpc at LAL's samples, the first of which stands a time after the window's first one."""
    frequencies = np.fft.rfftfreq(geometry.fft, 1 / RATE)
    shift = np.exp(2j * np.pi * frequencies * (first + geometry.half_stft / RATE))
    return np.fft.irfft(spectrum.numpy().astype(complex) * shift, geometry.fft)[:samples] * 1e-23


def polarisations(entry, gps):
    """An entry as PyCBC has it, at 1 kpc."""
    return (TimeSeries(one.astype(float) / KPC_CM, delta_t=1 / RATE, epoch=gps + START) for one in entry)


class SiderealDetector(Detector):
    """PyCBC's detector by LAL's sidereal time: its own differs by up to 1e-7 s of delay."""

    def gmst_estimate(self, gps_time):
        return lal.GreenwichMeanSiderealTime(lal.LIGOTimeGPS(gps_time))


def test_projection_is_pycbcs(renderer, sources, table):
    spectra, _ = renderer.projected(table)
    for place, row in enumerate(table.itertuples()):
        gps, each = gps_of(row), []
        for i, ifo in enumerate(IFOS):
            detector = SiderealDetector(ifo)
            plus, cross = polarisations(sources[1].values[row.system], gps)
            expected = detector.project_wave(
                plus, cross, row.ra, row.dec, row.psi, method="constant", reference_time=float(gps)
            )
            # Its start is a float, good to 0.2 microseconds: its delay tells the time.
            first = (
                row.event_time + START + detector.time_delay_from_earth_center(row.ra, row.dec, float(gps))
            )
            skip = int(np.ceil(-first * RATE))
            expected = np.asarray(expected)[skip : skip + DURATION * RATE]
            each.append(
                (at(spectra[place, i], renderer.geometry, first + skip / RATE, len(expected)), expected)
            )
        greatest = max(np.abs(expected).max() for _, expected in each)
        # float32 of ours, and LAL's response tensors are single, too.
        assert max(np.abs(got - expected).max() for got, expected in each) < 2e-6 * greatest


# Light crosses an arm in this time, and the Earth's rotation moves an ifo towards the source or away.
ARM, ROTATION = {"H1": 4e3 / 2.998e8, "L1": 4e3 / 2.998e8, "V1": 3e3 / 2.998e8}, 1.6e-6


def lateness(spectrum, geometry, first, expected):
    """The delay by which our strain comes nearest to LAL's, whatever its size, and how near that is."""

    def apart(late):
        got = at(spectrum, geometry, first - late, len(expected))
        got *= (got @ expected) / (got @ got)
        return np.linalg.norm(got - expected) / np.linalg.norm(expected)

    return minimize_scalar(apart, bounds=(-1e-4, 1e-4), method="bounded", options={"xatol": 1e-9})


@pytest.mark.parametrize("before", [0.0, 2.0])
def test_an_ifo_of_some_size_that_turns_is_late_by_microseconds(renderer, sources, table, before):
    """LAL gives arms their length and lets the Earth rotate while a signal lasts; PyCBC and we do neither."""
    spectra, _ = renderer.projected(table)
    for place, row in enumerate(table.itertuples()):
        gps = gps_of(row)
        for i, ifo in enumerate(IFOS):
            plus, cross = polarisations(sources[1].values[row.system], gps)
            strain = Detector(ifo).project_wave(plus, cross, row.ra, row.dec, row.psi, method="lal")
            window = lal.LIGOTimeGPS(int(row.gps_second), int(row.gps_nanosecond))
            first = float(lal.LIGOTimeGPS(strain.start_time) - window)
            begin = int(np.ceil((row.event_time - before - 0.4 - first) * RATE))
            expected = np.asarray(strain)[begin : begin + RATE // 4]

            late = lateness(spectra[place, i], renderer.geometry, first + begin / RATE, expected)
            assert abs(late.x) < ARM[ifo] + ROTATION * (before + 0.4) and late.fun < 1e-2


def test_snr_is_pycbcs(renderer, sources, table):
    _, realised = renderer.signals(table)
    spectra, _ = renderer.projected(table)
    size, half = renderer.geometry.fft, renderer.geometry.half_stft
    for place in range(len(table)):
        strain = np.fft.irfft(spectra[place].numpy().astype(complex), size)
        strain = strain[:, half : half + DURATION * RATE] * 1e-23 / realised["distance_kpc"][place]
        expected = []
        for i in range(3):
            psd = FrequencySeries(sources[0].psds[i] * 1e-46, delta_f=0.25)
            series = TimeSeries(strain[i], delta_t=1 / RATE)
            # PyCBC leaves its upper frequency out, our band has it in.
            bounds = {"low_frequency_cutoff": 20.0, "high_frequency_cutoff": 1600.25}
            expected.append(sigma(series, psd=psd, **bounds))
        got = [realised[f"snr_{ifo}"][place] for ifo in IFOS]
        np.testing.assert_allclose(got, expected, rtol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(expected), table["snr_target"][place], rtol=1e-6)


def test_mergers_arrive_when_lal_says(renderer, sources, table):
    _, realised = renderer.signals(table)
    for place, row in enumerate(table.itertuples()):
        for ifo in IFOS:
            site = lal.cached_detector_by_prefix[ifo].location
            delay = lal.TimeDelayFromEarthCenter(site, row.ra, row.dec, gps_of(row))
            assert abs(realised[f"arrival_{ifo}"][place] - row.event_time - delay) < 1e-9


def test_the_merger_stands_on_its_sample_of_an_entry(sources):
    """|h22| of SEOBNRv4 is greatest there; SpinTaylorT4 has its last sample there."""
    for place, system in sources[1].systems.iterrows():
        plus, cross = sources[1].values[place].astype(float)
        cosine = np.cos(system["inclination"])
        envelope = np.hypot(2 * plus / (1 + cosine**2), cross / cosine)
        found = envelope.argmax() if system["model"] == "BBH" else np.flatnonzero(plus)[-1]
        assert abs(found + START * RATE) <= 1


def template(entry, taps):
    """An entry's polarisations, whitened, on a circle whose beginning is the merger."""
    merger, made = round(-START * RATE), []
    for term in entry:
        whitened = spectral.whiten(np.pad(term.astype(float), RATE), taps)[RATE:-RATE]
        circle = np.zeros(DURATION * RATE)
        after = min(len(whitened) - merger, RATE // 2)
        circle[:after] = whitened[merger : merger + after]
        circle[-3 * RATE :] = whitened[merger - 3 * RATE : merger]
        made.append(TimeSeries(circle, delta_t=1 / RATE))
    return made


def test_a_matched_filter_finds_them_at_their_time_in_every_ifo(renderer, sources, table):
    loud = table.assign(snr_target=80.0)
    strain, realised = renderer.strain(loud)
    half, white = (
        renderer.geometry.half_stft,
        FrequencySeries(np.ones(DURATION * RATE // 2 + 1), delta_f=0.25),
    )
    found = 0
    for place, row in enumerate(loud.itertuples()):
        for i, ifo in enumerate(IFOS):
            if realised[f"snr_{ifo}"][place] < 10:
                continue
            data = TimeSeries(strain[place, i, half:-half].numpy().astype(float), delta_t=1 / RATE)
            both = template(sources[1].values[row.system], sources[0].filters[i])
            # White noise of unit variance has the density 2 / rate: PyCBC's SNR of each polarisation.
            each = [
                matched_filter(one, data, psd=white * (2 / RATE), low_frequency_cutoff=20) for one in both
            ]
            snr = max((np.abs(np.asarray(one)) for one in each), key=np.max)
            late = snr.argmax() / RATE - realised[f"arrival_{ifo}"][place]
            late = (late + DURATION / 2) % DURATION - DURATION / 2
            assert abs(late) < 1e-3, (sources[1].systems["model"][row.system], ifo)
            assert abs(snr.max() / realised[f"snr_{ifo}"][place] - 1) < 0.15
            found += 1
    assert found > 25
