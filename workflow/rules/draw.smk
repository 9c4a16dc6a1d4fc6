# REQUIRED INPUTS:
#     results/segments/RUN/segments.json              PSD blocks, of all but toys
#     results/EXPERIMENT/OTHER/draw.parquet           of a dataset that is another one's at another loudness
# OUTPUTS:
#     results/EXPERIMENT/DATASET/systems.parquet      one row per source; at another loudness they are the other's
#     results/EXPERIMENT/DATASET/draw.parquet         one row per example


rule draw:
    input:
        settings="results/config/{experiment}/{dataset}/draw.json",
        segments=segments_of,
        files=waveform_files,
        code=code_of_signals("draw"),
    output:
        systems="results/{experiment}/{dataset}/systems.parquet",
        table="results/{experiment}/{dataset}/draw.parquet",
    log:
        "logs/draw/{experiment}-{dataset}.log",
    benchmark:
        "logs/benchmarks/draw/{experiment}-{dataset}.tsv"
    wildcard_constraints:
        dataset=DRAWN,
    priority: FIRST
    group:
        together("draw")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("draw"),
        runtime=minutes("draw"),
        lanes=1,
    message:
        "table of {wildcards.experiment} {wildcards.dataset}"
    shell:
        "gwsim draw --settings {input.settings} --segments {input.segments} --systems {output.systems} "
        "--table {output.table} > {log} 2>&1"


rule redraw:
    input:
        settings="results/config/{experiment}/{dataset}/draw.json",
        table=drawn_before,
        code=code_of_signals("redraw"),
    output:
        table="results/{experiment}/{dataset}/draw.parquet",
    log:
        "logs/draw/{experiment}-{dataset}.log",
    benchmark:
        "logs/benchmarks/redraw/{experiment}-{dataset}.tsv"
    wildcard_constraints:
        dataset=REDRAWN,
    priority: FIRST
    group:
        together("redraw")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("redraw"),
        runtime=minutes("redraw"),
        lanes=1,
    message:
        "table of {wildcards.experiment} {wildcards.dataset}, another one's at its own loudness"
    shell:
        "gwsim redraw {input.table} --settings {input.settings} --output {output.table} > {log} 2>&1"
