"""Gravity Spy's pictures: the colour map turned back, frequencies and times in their place, in both forms."""

import matplotlib
import numpy as np
import pytest
import torch
from gravityspy_pictures import COARSE, figure, flat, plot

from gwsim.errors import GwsimError
from gwsim.gravityspy import archive, folders, images, sets
from gwsim.qscan import DURATIONS, FREQUENCIES, SPAN, QTransform, four

VIRIDIS = np.array(matplotlib.colormaps["viridis"].colors) * 255
INDEX = np.arange(256, dtype=np.uint8).reshape(16, 16)
# Mean luminance of the published training set's views, over all its glitches.
PUBLISHED = (0.178, 0.164, 0.151, 0.142)


@pytest.fixture(scope="module")
def real(shared_data):
    """Views of one published glitch of each class."""
    folder = shared_data / "gravityspy"
    if not folder.is_dir():
        pytest.skip("no pictures of Gravity Spy in shared/data")
    return sets.beside(folder)


def test_every_colour_of_the_map_has_its_own_index():
    """With and without transparency's channel; rounded down, as by another version, a place beside at most.

    Of two places with the same colour in 8 bits either will do.
    """
    pixels = VIRIDIS.round().astype(np.uint8).reshape(16, 16, 3)
    opaque = np.dstack([pixels, np.full((16, 16), 255, np.uint8)])
    for one in (pixels, opaque):
        found = images.energy_index(one)
        assert (VIRIDIS.round()[found] == pixels).all()
        assert (found != INDEX).sum() <= 2
    floor = images.energy_index(pixels - (pixels > VIRIDIS.reshape(16, 16, 3)))
    assert np.abs(floor.astype(int) - INDEX).max() <= 1


def test_mixtures_of_neighbours_fall_between_them():
    for apart in (1, 4, 12):
        low, high = INDEX.ravel()[:-apart], INDEX.ravel()[apart:]
        mixed = ((VIRIDIS[low] + VIRIDIS[high]) / 2).round().astype(np.uint8)[None]
        found = images.energy_index(mixed)[0].astype(int)
        assert np.abs(found - (low.astype(int) + high) / 2).max() <= 1.5


def test_a_colour_met_again_is_the_same():
    """The first look works it out, the next one finds it."""
    pixels = np.array([[[70, 30, 100], [71, 31, 101]]], dtype=np.uint8)
    first = images.energy_index(pixels)
    assert (images.energy_index(pixels[:, ::-1]) == first[:, ::-1]).all()
    distance = np.square(pixels[0, :, None] - VIRIDIS).sum(axis=2)
    assert np.abs(first[0] - distance.argmin(axis=1)).max() <= 1


@pytest.mark.parametrize("name", ["jet", "gray", "plasma"])
def test_another_colour_map_is_refused(name):
    pixels = matplotlib.colormaps[name](INDEX, bytes=True)
    with pytest.raises(GwsimError, match=r"\d+\.\d% of a picture's pixels .* viridis, the farthest by \d+"):
        images.energy_index(pixels)


def test_transparency_and_grey_are_refused():
    pixels = flat(INDEX, (16, 16)).copy()
    pixels[:4, :, 3] = 128
    with pytest.raises(GwsimError, match=r"25\.0% of a picture's pixels are transparent"):
        images.energy_index(pixels)
    with pytest.raises(GwsimError, match=r"uint8 \(16, 16\).*grey"):
        images.energy_index(INDEX)


@pytest.fixture
def drawn_now(monkeypatch):
    """Figures of today's matplotlib stand where they should, not half a pixel beside as published ones."""
    monkeypatch.setattr(images, "DRAWN_LEFT", 0)
    monkeypatch.setattr(images, "DRAWN_BELOW", 0)


def centre(profile):
    """The middle of what stands out of a profile, in pixels."""
    above = np.clip(profile.astype(float) - 20, 0, None)
    return (above * (np.arange(len(profile)) + 0.5)).sum() / above.sum()


