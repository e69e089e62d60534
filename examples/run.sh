#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The main job: a GPT-2 pipeline whose stages are separate processes, joined by sealed links through
# an untrusted host relay, answers a prompt. Installs and builds what is missing.
#
# Usage: examples/run.sh PROMPT [--stages 1|2|3] [--max-tokens N] [--model DIR] [--json FILE]
#
#   --stages N      how many stages the model is cut into (default 2)
#   --max-tokens N  tokens to generate at most (default 32)
#   --model DIR     a model directory in Hugging Face layout (default: models/atlas)
#   --json FILE     write the figures of the table, every token's time, and what ran where
#
# Exit codes: those of docs/errors.md.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
stages=2
max_tokens=32
model=$root/models/atlas
json=()
prompt=
prompt_given=false

usage() {
  echo "run.sh: usage: $1. See the head of examples/run.sh." >&2
  exit 64
}
while (($#)); do
  case $1 in
    --help) sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    --stages | --max-tokens | --model | --json)
      (($# > 1)) || usage "$1 needs a value"
      case $1 in
        --stages) stages=$2 ;;
        --max-tokens) max_tokens=$2 ;;
        --model) model=$2 ;;
        --json) json=(--json "$2") ;;
      esac
      shift 2
      ;;
    --*) usage "'$1' is not an option" ;;
    *)
      $prompt_given && usage "one prompt, in quotes"
      prompt=$1 prompt_given=true
      shift
      ;;
  esac
done
$prompt_given || usage "a prompt is missing"
[[ $stages =~ ^[123]$ ]] || usage "--stages takes 1, 2 or 3"

# --- install and build -------------------------------------------------------------------------------

"$root/tools/install_dependencies.sh" build >&2

# The compiled model must be the one in the directory. Where config.json is none that is known, the
# stages of Atlas say what is wrong with it.
number() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$model/config.json" 2>/dev/null | head -n 1; }
case "$(number n_layer)x$(number n_embd)" in
  12x768) name=gpt2small ;;
  24x1024) name=gpt2medium ;;
  36x1280) name=gpt2large ;;
  48x1600) name=gpt2xl ;;
  *) name=atlas ;;
esac
name+=$stages

build=$root/build/examples
targets=("$name-client" enfilade-relay)
for ((i = 0; i < stages; ++i)); do targets+=("$name-stage$i"); done
make_programs() {
  [[ -f $build/build.ninja ]] ||
    cmake -S "$root" --preset release -B "$build" -DENFILADE_BUILD_TESTS=OFF -DENFILADE_INSTALL=OFF
  cmake --build "$build" --target "${targets[@]}"
}
# Says nothing where all is built; else how far it is, in place on a terminal.
build_shown() {
  flock 9  # two of these scripts may have been started at once
  make_programs >"$build/log" 2>&1 &
  local builder=$! shown=false
  for ((ticks = 0; ; ++ticks)); do
    kill -0 "$builder" 2>/dev/null || break
    sleep 0.1
    ((ticks >= 10)) || continue
    $shown || echo "run.sh: building $name (a minute or two, once)" >&2
    shown=true
    [[ -t 2 ]] && printf '\r\033[K%.70s' "$(tail -n 1 "$build/log")" >&2
  done
  $shown && [[ -t 2 ]] && printf '\r\033[K' >&2
  wait "$builder" && return
  tail -n 30 "$build/log" >&2
  return 1
}
mkdir -p "$build"
(build_shown) 9>"$build/lock" || exit 1
bin=$build/examples

# --- run -----------------------------------------------------------------------------------------------

work=$(mktemp -d)
declare -A role_of=()  # process id → what it is
client=
interrupted=false

