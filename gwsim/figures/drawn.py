"""A network's figures as files: each a PNG to look at and a PDF to print, and last a list of them."""

import json
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from gwsim import files
from gwsim.errors import GwsimError
from gwsim.figures import listing, style


@dataclass(frozen=True)
class Drawn:
    """A figure, its name, and what its caption says beyond what is true of every such figure."""

    name: str
    figure: Figure
    numbers: str

    @property
    def title(self) -> str:
        return listing.title(self.name)

    @property
    def section(self) -> str:
        return listing.section(self.name)

    @property
    def caption(self) -> str:
        return f"{listing.static(self.name)} {self.numbers}".strip()


def words(name: str, why: str) -> Drawn:
    """Return a figure that says why there is nothing to draw."""
    figure = Figure(figsize=(style.WIDTH, 1.2))
    figure.text(0.5, 0.5, f"Nothing to draw: {why}.", ha="center", va="center", wrap=True, fontsize=10)
    return Drawn(name, figure, f"Nothing is drawn: {why}.")


def write(drawn: list[Drawn], path: Path, wanted, **content) -> None:
    """Write every figure beside the list, then the list, with what else a page is to say.

    Raises GwsimError when the figures are not the wanted ones, in their order.
    """
    names = [one.name for one in drawn]
    if names != list(wanted):
        raise GwsimError(f"drawn are {', '.join(names)}, expected {', '.join(wanted)}, in this order")
    for one in drawn:
        files.write_atomic(path.parent / f"{one.name}.png", style.png(one.figure, style.FINE_DPI))
        files.write_atomic(path.parent / f"{one.name}.pdf", style.pdf(one.figure))
    keys = ("name", "title", "section", "caption")
    entries = [{key: getattr(one, key) for key in keys} for one in drawn]
    files.write_atomic(path, json.dumps({"figures": entries, **content}, indent=1, sort_keys=True))
