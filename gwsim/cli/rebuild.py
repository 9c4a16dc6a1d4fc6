"""Make a whole store again from its own configuration, and prove it the same."""

from pathlib import Path

SUMMARY = "make a store again from its own configuration, and hold it against the original"


def arguments(parser):
    parser.add_argument("store", type=Path, help="the store's folder, its data.zarr or its manifest.json")
    parser.add_argument("--work", type=Path, help="folder to work in (rebuild-EXPERIMENT-DATASET-.. here)")
    parser.add_argument("--cores", type=int, default=2, help="jobs at a time (2)")
    parser.add_argument("--keep", action="store_true", help="keep the work folder, which has the new store")


def run(args):
    import sys

    from gwsim import origin, rebuild, store
    from gwsim.cli.progress import progress, steps
    from gwsim.cli.verify import folder_of
    from gwsim.errors import GwsimError

    folder = folder_of(args.store)
    attributes = origin.of_store(folder)
    config, (experiment, dataset) = origin.makeable(attributes), origin.named(attributes)
    name, made = f"{experiment} {dataset}", f"results/{experiment}/{dataset}"
    digest = store.digest([config, made])[:10]
    work = args.work or Path(f"rebuild-{experiment}-{dataset}-{digest}")
    if work.resolve().is_relative_to(folder.resolve()):
        raise GwsimError(f"--work {work}: inside the store, in which nothing is written; name another folder")
    if folder.resolve().is_relative_to(work.resolve()):
        # It would be held against itself, and removed with the folder.
        raise GwsimError(
            f"--work {work}: the store {folder} stands inside it, and a work folder goes in the end; "
            "name another folder"
        )
    place = rebuild.prepare(work, config, made, f"dataset {name}", Path.cwd())
    print(f"rebuild: {name} in {work}", file=sys.stderr, flush=True)
    with steps("rebuild") as watch:
        rebuild.make(work, place, f"{made}/data.zarr", args.cores, watch)
    found = rebuild.compare(folder, place / made, progress)
    for note in found.notes:
        print(note)
    if found.faults:
        raise GwsimError(
            f"{folder} is not what its configuration makes ({work} has what it makes):\n  "
            + "\n  ".join(found.faults)
        )
    print(f"{folder}: {rebuild.verdict(found)}")
    if args.keep:
        print(f"made again at {place / made}")
    else:
        rebuild.remove(work)
