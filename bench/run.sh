#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds and runs the benchmarks: a table on stdout, and JSON rows on request.
#
# Usage: bench/run.sh [link|decode|attest|compile|all] [--json FILE] [--rounds N]
#
# Every figure is the median over interleaved rounds; a floor or a peer was measured in the same
# rounds, and the ratio is the median of the ratios of each round. Times of one machine cannot be
# compared with those of another, nor of another hour: ratios can.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
suites=()
json=()
rounds=
usage() {
  echo "bench/run.sh: usage: $1. See the head of bench/run.sh." >&2
  exit 64
}
while (($#)); do
  case $1 in
    link | decode | attest | compile) suites+=("$1") ;;
    all) suites+=(link decode attest compile) ;;
    --json) (($# > 1)) || usage "--json needs a file"; json=(--json "$2"); shift ;;
    --rounds) (($# > 1)) || usage "--rounds needs a number"; rounds=$2; shift ;;
    *) usage "'$1' is not a suite" ;;
  esac
  shift
done
((${#suites[@]})) || suites=(link decode attest compile)

"$root/tools/install_dependencies.sh" bench >&2
build=$root/build/bench
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_EXTENSIONS=OFF \
  -DENFILADE_BUILD_TESTS=OFF -DENFILADE_BUILD_BENCH=ON -DENFILADE_INSTALL=OFF >/dev/null

rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
for suite in "${suites[@]}"; do
  echo "bench: $suite" >&2
  case $suite in
    compile)
      python3 "$root/bench/compile/compose.py" --rows ${rounds:+--rounds "$rounds"} >>"$rows"
      python3 "$root/bench/compile/stages.py" --build "$build" ${rounds:+--rounds "$rounds"} >>"$rows"
      ;;
    *)
      cmake --build "$build" --target "bench-$suite" >&2
      # One BLAS thread: a stage gets its threads from its own option, never from the environment.
      OPENBLAS_NUM_THREADS=1 "$build/bench/bench-$suite" ${rounds:+"$rounds"} >>"$rows"
      ;;
  esac
done
python3 "$root/bench/table.py" "$rows" "${json[@]}"
