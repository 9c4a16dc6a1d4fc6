"""The page of what was measured: the table, pictures, how time and memory grow, each stage by itself."""

import math
from pathlib import Path

import numpy as np
import scipy.optimize
from measuring import OURS, PEER, PLAIN, rounded

from gwsim.figures import style

KINDS = {PLAIN: ("o", style.CLASSES[0]), PEER: ("s", style.CLASSES[1]), OURS: ("D", style.CLASSES[2])}
SIGNS = {PLAIN: "plain scripts", PEER: "other libraries", OURS: "gwsim, other settings"}
LIMIT = style.CLASSES[4]
ABOUT = """\
Written by `python benchmarks/run.py`, from one run of it. **Plain** is what a user writes today with PyCBC,
GWpy, scipy, h5py or zarr-python, **peers** are public libraries that do the job, **limit** is the bare work
that none of them can do without, on this machine and at the same time: Fourier transforms of arrays that are
there, packing, bytes read, written, or made durable once; the resource that is asked for most sets it. All is
done on one core, in turns within one process (libraries that do not go together with ours have one of their
own, on the same core); numbers are medians over the rounds, ratios are of the same round. Machines differ:
read the ratios.
"""
GROWTH = """\
More work is more blocks, files, shards or epochs, one after the other in one process, as a job of the
workflow does them; where they would be alike, the same ones again. `draw`, `write`, the new SNRs, `shuffled`
and `tsne` have so many times the rows. Seconds are the least of three, memory is the whole process's, with
all that was prepared for it.
"""


def write(found: dict, out: Path) -> None:
    """Write index.md and its pictures into a folder."""
    stages = found["stages"]
    _save(_ratios(stages), out / "ratios.svg")
    _save(_growth(stages), out / "growth.svg")
    parts = [
        "# Measured against everything else, and to the limit",
        ABOUT,
        _machine(found["machine"]),
        "![How fast each way is, against ours, and the limit](ratios.svg)",
        _table(stages),
        "## Time and memory of more work",
        GROWTH,
        "![Time and peak memory at 1, 2, 4 and 8 times the work](growth.svg)",
        _growth_table(stages),
        *(_stage(name, one) for name, one in stages.items()),
    ]
    (out / "index.md").write_text("\n\n".join(part.strip() for part in parts) + "\n")


def _machine(about: dict) -> str:
    return "The machine: " + ", ".join(f"{name} {value}" for name, value in about.items()) + "."


def _table(stages: dict) -> str:
    rows = []
    for name, one in stages.items():
        (_, own), *others = one["ways"].items()
        cells = {
            kind: "<br>".join(f"{way}: {_times(its)}" for way, its in others if its["kind"] == kind)
            for kind in (PLAIN, PEER)
        }
        limit = one["limit"]
        rows.append(
            [
                f"[{_title(name)}](#{_anchor(name)})",
                f"{_rate(own['rate'])} {one['unit']}/s",
                cells[PLAIN],
                cells[PEER],
                _rate(limit["rate"]),
                f"{100 * limit['our fraction']:.0f} %",
            ]
        )
    heads = ("stage", "ours", "ours over plain", "ours over peers", "limit", "our part of the limit")
    return _rows(heads, rows)


def _stage(name: str, one: dict) -> str:
    """Return a stage's own section."""
    ways = [
        [
            way,
            its["kind"],
            _rate(its["rate"]),
            _rate(its["by processor time"]),
            "" if place == 0 else f"{_times(its)} ({_ends(its['lowest and highest'])})",
        ]
        for place, (way, its) in enumerate(one["ways"].items())
    ]
    limit = [[part, its["resource"], _rate(its["us a unit"])] for part, its in one["limit"]["parts"].items()]
    whole = sum(
        its["us a unit"] for its in one["limit"]["parts"].values() if its["resource"] == _slowest(one)
    )
    ours = 1e6 / next(iter(one["ways"].values()))["rate"]
    unit = f"{one['unit']}/s"
    return "\n\n".join(
        [
            f"## {_title(name)}",
            one["about"],
            _rows(("way", "kind", unit, "a second of processor", "ours over it (lowest to highest)"), ways),
            f"Ours takes {_rate(ours)} us, the limit {_rate(whole)} us ({_slowest(one)}):",
            _rows(("bare work", "resource", "us each"), limit),
        ]
    )


def _slowest(one: dict) -> str:
    """Return the resource that sets the limit."""
    spent: dict[str, float] = {}
    for part in one["limit"]["parts"].values():
        spent[part["resource"]] = spent.get(part["resource"], 0.0) + part["us a unit"]
    return max(spent, key=spent.get)


