// SPDX-License-Identifier: Apache-2.0
//
// Contract: bytes that are read as a DER signature are the only encoding of its two numbers.
#include <enfilade/cipher/der_signature.hpp>

#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using bytes = std::vector<std::byte>;

// X.690, written down once more: the shortest form that is not negative.
bytes integer(std::span<const std::byte> digits) {
  while (digits.size() > 1 && digits.front() == std::byte{0}) digits = digits.subspan(1);
  const bool top_bit = (digits.front() & std::byte{0x80}) != std::byte{0};
  bytes out{std::byte{2}, static_cast<std::byte>(digits.size() + (top_bit ? 1 : 0))};
  if (top_bit) out.push_back(std::byte{0});
  out.insert(out.end(), digits.begin(), digits.end());
  return out;
}

template <std::size_t Size>
void read(std::span<const std::byte> der) {
  const auto signature = enfilade::read_der_signature<Size>(der);
  if (!signature) return;
  const bytes r = integer(std::span{*signature}.template first<Size>());
  const bytes s = integer(std::span{*signature}.template last<Size>());
  bytes again{std::byte{0x30}, static_cast<std::byte>(r.size() + s.size())};
  again.insert(again.end(), r.begin(), r.end());
  again.insert(again.end(), s.begin(), s.end());
  fuzz::require(std::ranges::equal(der, again));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto der = std::as_bytes(std::span{data, size});
  read<32>(der);
  read<48>(der);
  return 0;
}
