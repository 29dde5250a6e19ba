#!/usr/bin/env bash
# Runs the program on a file system that is really full, and on one that is read-only: each time a
# message, exit status 1 and nothing half-written; then, with room again, the run goes on to the
# same bytes as one that never stopped. Exit status 77 (skipped) where no file system can be mounted.
#   full_disk.sh PROGRAM
set -euo pipefail
program=$1

if (($# == 1)); then
  # In a mount namespace of its own: as root, or as the root of a user namespace.
  work=$(mktemp -d)
  trap 'rmdir "$work"' EXIT
  for options in --mount "--mount --user --map-root-user"; do
    read -ra namespace <<<"unshare $options"
    "${namespace[@]}" mount -t tmpfs tmpfs "$work" 2>/dev/null || continue
    "${namespace[@]}" "$0" "$program" "$work"
    exit
  done
  echo "skipped: no permission to mount a file system"
  exit 77
fi

work=$2
mount -t tmpfs -o size=64M tmpfs "$work"
mkdir "$work/disk"
cat >"$work/tiny.yaml" <<'YAML'
run: {name: tiny, threads: 1}
data: {type: glyphs, batch_size: 36, train_samples: 144, test_samples: 72}
model: {type: mlp, hidden: [32, 32]}
train: {epochs: 1}
checkpoint: {every: 1st}
prune: {granularity: 8, score: {type: magnitude}, schedule: {type: one_shot},
        prune_first_and_last: true, dense_control: false, fine_tune: {epochs: 1}}
YAML

# A finding of a sanitizer must not look like an error of the program.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:exitcode=99 UBSAN_OPTIONS=exitcode=99
run() { "$program" run "$work/tiny.yaml" --resume auto "run.dir=$1"; }
fail() { echo "FAILED: $*"; cat "$work/errors"; exit 1; }
must_stop() { # FOLDER MESSAGE WHAT
  local status=0
  run "$1" >"$work/output" 2>"$work/errors" || status=$?
  [[ $status == 1 ]] || fail "$3: exit status $status, not 1"
  [[ $(<"$work/errors") == "tessera: ["*"$2"* ]] || fail "$3: the message must name '$2'"
  [[ -z $(find "$work/disk" -name '*.tmp') ]] || fail "$3: a temporary file is left"
  echo "$3: $(<"$work/errors")"
}

run "$work/whole" >/dev/null
mount -t tmpfs -o size=64k tmpfs "$work/disk"

# From a disk without a free page to one that holds most of the run.
for kilobytes in 0 8 16 200 400 600; do
  mount -o remount,size=$((64 + kilobytes))k "$work/disk"
  head -c 65536 /dev/zero >"$work/disk/ballast"
  must_stop "$work/disk/run" "No space left on device" "$kilobytes KiB free"
done
rm "$work/disk/ballast"

mount -o remount,size=64M,ro "$work/disk"
must_stop "$work/disk/run" "Read-only file system" "an unfinished run on a read-only disk"
must_stop "$work/disk/new" "Read-only file system" "a new run on a read-only disk"
mount -o remount,rw "$work/disk"
run "$work/disk/run" >/dev/null || fail "the run must go on when there is room"
cmp "$work/whole/model.safetensors" "$work/disk/run/model.safetensors"
echo "with room again, it ended in the same bytes"
