"""Toy pictures, each computed when it is rendered: there is no bank.

See `gwsim.waveforms.toys` for the forms, `gwsim.pictures` for their noise.
"""

from gwsim.waveforms import toys


def notes(settings: dict) -> list[str]:
    """Return what a person is told before anything is drawn."""
    return []


def systems(names: list[str], settings: dict, uniform, integers) -> dict:
    """Return the drawn parameters of examples of some classes."""
    return toys.systems(names, settings["models"], settings["picture"]["columns"], uniform)


def provenance() -> dict[str, str]:
    """Return what a dataset's attributes say of its waveforms."""
    return {}
