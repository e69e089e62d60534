// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/measurement.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <span>

namespace enfilade::detail {

inline result<Measurement> hash_file(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errc::attest_device_unavailable;
  Sha256 hash;
  std::array<std::byte, 1 << 14> chunk;
  for (;;) {
    const ssize_t count = ::read(fd, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      ::close(fd);
      if (count < 0) return errc::attest_device_unavailable;
      return Measurement{hash.finish()};
    }
    hash.update(std::span{chunk}.first(static_cast<std::size_t>(count)));
  }
}

/// The SHA-256 of the running program's file, computed once. What a program says of itself this way
/// proves nothing: it is for stand-ins of a TEE, which measures from outside.
inline const result<Measurement>& own_binary() {
  static const result<Measurement> value = hash_file("/proc/self/exe");
  return value;
}

}  // namespace enfilade::detail
