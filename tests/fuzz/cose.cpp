// SPDX-License-Identifier: Apache-2.0
//
// Contract: a COSE_Sign1 message that is read is the only encoding of its parts, but for the tag;
// its signature has the length of its algorithm; what is signed names the header and the payload.
#include <enfilade/attest/cose/cose.hpp>

#include "script.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace enfilade;
using bytes = std::vector<std::byte>;

void append(bytes& out, detail::byte_span more) { out.insert(out.end(), more.begin(), more.end()); }

void put_string(bytes& out, detail::byte_span content) {
  const std::size_t size = content.size();
  if (size < 24) {
    out.push_back(static_cast<std::byte>(0x40 | size));
  } else if (size < 0x100) {
    append(out, std::array{std::byte{0x58}, static_cast<std::byte>(size)});
  } else {
    append(out, std::array{std::byte{0x59}, static_cast<std::byte>(size >> 8),
                           static_cast<std::byte>(size)});
  }
  append(out, content);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto encoded = std::as_bytes(std::span{data, size});
  const auto message = read_cose_sign1(encoded);
  if (!message) {
    fuzz::require(message.error().code == errc::attest_malformed ||
                  message.error().code == errc::attest_unsupported_format);
    return 0;
  }
  bytes again;
  if (encoded.front() == std::byte{0xD2}) again.push_back(std::byte{0xD2});
  again.push_back(std::byte{0x84});
  put_string(again, message->protected_header);
  append(again, message->unprotected);
  put_string(again, message->payload);
  put_string(again, message->signature);
  fuzz::require(std::ranges::equal(encoded, again));
  fuzz::require(message->signature.size() ==
                (message->algorithm == cose_algorithm::es256 ? 64U : 96U));

  bytes expected{std::byte{0x84}, std::byte{0x6A}};
  append(expected, detail::bytes_of("Signature1"));
  put_string(expected, message->protected_header);
  put_string(expected, {});
  put_string(expected, message->payload);
  bytes is_signed;
  cose_signed_bytes(*message, {}, [&](detail::byte_span piece) { append(is_signed, piece); });
  fuzz::require(is_signed == expected);
  return 0;
}
