#!/usr/bin/env bash
# A SLURM of one node for the tests, from Debian's packages: run as root, needs no systemd and no cgroups.
#
#     tests/slurm/up.sh up | down | status
#
# Everything it writes stands in one folder, and its munge and ports are its own, so that a SLURM which the machine
# has already is not touched. Whoever wants to use it puts FOLDER/bin first in PATH: the commands there know the
# folder. `up` may be said again, also after a daemon was killed: what runs is left alone, jobs are remembered.
# Exit status 77 of `up`: it cannot be had here, and the last line says why.
set -euo pipefail
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"

folder=${GWSIM_SLURM:-/var/tmp/gwsim-slurm}
# More than the machine has may be promised; jobs are kept to their memory all the same.
cpus=${GWSIM_SLURM_CPUS:-32}
mb=${GWSIM_SLURM_MB:-64000}
port=${GWSIM_SLURM_PORT:-26817}
packages=(munge slurm-client slurmctld slurmd)
commands=(sacct salloc sbatch scancel scontrol sinfo squeue srun)

absent() {
    echo "no SLURM here: $*" >&2
    exit 77
}

failed() {
    tail -n 12 "$folder"/log/*.log >&2 || true
    echo "ERROR: $*; what the daemons say is above, and in $folder/log" >&2
    exit 1
}

# until_ok SECONDS COMMAND...: whether it succeeds within so long.
until_ok() {
    local end=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

# lives NAME: a pid file outlives its daemon, and its number may be another's by now.
lives() {
    local pid
    pid=$(cat "$folder/$1.pid" 2> /dev/null) && [[ $(cat "/proc/$pid/comm" 2> /dev/null) == "$1" ]] &&
        ! grep -q '^State:.Z' "/proc/$pid/status"
}

halt() {
    lives "$1" || return 0
    kill "$(cat "$folder/$1.pid")"
    until_ok 15 gone "$1" || kill -9 "$(cat "$folder/$1.pid")"
}

gone() { ! lives "$1"; }
answers() { "$folder/bin/scontrol" ping | grep -q 'is UP'; }
# A node is ready while it is at work, too.
ready() { [[ $("$folder/bin/sinfo" --noheader --format=%T) =~ ^(idle|mixed|allocated)$ ]]; }
empty() { [[ -z $("$folder/bin/squeue" --noheader) ]]; }

installed() { dpkg-query --show --showformat='${Status}' "$1" 2> /dev/null | grep -q 'ok installed'; }

install_packages() {
    local missing=() policy=/usr/sbin/policy-rc.d
    for one in "${packages[@]}"; do installed "$one" || missing+=("$one"); done
    ((${#missing[@]})) || return 0
    # The packages' own daemons must not start.
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod +x "$policy"
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        "${missing[@]}"; } > "$folder/log/apt.log" 2>&1 ||
        absent "$(grep '^E:' "$folder/log/apt.log" | tail -n 1)"
}

write_commands() {
    cat > "$folder/bin/.one" << END
#!/bin/sh
SLURM_CONF="$folder/slurm.conf" exec "/usr/bin/\${0##*/}" "\$@"
END
    chmod +x "$folder/bin/.one"
    for one in "${commands[@]}"; do ln -sf .one "$folder/bin/$one"; done
}

write_settings() {
    local host
    host=$(uname -n)
    host=${host%%.*}
    # Without cgroups memory is looked at once a second, and whoever has too much is killed.
    cat > "$folder/slurm.conf" << END
ClusterName=gwsim
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/log/ended
AccountingStorageType=accounting_storage/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
PropagateResourceLimits=NONE
ReturnToService=2
SlurmdTimeout=30
KillWait=3
MinJobAge=86400
MailProg=/bin/true
NodeName=here NodeHostname=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$mb
PartitionName=main Nodes=here Default=YES MaxTime=INFINITE DefMemPerCPU=1000
END
    # slurmd loads one of these plugins though nothing uses it; the one that it would choose wants systemd.
    echo "CgroupPlugin=cgroup/v1" > "$folder/cgroup.conf"
}

start_munge() {
    [[ -s $folder/munge.key ]] || (umask 077 && head -c 128 /dev/urandom > "$folder/munge.key")
    lives munged && return
    rm -f "$folder"/munge.socket*
    munged --socket="$folder/munge.socket" --key-file="$folder/munge.key" --pid-file="$folder/munged.pid" \
        --seed-file="$folder/munge.seed" --log-file="$folder/log/munged.log" 9>&- || failed "munged did not start"
}

up() {
    [[ $(id -u) == 0 ]] || absent "it must be started as root"
    command -v apt-get > /dev/null && command -v dpkg-query > /dev/null || absent "this is not a Debian"
    mkdir -p -m 755 "$folder" "$folder"/{bin,log,state,spool}
    exec 9> "$folder/lock"
    flock 9
    install_packages
    write_commands
    # Numbers of jobs begin anew with the state.
    [[ -n $(ls "$folder/state") ]] || rm -f "$folder/log/ended"
    # Daemons that run have read theirs.
    lives slurmctld || write_settings
    start_munge
    if ! lives slurmctld; then
        slurmctld -f "$folder/slurm.conf" 9>&- || failed "slurmctld did not start"
    fi
    until_ok 30 answers || failed "slurmctld does not answer"
    if ! lives slurmd; then
        slurmd -f "$folder/slurm.conf" 9>&- || failed "slurmd did not start"
    fi
    until_ok 5 ready || "$folder/bin/scontrol" update nodename=here state=resume 2> /dev/null || true
    until_ok 60 ready || failed "the node is not ready"
    echo "SLURM $("$folder/bin/sinfo" --version | cut -d ' ' -f 2), $cpus CPUs, $mb MB: export PATH=$folder/bin:\$PATH"
}

down() {
    if answers 2> /dev/null; then
        "$folder/bin/scancel" --user=root 2> /dev/null || true
        until_ok 15 empty || true
    fi
    for one in slurmd slurmctld munged; do halt "$one"; done
    # The logs stay, until another up.
    rm -rf "$folder"/{bin,state,spool,slurm.conf,cgroup.conf,munge.*}
}

case ${1:-} in
    up) up ;;
    down) down ;;
    status)
        for one in munged slurmctld slurmd; do lives "$one" || { echo "$one does not run" && exit 1; }; done
        "$folder/bin/sinfo" && "$folder/bin/squeue"
        ;;
    *)
        echo "usage: $0 up | down | status" >&2
        exit 2
        ;;
esac
