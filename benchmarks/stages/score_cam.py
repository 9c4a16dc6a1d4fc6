"""Score-CAM of ccsn_cnn, spectrograms of 3 ifos by 94 by 33, 16 masks each: the maps of all ten classes."""

from pathlib import Path

import elsewhere
import explain as script
import numpy as np
import torch
from measuring import CORE, MEMORY, OURS, Part, Stage, Way, copied

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
    return Stage(
        unit="examples",
        about=__doc__ + " torchcam makes the map of one class of each; captum has no Score-CAM.",
        ways=[
            Way("gwsim", OURS, lambda: each(times, lambda: cams.score_cam(model, x, every))),
            *elsewhere.ways("score_cam", ["torchcam's ScoreCAM, one class"], folder / "inputs.npy", classes),
        ],
        limit=[
            Part(
                "bare passes of masked inputs",
                CORE,
                bare(script.passes(model, masked, cams.fitting_chunk(x))),
            ),
            Part("bare passes of the inputs up to the layer", CORE, bare(lambda: cams.activations(model, x))),
            Part("masked inputs written once", MEMORY, copied(masked.nbytes / EXAMPLES)),
        ],
    )


def each(times: int, work) -> int:
    for _ in range(times):
        work()
    return times * EXAMPLES


def bare(work):
    return torch.no_grad()(lambda: each(1, work))
