"""What a job of the workflow costs: time, memory and disk, from the configuration alone, before it runs.

A job costs a start, and so much for each unit of what it works on (see `work`). Coefficients stand in
costs.yaml; they were measured by `benchmarks/costs.py` on the machine that the file describes. This is asked
for each job whenever Snakemake starts: nothing is loaded here that takes long.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gwsim import work, work_of_networks
from gwsim.errors import GwsimError

# Rule -> what its jobs work on.
JOBS = {
    **dict.fromkeys(("all", "settings", "fetch_plan", "lock"), work.small),
    "fetch": work.fetch,
    "strain": work.strain,
    "segments": work.records,
    "noise_layout": work.small,
    "noise": work.noise,
    "noise_finalise": work.noise_finalise,
    "draw": work.draw,
    "redraw": work.draw,
    "waveforms_layout": work.small,
    "waveforms": work.waveforms,
    "waveforms_finalise": work.waveforms_finalise,
    "signals_layout": work.small,
    "signals": work.signals,
    "signals_finalise": work.signals_finalise,
    "layout": work.small,
    "render": work.render,
    "finalise": work.finalise,
    "ingest": work.ingest,
    "adopt": work.adopt,
    "quality": work.quality,
    "train": work_of_networks.train,
    "onnx": work_of_networks.onnx,
    "evaluate": work_of_networks.evaluate,
    "explain": work_of_networks.explain,
    "embed": work_of_networks.embed,
    "explorer": work_of_networks.explorer,
    "exercise": work_of_networks.exercise,
    "figures": work_of_networks.figures,
    "compare": work_of_networks.compare,
    "report": work.small,
}
# Rules that are another one's with other files.
SAME = {"figures_of_pictures": "figures", "compare_pictures": "compare"}
# Whose networks run on a GPU where one is asked for.
ON_GPU = ("train", "evaluate", "explain", "embed", "explorer")
# Memory of the machine that a process with a GPU takes for its libraries.
HOST_OF_GPU_MB = 3000


@dataclass(frozen=True)
class Cost:
    """seconds: of one core of the reference machine, or of a GPU where one is asked for.

    memory_mb: at its highest, without a margin; disk_mb: what stays on disk. MB are 10^6 bytes.
    """

    seconds: float
    memory_mb: float
    disk_mb: float


def of(config: dict, rule: str, wildcards: Mapping[str, str], device: str = "cpu") -> Cost:
    """Return what a job of a checked configuration costs.

    A dataset that its name alone speaks of must stand in the configuration (configuration.with_dataset).
    device: cuda for a rule of ON_GPU that is given one.

    Raises GwsimError for a rule that is not known.
    """
    name = SAME.get(rule, rule)
    if name not in JOBS:
        raise GwsimError(f"no cost of a rule '{rule}': expected one of {', '.join([*JOBS, *SAME])}")
    its = JOBS[name](config, dict(wildcards.items()))
    known = coefficients()[name]
    if device == "cuda" and name in ON_GPU:
        memory = HOST_OF_GPU_MB + _sum(known["memory_mb"], _without(its.held, "batch"))
        return Cost(_sum(known["seconds"], _on_gpu(its.amounts)), memory, its.disk_mb)
    return Cost(_sum(known["seconds"], its.amounts), _sum(known["memory_mb"], its.held), its.disk_mb)


def _sum(known: dict, amounts: work.Amounts) -> float:
    """Return the start, and what each amount adds."""
    return known["start"] + sum(
        amount * _rate(known, kind, unit) for kind, its in amounts.items() for unit, amount in its.items()
    )


def _rate(known: dict, kind: str, unit: str) -> float:
    """Return what one unit adds; what was not measured costs as much as the dearest that was."""
    if unit in known.get(kind, {}):
        return known[kind][unit]
    alike = [rates[unit] for name, rates in known.items() if name != "start" and unit in rates]
    return max(alike or known.get(kind, {}).values(), default=0.0)


def _on_gpu(amounts: work.Amounts) -> work.Amounts:
    """Return amounts with as many passes as a core has in the time that a GPU takes for all."""
    return {
        kind: {unit: amount / (gpu_speed(kind) if unit == "passes" else 1) for unit, amount in its.items()}
        for kind, its in amounts.items()
    }


def _without(amounts: work.Amounts, gone: str) -> work.Amounts:
    """Return amounts without one unit: a batch is in the memory of the GPU."""
    return {kind: {unit: one for unit, one in its.items() if unit != gone} for kind, its in amounts.items()}


def gpu_speed(kind: str) -> float:
    """Return how many times as fast as a core of the reference machine a GPU has a network's passes."""
    return _file()["gpu"].get(kind, min(_file()["gpu"].values()))


def coefficients() -> dict[str, dict]:
    """Return rule -> {seconds, memory_mb} -> {start, kind -> {unit: rate}}."""
    return _file()["rules"]


@cache
def _file() -> dict:
    import yaml

    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
