# What jobs need of a machine. The only place for it; retries stand in profiles.

# Shards that one render job writes: few, long jobs.
SHARDS_PER_JOB = 4

# Shards of a bank that one job makes: half a minute of binaries.
BANK_SHARDS_PER_JOB = 8

# Of jobs that others wait for: pages and figures can fill what cores are left.
FIRST = 1

# Where networks run: auto takes a GPU where there is one. `--set-resources train:device=cuda` demands it.
DEVICE = "auto"

# Threads of a network on a CPU. Sums of several threads differ in their last bits from those of one.
LEARN_THREADS = 1

# Memory for examples that training has read once already (MiB).
KEEP_MIB = 1024

# Where fetched files lie, for all runs; `--set-resources fetch:cache=/scratch/gwosc` names another folder.
CACHE = "gwosc"

# Seconds without a byte after which a download gives up: a night's maintenance of the site.
PATIENCE = 6 * 3600


def strain_mb(wildcards, attempt):
    return 1500 * attempt


def noise_mb(wildcards, attempt):
    return 2000 * attempt


def render_mb(wildcards, attempt):
    return 2000 * attempt


def learn_mb(wildcards, attempt):
    return 6000 * attempt


def small_mb(wildcards, attempt):
    return 1000 * attempt


def short_minutes(wildcards, attempt):
    return 20 * attempt


def fetch_minutes(wildcards, attempt):
    return 600 * attempt


def render_minutes(wildcards, attempt):
    return 60 * attempt


def train_minutes(wildcards, attempt):
    return 240 * attempt
