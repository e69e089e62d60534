// SPDX-License-Identifier: Apache-2.0
//
// Contract: whoever has no keys brings a session to release nothing: it opens not one record, its
// first error is its last, and the body it was given holds zeros.
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/wire/session.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  session<ChaChaPoly> end{detail::direction<ChaChaPoly>{Key<32>{}},
                          detail::direction<ChaChaPoly>{Key<32>{}}};
  if (size < record_prefix_size) return 0;
  const auto in = std::as_bytes(std::span{data, size});
  const auto prefix = in.first<record_prefix_size>();
  const result<record_header> header = end.open_header(prefix);
  if (header && header->body_length > max_record_body) std::abort();
  std::vector<std::byte> body(in.begin() + record_prefix_size, in.end());
  if (header) body.resize(header->body_length);
  const result<void> opened = end.open(prefix, body);
  if (opened) std::abort();
  if (std::ranges::any_of(body, [](std::byte b) { return b != std::byte{0}; })) std::abort();
  if (end.end_of_stream().error() != opened.error()) std::abort();
  return 0;
}
