# REQUIRED INPUTS:
#     results/config/strain/RUN.json          settings: source, block, PSDs or files
#     results/strain/RUN/fetched/IFO-GPS.json receipt of the fetched files, where the source is GWOSC
# OUTPUTS:
#     results/strain/RUN/IFO-GPS.json         record of one ifo and GPS block: its files, finite seconds, bits
#
# The files themselves are no outputs: Snakemake never deletes what a record speaks of. RUN is the run's name; strain at
# another rate than the run's stands beside it under RUN-RATE.


rule strain:
    input:
        settings="results/config/strain/{strain}.json",
        files=strain_files,
        code=code("strain"),
    output:
        record="results/strain/{strain}/{ifo}-{gps}.json",
    log:
        "logs/strain/{strain}/{ifo}-{gps}.log",
    benchmark:
        "logs/benchmarks/strain/{strain}/{ifo}-{gps}.tsv"
    priority: FIRST
    group:
        together("strain")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("strain"),
        runtime=minutes("strain"),
        lanes=1,
    message:
        "strain {wildcards.strain} of {wildcards.ifo} from GPS {wildcards.gps}"
    shell:
        "gwsim strain --settings {input.settings} --ifo {wildcards.ifo} --gps {wildcards.gps} "
        "--record {output.record} 2> {log}"
