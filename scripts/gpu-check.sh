#!/usr/bin/env bash
# Everything that only a GPU can prove, in one call: ops CPU against CUDA, the backend's own tests,
# ten training steps, compute-sanitizer over the own kernels, determinism, short real trainings, kill
# and resume. Prints a short table last; full logs go to a folder. Ends inside 8 minutes with
# prebuilt binaries.
#
#   scripts/gpu-check.sh [--build DIR=build] [--logs DIR=gpu-logs] [--only STEP[,STEP...]]
#
# The sanitizers' steps are named TOOL-PROGRAM, as memcheck-sparse; those of the ops have parts,
# memcheck-ops-0 to -5.
#
# Exit status: 0 all passed, 1 a step failed, 2 no GPU or no build.
set -uo pipefail
cd "$(dirname "$0")/.."
build=build logs=gpu-logs only=""
while (($#)); do
  case $1 in
    --build) build=$2 ;;
    --logs) logs=$2 ;;
    --only) only=,$2, ;;
    *) echo "gpu-check: unknown argument '$1'; see the head of $0" >&2; exit 2 ;;
  esac
  shift 2
done
command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1 ||
  { echo "gpu-check: needs a GPU and its driver; nvidia-smi found none" >&2; exit 2; }
[[ -x $build/tessera ]] || { echo "gpu-check: needs a build in $build; got none. make build CMAKE_ARGS=-DTESSERA_CUDA=ON, or --build DIR" >&2; exit 2; }
mkdir -p "$logs"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
test_program() { find "$build/tests" -type f -name "test_$1" -perm -u+x | head -1; }

table=() failed=0 started=()
# run_step NAME LIMIT_S COMMAND...: runs, logs, and leaves its line of the table in NAME.result:
# passed, FAILED (status) or skipped.
run_step() {
  local name=$1 limit=$2 start=$SECONDS status result
  shift 2
  timeout "$limit" bash -c '"$@"' _ "$@" >"$logs/$name.log" 2>&1
  status=$?
  if ((status == 0)); then result=passed; elif ((status == 77)); then result=skipped; else result="FAILED ($status)"; fi
  printf '%-22s %-14s %4d s   %s' "$name" "$result" $((SECONDS - start)) \
    "$(tail -n 1 "$logs/$name.log" | cut -c1-90)" >"$logs/$name.result"
}
note() {
  local line
  line=$(<"$logs/$1.result")
  [[ $line != *FAILED* ]] || failed=1
  table+=("$line")
  echo "[gpu-check] $line"
}
wanted() { [[ -z $only || $only == *,$1,* ]]; }
step() { if wanted "$1"; then run_step "$@" && note "$1"; fi; }
start() { if wanted "$1"; then run_step "$@" & started+=("$1"); fi; }
finish() {
  local name
  wait
  for name in "${started[@]}"; do note "$name"; done
}

doctest_run() { local program; program=$(test_program "$1"); shift; [[ -n $program ]] && "$program" "$@"; }
ops_grid() { TESSERA_OP_GRID=1 doctest_run ops; }
unit_tests() {
  local name status=0
  for name in core backend autograd sparse optim layers infer train golden; do
    echo "== $name"
    # Of train also whole runs, of every pattern and every task of text: on the GPU, as `auto` says.
    doctest_run "$name" --test-case='*CUDA*,every pattern*,*a tiny *' || status=1
  done
  return $status
}

# sanitizer TOOL PROGRAM [SHARD SHARDS]: over the program's cases, but for those that fill the
# device: they run the same kernels for minutes. The kernels that cuDNN fuses as it runs are too much
# for racecheck, which takes minutes for each, and break synccheck.
sanitizer() {
  local tool=$1 program shard=${3:-0} shards=${4:-1} cases
  command -v compute-sanitizer >/dev/null || { echo "no compute-sanitizer here"; return 77; }
  program=$(test_program "$2")
  [[ -n $program ]] || { echo "no test program $2"; return 1; }
  local excluded='CUDA large*' kernels=()
  [[ $tool != racecheck ]] || excluded+=',conv2d_fused*,conv2d: with relu'
  [[ $tool != synccheck ]] || kernels=(--kernel-name kernel_substring=tessera)
  local filter=(--test-case-exclude="$excluded")
  [[ $2 == ops ]] || filter+=(--test-case='*CUDA*')
  cases=$("$program" --count "${filter[@]}" | grep -oE '[0-9]+$' | tail -n 1)
  compute-sanitizer --tool "$tool" "${kernels[@]}" --error-exitcode 3 --print-limit 20 "$program" \
    "${filter[@]}" --first=$((shard * cases / shards + 1)) --last=$(((shard + 1) * cases / shards))
}

run_config() { "$build/tessera" run "$1" run.device=cuda "run.dir=$scratch/$2" "${@:3}"; }
same_bytes() {
  run_config configs/smoke.yaml first && run_config configs/smoke.yaml second &&
    cmp "$scratch/first/model.safetensors" "$scratch/second/model.safetensors" &&
    echo "two runs, the same bytes"
}
kill_and_resume() {
  # Pruning, export and comparison take milliseconds here.
  PROGRAM=$build/tessera scripts/kill-resume.sh --must-hit training,fine-tuning 4 \
    configs/smoke.yaml run.device=cuda
}
accuracy() {  # NAME of the run
  python3 - "$scratch/$1/summary.json" <<'PY'
import json, sys
s = json.load(open(sys.argv[1]))
print("dense %.4f sparse %.4f at %.2f%%, speed-up %.2f, largest difference %.1e, %.1f s" % (
    s["dense_accuracy"], s["sparse_accuracy"], 100 * s["sparsity"], s["speedup"], s["max_abs_diff"], s["run_seconds"]))
PY
}
quickstart() { run_config configs/quickstart.yaml quickstart && accuracy quickstart; }
digits() {
  [[ -d ${TESSERA_DATA:-data}/mnist-t10k ]] || { echo "no mnist-t10k in ${TESSERA_DATA:-data}"; return 77; }
  run_config configs/mnist-lenet-tw75.yaml mnist && accuracy mnist
}

# The steps run in shells of their own, under a time limit.
export build logs scratch
export -f test_program doctest_run ops_grid unit_tests sanitizer run_config same_bytes \
  kill_and_resume accuracy quickstart digits

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | tee "$logs/gpu.txt"
step doctor 60 "$build/tessera" doctor
step ops 120 ops_grid
step units 240 unit_tests
step quickstart 120 quickstart
step digits 120 digits
step determinism 60 same_bytes
step kill-resume 120 kill_and_resume
# Side by side: each keeps one core and a fraction of the device busy.
for tool in memcheck initcheck racecheck synccheck; do
  shards=6
  for ((shard = 0; shard < shards; ++shard)); do
    start "$tool-ops-$shard" 300 sanitizer "$tool" ops "$shard" "$shards"
  done
  for program in sparse optim; do start "$tool-$program" 240 sanitizer "$tool" "$program"; done
done
finish

echo
echo "gpu-check, $(date -u +%F), $(head -n 1 "$logs/gpu.txt")"
printf '%s\n' "${table[@]}"
((failed == 0)) && echo "all passed in $SECONDS s; logs in $logs" || echo "FAILED; logs in $logs"
exit $failed
