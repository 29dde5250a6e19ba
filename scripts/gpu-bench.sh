#!/usr/bin/env bash
# The benchmarks on a GPU, in one call: its limits, training throughput of text and image models
# against PyTorch where Python has it. Prints the tables last; full logs go to a folder. Ends inside
# 10 minutes with prebuilt binaries.
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
# train NAME PACKAGE MODELS: MODELS against PyTorch, which needs PACKAGE for them, in what is left of
# the time.
train() {
  local log=$logs/bench-train-$1 left=$((570 - SECONDS))
  if ((left < 30)); then
    echo "$1: skipped: no time is left" >"$log.log"
  elif python3 -c "import torch, $2" 2>/dev/null; then
    timeout "$left" python3 tests/bench/train_throughput_torch.py "$build/tessera" --models "$3" \
      >"$log.log" 2>"$log.err" || echo "training: status $?; see $log.err" >>"$log.log"
  else
    echo "$1: skipped: python3 has no torch and $2" >"$log.log"
  fi
}
train texts transformers bert_base:64,gpt2_124m:8
train images torchvision resnet50:224:128,vgg16:224:64,resnet18:32:128,vgg16_bn:32:128

echo
echo "gpu-bench, $(date -u +%F), $(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | head -n 1)"
sed -n '/^CUDA/,/^$/p' "$logs/bench-doctor.log"
cat "$logs/bench-train-texts.log" "$logs/bench-train-images.log"
