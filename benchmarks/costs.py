"""Measure what jobs cost: fit the coefficients of gwsim/costs.yaml to runs of known configurations.

    python benchmarks/costs.py --run FOLDER config.yaml --run OTHER config.yaml workflow/configs/tiny.yaml

A run is a folder in which `snakemake` ran from the start on a machine with nothing else to do, and the
configuration files that it ran with. Each job's time and memory stand in its logs/benchmarks. Two runs at
least, of different sizes: a start and a rate are told apart by nothing else. Of a run that shared its machine
(--busy) the processor's time is taken in place of the clock's, and jobs of more than some seconds are left
out: Snakemake last looks at it some tenths of a second before a job ends, and seldom at long ones.

--check alone prints what is predicted against what was measured, and writes nothing.
"""

import argparse
import csv
import re
from pathlib import Path

import numpy as np
import yaml
from scipy.optimize import lsq_linear

from gwsim import configuration, costs

ROOT = Path(__file__).resolve().parents[1]
COSTS = ROOT / "gwsim/costs.yaml"
WILDCARDS = {
    **{"experiment": "[a-z0-9_]+", "dataset": "[A-Za-z0-9_]+(?:-[^/]*?)?", "network": "[a-z0-9_]+"},
    **{"part": "[0-9]+-[0-9]+", "seed": "[0-9]+", "ifo": "[A-Z][0-9]", "gps": "[0-9]+"},
    **{"strain": "[^/]+", "noise": "[^/]+"},
}
# A pass beside one of training, at the least and at the most.
LEAST_PASS, MOST_PASS = 0.4, 4
# Seconds that a process of torch takes for nothing.
LEAST_START = {rule: 3.5 for rule in costs.ON_GPU}
# What runs of a laptop's size cannot tell: bounds of rates, each of verbs that were run by themselves at
# larger sizes, or counted in the code: seconds, then MB.
SECONDS = {
    "draw": {"rows": (1e-5, 1e-3)},
    "redraw": {"rows": (1e-5, 1e-4)},
    "exercise": {"pictures": (5e-4, 1e-3)},
    "embed": {
        "points": (0.006, 0.01),
        "pairs": (0.6, 1.0),
        "compared": (8e-4, 1e-3),
        "products": (0.05, 0.1),
    },
    "evaluate": {"rows": (2e-5, 1e-3)},
    "figures": {"rows": (0.0, 3e-4)},
    "quality": {"rows": (0.0, 6e-4)},
    "explorer": {"points": (0.002, 0.01), "mb": (0.01, 0.1)},
    "noise_finalise": {"mb": (0.0015, 0.01)},
    "signals_finalise": {"mb": (0.0015, 0.01)},
    "finalise": {"mb": (0.0015, 0.01), "rows": (5e-5, 5e-4)},
    "waveforms_finalise": {"mb": (0.0015, 0.01), "rows": (5e-5, 5e-4)},
}
MEMORY = {
    "draw": {"rows": (0.001, 0.003)},
    "redraw": {"rows": (0.001, 0.003)},
    "embed": {"pairs_mb": (3.5, 4.0), "features_mb": (2.0, 6.0)},
    "evaluate": {"rows": (0.001, 0.003)},
    "explain": {"few": (2.0, 20.0)},
    "explorer": {"mb": (0.2, 2.0)},
    "finalise": {"rows": (0.001, 0.003)},
    "waveforms_finalise": {"rows": (0.001, 0.003)},
    "quality": {"rows": (0.001, 0.003), "mb": (6.0, 10.0)},
    "signals": {"shard_mb": (4.0, 10.0)},
    "train": {"kept_mb": (1.0, 2.0)},
}
# Snakemake looks each half second at a job of so many seconds, and twice a minute later.
WATCHED, BETWEEN = 15, 0.6
# Less memory (MB) is that of a shell which has not begun yet.
UNSEEN = 20


def patterns(run: str) -> dict[str, re.Pattern]:
    """Return rule -> what its benchmark files are called."""
    found = {}
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for block in re.split(r"^rule ", path.read_text(), flags=re.MULTILINE)[1:]:
            name = re.match(r"\w+", block)[0]
            if told := re.search(r'benchmark:\s+f?"([^"]+)"', block):
                parts = re.split(r"\{(\w+)\}", told[1].replace("{RUN}", run))
                found[name] = re.compile(
                    "".join(
                        re.escape(one) if place % 2 == 0 else f"(?P<{one}>{WILDCARDS[one]})"
                        for place, one in enumerate(parts)
                    )
                    + "$"
                )
    return found


def measured(folder: Path, config: dict, busy: bool):
    """Yield (rule, wildcards, seconds, MB) of each job of a run."""
    known = patterns(config["run"])
    for path in sorted((folder / "logs/benchmarks").rglob("*.tsv")):
        name = path.relative_to(folder).as_posix()
        found = [(rule, match) for rule, one in known.items() if (match := one.match(name))]
        if not found:
            print(f"no rule has the benchmark {name}")
            continue
        with path.open() as file:
            row = list(csv.DictReader(file, delimiter="\t"))[-1]
        seconds = float(row["s"])
        if busy:  # of longer jobs, nothing is known
            seconds = float(row["cpu_time"]) + BETWEEN if seconds < WATCHED else 0.0
        memory = float(row["max_rss"]) * 1.048576 if row["max_rss"] != "NA" else 0.0
        memory = memory if memory > UNSEEN else 0.0
        rule, match = found[0]
        yield rule, match.groupdict(), seconds, memory


