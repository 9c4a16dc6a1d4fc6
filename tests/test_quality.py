"""The quality page: each number right where the case is made by hand, and flagged where it is made wrong."""

import html
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.signal
import torch
import yaml

from gwsim import (
    checks,
    distributions,
    draw,
    geometry,
    layout,
    manifest,
    noise,
    publish,
    seeds,
    sharding,
    spectral,
    stages,
    stft,
    store,
)
from gwsim.figures import dataset as datasets
from gwsim.figures import page as pages
from gwsim.figures import quality, signals, spectrograms, style
from gwsim.waveforms import bank, columns, sources
from gwsim.waveforms.sources import binaries, supernovae

RATE = 4096
IFOS = ["H1", "L1", "V1"]
EDGES = checks.band_edges((20, 1600))
FLAT = np.ones(len(EDGES) - 1)


def white(*shape, name="white"):
    return seeds.generator("test", "quality", name).normal(size=shape)


def measured(strain):
    return checks.measure(strain, RATE, EDGES)


# ---- verdicts


def test_a_number_that_is_not_finite_is_never_ok():
    verdicts = [
        checks.near("x", np.nan, 0.0, 1.0),
        checks.near("x", 0.0, 0.0, np.nan),
        checks.at_most("x", np.nan, 1.0),
        checks.at_least("x", np.nan, 1.0),
        checks.likely("x", np.nan),
        checks.same("x", np.array([1.0, np.nan]), np.array([1.0, 1.0])),
    ]
    assert [check.ok for check in verdicts] == [False] * len(verdicts)


@pytest.mark.parametrize("value, ok", [(1.0, True), (1.13, True), (1.15, False), (0.87, True), (0.85, False)])
def test_near_allows_its_room_and_four_sigma(value, ok):
    check = checks.near("x", value, 1.0, 0.01, 0.1)
    assert check.ok is ok
    assert check.expected == "1 ± (0.1 + 4 σ)"
    assert check.found() == f"{value:.4g} ± 0.01"


def test_untested_checks_keep_their_numbers_and_lose_their_verdict():
    (check,) = checks.untested([checks.at_most("x", 5.0, 1.0)], "too few")
    assert (check.value, check.ok, check.expected) == (5.0, None, "too few")


# ---- columns


def test_same_tells_the_largest_relative_deviation():
    wanted = np.array([20.0, 40.0])
    assert checks.same("x", wanted * (1 + 1e-9), wanted).ok
    off = checks.same("x", np.array([20.0, 40.4]), wanted)
    assert off.value == pytest.approx(0.01)
    assert off.ok is False


UNIFORM = np.linspace(0, 1, 2001)[1:-1]


@pytest.mark.parametrize(
    "spec", [{"uniform": [1.0, 3.0]}, {"uniform_cos": [0.0, np.pi]}, {"uniform_sin": [-1, 1]}]
)
def test_what_is_drawn_from_a_law_passes_and_its_square_does_not(spec):
    assert checks.uniform("x", distributions.quantile(spec, UNIFORM), spec).value == pytest.approx(1.0)
    assert checks.uniform("x", distributions.quantile(spec, UNIFORM**1.2), spec).ok is False


@pytest.mark.parametrize("wrong", [np.full(100, 1.0), np.linspace(0, 2 * np.pi, 100)])
def test_psi_that_is_stuck_or_leaves_its_range_is_flagged(wrong):
    assert checks.uniform("psi", wrong, columns.DEFAULTS["ccsn"]["psi"]).ok is False


@pytest.mark.parametrize("spec", [40, {"grid": [1, 2]}, {"power_law": {"low": 1, "high": 2, "index": 2}}])
def test_columns_without_a_flat_law_have_no_verdict(spec):
    check = checks.uniform("x", np.ones(9), spec)
    assert check.ok is None
    assert checks.law(spec) in check.expected


def test_balance_allows_one():
    assert checks.balance("x", np.array([3, 4, 3])).ok
    assert checks.balance("x", np.array([3, 5, 3])).ok is False


# ---- where the noise comes from


