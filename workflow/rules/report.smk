# REQUIRED INPUTS:
#     results/EXPERIMENT/networks/NETWORK-SEED/{evaluate,explain,embed}     what was found out of a network
#     results/EXPERIMENT/DATASET/quality/index.html                         pages of the datasets
#     results/EXPERIMENT/exercise/metrics.json                              numbers of exercises, page beside them
# OUTPUTS:
#     results/EXPERIMENT/networks/NETWORK-SEED/figures/NAME.png, NAME.pdf   every figure
#     results/EXPERIMENT/compare/NAME.png, NAME.pdf                         networks beside one another
#     results/index.html                                                    the page to open first
# Experiments that have networks to compare.
COMPARED = [
    name
    for name, content in config["experiments"].items()
    if len(content.get("networks", {})) > 1
    and name not in EXERCISES
    and not stages.stored(content)
]
# Datasets that were made here, whose pages tell whether they can be trusted.
QUALITY = [name for name, (its, _) in DATASETS.items() if not stages.stored(its)]


rule figures:
    input:
        model="results/{experiment}/networks/{network}-{seed}/model.safetensors",
        history="results/{experiment}/networks/{network}-{seed}/metrics.csv",
        evaluate="results/{experiment}/networks/{network}-{seed}/evaluate/metrics.json",
        explain="results/{experiment}/networks/{network}-{seed}/explain/metrics.json",
        embed="results/{experiment}/networks/{network}-{seed}/embed/metrics.json",
        settings="results/config/{experiment}/figures.json",
        data=evaluated_sets,
        bank=background_bank,
        captions=captions(listing.figures("signals")),
        code=code_of_signals("figures"),
    output:
        drawn("signals"),
        list="results/{experiment}/networks/{network}-{seed}/figures/figures.json",
    log:
        "logs/figures/{experiment}-{network}-{seed}.log",
    benchmark:
        "logs/benchmarks/figures/{experiment}-{network}-{seed}.tsv"
    wildcard_constraints:
        experiment=KINDS["signals"],
    group:
        together("figures")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("figures"),
        runtime=minutes("figures"),
        lanes=1,
    message:
        "figures of {wildcards.network} of {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "gwsim figures --settings {input.settings} --model {input.model} --history {input.history} "
        "--evaluate {input.evaluate} --explain {input.explain} --embed {input.embed} --data {input.data} "
        "--bank {input.bank} --list {output.list} 2> {log}"


use rule figures as figures_of_pictures with:
    input:
        model="results/{experiment}/networks/{network}-{seed}/model.safetensors",
        history="results/{experiment}/networks/{network}-{seed}/metrics.csv",
        evaluate="results/{experiment}/networks/{network}-{seed}/evaluate/metrics.json",
        explain="results/{experiment}/networks/{network}-{seed}/explain/metrics.json",
        embed="results/{experiment}/networks/{network}-{seed}/embed/metrics.json",
        settings="results/config/{experiment}/figures.json",
        data=evaluated_sets,
        bank=[],
        captions=captions(listing.figures("pictures")),
        code=code_of_signals("figures"),
    output:
        drawn("pictures"),
        list="results/{experiment}/networks/{network}-{seed}/figures/figures.json",
    wildcard_constraints:
        experiment=KINDS["pictures"],


rule compare:
    input:
        models=compared_models,
        evaluate=compared_rates,
        explain=compared_maps,
        settings="results/config/{experiment}/figures.json",
        data=explained_sets,
        captions=captions(listing.COMPARISONS["signals"]),
        code=code_of_signals("compare"),
    output:
        beside("signals"),
        list="results/{experiment}/compare/figures.json",
    log:
        "logs/compare/{experiment}.log",
    benchmark:
        "logs/benchmarks/compare/{experiment}.tsv"
    wildcard_constraints:
        experiment=KINDS["signals"],
    group:
        together("compare")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("compare"),
        runtime=minutes("compare"),
        lanes=1,
    message:
        "networks of {wildcards.experiment} beside one another"
    shell:
        "gwsim compare --settings {input.settings} --models {input.models} --data {input.data} "
        "--list {output.list} 2> {log}"


use rule compare as compare_pictures with:
    input:
        models=compared_models,
        evaluate=compared_rates,
        explain=[],
        settings="results/config/{experiment}/figures.json",
        data=explained_sets,
        captions=captions(listing.COMPARISONS["pictures"]),
        code=code_of_signals("compare"),
    output:
        beside("pictures"),
        list="results/{experiment}/compare/figures.json",
    wildcard_constraints:
        experiment=KINDS["pictures"],


rule report:
    input:
        compared=[f"results/{name}/compare/figures.json" for name in COMPARED],
        networks=[f"results/{name}/figures/figures.json" for name in NETWORKS],
        explorers=[f"results/{name}/explorer/index.html" for name in NETWORKS],
        exports=[f"results/{name}/model.onnx" for name in NETWORKS],
        exercises=[f"results/{name}/exercise/metrics.json" for name in EXERCISES],
        quality=[f"results/{name}/quality/index.html" for name in QUALITY],
        settings="results/config/report.json",
        code=code("report"),
    output:
        page="results/index.html",
    log:
        "logs/report.log",
    benchmark:
        "logs/benchmarks/report.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("report"),
        runtime=minutes("report"),
        lanes=1,
    message:
        "the page to open first"
    shell:
        "gwsim report --settings {input.settings} --networks {input.networks} --compared {input.compared} "
        "--quality {input.quality} --exercises {input.exercises} --output {output.page} 2> {log}"
