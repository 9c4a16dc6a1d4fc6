# REQUIRED INPUTS:
#     results/EXPERIMENT/DATASET/manifest.json        the finished dataset
# OUTPUTS:
#     results/EXPERIMENT/DATASET/quality/index.html   figures and numbers that tell whether it can be trusted


rule quality:
    input:
        manifest="results/{experiment}/{dataset}/manifest.json",
        bank=bank_of,
        segments=segments_of,
        code=code_of_signals("quality"),
    output:
        page="results/{experiment}/{dataset}/quality/index.html",
    log:
        "logs/quality/{experiment}-{dataset}.log",
    benchmark:
        "logs/benchmarks/quality/{experiment}-{dataset}.tsv"
    group:
        together("quality")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("quality"),
        runtime=minutes("quality"),
        lanes=1,
    message:
        "quality page of {wildcards.experiment} {wildcards.dataset}"
    shell:
        "gwsim quality {input.manifest} --bank {input.bank} --segments {input.segments} "
        "--output {output.page} 2> {log}"
