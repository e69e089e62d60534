// SPDX-License-Identifier: Apache-2.0
//
// Public keys over P-256 and P-384 come with evidence: reading them never throws, and what is read
// as a point ends in the point's coordinates and has no second form.
#include <enfilade/cipher/curve.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

namespace {

using bytes = std::span<const std::byte>;

template <class Curve>
void read(bytes input) {
  using point = enfilade::curve_point<Curve>;
  const auto raw = point::from_uncompressed(input);
  const auto info = point::from_key_info(input);
  if (raw && info) std::abort();
  for (const auto& key : {raw, info}) {
    if (!key) continue;
    const bytes coordinates = input.last(2 * Curve::size);
    if (!std::ranges::equal(key->x(), coordinates.first(Curve::size))) std::abort();
    if (!std::ranges::equal(key->y(), coordinates.last(Curve::size))) std::abort();
    if (point::from_coordinates(key->x(), key->y()) != key) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bytes input = std::as_bytes(std::span{data, size});
  read<enfilade::P256>(input);
  read<enfilade::P384>(input);
  return 0;
}
