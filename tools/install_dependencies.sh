#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages that are missing, and calls apt-get only where one is.
#
# Usage: tools/install_dependencies.sh [build|bench|test]
#   build   what compiling the library and its examples needs
#   bench   that, and what bench/run.sh compares with
#   test    that, and what tests/run.sh needs (the default)
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache python3
  libboost1.81-dev libcrypto++-dev libxtensor-dev libxtensor-blas-dev libopenblas-pthread-dev
  nlohmann-json3-dev
)
case "${1:-test}" in
  build) ;;
  bench) packages+=(libssl-dev) ;;
  test)
    packages+=(
      binutils clang-16 clang-format-14 doctest-dev git libclang-rt-16-dev python3-cryptography
      valgrind
    )
    ;;
  *)
    echo "usage: tools/install_dependencies.sh [build|bench|test]" >&2
    exit 64
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "install_dependencies: not a Debian system; going on as if these were installed:" \
    "${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  # shellcheck disable=SC2016  # the format is dpkg's, not the shell's
  state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $state == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

give_up() {
  echo "install_dependencies: $1; these packages are missing: ${missing[*]}" >&2
  exit 20
}

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || give_up "neither root nor sudo"
  as_root=(sudo)
fi
command -v apt-get >/dev/null || give_up "no apt-get"

echo "install_dependencies: installing ${missing[*]}"
apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get --quiet --quiet --option Acquire::Retries=3 "$@"
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt_get update && apt_get install --yes --no-install-recommends "${missing[@]}"; } \
  >"$log" 2>&1; then
  tail --lines=20 "$log" >&2
  give_up "apt-get failed"
fi
