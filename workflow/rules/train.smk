# REQUIRED INPUTS:
#     results/EXPERIMENT/DATASET/manifest.json                          training and validation sets
# OUTPUTS:
#     results/EXPERIMENT/networks/NETWORK-SEED/model.safetensors        weights, and what they are
#     results/EXPERIMENT/networks/NETWORK-SEED/metrics.csv              one row per epoch
#     results/EXPERIMENT/networks/NETWORK-SEED/events                   the same for TensorBoard
#     results/EXPERIMENT/networks/NETWORK-SEED/model.onnx               for programs without torch


rule train:
    input:
        unpack(training_sets),
        settings="results/config/{experiment}/networks/{network}/train.json",
        mix=mixed_from,
        code=code_of_signals("train"),
    output:
        model="results/{experiment}/networks/{network}-{seed}/model.safetensors",
        history="results/{experiment}/networks/{network}-{seed}/metrics.csv",
    log:
        "logs/train/{experiment}-{network}-{seed}.log",
    benchmark:
        "logs/benchmarks/train/{experiment}-{network}-{seed}.tsv"
    priority: FIRST
    group:
        together("train")
    conda:
        "../../environment.yml"
    threads: LEARN_THREADS
    resources:
        mem_mb=memory("train"),
        runtime=minutes("train"),
        lanes=1,
        gpu=GPUS,
    params:
        keep=KEEP_MIB,
    message:
        "training {wildcards.network} of {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "gwsim train --settings {input.settings} --seed {wildcards.seed} --train {input.train} "
        "--validation {input.validation} --mix {input.mix} --output {output.model} --history {output.history} "
        "--device {resources.gpu} --threads {threads} --keep-mib {params.keep} 2> {log}"


rule onnx:
    input:
        model="results/{experiment}/networks/{network}-{seed}/model.safetensors",
        code=code("onnx"),
    output:
        "results/{experiment}/networks/{network}-{seed}/model.onnx",
    log:
        "logs/onnx/{experiment}-{network}-{seed}.log",
    benchmark:
        "logs/benchmarks/onnx/{experiment}-{network}-{seed}.tsv"
    group:
        together("onnx")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("onnx"),
        runtime=minutes("onnx"),
        lanes=1,
    message:
        "{wildcards.network} of {wildcards.experiment}, seed {wildcards.seed}, as ONNX"
    shell:
        "gwsim onnx {input.model} {output} > {log} 2>&1"
