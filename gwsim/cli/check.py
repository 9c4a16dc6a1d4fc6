"""Check a configuration without running anything."""

from pathlib import Path

SUMMARY = "check a configuration and say everything that is wrong with it"


def arguments(parser):
    parser.add_argument("files", nargs="+", type=Path, help="configuration and its overlays, in order")


def run(args):
    from gwsim import configuration

    configuration.check_named(configuration.load(args.files))
    print(f"{', '.join(str(path) for path in args.files)}: in order")
