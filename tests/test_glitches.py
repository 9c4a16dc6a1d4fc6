"""Glitches: the table of classes, what is drawn of it, and laws that the waveform of every class keeps."""

import numpy as np
import pytest
import yaml

from gwsim import seeds
from gwsim.distributions import value_range
from gwsim.errors import GwsimError
from gwsim.waveforms import glitches
from gwsim.waveforms.glitches import forms

RATE, AT = 8192, 7.3  # of blocks of 16 s
WITH_WAVEFORM = [name for name in glitches.CLASSES if name != "No_Glitch"]
# Their waveform follows from their parameters alone.
WITHOUT_CHANCE = {"Blip", "Chirp", "Tomte"}
# Means over the training set v1d0, Omicron's SNR and peak frequency, by class (a public table of it).
PUBLISHED_SNR = {
    "1080Lines": 10.2, "1400Ripples": 10.9, "Air_Compressor": 8.7, "Blip": 22.8, "Chirp": 13.6,
    "Extremely_Loud": 2416, "Helix": 8.8, "Koi_Fish": 139, "Light_Modulation": 34.6,
    "Low_Frequency_Burst": 29.9, "Low_Frequency_Lines": 23.1, "None_of_the_Above": 45.3, "Paired_Doves": 33.4,
    "Power_Line": 11.3, "Repeating_Blips": 29.2, "Scattered_Light": 16.4, "Scratchy": 8.6, "Tomte": 16.2,
    "Violin_Mode": 13.4, "Wandering_Line": 27.8, "Whistle": 9.5,
}  # fmt: skip
PUBLISHED_FREQUENCY = {
    "1080Lines": 1111, "1400Ripples": 1527, "Air_Compressor": 48, "Light_Modulation": 105,
    "Low_Frequency_Lines": 12, "Scattered_Light": 30, "Scratchy": 153, "Wandering_Line": 667,
}  # fmt: skip


def rows(name: str, count: int, seed: int = 0) -> list[dict]:
    """Draw rows of one class."""
    columns = glitches.systems(
        [name] * count,
        lambda column: seeds.uniforms(seed, name, column, size=count),
        lambda column: seeds.generator(seed, name, column).integers(0, 2**62, count),
    )
    return [{column: values[k] for column, values in columns.items()} for k in range(count)]


def made(row, seconds=16, at=AT, rate=RATE):
    return glitches.waveform(row, seconds, at, rate)


class TestTable:
    def test_classes_are_those_of_gravity_spy_in_its_order(self):
        assert list(glitches.CLASSES) == sorted(PUBLISHED_SNR.keys() | {"No_Glitch"})
        assert list(glitches.table()) == list(glitches.CLASSES)

    def test_every_entry_has_a_form_and_every_form_an_entry(self):
        text = (glitches.Path(glitches.__file__).parent / "classes.yaml").read_text()
        assert set(yaml.safe_load(text)) == set(forms.FORMS)
        silent = {name for name, form in forms.FORMS.items() if form is None}
        assert (
            silent == {name for name in glitches.CLASSES if glitches.domain(name) == "none"} == {"No_Glitch"}
        )

    def test_entries_have_the_same_keys_and_known_words(self):
        keys = {"domain", "count", "snr", "repeats", "parameters", "source"}
        for name, entry in glitches.table().items():
            assert set(entry) == keys, name
            assert entry["domain"] in ("strain", "whitened", "none")
            assert isinstance(entry["repeats"], bool) and glitches.repeats(name) == entry["repeats"]
            assert set(entry["source"].values()) <= {"published", "chosen"}
            assert set(entry["source"]) <= {"snr", *entry["parameters"]}, name

    def test_the_counts_are_of_v1d1(self):
        assert sum(entry["count"] for entry in glitches.table().values()) == 8583

    def test_parameters_and_columns_are_one_vocabulary(self):
        used = {column for entry in glitches.table().values() for column in entry["parameters"]}
        assert used == set(glitches.PARAMETERS)
        assert tuple(glitches.COLUMNS) == ("key", *glitches.PARAMETERS)
        assert len(glitches.COLUMNS) <= 25

    def test_the_snr_is_what_gravity_spy_takes_and_has_the_published_mean_within(self):
        for name, mean in PUBLISHED_SNR.items():
            low, high = value_range(glitches.table()[name]["snr"])
            assert 7.5 <= low < mean < high, name

    def test_frequencies_have_the_published_mean_within(self):
        for name, mean in PUBLISHED_FREQUENCY.items():
            low, high = value_range(glitches.table()[name]["parameters"]["frequency"])
            assert low < mean < high, name


