# REQUIRED INPUTS:
#     results/EXPERIMENT/DATASET/draw.parquet         one row per example
#     results/noise/NOISE/manifest.json               noise, whitened or as it is, of all but toys
#     results/EXPERIMENT/DATASET/bank/manifest.json   waveforms, or systems.parquet where they need no bank
#     results/EXPERIMENT/OTHER/signals/manifest.json  the same whitened, of a dataset that is another one's, if kept
# OUTPUTS:
#     results/EXPERIMENT/DATASET/data.zarr            strain (sample, ifo, time),
#                                                     spectrogram (sample, ifo, frequency, frame), columns; or
#                                                     qscan (sample, duration, frequency, time), columns; or
#                                                     picture (sample, row, column), columns
#     results/EXPERIMENT/DATASET/table.parquet        the table with realised SNRs
#     results/EXPERIMENT/DATASET/manifest.json        sha256 of every file
#     results/EXPERIMENT/DATASET/croissant.json       and CITATION.cff, datacite.json, .zenodo.json: who made
#                                                     it, what it is, and what to cite


rule layout:
    input:
        settings="results/config/{experiment}/{dataset}/render.json",
        code=code_of_signals("layout"),
    output:
        layout="results/{experiment}/{dataset}/shards.zarr/zarr.json",
    log:
        "logs/render/{experiment}-{dataset}-layout.log",
    benchmark:
        "logs/benchmarks/layout/{experiment}-{dataset}.tsv"
    priority: FIRST
    group:
        together("layout")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("layout"),
        runtime=minutes("layout"),
        lanes=1,
    message:
        "layout of {wildcards.experiment} {wildcards.dataset}"
    shell:
        "gwsim layout {output.layout} --settings {input.settings} 2> {log}"


rule render:
    input:
        settings="results/config/{experiment}/{dataset}/render.json",
        table="results/{experiment}/{dataset}/draw.parquet",
        noise=noise_of,
        bank=rendered_from,
        layout="results/{experiment}/{dataset}/shards.zarr/zarr.json",
        code=code_of_signals("render"),
    output:
        record="results/{experiment}/{dataset}/parts/{part}.json",
    log:
        "logs/render/{experiment}-{dataset}-{part}.log",
    benchmark:
        "logs/benchmarks/render/{experiment}-{dataset}-{part}.tsv"
    priority: FIRST
    group:
        together("render")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("render"),
        runtime=minutes("render"),
        lanes=1,
    message:
        "examples of {wildcards.experiment} {wildcards.dataset}, shards {wildcards.part}"
    shell:
        "gwsim render --settings {input.settings} --table {input.table} --noise {input.noise} "
        "--bank {input.bank} --layout {input.layout} --part {wildcards.part} --record {output.record} 2> {log}"


rule finalise:
    input:
        settings="results/config/{experiment}/{dataset}/render.json",
        card="results/config/{experiment}/{dataset}/card.json",
        table="results/{experiment}/{dataset}/draw.parquet",
        noise=noise_of,
        systems=systems_of,
        layout="results/{experiment}/{dataset}/shards.zarr/zarr.json",
        parts=render_parts,
        code=code_of_signals("finalise"),
    output:
        store=directory("results/{experiment}/{dataset}/data.zarr"),
        table="results/{experiment}/{dataset}/table.parquet",
        manifest="results/{experiment}/{dataset}/manifest.json",
        croissant="results/{experiment}/{dataset}/croissant.json",
        citation="results/{experiment}/{dataset}/CITATION.cff",
        datacite="results/{experiment}/{dataset}/datacite.json",
        zenodo="results/{experiment}/{dataset}/.zenodo.json",
    log:
        "logs/render/{experiment}-{dataset}-finalise.log",
    benchmark:
        "logs/benchmarks/finalise/{experiment}-{dataset}.tsv"
    wildcard_constraints:
        experiment=MADE,
    priority: FIRST
    group:
        together("finalise")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("finalise"),
        runtime=minutes("finalise"),
        lanes=1,
    message:
        "{wildcards.experiment} {wildcards.dataset}, finished"
    shell:
        "gwsim finalise {input.layout} --settings {input.settings} --table {input.table} "
        "--noise {input.noise} --systems {input.systems} --card {input.card} 2> {log}"
