"""A trained network as ONNX, for programs without torch: written, then asked the same questions as torch."""

import copy
import io
import logging
import warnings

import numpy as np
import torch

from gwsim import seeds
from gwsim.errors import GwsimError

# Of the largest logit: they are sums of 2112 float32 products, here and there in another order.
TOLERANCE = 1e-5
# Or so many times torch's own rounding, which two programs add up apart.
ROUNDINGS = 4
ASKED = 16


def onnx(model: torch.nn.Module, shape: tuple[int, ...], description: dict[str, str]) -> bytes:
    """Return a network as ONNX, for any number of examples: `input` (sample, ...) to `logits`."""
    example = torch.zeros(2, *shape)
    # torch says that torchvision's operators are missing, which no network here has, and warns of itself.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        program = torch.onnx.export(
            model,
            (example,),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            input_names=["input"],
            output_names=["logits"],
            verbose=False,
        )
    program.model.metadata_props.update(description)
    content = io.BytesIO()
    program.save(content)
    return content.getvalue()


def farthest(content: bytes, model: torch.nn.Module, shape: tuple[int, ...]) -> float:
    """Return how far ONNX Runtime's logits are from torch's, over the largest, for one example and several.

    Raises GwsimError where it is more than rounding explains, the larger the deeper a network is: torch's own
    is what the same network tells in float64.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    exact, apart, rounding = copy.deepcopy(model).double(), 0.0, 0.0
    for count in (1, ASKED):
        asked = seeds.uniforms("export", count, size=count * int(np.prod(shape)))
        asked = asked.reshape(count, *shape).astype(np.float32)
        (theirs,) = session.run(["logits"], {"input": asked})
        with torch.no_grad():
            ours = model(torch.from_numpy(asked)).numpy()
            true = exact(torch.from_numpy(asked).double()).numpy()
        largest = np.abs(ours).max()
        apart = max(apart, float(np.abs(theirs - ours).max() / largest))
        rounding = max(rounding, float(np.abs(true - ours).max() / largest))
    tolerance = max(TOLERANCE, ROUNDINGS * rounding)
    if not apart <= tolerance:
        raise GwsimError(
            f"the exported network's logits differ from torch's by {apart:.2g} of the largest, expected "
            f"at most {tolerance:.2g}: torch and ONNX Runtime are not the versions of requirements.txt"
        )
    return apart
