# REQUIRED INPUTS:
#     a folder of pictures, or an HDF5 file                   given by the configuration
# OUTPUTS:
#     results/EXPERIMENT/DATASET/data.zarr        qscan (sample, duration, frequency, time), columns
#     results/EXPERIMENT/DATASET/table.parquet    one row per glitch
#     results/EXPERIMENT/DATASET/manifest.json    sha256 of every file
#     results/EXPERIMENT/DATASET/croissant.json   and CITATION.cff, datacite.json, .zenodo.json: who made it,
#                                                 what it is, and what to cite


rule ingest:
    input:
        settings="results/config/{experiment}/{dataset}/ingest.json",
        card="results/config/{experiment}/{dataset}/card.json",
        set=given_set,
        code=code_of_signals("ingest"),
    output:
        store=directory("results/{experiment}/{dataset}/data.zarr"),
        table="results/{experiment}/{dataset}/table.parquet",
        manifest="results/{experiment}/{dataset}/manifest.json",
        croissant="results/{experiment}/{dataset}/croissant.json",
        citation="results/{experiment}/{dataset}/CITATION.cff",
        datacite="results/{experiment}/{dataset}/datacite.json",
        zenodo="results/{experiment}/{dataset}/.zenodo.json",
    log:
        "logs/ingest/{experiment}-{dataset}.log",
    benchmark:
        "logs/benchmarks/ingest/{experiment}-{dataset}.tsv"
    wildcard_constraints:
        experiment=GIVEN,
    group:
        together("ingest")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("ingest"),
        runtime=minutes("ingest"),
        lanes=1,
    params:
        folder="results/{experiment}/{dataset}",
    message:
        "pictures of {wildcards.experiment} {wildcards.dataset}"
    shell:
        "gwsim ingest {params.folder} --settings {input.settings} --card {input.card} 2> {log}"
