# The configuration, checked, and each stage's own part of it; names of jobs that the rules share.
import json
import os
import re
import sys
from functools import cache
from glob import glob
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT))

from gwsim import configuration, loudness, networks, parts, provenance, stages
from gwsim.errors import GwsimError
from gwsim.waveforms import columns

config = configuration.pruned(config)
try:
    # Jobs of a cluster start Snakemake anew, with the same configuration.
    if workflow.is_main_process:
        configuration.check(config)
except GwsimError as error:
    raise WorkflowError(str(error)) from None

RUN = config["run"]
# A card has its configuration in the user's order, on which the order of classes and of splits rests.
SETTINGS = {
    name: json.dumps(part, sort_keys=Path(name).name != "card")
    for name, part in stages.settings(config).items()
}
GPS = stages.gps_blocks(config)
DATASETS = {
    f"{experiment}/{dataset}": (content, content["datasets"][dataset])
    for experiment, content in config["experiments"].items()
    for dataset in content["datasets"]
}


# Experiments whose pictures are given, whose stores are, and those that are drawn and rendered: as regular expressions.
GIVEN, STORED, MADE = (
    "|".join(
        name
        for name, content in config["experiments"].items()
        if (content["whiten"] if content["whiten"] in ("given", "stored") else "made")
        == kind
    )
    or "(?!)"
    for kind in ("given", "stored", "made")
)
# Datasets that are another one's but for their loudness, by the configuration or by their name, and the rest.
REDRAWN = "|".join(
    [
        *(
            f"(?<=results/{experiment}/){dataset}"
            for experiment, content in config["experiments"].items()
            for dataset, its in content["datasets"].items()
            if "of" in its
        ),
        "[A-Za-z0-9_]+-[^/]*",
    ]
)
DRAWN = f"(?!(?:{REDRAWN})/)[^/]+"
# Strain of this run by its sampling rate, and stores of its noise.
STRAINS, NOISES = stages.strains(config), stages.noises(config)


wildcard_constraints:
    ifo="[A-Z][0-9]",
    gps="[0-9]+",
    strain="|".join(re.escape(name) for name in STRAINS),
    noise="|".join(re.escape(name) for name in NOISES),
    # Folders of stages beside those of experiments.
    experiment="(?!(?:config|strain|segments|noise)/)[a-z0-9_]+",
    # What a name with a hyphen says is looked at by `dataset_of`, which tells what would be understood.
    dataset="[A-Za-z0-9_]+(?:-[^/]*)?",
    part="[0-9]+-[0-9]+",


def code(verb):
    """Return the files of this package that a verb rests on: editing one reruns its rule."""
    # Relative, so that a checkout that moves with its results reruns nothing.
    return [os.path.relpath(path) for path in provenance.closure(f"gwsim.cli.{verb}")]


def code_of_signals(verb):
    """Return what gives a verb's files for an experiment: those of other sources of signals are not among them."""

    def files(wildcards):
        experiment = config["experiments"][wildcards.experiment]
        glitches = any("glitches" in one for one in experiment["datasets"].values())
        others = columns.others(experiment["waveforms"]["source"], glitches)
        found = provenance.closure(f"gwsim.cli.{verb}", others)
        return [os.path.relpath(path) for path in found]

    return files


@cache
def having(experiment, dataset):
    """Return the configuration with a dataset that stands in it, or whose name says of which one it is."""
    if experiment not in config["experiments"]:
        known = ", ".join(DATASETS)
        raise WorkflowError(
            f"no dataset results/{experiment}/{dataset}: expected one of {known}"
        )
    try:
        return configuration.with_dataset(config, experiment, dataset)
    except GwsimError as error:
        raise WorkflowError(str(error)) from None


def dataset_of(wildcards):
    """Return the experiment and the dataset that a target's name speaks of."""
    name, dataset = wildcards.experiment, wildcards.dataset
    experiment = having(name, dataset)["experiments"][name]
    return experiment, experiment["datasets"][dataset]


def drawn_as(wildcards):
    """Return the folder of the dataset whose draws one has: its own, or that of which it is at another loudness."""
    dataset = dataset_of(wildcards)[1].get("of", wildcards.dataset)
    return f"results/{wildcards.experiment}/{dataset}"


def drawn_before(wildcards):
    """Return the table in which a dataset's loudness is replaced."""
    return f"{drawn_as(wildcards)}/draw.parquet"


def settings_of(wildcards):
    """Return one stage's settings as JSON."""
    return settings_at(wildcards.name)


@cache
def settings_at(path):
    """Return the settings at a path below results/config, also of a dataset that its name alone speaks of."""
    if path in SETTINGS:
        return SETTINGS[path]
    experiment, _, rest = path.partition("/")
    dataset, _, stage = rest.partition("/")
    found = {}
    if experiment in config["experiments"] and stage:
        its = having(experiment, dataset)
        found = stages.dataset_settings(its, experiment, dataset)
    if stage not in found:
        known = [*SETTINGS, *(f"{experiment}/{dataset}/{one}" for one in found)]
        raise WorkflowError(f"no settings {path}: expected one of {', '.join(known)}")
    return json.dumps(found[stage], sort_keys=stage != "card")


