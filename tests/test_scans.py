"""Rows into Q-scans: laws of how a glitch is added to strain, against GWpy's tiles and GWpy's pictures."""

import numpy as np
import pandas as pd
import pytest
from gwpy.signal.qtransform import QTiling
from gwpy.timeseries import TimeSeries
from scipy.interpolate import RegularGridInterpolator

from gwsim import layout, loudest, microbatches, qscan, scans, seeds, sharding, spectral
from gwsim.errors import GwsimError
from gwsim.waveforms import glitches

RATE, SECONDS, BLOCK, LINE = 4096, 8, 24, 60.0
SIZE = SECONDS * RATE
PSD_SECONDS = 4
SETTINGS = {
    "whiten": "self",
    "ifos": ["H1", "L1"],
    "sample_rate": RATE,
    "duration": SECONDS,
    "qscan": {"size": 16, "q": [4, 64], "frequencies": [10, 1024], "search": 0.5},
    "source": "glitch",
    "shard_rows": 64,
    "examples": 12,
}
# Those that stand in one place, of both domains.
COMPACT = ["Blip", "Power_Line", "Koi_Fish", "Tomte", "Air_Compressor", "Chirp"]
ROWS = [*COMPACT, "No_Glitch", "Helix", "Scattered_Light", "Blip", "No_Glitch", "Extremely_Loud"]


def psd_at(frequencies, block=0, ifo=0, line=True):
    """A wall of low frequencies, a floor that differs from ifo to ifo, and a line a bin wide."""
    floor = (1 + block) * (1 + 2 * ifo)
    psd = floor * (1 + (50 / np.maximum(frequencies, 5.0)) ** 4)
    return psd * np.where(line & (np.abs(frequencies - LINE) < 0.2), 1e4, 1.0)


