"""Which jobs a cluster gets as one: steps that take some minutes together, whichever rules they are of.

A unit of the run that is small is one submitted job: all of it, an experiment, its datasets, its networks,
one of them. What is larger is cut into smaller units, and a large dataset into the jobs that write its shards
and what comes before and after them. On one machine nothing of this matters: there every step is a job.
"""

from collections.abc import Mapping, Set

from gwsim import costs, networks, parts, stages

# Minutes of one core that are not worth more than one job: a job takes some ten seconds to start, and is seen
# to have ended late.
SMALL_MINUTES = 10
# What no step asks for more than, as sites commonly give no more.
MOST_MINUTES = 2 * 24 * 60

# Where the store of noise is no small unit. `strain` and `noise` have no order among them: profiles tell how
# many go together (`group-components`).
NOISE = {
    "strain": "strain",
    "segments": "segments",
    "noise_layout": "segments",
    "noise": "noise",
    "noise_finalise": "noise_finalise",
}
# Where a dataset is no small unit; the jobs that write shards are submitted one by one.
DATASET = {
    "draw": "before",
    "redraw": "before",
    "waveforms_layout": "before",
    "layout": "before",
    "signals_layout": "before",
    "waveforms_finalise": "bank",
    "signals_finalise": "signals",
    "finalise": "after",
    "quality": "after",
    "ingest": "after",
    "adopt": "after",
}
SHARDS = ("waveforms", "signals", "render")
# Of a network: what may need a GPU, and what follows.
LEARNING = costs.ON_GPU
PAGES = ("onnx", "figures", "compare", "exercise")


class Units:
    """The units of a run, and what they cost."""

    def __init__(self, config: dict, on_gpu: Set[str]):
        """Take the configuration, and which rules want a GPU: networks then have their own jobs."""
        self._on_gpu = on_gpu
        self._noise = _noise(config)
        names = config["experiments"]
        self._data = {name: _datasets(config, name) for name in names}
        self._networks = {name: _networks(config, name) for name in names}
        self._learning = {name: sum(self._networks[name].values()) for name in names}
        self._pages = {name: _pages(config, name) for name in names}
        # What single datasets take: each of the many jobs of a large one asks.
        self._known: dict[tuple[str, str], float] = {}

    def group(self, rule: str, wildcards: Mapping[str, str], config: dict) -> str:
        """Return the name of the submitted job that a job belongs to.

        The configuration is the run's, or that with a dataset which only its name tells of.
        """
        name = wildcards.get("experiment")
        if self._whole(rule, self._noise + sum(map(self._all_of, self._data))):
            return "run"
        if rule in NOISE:
            return "all_noise" if self._noise <= SMALL_MINUTES else NOISE[rule]
        if self._whole(rule, self._all_of(name)):
            return name
        if rule in PAGES:
            return f"{name}-pages"
        if rule in LEARNING:
            return self._of_network(rule, **wildcards)
        return self._of_dataset(rule, wildcards, config)

    def _all_of(self, experiment: str) -> float:
        """Return what an experiment takes (minutes)."""
        return self._data[experiment] + self._learning[experiment] + self._pages[experiment]

    def _whole(self, rule: str, minutes: float) -> bool:
        """Return whether a job is of a small unit that has all kinds of jobs."""
        return minutes <= SMALL_MINUTES and not (self._on_gpu and rule in LEARNING + PAGES)

    def _of_network(self, rule: str, experiment: str, network: str, seed: str) -> str:
        if self._on_gpu and not self._on_gpu >= set(LEARNING):  # steps that ask for different machines
            return f"{experiment}-{network}-{seed}-{rule}"
        if self._learning[experiment] <= SMALL_MINUTES:
            return f"{experiment}-networks"
        # What was trained for hours is not thrown away with what fails after it.
        long = self._networks[experiment][network] > SMALL_MINUTES
        return f"{experiment}-{network}-{seed}{'-train' if long and rule == 'train' else ''}"

    def _of_dataset(self, rule: str, wildcards: Mapping[str, str], config: dict) -> str:
        experiment, dataset = wildcards["experiment"], wildcards["dataset"]
        if self._data[experiment] <= SMALL_MINUTES:
            return f"{experiment}-data"
        unit = f"{experiment}-{dataset}"
        if (experiment, dataset) not in self._known:
            self._known[experiment, dataset] = _dataset(config, experiment, dataset)
        if self._known[experiment, dataset] <= SMALL_MINUTES:
            return unit
        return f"{unit}-{rule}-{wildcards['part']}" if rule in SHARDS else f"{unit}-{DATASET[rule]}"


