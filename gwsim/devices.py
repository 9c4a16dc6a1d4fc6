"""Where networks run: a GPU where there is one, else the CPU; and how inputs are laid out for it."""

import os

import torch

from gwsim.errors import GwsimError

DEVICES = ("auto", "cpu", "cuda")


def choose(name: str) -> torch.device:
    """Return the device of a name; `auto` is CUDA where it is found. Kernels are the deterministic ones."""
    device = found(name)
    if device.type == "cuda":
        # Read by cuBLAS when it starts; without it its sums differ from run to run.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    return device


def found(name: str) -> torch.device:
    """Return the device of a name, or of the number of GPUs that a job asked for, its kernels as they are.

    Raises GwsimError for CUDA that is not there.
    """
    if name.isdigit():
        name = "cuda" if int(name) else "auto"
    if name not in DEVICES:
        raise GwsimError(f"no device '{name}': expected one of {', '.join(DEVICES)}")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise GwsimError(
            f"the device cuda is demanded and torch {torch.__version__} finds no GPU here: "
            "ask for one (a GPU node, a CUDA build of torch), or let the device be auto or cpu"
        )
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def put(x: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return the tensor on a device; images with their channels last, which is more than twice as fast."""
    layout = torch.channels_last if x.ndim == 4 else torch.contiguous_format
    return x.to(device, memory_format=layout, non_blocking=True)
