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
# Of pages with a table of contents, numbers beside one another, and figures of several networks.
WIDE_CSS = """
body { max-width: 66rem; }
h2 { scroll-margin-top: 1rem; } h3 { margin-top: 1.6rem; }
nav { font-size: .9rem; border: 1px solid #ddd; padding: .3rem 1rem; }
nav ul { margin: .3rem 0; padding-left: 1.2rem; }
details { margin: 1.2rem 0; } summary { cursor: pointer; font-weight: 600; }
td small { color: #555; display: block; } td.number { white-space: nowrap; }
caption { text-align: left; color: #444; padding-bottom: .4rem; }
:focus-visible { outline: 2px solid #004488; outline-offset: 2px; }
@media print { nav { display: none; } body { max-width: none; } figure, tr { break-inside: avoid; }
               h2, h3 { break-after: avoid; } }
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
    parts = [f"<h1>{text(title)}</h1>\n<p>{text(lead)}</p>"]
    if any(section.checks for section in sections):
        parts += [f"<p>{text(verdict(sections))}</p>", _summary(sections)]
    return document(title, [*parts, *map(_section, sections)])


def document(title: str, parts: list[str], css: str = CSS) -> str:
    """Return a page of parts that are HTML already."""
    head = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{text(title)}</title>\n<style>{css}</style>\n</head>\n<body>",
    ]
    return "\n".join([*head, *parts, "</body>\n</html>\n"])


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
            title = link(f"#{section.name}", section.title)
            rows.append(f'<tr class="part"><th colspan="4">{title}</th></tr>')
            rows += map(_check_row, section.checks)
    head = "<tr><th>mark</th><th>number</th><th>found</th><th>expected</th></tr>"
    return f'<div class="wide"><table>\n{head}\n' + "\n".join(rows) + "\n</table></div>"


def _check_row(check: Check) -> str:
    kind = mark(check)
    sign = {"ok": "ok", "look": "look", "told": "–"}[kind]
    cells = "".join(f"<td>{text(cell)}</td>" for cell in (check.name, check.found(), check.expected))
    return f'<tr><td><span class="{kind}">{sign}</span></td>{cells}</tr>'


def _section(section: Section) -> str:
    parts = [f'<h2 id="{section.name}">{text(section.title)}</h2>', f"<p>{text(section.prose)}</p>"]
    return "\n".join([*parts, *map(_picture, section.pictures), *map(table, section.tables)])


def _picture(picture: Picture) -> str:
    return figure(f"{picture.name}.png", picture.caption.split(".")[0], picture.caption)


def figure(source: str, said: str, caption: str, after: str = "") -> str:
    """Return a picture with its caption; `said` stands for it where it is not seen, `after` is HTML."""
    image = f'<img src="{text(source)}" alt="{text(said)}">'
    return f"<figure>{image}<figcaption>{text(caption)}{after}</figcaption></figure>"


def table(one: Table) -> str:
    """Return a table under its caption."""
    rows = "".join("<tr>" + "".join(f"<td>{text(c)}</td>" for c in row) + "</tr>\n" for row in one.rows)
    head = "".join(f"<th>{text(cell)}</th>" for cell in one.heads)
    return f'<h3>{text(one.caption)}</h3>\n<div class="wide"><table><tr>{head}</tr>\n{rows}</table></div>'


def link(target: str, words: str) -> str:
    """Return a link."""
    return f'<a href="{text(target)}">{text(words)}</a>'


def text(value) -> str:
    """Return any value as text that means nothing to a browser."""
    return html.escape(str(value))
