"""The stage `explorer`: a folder that a browser opens from disk, with a network's features as points."""

from pathlib import Path

SUMMARY = "write the explorer of a network's features: a page with every example's picture and map"


def arguments(parser):
    parser.add_argument("--model", type=Path, required=True, help="checkpoint (model.safetensors)")
    parser.add_argument(
        "--embed", type=Path, required=True, help="metrics.json of embed, coordinates beside it"
    )
    parser.add_argument("--explain", type=Path, required=True, help="metrics.json of explain, maps beside it")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="manifest.json of each dataset")
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="page to write (FOLDER/index.html)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda: a GPU makes maps of all points")
    parser.add_argument("--threads", type=int, default=1, help="of torch on a CPU")


def run(args):
    import json

    import torch

    from gwsim import checkpoint, dataset, devices, explain, files, view
    from gwsim.cli.memory import keep_freed_memory
    from gwsim.cli.progress import progress
    from gwsim.errors import GwsimError
    from gwsim.explorer import bundle, more_maps, pictures, points, products, saliency
    from gwsim.models import receptive

    keep_freed_memory()
    if args.output.name != "index.html":
        raise GwsimError(
            f"--output is {args.output}; an explorer's page is called index.html: FOLDER/index.html"
        )
    refuse_other(args.output.parent)
    torch.set_num_threads(args.threads)
    device = devices.choose(args.device)
    model, description = checkpoint.load(args.model, device)
    embedding = products.embedded(args.embed, args.model, description["classes"])
    data = products.examples(args.data, embedding.datasets, description)
    sets = products.maps(args.explain.with_name("maps.zarr"), args.model)
    array, shape = description["array"], tuple(description["shape"])
    point_of = points.places(embedding.table, embedding.datasets)
    tiles = view.tiles(array, shape)
    maps = saliency.of_points(sets, point_of, tiles)
    asked = json.loads(args.explain.read_text())["settings"]
    sha256 = files.fingerprint(args.model)["sha256"]
    network = explain.Network(model, sha256, description["classes"], asked, device)
    seen = [dataset.Examples(one.folder, dataset.view_of(description)) for one in data.values()]
    seen = products.reader(embedding.table, seen)
    maps = more_maps.added(maps, network, seen, embedding.table, tiles, progress)
    tables = {name: one.table for name, one in data.items()}
    columns = points.columns(embedding.table, tables, maps)
    settings = json.loads(args.settings.read_text())
    placing = {"grid": receptive.centres(model.cam_path, len(shape) - 1), **settings}
    names = products.names(args.model, description, data)
    about = bundle.described(names, shape, maps, placing, array)
    read = products.reader(embedding.table, list(data.values()))
    made = bundle.contents(columns, maps, read, array, about)
    sheets = -(-len(embedding.table) // pictures.PER_SHEET)
    write(args.output.parent, progress(made, f"explorer of {names['title']}", sheets))


def write(folder, contents):
    """Write the folder beside its place and rename it: whole or not there."""
    from gwsim import files

    refuse_other(folder)
    with files.whole_folder(folder, replace=True) as part:
        for name, content in contents:
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def refuse_other(folder):
    """Refuse to replace a folder that holds anything but an explorer."""
    from gwsim.errors import GwsimError
    from gwsim.explorer import bundle

    own = {*bundle.PAGE, "points.js", "sheets", "maps", ".snakemake_timestamp"}
    strange = sorted(one.name for one in folder.iterdir() if one.name not in own) if folder.is_dir() else []
    if strange:
        raise GwsimError(
            f"{folder} holds {', '.join(strange[:5])}, which is of no explorer: it would be lost; name a "
            "folder of its own, such as explorer/index.html"
        )
