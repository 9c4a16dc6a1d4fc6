# REQUIRED INPUTS:
#     results/config/plan/RUN.json            settings: ifos, splits, flags, events, runs
#     results/config/site/RUN.json            host, mirrors, and the plan or lock that is named
# OUTPUTS:
#     results/strain/RUN/plan.json            which of GWOSC's files are needed, and why
#     results/strain/RUN/fetched/IFO-GPS.json receipt: the verified files of one ifo and GPS block
#     results/strain/RUN/lock.json            the plan with the sha256 of every file: to be committed
#
# No rule here has code as an input, and another site or mirror changes nothing that was fetched (`ancient`). The
# files themselves lie in the cache, which Snakemake never deletes.


rule fetch_plan:
    input:
        settings="results/config/plan/{strain}.json",
        site=ancient("results/config/site/{strain}.json"),
    output:
        plan="results/strain/{strain}/plan.json",
    log:
        "logs/strain/{strain}/plan.log",
    benchmark:
        "logs/benchmarks/strain/{strain}/plan.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("fetch_plan"),
        runtime=minutes("fetch_plan"),
        lanes=1,
    message:
        "plan: what is needed of GWOSC's strain"
    shell:
        "gwsim fetch_plan --settings {input.settings} --site {input.site} --output {output.plan} > {log} 2>&1"


rule fetch:
    input:
        site=ancient("results/config/site/{strain}.json"),
        plan=plan_of_block,
    output:
        receipt="results/strain/{strain}/fetched/{ifo}-{gps}.json",
    log:
        "logs/strain/{strain}/fetched/{ifo}-{gps}.log",
    benchmark:
        "logs/benchmarks/strain/{strain}/fetched/{ifo}-{gps}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("fetch"),
        runtime=fetch_minutes,
        gwosc=1,
        cache=CACHE,
        patience=PATIENCE,
    message:
        "files of {wildcards.ifo} from GPS {wildcards.gps}"
    shell:
        "gwsim fetch --site {input.site} --plan {input.plan} --ifo {wildcards.ifo} "
        "--gps {wildcards.gps} --cache {resources.cache:q} --patience {resources.patience} "
        "--receipt {output.receipt} 2> {log}"


rule lock:
    input:
        plan=plan_of_lock,
        named=named_plan_of_lock,
        receipts=receipts,
    output:
        lock="results/strain/{strain}/lock.json",
    log:
        "logs/strain/{strain}/lock.log",
    benchmark:
        "logs/benchmarks/strain/{strain}/lock.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory("lock"),
        runtime=minutes("lock"),
        lanes=1,
    message:
        "lock: the sha256 of every file of strain"
    shell:
        "gwsim lock --plan {input.plan} --output {output.lock} {input.receipts} --named {input.named} 2> {log}"