def fitted(scaling: list[dict]) -> tuple[float, float]:
    """Return a, b of the time a + b n that fits best in proportion: n is times the work, a not negative."""
    times, seconds = (np.array([one[key] for one in scaling], float) for key in ("times", "seconds"))
    terms = np.stack([np.ones(len(times)), times], axis=1) / seconds[:, None]
    return tuple(float(one) for one in scipy.optimize.nnls(terms, np.ones(len(times)))[0])


def _growth_table(stages: dict) -> str:
    rows = []
    for name, one in stages.items():
        scaling = one["scaling"]
        first, each = fitted(scaling)
        off = max(abs((first + each * its["times"]) / its["seconds"] - 1) for its in scaling)
        least, most = scaling[0], scaling[-1]
        growth = most["seconds"] / least["seconds"] / (most["times"] / least["times"])
        rows.append(
            [
                _title(name),
                f"{least['units']:g} {one['unit']}",
                f"{_rate(first)} s + {_rate(each)} s n",
                f"{100 * off:.0f} %",
                f"{growth:.2f}",
                f"{least['MiB']}, {most['MiB']}",
            ]
        )
    heads = ("stage", "n = 1", "time that fits", "off by at most", "8 n over 8 times n", "MiB at n = 1, 8")
    return _rows(heads, rows)


def _ratios(stages: dict):
    """Draw each way's rate over ours, and the limit's, a line for each stage."""
    with style.look():
        figure, axes = style.subplots(1, 1, 0.34 * len(stages) + 1.2)
        (axis,) = axes.flat
        for place, one in enumerate(stages.values()):
            for its in list(one["ways"].values())[1:]:
                marker, colour = KINDS[its["kind"]]
                axis.plot(1 / its["ours over it"], place, marker, color=colour, markersize=6)
            axis.plot(1 / one["limit"]["our fraction"], place, "|", color=LIMIT, markersize=14, mew=2.5)
        axis.axvline(1, color=style.INK, linewidth=1)
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.set_yticks(range(len(stages)), [_title(name) for name in stages])
        axis.invert_yaxis()
        axis.set_xlabel("times as fast as gwsim (1 is gwsim; to the left slower)")
        for kind, (marker, colour) in KINDS.items():
            axis.plot([], [], marker, color=colour, label=SIGNS[kind])
        axis.plot([], [], "|", color=LIMIT, markersize=12, mew=2.5, label="the limit")
        figure.legend(loc="outside upper center", ncols=4)
    return figure


def _growth(stages: dict):
    """Draw time and memory of each stage at more work, over those of n = 1."""
    columns = 6
    rows = math.ceil(len(stages) / columns)
    with style.look():
        figure, axes = style.subplots(rows, columns, 1.5 * rows + 0.5, sharex=True, sharey=True)
        for axis, (name, one) in zip(axes.flat, stages.items(), strict=False):
            times = [its["times"] for its in one["scaling"]]
            for place, key in enumerate(("seconds", "MiB")):
                values = np.array([its[key] for its in one["scaling"]])
                look = {"color": style.CLASSES[place], "marker": style.marker(place), "markersize": 4}
                axis.plot(times, values / values[0], label=("time", "peak memory")[place], **look)
            axis.plot(times, times, ":", color=style.INK, linewidth=0.8, label="in proportion")
            axis.set(xscale="log", yscale="log")
            axis.set_title(_title(name), fontsize=8)
            axis.set_xticks(times, [str(one) for one in times])
            axis.set_yticks(times, [str(one) for one in times])
            axis.minorticks_off()
        for axis in axes.flat[len(stages) :]:
            axis.set_visible(False)
        figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        figure.supxlabel("times the work", fontsize=8.5)
    return figure


def _save(figure, path: Path) -> None:
    """Write a figure as SVG, with the same bytes whenever the same is drawn."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "gwsim", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def _rows(heads, rows) -> str:
    """Return a table; a cell has no bar."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _title(name: str) -> str:
    return name.replace("_", " ")


def _anchor(name: str) -> str:
    return name.replace("_", "-")


def _times(its: dict) -> str:
    return f"{_rate(its['ours over it'])} times"


def _ends(values) -> str:
    return " to ".join(_rate(value) for value in values)


def _rate(value: float) -> str:
    """Return three digits, never as a power of ten."""
    value = rounded(value)
    return f"{value:,.0f}" if value >= 100 else f"{value:g}"
