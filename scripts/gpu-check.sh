#!/usr/bin/env bash
# Everything that only a GPU can prove, in one call: ops CPU against CUDA, the backend's own tests,
# ten training steps, compute-sanitizer over the own kernels, determinism, short real trainings, kill
# and resume. Prints a short table last; full logs go to a folder. Ends inside 8 minutes with
# prebuilt binaries.
#
#   scripts/gpu-check.sh [--build DIR=build] [--logs DIR=gpu-logs] [--only STEP[,STEP...]]
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

table=() failed=0
# step NAME LIMIT_S COMMAND...: runs, logs, notes passed, FAILED (status) or skipped.
step() {
  local name=$1 limit=$2 start=$SECONDS status result
  shift 2
  [[ -z $only || $only == *,$name,* ]] || return 0
  timeout "$limit" bash -c '"$@"' _ "$@" >"$logs/$name.log" 2>&1
  status=$?
  if ((status == 0)); then result=passed; elif ((status == 77)); then result=skipped; else result="FAILED ($status)"; failed=1; fi
  table+=("$(printf '%-22s %-14s %4d s   %s' "$name" "$result" $((SECONDS - start)) "$(tail -n 1 "$logs/$name.log" | cut -c1-90)")")
  echo "[gpu-check] $name: $result"
}

doctest_run() { local program; program=$(test_program "$1"); shift; [[ -n $program ]] && "$program" "$@"; }
ops_grid() { TESSERA_OP_GRID=1 doctest_run ops; }
unit_tests() {
  local name status=0
  for name in core backend autograd sparse optim layers infer train golden; do
    echo "== $name"
    doctest_run "$name" --test-case='*CUDA*' || status=1
  done
  return $status
}

sanitizer() {
  local tool=$1
  command -v compute-sanitizer >/dev/null || { echo "no compute-sanitizer here"; return 77; }
  compute-sanitizer --tool "$tool" --error-exitcode 3 --print-limit 20 \
    "$(test_program ops)" --test-case="${2:-*}"
}

run_config() { "$build/tessera" run "$1" run.device=cuda "run.dir=$scratch/$2" "${@:3}"; }
same_bytes() {
  run_config configs/smoke.yaml first && run_config configs/smoke.yaml second &&
    cmp "$scratch/first/model.safetensors" "$scratch/second/model.safetensors" &&
    echo "two runs, the same bytes"
}
kill_and_resume() {
  PROGRAM=$build/tessera scripts/kill-resume.sh 4 configs/smoke.yaml run.device=cuda
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
step units 180 unit_tests
step quickstart 120 quickstart
step digits 120 digits
step determinism 60 same_bytes
step kill-resume 120 kill_and_resume
step memcheck 120 sanitizer memcheck
step initcheck 120 sanitizer initcheck
step racecheck 120 sanitizer racecheck
step synccheck 120 sanitizer synccheck

echo
echo "gpu-check, $(date -u +%F), $(head -n 1 "$logs/gpu.txt")"
printf '%s\n' "${table[@]}"
((failed == 0)) && echo "all passed in $SECONDS s; logs in $logs" || echo "FAILED; logs in $logs"
exit $failed
