#!/usr/bin/env bash
# Builds the fuzzers and runs each for SECONDS; exits 1 at the first finding.
#   scripts/fuzz.sh [SECONDS=120] [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-120}
targets=("${@:2}")
((${#targets[@]})) || targets=(safetensors idx config image)
build=${BUILD:-build-fuzz}

cmake --preset fuzz -B "$build" >/dev/null
cmake --build "$build" -j"${JOBS:-$(nproc)}" --target fuzz
mkdir -p "$build/findings"
for target in "${targets[@]}"; do
  corpus=$build/corpus/$target
  mkdir -p "$corpus"
  options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
           -artifact_prefix="$build/findings/$target-")
  [[ -f tests/fuzz/$target.dict ]] && options+=(-dict="tests/fuzz/$target.dict")
  seeds=("tests/fuzz/seeds/$target")
  [[ $target == config ]] && seeds+=(configs)
  echo "=== $target, $seconds s"
  "$build/tests/fuzz/fuzz_$target" "${options[@]}" "$corpus" "${seeds[@]}" 2>&1 |
    grep -Ev '^#[0-9]+[[:space:]]+(NEW|REDUCE|RELOAD|pulse)|^[[:space:]]*NEW_(FUNC|PC)'
done
