"""Say what is in a dataset, for a person: never loads its arrays."""

from pathlib import Path

SUMMARY = "say what is in a store: sizes, classes, SNR, provenance"


def arguments(parser):
    parser.add_argument("store", type=Path, help="the store's folder, its data.zarr or its manifest.json")


def run(args):
    from gwsim import inspection
    from gwsim.cli.verify import folder_of

    print(inspection.describe(folder_of(args.store)))
