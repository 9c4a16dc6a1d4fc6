"""The stage `plan`: which of GWOSC's files are needed."""

from pathlib import Path

SUMMARY = "ask GWOSC which files are needed, and say how many files, bytes and hours that is"


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="plan to write (JSON)")


def run(args):
    import json

    from gwsim import files
    from gwsim.gwosc import plan, summary

    settings = json.loads(args.settings.read_text())
    made = plan.make(settings)
    files.write_atomic(args.output, json.dumps(made, indent=1))
    print(summary.text(made, settings))


def show(paths):
    """Print the summary of the plan that a configuration names, or of one made here."""
    from gwsim import configuration, stages
    from gwsim.errors import GwsimError
    from gwsim.gwosc import plan, summary

    config = configuration.load(paths)
    if (source := config["strain"]["source"]) != "gwosc":
        raise GwsimError(f"strain.source: got '{source}', expected 'gwosc': nothing else is downloaded")
    settings = stages.settings(config)["plan"]
    committed = config["strain"]["gwosc"].get("plan")
    made = plan.load(committed) if committed else plan.make(settings)
    print(summary.text(made, settings))
