"""The command `gwsim`: one verb a file of `cli`, each of which parses, opens files and calls the library.

A verb's module has SUMMARY (one line), `arguments(parser)` and `run(args)`; it imports what is heavy inside
`run`, so that help is quick.
"""

import argparse
import importlib
import importlib.metadata
import sys

from gwsim import __version__
from gwsim.errors import GwsimError
from gwsim.files import FULL

VERBS = (
    "check",
    "plan",
    "settings",
    "fetch_plan",
    "fetch",
    "lock",
    "strain",
    "segments",
    "noise_layout",
    "noise",
    "noise_finalise",
    "draw",
    "redraw",
    "waveforms_layout",
    "waveforms",
    "waveforms_finalise",
    "signals_layout",
    "signals",
    "signals_finalise",
    "layout",
    "render",
    "finalise",
    "ingest",
    "rebuild",
    "diff",
    "verify",
    "export",
    "adopt",
    "inspect",
    "qscan",
    "triggers",
    "quality",
    "train",
    "onnx",
    "evaluate",
    "explain",
    "embed",
    "exercise",
    "explorer",
    "explore",
    "figures",
    "compare",
    "report",
)

# What tensorstore and HDF5 say of a full disk.
FULL_WORDS = ("No space left", "Disk quota exceeded", "File too large", "RESOURCE_EXHAUSTED")


def main(argv: list[str] | None = None) -> None:
    """Run one verb; a fault that the user can mend is one line on stderr and exit status 2."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        _refuse_stranger()
        args = _parser(argv).parse_args(argv)
        args.run(args)
    except GwsimError as error:
        sys.exit(_say(str(error)))
    except Exception as error:
        # tensorstore and HDF5 report a full disk as errors of their own kind.
        if getattr(error, "errno", None) in FULL or any(words in str(error) for words in FULL_WORDS):
            sys.exit(_say(f"cannot write: {error}. Make room and run again; what is whole is kept."))
        if _names_an_argument(error, argv):
            sys.exit(_say(f"cannot use {error.filename}, an argument of the command: {error.strerror}"))
        raise


def _names_an_argument(error: Exception, argv: list[str]) -> bool:
    """Return whether a file could not be opened that the user named, and not one that we should have made."""
    return isinstance(error, OSError) and error.filename is not None and str(error.filename) in argv


def _say(message: str) -> int:
    print(f"ERROR: {message}", file=sys.stderr)
    return 2


def _refuse_stranger() -> None:
    """Refuse to run beside the unrelated distribution `gwsim`, which ships the same import name."""
    try:
        version = importlib.metadata.version("gwsim")
    except importlib.metadata.PackageNotFoundError:
        return
    raise GwsimError(
        f"an unrelated package called gwsim ({version}) is installed here and overwrites parts of this one "
        "(gwsim-pipeline): run `pip uninstall gwsim gwsim-pipeline`, then install gwsim-pipeline again"
    )


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    """Return a parser that knows the verb asked for; the others are only named."""
    parser = argparse.ArgumentParser(prog="gwsim", description=importlib.import_module("gwsim").__doc__)
    parser.add_argument("--version", action="version", version=f"gwsim {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    asked = next((word for word in argv if not word.startswith("-")), None)
    for name in [asked] if asked in VERBS else VERBS:
        module = importlib.import_module(f"gwsim.cli.{name}")
        verb = verbs.add_parser(name, help=module.SUMMARY, description=module.SUMMARY)
        module.arguments(verb)
        verb.set_defaults(run=module.run)
    return parser
