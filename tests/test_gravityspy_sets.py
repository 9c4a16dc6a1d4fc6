"""Sets of Gravity Spy in folders and in HDF5: every layout found, every fault told at once with its count."""

import h5py
import numpy as np
import pytest
from gravityspy_pictures import flat, glitch, write
from PIL import Image

from gwsim.errors import GwsimError
from gwsim.gravityspy import archive, folders, sets
from gwsim.gravityspy.glitch import CLASSES, fault

LAYOUTS = {
    "doubled": ("train/train", "train"),
    "tar": ("TrainingSet", None),
    "flat": ("", None),
    "test": ("set/Test", "test"),
    "innermost": ("test/train", "train"),
}


@pytest.mark.parametrize(("inside", "split"), LAYOUTS.values(), ids=LAYOUTS)
def test_glitches_are_found_in_every_layout(tmp_path, inside, split):
    """By ifo and id: two ifos may have the same id, and the order of folders says nothing."""
    for label, name in (("Whistle", "L1_bbbbbbbbbb"), ("Blip", "L1_aaaaaaaaaa"), ("Blip", "H1_aaaaaaaaaa")):
        glitch(tmp_path / inside, label, name, index=20 + len(label))
    found = sets.find(tmp_path)
    assert [(g.label, g.name, g.split) for g in found.glitches] == [
        ("Blip", "H1_aaaaaaaaaa", split),
        ("Blip", "L1_aaaaaaaaaa", split),
        ("Whistle", "L1_bbbbbbbbbb", split),
    ]
    assert not found.faults
    assert not found.notes
    for one in found.glitches:
        levels = sets.read(one)[:, 7, 7].tolist()
        assert levels == [20 + len(one.label) + place for place in range(4)]


def test_a_splits_own_folder_and_one_class_are_sets_too(tmp_path):
    glitch(tmp_path / "validation" / "validation", "Blip", "H1_a")
    for inside in ("validation", "validation/validation", "validation/validation/Blip"):
        (only,) = folders.find(tmp_path / inside).glitches
        assert only.label == "Blip"
    assert folders.find(tmp_path / "validation" / "validation").glitches[0].split == "validation"


def test_pictures_of_800_by_600_are_read(tmp_path):
    glitch(tmp_path, "Tomte", "H1_a", form=(600, 800), index=50)
    assert (sets.beside(tmp_path)["Tomte"] == np.array([50, 51, 52, 53])[:, None, None]).all()


def test_all_faults_are_told_at_once_and_the_rest_goes_on(tmp_path):
    glitch(tmp_path / "train", "Blip", "H1_whole")
    glitch(tmp_path / "train", "Blip", "H1_short", durations=("0.5", "2.0"))
    glitch(tmp_path / "train", "Koi Fish", "H1_a", durations=("0.5",))
    glitch(tmp_path / "train", "Elephants", "H1_b", durations=("0.5", "1.0"))
    glitch(tmp_path / "train", "Tomte", "H1_small", form=(224, 224))
    glitch(tmp_path / "train", "Tomte", "H1_both")
    glitch(tmp_path / "train", "Whistle", "H1_both")
    glitch(tmp_path / "train", "Scratchy", "L1_parted")
    glitch(tmp_path / "test", "Scratchy", "L1_parted", durations=("1.0",))
    glitch(tmp_path / "train/copy", "Blip", "H1_whole", durations=("4.0",))
    write(tmp_path / "train/Blip/H1-odd.png", flat(3))
    (tmp_path / "train/Blip/H1_text_spectrogram_0.5.png").write_text("no picture")
    Image.new("RGB", (8, 8)).save(tmp_path / "train/Blip/H1_lossy_spectrogram_0.5.jpg")
    for name in ("Thumbs.db", ".DS_Store", "._H1_whole_spectrogram_0.5.png", "metadata.csv"):
        (tmp_path / "train/Blip" / name).write_text("passed over")
    found = folders.find(tmp_path)
    assert [one.name for one in found.glitches] == ["H1_whole"]
    assert {path.parent for path in found.glitches[0].paths.values()} == {tmp_path / "train/Blip"}
    told = "\n".join(found.faults)
    for part in (
        "1 names of pictures are not IFO_ID_spectrogram_DURATION.png: train/Blip/H1-odd.png",
        "1 pictures are no PNG: others do not keep the colours: train/Blip/H1_lossy_spectrogram_0.5.jpg",
        "2 folders are of no known class and are left out: Elephants with 2 pictures, Koi Fish with 1 pict",
        "Koi Fish with 1 pictures (Koi_Fish?)",
        "known are 1080Lines, 1400Ripples",
        "4 pictures of 224 x 224 pixels, wanted 569 x 479 or 800 x 600: train/Tomte/H1_small",
        "1 files are no PNG: train/Blip/H1_text_spectrogram_0.5.png",
        "1 glitches lack a duration and are left out: H1_short of Blip (no picture of 1.0, 4.0 s)",
        "1 glitches stand in several classes and are left out: H1_both in Tomte and Whistle",
        "1 glitches stand in several splits and are left out: L1_parted in test and train",
        "1 pictures are copies of others and are passed over",
    ):
        assert part in told
    assert len(found.faults) == 9


