// SPDX-License-Identifier: Apache-2.0
//
// Contract: whatever 64 bytes are not refused as a message header are exactly what its fields encode
// to, and its shape holds exactly its payload, which is within the bound.
#include <enfilade/wire/message.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  if (size != message_header_size) return 0;
  const auto in = std::as_bytes(std::span<const std::uint8_t, message_header_size>{data, size});
  const result<message_header> header = decode(in);
  if (!header) return 0;
  unsigned __int128 payload = element_size(header->dtype);
  for (std::size_t i = 0; i != header->rank; ++i) payload *= header->shape[i];
  if (payload != header->payload_size || payload > max_payload_size) std::abort();
  std::array<std::byte, message_header_size> again{};
  encode(*header, again);
  if (!std::ranges::equal(in, again)) std::abort();
  return 0;
}