def test_disjoint_rows_share_nothing_and_are_as_many_as_there_can_be():
    block, start = np.array([0, 1, 0, 0, 1]), np.array([9, 0, 0, 14, 10])
    np.testing.assert_array_equal(checks.disjoint(block, start, 10), [1, 2, 3, 4])
    np.testing.assert_array_equal(checks.disjoint(block, start, 9), [0, 1, 2, 4])
    assert len(checks.disjoint(block[:0], start[:0], 10)) == 0


def test_uses_of_a_second_count_fractions():
    found = checks.uses(np.array([0, 5, 5, 25]), 10, 4, 10)
    np.testing.assert_allclose(found, [1 + 0.5 + 0.5, 1.0, 0.5, 0.5])


@pytest.mark.parametrize("start, outside", [(10, 0), (9, 1), (70, 0), (71, 1)])
def test_windows_keep_their_margin(start, outside):
    check = checks.inside(np.array([30, start]), 20, 10, np.array([100, 100]))
    assert check.value == outside
    assert check.ok is (outside == 0)


def test_examples_fall_into_blocks_as_the_blocks_have_room():
    assert checks.shared_out(np.array([100, 210]), np.array([1000, 2000])).ok
    assert checks.shared_out(np.array([200, 110]), np.array([1000, 2000])).ok is False
    assert checks.shared_out(np.array([2, 1]), np.array([1000, 2000])).ok is None


# ---- whitened noise

NOISE = white(64, 2, RATE)


def test_white_noise_is_gaussian_flat_and_uncorrelated():
    got = measured(NOISE)
    verdicts = checks.gaussian("H1", got.moments[:, 0], RATE, 1.0)
    verdicts += checks.spectrum("H1", got.power[:, 0], FLAT)
    verdicts += [*checks.uncorrelated("H1-L1", got.correlation[:, 0]), checks.unrelated("H1", NOISE[:, 0])]
    assert {check.ok for check in verdicts} == {True, None}


def test_moments_are_those_of_scipy():
    import scipy.stats

    skewed = (NOISE[:, 0] + 0.3 * NOISE[:, 0] ** 2)[:, None]
    variance, skewness, kurtosis = checks.gaussian("H1", measured(skewed).moments[:, 0], RATE, 1.0)
    assert variance.value == pytest.approx(skewed.var())
    assert skewness.value == pytest.approx(scipy.stats.skew(skewed.ravel()))
    assert kurtosis.value == pytest.approx(scipy.stats.kurtosis(skewed.ravel()))
    assert [skewness.ok, kurtosis.ok] == [False, False]


@pytest.mark.parametrize("variance, ok", [(1.0, True), (1.02, True), (1.1, False), (0.9, False)])
def test_a_variance_ten_percent_off_is_flagged(variance, ok):
    check = checks.gaussian("H1", measured(NOISE * np.sqrt(variance)).moments[:, 0], RATE, 1.01)[0]
    assert check.value == pytest.approx(variance, abs=0.01)
    assert check.ok is ok


def test_error_of_the_variance_is_its_scatter():
    trials = NOISE[:, 0].var(axis=-1)
    check = checks.gaussian("H1", measured(NOISE).moments[:, 0], RATE, 1.0)[0]
    assert check.error == pytest.approx(trials.std() / 8, rel=0.3)
    # Loudness that changes from one example to the next makes the mean less certain than samples do.
    drifting = NOISE * np.linspace(0.5, 1.5, 64)[:, None, None]
    assert checks.gaussian("H1", measured(drifting).moments[:, 0], RATE, 1.0)[0].error > 10 * check.error


def test_a_glitch_shows_in_the_kurtosis():
    glitched = NOISE.copy()
    glitched[3, 0, 100:110] += 30
    assert checks.gaussian("H1", measured(glitched).moments[:, 0], RATE, 1.0)[2].ok is False


def test_a_standing_line_is_flagged_and_a_notch_is_where_the_filter_has_it():
    line = NOISE + 0.5 * np.sin(2 * np.pi * 508 * np.arange(RATE) / RATE)
    farthest, _ = checks.spectrum("H1", measured(line).power[:, 0], FLAT)
    # Power 1/8 of amplitude 0.5, over the 16 of 2048 Hz of its band.
    assert farthest.value == pytest.approx(0.125 * 2048 / 16, rel=0.1) and farthest.ok is False
    notched = np.fft.rfft(NOISE)
    notched[..., 500:516] *= 0.1
    power = measured(np.fft.irfft(notched)).power[:, 0]
    taken = np.where(EDGES[:-1] == 500, 0.01, 1.0)
    found, missed = (checks.spectrum("H1", power, expected) for expected in (taken, FLAT))
    assert found[1].value < 0.2 and (found[0].ok, missed[0].ok) == (True, False)


