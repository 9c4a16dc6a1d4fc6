"""Networks on disk: the same back, never half, never another's."""

import json
import struct

import numpy as np
import pytest
import safetensors.numpy
import torch

from gwsim import checkpoint, models
from gwsim.errors import GwsimError

SHAPE = (3, 20, 14)
CLASSES = ["noise", "one", "two"]
DESCRIPTION = {"model": "ccsn_cnn", "shape": list(SHAPE), "classes": CLASSES, "ifos": ["H1", "L1", "V1"]}
DESCRIPTION |= {"sample_rate": 4096, "network": "paper-1"}


class Examples:
    name = "ccsn/test"
    classes, ifos, sample_rate, shape = CLASSES, ["H1", "L1", "V1"], 4096, SHAPE

    def __init__(self, **changes):
        for name, value in changes.items():
            setattr(self, name, value)


@pytest.fixture
def saved(tmp_path):
    model = models.build("ccsn_cnn", SHAPE, len(CLASSES), 4)
    checkpoint.write(tmp_path / "model.safetensors", model.state_dict(), DESCRIPTION)
    return tmp_path / "model.safetensors", model


def test_a_network_comes_back_as_it_was(saved):
    path, model = saved
    again, description = checkpoint.load(path)
    assert description == DESCRIPTION and not again.training
    x = torch.rand(2, *SHAPE)
    assert torch.equal(model.eval()(x), again(x))


def test_what_batch_normalisation_found_comes_back_too(tmp_path):
    model, x = models.build("resnet54_mean", (3, 256), len(CLASSES), 4), torch.randn(4, 3, 256)
    for _ in range(3):
        model(x)
    described = DESCRIPTION | {"model": "resnet54_mean", "shape": [3, 256]}
    checkpoint.write(tmp_path / "model.safetensors", model.state_dict(), described)
    again, _ = checkpoint.load(tmp_path / "model.safetensors")
    assert torch.equal(model.eval()(x), again(x))
    assert int(again.blocks[0].norm1.num_batches_tracked) == 3


def test_other_readers_of_safetensors_see_the_same(saved):
    path, model = saved
    theirs = safetensors.numpy.load_file(path)
    assert theirs.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(theirs[name], value)


def test_the_header_is_plain_json_and_the_rest_numbers(saved):
    """Read by hand, as the format says: a length, a JSON header, bytes. Nothing could be pickled."""
    content = saved[0].read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    meta = header.pop("__metadata__")
    assert list(meta) == ["gwsim"] and json.loads(meta["gwsim"])["classes"] == CLASSES
    assert {entry["dtype"] for entry in header.values()} == {"F32"}
    assert max(entry["data_offsets"][1] for entry in header.values()) == len(content) - 8 - size


def test_the_same_network_has_the_same_bytes(saved):
    path, model = saved
    before = path.read_bytes()
    for _ in range(8):
        checkpoint.write(path, model.state_dict(), dict(reversed(DESCRIPTION.items())))
        assert path.read_bytes() == before


@pytest.mark.parametrize("keep", [0, 5, 100, -100])
def test_a_cut_file_is_refused(saved, keep):
    path, _ = saved
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(GwsimError, match=r"holds no whole network: .+; train it again"):
        checkpoint.load(path)


def test_a_damaged_header_is_refused(saved):
    path, _ = saved
    content = bytearray(path.read_bytes())
    content[20:40] = b"\xff" * 20
    path.write_bytes(bytes(content))
    with pytest.raises(GwsimError, match="holds no whole network"):
        checkpoint.load(path)


def test_tensors_of_strangers_and_pickles_are_refused(tmp_path):
    stranger = tmp_path / "stranger.safetensors"
    stranger.write_bytes(safetensors.numpy.save({"x": np.zeros(3)}))
    with pytest.raises(GwsimError, match="its format is None, expected gwsim-network-1"):
        checkpoint.load(stranger)
    pickled = tmp_path / "pickled.safetensors"
    torch.save({"x": torch.zeros(3)}, pickled)
    with pytest.raises(GwsimError, match="holds no whole network"):
        checkpoint.load(pickled)


def test_a_training_on_its_way_is_no_network(saved):
    path, model = saved
    checkpoint.write(path, model.state_dict(), {"history": []}, checkpoint.STATE)
    with pytest.raises(GwsimError, match="its format is gwsim-training-1, expected gwsim-network-1"):
        checkpoint.load(path)


def test_a_file_that_is_not_there_says_which_stage_makes_it(tmp_path):
    with pytest.raises(GwsimError, match=r"no network stands at .*; run the stage train first"):
        checkpoint.load(tmp_path / "model.safetensors")


def test_weights_of_another_shape_name_both_sides(saved):
    path, model = saved
    checkpoint.write(path, model.state_dict(), {**DESCRIPTION, "classes": [*CLASSES, "three"]})
    with pytest.raises(
        GwsimError, match=r"'dense2.bias' has shape \(3,\) in the file and \(4,\) in the model"
    ):
        checkpoint.load(path)


def test_a_dataset_that_fits_is_accepted():
    checkpoint.expect(DESCRIPTION, Examples())


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"classes": ["noise", "two", "one"]},
            r"classes: the network has \['noise', 'one', 'two'\], the dataset",
        ),
        ({"sample_rate": 2048}, "sample_rate: the network has 4096, the dataset 2048"),
        ({"shape": (3, 20, 15)}, r"shape: the network has \[3, 20, 14\], the dataset \[3, 20, 15\]"),
        ({"ifos": ["L1", "H1", "V1"]}, r"ifos: the network has \['H1', 'L1', 'V1'\], the dataset \['L1'"),
    ],
)
def test_a_dataset_that_does_not_fit_names_both_sides(changes, message):
    with pytest.raises(GwsimError, match=message) as caught:
        checkpoint.expect(DESCRIPTION, Examples(**changes))
    assert "paper-1 does not fit ccsn/test" in str(caught.value)


def test_all_that_does_not_fit_is_told_at_once():
    with pytest.raises(GwsimError) as caught:
        checkpoint.expect(DESCRIPTION, Examples(sample_rate=1, ifos=["K1"]))
    assert len(str(caught.value).splitlines()) == 3
