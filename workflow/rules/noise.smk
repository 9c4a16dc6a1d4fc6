# REQUIRED INPUTS:
#     results/segments/RUN/segments.json  PSD blocks
#     results/strain/RUN/IFO-GPS.json     records of all ifos and GPS blocks
# OUTPUTS:
#     results/noise/NOISE/data.zarr       strain (block, ifo, time), psd (block, ifo, frequency),
#                                         filter (block, ifo, tap)
#     results/noise/NOISE/manifest.json   sha256 of every file of it
#
# NOISE is the run's name for whitened noise; with -raw, and its rate where it is not the run's, for noise as it is.


rule noise_layout:
    input:
        settings="results/config/noise/{noise}.json",
        segments=f"results/segments/{RUN}/segments.json",
        code=code("noise_layout"),
    output:
        layout="results/noise/{noise}/shards.zarr/zarr.json",
    log:
        "logs/noise/{noise}/layout.log",
    benchmark:
        "logs/benchmarks/noise_layout/{noise}.tsv"
    priority: FIRST
    group:
        together("noise_layout")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("noise_layout"),
        runtime=minutes("noise_layout"),
        lanes=1,
    message:
        "layout of the store of noise {wildcards.noise}"
    shell:
        "gwsim noise_layout {output.layout} --settings {input.settings} --segments {input.segments} 2> {log}"


rule noise:
    input:
        settings="results/config/noise/{noise}.json",
        segments=f"results/segments/{RUN}/segments.json",
        records=noise_records,
        layout="results/noise/{noise}/shards.zarr/zarr.json",
        code=code("noise"),
    output:
        part="results/noise/{noise}/parts/{gps}.json",
    log:
        "logs/noise/{noise}/{gps}.log",
    benchmark:
        "logs/benchmarks/noise/{noise}/{gps}.tsv"
    priority: FIRST
    group:
        together("noise")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("noise"),
        runtime=minutes("noise"),
        lanes=1,
    message:
        "noise {wildcards.noise} from GPS {wildcards.gps}"
    shell:
        "gwsim noise --settings {input.settings} --segments {input.segments} --records {input.records} "
        "--layout {input.layout} --gps {wildcards.gps} --part {output.part} 2> {log}"


rule noise_finalise:
    input:
        settings="results/config/noise/{noise}.json",
        segments=f"results/segments/{RUN}/segments.json",
        layout="results/noise/{noise}/shards.zarr/zarr.json",
        parts=expand("results/noise/{{noise}}/parts/{gps}.json", gps=GPS),
        code=code("noise_finalise"),
    output:
        store=directory("results/noise/{noise}/data.zarr"),
        manifest="results/noise/{noise}/manifest.json",
    log:
        "logs/noise/{noise}/finalise.log",
    benchmark:
        "logs/benchmarks/noise_finalise/{noise}.tsv"
    priority: FIRST
    group:
        together("noise_finalise")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("noise_finalise"),
        runtime=minutes("noise_finalise"),
        lanes=1,
    message:
        "store of noise {wildcards.noise}, finished"
    shell:
        "gwsim noise_finalise {input.layout} --settings {input.settings} --segments {input.segments} 2> {log}"
