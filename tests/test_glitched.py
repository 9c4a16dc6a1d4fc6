"""Glitches in the noise of whitened strain: when and how loud the table says, by oracles of their own."""

import numpy as np
import pandas as pd
import pytest
from gwpy.signal.qtransform import QTiling
from gwpy.timeseries import TimeSeries

from gwsim import draw, geometry, glitched, provenance, seeds, spectral
from gwsim.figures import dataset as datasets
from gwsim.figures import noise_sections
from gwsim.strain import psds
from gwsim.waveforms import columns, glitches
from gwsim.waveforms.glitches import rows

RATE, IFOS, FILTER = 4096, ["H1", "L1"], 2
SIZES = geometry.Geometry(
    rate=RATE,
    window=RATE,
    half_stft=128,
    hop=128,
    bins=94,
    fft=4 * RATE,
    bank_start=-0.1,
    band=(20.0, 1600.0),
)
WANTED = {"fraction": 0.3, "models": ["Blip", "Tomte", "Koi_Fish"]}
SETTINGS = {"window_samples": RATE, "sample_rate": RATE, "ifos": IFOS}


class Noise:
    """Two blocks, the second of twice the amplitude; the same in both ifos."""

    def __init__(self):
        psd = psds.model_psd("o3", "L1", np.linspace(0, RATE / 2, 4 * RATE // 2 + 1)) / 1e-46
        self.psds = np.stack([np.stack([psd, psd]), 4 * np.stack([psd, psd])])
        self.taps = np.stack(
            [[spectral.whitening_taps(one, RATE, (20, 1600), FILTER) for one in block] for block in self.psds]
        )

    def psd(self, block):
        return self.psds[block]

    def filter(self, block):
        return self.taps[block]


@pytest.fixture(scope="module")
def makes():
    return glitched.Glitches(Noise(), SIZES)


def row(name="Blip", **changes):
    place = glitches.CLASSES.index(name)
    values = {"psd_block": 0, "glitch": place, "glitch_key": 7, "glitch_ifo": 1, "glitch_time": 0.4}
    return next(pd.DataFrame([values | {"glitch_snr": 20.0} | changes]).itertuples())


def loudest(whitened):
    """Return SNR and time of the loudest tile by GWpy's tiling: sqrt(2 E), E over the mean of white noise."""
    size = 8 * RATE
    series = np.zeros(size)
    first = size // 2 - SIZES.half_stft
    series[first : first + len(whitened)] = whitened
    best, spectrum = (0.0, 0.0), TimeSeries(series, sample_rate=RATE).fft()
    # Low Qs, then high ones, whose tiles are narrow enough to reach further up.
    for plane in [*QTiling(8, RATE, (4, 64), (20, 1200)), *QTiling(8, RATE, (32, 64), (1200, 1700))]:
        for tile in plane:
            energies = tile.transform(spectrum, norm=False, epoch=0).value
            # GWpy doubles rfft over N, so that white noise of unit variance has 4 / N in each bin.
            white = 4 / size * np.sum(tile.get_window() ** 2) / tile.ntiles**2
            place = energies.argmax()
            best = max(best, (energies[place] / white, place * 8 / tile.ntiles - 4))
    return np.sqrt(2 * best[0]), best[1]


@pytest.mark.parametrize("name", ["Blip", "Tomte", "Koi_Fish", "Whistle", "1400Ripples"])
def test_a_glitch_is_as_loud_and_as_late_as_its_row_says(makes, name):
    whitened = makes.whitened(row(name)).numpy().astype(float)
    snr, time = loudest(whitened)
    # The operator lacks what lies below the band's lower end and within its resolution of lines.
    assert snr == pytest.approx(20, rel=0.12 if name in ("Tomte", "Koi_Fish") else 0.05)
    assert time == pytest.approx(0.4, abs=0.02)


def test_the_comparison_of_loudness_can_fail(makes):
    snr, time = loudest(1.3 * makes.whitened(row(glitch_time=0.5)).numpy().astype(float))
    assert snr != pytest.approx(20, rel=0.12) and time != pytest.approx(0.4, abs=0.02)


def test_a_glitch_is_proportional_to_its_snr_and_moves_with_its_time(makes):
    one, two = (makes.whitened(row(glitch_snr=snr)).numpy() for snr in (10.0, 25.0))
    np.testing.assert_allclose(two, 2.5 * one, rtol=1e-5, atol=1e-6 * np.abs(two).max())
    later = makes.whitened(row(glitch_snr=10.0, glitch_time=0.4 + 512 / RATE)).numpy()
    np.testing.assert_allclose(later[512:], one[:-512], atol=1e-4 * np.abs(one).max())


def test_louder_noise_needs_a_louder_glitch_of_the_same_whitened_form(makes):
    quiet, loud = (makes.whitened(row(psd_block=block)).numpy() for block in (0, 1))
    np.testing.assert_allclose(loud, quiet, atol=1e-4 * np.abs(quiet).max())


@pytest.mark.parametrize("name", glitches.CLASSES)
def test_every_class_can_be_in_the_noise(makes, name):
    if name == "No_Glitch":
        return
    whitened = makes.whitened(row(name)).numpy()
    assert whitened.shape == (SIZES.stored,) and np.isfinite(whitened).all()
    assert np.abs(whitened).max() > 0.5


def uniform(name, size=4000):
    return seeds.uniforms("test", name, size=size)


def test_glitches_are_drawn_as_often_and_as_loud_as_wanted():
    table = rows.drawn(WANTED | {"snr": {"log_uniform": [10, 40]}}, SETTINGS, uniform)
    there = table["glitch"] >= 0
    assert there.mean() == pytest.approx(0.3, abs=0.03)
    names, counts = np.unique(table["glitch"][there], return_counts=True)
    assert [glitches.CLASSES[name] for name in names] == ["Blip", "Koi_Fish", "Tomte"]
    assert counts.min() > 0.28 * there.sum()
    assert set(table["glitch_ifo"][there]) == {0, 1}
    assert table["glitch_snr"][there].min() >= 10 and table["glitch_snr"][there].max() < 40
    assert np.median(table["glitch_snr"][there]) == pytest.approx(20, rel=0.05)
    assert table["glitch_time"][there].min() >= 0 and table["glitch_time"][there].max() < 1
    for name, missing in (("glitch_ifo", -1), ("glitch_key", -1)):
        assert set(table[name][~there]) == {missing}
    assert np.isnan(table["glitch_time"][~there]).all() and np.isnan(table["glitch_snr"][~there]).all()
    assert set(table) == set(columns.GLITCHED)


def test_without_an_snr_each_class_has_its_own():
    table = rows.drawn(WANTED, SETTINGS, uniform)
    mean = {
        name: np.median(table["glitch_snr"][table["glitch"] == glitches.CLASSES.index(name)])
        for name in WANTED["models"]
    }
    assert mean["Koi_Fish"] > 3 * mean["Blip"]


def test_a_glitch_is_a_function_of_its_row_alone():
    first, again, other = (rows.system(row(glitch_key=key)) for key in (7, 7, 8))
    assert str(first) == str(again) and first["frequency"] != other["frequency"]


def test_a_row_with_a_glitch_changes_nothing_else():
    settings = {
        **SETTINGS,
        **{"columns": {"snr": 20, "event_time": 0.1}, "examples": 40, "classes": ["noise", "s18"]},
        **{"margin": 4000},
        **{"seed": 1, "experiment": "a", "dataset": "b", "own": False, "paired": False, "reuse": "overlap"},
        **{"split": "train", "stft_window": 256, "weights": None},
        "waveforms": {"source": "ccsn", "models": {"s18": "surrogate"}, "realisations": "default"},
    }
    from gwsim.waveforms import sources

    blocks = [{"split": "train", "start": 1000, "end": 1128}]
    signals = sources.SOURCES["ccsn"]
    _, plain = draw.draw(blocks, signals, settings | {"glitches": None})
    _, with_some = draw.draw(blocks, signals, settings | {"glitches": WANTED})
    pd.testing.assert_frame_equal(plain, with_some[list(plain)], check_exact=True)
    assert list(with_some)[len(plain.columns) :] == list(columns.GLITCHED)
    kinds = {name: np.dtype(kind) for name, (kind, _, _) in columns.GLITCHED.items()}
    assert dict(with_some[list(columns.GLITCHED)].dtypes) == kinds


def test_code_of_glitches_counts_only_where_noise_has_some():
    without, with_some = (
        {path.name for path in provenance.closure("gwsim.cli.render", columns.others("ccsn", there))}
        for there in (False, True)
    )
    assert {"glitched.py", "classes.yaml", "loudest.py"} <= with_some - without


def page_of(table, fraction):
    """A dataset as its page asks for it, of a table alone."""
    dataset = object.__new__(datasets.Dataset)
    dataset.table, dataset.ifos, dataset.noise, dataset.window = table, IFOS, 0, RATE
    dataset.settings = {"glitches": {"fraction": fraction}}
    return dataset


def test_noise_with_a_glitch_is_not_noise_alone_to_the_page():
    place = np.arange(30)
    table = pd.DataFrame({"label": place % 2, "psd_block": 0, "start_sample": 2 * RATE * place})
    rows_alone, count = datasets.noise_rows(page_of(table, 0.5))
    assert count == 15
    table["glitch"] = np.where(place % 3, -1, 3)
    rows_alone, count = datasets.noise_rows(page_of(table, 0.5))
    assert count == 10 and (table["glitch"][rows_alone] < 0).all() and (table["label"][rows_alone] == 0).all()


def test_the_page_counts_glitches_and_knows_a_wrong_share():
    table = pd.DataFrame(glitched_columns := rows.drawn(WANTED, SETTINGS, uniform))
    (section,) = noise_sections.glitched(page_of(table, 0.3))
    listed = {line[0]: line[1:] for line in section.tables[0].rows}
    assert set(listed) == set(WANTED["models"]) and section.checks[0].ok
    for name, (count, _, *of_ifos) in listed.items():
        its = glitched_columns["glitch"] == glitches.CLASSES.index(name)
        assert count == its.sum() == sum(of_ifos)
    (wrong,) = noise_sections.glitched(page_of(table, 0.5))
    assert wrong.checks[0].ok is False
    assert noise_sections.glitched(page_of(table.drop(columns="glitch"), 0.3)) == []
