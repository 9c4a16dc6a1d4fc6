# REQUIRED INPUTS:
#     results/EXPERIMENT/networks/NETWORK-SEED/model.safetensors        a trained network
#     results/EXPERIMENT/DATASET/manifest.json                          datasets that it classifies
#     results/noise/RUN/manifest.json                                   noise, for false alarms where signals are detected
# OUTPUTS:
#     results/EXPERIMENT/networks/NETWORK-SEED/evaluate/DATASET.parquet     one row per example
#     results/EXPERIMENT/networks/NETWORK-SEED/evaluate/background.parquet  one row per window of noise alone, where signals are detected
#     results/EXPERIMENT/networks/NETWORK-SEED/evaluate/metrics.json        rates, confusion, false alarms


rule evaluate:
    input:
        model="results/{experiment}/networks/{network}-{seed}/model.safetensors",
        settings="results/config/{experiment}/evaluate.json",
        data=evaluated_sets,
        noise=background_files,
        code=code_of_signals("evaluate"),
    output:
        metrics="results/{experiment}/networks/{network}-{seed}/evaluate/metrics.json",
    log:
        "logs/evaluate/{experiment}-{network}-{seed}.log",
    benchmark:
        "logs/benchmarks/evaluate/{experiment}-{network}-{seed}.tsv"
    priority: FIRST
    group:
        together("evaluate")
    conda:
        "../../environment.yml"
    threads: LEARN_THREADS
    resources:
        mem_mb=memory("evaluate"),
        runtime=minutes("evaluate"),
        lanes=1,
        gpu=GPUS,
    message:
        "evaluating {wildcards.network} of {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "gwsim evaluate --settings {input.settings} --model {input.model} --data {input.data} --noise {input.noise} "
        "--metrics {output.metrics} --device {resources.gpu} --threads {threads} 2> {log}"
