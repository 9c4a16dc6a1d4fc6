"""Whitened noise: unit variance with the true PSD, the predicted bias with an estimated one, nothing else."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import scipy.stats

from gwsim import manifest, noise, seeds, spectral, store
from gwsim.strain import psds, simulated

RATE, IFOS, BAND = 4096, ["H1", "L1", "V1"], [20, 1600]
SECONDS, START = 256, 1238236160
SETTINGS = {
    "ifos": IFOS,
    "sample_rate": RATE,
    "band": BAND,
    "stretch": SECONDS,
    "stretch_min": 128,
    "kind": "whitened",
    "psd_segment": 4,
    "filter": 2,
    "block": 512,
}
STATIONARY = {
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


def simulate(ifo, seconds=SECONDS, **changes):
    settings = {**STATIONARY, **changes}
    return simulated.make(settings, 11, ifo, START, START + seconds, RATE).strain


def inner(whitened):
    return whitened[~np.isnan(whitened)].astype(float)


@pytest.fixture(scope="module")
def strains():
    return {ifo: simulate(ifo, seconds=4 * SECONDS) for ifo in IFOS}


@pytest.fixture(scope="module")
def with_true_psd(strains):
    frequencies = np.linspace(0, RATE / 2, 2 * RATE + 1)
    taps = {
        ifo: spectral.whitening_taps(psds.model_psd("o3", ifo, frequencies) / 1e-46, RATE, BAND, 2)
        for ifo in IFOS
    }
    return {ifo: inner(spectral.whiten(strains[ifo] / 1e-23, taps[ifo])) for ifo in IFOS}


@pytest.fixture(scope="module")
def with_estimated_psds(strains):
    cut = SECONDS * RATE
    return {
        ifo: [noise.of_block(strains[ifo][i * cut : (i + 1) * cut], SETTINGS) for i in range(4)]
        for ifo in IFOS
    }


def variance_error(values):
    """The standard error of the variance of Gaussian noise that is almost white."""
    return np.sqrt(2 / len(values)) * values.var()


@pytest.mark.parametrize("ifo", IFOS)
def test_variance_is_one_with_the_true_psd(with_true_psd, ifo):
    values = with_true_psd[ifo]
    assert abs(values.var() - 1) < 3 * variance_error(values)


@pytest.mark.parametrize("ifo", IFOS)
def test_variance_with_an_estimated_psd_has_the_bias_of_white_noise(with_estimated_psds, ifo):
    bias = []
    for trial in range(8):
        white = seeds.generator("test", "bias", trial).normal(size=SECONDS * RATE) * 1e-23
        bias.append(inner(noise.of_block(white, SETTINGS)["strain"]).var())
    got = np.mean([inner(block["strain"]).var() for block in with_estimated_psds[ifo]])
    assert np.mean(bias) > 1.003  # there is a bias to predict
    assert abs(got / np.mean(bias) - 1) < 0.01


@pytest.mark.parametrize("ifo", IFOS)
def test_whitened_spectrum_is_flat(with_estimated_psds, ifo):
    values = np.concatenate([inner(block["strain"]) for block in with_estimated_psds[ifo]])
    frequencies, power = scipy.signal.welch(values, RATE, nperseg=4 * RATE)
    power *= RATE / 2
    # Bands of 20 Hz hold 80 bins, each the mean of some 250 segments: 1 % of scatter.
    for low in range(20, 1600, 20):
        band = (frequencies >= low) & (frequencies < low + 20)
        assert abs(power[band].mean() - 1) < 0.05, low


@pytest.mark.parametrize("ifo", IFOS)
def test_whitened_noise_is_gaussian(with_true_psd, ifo):
    values = with_true_psd[ifo]
    assert abs(scipy.stats.kurtosis(values)) < 4 * np.sqrt(24 / len(values))
    assert abs(scipy.stats.skew(values)) < 4 * np.sqrt(6 / len(values))


def test_ifos_are_not_correlated(with_true_psd):
    for one, other in (("H1", "L1"), ("H1", "V1"), ("L1", "V1")):
        size = min(len(with_true_psd[one]), len(with_true_psd[other])) // 2**18 * 2**18
        a, b = with_true_psd[one][:size], with_true_psd[other][:size]
        lags = np.fft.irfft(np.fft.rfft(a) * np.fft.rfft(b).conj()) / size
        # The greatest of a million Gaussian numbers of this scatter lies near five of it.
        assert np.abs(lags).max() < 6.5 / np.sqrt(size)


def test_stretches_are_not_correlated(with_true_psd):
    a, b = np.array_split(with_true_psd["H1"][: 2**21], 2)
    assert abs(np.mean(a * b)) < 4 / np.sqrt(len(a))


@pytest.mark.parametrize("ifo", IFOS)
def test_lines_are_taken_out(ifo):
    strain = simulate(ifo, lines=True)
    values = inner(noise.of_block(strain, SETTINGS)["strain"])
    frequencies, raw = scipy.signal.welch(strain, RATE, nperseg=8 * RATE)
    clean = scipy.signal.welch(values, RATE, nperseg=8 * RATE)[1] * RATE / 2
    band = (frequencies > 20) & (frequencies < 1600)
    assert (raw / scipy.ndimage.median_filter(raw, 129))[band].max() > 1e4
    # 8 s resolve eight bins a hertz: what a line leaves here is a part in hundreds of the variance.
    assert clean[band].max() < 12
    assert abs(values.var() - 1) < 0.03


def test_sizes_and_edges():
    whole = noise.of_block(simulate("L1", seconds=200), SETTINGS)
    sizes = noise.sizes(SETTINGS)
    assert {name: values.shape[-1] for name, values in whole.items()} == {
        "strain": sizes["time"],
        "psd": sizes["frequency"],
        "filter": sizes["tap"],
    }
    valid = np.flatnonzero(~np.isnan(whole["strain"]))
    assert valid[0] == RATE and valid[-1] == 199 * RATE - 1 and len(valid) == 198 * RATE


RAW = {
    **{name: SETTINGS[name] for name in ("sample_rate", "block", "stretch", "psd_segment")},
    "ifos": ["L1"],
    "kind": "raw",
}


def test_raw_noise_is_strain_as_it_is_and_has_no_filter():
    strain = simulate("L1", seconds=130, lines=True)
    made = noise.of_block(strain, RAW)
    assert set(made) == {"strain", "psd"} and made["strain"].dtype == np.float32
    kept = made["strain"][: len(strain)].astype(float) * 1e-23
    # Half of float32's last place, relative: nothing was filtered, cut or rounded besides.
    assert np.abs(kept - strain).max() <= 2**-24 * np.abs(strain).max()
    assert (np.abs(kept - strain) <= 1.001 * 2**-24 * np.abs(strain)).all()
    assert np.isnan(made["strain"][len(strain) :]).all() and len(made["strain"]) == noise.sizes(RAW)["time"]
    _, theirs = scipy.signal.welch(strain / 1e-23, RATE, nperseg=4 * RATE, average="median")
    np.testing.assert_allclose(made["psd"], theirs, rtol=1e-9)
    # The same estimate as that of whitened noise.
    np.testing.assert_array_equal(made["psd"], noise.of_block(strain, SETTINGS)["psd"])


def test_a_raw_store_says_so_and_is_read_as_render_asks(tmp_path):
    layout = {array.name: array for array in noise.arrays(2, RAW)}
    assert set(layout) == {"strain", "psd"} and "tap" not in noise.sizes(RAW)
    assert layout["strain"].attributes == {"units": "1e-23", "long_name": "strain from the block's start"}
    assert (
        layout["strain"].dims == ("block", "ifo", "time") and layout["psd"].attributes["units"] == "1e-46/Hz"
    )
    made = [noise.of_block(simulate("L1", seconds=seconds), RAW) for seconds in (130, 256)]
    store.create(tmp_path, list(layout.values()))
    ranges = [(0, 1), (1, 2)]

    def make(index):
        return {name: values[None, None] for name, values in made[index].items()}, None

    list(store.write_shards(tmp_path, range(2), ranges, str, make))
    blocks = [{"split": "a", "start": 0, "end": 130}, {"split": "a", "start": 200, "end": 456}]
    described = noise.described(blocks, RAW)
    manifest.finalise(tmp_path, manifest.whole_records(tmp_path, ranges), described, {}, {})
    source = noise.NoiseStore(tmp_path / "data.zarr")
    assert source.taps == 0 and source.ifos == RAW["ifos"]
    found = source.series(1, 0, 5000, 3 * RATE)
    np.testing.assert_array_equal(found, made[1]["strain"][5000 : 5000 + 3 * RATE])
    np.testing.assert_array_equal(source.psd(0), made[0]["psd"][None])
    # Past the shorter block there is nothing, and past the store's own end no samples.
    assert np.isnan(source.series(0, 0, 130 * RATE, 8)).all()
    assert len(source.series(1, 0, noise.sizes(RAW)["time"] - 5, 8)) == 5


def test_the_store_is_the_documented_one():
    rows = [line.split(" | ") for line in noise.__doc__.splitlines() if line.count("|") == 4][1:]
    made = noise.of_block(simulate("V1", seconds=130), SETTINGS)
    layout = {array.name: array for array in noise.arrays(5, SETTINGS)}
    assert [row[0] for row in rows] == list(made) == list(layout)
    for name, dims, unit, dtype, meaning in rows:
        assert layout[name].dims == tuple(dims.split(", "))
        assert layout[name].dtype == dtype == made[name].dtype
        assert layout[name].attributes == {"units": unit, "long_name": meaning}


def test_model_psds_that_vanish_outside_the_band_do_no_harm():
    frequencies = np.linspace(0, RATE / 2, 2 * RATE + 1)
    psd = np.where((frequencies > 15) & (frequencies < 1700), 4.0, 0.0)
    taps = spectral.whitening_taps(psd, RATE, BAND, 2)
    assert np.isfinite(taps).all()
    gain = np.abs(np.fft.rfft(taps, 4 * RATE)) ** 2 * 4.0 * RATE / 2
    inside = (frequencies[: len(gain)] >= 20) & (frequencies[: len(gain)] <= 1600)
    np.testing.assert_allclose(gain[inside], gain[inside].mean(), rtol=0.01)


def test_interpolated_psds_are_numpys():
    psd = seeds.generator("test", "psd").uniform(1, 2, size=(2, 3, 8193))
    wanted = np.array([0.0, 20.1, 333.25, 1599.9, 2048.0])
    got = spectral.at_frequencies(psd, RATE, wanted)
    grid = np.linspace(0, RATE / 2, 8193)
    np.testing.assert_allclose(got[1, 2], np.interp(wanted, grid, psd[1, 2]), rtol=1e-12)
