# REQUIRED INPUTS:
#     a store that others made                    given by the configuration, laid out as docs/store.md says
# OUTPUTS:
#     results/EXPERIMENT/DATASET/data.zarr        the same store, its files linked
#     results/EXPERIMENT/DATASET/table.parquet    its columns, one row per example
#     results/EXPERIMENT/DATASET/manifest.json    sha256 of every file


rule adopt:
    input:
        settings="results/config/{experiment}/{dataset}/adopt.json",
        card="results/config/{experiment}/{dataset}/card.json",
        store=foreign_store,
        code=code_of_signals("adopt"),
    output:
        store=directory("results/{experiment}/{dataset}/data.zarr"),
        table="results/{experiment}/{dataset}/table.parquet",
        manifest="results/{experiment}/{dataset}/manifest.json",
    log:
        "logs/adopt/{experiment}-{dataset}.log",
    benchmark:
        "logs/benchmarks/adopt/{experiment}-{dataset}.tsv"
    wildcard_constraints:
        experiment=STORED,
    group:
        together("adopt")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("adopt"),
        runtime=minutes("adopt"),
        lanes=1,
    params:
        folder="results/{experiment}/{dataset}",
        path=foreign_folder,
    message:
        "taking in {wildcards.experiment} {wildcards.dataset}, which others made"
    shell:
        "gwsim adopt {params.path:q} {params.folder} --settings {input.settings} 2> {log}"
