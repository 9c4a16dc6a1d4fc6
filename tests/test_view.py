"""What a network sees: strain without its margin, lowered to a rate without moving it, spectrograms of it."""

import numpy as np
import pytest
import scipy.signal

from gwsim import view
from gwsim.errors import GwsimError
from gwsim.view import View

RATE, MARGIN = 4096, 128
SETTINGS = {
    "ifos": ["H1", "L1"],
    "sample_rate": RATE,
    "duration": 0.5,
    "spectrogram": {"window": 2 * MARGIN, "hop": 128, "f_max": 1500},
}
# Times of stored samples, from the window's first.
TIME = (np.arange(round(0.5 * RATE) + 2 * MARGIN) - MARGIN) / RATE


def strain(*signals):
    """Examples (sample, ifo, time) of two ifos, the second the negative of the first."""
    return np.stack([[signal, -signal] for signal in signals])


def seen(signal, rate):
    return View("strain", "none", rate).raw({"strain": strain(signal)}, SETTINGS)[0]


def white(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def sine(frequency, time, phase=0.3):
    return np.sin(2 * np.pi * frequency * time + phase)


# ---- strain


@pytest.mark.parametrize("rate", [None, RATE])
def test_strain_is_the_window_and_none_of_its_margin(rate):
    found = seen(TIME, rate)
    np.testing.assert_array_equal(found[0], np.arange(2048) / RATE)
    np.testing.assert_array_equal(found[1], -found[0])
    np.testing.assert_array_equal(View("strain", "none", rate).axes(SETTINGS)["time"], found[0])


@pytest.mark.parametrize("rate, frequencies", [(512, (0, 20, 150, 195)), (2048, (50, 600, 960))])
def test_what_the_rate_can_carry_keeps_place_and_phase(rate, frequencies):
    """Ends too: the low pass has the margin, and no first or last sample lacks a part of it."""
    time, loud = View("strain", "none", rate).axes(SETTINGS)["time"], np.sqrt(RATE / rate)
    assert len(time) == rate // 2 and time[0] == 0
    for frequency in frequencies:
        found = seen(sine(frequency, TIME), rate)
        np.testing.assert_allclose(found[0], loud * sine(frequency, time), rtol=0, atol=2e-3 * loud)


@pytest.mark.parametrize("frequency", [256, 300, 511, 700, 2000])
def test_what_it_cannot_carry_is_gone(frequency):
    """60 dB down: it would come back at a frequency that it has not."""
    assert np.abs(seen(sine(frequency, TIME), 512)).max() < 1.1e-3 * np.sqrt(8)


def test_white_noise_keeps_its_density():
    """Two-sided and per sample, one; 256 averages of a periodogram scatter by a sixteenth."""
    found = View("strain", "none", 512).raw({"strain": white(1, 64, 4, len(TIME))}, SETTINGS)
    power = (np.abs(np.fft.rfft(found, axis=-1)) ** 2).mean((0, 1)) / found.shape[-1]
    inside = np.arange(129) * 2 < 190
    np.testing.assert_allclose(power[inside][1:], 1, atol=6 / 16)
    assert power[inside].mean() == pytest.approx(1, abs=6 / 16 / np.sqrt(inside.sum()))
    assert 0.8 < found.var() < 0.95  # what lies in the edge is lost


def test_each_sample_and_ifo_is_seen_alone():
    x = white(2, 3, 2, len(TIME)).astype(np.float32)
    whole = View("strain", "none", 512).raw({"strain": x}, SETTINGS)
    assert whole.dtype == np.float32 and whole.flags.c_contiguous
    for row in range(3):
        for ifo in range(2):
            alone = View("strain", "none", 512).raw({"strain": x[row : row + 1, ifo : ifo + 1]}, SETTINGS)
            np.testing.assert_array_equal(alone[0, 0], whole[row, ifo])


# ---- spectrograms


def test_a_spectrogram_that_is_not_at_hand_is_made_of_the_strain():
    """Held against scipy, which scales by the sum of its window where ours has white noise at one."""
    x = white(3, 2, 2, len(TIME)).astype(np.float32)
    found = View().raw({"strain": x}, SETTINGS)
    frequency, time, theirs = scipy.signal.stft(
        x.astype(float), RATE, "hann", 2 * MARGIN, 2 * MARGIN - 128, boundary=None, padded=False
    )
    taper = scipy.signal.windows.hann(2 * MARGIN, sym=False)
    theirs = np.abs(theirs) * taper.sum() / np.sqrt((taper**2).sum())
    np.testing.assert_allclose(found, theirs[:, :, :94], atol=1e-5)
    axes = View().axes(SETTINGS)
    np.testing.assert_allclose(axes["frequency"], frequency[:94])
    np.testing.assert_allclose(axes["frame"], time - MARGIN / RATE)  # the window starts after the margin
    assert View().shape(SETTINGS) == found.shape[1:] == (2, 94, 17)


def test_a_spectrogram_that_is_at_hand_is_taken():
    both = {"strain": strain(TIME), "spectrogram": np.ones((1, 2, 94, 17))}
    assert View().raw(both, SETTINGS) is both["spectrogram"]
    assert (View().source(both), View().source(["strain"])) == ("spectrogram", "strain")
    assert View("strain").source(both) == "strain"


# ---- Q-scans

SCANS = {"ifos": ["H1", "L1"], "sample_rate": 8192, "duration": 16, "qscan": {"size": 3}}


def test_the_merged_view_has_short_above_long_and_high_above_low():
    """0.5 s and 1 s above, 2 s and 4 s below; in each quarter the highest frequency's row is the first."""
    scans = np.arange(2 * 4 * 3 * 3, dtype=np.uint8).reshape(2, 4, 3, 3)
    found = View("merged", "none").raw({"qscan": scans}, SCANS)
    assert found.dtype == np.float32 and found.shape == (2, 1, 6, 6)
    expected = np.empty((2, 6, 6))
    for place, (row, column) in enumerate([(0, 0), (0, 3), (3, 0), (3, 3)]):
        for frequency in range(3):
            expected[:, row + 2 - frequency, column : column + 3] = scans[:, place, frequency]
    np.testing.assert_allclose(255 * found[:, 0], expected, rtol=1e-6)


def test_the_merged_view_is_from_zero_to_one():
    scans = np.zeros((1, 4, 3, 3), np.uint8)
    assert View("merged").raw({"qscan": scans}, SCANS).max() == 0
    assert (View("merged").raw({"qscan": scans + 255}, SCANS) == 1).all()


def test_the_merged_view_knows_its_shape_and_what_it_is_read_from():
    each = View("merged", "none")
    assert each.shape(SCANS) == (1, 6, 6) and list(each.axes(SCANS)) == ["row", "column"]
    assert each.source(["qscan"]) == "qscan" and each.faults(SCANS) == []
    for array in ("strain", "spectrogram"):
        assert View(array).faults(SCANS) == [f"array: got '{array}', expected one of merged, scans"]
    assert View("merged").faults(SETTINGS) == ["array: got 'merged', expected one of spectrogram, strain"]
    assert View("merged", rate=512).faults(SCANS) == [
        "rate: got 512 Hz for merged, expected it for strain alone"
    ]


def test_scans_are_pictures_of_the_durations_that_are_named():
    scans = np.arange(2 * 4 * 3 * 3, dtype=np.uint8).reshape(2, 4, 3, 3)
    for named, places in ((None, [0, 1, 2, 3]), ((4,), [3]), ((0.5, 2), [0, 2])):
        each = View("scans", "none", durations=named)
        found = each.raw({"qscan": scans}, SCANS)
        assert found.shape[1:] == each.shape(SCANS) == (len(places), 3, 3)
        np.testing.assert_allclose(255 * found, scans[:, places][:, :, ::-1], rtol=1e-6)


@pytest.mark.parametrize("array", ["merged", "scans"])
def test_pooled_pixels_are_means(array):
    """Held against torch's average pooling."""
    import torch

    scans = np.random.default_rng(1).integers(0, 256, (3, 4, 12, 12), dtype=np.uint8)
    settings = SCANS | {"qscan": {"size": 12}}
    whole = View(array, "none").raw({"qscan": scans}, settings)
    small = View(array, "none", pool=4)
    found = small.raw({"qscan": scans}, settings)
    assert found.dtype == np.float32 and found.shape[1:] == small.shape(settings)
    expected = torch.nn.functional.avg_pool2d(torch.from_numpy(whole), 4).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "each, message",
    [
        (View("scans", durations=(0.5, 3)), "durations: got 3 s, expected some of 0.5, 1, 2, 4"),
        (View("merged", durations=(0.5,)), "durations: a merged view has all of them"),
        (View("merged", pool=2), "pool: got 2, expected a divisor of qscan.size, 3"),
    ],
)
def test_pictures_that_cannot_be_seen_are_told(each, message):
    (fault,) = each.faults(SCANS)
    assert fault.startswith(message)