class TestSystems:
    classes = ("Whistle", "Blip", "No_Glitch", "Blip", "Chirp")

    def columns(self, seed=0):
        size = len(self.classes)
        return glitches.systems(
            list(self.classes),
            lambda column: seeds.uniforms(seed, column, size=size),
            lambda column: seeds.generator(seed, column).integers(0, 2**62, size),
        )

    def test_columns_are_of_the_stated_types(self):
        columns = self.columns()
        assert tuple(columns) == ("model", *glitches.COLUMNS) and tuple(columns["model"]) == self.classes
        for name, (dtype, _, _) in glitches.COLUMNS.items():
            assert columns[name].dtype == (object if dtype == "str" else dtype), name

    def test_a_class_has_its_parameters_within_their_ranges_and_no_others(self):
        columns = self.columns()
        for k, name in enumerate(self.classes):
            specs = glitches.table()[name]["parameters"]
            for column in glitches.PARAMETERS:
                value = columns[column][k]
                assert np.isnan(value) == (column not in specs), (name, column)
                if column in specs:
                    low, high = value_range(specs[column])
                    assert low <= value <= high

    def test_rows_depend_on_their_own_numbers_alone(self):
        both, alone = self.columns(), None
        alone = glitches.systems(
            [self.classes[3]],
            lambda column: seeds.uniforms(0, column, size=5)[3:4],
            lambda column: seeds.generator(0, column).integers(0, 2**62, 5)[3:4],
        )
        for name, values in alone.items():
            np.testing.assert_array_equal(values, both[name][3:4])

    def test_the_snr_is_drawn_by_class_and_is_nan_without_a_glitch(self):
        uniform = np.array([0.0, 0.5, 0.3, 1.0, 0.0])
        values = glitches.snr(list(self.classes), uniform)
        np.testing.assert_allclose(values[[0, 3, 4]], [7.5, 80, 8])
        assert 17.6 < values[1] < 20 and np.isnan(values[2])  # a log-normal, cut below

    def test_unknown_classes_are_named_at_once(self):
        for ask in (
            lambda names: glitches.systems(names, lambda _: np.zeros(3), lambda _: np.zeros(3, int)),
            lambda names: glitches.snr(names, np.zeros(3)),
        ):
            with pytest.raises(
                GwsimError, match=r"unknown glitch classes Blop, Tompte: expected of 1080Lines, "
            ):
                ask(["Tompte", "Blip", "Blop"])
        with pytest.raises(GwsimError, match="unknown glitch classes koi_fish"):
            glitches.domain("koi_fish")


