#!/bin/bash
# Runs a sweep as a Slurm array job on a Slurm of its own (munge, slurmctld, slurmd on this machine, in a temporary
# folder, on ports of their own), kills and requeues tasks on the way, merges, and compares with the sweep on one machine.
#
#   scenarios/slurm/test-on-localhost.sh PATH/TO/orrery
#
# Installs Debian's packages when run as root; exits with 77 and says why where Slurm cannot be had or started.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ORRERY=$(realpath "${1:?usage: test-on-localhost.sh PATH/TO/orrery}")
export ORRERY
skip() { echo "SKIPPED: $*"; exit 77; }
fail() { echo "FAILED: $*"; tail -n 20 "$folder"/*.log "$folder"/out/*.txt 2>/dev/null; exit 1; }

if ! command -v slurmctld slurmd munged sbatch >/dev/null; then
  (( EUID == 0 )) || skip "Slurm is not installed, and only root could install it"
  command -v apt-get >/dev/null || skip "Slurm is not installed, and there is no apt-get"
  { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends \
    slurmctld slurmd slurm-client munge; } >/dev/null 2>&1 || skip "Slurm cannot be installed here"
fi
(( EUID == 0 )) || skip "slurmd starts only as root"

folder=$(mktemp -d)
chmod 755 "$folder"
daemons=()
finish() {
  local pid
  for pid in "${daemons[@]}"; do disown "$pid" 2>/dev/null || true; kill -KILL "$pid" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap finish EXIT
mkdir -p "$folder"/{state,spool,out,munge}
chmod 700 "$folder/munge"
host=$(hostname -s)

munge_run=$folder/munge.socket
dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 status=none
chmod 400 "$folder/munge/key"
munged --foreground --force --key-file="$folder/munge/key" --socket="$munge_run" --pid-file="$folder/munge/pid" \
  --seed-file="$folder/munge/seed" --log-file="$folder/munged.log" 2>/dev/null &
daemons+=($!)

export SLURM_CONF=$folder/slurm.conf
cat >"$SLURM_CONF" <<CONF
ClusterName=orrery
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$munge_run
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
JobRequeue=1
KillWait=3
MinJobAge=600
ReturnToService=2
SwitchType=switch/none
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
CONF
printf 'CgroupAutomount=no\nConstrainCores=no\n' >"$folder/cgroup.conf"
sleep 1
slurmctld -D -c &>"$folder/slurmctld.err.log" & daemons+=($!)
slurmd -D -N "$host" &>"$folder/slurmd.err.log" & daemons+=($!)
for (( i = 0; i < 30; i++ )); do
  [[ $(sinfo -h -o %T 2>/dev/null) == idle ]] && break
  sleep 1
done
[[ $(sinfo -h -o %T 2>/dev/null) == idle ]] || { tail -n 5 "$folder"/*.log >&2; skip "Slurm does not start here"; }

# Slurm lets requeued jobs wait for two minutes; not here.
hurry() {
  local task
  for task in $(squeue -h -t PD -o %i -j "$1" 2>/dev/null); do scontrol update JobId="$task" StartTime=now 2>/dev/null || true; done
}

# Enough points of a second or so in all for tasks to be caught at work.
cat >"$folder/sweep.json" <<'JSON'
{ "orrery": "sweep/1", "name": "slurm-test", "base": "gpt3-175b-1024-a100",
  "axes": [ {"path": "/jobs/0/plan/tensor", "values": [2, 4, 8]},
            {"path": "/jobs/0/plan/pipeline", "values": [8, 16, 32]},
            {"path": "/jobs/0/batch/micro", "name": "micro_batch", "values": [1, 2, 4, 8]} ],
  "derived": [ {"name": "data", "path": "/jobs/0/plan/data", "expression": "1024 / (tensor * pipeline)"} ] }
JSON
cd "$folder/out"
job=$(sbatch --parsable --array=1-4 --output="$folder/out/task-%a.txt" "$here/sweep.sbatch" "$folder/sweep.json" "$folder/runs")
killed=0 requeued=0
for (( i = 0; i < 300; i++ )); do
  left=$(squeue -h -j "$job" -o %T | wc -l)
  (( left == 0 )) && break
  (( requeued && killed )) && hurry "$job"
  # One task by scontrol requeue, one by kill -9 of its orrery; the killed task fails and is submitted again below.
  if (( requeued == 0 )) && squeue -h -j "${job}_1" -o %T 2>/dev/null | grep -q RUNNING; then
    sleep 1
    scontrol requeue "${job}_1" && requeued=1
  fi
  if (( killed == 0 )); then
    pid=$(pgrep -o -f -- "--out $folder/runs --shard 2/4" || true)
    if [[ -n $pid ]]; then sleep 1; kill -KILL "$pid" 2>/dev/null && killed=1; fi
  fi
  sleep 0.2
done
(( requeued && killed )) || fail "no task was caught at work (requeued $requeued, killed $killed)"
grep -l Killed "$folder/out/task-2.txt" >/dev/null || echo "note: task 2 ended before the kill"
ORRERY_SHARDS=4 sbatch --wait --array=2 --output="$folder/out/task-%a.txt" "$here/sweep.sbatch" \
  "$folder/sweep.json" "$folder/runs" >/dev/null || fail "task 2 did not end well when submitted again"

# A task that nears its time limit is told so: here by hand, with the signal that --signal=B:USR1@60 sends.
job=$(sbatch --parsable --array=1-1 --output="$folder/out/limit-%a.txt" "$here/sweep.sbatch" "$folder/sweep.json" "$folder/limit")
for (( i = 0; i < 300; i++ )); do
  [[ -f $folder/limit/sweep.sqlite ]] && break
  sleep 0.2
done
sleep 1
scancel --batch --signal=USR1 "${job}_1"
for (( i = 0; i < 600; i++ )); do [[ -z $(squeue -h -j "$job") ]] && break; hurry "$job"; sleep 0.5; done
grep -q "stopped before the end: requeued" "$folder/out/limit-1.txt" || fail "a task that is told to stop does not requeue itself"

# scancel cancels: no task starts again.
job=$(sbatch --parsable --array=1-2 --output="$folder/out/cancel-%a.txt" "$here/sweep.sbatch" "$folder/sweep.json" "$folder/cancel")
for (( i = 0; i < 300; i++ )); do
  [[ -n $(ls "$folder"/cancel/*.sqlite 2>/dev/null) ]] && break
  sleep 0.2
done
sleep 1
scancel "$job"
for (( i = 0; i < 60; i++ )); do [[ -z $(squeue -h -j "$job" -t R,CG) ]] && break; sleep 0.5; done
sleep 2
[[ -z $(squeue -h -j "$job") ]] || fail "a cancelled job is still queued: $(squeue -h -j "$job")"
[[ ! -f $folder/cancel/results.csv ]] || fail "the cancelled job had ended before it was cancelled"

sbatch --wait --output="$folder/out/merge.txt" --wrap="'$ORRERY' merge '$folder/runs' --out '$folder/runs'" >/dev/null ||
  fail "the merge job failed"
"$ORRERY" sweep "$folder/sweep.json" --out "$folder/one" >/dev/null 2>&1
for result in results.csv results.json; do
  cmp "$folder/runs/$result" "$folder/one/$result" || fail "the array job's $result differs from one machine's"
  cmp "$folder/limit/$result" "$folder/one/$result" || fail "the stopped and requeued job's $result differs"
done
echo "PASSED: 36 points as an array job of 4, one task requeued, one killed, one stopped by its time limit: the same bytes; scancel cancels"
