# REQUIRED INPUTS:
#     results/strain/RUN/IFO-GPS.json     records of all ifos and GPS blocks
#     results/strain/RUN/plan.json        the plan, with known events, where the source is GWOSC
# OUTPUTS:
#     results/segments/RUN/segments.json  segments, splits, PSD blocks, seconds removed by cause


rule segments:
    input:
        settings="results/config/segments.json",
        records=expand(
            f"results/strain/{RUN}/{{ifo}}-{{gps}}.json", ifo=config["ifos"], gps=GPS
        ),
        plan=planned(),
        code=code("segments"),
    output:
        segments=f"results/segments/{RUN}/segments.json",
    log:
        f"logs/segments/{RUN}/segments.log",
    benchmark:
        f"logs/benchmarks/segments/{RUN}/segments.tsv"
    priority: FIRST
    group:
        together("segments")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("segments"),
        runtime=minutes("segments"),
        lanes=1,
    message:
        "segments and PSD blocks"
    shell:
        "gwsim segments --settings {input.settings} --output {output.segments} {input.records} "
        "--plan {input.plan} > {log} 2>&1"