def jobs(runs, busy):
    """Return a list of (rule, work, seconds, MB, config, wildcards) of all runs."""
    found = []
    for runs_, its_busy in ((runs, False), (busy, True)):
        for folder, *files in runs_:
            config = configuration.load([Path(file) for file in files])
            for rule, its, seconds, memory in measured(Path(folder), config, its_busy):
                whole = config
                if "dataset" in its:  # its name alone may speak of it
                    whole = configuration.with_dataset(config, its["experiment"], its["dataset"])
                found.append((rule, costs.JOBS[rule](whole, its), seconds, memory, whole, its))
    return found


def fitted(rows: list[tuple[dict, float]], enclosing: bool, between) -> dict:
    """Return {start, kind: {unit: rate}} of rows of (amounts, measured).

    enclosing: nothing measured is more than what is predicted; between(kind, unit): the bounds of a rate.
    """
    if not rows:
        return {}
    columns = sorted({(kind, unit) for amounts, _ in rows for kind, its in amounts.items() for unit in its})
    y = np.array([value for _, value in rows])
    weight = 1 / (y + 0.5)
    matrix = np.array(
        [[1.0, *(amounts.get(kind, {}).get(unit, 0.0) for kind, unit in columns)] for amounts, _ in rows]
    )
    scale = np.abs(matrix).max(axis=0)
    scale[scale == 0] = 1
    bounds = np.array([between("", "start"), *(between(kind, unit) for kind, unit in columns)]).T
    bounds[1] += 1e-9
    found = lsq_linear(matrix / scale * weight[:, None], y * weight, bounds * scale).x / scale
    if enclosing:
        found[0] += max(0.0, float((y - matrix @ found).max()))
    result: dict = {"start": number(found[0])}
    for (kind, unit), rate in zip(columns, found[1:], strict=True):
        result.setdefault(kind, {})[unit] = number(rate)
    return result


def bounds_of_seconds(rule: str, kept: dict):
    """Return what gives the bounds of a rate: what small runs cannot tell must not come out as nothing."""
    trained = kept["rules"].get("train", {}).get("seconds", {})

    def between(kind: str, unit: str) -> tuple[float, float]:
        if unit == "passes" and rule != "train":
            one = trained.get(kind, {}).get(unit, 0.0)
            return LEAST_PASS * one, MOST_PASS * one or np.inf
        if unit == "start":
            return LEAST_START.get(rule, 0.0), np.inf
        return SECONDS.get(rule, {}).get(unit, (0.0, np.inf))

    return between


def bounds_of_memory(rule: str):
    """Return what gives the bounds of a rate of memory."""
    return lambda kind, unit: MEMORY.get(rule, {}).get(unit, (0.0, np.inf))


def merged(old: dict, new: dict) -> dict:
    """Return what was fitted, over what was known of kinds and units that the runs do not have."""
    kinds = [kind for kind in {**old, **new} if kind != "start"]
    return {"start": new.get("start", old.get("start"))} | {
        kind: {**old.get(kind, {}), **new.get(kind, {})} for kind in kinds
    }


def number(value: float) -> float:
    """Return three digits of a number."""
    return float(f"{value:.3g}") if value > 1e-7 else 0.0


def check(found) -> None:
    """Print what is predicted of each rule beside what was measured."""
    rules = sorted({rule for rule, *_ in found})
    heads = ("jobs", "measured", "predicted", "ratio", "most MB", "margin")
    print(f"{'rule':20}", *(f"{head:>10}" for head in heads))
    totals = np.zeros(2)
    for rule in rules:
        its = [one for one in found if one[0] == rule and one[2]]
        pairs = [(costs.of(config, rule, wildcards), s, mb) for _, _, s, mb, config, wildcards in its]
        s, predicted = sum(p[1] for p in pairs), sum(p[0].seconds for p in pairs)
        margin = min((p[0].memory_mb / p[2] for p in pairs if p[2]), default=0)
        totals += s, predicted
        most = max(p[2] for p in pairs)
        row = (len(its), round(s, 1), round(predicted, 1), round(predicted / s, 2), round(most))
        print(f"{rule:20}", *(f"{one:10}" for one in (*row, round(margin, 2))))
    row = (len(found), *np.round(totals, 1), round(totals[1] / totals[0], 2))
    print(f"{'all':20}", *(f"{one:10}" for one in row))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", nargs="+", action="append", default=[], metavar="FOLDER CONFIG")
    parser.add_argument("--busy", nargs="+", action="append", default=[], metavar="FOLDER CONFIG")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    found = jobs(args.run, args.busy)
    if not args.check:
        kept = yaml.safe_load(COSTS.read_text())
        # Training first: a pass elsewhere takes a part of its time at least.
        for rule in sorted({rule for rule, *_ in found}, key=lambda rule: (rule != "train", rule)):
            its = [one for one in found if one[0] == rule]
            seconds = fitted(
                [(work.amounts, s) for _, work, s, *_ in its if s], False, bounds_of_seconds(rule, kept)
            )
            memory = fitted(
                [(work.held, mb) for _, work, _, mb, *_ in its if mb],
                True,
                bounds_of_memory(rule),
            )
            old = kept["rules"].get(rule, {"seconds": {}, "memory_mb": {}})
            kept["rules"][rule] = {
                "seconds": merged(old["seconds"], seconds),
                "memory_mb": merged(old["memory_mb"], memory),
            }
        write(kept)
        costs._file.cache_clear()
    check(found)


def write(content: dict) -> None:
    """Write coefficients below the comments that the file begins with."""
    lines = COSTS.read_text().splitlines()
    comments = [line for line in lines if line.startswith("#")]
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=110)
    COSTS.write_text("\n".join([*comments, text]))


if __name__ == "__main__":
    main()
