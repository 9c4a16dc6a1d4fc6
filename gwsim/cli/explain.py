"""The stage `explain`: maps of many examples, how faithful they are, and what is shown of them."""

from pathlib import Path

SUMMARY = "explain a network: class-activation maps, their faithfulness, an atlas"


def arguments(parser):
    parser.add_argument("--model", type=Path, required=True, help="checkpoint (model.safetensors)")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="manifest.json of each dataset")
    parser.add_argument(
        "--predictions", type=Path, required=True, help="metrics.json of evaluate, predictions beside it"
    )
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--maps", type=Path, required=True, help="store of maps to write (Zarr)")
    parser.add_argument("--metrics", type=Path, required=True, help="numbers to write (JSON)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="of torch on a CPU")


def run(args):
    import json
    import sys

    import torch

    from gwsim import checkpoint, devices, explain, files
    from gwsim.cli.memory import keep_freed_memory
    from gwsim.cli.progress import progress

    keep_freed_memory()
    torch.set_num_threads(args.threads)
    settings = json.loads(args.settings.read_text())
    device = devices.choose(args.device)
    model, description = checkpoint.load(args.model, device)
    sha256 = files.fingerprint(args.model)["sha256"]
    network = explain.Network(model, sha256, description["classes"], settings, device)
    names = dict.fromkeys((settings["dataset"], settings["atlas"]))
    data = {name: opened(name, args.data, args.predictions, description) for name in names}
    sets, metrics = explain.explained(network, data, progress)
    for name, state in metrics["atlas"].items():
        if state != "correct":
            print(f"atlas: class {name} has no correctly classified example ({state})", file=sys.stderr)
    write(args.maps, sets)
    files.write_atomic(args.metrics, json.dumps(metrics, indent=1, allow_nan=False))


def opened(name, manifests, predictions, description):
    """Return a dataset's examples, and the network's predictions of them."""
    import pandas as pd

    from gwsim import checkpoint, dataset, selection
    from gwsim.errors import GwsimError

    found = {path.resolve().parent.name: path for path in manifests}
    if name not in found:
        raise GwsimError(f"explain uses the dataset '{name}'; --data has only {', '.join(found)}")
    examples = dataset.Examples(found[name], dataset.view_of(description))
    checkpoint.expect(description, examples)
    path = predictions.with_name(f"{name}.parquet")
    if not path.is_file():
        raise GwsimError(f"no predictions stand at {path}: run evaluate with '{name}' among its datasets")
    return examples, selection.fitting(pd.read_parquet(path), examples.table, str(path), examples.name)


def write(path, sets):
    """Write the store beside its place and rename it: whole or not there."""
    import warnings

    import xarray as xr
    import zarr

    from gwsim import files

    shared = {key: value for key, value in sets["table"].attrs.items() if key != "dataset"}
    with files.whole_folder(path, replace=True) as part:
        xr.Dataset(attrs=shared).to_zarr(part, zarr_format=3, consolidated=False)
        with warnings.catch_warnings():
            # It is a convenience: readers that ignore it read the same.
            warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
            for name, one in sets.items():
                one.to_zarr(part, group=name, mode="a", zarr_format=3, consolidated=True)
            zarr.consolidate_metadata(part, zarr_format=3)
