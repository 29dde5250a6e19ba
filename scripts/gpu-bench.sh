#!/usr/bin/env bash
# The benchmarks on a GPU, in one call: its limits, training throughput against PyTorch where Python
# has it, sparse products against dense ones. Prints the tables last; full logs go to a folder. Ends
# inside 8 minutes with prebuilt binaries.
#
#   scripts/gpu-bench.sh [--build DIR=build] [--logs DIR=gpu-logs]
set -uo pipefail
cd "$(dirname "$0")/.."
build=build logs=gpu-logs
while (($#)); do
  case $1 in
    --build) build=$2 ;;
    --logs) logs=$2 ;;
    *) echo "gpu-bench: unknown argument '$1'; see the head of $0" >&2; exit 2 ;;
  esac
  shift 2
done
command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1 ||
  { echo "gpu-bench: needs a GPU and its driver; nvidia-smi found none" >&2; exit 2; }
[[ -x $build/tessera ]] || { echo "gpu-bench: needs a build in $build; got none. make build CMAKE_ARGS=-DTESSERA_CUDA=ON, or --build DIR" >&2; exit 2; }
mkdir -p "$logs"

"$build/tessera" doctor >"$logs/bench-doctor.log" 2>&1
if python3 -c "import torch, torchvision" 2>/dev/null; then
  timeout 420 python3 tests/bench/train_throughput_torch.py "$build/tessera" \
    >"$logs/bench-train.log" 2>"$logs/bench-train.err" || echo "training: status $?; see $logs/bench-train.err" >>"$logs/bench-train.log"
else
  echo "skipped: python3 has no torch and torchvision" >"$logs/bench-train.log"
fi

echo
echo "gpu-bench, $(date -u +%F), $(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | head -n 1)"
sed -n '/^CUDA/,/^$/p' "$logs/bench-doctor.log"
cat "$logs/bench-train.log"
