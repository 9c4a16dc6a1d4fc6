"""Score-CAM of one class of ccsn_cnn by torchcam. score_cam.py INPUTS.npy CLASSES"""

import sys
from pathlib import Path

import answering
import numpy as np
import torch
from torchcam.methods import ScoreCAM

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    # Of gwsim only the network is taken, which needs nothing but torch.
    sys.path.append(str(ROOT))
    from gwsim import models

    x = torch.from_numpy(np.load(sys.argv[1])).contiguous(memory_format=torch.channels_last)
    model = models.build("ccsn_cnn", tuple(x.shape[1:]), int(sys.argv[2]), seed=0).eval()

    def work():
        with ScoreCAM(model, target_layer=model.cam_layer, batch_size=64) as extractor:
            with torch.no_grad():
                scores = model(x)
            extractor([0] * len(x), scores)
        return len(x)

    answering.answer({"torchcam's ScoreCAM": work})


main()