def test_many_offenders_are_counted_and_the_first_named():
    (told,) = fault("are wrong", range(300))
    assert told == "300 are wrong: 0, 1, 2, 3, 4, 5, 6, 7 and 292 more"
    assert fault("are wrong", []) == []


def test_a_set_without_glitches_is_an_error(tmp_path):
    with pytest.raises(GwsimError, match="no folder of Gravity Spy's pictures"):
        folders.find(tmp_path / "nowhere")
    glitch(tmp_path, "Blips", "H1_a")
    with pytest.raises(GwsimError, match=r"no glitch with its pictures .*Blips with 4 pictures \(Blip\?\)"):
        folders.find(tmp_path)


def test_broken_pictures_are_named_when_read(tmp_path):
    glitch(tmp_path, "Blip", "H1_a")
    (one,) = folders.find(tmp_path).glitches
    for duration in (1.0, 4.0):
        path = one.paths[duration]
        path.write_bytes(path.read_bytes()[:900])
    one.paths[2.0].unlink()
    with pytest.raises(GwsimError) as told:
        folders.read(one)
    assert str(told.value).startswith(f"H1_a in {tmp_path / 'Blip'}: ")
    for name in ("1.0.png cannot be read as a PNG", "2.0.png cannot be read", "4.0.png cannot be read"):
        assert name in str(told.value)
    assert "0.5" not in str(told.value)


def test_known_wrong_labels_are_corrected_and_told(tmp_path):
    glitch(tmp_path, "Whistle", "H1_VXw4KBWl5g")
    glitch(tmp_path, "Paired_Doves", "H1_other")
    found = folders.find(tmp_path)
    assert [one.label for one in found.glitches] == ["Paired_Doves", "Paired_Doves"]
    assert found.notes == [
        "1 labels are known to be wrong and were corrected: H1_VXw4KBWl5g from Whistle to Paired_Doves"
    ]
    assert folders.find(tmp_path, corrections={}).glitches[1].label == "Whistle"


def grey(index):
    from matplotlib import colormaps

    return np.full((1, 140, 170), colormaps["viridis"](index)[:3] @ np.array([0.2125, 0.7154, 0.0721]))


def put(file, place, durations=("0.5", "1.0", "2.0", "4.0"), shape=None):
    for number, duration in enumerate(durations):
        data = grey(60 + number) if shape is None else np.full(shape, 0.3)
        file.create_dataset(f"{place}/{duration}.png", data=data)


@pytest.fixture
def hdf5(tmp_path):
    path = tmp_path / "trainingset.h5"
    with h5py.File(path, "w") as file:
        put(file, "Whistle/test/bbbbbbbbbb")
        put(file, "Blip/train/aaaaaaaaaa")
    return path


def test_an_archives_glitches_are_found_and_read(hdf5):
    found = sets.find(hdf5)
    assert [(g.label, g.name, g.split, g.ifo) for g in found.glitches] == [
        ("Blip", "aaaaaaaaaa", "train", None),
        ("Whistle", "bbbbbbbbbb", "test", None),
    ]
    assert not found.faults
    for views in sets.beside(hdf5).values():
        assert np.abs(views[:, 9, 9].astype(int) - np.arange(60, 64)).max() <= 1


def test_an_archives_faults_are_told_at_once(hdf5):
    with h5py.File(hdf5, "a") as file:
        put(file, "Blip/train/cccccccccc", durations=("0.5", "1.0", "4.0"))
        put(file, "Blip/exam/dddddddddd")
        put(file, "Squeaks/train/eeeeeeeeee")
        put(file, "Blip/test/bbbbbbbbbb", durations=("0.5",))
        put(file, "Helix/test/ffffffffff", shape=(140, 169))
    found = archive.find(hdf5)
    assert [one.id for one in found.glitches] == ["aaaaaaaaaa", "ffffffffff"]
    told = "\n".join(found.faults)
    for part in (
        "1 folders are of no known class and are left out: Squeaks with 4 pictures",
        "1 groups are no split of train, validation, test: Blip/exam",
        "1 glitches lack a duration and are left out: cccccccccc of Blip (no picture of 2.0 s)",
        "1 glitches stand in several classes and are left out: bbbbbbbbbb in Blip and Whistle",
    ):
        assert part in told
    with pytest.raises(GwsimError, match=r"ffffffffff in .*: Helix/test/ffffffffff/0.5.png: .*\(140, 169\)"):
        archive.read(found.glitches[1])


def test_an_archive_that_is_none_is_an_error(tmp_path):
    (tmp_path / "broken.h5").write_text("no HDF5")
    with pytest.raises(GwsimError, match="cannot be read as HDF5"):
        sets.find(tmp_path / "broken.h5")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(GwsimError, match=r"no glitch CLASS/SPLIT/ID/DURATION\.png"):
        sets.find(tmp_path / "empty.h5")


def test_the_published_pictures_pass_through(shared_data):
    """One glitch of each class, whole."""
    folder = shared_data / "gravityspy"
    if not folder.is_dir():
        pytest.skip("no pictures of Gravity Spy in shared/data")
    found = sets.find(folder)
    assert [one.label for one in found.glitches] == list(CLASSES)
    assert not found.faults
    shown = sets.beside(folder)
    assert tuple(shown) == CLASSES
    assert {views.shape for views in shown.values()} == {(4, 224, 224)}
    assert min(views.std() for views in shown.values()) > 5
