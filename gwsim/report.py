"""The page that a person opens first: numbers beside a publication's, every network's figures, and the files.

Takes what the networks' stages have told as plain values, and links relative to the page; gives its HTML. A
number of several seeds is their mean, with the standard deviation between the seeds and the error of one
seed's counting: the seeds share their examples, so more of them make the second no smaller.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from gwsim.errors import GwsimError
from gwsim.figures import page
from gwsim.figures.page import link, text

NUMBERS = "numbers"
FILES = "files"
# Beyond this nobody reads on, whatever the error.
MOST_DECIMALS = 5


@dataclass(frozen=True)
class Network:
    """One seed of a network: its numbers, figures and files.

    From the page, `base` leads to its figures and `explorer`, where there is one, to its explorer.
    """

    experiment: str
    name: str
    seed: int
    base: str
    numbers: dict[str, dict]
    figures: list[dict]
    about: dict
    links: list[tuple[str, str]] = field(default_factory=list)
    explorer: str | None = None

    @property
    def anchor(self) -> str:
        return f"{self.experiment}-{self.name}-{self.seed}"


@dataclass(frozen=True)
class Dataset:
    """A dataset's name and its files."""

    name: str
    links: list[tuple[str, str]]


@dataclass(frozen=True)
class Comparison:
    """Figures and tables of an experiment's networks beside one another; `base` leads to the figures."""

    experiment: str
    base: str
    figures: list[dict]
    tables: list[dict]

    @property
    def anchor(self) -> str:
        return f"compare-{self.experiment}"


@dataclass(frozen=True)
class Exercise:
    """An experiment that is an exercise: its numbers; `base` leads to its page and figures."""

    experiment: str
    base: str
    numbers: dict[str, dict]

    @property
    def page(self) -> str:
        return f"{self.base}/index.html"


Recipes = dict[str, list[Network]]


def write(
    networks: list[Network],
    datasets: list[Dataset],
    settings: dict,
    compared: list[Comparison] = (),
    exercises: list[Exercise] = (),
) -> str:
    """Return the page's HTML; settings: run, and experiments with reported and networks with their seeds.

    Raises GwsimError where the networks are not those of the settings.
    """
    found, beside = ordered(networks, settings), {one.experiment: one for one in compared}
    apart = {one.experiment: one for one in exercises}
    title = f"{settings['run']}: {', '.join(settings['experiments'])}"
    parts = [f"<h1>{text(title)}</h1>", _contents(found, beside, apart), *map(_exercise, exercises)]
    for name, recipes in found.items():
        if name in apart:
            continue
        parts.append(f'<h2 id="{text(f"{NUMBERS}-{name}")}">{text(name)}: what was run and found</h2>')
        parts += [_lead(recipes), numbers(recipes, settings["experiments"][name].get("reported"))]
    for name, recipes in found.items():
        parts += [_comparison(beside[name])] if name in beside else []
        parts += [_network(seeds) for seeds in recipes.values()]
    return page.document(title, [*parts, _files(networks, datasets)], page.CSS + page.WIDE_CSS)


def ordered(networks: list[Network], settings: dict) -> dict[str, Recipes]:
    """Return experiment -> network -> its seeds, all in the order of the settings."""
    known = {(one.experiment, one.name, one.seed): one for one in networks}
    wanted = {
        (experiment, name, seed)
        for experiment, content in settings["experiments"].items()
        for name, recipe in content["networks"].items()
        for seed in recipe["seeds"]
    }
    if known.keys() != wanted:
        listed = [", ".join(f"{e}/networks/{n}-{s}" for e, n, s in sorted(keys)) for keys in (known, wanted)]
        raise GwsimError(f"networks given are {listed[0] or 'none'}; the settings name {listed[1] or 'none'}")
    return {
        experiment: {
            name: [known[experiment, name, seed] for seed in recipe["seeds"]]
            for name, recipe in content["networks"].items()
        }
        for experiment, content in settings["experiments"].items()
    }