def _minutes(config: dict, rule: str, **wildcards: str) -> float:
    return costs.of(config, rule, wildcards).seconds / 60


def _noise(config: dict) -> float:
    """Return what strain and noise of a run take (minutes)."""
    gps, noises = stages.gps_blocks(config), stages.noises(config)
    found = _minutes(config, "segments")
    for strain in stages.strains(config):
        ifos = {ifo for noise in noises.values() if noise["run"] == strain for ifo in noise["ifos"]}
        one = [_minutes(config, "strain", strain=strain, ifo=ifo, gps=str(gps[0])) for ifo in ifos]
        found += len(gps) * sum(one)
    for noise in noises:
        found += len(gps) * _minutes(config, "noise", noise=noise, gps=str(gps[0]))
        found += sum(_minutes(config, rule, noise=noise) for rule in ("noise_layout", "noise_finalise"))
    return found


def _datasets(config: dict, experiment: str) -> float:
    return sum(_dataset(config, experiment, one) for one in config["experiments"][experiment]["datasets"])


def _dataset(config: dict, experiment: str, dataset: str) -> float:
    """Return what a dataset takes, to its page (minutes)."""
    its = config["experiments"][experiment]
    of, where = its["datasets"][dataset], {"experiment": experiment, "dataset": dataset}
    kind = its["whiten"]
    if kind == stages.STORED:
        return _minutes(config, "adopt", **where)
    if kind == "given":
        return _minutes(config, "ingest", **where) + _minutes(config, "quality", **where)
    rules = ["redraw" if "of" in of else "draw", "layout", "finalise", "quality"]
    stores = ["render"]
    if stages.banked(its) and "of" not in of:
        rules += ["waveforms_layout", "waveforms_finalise"]
        stores += ["waveforms"]
    found = sum(_minutes(config, rule, **where) for rule in rules)
    for rule in stores:
        for part in parts.names(config, experiment, dataset, rule):
            found += _minutes(config, rule, part=part, **where)
    return found


def _networks(config: dict, experiment: str) -> dict[str, float]:
    """Return what each network of an experiment takes, all its seeds, to its explorer (minutes)."""
    recipes = config["experiments"][experiment].get("networks", {})
    return {name: sum(_of_network(config, experiment, name, recipe)) for name, recipe in recipes.items()}


def _of_network(config: dict, experiment: str, name: str, recipe: dict):
    its = config["experiments"][experiment]
    whole = networks.shown(recipe) and not stages.stored(its)
    rules = ("train",) if "exercise" in its else LEARNING if whole else ("train", "evaluate")
    for seed in recipe["seeds"]:
        where = {"experiment": experiment, "network": name, "seed": str(seed)}
        yield sum(_minutes(config, rule, **where) for rule in rules)


def _pages(config: dict, experiment: str) -> float:
    """Return what an experiment's figures, exports and exercise take (minutes)."""
    its, found = config["experiments"][experiment], 0.0
    if "exercise" in its:
        return _minutes(config, "exercise", experiment=experiment)
    rules = ("onnx",) if stages.stored(its) else ("onnx", "figures")
    for name, recipe in its.get("networks", {}).items():
        for seed in recipe["seeds"] if networks.shown(recipe) else []:
            where = {"experiment": experiment, "network": name, "seed": str(seed)}
            found += sum(_minutes(config, rule, **where) for rule in rules)
    compared = found and not stages.stored(its)
    return found + (_minutes(config, "compare", experiment=experiment) if compared else 0)
