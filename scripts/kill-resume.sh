#!/usr/bin/env bash
# Kills a run with SIGKILL at random moments of each of its parts (training, pruning, fine-tuning,
# export, control, comparison), resumes it, and compares its model.safetensors, byte for byte, with
# that of the run that was never killed. Every third run is killed three times, in different parts.
#
#   scripts/kill-resume.sh [--must-hit PART,...] [RUNS=20] [CONFIG=configs/smoke.yaml] [key=value ...]
#
# Exit status 1 where a byte differs, or where no kill fell into one of the parts that must be hit:
# the first four, unless others are named. Few runs, or a device on which a part takes
# milliseconds, miss some.
# PROGRAM: the program (build/tessera). SEED: of the moments (1).
set -euo pipefail
cd "$(dirname "$0")/.."
must_hit=training,pruning,fine-tuning,export
if [[ ${1:-} == --must-hit ]]; then
  must_hit=${2:?kill-resume: --must-hit needs parts, such as training,fine-tuning}
  shift 2
fi
program=${PROGRAM:-build/tessera} runs=${1:-20} config=${2:-configs/smoke.yaml}
shift $(($# < 2 ? $# : 2))
overrides=("$@")
RANDOM=${SEED:-1}
parts=(training pruning fine-tuning export control comparison)
IFS=, read -ra required <<<"$must_hit"
for part in "${required[@]}"; do
  [[ " ${parts[*]} " == *" $part "* ]] ||
    { echo "kill-resume: --must-hit must name some of: ${parts[*]}; got '$part'" >&2; exit 2; }
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkfifo "$folder/output" "$folder/silence"
exec 4<>"$folder/silence" # never written to: reading it with a limit waits without a process

tessera_run=("$program" run "$config" --resume auto "${overrides[@]}")
milliseconds() { echo $((${EPOCHREALTIME/./} / 1000)); }

# Sets `part` to what the run does once it has said a line; most lines change nothing.
part_after() {
  local line=$1
  if [[ $line =~ ^"resumed at step "[0-9]+", in "([a-z]*) ]]; then
    case ${BASH_REMATCH[1]} in
      dense) part=training ;;
      prune) part=fine-tuning ;;
      control) part=control ;;
      *) part=comparison ;;
    esac
  elif [[ $line =~ ^(dense|prune|control)( [0-9]+/[0-9]+)?" epoch "([0-9]+)/([0-9]+): ]]; then
    ((BASH_REMATCH[3] == BASH_REMATCH[4])) || return 0
    case ${BASH_REMATCH[1]} in
      dense) part=pruning ;;
      prune) [[ ${BASH_REMATCH[2]} =~ ^" "([0-9]+)/([0-9]+)$ ]]
        part=$( ((BASH_REMATCH[1] == BASH_REMATCH[2])) && echo export || echo pruning) ;;
      control) part=comparison ;;
    esac
  elif [[ $line =~ ^"prune "[0-9]+/[0-9]+": " ]]; then
    part=fine-tuning
  elif [[ $line == "exported "* ]]; then
    part=control
  fi
}

# Sets `name` to what tells a line from the others of its run: "prune 1/2", "dense epoch 2/2".
name_line() {
  name=${1%%:*}
  [[ $name != "exported "* ]] || name=exported
}

# The run that is never killed: after which lines (`openers`), for how many milliseconds (`lengths`)
# and in which part (`opened`) it works.
openers=("") lengths=() opened=(training) part=training
begin=$(milliseconds) last=$begin
while IFS= read -r line; do
  [[ $line =~ ^(dense|prune|control|exported)" " ]] || continue
  part_after "$line"
  name_line "$line"
  now=$(milliseconds)
  lengths+=($((now - last)))
  last=$now
  openers+=("$name") opened+=("$part")
done < <("${tessera_run[@]}" "run.dir=$folder/whole" 2>"$folder/errors")
now=$(milliseconds)
lengths+=($((now - last)))
[[ -f $folder/whole/model.safetensors ]] || { cat "$folder/errors" >&2; exit 1; }
echo "never killed: $((now - begin)) ms, $(sha256sum <"$folder/whole/model.safetensors" | cut -c1-16)"

# A random moment of one part: sets `opener` and `delay` (milliseconds after it).
choose_moment() {
  local i all=0 at
  for i in "${!opened[@]}"; do [[ ${opened[i]} == "$1" ]] && ((all += lengths[i] + 1)); done
  at=$(((RANDOM * 32768 + RANDOM) % (all > 0 ? all : 1)))
  for i in "${!opened[@]}"; do
    [[ ${opened[i]} == "$1" ]] || continue
    opener=${openers[i]} delay=$at
    ((at > lengths[i])) || return 0
    at=$((at - lengths[i] - 1))
  done
}

# Runs up to the moment, kills, and sets `part` to where that was, or to "finished".
kill_at_moment() {
  local process line
  "${tessera_run[@]}" "run.dir=$folder/run" >"$folder/output" 2>"$folder/errors" &
  process=$!
  exec 3<"$folder/output"
  if [[ -n $opener ]]; then
    while IFS= read -r line <&3; do
      part_after "$line"
      name_line "$line"
      [[ $name == "$opener" ]] && break
    done
  fi
  ((delay == 0)) || read -rt "$((delay / 1000)).$(printf %03d $((delay % 1000)))" -u 4 || true
  kill -KILL "$process" 2>/dev/null || true
  wait "$process" 2>/dev/null || true
  while IFS= read -r line <&3; do part_after "$line"; done
  exec 3<&-
  [[ ! -f $folder/run/summary.json ]] || part=finished
}

different=0 hurry=1
declare -A kills=()
for ((run = 1; run <= runs; ++run)); do
  targets=("${parts[(run - 1) % ${#parts[@]}]}")
  ((run % 3)) || targets=(training fine-tuning export)
  killed=() part=training
  for target in "${targets[@]}"; do
    choose_moment "$target"
    delay=$((delay / hurry))
    kill_at_moment
    [[ $part != finished ]] || break
    killed+=("$part")
    kills[$part]=$((${kills[$part]:-0} + 1))
  done
  if ((${#killed[@]} == 0 && hurry < 64)); then
    # The machine is faster now than in the run that was never killed: sooner, and once more.
    hurry=$((hurry * 2)) run=$((run - 1))
    rm -rf "$folder/run"
    continue
  fi
  "${tessera_run[@]}" "run.dir=$folder/run" >/dev/null 2>"$folder/errors" || { cat "$folder/errors" >&2; exit 1; }
  result=same
  cmp -s "$folder/whole/model.safetensors" "$folder/run/model.safetensors" || result=DIFFERENT
  [[ $result == same ]] || ((++different))
  echo "run $run: killed in ${killed[*]}, resumed: $result"
  rm -rf "$folder/run"
done

spread=""
for part in "${parts[@]}"; do spread+=" $part ${kills[$part]:-0},"; done
echo "kills in:${spread%,}"
echo "$((runs - different)) of $runs ended in the same bytes"
for part in "${required[@]}"; do
  different=$((different + (${kills[$part]:-0} == 0)))
done
((different == 0))
