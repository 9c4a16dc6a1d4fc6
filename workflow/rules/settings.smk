# OUTPUTS:
#     results/config/NAME.json    one stage's settings, in a file that changes only when they do


rule settings:
    output:
        "results/config/{name}.json",
    log:
        "logs/config/{name}.log",
    wildcard_constraints:
        name=".+",
    conda:
        "../../environment.yml"
    params:
        content=settings_of,
    message:
        "settings of {wildcards.name}"
    shell:
        "gwsim settings {output} {params.content:q} 2> {log}"
