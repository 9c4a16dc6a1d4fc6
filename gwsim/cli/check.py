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
    config = configuration.pruned(config)
    try:
        configuration.check(config)
    except GwsimError as error:
        raise GwsimError(f"{error}{_hint(args.files, config)}") from None
    configuration.check_named(config)
    print(f"{', '.join(str(path) for path in args.files)}: in order")


def _hint(files, config):
    """Return what one does wrong who checks an overlay alone."""
    from gwsim import schema

    alone = len(files) == 1 and not schema.required() <= set(config)
    return f"\nHint: is {files[0]} an overlay? Then: gwsim check config.yaml {files[0]}" if alone else ""
