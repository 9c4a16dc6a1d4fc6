# REQUIRED INPUTS:
#     results/EXPERIMENT/DATASET/systems.parquet      one row per source
# OUTPUTS:
#     results/EXPERIMENT/DATASET/bank/data.zarr       one row a system: quadrupole (component, time), or
#                                                     polarisations (polarisation, time); or curves of all systems
#     results/EXPERIMENT/DATASET/bank/systems.parquet the systems as they were realised
#     results/EXPERIMENT/DATASET/bank/manifest.json   sha256 of every file of it


rule waveforms_layout:
    input:
        settings="results/config/{experiment}/{dataset}/waveforms.json",
        systems="results/{experiment}/{dataset}/systems.parquet",
        code=code_of_signals("waveforms_layout"),
    output:
        layout="results/{experiment}/{dataset}/bank/shards.zarr/zarr.json",
    log:
        "logs/waveforms/{experiment}-{dataset}-layout.log",
    benchmark:
        "logs/benchmarks/waveforms_layout/{experiment}-{dataset}.tsv"
    priority: FIRST
    group:
        together("waveforms_layout")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("waveforms_layout"),
        runtime=minutes("waveforms_layout"),
        lanes=1,
    message:
        "layout of the bank of {wildcards.experiment} {wildcards.dataset}"
    shell:
        "gwsim waveforms_layout {output.layout} --settings {input.settings} --systems {input.systems} 2> {log}"


rule waveforms:
    input:
        settings="results/config/{experiment}/{dataset}/waveforms.json",
        systems="results/{experiment}/{dataset}/systems.parquet",
        layout="results/{experiment}/{dataset}/bank/shards.zarr/zarr.json",
        files=waveform_files,
        code=code_of_signals("waveforms"),
    output:
        record="results/{experiment}/{dataset}/bank/parts/{part}.json",
    log:
        "logs/waveforms/{experiment}-{dataset}-{part}.log",
    benchmark:
        "logs/benchmarks/waveforms/{experiment}-{dataset}-{part}.tsv"
    priority: FIRST
    group:
        together("waveforms")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("waveforms"),
        runtime=minutes("waveforms"),
        lanes=1,
    message:
        "bank of {wildcards.experiment} {wildcards.dataset}, shards {wildcards.part}"
    shell:
        "gwsim waveforms --settings {input.settings} --systems {input.systems} --layout {input.layout} "
        "--part {wildcards.part} --record {output.record} 2> {log}"


rule waveforms_finalise:
    input:
        settings="results/config/{experiment}/{dataset}/waveforms.json",
        systems="results/{experiment}/{dataset}/systems.parquet",
        layout="results/{experiment}/{dataset}/bank/shards.zarr/zarr.json",
        parts=bank_parts,
        code=code_of_signals("waveforms_finalise"),
    output:
        store=directory("results/{experiment}/{dataset}/bank/data.zarr"),
        systems="results/{experiment}/{dataset}/bank/systems.parquet",
        manifest="results/{experiment}/{dataset}/bank/manifest.json",
    log:
        "logs/waveforms/{experiment}-{dataset}-finalise.log",
    benchmark:
        "logs/benchmarks/waveforms_finalise/{experiment}-{dataset}.tsv"
    priority: FIRST
    group:
        together("waveforms_finalise")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("waveforms_finalise"),
        runtime=minutes("waveforms_finalise"),
        lanes=1,
    message:
        "bank of {wildcards.experiment} {wildcards.dataset}, finished"
    shell:
        "gwsim waveforms_finalise {input.layout} --settings {input.settings} --systems {input.systems} 2> {log}"
