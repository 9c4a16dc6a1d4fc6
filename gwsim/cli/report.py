"""The stage `report`: the page that a person opens first."""

from pathlib import Path

SUMMARY = "write the page that a person opens first"
METRICS = ("evaluate", "explain", "embed")
# What a reader may want of a network's or a dataset's folder.
NETWORK_FILES = {
    "model.safetensors": "weights (safetensors)",
    "model.onnx": "weights (ONNX)",
    "metrics.csv": "history (CSV)",
    "explorer/index.html": "explorer of the features",
    "explain/maps.zarr": "maps (Zarr)",
    "embed/embedding.parquet": "embedding (Parquet)",
    **{f"{stage}/metrics.json": f"numbers of {stage} (JSON)" for stage in METRICS},
}
DATASET_FILES = {
    "data.zarr": "arrays (Zarr)",
    "table.parquet": "table (Parquet)",
    "manifest.json": "manifest (JSON)",
}


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--networks", type=Path, nargs="*", default=[], help="figures.json of each network")
    parser.add_argument(
        "--compared", type=Path, nargs="*", default=[], help="figures.json of networks beside one another"
    )
    parser.add_argument("--quality", type=Path, nargs="*", default=[], help="quality page of each dataset")
    parser.add_argument("--exercises", type=Path, nargs="*", default=[], help="metrics.json of each exercise")
    parser.add_argument("--output", type=Path, required=True, help="page to write (HTML)")


def run(args):
    import json

    from gwsim import files, report

    networks = [_network(path, args.output.parent) for path in args.networks]
    datasets = [_dataset(path, args.output.parent) for path in args.quality]
    compared = [_comparison(path, args.output.parent) for path in args.compared]
    settings = json.loads(args.settings.read_text())
    exercises = [_exercise(path, args.output.parent) for path in args.exercises]
    files.write_atomic(args.output, report.write(networks, datasets, settings, compared, exercises))


def _network(path, start):
    """Return a network from EXPERIMENT/networks/NETWORK-SEED/figures/figures.json."""
    import json

    from gwsim import report
    from gwsim.errors import GwsimError

    folder = path.resolve().parents[1]
    name, _, seed = folder.name.rpartition("-")
    if not name or not seed.isdigit():
        raise GwsimError(f"{path} lies in {folder.name}: expected a folder NETWORK-SEED, such as paper-1")
    content, numbers = json.loads(path.read_text()), {}
    for stage in METRICS:
        numbers |= json.loads((folder / stage / "metrics.json").read_text())["numbers"]
    # Those of now: a dataset that is no longer evaluated leaves its file behind.
    tables = [f"evaluate/{name}.parquet" for name in (*content["about"]["datasets"], "background")]
    wanted = NETWORK_FILES | {table: f"{Path(table).stem} predictions (Parquet)" for table in tables}
    base, links = _relative(path.parent, start), _links(folder, wanted, start)
    page = folder / "explorer" / "index.html"
    explorer = _relative(page, start) if page.is_file() else None
    experiment = folder.parents[1].name
    shown = content["figures"], content["about"]
    return report.Network(experiment, name, int(seed), base, numbers, *shown, links, explorer)


def _exercise(path, start):
    """Return what stands in EXPERIMENT/exercise/metrics.json, its page beside it."""
    import json

    from gwsim import report

    folder = path.resolve().parent
    numbers = json.loads(path.read_text())["numbers"]
    return report.Exercise(folder.parent.name, _relative(folder, start), numbers)


def _comparison(path, start):
    """Return what stands in EXPERIMENT/compare/figures.json."""
    import json

    from gwsim import report

    content, folder = json.loads(path.read_text()), path.resolve().parent
    base = _relative(folder, start)
    return report.Comparison(folder.parent.name, base, content["figures"], content["tables"])


def _dataset(page, start):
    """Return a dataset from its quality page: EXPERIMENT/DATASET/quality/index.html."""
    from gwsim import report

    folder = page.resolve().parents[1]
    links = [(_relative(page, start), "quality page"), *_links(folder, DATASET_FILES, start)]
    return report.Dataset(f"dataset {folder.parent.name}/{folder.name}", links)


def _links(folder, wanted, start):
    """Return links to those of a folder's files that are there."""
    return [
        (_relative(folder / name, start), said) for name, said in wanted.items() if (folder / name).exists()
    ]


def _relative(path, start):
    import os
    from urllib.parse import quote

    return quote(Path(os.path.relpath(path.resolve(), start.resolve())).as_posix())