def test_a_tilted_spectrum_is_flagged():
    tilted = np.fft.irfft(np.fft.rfft(NOISE) * np.linspace(0.8, 1.0, RATE // 2 + 1))
    assert checks.spectrum("H1", measured(tilted).power[:, 0], FLAT)[0].ok is False


def test_power_is_that_of_coloured_noise_through_its_filter():
    """Noise of a known PSD through taps of another, measured, is what the two give."""
    taps, psd = scipy.signal.firwin(257, 300, fs=RATE), np.linspace(2, 1, 2049)
    shape = np.sqrt(psd * RATE / 2)
    coloured = np.fft.irfft(np.fft.rfft(white(400, RATE)) * shape)
    filtered = scipy.signal.oaconvolve(coloured, taps[None], mode="same", axes=1)
    variance, bands = checks.whitened_power(psd[None], taps[None], RATE, EDGES)
    assert variance[0] == pytest.approx(filtered.var(), rel=0.01)
    got = checks.measure(filtered[:, None], RATE, EDGES).power[:, 0].mean(axis=0)
    np.testing.assert_allclose(bands[0, :15], got[:15], rtol=0.1)


def two_tones(length):
    """Tones of 100 and 300 Hz, equally loud, that come and go within the middle half of a stretch."""
    time = np.arange(length) / RATE
    tones = np.sin(2 * np.pi * 100 * time) + np.sin(2 * np.pi * 300 * time)
    return 1e-22 * tones * np.exp(-(((time - time.mean()) / (time[-1] / 10)) ** 2))


def test_what_filters_leave_of_a_signal():
    psd, whole = np.full((2, 8193), 3.0), np.zeros((2, 4001))
    whole[:, 2000] = np.sqrt(2 / (RATE * 3.0))
    high = scipy.signal.firwin(4001, 200, pass_zero=False, fs=RATE)
    strain, band = two_tones(2 * RATE), [20, 1600]
    args = (strain, RATE // 2, RATE)
    assert checks.kept(*args, (psd, whole), RATE, band) == pytest.approx(1, abs=1e-4)
    half = high * whole[:, [2000]]
    assert checks.kept(*args, (psd, half), RATE, band) == pytest.approx(np.sqrt(1 / 2), abs=1e-3)
    # One of two ifos alike: the mean of their squares.
    mixed = np.stack([whole[0], half[0]])
    assert checks.kept(*args, (psd, mixed), RATE, band) == pytest.approx(np.sqrt(3 / 4), abs=1e-3)
    # A window that begins before the strain does, and a band without one of the tones.
    assert checks.kept(strain, -100, 3 * RATE, (psd, whole), RATE, band) == pytest.approx(1, abs=1e-4)
    beside = checks.kept(*args, (psd, whole), RATE, [200, 1600])
    assert beside == pytest.approx(np.sqrt(2), abs=1e-3)


def test_the_bias_is_that_of_white_noise():
    """What an estimated PSD and its filter leave unsaid of the variance, for another length."""
    ratios, seconds, rate = [], 64, 1024
    for trial in range(60):
        strain = white(seconds * rate, name=trial)
        psd = spectral.welch(strain, rate, 4)
        taps = spectral.whitening_taps(psd, rate, (20, 400), 2)
        said, _ = checks.whitened_power(psd[None], taps[None], rate, np.array([20.0, 36.0]))
        ratios.append(np.nanvar(spectral.whiten(strain, taps)) / said[0])
    assert np.mean(ratios) - 1 == pytest.approx(checks.PSD_BIAS * 2 / seconds, abs=0.003)


def test_bands_are_whole_and_within_the_band():
    assert (EDGES[0], EDGES[-1], len(EDGES)) == (20.0, 1588.0, 99)
    np.testing.assert_allclose(measured(NOISE).power.mean(), 1.0, rtol=0.01)


@pytest.mark.parametrize("lag", [0, 41, -102])
def test_noise_that_two_ifos_share_is_flagged_at_its_lag(lag):
    shared = np.stack([NOISE[:, 0], NOISE[:, 1] + 0.05 * np.roll(NOISE[:, 0], lag, axis=-1)], axis=1)
    got = measured(shared).correlation[:, 0]
    zero, largest = checks.uncorrelated("H1-L1", got)
    assert checks.lags(RATE)[np.argmax(np.abs(got.mean(axis=0)))] == lag
    assert largest.value == pytest.approx(0.05, rel=0.15)
    assert [zero.ok, largest.ok] == [lag != 0, False]


def test_two_examples_of_the_same_noise_are_flagged():
    again = NOISE[:, 0].copy()
    again[7] = again[50]
    check = checks.unrelated("H1", again)
    assert check.value == pytest.approx(1.0)
    assert check.ok is False
    again[7] = NOISE[7, 0] + 0.15 * NOISE[50, 0]
    assert checks.unrelated("H1", again).ok is False


def test_slices_gather_to_the_whole():
    whole, parts = measured(NOISE), checks.gather([measured(NOISE[:5]), measured(NOISE[5:])])
    for name in (*checks.PER_SAMPLE, "counts"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
    assert whole.counts.sum() == NOISE.size


def test_amplitudes_beyond_the_histogram_stand_in_its_last_bins():
    loud = NOISE.copy()
    loud[0, 0, :2], loud[0, 0, 2:5] = -100.0, 100.0
    counts = measured(loud).counts
    assert (counts[0, 0], counts[0, -1], counts.sum()) == (2, 3, NOISE.size)


# ---- the figures' numbers


def test_spectra_are_two_h_root_f():
    # Twice a Gaussian's transform, 2 a s sqrt(2 pi) exp(-2 (pi s f)^2), times sqrt f.
    width, amplitude = 1e-3, 1e-21
    time = (np.arange(RATE) - RATE // 2) / RATE
    frequency, found = signals.characteristic(amplitude * np.exp(-((time / width) ** 2) / 2), RATE)
    expected = 2 * amplitude * width * np.sqrt(2 * np.pi) * np.exp(-2 * (np.pi * width * frequency) ** 2)
    low = frequency < 300
    np.testing.assert_allclose(found[low], (expected * np.sqrt(frequency))[low], rtol=5e-3)


def test_the_colour_scale_ends_at_a_whole_magnitude_above_nearly_all():
    panels = np.abs(white(2, 94, 33))
    top = spectrograms.upper_end(panels)
    assert top == round(top)
    assert np.mean(panels > top) <= 1 / 2000
    assert np.mean(panels > top - 1) > 1 / 2000


def test_classes_have_looks_of_their_own_and_noise_is_grey():
    looks = [tuple(style.class_look(label, 0).items()) for label in range(20)]
    assert len(set(looks)) == 20
    assert looks[0] == (("color", style.FAINT), ("linestyle", "-"))


# ---- the page of a made dataset

BLOCKS = [
    {"split": "train", "start": 1238236160, "end": 1238236160 + 64, "gps_block": 1238236160},
    {"split": "train", "start": 1238236160 + 64, "end": 1238236160 + 160, "gps_block": 1238236160},
    {"split": "validation", "start": 1238238720, "end": 1238238720 + 64, "gps_block": 1238238720},
]
DATASETS = {
    "toy": {"split": "train", "examples": 240, "draw": {"snr": {"uniform": [20, 50]}}},
    "far": {"split": "train", "examples": 42, "draw": {"distance_kpc": {"grid": [1, 10]}}, "paired": True},
    "gallery": {
        "split": "validation",
        "examples": 3,
        "draw": {"snr": 40, "theta": 0, "phi": 0, "event_time": 0.1},
    },
}
BODIES = {
    "BBH": {"approximant": "SEOBNRv4_opt", "mass_1": {"uniform": [30, 60]}, "mass_2": {"uniform": [20, 30]}},
    "BNS": {"approximant": "SpinTaylorT4", "mass_1": 1.4, "mass_2": {"uniform": [1.2, 1.5]}},
}
CHIRP = np.sin(2 * np.pi * (200 * np.arange(RATE + 256) / RATE + 300 * (np.arange(RATE + 256) / RATE) ** 2))


def config():
    content = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())
    cbc = content["experiments"]["cbc"]
    cbc |= {"duration": 1, "draw": {"event_time": {"uniform": [0.8, 0.9]}}}
    cbc["waveforms"]["models"] = BODIES
    cbc["render"]["spectrogram"] |= {"window": 256, "f_max": 1500}
    cbc["datasets"] = {"pairs": DATASETS["toy"]}
    del cbc["networks"]
    experiment = content["experiments"]["ccsn"]
    experiment["waveforms"]["models"] = {"s18": "surrogate", "m39": "surrogate"}
    experiment["datasets"] = DATASETS
    del experiment["networks"]
    content["noise"] |= {"stretch": 64, "stretch_min": 32}
    content["strain"]["block"] = 128
    return content


def noise_store(folder):
    """White noise of unit variance where a real store has whitened strain, with a flat PSD."""
    settings = stages.settings(config())["noise/demo"]
    sizes = noise.sizes(settings)
    folder.mkdir()
    store.create(folder, noise.arrays(len(BLOCKS), settings))

    def make(index):
        shape = (1, len(IFOS))
        arrays = {"strain": white(*shape, sizes["time"], name=index).astype(np.float32)}
        arrays |= {"psd": np.ones((*shape, sizes["frequency"])), "filter": np.zeros((*shape, sizes["tap"]))}
        arrays["filter"][..., sizes["tap"] // 2] = np.sqrt(2 / RATE)
        return arrays, None

    ranges = [(index, index + 1) for index in range(len(BLOCKS))]
    list(store.write_shards(folder, range(len(BLOCKS)), ranges, lambda index: "white", make))
    described = noise.described(BLOCKS, settings)
    manifest.finalise(folder, manifest.whole_records(folder, ranges), described, {}, {})
    return noise.NoiseStore(folder / "data.zarr")


def dataset(folder, name, source, spoil=lambda table, strain: None, experiment="ccsn"):
    """Publish a dataset whose signals are all one chirp; `spoil` may edit table and strain first."""
    folder.mkdir()
    settings = stages.settings(config())
    drawing, rendering, card = (
        settings[f"{experiment}/{name}/{stage}"] for stage in ("draw", "render", "card")
    )
    drawing["margin"] = noise.margin_samples(drawing)
    systems, table = draw.draw(BLOCKS, sources.SOURCES[rendering["source"]], drawing)
    made = systems.assign(attempt=np.int32(0), f_start=20.0)
    table = pd.concat([table, publish.of_systems(table, made, rendering["source"])], axis=1)
    first = table["start_sample"].to_numpy() - 128
    strain = source.windows(table["psd_block"].to_numpy(), first, RATE + 256).copy()
    strain[table["system"] >= 0] += 0.3 * CHIRP
    for column, (kind, _, _) in layout.realised_columns(rendering).items():
        table[column] = np.where(table["system"] >= 0, realised(table, column), np.nan)
        table[column] = table[column].fillna(-1).astype(kind) if kind == "int32" else table[column]
    spoil(table, strain)
    publish_dataset(folder, table, strain, (rendering, card, source))
    store.write_table(folder / "systems.parquet", systems)
    return folder


def realised(table, column):
    """Return what rendering would have found, if every signal had SNR 100 at 1 kpc, 58 in each ifo."""
    snr = table["snr_target"].fillna(100 / table["distance_target_kpc"])
    if column.startswith("snr_") and column[4:] in IFOS:
        return snr / np.sqrt(3)
    values = {"distance_kpc": table["distance_target_kpc"].fillna(100 / snr), "snr_kind": 0}
    return values.get(column, snr)


def publish_dataset(folder, table, strain, parts):
    rendering, card, source = parts
    ranges = sharding.shard_ranges(len(table), rendering["shard_rows"])
    store.create(folder, layout.arrays(rendering))
    bins = geometry.frequency_bins(rendering)
    spectrogram = stft.magnitude(torch.as_tensor(strain), 256, 128, bins).numpy()

    def make(index):
        rows = slice(*ranges[index])
        made = {"strain": strain[rows], "spectrogram": spectrogram[rows]}
        return {array.name: made[array.name] for array in layout.arrays(rendering)}, None

    list(store.write_shards(folder, range(len(ranges)), ranges, lambda index: "toy", make))
    store.write_table(folder / "table.parquet", table)
    arrays = publish.dataset_arrays(table, source, rendering, card["classes"])
    card["provenance"] = {"noise_manifest_sha256": "of the noise"}
    title = f"{card['experiment']} {card['dataset']}"
    manifest.finalise(
        folder,
        manifest.whole_records(folder, ranges),
        arrays,
        publish.attributes(title, card, table.columns),
        {},
        beside=("table.parquet",),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A noise store, and the bank's data.zarr."""
    folder = tmp_path_factory.mktemp("made")
    settings = {"seconds": 1.375, "sample_rate": RATE, "models": {"s18": "surrogate", "m39": "surrogate"}}
    (folder / "bank").mkdir()
    store.create(folder / "bank", [supernovae.layout(2, settings)])
    systems = pd.DataFrame({"label": [1, 2], "model": ["s18", "m39"], "realisation": -1})
    entries, _ = supernovae.make(systems, settings)
    store.write_table(folder / "bank" / bank.SYSTEMS, systems)
    ranges = [(0, 2)]
    shards = store.write_shards(
        folder / "bank",
        [0],
        ranges,
        lambda index: "bank",
        lambda index: ({"quadrupole": entries}, None),
    )
    list(shards)
    manifest.finalise(folder / "bank", manifest.whole_records(folder / "bank", ranges), {}, {}, {})
    return noise_store(folder / "noise"), folder / "bank" / "data.zarr"


def banked(folder, settings, systems):
    """Write a bank of binaries; return its data.zarr."""
    folder.mkdir()
    values, realised = binaries.make(systems, settings)
    store.create(folder, [binaries.layout(len(systems), settings)])
    ranges = [(0, len(systems))]
    list(store.write_shards(folder, [0], ranges, str, lambda _: ({binaries.ARRAY: values}, None)))
    store.write_table(folder / bank.SYSTEMS, systems.assign(**realised))
    manifest.finalise(folder, manifest.whole_records(folder, ranges), {}, {}, {})
    return folder / "data.zarr"


def write_page(tmp_path, made, name, spoil=lambda table, strain: None):
    folder = dataset(tmp_path / name, name, made[0], spoil)
    quality.page(folder, made[1], BLOCKS, folder / "quality" / "index.html")
    return folder / "quality" / "index.html"


def marks(path):
    """Return the mark of each number on a page."""
    row = r'<tr><td><span class="(\w+)">[^<]*</span></td><td>([^<]*)</td>'
    return {html.unescape(name): mark for mark, name in re.findall(row, path.read_text())}


@pytest.fixture(scope="module")
def sound(tmp_path_factory, made):
    return write_page(tmp_path_factory.mktemp("sound"), made, "toy")


def test_a_sound_dataset_has_nothing_to_look_at(sound):
    found = marks(sound)
    assert "look" not in found.values(), [name for name, mark in found.items() if mark == "look"]
    assert list(found.values()).count("ok") > 30
    tested = {"variance of whitened noise, V1", "psi (uniform)", "correlation of H1-L1 at lag zero"}
    assert {found[name] for name in tested} == {"ok"}


def test_every_link_of_the_page_is_there_and_none_leaves_it(sound):
    text = sound.read_text()
    links = re.findall(r'(?:src|href)="([^"]*)"', text)
    files = {link for link in links if not link.startswith("#")}
    assert files == {path.name for path in sound.parent.glob("*.png")}
    assert {"snr.png", "spectrograms.png", "waveforms.png", "amplitudes.png"} <= files
    assert {link[1:] for link in links if link.startswith("#")} <= set(re.findall(r'id="([^"]*)"', text))
    assert not re.search(r"https?:|//|@import|<script", text)
    assert [path.name for path in sound.parent.glob("*.part")] == []


def test_pictures_are_png_of_readable_size(sound):
    for path in sound.parent.glob("*.png"):
        data = path.read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(data[16:20]) == round(style.WIDTH * style.DPI)
        assert len(data) < 400_000


def test_the_same_dataset_gives_the_same_bytes(sound, tmp_path, made):
    folder = sound.parents[1]
    quality.page(folder, made[1], BLOCKS, tmp_path / "again" / "index.html")
    again = {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}
    assert again == {path.name: path.read_bytes() for path in sound.parent.iterdir()}


def test_provenance_and_sampling_are_told(sound):
    text = sound.read_text()
    seed = json.loads((sound.parents[1] / "data.zarr" / "zarr.json").read_text())["attributes"]["seed"]
    for expected in (str(seed), "of the noise", "CC0-1.0", "at most 4096 are read", "160"):
        assert expected in text


def test_faults_are_flagged_by_name(tmp_path, made):
    def spoil(table, strain):
        strain[:, 1] = strain[:, 0]
        strain[:, 2] *= np.sqrt(1.1)
        table["psi"] = table["psi"] ** 2 / np.pi
        table["snr"] *= 1.001
        table.loc[table.index[table["label"] == 1][:10], "label"] = 2
        table.loc[5, "start_sample"] = 0
        table.loc[6, ["psd_block", "start_sample"]] = [2, 20000]

    found = marks(write_page(tmp_path, made, "toy", spoil))
    assert {name for name, mark in found.items() if mark == "look"} == {
        "snr against the wanted one, largest relative deviation",
        "root of the sum of squares of the ifos' SNR against SNR",
        "psi (uniform)",
        "variance of whitened noise, V1",
        "correlation of H1-L1 at lag zero",
        "largest correlation of H1-L1 within ±25 ms",
        "windows that leave their PSD block",
        "examples outside the split",
        "examples of the largest class less the smallest",
    }


def test_rows_whose_whitened_snr_is_apart_are_listed(tmp_path, made):
    def spoil(table, strain):
        table.loc[table.index[table["label"] == 2][:3], "snr_whitened"] *= 1.05

    text = write_page(tmp_path, made, "toy", spoil).read_text()
    assert "3 rows more than 1% apart (m39 3), the first 20" in text
    assert text.count("<td>+5.0%</td>") == 3


def test_signals_that_the_filters_took_are_flagged(tmp_path, made):
    def spoil(table, strain):
        table["snr_whitened"] *= 0.97

    found = marks(write_page(tmp_path, made, "toy", spoil))
    names = {f"median whitened SNR / SNR of {name}" for name in ("s18", "m39")}
    assert {name for name, mark in found.items() if mark == "look"} == names


def test_a_gallery_of_constants_is_not_tested_and_not_flagged(tmp_path, made):
    path = write_page(tmp_path, made, "gallery")
    found = marks(path)
    for name in ("theta (constant)", "event_time (constant)", "variance of whitened noise, H1"):
        assert found[name] == "told"
    assert "look" not in found.values()
    assert "constant: no test of uniformity" in path.read_text()


def test_distances_of_a_paired_dataset(tmp_path, made):
    path = write_page(tmp_path, made, "far")
    found = marks(path)
    assert found["distance_kpc against the wanted one, largest relative deviation"] == "ok"
    assert found["examples of a class at a value of distance_kpc, most less least"] == "ok"
    far = datasets.Dataset(path.parents[1], BLOCKS)
    # Two distances share their draws: half of the rows repeat the other half's.
    assert len(far.independent) == len(far.table) / 2
    assert far.independent["psi"].dropna().is_unique


def test_noise_rows_are_spread_over_the_dataset_when_there_are_too_many(monkeypatch, sound):
    toy = datasets.Dataset(sound.parents[1], BLOCKS)
    everything, total = datasets.noise_rows(toy)
    assert total == len(everything) > 20
    assert (toy.table["label"][everything] == toy.noise).all()
    monkeypatch.setattr(datasets, "NOISE_EXAMPLES", 10)
    some, still = datasets.noise_rows(toy)
    assert (len(some), still) == (10, total)
    assert (some[0], some[-1]) == (everything[0], everything[-1])


def test_strain_is_read_in_slices_without_margins(monkeypatch, sound):
    monkeypatch.setattr(datasets, "SLICE", 4)
    toy = datasets.Dataset(sound.parents[1], BLOCKS)
    rows = np.array([1, 2, 100, 230, 231])
    slices = list(toy.windows(rows))
    assert [len(one) for one in slices] == [4, 1]
    np.testing.assert_array_equal(np.concatenate(slices), toy.values("strain")[rows][..., 128:-128])


def test_polar_plus_at_one_kiloparsec(made):
    found = datasets.plus_of_classes(made[1], "standard")
    assert list(found) == [1, 2]
    entry = sources.opened(made[1]).entries(np.array([1]))[0].astype(float)
    # On the pole h+ is the difference of the tensor's xx and yy, sqrt 2 times the fourth component.
    np.testing.assert_allclose(found[2], np.sqrt(2) * entry[3] / 3.0856775814913673e21, rtol=1e-6, atol=1e-30)
    assert np.abs(found[2]).max() > np.abs(found[1]).max() > 1e-23


def test_a_page_of_binaries_tests_what_was_drawn_and_makes_its_spectrograms(tmp_path, made):
    folder = dataset(tmp_path / "pairs", "pairs", made[0], experiment="cbc")
    its = datasets.Dataset(folder, BLOCKS)
    # The spectrogram's axes are left out with it, and what each example says of its system is there.
    known = {path.name for path in (folder / "data.zarr").iterdir()}
    assert {"strain", "mass_1", "attempt", "f_window"} <= known
    assert not {"spectrogram", "frame", "frequency", "theta", "phi"} & known
    few = its.systems.groupby("model").head(3).reset_index(drop=True)
    settings = stages.settings(config())["cbc/pairs/waveforms"]
    bank_folder = banked(tmp_path / "bank", settings, few)
    quality.page(folder, bank_folder, BLOCKS, folder / "quality" / "index.html")
    found = marks(folder / "quality" / "index.html")
    for name in ("mass_1 BBH", "mass_2 BBH", "mass_2 BNS", "inclination", "phase", "psi", "event_time"):
        (mark,) = [found[one] for one in found if one.startswith(f"{name} (")]
        assert mark == "ok", name
    assert not [one for one in found if one.startswith(("theta", "phi ", "mass_1 BNS (uniform"))]
    assert found["signals drawn anew, which LAL refused"] == "told"
    text = (folder / "quality" / "index.html").read_text()
    assert "at 100 Mpc, of the class" in text and "spin 1x" not in text and "surrogate" not in text
    rows = np.array([3, 0])
    panels, axes = its.spectrograms(rows)
    strain = its.values("strain")[rows][:, 0].astype(float)
    window = scipy.signal.get_window("hann", 256)
    transform = scipy.signal.ShortTimeFFT(window, hop=128, fs=RATE)
    expected = np.abs(transform.stft(strain, p0=1, p1=34, k_offset=0))[:, : len(axes["frequency"])]
    np.testing.assert_allclose(panels, expected / np.sqrt((window**2).sum()), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(axes["frame"], np.arange(33) / 32)


def test_masses_from_another_law_are_flagged(tmp_path, made):
    def spoil(table, strain):
        table["mass_2"] = 20 + (table["mass_2"] - 20) ** 2 / 10

    its = datasets.Dataset(dataset(tmp_path / "pairs", "pairs", made[0], spoil, "cbc"), BLOCKS)
    values, spec = its.drawn()["mass_2 BBH"]
    assert (len(values), spec) == (80, BODIES["BBH"]["mass_2"]) and "theta" not in its.drawn()
    assert checks.uniform("mass_2 BBH", values, spec).ok is False


def test_text_of_the_page_is_escaped():
    check = checks.at_most("a < b", 2.0, 1.0)
    section = pages.Section("s", "<i>", "x & y", [check], [pages.Table("t", ["h"], [["<td>"]])])
    text = pages.render("<b>", "lead", [section])
    assert "<b>" not in text and "<i>" not in text and "x &amp; y" in text
    assert "&lt;td&gt;" in text and "a &lt; b" in text
    assert "0 checks are ok, 1 to look at, 0 numbers told without a verdict." in text
