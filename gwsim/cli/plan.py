"""What the run would cost that Snakemake would do now."""

from pathlib import Path

SUMMARY = (
    "say what is still to be run, and what it takes of cores, memory and disk, before anything is submitted"
)


def arguments(parser):
    parser.add_argument("files", nargs="*", type=Path, help="configuration and its overlays, in order")
    parser.add_argument("--directory", type=Path, default=Path(), help="folder of the run")
    parser.add_argument("--target", nargs="+", default=[], help="files or rules, as Snakemake takes them")
    parser.add_argument("--cores", type=int, default=32, help="for how many cores the time is told")
    parser.add_argument(
        "--profile", type=Path, default=Path("slurm"), help="folder whose config.yaml says what goes together"
    )
    parser.add_argument("--json", action="store_true", help="numbers instead of tables")


def run(args):
    import json

    from gwsim import configuration, forecast, jobs
    from gwsim.errors import GwsimError

    if args.cores < 1:
        raise GwsimError(f"--cores: got {args.cores}, expected one at least")
    configuration.load(whole(args.files))  # all its faults, before a graph is built
    found = jobs.needed(args.files, args.directory, args.target, profile(args.profile))
    told = forecast.forecast(found, args.cores)
    print(json.dumps(told, indent=1) if args.json else forecast.text(told))


def whole(files):
    """Return the files that make a configuration: overlays alone stand over config.yaml, as in Snakemake."""
    import yaml

    from gwsim import schema

    base = Path("config.yaml")
    if files and files[0].is_file():
        first = yaml.safe_load(files[0].read_text())
        if isinstance(first, dict) and schema.required() <= set(first):
            return files
    return [base, *files] if base.is_file() else files or [base]


def profile(folder):
    """Return what a profile says, templates filled in."""
    import yaml
    import yte

    from gwsim.errors import GwsimError

    path = folder / "config.yaml"
    if not path.is_file():
        raise GwsimError(
            f"--profile: no {path}, expected the folder of a profile, as slurm or profiles/htcondor"
        )
    said = yaml.safe_load(path.read_text()) or {}
    return yte.process_yaml(path.read_text()) if said.get("__use_yte__") else said
