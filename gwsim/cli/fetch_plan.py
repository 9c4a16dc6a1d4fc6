"""The stage `fetch_plan`: which of GWOSC's files are needed."""

from pathlib import Path

SUMMARY = "ask GWOSC which files are needed, and say how many files, bytes and hours that is"


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--site", type=Path, required=True, help="host, or a plan made before (JSON)")
    parser.add_argument("--output", type=Path, required=True, help="plan to write (JSON)")


def run(args):
    import json

    from gwsim import files

    settings, site = (json.loads(path.read_text()) for path in (args.settings, args.site))
    made = _made(settings, site)
    files.write_atomic(args.output, json.dumps(made, indent=1))
    _say(made)


def show(paths):
    """Print the summary of the plan that a configuration names, or of one made here."""
    from gwsim import configuration, stages
    from gwsim.errors import GwsimError

    config = configuration.load(paths)
    if (source := config["strain"]["source"]) != "gwosc":
        raise GwsimError(f"strain.source: got '{source}', expected 'gwosc': nothing else is downloaded")
    settings, strains = stages.settings(config), stages.strains(config)
    for name, rate in strains.items():
        if len(strains) > 1:
            print(f"{name}, at {rate} Hz:")
        _say(_made(settings[f"plan/{name}"], settings[f"site/{name}"]))


def _made(settings, site):
    from gwsim.gwosc import plan

    if site["plan"] is None:
        return plan.make(settings, site["host"])
    named = plan.load(site["plan"])
    plan.check(named, settings)
    return named


def _say(made):
    import sys

    from gwsim.gwosc import summary

    # A terminal without the summary's signs still shows its numbers.
    sys.stdout.reconfigure(errors="replace")
    print(summary.text(made, made["asked"]))
