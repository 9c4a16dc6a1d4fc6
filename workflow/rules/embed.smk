# REQUIRED INPUTS:
#     results/EXPERIMENT/networks/NETWORK-SEED/model.safetensors        a trained network
#     results/EXPERIMENT/networks/NETWORK-SEED/evaluate/metrics.json    its predictions, beside it
# OUTPUTS:
#     results/EXPERIMENT/networks/NETWORK-SEED/embed/embedding.parquet  coordinates, one row per example
#     results/EXPERIMENT/networks/NETWORK-SEED/embed/metrics.json       what the maps keep of the features


rule embed:
    input:
        model="results/{experiment}/networks/{network}-{seed}/model.safetensors",
        predictions="results/{experiment}/networks/{network}-{seed}/evaluate/metrics.json",
        settings="results/config/{experiment}/embed.json",
        data=embedded_sets,
        code=code_of_signals("embed"),
    output:
        embedding="results/{experiment}/networks/{network}-{seed}/embed/embedding.parquet",
        metrics="results/{experiment}/networks/{network}-{seed}/embed/metrics.json",
    log:
        "logs/embed/{experiment}-{network}-{seed}.log",
    benchmark:
        "logs/benchmarks/embed/{experiment}-{network}-{seed}.tsv"
    priority: FIRST
    group:
        together("embed")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("embed"),
        runtime=minutes("embed"),
        lanes=1,
        gpu=GPUS,
    message:
        "maps of the features of {wildcards.network} of {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "gwsim embed --settings {input.settings} --model {input.model} --data {input.data} "
        "--predictions {input.predictions} --output {output.embedding} --metrics {output.metrics} "
        "--device {resources.gpu} 2> {log}"