def _contents(found: dict[str, Recipes], beside: dict[str, Comparison], apart: dict[str, Exercise]) -> str:
    lines = []
    for experiment, recipes in found.items():
        if experiment in apart:
            title = f"{experiment}: an exercise, on a page of its own"
            lines.append(f"<li>{link(apart[experiment].page, title)}</li>")
            continue
        lines.append(f"<li>{link(f'#{NUMBERS}-{experiment}', f'{experiment}: what was run and found')}</li>")
        if experiment in beside:
            title = f"{experiment}: networks beside one another"
            lines.append(f"<li>{link(f'#{beside[experiment].anchor}', title)}</li>")
        for name, (first, *_) in recipes.items():
            sections = dict.fromkeys(entry["section"] for entry in first.figures)
            inner = " · ".join(link(f"#{_section_id(first, section)}", section) for section in sections)
            title = link(f"#{first.anchor}", f"Figures of the network {name}")
            lines.append(f"<li>{title}: {inner}</li>")
    lines.append(f"<li>{link(f'#{FILES}', 'Data, quality pages and files')}</li>")
    return '<nav aria-label="Contents"><ul>' + "\n".join(lines) + "</ul></nav>"


def _exercise(one: Exercise) -> str:
    """Return where an exercise's page is, and its first number."""
    first = next(iter(one.numbers.values()))
    told = f"First of them, {first['meaning']}: {first['value']:.3f} ± {first['error']:.3f}."
    where = link(one.page, f"{one.experiment}, its own page")
    title = f"<h2>{text(one.experiment)}: an exercise</h2>"
    return f"{title}\n<p>Tasks and questions with their figures and numbers: {where}. {text(told)}</p>"


# ---- what was run


def _lead(recipes: Recipes) -> str:
    if not recipes:
        return "<p>No network was trained.</p>"
    (first, *_), *_ = recipes.values()
    data = [f"{name} {entry['examples']:,}" for name, entry in first.about["datasets"].items()]
    about = (
        f"{len(first.about['classes'])} classes ({', '.join(first.about['classes'])}) in "
        f"{', '.join(first.about['ifos'])} at {first.about['sample_rate']:,} Hz. Examples evaluated: "
        f"{', '.join(data)}."
    )
    return "\n".join(
        f"<p>{text(line)}</p>" for line in [about, *(_recipe(seeds) for seeds in recipes.values())]
    )


def _recipe(seeds: list[Network]) -> str:
    """Return how a network was made, in words."""
    about = seeds[0].about
    took = [_span(one.about["seconds"]) for one in seeds]
    many = "seeds" if len(seeds) > 1 else "seed"
    return (
        f"Network {seeds[0].name}: {about['model']} over {about['seen']}, {about['parameters']:,} "
        f"parameters, trained for {about['epochs']} epochs{_best(about)} of at most "
        f"{about['examples']:,} examples ({'; '.join(about['phases'])}); "
        f"{many} {', '.join(str(one.seed) for one in seeds)}, trained in {', '.join(took)}. "
        f"Sources at revision {', '.join(dict.fromkeys(one.about['revision'] for one in seeds))}."
    )


def _best(about: dict) -> str:
    """Return whose weights a network has that was not taken as its last epoch left it."""
    kept = about.get("epoch", about["epochs"])
    return "" if kept == about["epochs"] else f" (the weights are those of epoch {kept}, the best one)"


def _span(seconds: float) -> str:
    """Return a length of time in words."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


# ---- numbers


def numbers(recipes: Recipes, reported: dict | None) -> str:
    """Return the table of numbers beside the reported ones, and, folded, of all others."""
    theirs = dict(reported["numbers"]) if reported else {}
    ours = dict.fromkeys(key for seeds in recipes.values() for one in seeds for key in one.numbers)
    rest = [key for key in ours if key not in theirs]
    parts = []
    if theirs:
        note = (
            f"Reported: {reported['source']}. Ours: the mean over the seeds, the standard deviation between "
            "them, and the error of counting the examples of one seed; below, each seed's own value."
        )
        parts.append(_table(recipes, list(theirs), theirs, note))
    if rest:
        table = _table(recipes, rest, {}, "Ours, as above.")
        parts.append(f"<details><summary>All other numbers ({len(rest)})</summary>{table}</details>")
    return "\n".join(parts)


def _table(recipes: Recipes, names: list[str], theirs: dict, note: str) -> str:
    heads = ["number", *(["reported"] if theirs else []), *(f"ours: {name}" for name in recipes)]
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in heads)
    rows = "\n".join(_row(name, recipes, theirs) for name in names)
    return f'<div class="wide"><table><caption>{text(note)}</caption>\n<tr>{head}</tr>\n{rows}</table></div>'


def _row(name: str, recipes: Recipes, theirs: dict) -> str:
    known = [one.numbers[name] for seeds in recipes.values() for one in seeds if name in one.numbers]
    meaning = known[0]["meaning"] if known else "not measured"
    cells = f"<td>{text(meaning)}<small><code>{text(name)}</code></small></td>"
    if theirs:
        cells += f'<td class="number">{theirs[name]:g}</td>'
    for seeds in recipes.values():
        value, error, each = cell({one.seed: one.numbers.get(name) for one in seeds})
        smalls = "".join(f"<small>{text(line)}</small>" for line in (error, each) if line)
        cells += f'<td class="number">{text(value)}{smalls}</td>'
    return f"<tr>{cells}</tr>"


def cell(found: dict[int, dict | None]) -> tuple[str, str, str]:
    """Return a number of several seeds in words: its mean, its errors, each seed's value."""
    known = {s: one for s, one in found.items() if one is not None and one["value"] is not None}
    if not known:
        return "–", "", ""
    values = np.array([one["value"] for one in known.values()], float)
    errors = [one["error"] for one in known.values() if one.get("error") is not None]
    spread = float(values.std(ddof=1)) if len(values) > 1 else None
    counting = float(np.sqrt(np.mean(np.square(errors)))) if errors else None
    places = decimals(float(values.mean()), [e for e in (spread, counting) if e])
    told = [f"± {spread:.{places}f} between seeds"] if spread is not None else []
    told += [f"± {counting:.{places}f} counting"] if counting is not None else []
    several = len(found) > 1
    each = [f"{s}: {known[s]['value']:.{places}f}" if s in known else f"{s}: –" for s in found]
    return f"{values.mean():.{places}f}", ", ".join(told), "seeds " + ", ".join(each) if several else ""


