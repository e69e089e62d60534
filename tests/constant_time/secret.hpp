// SPDX-License-Identifier: Apache-2.0
#pragma once

// Must come before every header of the library: `equal` publishes its answer through this macro.
#include <valgrind/memcheck.h>

namespace test {

template <class T>
T published(T answer) {
  VALGRIND_MAKE_MEM_DEFINED(&answer, sizeof answer);
  return answer;
}

}  // namespace test

#define ENFILADE_PUBLISH(answer) ::test::published(answer)

#include <enfilade/cipher/key.hpp>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <utility>

// Langley's trick: memcheck reports each branch and each address that depends on memory which
// nobody has written. Secrets are declared to be such memory, so that every report is a place
// where time depends on a secret.
namespace test {

/// From here on memcheck follows these bytes and reports what depends on them.
inline void make_secret(std::span<std::byte> bytes) {
  VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size());
}

/// What leaves the machine anyhow, such as a ciphertext or a public key.
inline void make_public(std::span<const std::byte> bytes) {
  VALGRIND_MAKE_MEM_DEFINED(bytes.data(), bytes.size());
}

template <std::size_t N>
enfilade::Key<N> secret_key(std::size_t which = 1) {
  enfilade::Key<N> key;
  for (std::size_t i = 0; i != N; ++i) key.fill()[i] = static_cast<std::byte>(which + i);
  make_secret(key.fill());
  return key;
}

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "constant_time: not so: %s\n", what);
  std::exit(1);
}

/// That memcheck still follows these bytes: a test whose secrets got lost on the way shows nothing.
inline void require_secret(std::span<const std::byte> bytes, const char* what) {
  unsigned char undefined[4096];
  require(bytes.size() <= sizeof undefined, "at most 4096 bytes at a time");
  require(VALGRIND_GET_VBITS(bytes.data(), undefined, bytes.size()) == 1, "runs under memcheck");
  for (std::size_t i = 0; i != bytes.size(); ++i) require(undefined[i] != 0, what);
}

}  // namespace test