class Noise:
    """Strain of two blocks and ifos in units of STRAIN_UNIT; the second block ends four seconds earlier."""

    ifos = SETTINGS["ifos"]

    def __init__(self):
        grid, fine = (
            np.arange(PSD_SECONDS * RATE // 2 + 1) / PSD_SECONDS,
            np.arange(BLOCK * RATE // 2 + 1) / BLOCK,
        )
        self.psds = np.stack([[psd_at(grid, b, i) for i in range(2)] for b in range(2)])
        self.strain = np.empty((2, 2, BLOCK * RATE), np.float32)
        for b in range(2):
            for i in range(2):
                white = seeds.generator("test", "scans", b, i).normal(size=BLOCK * RATE)
                shape = np.sqrt(psd_at(fine, b, i) * RATE / 2)
                self.strain[b, i] = np.fft.irfft(np.fft.rfft(white) * shape, BLOCK * RATE)
        self.strain[1, :, (BLOCK - 4) * RATE :] = np.nan

    def series(self, block, ifo, first, size):
        return self.strain[block, ifo, first : first + size]

    def psd(self, block):
        return self.psds[block]


def table_of(names, **values):
    """Rows of some classes, one after another, and their systems."""
    count = len(names)

    def integers(name):
        return seeds.generator("test", "scans", name).integers(0, 2**63 - 1, size=count)

    drawn = glitches.systems(names, lambda name: seeds.uniforms("test", "scans", name, size=count), integers)
    systems = pd.DataFrame({"model": names, **{name: drawn[name] for name in ("key", *glitches.PARAMETERS)}})
    snr = np.where(np.array(names) == "No_Glitch", np.nan, np.linspace(12, 40, count))
    rows = {
        "label": 0,
        "system": np.arange(count),
        "psd_block": np.arange(count) % 2,
        "start_sample": 1000 + 3000 * np.arange(count),
        "event_time": np.linspace(3.2, 4.8, count),
        "scan_ifo": np.arange(count) // 2 % 2,
        "mean_norm": np.arange(count) // 3 % 2,
        "snr_target": snr,
    }
    return pd.DataFrame(rows | values), systems


@pytest.fixture(scope="module")
def noise():
    return Noise()


@pytest.fixture(scope="module")
def table():
    return table_of(ROWS)[0]


@pytest.fixture(scope="module")
def renderer(noise):
    return scans.Renderer(SETTINGS, noise, table_of(ROWS)[1])


def strains(renderer, table):
    """Rows' strain as it is whitened."""
    return np.stack([renderer.strain(row)[0] for row in table.itertuples()])


def added(renderer, table):
    """Rows' glitches alone, as they stand in their strain."""
    return strains(renderer, table) - strains(renderer, table.assign(snr_target=np.nan))


def made(system, seconds=SECONDS, rate=RATE):
    """A system's glitch in its own domain, in the middle of a block."""
    return glitches.waveform(dict(system), seconds, seconds / 2, rate)


# ---- oracles: NumPy and GWpy


def whitened(strain, block, ifo):
    """Strain over its true amplitude spectrum, on which noise has unit variance."""
    grid = np.arange(PSD_SECONDS * RATE // 2 + 1) / PSD_SECONDS
    frequencies = np.fft.rfftfreq(len(strain), 1 / RATE)
    psd = np.interp(frequencies, grid, psd_at(grid, block, ifo))
    return np.fft.irfft(np.fft.rfft(strain) / np.sqrt(psd * RATE / 2), len(strain))


def loudest_by_gwpy(series, settings=SETTINGS, rate=RATE):
    """Energy over that of white noise, time, frequency, Q of the loudest of GWpy's tiles; its length (s)."""
    spectrum, size, found = TimeSeries(series, sample_rate=rate).fft(), len(series), []
    ranges = {"qrange": tuple(settings["qscan"]["q"]), "frange": tuple(settings["qscan"]["frequencies"])}
    for plane in QTiling(size / rate, rate, **ranges):
        for tile, tiles in zip(plane, plane.transform(spectrum, norm=None, epoch=0).energies, strict=True):
            # Of unit variance a bin of GWpy's spectrum has 4 / size, a tile the sum of its window's squares.
            expected = 4 / size * (tile.get_window() ** 2).sum() / tile.ntiles**2
            place = int(tiles.value.argmax())
            row = (tiles.value[place] / expected, tiles.times.value[place], tile.frequency, tile.q)
            found.append((*row, size / rate / tile.ntiles))
    return max(found)


def test_the_oracle_knows_what_white_noise_has():
    """Tiles of white noise have the energy that they are taken over, on average."""
    white = seeds.generator("test", "scans", "white").normal(size=SIZE)
    spectrum, ratios = TimeSeries(white, sample_rate=RATE).fft(), []
    for tile in (
        tile for plane in QTiling(SECONDS, RATE, qrange=(4, 64), frange=(100, 1024)) for tile in plane
    ):
        energy = tile.transform(spectrum, norm=None, epoch=0).value.mean()
        ratios.append(energy / (4 / SIZE * (tile.get_window() ** 2).sum() / tile.ntiles**2))
    assert np.mean(ratios) == pytest.approx(1, abs=0.02)


# ---- how loud, and where


def test_the_loudest_tile_has_the_wanted_snr_and_stands_at_event_time(renderer, table):
    rows = table.iloc[: len(COMPACT)]
    difference, realised = added(renderer, rows), renderer.rows(rows)[1]
    np.testing.assert_allclose(realised["snr"], rows["snr_target"], rtol=1e-12)
    for place, row in enumerate(rows.itertuples()):
        seen = whitened(difference[place], row.psd_block, row.scan_ifo)
        energy, time, frequency, q, tile = loudest_by_gwpy(seen)
        # Where it stands, tiles are elsewhere beside it: no two are farther apart than the mismatch allows.
        assert np.sqrt(2 * energy) == pytest.approx(row.snr_target, rel=0.04), COMPACT[place]
        assert abs(time - row.event_time) <= tile, COMPACT[place]
        assert frequency == pytest.approx(realised["peak_frequency"][place], rel=0.1)
        assert (
            q == pytest.approx(realised["peak_q"][place], rel=1e-9)
            or frequency != realised["peak_frequency"][place]
        )


@pytest.mark.parametrize("name", COMPACT)
def test_the_strain_is_the_waveform_scaled_and_moved_and_nothing_else(table, renderer, name):
    """Tight, for tiles are measured where GWpy, too, sees the waveform as it was made."""
    row = next(table.iloc[[COMPACT.index(name)]].itertuples())
    system, psd = renderer.systems.loc[row.Index], renderer.noise.psd(row.psd_block)[row.scan_ifo]
    strain, seen = renderer.waveform.both(made(system), glitches.domain(name), psd)
    energy, time, *_ = loudest_by_gwpy(seen)
    expected = np.roll(strain, round((row.event_time - time) * RATE)) * row.snr_target / np.sqrt(2 * energy)
    difference = added(renderer, table.loc[[row.Index]])[0]
    np.testing.assert_allclose(difference, expected, rtol=0, atol=2e-4 * np.abs(expected).max())


def test_a_glitch_three_times_as_loud_is_three_times_the_strain(renderer, table):
    rows = table[table["snr_target"].notna()]
    one, three = (added(renderer, rows.assign(snr_target=factor * rows["snr_target"])) for factor in (1, 3))
    scale = np.abs(one).max(axis=1, keepdims=True)
    assert (scale > 0).all()
    np.testing.assert_allclose(three / scale, 3 * one / scale, rtol=0, atol=1e-9)


@pytest.mark.parametrize("shift", [0.25, -0.5])
def test_a_later_event_is_the_same_glitch_later(renderer, table, shift):
    rows = table.iloc[: len(COMPACT)]
    here, there = (added(renderer, rows.assign(event_time=rows["event_time"] + by)) for by in (0, shift))
    scale = np.abs(here).max(axis=1, keepdims=True)
    np.testing.assert_allclose(
        there / scale, np.roll(here, round(shift * RATE), axis=1) / scale, rtol=0, atol=1e-9
    )


def test_loudness_does_not_depend_on_which_strain_it_is_added_to(renderer, table):
    """Nothing is measured on noise: another start has other noise, and the same glitch."""
    rows = table.iloc[: len(COMPACT)]
    here, there = (added(renderer, rows.assign(start_sample=first)) for first in (0, 12345))
    scale = np.abs(here).max(axis=1, keepdims=True)
    np.testing.assert_allclose(here / scale, there / scale, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seconds", [32, 20])
def test_of_a_long_block_the_middle_is_searched_and_times_are_the_blocks(seconds):
    """Blocks longer than what is transformed for it: its times are counted from the block's start."""
    rate, settings = 1024, SETTINGS | {"duration": seconds, "sample_rate": 1024}
    settings["qscan"] = settings["qscan"] | {"frequencies": [10, 250]}

    class White:
        ifos = SETTINGS["ifos"]

        def series(self, block, ifo, first, size):
            return seeds.generator("test", "long").normal(size=size).astype(np.float32)

        def psd(self, block):
            return np.full((2, 4 * rate // 2 + 1), 2 / rate)

    rows, systems = table_of(["Koi_Fish", "Blip"], event_time=[seconds / 2 + 1.0, seconds / 2 - 3.5])
    difference_of = added(scans.Renderer(settings, White(), systems), rows)
    # White noise of unit variance is whitened as it is.
    for row, difference in zip(rows.itertuples(), difference_of, strict=True):
        energy, time, _, _, tile = loudest_by_gwpy(difference, settings, rate)
        assert abs(time - row.event_time) <= tile
        assert np.sqrt(2 * energy) == pytest.approx(row.snr_target, rel=0.04)


# ---- the two domains


@pytest.mark.parametrize("domain", ["strain", "whitened"])
def test_strain_and_whitened_strain_are_one_waveform(renderer, noise, domain):
    drawn = seeds.generator("test", "domain").normal(size=SIZE)
    strain, seen = renderer.waveform.both(drawn, domain, noise.psd(1)[1])
    np.testing.assert_allclose(whitened(strain, 1, 1), seen, rtol=0, atol=1e-9 * np.abs(seen).max())
    frequencies = np.fft.rfftfreq(SIZE, 1 / RATE)
    given = np.fft.rfft(drawn)
    response = np.abs(np.fft.rfft(strain)[frequencies >= loudest.F_LOW] / given[frequencies >= loudest.F_LOW])
    audible = frequencies[frequencies >= loudest.F_LOW]
    if domain == "strain":
        np.testing.assert_allclose(response, 1, rtol=1e-9)
    else:
        # The noise's amplitudes without its line, as far as a median over 16 Hz follows the wall.
        smooth = np.sqrt(psd_at(audible, 1, 1, line=False) * RATE / 2)
        flat = audible > 40
        np.testing.assert_allclose(response[flat], smooth[flat], rtol=0.05)
        # It comes out as it went in, but at the line, which whitening takes it down to.
        back = np.abs(np.fft.rfft(seen)[frequencies >= loudest.F_LOW] / given[frequencies >= loudest.F_LOW])
        line = np.abs(audible - LINE) < 0.5
        np.testing.assert_allclose(back[flat & ~line], 1, rtol=0.05)
        assert back[np.abs(audible - LINE) < 0.05].max() < 0.02
    below = np.abs(np.fft.rfft(strain))[frequencies < loudest.F_LOW]
    assert below.max() < 1e-9 * np.abs(np.fft.rfft(strain)).max()


def test_lines_are_taken_out_of_a_spectrum_and_nothing_else():
    grid = np.arange(PSD_SECONDS * RATE // 2 + 1) / PSD_SECONDS
    found = spectral.without_lines(psd_at(grid), 1 / PSD_SECONDS, mode="nearest")
    bare = psd_at(grid, line=False)
    assert found.shape == grid.shape
    np.testing.assert_allclose(found[grid > 40], bare[grid > 40], rtol=0.05)
    level = np.full(len(grid), 3.0)
    np.testing.assert_array_equal(spectral.without_lines(level, 1 / PSD_SECONDS, mode="nearest"), level)
    # A bump of 6 Hz is a line, one of 40 Hz is the noise's own.
    for width, kept in ((6, 3), (40, 30)):
        bump = np.where(np.abs(grid - 500) < width / 2, 30.0, level)
        assert spectral.without_lines(bump, 1 / PSD_SECONDS, mode="nearest")[500 * PSD_SECONDS] == kept


# ---- noise alone, and what cannot be


def test_an_ifo_is_the_one_of_its_name_wherever_the_store_has_it(noise, table):
    """Two experiments share a store: it may have other ifos than the dataset, in another order."""
    rows = table[table["snr_target"].isna()].assign(scan_ifo=0)
    for ifos in (["L1", "H1"], ["L1"]):
        other = scans.Renderer(SETTINGS | {"ifos": ifos}, noise, pd.DataFrame())
        for row in rows.itertuples():
            strain, _ = other.strain(row)
            of_l1 = noise.strain[row.psd_block, 1, row.start_sample : row.start_sample + SIZE]
            np.testing.assert_array_equal(strain, of_l1)


def test_rows_without_a_glitch_are_their_noise(renderer, table, noise):
    rows = table[table["snr_target"].isna()]
    assert len(rows) == 2
    strain, (arrays, realised) = strains(renderer, rows), renderer.rows(rows)
    for place, row in enumerate(rows.itertuples()):
        alone = noise.strain[row.psd_block, row.scan_ifo, row.start_sample : row.start_sample + SIZE]
        np.testing.assert_array_equal(strain[place], alone)
        assert 10 < arrays["qscan"][place].max() < 255
    assert realised[["snr", "peak_frequency", "peak_q"]].isna().all(axis=None)
    # Sixteenths of a second of noise have tiles of some SNR, and none of a loud glitch.
    assert realised["snr_scan"].between(2, 7).all() and realised["q_scan"].between(4, 64).all()


def test_a_row_past_its_noise_is_told(renderer, table):
    message = r"row 4 reaches past the noise of its block: .* draw it again"
    with pytest.raises(GwsimError, match=message):
        renderer.rows(table.assign(start_sample=[0, 0, 0, 0, BLOCK * RATE - SIZE + 1, *[0] * 7]))
    # The block that is shorter than its row of the store is filled up with NaN.
    last = (BLOCK - 4) * RATE - SIZE
    second = table[table["psd_block"] == 1].iloc[:1]
    renderer.rows(second.assign(start_sample=last))
    with pytest.raises(GwsimError, match="row 1 reaches past the noise of its block"):
        renderer.rows(second.assign(start_sample=last + 1))


def test_a_glitch_without_power_is_told(renderer, table):
    silent = table.iloc[[6]].assign(snr_target=10.0)
    message = (
        r"class No_Glitch \(key \d+\) has no power in the tiles: they begin at 10.875 Hz, strain has 4096"
    )
    with pytest.raises(GwsimError, match=message):
        renderer.rows(silent)


# ---- what is stored


def test_a_row_has_the_same_bytes_alone_in_its_batch_and_in_its_shard(renderer, table, noise):
    arrays, realised = renderer.rows(table)
    assert len(table) > 2 * scans.MICRO_BATCH == 2 * renderer.size
    for row in (0, 3, 6, 11):
        one, columns_of_one = renderer.example(table, row)
        assert one["qscan"].tobytes() == arrays["qscan"][row].tobytes()
        pd.testing.assert_frame_equal(
            columns_of_one.reset_index(drop=True),
            realised.iloc[[row]].reset_index(drop=True),
            check_exact=True,
        )
    # As two jobs would, each with a renderer of its own, one of them into memory that was used before.
    other = scans.Renderer(SETTINGS, noise, table_of(ROWS)[1])
    used = {"qscan": np.full_like(arrays["qscan"], 77)}
    parts = [other.rows(table.iloc[first:last], used) for first, last in ((8, 12), (0, 8))]
    assert parts[0][0]["qscan"].base is not None and len(parts[1][0]["qscan"]) == 8
    assert parts[1][0]["qscan"].tobytes() == arrays["qscan"][:8].tobytes()
    again = other.rows(table.iloc[8:])
    assert again[0]["qscan"].tobytes() == arrays["qscan"][8:].tobytes()
    pd.testing.assert_frame_equal(
        pd.concat([parts[1][1], parts[0][1]], ignore_index=True), realised, check_exact=True
    )


class Companions(microbatches.MicroBatches):
    """Rows whose values tell who was rendered with them."""

    size = 4

    def micro_batch(self, table):
        total = np.full((len(table), 1), table["row"].sum())
        return {"total": total}, pd.DataFrame({"total": total[:, 0]})


def test_a_row_alone_is_made_in_its_own_company():
    table = pd.DataFrame({"row": np.arange(11)})
    whole, _ = Companions().rows(table)
    assert whole["total"][:, 0].tolist() == [6] * 4 + [22] * 4 + [27] * 3
    for row in range(11):
        arrays, realised = Companions().example(table, row)
        assert arrays["total"] == whole["total"][row] == realised["total"].item()


def test_shards_are_whole_micro_batches():
    assert issubclass(scans.Renderer, microbatches.MicroBatches)
    assert sharding.LEAST_ROWS % scans.MICRO_BATCH == 0


def test_another_row_does_not_change_its_neighbours(renderer, table):
    before, _ = renderer.rows(table.iloc[:4])
    changed = table.iloc[:4].copy()
    changed.loc[2, ["snr_target", "mean_norm"]] = [300.0, 1 - changed.loc[2, "mean_norm"]]
    after, _ = renderer.rows(changed)
    same = [
        one.tobytes() == other.tobytes() for one, other in zip(before["qscan"], after["qscan"], strict=True)
    ]
    assert same == [True, True, False, True]


def test_arrays_and_columns_are_the_documented_ones(renderer, table):
    arrays, realised = renderer.rows(table.iloc[:4])
    documented = {name: np.dtype(kind) for name, (kind, _, _) in layout.realised_columns(SETTINGS).items()}
    assert dict(realised.dtypes) == documented
    (array,) = layout.arrays(SETTINGS)
    (told,) = [line for line in layout.__doc__.splitlines() if line.startswith(f"{array.name} | ")]
    _, dims, unit, dtype, meaning = told.split(" | ")
    assert (tuple(dims.split(", ")), unit, dtype) == (array.dims, array.attributes["units"], array.dtype)
    assert list(arrays) == [array.name] and arrays["qscan"].dtype == array.dtype
    assert arrays["qscan"].shape[1:] == array.shape[1:] and array.shape[0] == SETTINGS["examples"]
    assert "ten times" in meaning and "ten times" in array.attributes["long_name"]


def gwpy_image(strain, row, duration, size):
    """GWpy's own Q-scan of strain as a picture: a line between its points, cut, means of four; and its Q."""
    image = TimeSeries(strain, sample_rate=RATE).q_transform(
        qrange=(4, 64),
        frange=(10, 1024),
        gps=row.event_time,
        search=0.5,
        tres=1 / 4096,
        logf=True,
        fres=400,
        norm="mean" if row.mean_norm else "median",
        outseg=(row.event_time - duration / 2, row.event_time + duration / 2),
        whiten=True,
    )
    frequencies, times = qscan.axes(2 * size)
    axes = image.times.value - row.event_time, np.log(image.frequencies.value)
    # Beyond its highest frequency GWpy has nothing, and the last row goes on.
    grid = np.meshgrid(times * duration, np.minimum(np.log(frequencies), axes[1][-1]), indexing="ij")
    points = np.clip(RegularGridInterpolator(axes, image.value)(tuple(grid)).T, 0, 25.5)
    return points.reshape(size, 2, size, 2).mean((1, 3)), image.q


def test_views_are_gwpys_pictures_of_the_strain(renderer, table):
    """With the mean's norm and the median's, of either ifo, block and domain; rounded to a tenth."""
    rows = table.iloc[[0, 3, 5, 9, 6]]
    assert rows["mean_norm"].nunique() == 2
    strain, (arrays, realised) = strains(renderer, rows), renderer.rows(rows)
    for place, row in enumerate(rows.itertuples()):
        for number, duration in ((1, 1.0), (3, 4.0)):
            expected, q = gwpy_image(strain[place], row, duration, 16)
            assert q == pytest.approx(realised["q_scan"][place], rel=1e-6)
            apart = np.abs(arrays["qscan"][place, number] / 10 - expected)
            # Rounding to a tenth is a fortieth on average; the rest is what a straight line lacks.
            assert apart.mean() < 0.028 and apart.max() < 0.12, (row.Index, duration)


def test_the_loudest_pixels_are_in_the_middle_of_every_view(renderer, table):
    rows = table.iloc[[0, 3]].assign(snr_target=60.0)
    views = renderer.rows(rows)[0]["qscan"].astype(float)
    for view in views.reshape(-1, 16, 16):
        column = view.sum(axis=0)
        assert {int(column.argmax())} <= {7, 8}
    # Frequencies ascend: these two are loud below 300 Hz and in the lower half of the logarithm's axis.
    assert (views[:, :, :8].sum((1, 2, 3)) > views[:, :, 8:].sum((1, 2, 3))).all()


def test_a_stretch_to_search_is_the_configurations(noise, table):
    """A longer one sees a louder tile elsewhere, another no longer than the glitch sees none of it."""
    wide = scans.Renderer(SETTINGS | {"qscan": SETTINGS["qscan"] | {"search": 4.0}}, noise, table_of(ROWS)[1])
    narrow = scans.Renderer(SETTINGS, noise, table_of(ROWS)[1])
    rows = table[table["snr_target"].isna()]
    found = [one.rows(rows)[1]["snr_scan"].to_numpy() for one in (narrow, wide)]
    assert (found[1] >= found[0]).all() and (found[1] > found[0]).any()


def test_every_class_can_be_rendered(noise):
    """At the run's rate, that of the detectors' pictures, where all 22 have power."""
    rate = 8192
    settings = SETTINGS | {"sample_rate": rate, "qscan": SETTINGS["qscan"] | {"frequencies": [10, 2048]}}

    class White:
        ifos = SETTINGS["ifos"]

        def series(self, block, ifo, first, size):
            return seeds.generator("test", "classes", first).normal(size=size).astype(np.float32)

        def psd(self, block):
            return np.full((2, 4 * rate // 2 + 1), 2 / rate)

    names = list(glitches.CLASSES)
    rows, systems = table_of(names, event_time=4.0)
    arrays, realised = scans.Renderer(settings, White(), systems).rows(rows)
    loud = np.array(names) != "No_Glitch"
    np.testing.assert_allclose(realised["snr"][loud], rows["snr_target"][loud], rtol=1e-12)
    assert realised["peak_frequency"][loud].between(10, 2048).all() and realised["snr"][~loud].isna().all()
    assert len({view.tobytes() for view in arrays["qscan"]}) == len(names)
