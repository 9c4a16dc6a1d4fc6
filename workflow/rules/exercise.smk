# REQUIRED INPUTS:
#     results/EXPERIMENT/networks/NETWORK-SEED/model.safetensors        trained networks
#     results/EXPERIMENT/DATASET/manifest.json                          the dataset that they are asked about
# OUTPUTS:
#     results/EXPERIMENT/exercise/index.html                            the exercise's answers, figures beside it
#     results/EXPERIMENT/exercise/metrics.json                          its numbers


rule exercise:
    input:
        unpack(exercised),
        settings="results/config/{experiment}/exercise.json",
        code=code_of_signals("exercise"),
    output:
        page="results/{experiment}/exercise/index.html",
        metrics="results/{experiment}/exercise/metrics.json",
    log:
        "logs/exercise/{experiment}.log",
    benchmark:
        "logs/benchmarks/exercise/{experiment}.tsv"
    group:
        together("exercise")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("exercise"),
        runtime=minutes("exercise"),
        lanes=1,
    message:
        "answers of the exercise {wildcards.experiment}"
    shell:
        "gwsim exercise --settings {input.settings} --network {input.network} --linear {input.linear} "
        "--three {input.three} --data {input.data} --metrics {output.metrics} --output {output.page} 2> {log}"
