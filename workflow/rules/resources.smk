# What jobs need of a machine. The only place for it; retries stand in profiles.

# Shards that one render job writes: few, long jobs.
SHARDS_PER_JOB = 4


def strain_mb(wildcards, attempt):
    return 1500 * attempt


def noise_mb(wildcards, attempt):
    return 2000 * attempt


def render_mb(wildcards, attempt):
    return 2000 * attempt


def small_mb(wildcards, attempt):
    return 1000 * attempt


def short_minutes(wildcards, attempt):
    return 20 * attempt


def render_minutes(wildcards, attempt):
    return 60 * attempt