# Whatever ends this script ends everything that it started.
finish() {
  trap "" INT TERM HUP
  trap - EXIT
  ((${#role_of[@]})) && kill -TERM "${!role_of[@]}" 2>/dev/null
  wait
  rm -rf "$work"
}
trap finish EXIT

# The client ends a request in its own words; before there is one, this script says it.
interrupt() {
  interrupted=true
  [[ -n $client ]] && kill -INT "$client" 2>/dev/null && return 0
  echo "run.sh: request.cancelled: interrupted: the request was ended by its client. Ask again." \
    "(docs/errors.md#request.cancelled)" >&2
  exit 75
}
trap interrupt INT TERM HUP

# start ROLE PROGRAM ARGUMENT...: its stderr goes to $work/ROLE; it ends when this script is killed.
start() {
  local role=$1
  shift
  : >"$work/$role"  # whoever looks for the address may be faster than the process
  setpriv --pdeathsig TERM "$@" 2>"$work/$role" &
  role_of[$!]=$role
}

# The line with which a process ended; its log has the others.
last_line() { tail -n 1 "$work/$1" >&2; }

# ended ROLE CODE: ends this script with the error of a process that should still be there.
ended() {
  if (($2 >= 128)); then
    echo "run.sh: stage.lost: $1 was killed: a stage went away in the middle of its work." \
      "Start again. (docs/errors.md#stage.lost)" >&2
    exit 69
  fi
  last_line "$1"
  exit $(($2 == 0 ? 69 : $2))
}

# Returns where everything that was started still runs.
all_there() {
  local pid code
  for pid in "${!role_of[@]}"; do
    kill -0 "$pid" 2>/dev/null && continue
    code=0
    wait "$pid" || code=$?
    ended "${role_of[$pid]}" "$code"
  done
}

# address ROLE: where it listens; ends the script with its error where it cannot.
address() {
  while true; do
    address=$(sed -n 's/.*listening at \([^, ]*\).*/\1/p' "$work/$1" | head -n 1)
    [[ -n $address ]] && return
    all_there
    sleep 0.01
  done
}

# Each stage says what it is, and what it demands of the next one is part of that: so the last one is
# asked first, and the file in the end holds every end of every link to its word.
entries='"client": "anyone"'
expect() { echo "{\"enfilade\": \"expectations/1\", \"roles\": {$entries}}" >"$work/expectations.json"; }
expect
for ((i = stages - 1; i >= 0; --i)); do
  entry=$("$bin/$name-stage$i" --measure --model "$model" --expect "$work/expectations.json" \
    2>"$work/stage$i") || {
    code=$?
    last_line "stage$i"
    exit "$code"
  }
  entries+=", $entry"
  expect
done

# Init time counts from here: weights, handshakes, evidence.
since=$(date +%s%3N)

# From the last room to the first: each needs the address of the next.
next=()
for ((i = stages - 1; i >= 0; --i)); do
  start "stage$i" "$bin/$name-stage$i" --listen tcp:127.0.0.1:0 --model "$model" \
    --expect "$work/expectations.json" "${next[@]}"
  address "stage$i"
  ((i == 0)) && break
  start "relay$i" "$bin/enfilade-relay" --listen tcp:127.0.0.1:0 --to "$address"
  address "relay$i"
  next=(--next "$address")
done
# Stage 0 is ready once it has met the next one; that takes as long as reading the weights does.
until grep -q 'ready at' "$work/stage0"; do
  all_there
  sleep 0.02
done
setpriv --pdeathsig TERM "$bin/$name-client" --connect "$address" --prompt "$prompt" \
  --max-tokens "$max_tokens" --expect "$work/expectations.json" --since "$since" "${json[@]}" &
client=$!
role_of[$client]=client

while true; do
  code=0
  ended=
  wait -n -p ended "${!role_of[@]}" || code=$?
  if $interrupted; then
    # Ctrl-C reaches everybody at once; what counts is how the client ends. `wait` was woken by the
    # signal, so what it returned is not the client's code.
    code=0
    wait "$client" || code=$?
    exit $((code >= 127 ? 75 : code))
  fi
  [[ -n $ended ]] || continue
  role=${role_of[$ended]}
  unset "role_of[$ended]"
  [[ $role == client ]] && exit "$code"
  # Somebody else ended first. Where it was killed or told to stop, the client has seen that and
  # says it better.
  if ((code == 0 || code >= 128)); then
    for ((tries = 0; tries < 150; ++tries)); do
      kill -0 "$client" 2>/dev/null || break
      sleep 0.01
    done
    if ! kill -0 "$client" 2>/dev/null; then
      code=0
      wait "$client" || code=$?
      unset "role_of[$client]"
      exit "$code"
    fi
  fi
  ended "$role" "$code"
done
