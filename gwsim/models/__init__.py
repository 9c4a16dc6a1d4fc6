"""Networks: one a file, behind one dict.

A network takes (sample, ifo, ...) and gives logits (sample, class). It has `features(x)`, what its dense
layers see, flat; `cam_layer`, the module whose output class-activation maps weigh; and `cam_path`, the
modules from the input through that layer, from which follows where in the input each of its cells lies; a
linear network has no such layer. A module that is made of others names those of its main way in `path`.

A network that takes each view of an example for an example of its own also has `each(x)`, logits
(sample, view, class), and `joined(each)`, those of the example.
"""

import torch

from gwsim import seeds
from gwsim.errors import GwsimError
from gwsim.models.cbc_cnn2d import CbcCnn2d
from gwsim.models.ccsn_cnn import CcsnCnn
from gwsim.models.glitchnet import GlitchNet
from gwsim.models.linear_pixels import LinearPixels
from gwsim.models.merged_view_cnn import MergedViewCnn
from gwsim.models.resnet54 import ResNet54, ResNet54Mean
from gwsim.models.toy_cnn import ToyCnn

MODELS = {
    "ccsn_cnn": CcsnCnn,
    "cbc_cnn2d": CbcCnn2d,
    "resnet54": ResNet54,
    "resnet54_mean": ResNet54Mean,
    "merged_view_cnn": MergedViewCnn,
    "toy_cnn": ToyCnn,
    "linear_pixels": LinearPixels,
    "glitchnet": GlitchNet,
}


def build(name: str, shape: tuple[int, ...], classes: int, seed: int) -> torch.nn.Module:
    """Return a network for inputs of a shape (ifo, ...), its first weights drawn from a seed."""
    if name not in MODELS:
        raise GwsimError(f"no model '{name}': expected one of {', '.join(MODELS)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.key(seed, name, "weights") % 2**63)
        return MODELS[name](shape, classes)
