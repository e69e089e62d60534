// SPDX-License-Identifier: Apache-2.0
//
// Contract: a document that is read is the only encoding of what was read from it, but for the two
// ways to write the end of an array or map; the items that are seen are all of its bytes.
#include <enfilade/attest/cose/cbor.hpp>

#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace enfilade;
using bytes = std::vector<std::byte>;

// RFC 8949 §3, written down once more in the other direction.
void put_head(bytes& out, unsigned major, std::uint64_t value) {
  const auto first = [&](unsigned low) { out.push_back(static_cast<std::byte>(major << 5 | low)); };
  if (value < 24) return first(static_cast<unsigned>(value));
  const int size = value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x100000000 ? 4 : 8;
  first(size == 1 ? 24 : size == 2 ? 25 : size == 4 ? 26 : 27);
  for (int i = size; i-- != 0;) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void put(bytes& out, cbor_value v) {
  const std::size_t begin = out.size();
  const auto content = [&](unsigned major, std::span<const std::byte> all) {
    put_head(out, major, all.size());
    out.insert(out.end(), all.begin(), all.end());
  };
  const auto open = [&](unsigned major) {
    if (v.is_indefinite()) {
      out.push_back(static_cast<std::byte>(major << 5 | 31));
    } else {
      put_head(out, major, v.size());
    }
  };
  std::size_t count = 0;
  switch (v.kind()) {
    case cbor_kind::unsigned_number:
      put_head(out, 0, *v.unsigned_number());
      break;
    case cbor_kind::negative_number: {
      // What is too small for an int64_t can be had from its bytes only.
      if (!v.number()) {
        fuzz::require(v.encoding().size() == 9);
        out.insert(out.end(), v.encoding().begin(), v.encoding().end());
      } else {
        put_head(out, 1, static_cast<std::uint64_t>(-1 - *v.number()));
      }
      break;
    }
    case cbor_kind::bytes:
      content(2, *v.bytes());
      break;
    case cbor_kind::text:
      content(3, std::as_bytes(std::span{v.text()->data(), v.text()->size()}));
      break;
    case cbor_kind::array:
      open(4);
      for (const cbor_value element : v.elements()) {
        put(out, element);
        ++count;
      }
      break;
    case cbor_kind::map:
      open(5);
      for (const auto& [key, value] : v.entries()) {
        put(out, key);
        put(out, value);
        ++count;
      }
      break;
    case cbor_kind::boolean:
      put_head(out, 7, *v.boolean() ? 21 : 20);
      break;
    case cbor_kind::null:
      put_head(out, 7, 22);
      break;
  }
  fuzz::require(count == v.size());
  if (v.is_indefinite()) out.push_back(std::byte{0xFF});
  fuzz::require(std::ranges::equal(v.encoding(), std::span{out}.subspan(begin)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = std::as_bytes(std::span{data, size});
  const auto read = cbor_document::read(document);
  if (!read) {
    fuzz::require(read.error().code == errc::attest_malformed && !read.error().rule.empty());
    return 0;
  }
  bytes again;
  put(again, read->root());
  fuzz::require(std::ranges::equal(document, again));
  return 0;
}
