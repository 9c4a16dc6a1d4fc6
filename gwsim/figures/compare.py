"""Networks of one experiment beside one another: accuracies, maps of the same examples, and their times.

Takes what the stages evaluate and explain have found of each network; gives figures with captions, and a
table of the median times from a map's maximum to the event.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gwsim import checkpoint, manifest
from gwsim.dataset import Examples, View, view_of
from gwsim.draw import NOISE
from gwsim.errors import GwsimError
from gwsim.figures import cam_times, classification, explained, recall, saliency, style, traces
from gwsim.figures.drawn import Drawn, words
from gwsim.figures.explanation import ALIGNED, METHODS, Explained, title

COLUMNS = 4
# Whose metrics are compared.
STAGES = ("evaluate", "explain")


@dataclass(frozen=True)
class Network:
    """What was found of a network: NETWORK-SEED, numbers of its maps, and its examples of the atlas."""

    name: str
    description: dict
    evaluated: dict
    numbers: dict[str, dict]
    axes: dict[str, np.ndarray]
    atlas: list[Explained]

    @property
    def recipe(self) -> str:
        return self.name.rpartition("-")[0]


@dataclass(frozen=True)
class Column:
    """An example that all networks explain: class and SNR, strain (ifo, time), what each makes of it."""

    title: str
    strain: np.ndarray
    each: list[Explained]


def read(model: Path, atlas: Path, align: str) -> Network:
    """Return what stands beside a checkpoint; atlas: manifest of the dataset of the atlas."""
    description = checkpoint.read(model)[1]
    examples = Examples(atlas, explained.pictured(view_of(description)))
    metrics = {stage: json.loads((model.parent / stage / "metrics.json").read_text()) for stage in STAGES}
    store = explained.opened(model.parent / "explain" / "maps.zarr", "atlas")
    entries = explained.read(store, np.arange(store.sizes["sample"]), examples, align)
    found = metrics["evaluate"], metrics["explain"]["numbers"]
    return Network(model.absolute().parent.name, description, *found, examples.axes, entries)


def drawn(models: list[Path], data: list[Path], settings: dict) -> tuple[list[Drawn], list[dict]]:
    """Return the figures and the tables; models: checkpoints; data: manifests; settings: those of figures."""
    manifests = {manifest.folder_of(path).name: path for path in data}
    if settings["atlas"] not in manifests:
        raise GwsimError(f"compare needs the dataset {settings['atlas']}, given are {', '.join(manifests)}")
    atlas = manifests[settings["atlas"]]
    networks = [read(model, atlas, settings["align"]) for model in models]
    rates = [one.description["rate"] for one in networks if one.description.get("rate")]
    strain = Examples(atlas, View("strain", "none", min(rates, default=None)))
    return [_accuracy(networks, settings), _maps(networks, strain, settings)], [times(networks)]


def of_pictures(models: list[Path], settings: dict) -> tuple[list[Drawn], list[dict]]:
    """Return the same of networks that tell pictures apart."""
    evaluated = {
        model.absolute().parent.name: json.loads((model.parent / "evaluate" / "metrics.json").read_text())
        for model in models
    }
    setup = {**settings, "classes": checkpoint.read(models[0])[1]["classes"]}
    figure, table = recall.compared(evaluated, setup)
    return [figure], [table]


# ---- accuracy


def _accuracy(networks: list[Network], settings: dict) -> Drawn:
    tested, name = settings["tested"], "compare_accuracy"
    if tested is None:
        return words(name, "no dataset has groups")
    by, lines, told = networks[0].evaluated["background"]["by"], {}, []
    recipes = list(dict.fromkeys(one.recipe for one in networks))
    for network in networks:
        groups, place = classification.groups_of(network.evaluated, tested), recipes.index(network.recipe)
        seed = [one.name for one in networks if one.recipe == network.recipe].index(network.name)
        look = {"color": style.IFOS[place % len(style.IFOS)], "marker": style.marker(place)}
        lines[network.name] = groups, look | {"linestyle": style.LINES[seed % len(style.LINES)]}
        told.append(f"{network.name}: {classification.passes(groups, by)}")
    numbers = (
        f"Dataset {tested}, names are NETWORK-SEED. {'; '.join(told)}. Every class weighs the same. Dotted: "
        f"{100 * classification.GOOD:g} %. Bars are 68 % intervals of counting; all networks see the same "
        "examples, so that their differences are better known than the bars say."
    )
    return Drawn(name, classification.accuracy(lines, by), numbers)


# ---- maps


def shared(networks: list[Network]) -> dict[int, list[Explained]]:
    """Return label -> what each network makes of one example that all explain, and most recognise."""
    found = [{one.row.name: one for one in network.atlas} for network in networks]
    best: dict[int, list[Explained]] = {}
    for row in sorted(set.intersection(*map(set, found))):
        each = [one[row] for one in found]
        if each[0].label not in best or _right(each) > _right(best[each[0].label]):
            best[each[0].label] = each
    return dict(sorted(best.items()))


def _right(each: list[Explained]) -> int:
    return sum(one.predicted == one.label for one in each)


def _maps(networks: list[Network], strain, settings: dict) -> Drawn:
    """Return the figure of the maps; strain: the examples of the atlas, as `dataset.Examples` of strain."""
    name, classes = "compare_maps", networks[0].description["classes"]
    first = list({one.recipe: one for one in reversed(networks)}.values())[::-1]
    entries = shared(first)
    apart = [one for label, one in enumerate(classes) if label not in entries]
    if not entries:
        return words(name, f"the networks explain no example of {settings['atlas']} in common")
    rows = np.array([each[0].row.name for each in entries.values()])
    columns = [
        Column(title(each[0], classes), values, each)
        for values, each in zip(strain.raw(rows), entries.values(), strict=True)
    ]
    tops = [saliency.greatest([one.each[place].map for one in columns]) for place in range(len(first))]
    method = METHODS[columns[0].each[0].method]
    figure = maps(columns, first, strain.axes["time"], tops, method)
    scales = ", ".join(f"{one.name} {top:.3g}" for one, top in zip(first, tops, strict=True))
    numbers = (
        f"{method}, dataset {settings['atlas']}, rows {', '.join(map(str, rows))}. Above, the whitened "
        f"strain, baselines {traces.step([one.strain for one in columns]):g} standard deviations of noise "
        "apart. Below, each network's map, over time or over time and frequency; all maps of one network "
        f"share one scale, from 0 to: {scales}. An arrow names the class that a network takes an example for "
        f"where it is wrong. Dashed: the event, bounce or merger, at the Earth's centre. "
        f"{ALIGNED[settings['align']]}"
    )
    if apart:
        numbers += f" Not shown, since no example is explained by all networks: {', '.join(apart)}."
    return Drawn(name, figure, numbers)


def maps(columns: list[Column], networks: list[Network], times: np.ndarray, tops: list[float], method: str):
    """Draw strain, and below it a row for each network, in blocks of COLUMNS examples."""
    blocks, wide, deep = -(-len(columns) // COLUMNS), min(COLUMNS, len(columns)), 1 + len(networks)
    ratios = [1.4, *(1.3 if "frequency" in one.axes else 1.0 for one in networks)]
    figure, panels = style.subplots(
        blocks * deep,
        wide + 1,
        blocks * (0.5 + 0.95 * sum(ratios)) + 0.3,
        height_ratios=ratios * blocks,
        width_ratios=[1.0] * wide + [0.05],
    )
    apart = traces.step([one.strain for one in columns])
    for place in range(blocks * wide):
        cells = panels[place // wide * deep : (place // wide + 1) * deep, place % wide]
        if place >= len(columns):
            for axis in cells:
                axis.remove()
            continue
        one = columns[place]
        ifos = networks[0].description["ifos"]
        traces.strain(cells[0], one.strain, times, one.each[0].event, ifos, apart)
        cells[0].set_title(one.title)
        for axis, network, entry, top in zip(cells[1:], networks, one.each, tops, strict=True):
            image = _map(axis, network, entry, top)
            if "frequency" in network.axes:
                bar = panels[place // wide * deep + 1 + networks.index(network), wide]
                figure.colorbar(image, cax=bar)
                bar.set_ylabel(method, fontsize=7.5)
        for axis in cells:
            axis.set_xlim(traces.ends(times))
            axis.tick_params(labelbottom=axis is cells[-1], labelleft=place % wide == 0)
        if place % wide == 0:
            for axis, network in zip(cells[1:], networks, strict=True):
                what = "frequency (Hz)" if "frequency" in network.axes else method
                axis.set_ylabel(f"{network.recipe}\n{what}", fontsize=8)
    for axis in panels[:, wide]:
        if not axis.images and not axis.collections:
            axis.remove()
    figure.supxlabel(style.TIME, fontsize=8.5)
    return figure


def _map(axis, network: Network, entry: Explained, top: float):
    """Draw one network's map of one example; return the image of a map over time and frequency."""
    wrong = entry.label != entry.predicted
    taken = f"→ {network.description['classes'][entry.predicted]}" if wrong else ""
    if "frequency" in network.axes:
        image = saliency.heat(axis, entry.map, network.axes, entry.event, top)
        traces.note(axis, taken, "white")
        return image
    traces.curve(axis, entry.map, network.axes["time"], entry.event, top)
    traces.note(axis, taken)
    return None


# ---- times


def times(networks: list[Network]) -> dict:
    """Return the table of median times from the map's maximum to the event: caption, heads, rows."""
    classes = networks[0].description["classes"]
    signals = [name for name in classes if name != NOISE]
    known = [key for network in networks for key in network.numbers]
    methods = [name for name in METHODS if any(key.startswith(f"cam_time_{name}_") for key in known)]
    rows = []
    for network in networks:
        for method in methods:
            cells = [network.numbers.get(f"cam_time_{method}_{one}") for one in signals]
            rows.append(
                [network.name, METHODS[method], *(cam_times.said(one) if one else "–" for one in cells)]
            )
    caption = "Median time from the map's maximum to the event, its 68 % interval, and the number of maps"
    return {"caption": caption, "heads": ["network", "method", *signals], "rows": rows}
