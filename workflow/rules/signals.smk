# REQUIRED INPUTS:
#     results/EXPERIMENT/DATASET/draw.parquet             one row per example
#     results/noise/NOISE/manifest.json                   PSDs and filters
#     results/EXPERIMENT/DATASET/bank/manifest.json       waveforms
# OUTPUTS:
#     results/EXPERIMENT/DATASET/signals/data.zarr        signal (sample, ifo, time), whitened, at 1 kpc
#     results/EXPERIMENT/DATASET/signals/table.parquet    the table but for loudness, with SNRs at 1 kpc
#     results/EXPERIMENT/DATASET/signals/manifest.json    sha256 of every file of it
#
# Only a dataset at another loudness asks for them, where `render: {keep_signals: true}`.


rule signals_layout:
    input:
        settings="results/config/{experiment}/{dataset}/signals.json",
        code=code_of_signals("signals_layout"),
    output:
        layout="results/{experiment}/{dataset}/signals/shards.zarr/zarr.json",
    log:
        "logs/signals/{experiment}-{dataset}-layout.log",
    benchmark:
        "logs/benchmarks/signals_layout/{experiment}-{dataset}.tsv"
    wildcard_constraints:
        dataset=DRAWN,
    priority: FIRST
    group:
        together("signals_layout")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("signals_layout"),
        runtime=minutes("signals_layout"),
        lanes=1,
    message:
        "layout of the signals of {wildcards.experiment} {wildcards.dataset}"
    shell:
        "gwsim signals_layout {output.layout} --settings {input.settings} 2> {log}"


rule signals:
    input:
        settings="results/config/{experiment}/{dataset}/signals.json",
        table="results/{experiment}/{dataset}/draw.parquet",
        noise=noise_of,
        bank=bank_of,
        layout="results/{experiment}/{dataset}/signals/shards.zarr/zarr.json",
        code=code_of_signals("signals"),
    output:
        record="results/{experiment}/{dataset}/signals/parts/{part}.json",
    log:
        "logs/signals/{experiment}-{dataset}-{part}.log",
    benchmark:
        "logs/benchmarks/signals/{experiment}-{dataset}-{part}.tsv"
    wildcard_constraints:
        dataset=DRAWN,
    priority: FIRST
    group:
        together("signals")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("signals"),
        runtime=minutes("signals"),
        lanes=1,
    message:
        "signals of {wildcards.experiment} {wildcards.dataset}, shards {wildcards.part}"
    shell:
        "gwsim signals --settings {input.settings} --table {input.table} --noise {input.noise} "
        "--bank {input.bank} --layout {input.layout} --part {wildcards.part} --record {output.record} 2> {log}"


rule signals_finalise:
    input:
        settings="results/config/{experiment}/{dataset}/signals.json",
        table="results/{experiment}/{dataset}/draw.parquet",
        noise=noise_of,
        bank=bank_of,
        layout="results/{experiment}/{dataset}/signals/shards.zarr/zarr.json",
        parts=signal_parts,
        code=code_of_signals("signals_finalise"),
    output:
        store=directory("results/{experiment}/{dataset}/signals/data.zarr"),
        table="results/{experiment}/{dataset}/signals/table.parquet",
        manifest="results/{experiment}/{dataset}/signals/manifest.json",
    log:
        "logs/signals/{experiment}-{dataset}-finalise.log",
    benchmark:
        "logs/benchmarks/signals_finalise/{experiment}-{dataset}.tsv"
    wildcard_constraints:
        dataset=DRAWN,
    priority: FIRST
    group:
        together("signals_finalise")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("signals_finalise"),
        runtime=minutes("signals_finalise"),
        lanes=1,
    message:
        "signals of {wildcards.experiment} {wildcards.dataset}, finished"
    shell:
        "gwsim signals_finalise {input.layout} --settings {input.settings} --table {input.table} "
        "--noise {input.noise} --bank {input.bank} 2> {log}"
