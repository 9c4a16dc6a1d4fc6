"""Write a finished dataset in the format of another program, or as one file for an archive."""

from pathlib import Path

from gwsim.export import FORMATS

SUMMARY = "write a finished dataset as HDF5, npy, WebDataset, MLGWSC-1 or one tar"
NETWORKS = (".safetensors", ".onnx")


def arguments(parser):
    parser.add_argument("store", type=Path, help="the store's folder, its data.zarr or its manifest.json")
    parser.add_argument("output", type=Path, help="file or folder to write, which must not be there yet")
    told = "; ".join(f"{name}: {what}" for name, what in FORMATS.items())
    parser.add_argument("--to", choices=FORMATS, required=True, metavar="FORMAT", help=told)
    parser.add_argument(
        "--rate", type=int, help="sampling rate of mlgwsc1's strain (Hz), as stored if not given"
    )


def run(args):
    import importlib
    from functools import partial

    from gwsim import files
    from gwsim.cli.memory import keep_freed_memory
    from gwsim.cli.progress import progress
    from gwsim.cli.verify import folder_of
    from gwsim.errors import GwsimError
    from gwsim.finished import Finished

    if args.store.suffix in NETWORKS or args.output.suffix in NETWORKS:
        raise GwsimError("a network is written by `gwsim onnx MODEL OUTPUT`; export is of datasets")
    files.expect_none(args.output)
    if args.rate is not None and args.to != "mlgwsc1":
        raise GwsimError(f"--rate is of mlgwsc1 alone: {args.to} has every array as it is stored")
    if args.rate is not None and args.rate <= 0:
        raise GwsimError(f"--rate {args.rate}: expected a sampling rate above zero (Hz)")
    folder = folder_of(args.store)
    if args.output.resolve().is_relative_to(folder.resolve()):
        raise GwsimError(
            f"{args.output} lies in the store {folder}, which would no longer be what its manifest says: "
            "name a place outside of it"
        )
    keep_freed_memory()
    store = Finished(folder)
    given = {"rate": args.rate} if args.rate is not None else {}
    write = importlib.import_module(f"gwsim.export.{args.to}").write
    sha256 = write(store, args.output, partial(progress, name=f"export {args.to}"), **given)
    print(f"{args.output}: {store.size} rows of {store.folder} as {args.to}")
    if sha256:
        print(f"sha256 {sha256}")
