#!/usr/bin/env bash
# Kills a run with SIGKILL at random moments, resumes it, and compares its model.safetensors, byte
# for byte, with that of the run that was never killed. Every third run is killed three times.
#
#   scripts/kill-resume.sh [RUNS=20] [CONFIG=configs/smoke.yaml] [key=value ...]
#
# PROGRAM: the program (build/tessera). SEED: of the moments (1).
set -euo pipefail
cd "$(dirname "$0")/.."
program=${PROGRAM:-build/tessera} runs=${1:-20} config=${2:-configs/smoke.yaml}
shift $(($# < 2 ? $# : 2))
overrides=("$@")
RANDOM=${SEED:-1}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

tessera_run=("$program" run "$config" --resume auto "${overrides[@]}")
milliseconds() { echo $(($(date +%s%N) / 1000000)); }

begin=$(milliseconds)
"${tessera_run[@]}" "run.dir=$folder/whole" >"$folder/log" 2>&1
whole=$(($(milliseconds) - begin))
echo "never killed: $whole ms, $(sha256sum <"$folder/whole/model.safetensors" | cut -c1-16)"

different=0
for ((run = 1; run <= runs; ++run)); do
  moments=()
  for ((kill = 0; kill < (run % 3 ? 1 : 3); ++kill)); do
    # Spread over the whole run, whatever share of it earlier kills left to do.
    moment=$(((RANDOM * 32768 + RANDOM) % whole))
    moments+=("$moment")
    "${tessera_run[@]}" "run.dir=$folder/run" >"$folder/log" 2>&1 &
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
    kill -KILL $! 2>/dev/null || true
    wait $! 2>/dev/null || true
  done
  phase=$([[ -f $folder/run/model.safetensors ]] && echo exported || echo "not exported")
  "${tessera_run[@]}" "run.dir=$folder/run" >"$folder/log" 2>&1
  result=same
  cmp -s "$folder/whole/model.safetensors" "$folder/run/model.safetensors" || result=DIFFERENT
  [[ $result == same ]] || ((++different))
  echo "run $run: killed after ${moments[*]} ms ($phase), resumed: $result"
  rm -rf "$folder/run"
done
echo "$((runs - different)) of $runs ended in the same bytes"
((different == 0))
