"""What the stages have left of a network: its points, their examples and maps, held against one another.

Takes paths of products; gives plain tables and sets, or says which of them do not belong together.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from gwsim import checkpoint, dataset, embed, evaluate, files
from gwsim.errors import GwsimError
from gwsim.explorer import pictures

LIKE = "and lies near others whose features are like its own"


@dataclasses.dataclass(frozen=True)
class Embedding:
    """The table of the points, and the names that its numbers stand for."""

    table: pd.DataFrame
    datasets: list[str]


def embedded(metrics: Path, model: Path, classes: list[str]) -> Embedding:
    """Return the points beside the metrics of `embed`, which must be of a checkpoint's classes."""
    path = metrics.with_name("embedding.parquet")
    if lacking := [str(one) for one in (metrics, path) if not one.is_file()]:
        raise GwsimError(
            f"no features of {model} stand at {' and '.join(lacking)}: an explorer shows points of these; "
            "run embed first"
        )
    told, table = json.loads(metrics.read_text()), pd.read_parquet(path)
    if told["classes"] != classes:
        raise GwsimError(
            f"{model} has the classes {', '.join(classes)}, the points of {metrics} those of another: "
            f"{', '.join(told['classes'])}; name the checkpoint that they were made with, or run embed again"
        )
    if "datasets" not in told or (lacking := sorted(set(embed.COLUMNS) - set(table))):
        listed = ", ".join(lacking) if "datasets" in told else "dataset"
        raise GwsimError(f"{path} has no columns {listed}: it is of an older version; run embed again")
    return Embedding(table, told["datasets"])


def examples(manifests: list[Path], datasets: list[str], description: dict) -> dict[str, dataset.Examples]:
    """Return the examples of each dataset as they are drawn, in the order of the names."""
    given = {path.resolve().parent.name: path for path in manifests}
    if lacking := [name for name in datasets if name not in given]:
        raise GwsimError(
            f"points are of the datasets {', '.join(datasets)}; of {', '.join(lacking)} there is no manifest "
            f"among {', '.join(map(str, manifests))}"
        )
    view = dataset.view_of(description)
    view = dataclasses.replace(view, scale=pictures.scale(view.array))
    found = {name: dataset.Examples(given[name], view) for name in datasets}
    for one in found.values():
        checkpoint.expect(description, one)
    return found


def maps(path: Path, model: Path) -> list[xr.Dataset]:
    """Return every set of maps of a store, which must be of the checkpoint."""
    if not path.is_dir():
        raise GwsimError(f"no maps stand at {path}: run explain first")
    attributes = json.loads((path / "zarr.json").read_text())["attributes"]
    sha256 = files.fingerprint(model)["sha256"]
    if (theirs := attributes.get("model_sha256")) != sha256:
        raise GwsimError(
            f"{path} holds the maps of another checkpoint (sha256 {str(theirs)[:12]}) than {model} "
            f"({sha256[:12]}); run explain again"
        )
    groups = sorted(one.parent.name for one in path.glob("*/map"))
    return [xr.open_zarr(path, group=name, chunks=None, consolidated=False) for name in groups]


def reader(points: pd.DataFrame, sources: list):
    """Return a function that gives the examples of some points in their order."""
    of, rows = points["dataset"].to_numpy(), points["row"].to_numpy()

    def read(places: np.ndarray) -> np.ndarray:
        values = None
        for number in np.unique(of[places]):
            mine = of[places] == number
            part = sources[number].read(rows[places[mine]])
            values = np.empty((len(places), *part.shape[1:]), part.dtype) if values is None else values
            values[mine] = part
        return values

    return read


def names(model: Path, description: dict, found: dict[str, dataset.Examples]) -> dict:
    """Return what is said of a network and its datasets."""
    classes = description["classes"]
    experiment = next(iter(found.values())).folder.parent.name
    return {
        "title": f"{experiment}: {model.resolve().parent.name}",
        "words": f"{description['model']} over {description['array']}: a point is an example, {LIKE}.",
        "classes": classes,
        "noise": evaluate.noise_among(classes),
        "datasets": list(found),
        "ifos": [ifos(one) for one in found.values()],
        "single": [bool({"scan_ifo", "ifo"} & set(one.table)) for one in found.values()],
    }


def ifos(one: dataset.Examples) -> list[str]:
    """Return the names that the numbers of a dataset's ifos stand for."""
    path = one.folder / "data.zarr" / "scan_ifo"
    told = json.loads((path / "zarr.json").read_text())["attributes"] if path.is_dir() else {}
    return told["flag_meanings"].split() if "flag_meanings" in told else one.ifos
