// SPDX-License-Identifier: Apache-2.0
//
// Contract: reading DER never throws and never leaves the bytes given; the elements of a level stand
// one after the other, and each has the only header that its tag and its size can have.
#include <enfilade/attest/x509/der.hpp>

#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace enfilade;

std::vector<std::byte> header(der_tag tag, std::size_t size) {
  std::vector<std::byte> out{static_cast<std::byte>(tag)};
  if (size < 0x80) {
    out.push_back(static_cast<std::byte>(size));
    return out;
  }
  std::vector<std::byte> digits;
  for (; size != 0; size >>= 8) digits.insert(digits.begin(), static_cast<std::byte>(size));
  out.push_back(static_cast<std::byte>(0x80 + digits.size()));
  out.insert(out.end(), digits.begin(), digits.end());
  return out;
}

template <class Read>
void each(detail::byte_span element, Read read) {
  der_reader reader{element};
  const auto found = read(reader);
  fuzz::require(found || found.error().code == errc::attest_malformed);
  fuzz::require(found || !found.error().rule.empty());
  if (found) fuzz::require(reader.empty());
}

void values(detail::byte_span element) {
  each(element, [](der_reader& r) { return r.integer(); });
  each(element, [](der_reader& r) { return r.magnitude(); });
  each(element, [](der_reader& r) { return r.number(); });
  each(element, [](der_reader& r) { return r.boolean(); });
  each(element, [](der_reader& r) { return r.octet_string(); });
  each(element, [](der_reader& r) { return r.bit_string(); });
  each(element, [](der_reader& r) { return r.named_bits(); });
  each(element, [](der_reader& r) { return r.oid(); });
  each(element, [](der_reader& r) { return r.null(); });
  each(element, [](der_reader& r) { return r.time(); });
}

void level(detail::byte_span bytes, int depth) {
  const std::byte* at = bytes.data();
  for (der_reader reader{bytes}; !reader.empty();) {
    const auto element = reader.any();
    if (!element) return;
    fuzz::require(element->whole.data() == at);
    at += element->whole.size();
    fuzz::require(at <= bytes.data() + bytes.size());
    const auto expected = header(element->tag, element->content.size());
    fuzz::require(element->whole.size() == expected.size() + element->content.size());
    fuzz::require(std::ranges::equal(element->whole.first(expected.size()), expected));
    values(element->whole);
    if (depth != 0) level(element->content, depth - 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  level(std::as_bytes(std::span{data, size}), 4);
  return 0;
}