@pytest.mark.parametrize("form", [plot, lambda picture: picture])
@pytest.mark.parametrize("duration", DURATIONS)
def test_lines_and_clicks_stand_at_their_frequency_and_time(form, duration, drawn_now):
    """To a quarter of a pixel, from 12 Hz, where a cell of 0.5 Hz is two pixels, to 1.8 kHz."""

    def line(frequency):
        return lambda t, f: 20 * np.exp(-0.5 * (np.log(f / frequency) / 0.03) ** 2) + 0 * t

    def click(time):
        return lambda t, f: 20 * np.exp(-0.5 * ((t - time) / (0.01 * duration)) ** 2) + 0 * f

    for frequency in (12.7, 60, 512, 1800):
        view = images.view(form(figure(duration, line(frequency), tres=duration / 2)), duration)
        expected = 224 * np.log(frequency / FREQUENCIES[0]) / np.log(FREQUENCIES[1] / FREQUENCIES[0])
        assert abs(centre(view[:, 100]) - expected) < 0.25
    for part in (-0.37, 0.0, 0.2):
        view = images.view(form(figure(duration, click(part * duration), fres=COARSE)), duration)
        assert abs(centre(view[100]) - 224 * (part / SPAN + 0.5)) < 0.25


def test_a_views_edges_are_the_crops():
    """What is drawn in the crop's lowest and highest frequencies is in the outermost rows, and only there."""
    low, high = 1.03 * FREQUENCIES[0], FREQUENCIES[1] / 1.03
    picture = figure(1.0, lambda t, f: np.where((f > low) & (f < high), 20, 0), tres=0.5)
    view = images.view(plot(picture), 1.0)
    outside = view < 100
    assert outside[:1].mean() > 0.9
    assert outside[-1:].mean() > 0.9
    assert not outside[2:-2].any()
    assert (FREQUENCIES[0], FREQUENCIES[1]) == pytest.approx((10.93, 1916), rel=3e-4)


def test_energies_are_means_of_the_index_and_the_frame_is_not_in_them():
    for form in images.FORMS:
        stripes = np.where(np.arange(form[1]) % 2, 40, 60) + np.zeros(form)
        pixels = flat(stripes, form).copy()
        pixels[0] = pixels[:, 0] = (0, 0, 0, 255)
        view = images.view(pixels, 2.0)
        assert np.abs(view.astype(int) - 50).max() <= 5
        assert view.mean() == pytest.approx(50, abs=0.5)


def test_views_are_in_the_order_of_durations_and_tell_all_faults_at_once():
    pictures = {duration: flat(int(10 * duration)) for duration in reversed(DURATIONS)}
    assert images.views(pictures)[:, 5, 5].tolist() == [5, 10, 20, 40]
    del pictures[4.0]
    pictures[1.0] = flat(10, (224, 224))
    pictures[2.0] = matplotlib.colormaps["jet"](np.broadcast_to(INDEX[0, 0], (479, 569)), bytes=True)
    with pytest.raises(GwsimError) as told:
        images.views(pictures)
    for part in (
        "no picture of 4.0 s",
        "1.0 s: a picture of 224 x 224",
        "569 x 479 or 800 x 600",
        "2.0 s: 100.0%",
    ):
        assert part in str(told.value)


def reduced(picture):
    """The archive's form of a figure: luminance of its crop, averaged to 140 x 170."""
    crop = picture[66:532, 105:671, :3] @ np.array([0.2125, 0.7154, 0.0721]) / 255
    rows, columns = (
        ((np.arange(size)[:, None] + np.linspace(0.05, 0.95, 10)) * full / size).astype(int)
        for full, size in ((466, 140), (566, 170))
    )
    return crop[rows].mean(axis=1)[:, columns].mean(axis=2)


def test_the_archives_grey_gives_the_pictures_views():
    """Of a smooth picture, whose means are alike in grey and in energy: all stands in its place."""

    def blob(t, f):
        return 24 * np.exp(-0.5 * (np.log(f / 150) / 0.5) ** 2 - 0.5 * ((t - 0.1) / 0.15) ** 2)

    picture = figure(1.0, blob)
    colour = images.view(plot(picture), 1.0).astype(float)
    grey = archive.view(reduced(picture)[None], 1.0).astype(float)
    assert np.abs(colour - grey).max() <= 2
    assert np.abs(colour - grey).mean() < 0.2
    assert abs(lag(grey, colour, 0)) < 0.1
    assert abs(lag(grey, colour, 1)) < 0.1


def lag(one, other, axis):
    """By how many pixels one array must be moved along an axis to be most like another: least squares."""
    moved = [np.square(np.roll(one, k, axis) - other)[4:-4, 4:-4].mean() for k in (-1, 0, 1)]
    return (moved[0] - moved[2]) / 2 / (moved[0] - 2 * moved[1] + moved[2])


