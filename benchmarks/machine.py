"""What this machine is, and what it can do at most: copy in memory, write to disk, transform."""

import importlib.metadata
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import measuring

import gwsim

PACKAGES = ("pycbc", "lalsuite", "gwpy", "numpy", "scipy", "torch", "h5py", "zarr", "tensorstore")
# Of one example of a binary, and of one of a supernova: samples of a real transform.
TRANSFORMS = (4096, 20480)


def described(folder: Path) -> dict:
    """Return processor, memory, versions, and what bare work reaches on one core, and in a folder."""
    import torch

    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        disk = best(measuring.made_durable(Path(scratch), 2**20))
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory (GiB)": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "gwsim": gwsim.__version__,
        **{name: version for name in PACKAGES if (version := version_of(name))},
        "copying in memory, one core (GB/s)": measuring.rounded(best(measuring.copied(1e9))),
        "writing to disk, durably (MiB/s)": measuring.rounded(disk),
        **{
            f"transforms of {size} samples, one core (GFLOP/s)": measuring.rounded(best(transforms(size)))
            for size in TRANSFORMS
        },
        "load of others when it began": measuring.rounded(load),
    }


def differences(one: dict, other: dict) -> list[str]:
    """Return in what two machines differ, beyond what was measured of them."""
    said = {name for name in {**one, **other} if "(" not in name and "load" not in name}
    return sorted(name for name in said if one.get(name) != other.get(name))


def best(work, rounds: int = 5) -> float:
    """Return units a second, the median of some rounds after a first."""
    work()
    rates = []
    for _ in range(rounds):
        begun = time.perf_counter()
        units = work()
        rates.append(units / (time.perf_counter() - begun))
    return statistics.median(rates)


def transforms(size: int):
    """Return bare real transforms in a core's own cache; units are 10^9 floating-point operations."""
    import torch

    rows = max(1, 2**18 // size)
    values = torch.randn(rows, size)
    # As the literature counts a real transform: half of 5 n log2 n.
    operations = 2.5 * size * torch.log2(torch.tensor(float(size))).item() * rows

    def work():
        for _ in range(64):
            torch.fft.rfft(values)
        return 64 * operations / 1e9

    return work


def processor() -> str:
    """Return the processor's name, as the system has it."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def version_of(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