@pytest.mark.parametrize("name", WITH_WAVEFORM)
class TestEveryClass:
    def test_a_waveform_is_finite_and_of_order_one(self, name):
        for row in rows(name, 4):
            wave = made(row)
            assert wave.shape == (16 * RATE,) and wave.dtype == np.float64
            assert 0.1 < np.abs(wave).max() < 20

    def test_it_is_a_function_of_its_row(self, name):
        (row,) = rows(name, 1)
        np.testing.assert_array_equal(made(row), made(dict(reversed(row.items()))))
        other = made(row | {"key": row["key"] + 1})
        assert np.array_equal(made(row), other) == (name in WITHOUT_CHANCE)

    def test_every_parameter_counts(self, name):
        some = rows(name, 8, seed=3)
        for column in glitches.table()[name]["parameters"]:
            # Not in every row: where there is one unit, its distance to the next is nothing.
            pairs = zip(some, [*some[1:], some[0]], strict=True)
            assert any(
                not np.array_equal(made(row), made(row | {column: other[column]})) for row, other in pairs
            ), column

    def test_it_ends_within_the_block(self, name):
        for row in rows(name, 4):
            wave = np.abs(made(row))
            edges = max(wave[:16].max(), wave[-16:].max())
            assert edges < 1e-3 * wave.max()

    def test_it_is_the_same_in_a_longer_block(self, name):
        for row in rows(name, 2):
            # 23.5 s later, a whole number of samples.
            short, long = made(row), made(row, 64, AT + 23.5)
            inside = slice(int((AT - 6) * RATE), int((AT + 6) * RATE))
            first = int(23.5 * RATE)
            same = long[first : first + len(short)][inside]
            np.testing.assert_allclose(short[inside], same, atol=1e-6 * np.abs(short).max())

    def test_it_moves_by_parts_of_a_sample(self, name):
        """A delay of a part of a sample turns the spectrum's phases alone."""
        if name == "Chirp":
            pytest.skip("a merger stands on a sample")
        (row,) = rows(name, 1)
        here, there = (np.fft.rfft(made(row, at=AT + late / RATE)) for late in (0.0, 0.4))
        f = np.fft.rfftfreq(16 * RATE, 1 / RATE)
        error = here * np.exp(-2j * np.pi * f * 0.4 / RATE) - there
        # A repeating class has its edge tapered in another place.
        assert np.linalg.norm(error) < 2e-3 * np.linalg.norm(there)

    @pytest.mark.parametrize("rate", [4096, 8192])
    def test_nothing_lies_near_nyquist(self, name, rate):
        for row in rows(name, 3, seed=1):
            power = np.abs(np.fft.rfft(made(row, rate=rate))) ** 2
            high = np.fft.rfftfreq(16 * rate, 1 / rate) > 0.93 * rate / 2
            assert power[high].sum() < 2e-5 * power.sum()

    def test_rates_agree_in_band(self, name):
        for row in rows(name, 3, seed=2):
            fine, coarse = (np.fft.rfft(made(row, at=7.25, rate=rate)) / rate for rate in (8192, 4096))
            band = slice(0, 16 * 1500)
            assert np.linalg.norm(fine[band] - coarse[band]) < 0.01 * np.linalg.norm(fine)

    def test_it_stands_about_its_time(self, name):
        for row in rows(name, 4, seed=5):
            power = made(row) ** 2
            loud = power.reshape(-1, RATE // 4).max(-1)
            about = loud[int((AT - 2.5) * 4) : int((AT + 2.5) * 4) + 1].max()
            # Repetitions elsewhere may be as loud.
            assert about > (0.5 if glitches.repeats(name) else 0.999) * loud.max()

    def test_it_repeats_or_it_is_over(self, name):
        for row in rows(name, 3, seed=6):
            power = made(row, 64, 32.0) ** 2
            away = np.concatenate([power[: 20 * RATE], power[44 * RATE :]])
            assert (away.sum() > 0.2 * power.sum()) == glitches.repeats(name)


def test_no_glitch_is_silence():
    (row,) = rows("No_Glitch", 1)
    assert not made(row).any() and made(row).shape == (16 * RATE,)


def test_a_glitch_beyond_the_block_is_cut():
    """Its place may be anywhere: what lies outside is not there."""
    for name in WITH_WAVEFORM:
        (row,) = rows(name, 1)
        for at in (0.1, 15.95):
            assert np.isfinite(made(row, at=at)).all()


def test_waveforms_cost_little():
    import time

    start = time.process_time()
    every = [row for name in WITH_WAVEFORM for row in rows(name, 2)]
    for row in every:
        made(row, 64, 32.0)
    # 15 ms each on one core; a loop over samples would cost a second.
    assert (time.process_time() - start) / len(every) < 0.1
