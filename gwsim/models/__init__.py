"""Networks: one a file, behind one dict.

A network takes (sample, ifo, ...) and gives logits (sample, class). It has `features(x)`, what its dense
layers see, flat; `cam_layer`, the module whose output class-activation maps weigh; and `cam_path`, the
modules from the input through that layer, from which follows where in the input each of its cells lies.
"""

import torch

from gwsim import seeds
from gwsim.errors import GwsimError
from gwsim.models.ccsn_cnn import CcsnCnn

MODELS = {"ccsn_cnn": CcsnCnn}


def build(name: str, shape: tuple[int, ...], classes: int, seed: int) -> torch.nn.Module:
    """Return a network for inputs of a shape (ifo, ...), its first weights drawn from a seed."""
    if name not in MODELS:
        raise GwsimError(f"no model '{name}': expected one of {', '.join(MODELS)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.key(seed, name, "weights") % 2**63)
        return MODELS[name](shape, classes)
