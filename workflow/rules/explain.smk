# REQUIRED INPUTS:
#     results/EXPERIMENT/networks/NETWORK-SEED/model.safetensors        a trained network
#     results/EXPERIMENT/networks/NETWORK-SEED/evaluate/metrics.json    its predictions, beside it
# OUTPUTS:
#     results/EXPERIMENT/networks/NETWORK-SEED/explain/maps.zarr        map (method, sample, *cells) of each set
#     results/EXPERIMENT/networks/NETWORK-SEED/explain/metrics.json     how far the maps can be believed


rule explain:
    input:
        model="results/{experiment}/networks/{network}-{seed}/model.safetensors",
        predictions="results/{experiment}/networks/{network}-{seed}/evaluate/metrics.json",
        settings="results/config/{experiment}/explain.json",
        data=explained_sets,
        code=code_of_signals("explain"),
    output:
        maps=directory(
            "results/{experiment}/networks/{network}-{seed}/explain/maps.zarr"
        ),
        metrics="results/{experiment}/networks/{network}-{seed}/explain/metrics.json",
    log:
        "logs/explain/{experiment}-{network}-{seed}.log",
    benchmark:
        "logs/benchmarks/explain/{experiment}-{network}-{seed}.tsv"
    priority: FIRST
    group:
        together("explain")
    conda:
        "../../environment.yml"
    threads: LEARN_THREADS
    resources:
        mem_mb=memory("explain"),
        runtime=minutes("explain"),
        lanes=1,
        gpu=GPUS,
    message:
        "explaining {wildcards.network} of {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "gwsim explain --settings {input.settings} --model {input.model} --data {input.data} "
        "--predictions {input.predictions} --maps {output.maps} --metrics {output.metrics} "
        "--device {resources.gpu} --threads {threads} 2> {log}"
