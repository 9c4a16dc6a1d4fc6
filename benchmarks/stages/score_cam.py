"""Score-CAM of ccsn_cnn, spectrograms of 3 ifos by 94 by 33, 16 masks each: the map of one class of each."""

from pathlib import Path

import elsewhere
import explain as script
import numpy as np
import torch
from measuring import CORE, MEMORY, OURS, Part, Stage, Way, copied, counted, repeated

from gwsim import cams, models

NETWORK, EXAMPLES = "ccsn_cnn", 64


def build(folder: Path, times: int) -> Stage:
    of_size, classes = script.NETWORKS[NETWORK]
    shape = of_size(None)
    model = models.build(NETWORK, shape, classes, seed=0).eval()
    np.save(folder / "inputs.npy", np.random.default_rng(0).random((EXAMPLES, *shape), dtype=np.float32))
    x = cams.laid_out(torch.from_numpy(np.load(folder / "inputs.npy")))
    every = torch.arange(classes).expand(EXAMPLES, -1)
    masked = cams.laid_out(script.masked_inputs(model, x)[cams._seen(model, x)])
    passes = script.passes(model, masked, cams.fitting_chunk(x))
    return Stage(
        unit="examples",
        about=__doc__ + " The maps of all ten classes take the same passes. captum has no Score-CAM.",
        ways=[
            Way(
                "gwsim",
                OURS,
                repeated(times, counted(EXAMPLES, lambda: cams.score_cam(model, x, every[:, :1]))),
            ),
            Way("gwsim, all ten classes", OURS, counted(EXAMPLES, lambda: cams.score_cam(model, x, every))),
            *elsewhere.ways("score_cam", ["torchcam's ScoreCAM"], folder / "inputs.npy", classes),
        ],
        limit=[
            Part("bare passes of masked inputs", CORE, counted(EXAMPLES, passes)),
            Part("bare passes up to the layer", CORE, counted(EXAMPLES, lambda: to_layer(model, x))),
            Part("masked inputs written once", MEMORY, copied(masked.nbytes / EXAMPLES)),
        ],
    )


@torch.no_grad()
def to_layer(model, x: torch.Tensor) -> torch.Tensor:
    """Pass inputs up to the layer whose cells are the masks."""
    return cams.activations(model, x)
