"""Networks for programs without torch."""

import argparse

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from gwsim import checkpoint, models, onnx_export
from gwsim.cli import onnx as verb
from gwsim.errors import GwsimError

SHAPE = (3, 20, 14)


@pytest.fixture(scope="module")
def exported():
    model = models.build("ccsn_cnn", SHAPE, 4, 1).eval()
    return model, onnx_export.onnx(model, SHAPE, {"classes": '["a"]'})


def test_any_number_of_examples_gets_torchs_logits(exported):
    model, content = exported
    session = onnxruntime.InferenceSession(content)
    for count in (1, 3, 17):
        x = np.random.default_rng(count).random((count, *SHAPE)).astype(np.float32)
        (logits,) = session.run(None, {"input": x})
        np.testing.assert_allclose(logits, model(torch.from_numpy(x)).detach(), atol=2e-6)


def test_the_file_is_whole_onnx_and_says_what_it_is(exported):
    found = onnx.load_model_from_string(exported[1])
    onnx.checker.check_model(found)
    assert {entry.key: entry.value for entry in found.metadata_props}["classes"] == '["a"]'


def test_the_check_sees_another_network(exported):
    model, content = exported
    assert onnx_export.farthest(content, model, SHAPE) < 2e-6
    with torch.no_grad():
        changed = models.build("ccsn_cnn", SHAPE, 4, 1).eval()
        changed.dense2.bias += 0.01
    with pytest.raises(
        GwsimError, match=r"logits differ from torch's by .* of the largest, expected at most 1e-05"
    ):
        onnx_export.farthest(content, changed, SHAPE)


@pytest.mark.parametrize("rate, said", [(512, {"rate": "512"}), (None, {})])
def test_the_verb_says_what_the_network_sees(rate, said, tmp_path, capsys):
    network = models.build("resnet54_mean", (2, 256), 3, 1)
    seen = {"array": "strain", "scale": "none", "rate": rate}
    description = {"model": "resnet54_mean", "shape": [2, 256], "classes": ["a", "b", "c"], **seen}
    description |= {"ifos": ["H1", "L1"], "sample_rate": 1024}
    checkpoint.write(tmp_path / "model.safetensors", network.state_dict(), description)
    parser = argparse.ArgumentParser()
    verb.arguments(parser)
    verb.run(parser.parse_args([str(tmp_path / "model.safetensors"), str(tmp_path / "model.onnx")]))
    found = onnx.load(tmp_path / "model.onnx")
    properties = {entry.key: entry.value for entry in found.metadata_props}
    assert properties["array"] == '"strain"' and properties["sample_rate"] == "1024"
    assert {key: value for key, value in properties.items() if key == "rate"} == said
    assert "logits within" in capsys.readouterr().out
