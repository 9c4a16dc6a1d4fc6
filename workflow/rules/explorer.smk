# REQUIRED INPUTS:
#     results/EXPERIMENT/networks/NETWORK-SEED/model.safetensors       a trained network
#     results/EXPERIMENT/networks/NETWORK-SEED/embed/metrics.json      maps of its features, beside it
#     results/EXPERIMENT/networks/NETWORK-SEED/explain/metrics.json    class-activation maps, beside it
# OUTPUTS:
#     results/EXPERIMENT/networks/NETWORK-SEED/explorer/index.html     a page to open from disk, all it needs beside it


rule explorer:
    input:
        model="results/{experiment}/networks/{network}-{seed}/model.safetensors",
        embed="results/{experiment}/networks/{network}-{seed}/embed/metrics.json",
        explain="results/{experiment}/networks/{network}-{seed}/explain/metrics.json",
        settings="results/config/{experiment}/explorer.json",
        data=embedded_sets,
        code=code_of_signals("explorer"),
    output:
        page="results/{experiment}/networks/{network}-{seed}/explorer/index.html",
    log:
        "logs/explorer/{experiment}-{network}-{seed}.log",
    benchmark:
        "logs/benchmarks/explorer/{experiment}-{network}-{seed}.tsv"
    group:
        together("explorer")
    conda:
        "../../environment.yml"
    threads: LEARN_THREADS
    resources:
        mem_mb=memory("explorer"),
        runtime=minutes("explorer"),
        lanes=1,
        gpu=GPUS,
    message:
        "explorer of {wildcards.network} of {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "gwsim explorer --settings {input.settings} --model {input.model} --embed {input.embed} "
        "--explain {input.explain} --data {input.data} --output {output.page} "
        "--device {resources.gpu} --threads {threads} 2> {log}"