def planned(name=RUN):
    """Return the plan of what is fetched; none for other sources."""
    fetched = config["strain"]["source"] == "gwosc"
    return f"results/strain/{name}/plan.json" if fetched else []


def named_plan(name=RUN):
    """Return the plan or lock that the configuration names, for strain that is fetched at the run's rate."""
    named = name == RUN and planned()
    return config["strain"]["gwosc"].get("plan", []) if named else []


def plan_of_lock(wildcards):
    """Return the plan that a lock is of."""
    return planned(wildcards.strain)


def named_plan_of_lock(wildcards):
    """Return the plan or lock that it is held against."""
    return named_plan(wildcards.strain)


def receipts(wildcards):
    """Return the receipts of all files of some strain."""
    ifos = {
        ifo
        for noise in NOISES.values()
        if noise["run"] == wildcards.strain
        for ifo in noise["ifos"]
    }
    return expand(
        "results/strain/{{strain}}/fetched/{ifo}-{gps}.json", ifo=sorted(ifos), gps=GPS
    )


def plan_of_block(wildcards):
    """Return the plan; a newer one says nothing new to a block whose files have been fetched."""
    plan = planned(wildcards.strain)
    receipt = Path(
        f"results/strain/{wildcards.strain}/fetched/{wildcards.ifo}-{wildcards.gps}.json"
    )
    fetched = receipt.is_file() and json.loads(receipt.read_text())["files"]
    return ancient(plan) if fetched else plan


def noise_records(wildcards):
    """Return the records of the strain that one GPS block of a store of noise is made of."""
    noise = NOISES[wildcards.noise]
    return expand(
        "results/strain/{strain}/{ifo}-{gps}.json",
        strain=noise["run"],
        ifo=noise["ifos"],
        gps=wildcards.gps,
    )


def noise_of(wildcards):
    """Return the manifest of the noise that an experiment uses, if it uses any."""
    experiment = config["experiments"][wildcards.experiment]
    if not stages.of_strain(experiment):
        return []
    return f"results/noise/{stages.noise_of(config, experiment)}/manifest.json"


def bank_of(wildcards):
    """Return the manifest of a dataset's bank, or its systems where signals need none."""
    experiment, _ = dataset_of(wildcards)
    if experiment["whiten"] == "given":
        return []
    name = "bank/manifest.json" if stages.banked(experiment) else "systems.parquet"
    return f"{drawn_as(wildcards)}/{name}"


def rendered_from(wildcards):
    """Return what has a dataset's signals: its bank, or at another loudness those that are kept."""
    experiment, dataset = dataset_of(wildcards)
    if "of" in dataset and stages.signals_kept(experiment):
        return f"{drawn_as(wildcards)}/signals/manifest.json"
    return bank_of(wildcards)


def segments_of(wildcards):
    """Return the PSD blocks of a dataset's noise; none for given pictures and toys."""
    alone = dataset_of(wildcards)[0]["whiten"] in ("given", "none")
    return [] if alone else f"results/segments/{RUN}/segments.json"


def systems_of(wildcards):
    """Return the table of a dataset's systems, as they were realised."""
    experiment, _ = dataset_of(wildcards)
    folder = "bank/" if stages.banked(experiment) else ""
    return f"{drawn_as(wildcards)}/{folder}systems.parquet"


def everything():
    """Return what a run ends with: its datasets and their page, the lock, or the noise where nothing uses it."""
    used = {
        stages.strain_of(config, stages.sample_rate(config, one))
        for one in config["experiments"].values()
        if stages.of_strain(one)
    }
    # Segments are of the run's own strain; toys alone have none.
    used |= {RUN} if used or not DATASETS else set()
    locks = (
        [f"results/strain/{name}/lock.json" for name in sorted(used)]
        if planned()
        else []
    )
    if not DATASETS:
        return [f"results/noise/{RUN}/manifest.json", *locks]
    return [
        *(f"results/{name}/data.zarr" for name in DATASETS),
        *(f"results/{name}/{file}" for name in THEIRS for file in OF_THEIRS),
        "results/index.html",
        *locks,
    ]


def strain_files(wildcards):
    """Return the files that strain is read or simulated from: an edited one reruns everything after it."""
    strain = config["strain"]
    if strain["source"] == "gwosc":
        return f"results/strain/{wildcards.strain}/fetched/{wildcards.ifo}-{wildcards.gps}.json"
    if strain["source"] == "files":
        return sorted(path for pattern in strain["files"] for path in glob(pattern))
    psd = strain["simulated"]["psd"]
    names = psd.values() if isinstance(psd, dict) else [psd]
    return [name for name in names if Path(name).is_file()]


