"""A static page: title, table of checks, sections of prose, tables and pictures. It needs no network.

Pictures lie beside the page under their names; the page is written last, so that it never names a picture
that is not there.
"""

import dataclasses
import html
from pathlib import Path

from matplotlib.figure import Figure

from gwsim import files
from gwsim.checks import Check
from gwsim.figures import style

CSS = """
body { margin: 0 auto; max-width: 60rem; padding: 1rem; color: #222; background: #fff;
       font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h3 { font-size: 1rem; }
h2 { font-size: 1.2rem; margin-top: 2.5rem; border-top: 1px solid #ccc; padding-top: 1rem; }
img { max-width: 100%; height: auto; display: block; }
figure { margin: 1.2rem 0; } figcaption { font-size: .9rem; color: #444; margin-top: .4rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .15rem .8rem .15rem 0;
         border-bottom: 1px solid #e4e4e4; }
td { overflow-wrap: anywhere; }
tr.part th { padding-top: .9rem; }
.ok { color: #0b6e2f; } .look { color: #fff; background: #b3261e; padding: 0 .35rem; } .told { color: #666; }
a { color: #004488; }
"""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure, the name of its file (without suffix), and what it shows."""

    name: str
    figure: Figure
    caption: str


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of cells under a caption and heads."""

    caption: str
    heads: list[str]
    rows: list[list]


@dataclasses.dataclass(frozen=True)
class Section:
    """One topic of the page: its checks stand in the table at the top."""

    name: str
    title: str
    prose: str
    checks: list[Check] = dataclasses.field(default_factory=list)
    tables: list[Table] = dataclasses.field(default_factory=list)
    pictures: list[Picture] = dataclasses.field(default_factory=list)


def write(path: Path, title: str, lead: str, sections: list[Section]) -> None:
    """Write the pictures, then the page."""
    for picture in (picture for section in sections for picture in section.pictures):
        files.write_atomic(path.parent / f"{picture.name}.png", style.png(picture.figure))
    files.write_atomic(path, render(title, lead, sections))


def render(title: str, lead: str, sections: list[Section]) -> str:
    """Return the page's text."""
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>",
        f"<h1>{_text(title)}</h1>\n<p>{_text(lead)}</p>\n<p>{_text(verdict(sections))}</p>",
        _summary(sections),
        *map(_section, sections),
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def verdict(sections: list[Section]) -> str:
    """Return how many checks passed, in words."""
    marks = [mark(check) for section in sections for check in section.checks]
    ok, look, told = (marks.count(kind) for kind in ("ok", "look", "told"))
    return f"{ok} checks are ok, {look} to look at, {told} numbers told without a verdict."


def mark(check: Check) -> str:
    """Return a check's mark."""
    return "told" if check.ok is None else "ok" if check.ok else "look"


def _summary(sections: list[Section]) -> str:
    rows = []
    for section in sections:
        if section.checks:
            link = f'<a href="#{section.name}">{_text(section.title)}</a>'
            rows.append(f'<tr class="part"><th colspan="4">{link}</th></tr>')
            rows += map(_check_row, section.checks)
    head = "<tr><th>mark</th><th>number</th><th>found</th><th>expected</th></tr>"
    return f'<div class="wide"><table>\n{head}\n' + "\n".join(rows) + "\n</table></div>"


def _check_row(check: Check) -> str:
    kind = mark(check)
    sign = {"ok": "ok", "look": "look", "told": "–"}[kind]
    cells = "".join(f"<td>{_text(cell)}</td>" for cell in (check.name, check.found(), check.expected))
    return f'<tr><td><span class="{kind}">{sign}</span></td>{cells}</tr>'


def _section(section: Section) -> str:
    parts = [f'<h2 id="{section.name}">{_text(section.title)}</h2>', f"<p>{_text(section.prose)}</p>"]
    return "\n".join([*parts, *map(_picture, section.pictures), *map(_table, section.tables)])


def _picture(picture: Picture) -> str:
    image = f'<img src="{picture.name}.png" alt="{_text(picture.caption.split(".")[0])}">'
    return f"<figure>{image}<figcaption>{_text(picture.caption)}</figcaption></figure>"


def _table(table: Table) -> str:
    head = "".join(f"<th>{_text(cell)}</th>" for cell in table.heads)
    rows = "".join("<tr>" + "".join(f"<td>{_text(c)}</td>" for c in row) + "</tr>\n" for row in table.rows)
    return f'<h3>{_text(table.caption)}</h3>\n<div class="wide"><table><tr>{head}</tr>\n{rows}</table></div>'


def _text(value) -> str:
    return html.escape(str(value))
