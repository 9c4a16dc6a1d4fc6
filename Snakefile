from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.basedir}/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/settings.smk"
include: "workflow/rules/fetch.smk"
include: "workflow/rules/strain.smk"
include: "workflow/rules/segments.smk"
include: "workflow/rules/noise.smk"
include: "workflow/rules/draw.smk"
include: "workflow/rules/waveforms.smk"
include: "workflow/rules/signals.smk"
include: "workflow/rules/render.smk"
include: "workflow/rules/ingest.smk"
include: "workflow/rules/adopt.smk"
include: "workflow/rules/quality.smk"
include: "workflow/rules/networks.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/explain.smk"
include: "workflow/rules/embed.smk"
include: "workflow/rules/exercise.smk"
include: "workflow/rules/explorer.smk"
include: "workflow/rules/report.smk"


localrules:
    all,
    settings,
    fetch_plan,
    fetch,
    lock,
    report,


onstart:
    refuse_cluster()


rule all:
    default_target: True
    input:
        everything(),
