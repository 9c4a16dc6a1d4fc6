# REQUIRED INPUTS:
#     results/segments/RUN/segments.json  PSD blocks
#     results/strain/RUN/IFO-GPS.json     records of all ifos and GPS blocks
# OUTPUTS:
#     results/noise/RUN/data.zarr         strain (block, ifo, time), psd (block, ifo, frequency),
#                                         filter (block, ifo, tap)
#     results/noise/RUN/manifest.json     sha256 of every file of it


rule noise_layout:
    input:
        settings="results/config/noise.json",
        segments=f"results/segments/{RUN}/segments.json",
        code=code("noise_layout"),
    output:
        layout=f"results/noise/{RUN}/shards.zarr/zarr.json",
    log:
        f"logs/noise/{RUN}/layout.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=small_mb,
        runtime=short_minutes,
    message:
        "layout of the noise store"
    shell:
        "gwsim noise_layout {output.layout} --settings {input.settings} --segments {input.segments} 2> {log}"


rule noise:
    input:
        settings="results/config/noise.json",
        segments=f"results/segments/{RUN}/segments.json",
        records=expand(
            f"results/strain/{RUN}/{{ifo}}-{{{{gps}}}}.json", ifo=config["ifos"]
        ),
        layout=f"results/noise/{RUN}/shards.zarr/zarr.json",
        code=code("noise"),
    output:
        part=f"results/noise/{RUN}/parts/{{gps}}.json",
    log:
        f"logs/noise/{RUN}/{{gps}}.log",
    benchmark:
        f"logs/benchmarks/noise/{RUN}/{{gps}}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=noise_mb,
        runtime=short_minutes,
    message:
        "whitened noise from GPS {wildcards.gps}"
    shell:
        "gwsim noise --settings {input.settings} --segments {input.segments} --records {input.records} "
        "--layout {input.layout} --gps {wildcards.gps} --part {output.part} 2> {log}"


rule noise_finalise:
    input:
        settings="results/config/noise.json",
        segments=f"results/segments/{RUN}/segments.json",
        layout=f"results/noise/{RUN}/shards.zarr/zarr.json",
        parts=expand(f"results/noise/{RUN}/parts/{{gps}}.json", gps=GPS),
        code=code("noise_finalise"),
    output:
        store=directory(f"results/noise/{RUN}/data.zarr"),
        manifest=f"results/noise/{RUN}/manifest.json",
    log:
        f"logs/noise/{RUN}/finalise.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=small_mb,
        runtime=short_minutes,
    message:
        "noise store, finished"
    shell:
        "gwsim noise_finalise {input.layout} --settings {input.settings} --segments {input.segments} 2> {log}"
