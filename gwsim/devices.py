"""Where networks run: a GPU where there is one, else the CPU; and how inputs are laid out for it."""

import os

import torch

from gwsim.errors import GwsimError

DEVICES = ("auto", "cpu", "cuda")


def choose(name: str) -> torch.device:
    """Return the device of a name; `auto` is CUDA where it is found. Kernels are the deterministic ones."""
    if name not in DEVICES:
        raise GwsimError(f"no device '{name}': expected one of {', '.join(DEVICES)}")
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise GwsimError(
            f"the device cuda is demanded and torch {torch.__version__} finds no GPU here: "
            "ask for one (a GPU node, a CUDA build of torch), or let the device be auto or cpu"
        )
    if name == "cpu" or not found:
        return torch.device("cpu")
    # Read by cuBLAS when it starts; without it its sums differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    return torch.device("cuda")


def put(x: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return the tensor on a device; images with their channels last, which is more than twice as fast."""
    layout = torch.channels_last if x.ndim == 4 else torch.contiguous_format
    return x.to(device, memory_format=layout, non_blocking=True)