def decimals(value: float, errors: list[float]) -> int:
    """Return how many decimals show two digits of the largest error, or four of a value without one."""
    if errors:
        wanted = 1 - math.floor(math.log10(max(errors)))
    else:
        wanted = 3 - math.floor(math.log10(abs(value))) if value else 0
    return min(max(wanted, 0), MOST_DECIMALS)


# ---- figures and files


def _comparison(one: Comparison) -> str:
    """Return an experiment's networks beside one another."""
    title = f"{one.experiment}: networks beside one another"
    parts = [f'<h2 id="{text(one.anchor)}">{text(title)}</h2>']
    parts += [_figure(one.base, entry) for entry in one.figures]
    tables = (page.Table(**each) for each in one.tables)
    return "\n".join([*parts, *map(page.table, tables)])


def _network(seeds: list[Network]) -> str:
    """Return a network's figures: the first seed's, and the others' folded."""
    first, *others = seeds
    title = f"{first.experiment}: figures of the network {first.name}, seed {first.seed}"
    parts = [f'<h2 id="{text(first.anchor)}">{text(title)}</h2>', _figures(first)]
    for one in others:
        body = _figures(one)
        parts.append(
            f"<details><summary>Figures of {text(one.name)}, seed {one.seed}</summary>{body}</details>"
        )
    return "\n".join(parts)


def _section_id(network: Network, section: str) -> str:
    return f"{network.anchor}-{section.lower().replace(' ', '-')}"


def _figures(network: Network) -> str:
    parts, last = [_explorer(network)] if network.explorer else [], None
    for entry in network.figures:
        if entry["section"] != last:
            last = entry["section"]
            parts.append(f'<h3 id="{text(_section_id(network, last))}">{text(last)}</h3>')
        parts.append(_figure(network.base, entry))
    return "\n".join(parts)


def _explorer(network: Network) -> str:
    """Return the way to a network's explorer, which is found before its figures."""
    name = link(network.explorer, f"Explorer of {network.name}, seed {network.seed}")
    return (
        f"<p><strong>{name}</strong>: every example as a point, with its picture and its map; click one.</p>"
    )


def _figure(base: str, entry: dict) -> str:
    source = f"{base}/{entry['name']}"
    pdf = f" {link(f'{source}.pdf', 'PDF')}"
    return page.figure(f"{source}.png", entry["title"], f"{entry['title']}. {entry['caption']}", pdf)


def _files(networks: list[Network], datasets: list[Dataset]) -> str:
    parts = [f'<h2 id="{FILES}">Data, quality pages and files</h2>']
    rows = [(one.name, one.links) for one in datasets]
    rows += [(f"network {one.experiment}/{one.name}, seed {one.seed}", one.links) for one in networks]
    cells = "\n".join(
        f"<tr><td>{text(name)}</td><td>{' · '.join(link(*one) for one in links)}</td></tr>"
        for name, links in rows
    )
    return "\n".join([*parts, f'<div class="wide"><table>{cells}</table></div>'])
