"""Check a configuration without running anything."""

from pathlib import Path

SUMMARY = "check a configuration and say everything that is wrong with it"


def arguments(parser):
    parser.add_argument("files", nargs="+", type=Path, help="configuration and its overlays, in order")


def run(args):
    import yaml

    from gwsim import configuration
    from gwsim.errors import GwsimError

    config: dict = {}
    for path in args.files:
        try:
            content = yaml.safe_load(path.read_text())
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise GwsimError(f"cannot read {path}: {error}") from error
        if not isinstance(content, dict):
            raise GwsimError(f"{path}: got {type(content).__name__}, expected a mapping of settings")
        config = configuration.overlay(config, content)
    configuration.check(configuration.pruned(config))
    print(f"{', '.join(str(path) for path in args.files)}: in order")