def refuse_other_runs():
    """Refuse to write over datasets that another run of this folder made."""
    named = {Path(f"results/config/{name}/card.json") for name in DATASETS}
    # Those that were made by their names alone.
    others = (
        Path("results/config").glob(f"{name}/*-*/card.json")
        for name in config["experiments"]
    )
    for card in sorted(named.union(*others)):
        made = json.loads(card.read_text())["run"] if card.is_file() else RUN
        if made != RUN:
            name = card.parent.relative_to("results/config")
            raise WorkflowError(
                f"results/{name} belongs to run '{made}', this configuration is run '{RUN}': "
                "work in another folder (--directory FOLDER), or remove results/ first"
            )


def waveform_files(wildcards):
    """Return the files that a dataset's waveforms are read from."""
    experiment, _ = dataset_of(wildcards)
    models = experiment["waveforms"]["models"]
    models = models.values() if isinstance(models, dict) else []
    tables = (
        [experiment["waveforms"]["path"]] if "path" in experiment["waveforms"] else []
    )
    return tables + [
        spec["path"] for spec in models if "path" in spec and spec != "surrogate"
    ]


def given_set(wildcards):
    """Return where given pictures stand, and their table."""
    its = dataset_of(wildcards)[0]["waveforms"]
    return [its[name] for name in ("path", "table") if name in its]


def foreign_folder(wildcards):
    """Return where a store that others made stands."""
    path = Path(dataset_of(wildcards)[1]["store"])
    return path if (path / "zarr.json").is_file() else path / "data.zarr"


def foreign_store(wildcards):
    """Return the metadata of a store that others made, and its manifest: another edition is taken in anew."""
    folder = foreign_folder(wildcards)
    beside = [folder.parent / "manifest.json"] if folder.name == "data.zarr" else []
    return [
        folder / "zarr.json",
        *sorted(folder.glob("*/zarr.json")),
        *(one for one in beside if one.is_file()),
    ]


def part_names(wildcards, rule):
    """Return the names of the jobs that write the shards of a dataset's bank, signals or examples."""
    its = having(wildcards.experiment, wildcards.dataset)
    return parts.names(its, wildcards.experiment, wildcards.dataset, rule)


def bank_parts(wildcards):
    """Return the records of all jobs that write a dataset's bank."""
    return expand(
        "results/{{experiment}}/{{dataset}}/bank/parts/{part}.json",
        part=part_names(wildcards, "waveforms"),
    )


def render_parts(wildcards):
    """Return the records of all jobs that render a dataset."""
    return expand(
        "results/{{experiment}}/{{dataset}}/parts/{part}.json",
        part=part_names(wildcards, "render"),
    )


def signal_parts(wildcards):
    """Return the records of all jobs that keep a dataset's signals."""
    return expand(
        "results/{{experiment}}/{{dataset}}/signals/parts/{part}.json",
        part=part_names(wildcards, "signals"),
    )


def refuse_other_strain():
    """Refuse a named plan or lock from which the strain that this folder has differs."""
    made = [Path(f"results/strain/{RUN}/{name}.json") for name in ("lock", "plan")]
    made = [path for path in made if path.is_file()]
    if made and named_plan():
        from gwsim.gwosc import lock, plan

        here, named = plan.load(made[0]), plan.load(named_plan())
        try:
            # One of other settings is about to be made anew.
            if here["asked"] == named["asked"]:
                lock.hold(here, named, named_plan())
        except GwsimError as error:
            raise WorkflowError(str(error)) from None


def refuse_cluster():
    """Refuse what SLURM cannot give, before anything is submitted."""
    from gwsim import cluster

    if workflow.executor_plugin.name != "slurm":
        return
    its = workflow.resource_settings
    asked, stated = {}, set()
    for job in workflow.dag.needrun_jobs():
        if job.rule.name not in asked and not job.is_local:
            asked[job.rule.name] = dict(job.resources.items())
    for one in workflow.rules:
        stated.update(
            set(one.resources).difference(its.overwrite_resources.get(one.name, ()))
        )
    default = its.default_resources or {}
    try:
        cluster.refuse_names(
            default,
            its.overwrite_resources,
            {one.name for one in workflow.rules},
            stated - set(default),
        )
        cluster.refuse(asked, cluster.partitions())
        cluster.remember_settings(sys.modules["snakemake_executor_plugin_slurm"])
        outlast_killed_run()
    except GwsimError as error:
        raise WorkflowError(str(error)) from None


def outlast_killed_run():
    """Wait for jobs that a killed run has in SLURM, then begin anew: what is to be done has changed."""
    from gwsim import cluster

    if not cluster.outlast(Path.cwd(), logger.info):
        return
    logger.info("They have ended: beginning anew, to see what is left to be done.")
    workflow.persistence.unlock()
    os.chdir(workflow.rundir)  # which --directory may have left
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


refuse_other_runs()
refuse_other_strain()
