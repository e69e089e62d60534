#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing, builds everything in every way that is tested, runs all tests. Its last
# line is the verdict: N passed, N failed[, N skipped].
#
# Usage: tests/run.sh [--quick] [--preset NAME]... [--filter REGEX]
#   --quick          only the preset dev: the everyday check
#   --preset NAME    only this preset of CMakePresets.json
#   --filter REGEX   only the tests whose name matches
#
# Logs and results stay in build/results/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C.UTF-8

presets=()
filter=""
while (($#)); do
  case "$1" in
    --quick) presets+=(dev) ;;
    --preset) presets+=("${2:?--preset needs a name}") && shift ;;
    --filter) filter="${2:?--filter needs a regular expression}" && shift ;;
    *)
      sed --quiet '/^# Usage/,/^# Logs/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
      exit 64
      ;;
  esac
  shift
done

((${#presets[@]})) || presets=(release asan clang-asan tsan fuzz)

results=build/results
rm -rf "$results"
mkdir -p "$results"
jobs=$(nproc)

progress() { printf '[%5d s] %s\n' "$SECONDS" "$*"; }

# step NAME LOG COMMAND...: runs it into a log; where it fails, shows the log's errors.
step() {
  local name=$1 log=$2
  shift 2
  progress "$name"
  if "$@" >"$log" 2>&1; then return 0; fi
  progress "$name: FAILED, see $log"
  { grep --extended-regexp --max-count=20 'error:|Error|undefined reference' "$log" ||
    tail --lines=20 "$log"; } | cut --characters=-300
  return 1
}

progress "packages"
tools/install_dependencies.sh test

for preset in "${presets[@]}"; do
  begun=$SECONDS
  outcome=built
  if ! step "$preset: configure" "$results/$preset.configure.log" \
    cmake --preset "$preset" -DENFILADE_FUZZ_SECONDS="${ENFILADE_FUZZ_SECONDS:-3}"; then
    outcome=not-configured
  else
    # -k 0: what does not compile must not hide what does.
    step "$preset: build" "$results/$preset.build.log" \
      cmake --build --preset "$preset" -j "$jobs" -- -k 0 || outcome=not-built
    progress "$preset: test"
    export ENFILADE_CAMPAIGNS=$PWD/$results/campaigns-$preset
    mkdir -p "$ENFILADE_CAMPAIGNS"
    selection=(--no-tests=error)
    [[ -z $filter ]] || selection=(--tests-regex "$filter" --no-tests=ignore)
    ctest --preset "$preset" --parallel "$jobs" "${selection[@]}" \
      --output-junit "$PWD/$results/$preset.xml" >"$results/$preset.test.log" 2>&1 || true
  fi
  printf '%s\t%s\t%d\n' "$preset" "$outcome" $((SECONDS - begun)) >>"$results/steps.tsv"
done

progress "done"
python3 tools/security_report.py "$results"/campaigns-* || progress "a campaign did not hold"
python3 tests/summary.py "$results"
