"""Grad-CAM of ccsn_cnn, spectrograms of 3 ifos by 94 by 33: the map of one class of each."""

from pathlib import Path

import explain as script
import torch
from captum.attr import LayerGradCam
from measuring import CORE, MEMORY, OURS, PEER, Part, Stage, Way, copied, counted, repeated

from gwsim import cams, models

NETWORK, EXAMPLES = "ccsn_cnn", 256


def build(folder: Path, times: int) -> Stage:
    of_size, classes = script.NETWORKS[NETWORK]
    model = models.build(NETWORK, of_size(None), classes, seed=0).eval()
    x = cams.laid_out(torch.rand(EXAMPLES, *of_size(None), generator=torch.Generator().manual_seed(0)))
    target, captum = torch.arange(EXAMPLES) % classes, LayerGradCam(model, model.cam_layer)
    return Stage(
        unit="examples",
        about=__doc__,
        ways=[
            Way("gwsim", OURS, repeated(times, counted(EXAMPLES, lambda: cams.grad_cam(model, x, target)))),
            Way("captum's LayerGradCam", PEER, counted(EXAMPLES, lambda: captum.attribute(x, target))),
        ],
        limit=[
            Part("bare passes of the inputs", CORE, lambda: bare(model, x)),
            Part("inputs read once", MEMORY, copied(x[0].nbytes)),
        ],
    )


@torch.no_grad()
def bare(model, x: torch.Tensor) -> int:
    """Pass the inputs: what goes back to the last layer's cells is little beside it."""
    return len(model(x))