@pytest.mark.parametrize("each", [View(pool=2), View("strain", durations=(4,))])
def test_only_pictures_are_pooled_or_chosen(each):
    (fault,) = each.faults(SETTINGS)
    assert "expected it for merged and scans alone" in fault


# ---- what there is to say


def test_shapes_are_those_of_what_is_seen():
    for each in (View(), View("strain"), View("strain", "none", 512), View("strain", "none", 4096)):
        assert each.raw({"strain": strain(TIME, TIME)}, SETTINGS).shape[1:] == each.shape(SETTINGS)


def test_a_recipe_a_setting_and_a_description_name_a_view():
    assert view.of({"array": "strain", "scale": "none", "rate": 512}) == View("strain", "none", 512)
    assert view.of({"array": "spectrogram", "scale": "minmax"}) == View()
    assert view.of({"array": "strain", "scale": "none", "rate": None}).rate is None
    named = {"array": "scans", "scale": "none", "durations": [0.5, 4], "pool": 2}
    assert view.of(named) == View("scans", "none", durations=(0.5, 4), pool=2)


@pytest.mark.parametrize(
    "each, changes, message",
    [
        (View("qscan"), {}, "array: got 'qscan', expected one of spectrogram, strain"),
        (View(rate=512), {}, "rate: got 512 Hz for spectrogram, expected it for strain alone"),
        (View("strain", "none", 500), {}, "rate: got 500 Hz, expected a divisor of sample_rate, 4096"),
        (View("strain", "none", 8192), {}, "rate: got 8192 Hz, expected a divisor of sample_rate, 4096"),
        (
            View("strain", "none", 512),
            {"duration": 2049 / RATE},
            "512 Hz, at which 0.500244 s are no whole number of samples",
        ),
        (
            View("strain", "none", 128),
            {},
            "128 Hz, whose low pass needs a margin of 256 samples; half of spectrogram.window is 128",
        ),
    ],
)
def test_what_cannot_be_seen_is_refused(each, changes, message):
    with pytest.raises(GwsimError, match=message):
        each.shape(SETTINGS | changes)