@pytest.mark.parametrize("duration", [0.5, 4.0])
def test_a_scan_and_its_picture_give_one_view(duration, drawn_now):
    """Simulated pixels mean what real ones do: the view of a scan, and of its figure, drawn as the set's."""
    block = torch.randn(1, 8 * 8192, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    block[0, 4 * 8192 : 4 * 8192 + 40] += 6
    scan = QTransform(8, 8192).scan(block, torch.tensor([4.0]), False)

    def energy(times, frequencies):
        return scan.image(frequencies.ravel(), times.ravel())[0].numpy().clip(0, 25.5)

    scanned = four(scan)[0, DURATIONS.index(duration)].numpy().astype(float)
    drawn = images.view(plot(figure(duration, energy)), duration).astype(float)
    assert abs(lag(drawn, scanned, 0)) < 0.1
    assert abs(lag(drawn, scanned, 1)) < 0.1
    # Drawing holds cells of 0.5 Hz and 2 ms, and in 4 s shows one of 3.5 in a pixel.
    assert np.abs(drawn - scanned).mean() < 4


def test_luminance_is_turned_back():
    luminance = VIRIDIS.round() @ np.array([0.2125, 0.7154, 0.0721]) / 255
    assert np.abs(archive.energy_index(luminance) - np.arange(256)).max() < 2
    with pytest.raises(GwsimError, match=r"100\.0% of a picture's grey .* goes from 10 to 200"):
        archive.energy_index(np.linspace(10, 200, 50))


def test_the_published_pictures_are_as_bright_as_their_set(real):
    """A mean over one glitch a class is not that over all of them: 10 %."""
    luminance = VIRIDIS @ np.array([0.2125, 0.7154, 0.0721]) / 255
    means = np.mean([luminance[views].mean(axis=(1, 2)) for views in real.values()], axis=0)
    assert means == pytest.approx(PUBLISHED, rel=0.10)


def test_the_published_pictures_cells_are_where_we_take_them_to_be(shared_data, real):
    """Borders of cells of 2 ms and 0.5 Hz, seen as changes along rows and columns: to a tenth of a pixel."""
    pictures = [folders.pixels(path) for path in sorted((shared_data / "gravityspy").glob("*/*_0.5.png"))]
    inside = np.stack(pictures)[:, 2:, 2:, :3].astype(int)

    def borders(axis, other):
        changes = np.abs(np.diff(inside, axis=axis)).any(axis=(other, 3))
        return np.flatnonzero(changes.mean(axis=0) > 0.5) + 3

    columns = borders(2, 1)
    expected = images.places(np.arange(2, 240) * 0.002 / 0.5 - 0.5 - images.HELD_SECONDS / 0.5, 0.5)
    assert set(expected.round().astype(int)) <= {*columns, *(columns + 1), *(columns - 1)}
    apart = np.array([columns[np.abs(columns - x).argmin()] - x for x in expected])
    assert abs(apart.mean()) < 0.1
    assert np.abs(apart).max() < 0.65
    lines = 479 - borders(1, 2) + 1  # heights in the figure's plot, whose lowest row is cut
    expected = images.heights(np.arange(11, 24, 0.5) - images.HELD_HZ)
    apart = np.array([lines[np.abs(lines - y).argmin()] - y for y in expected])
    assert abs(apart.mean()) < 0.1
    assert np.abs(apart).max() < 0.65


def test_the_published_pictures_have_their_lines_in_place(real):
    """The mains at 60 Hz within the filter bank's spacing there; 1080 lines; a blip in the middle."""
    rows = np.sqrt(images.FREQUENCY_EDGES[1:] * images.FREQUENCY_EDGES[:-1])
    mains = rows[real["Power_Line"][1, :, 102:122].mean(axis=1).argmax()]
    assert mains == pytest.approx(60, rel=0.03)
    assert 1050 < rows[real["1080Lines"][3][150:].mean(axis=1).argmax() + 150] < 1110
    for place, duration in enumerate(DURATIONS):
        column = real["Blip"][place][80:160].astype(int).sum(axis=0).argmax() + 0.5
        assert abs(column / 224 - 0.5) * SPAN * duration < max(0.004, 0.8 * SPAN * duration / 224)


def test_one_moment_is_one_moment_in_all_durations(real):
    """A peak's time from the event, measured in 1 s and in 4 s, whose pixels are 3.6 and 14.5 ms."""
    for label in ("Blip", "Koi_Fish", "Extremely_Loud", "Tomte", "Violin_Mode"):
        seconds = []
        for place in (1, 3):
            profile = np.clip(real[label][place].astype(float) - 60, 0, None).sum(axis=0)
            offset = (images.TIME_EDGES[1:] + images.TIME_EDGES[:-1]) / 2 * DURATIONS[place]
            near = profile * (np.abs(offset) < 0.1)
            seconds.append((near * offset).sum() / near.sum())
        assert abs(seconds[0] - seconds[1]) < 0.001
