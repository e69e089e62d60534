// SPDX-License-Identifier: Apache-2.0
//
// Contract: whatever 16 bytes are not refused as a record header are exactly what its fields encode
// to, and the length is within the bounds of the type.
#include <enfilade/wire/frame.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  if (size != record_header_size) return 0;
  const auto in = std::as_bytes(std::span<const std::uint8_t, record_header_size>{data, size});
  const result<record_header> header = decode(in);
  if (!header) return 0;
  if (header->body_length > max_record_body || !check(*header)) std::abort();
  std::array<std::byte, record_header_size> again{};
  encode(*header, again);
  if (!std::ranges::equal(in, again)) std::abort();
  return 0;
}
