"""gwsim: gravitational-wave datasets made from a table, and networks that learn from them."""

from importlib import import_module

__version__ = "0.1.0"


def open(path, *arguments, **options):
    """Return a finished dataset for PyTorch, or its rows at other SNRs: see `gwsim.loader.opened`."""
    # By its name: every stage rests on this file, and none shall run again for a change of what is behind it.
    return import_module("gwsim.loader").opened(path, *arguments, **options)
