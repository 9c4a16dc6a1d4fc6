"""Networks on disk: weights as safetensors, and in the same file, as JSON, what the network is and was fed.

The description has model, shape, classes, ifos, sample_rate of the data, array, scale, rate, durations and
pool (see `view`), network, seed, training (the settings), epoch (whose weights they are), data (the training
set's manifest), versions and revision. Nothing is ever pickled.
"""

import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from gwsim import files, models
from gwsim.errors import GwsimError

FORMAT = "gwsim-network-1"
# A training on its way: weights and moments, not yet a network.
STATE = "gwsim-training-1"
# What a dataset must share with the one that a network was trained on.
SHARED = ("classes", "ifos", "sample_rate", "shape")


def write(path: Path, tensors: dict[str, torch.Tensor], description: dict, kind: str = FORMAT) -> None:
    """Write tensors and their description, whole or not at all."""
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    # One entry: safetensors writes several in any order, and the same network would have other bytes.
    text = json.dumps({**description, "format": kind}, sort_keys=True)
    files.write_atomic(path, safetensors.torch.save(plain, {"gwsim": text}))


def read(path: Path, kind: str = FORMAT) -> tuple[dict[str, torch.Tensor], dict]:
    """Return a file's tensors and their description.

    Raises GwsimError for a file that is cut, damaged, or none of ours.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            text = json.loads((file.metadata() or {}).get("gwsim", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if text.get("format") == kind:
            return tensors, {name: value for name, value in text.items() if name != "format"}
        reason = f"its format is {text.get('format')}, expected {kind}"
    except FileNotFoundError:
        raise GwsimError(f"no network stands at {path}; run the stage train first") from None
    except (safetensors.SafetensorError, ValueError) as error:
        reason = str(error)
    raise GwsimError(f"{path} holds no whole network: {reason}; train it again, or copy it anew")


def load(path: Path, device: torch.device | str = "cpu") -> tuple[torch.nn.Module, dict]:
    """Return a network ready to be asked, and its description."""
    tensors, description = read(path)
    model = models.build(description["model"], tuple(description["shape"]), len(description["classes"]), 0)
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    if found != wanted:
        apart = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
        name = apart[0]
        raise GwsimError(
            f"{path} does not fit the model {description['model']}: {len(apart)} tensors differ, "
            f"'{name}' has shape {found.get(name)} in the file and {wanted.get(name)} in the model"
        )
    model.load_state_dict(tensors)
    return model.to(device).eval(), description


def expect(description: dict, examples) -> None:
    """Raise GwsimError where a network cannot be asked about a dataset: both sides are named."""
    faults = [
        f"{name}: the network has {_plain(description[name])}, the dataset {_plain(getattr(examples, name))}"
        for name in SHARED
        if _plain(description[name]) != _plain(getattr(examples, name))
    ]
    if faults:
        raise GwsimError(
            f"the network {description['network']} does not fit {examples.name}:\n  " + "\n  ".join(faults)
        )


def _plain(value):
    return list(value) if isinstance(value, (list, tuple)) else value
