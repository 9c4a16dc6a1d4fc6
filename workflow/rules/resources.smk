# What jobs need of a machine, and which are submitted to a cluster as one; gwsim/costs.py tells what was measured.
# The only place for it: retries stand in profiles.
import math

from gwsim import costs, submitted

# A job asks for half as much memory again as it was measured to take, and for what Snakemake takes beside it (MB).
MEMORY_MARGIN, MEMORY_BESIDE = 1.5, 600

# A step asks for three times as long as it was measured to take, and for the start of its programs (minutes); for no
# more than sites commonly give. A training that has not ended then goes on in the next attempt.
TIME_MARGIN, TIME_BESIDE = 3, 2

# Of jobs that others wait for: pages and figures can fill what cores are left.
FIRST = 1

# GPUs of a job that computes with a network. Without one it takes what it finds, with `--set-resources train:gpu=1`
# it demands it.
GPUS = 0

# Threads of a network on a CPU. Sums of several threads differ in their last bits from those of one.
LEARN_THREADS = 1

# Memory for examples that training has read once already (MiB).
KEEP_MIB = 1024

# Where fetched files lie, for all runs; `--set-resources fetch:cache=/scratch/gwosc` names another folder.
CACHE = "gwosc"

# Seconds without a byte after which a download gives up: a night's maintenance of the site.
PATIENCE = 6 * 3600

# Downloads from GWOSC at once, on a cluster too.
workflow.global_resources.setdefault("gwosc", 4)

# A job of a cluster that has several steps runs so many of them at once, on one GPU at most. Stated here and by the
# profile's default resources, since Snakemake tells its jobs nothing of a profile's `resources`.
if workflow.resource_settings.nodes is not None or workflow.remote_exec:
    stated = workflow.resource_settings.default_resources or {}
    lanes = stated["lanes_of_a_job"].value if "lanes_of_a_job" in stated.keys() else 4
    workflow.global_resources.setdefault("lanes", lanes)
    workflow.global_resources.setdefault("gpu", 1)

# Rules that are to run on a GPU. Their networks have jobs of their own.
ON_GPU = {
    name
    for name, asked in workflow.resource_settings.overwrite_resources.items()
    if asked.get("gpu").value
}
UNITS = submitted.Units(config, ON_GPU)


def configured(wildcards):
    """Return the configuration, with the dataset that a target's name speaks of."""
    if hasattr(wildcards, "dataset"):
        return having(wildcards.experiment, wildcards.dataset)
    return config


def cost(rule, wildcards):
    """Return what a job of a rule costs."""
    device = "cuda" if rule in ON_GPU else "cpu"
    return costs.of(configured(wildcards), rule, dict(wildcards.items()), device)


def memory(rule):
    """Return how a rule's jobs ask for memory (MB): more each time."""

    def asked(wildcards, attempt):
        its = cost(rule, wildcards).memory_mb
        return attempt * math.ceil(its * MEMORY_MARGIN + MEMORY_BESIDE)

    return asked


def minutes(rule):
    """Return how a rule's jobs ask for time: more each time."""

    def asked(wildcards, attempt):
        its = cost(rule, wildcards).seconds / 60
        return min(
            submitted.MOST_MINUTES, attempt * math.ceil(its * TIME_MARGIN + TIME_BESIDE)
        )

    return asked


def fetch_minutes(wildcards, attempt):
    return 600 * attempt


def together(rule):
    """Return how a rule's jobs tell which submitted job they belong to."""

    def named(wildcards):
        name = UNITS.group(rule, dict(wildcards.items()), configured(wildcards))
        # Steps of a unit that have no order among them are one job too: profiles speak of all units as `unit`.
        if name != rule:
            workflow.parent_groupids[name] = "unit"
        return name

    return named
