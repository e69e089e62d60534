// SPDX-License-Identifier: Apache-2.0
//
// Contract: reading a certificate never throws and never leaves the bytes given; one that is read is
// all of them, within the limits, and without its last byte it is none.
#include <enfilade/attest/x509/x509.hpp>

#include "script.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace enfilade;

void within(detail::byte_span part, detail::byte_span whole) {
  fuzz::require(part.data() >= whole.data());
  fuzz::require(part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto der = std::as_bytes(std::span{data, size});
  const auto found = x509_certificate::parse(der);
  if (!found) {
    const errc code = found.error().code;
    fuzz::require(code == errc::attest_malformed || code == errc::attest_unsupported_format);
    fuzz::require(!found.error().rule.empty());
    return 0;
  }
  fuzz::require(size <= x509_certificate::max_size);
  fuzz::require(found->der().data() == der.data() && found->der().size() == size);
  for (const auto part : {found->signed_part(), found->serial(), found->issuer(), found->subject(),
                          found->key_info(), found->signature()})
    within(part, der);
  fuzz::require(!found->serial().empty() && found->serial().size() <= 20);
  fuzz::require(found->not_before() <= found->not_after());
  fuzz::require(!found->path_length() || found->is_authority());
  fuzz::require(!found->key_usage() || *found->key_usage() != 0);
  constexpr object_identifier constraints{2, 5, 29, 19};
  constexpr object_identifier own{1, 3, 6, 1, 4, 1, 3704, 1, 1};
  if (found->is_authority()) fuzz::require(found->extension(constraints).has_value());
  if (const auto value = found->extension(own)) within(*value, der);
  const std::vector<std::byte> cut(der.begin(), der.end() - 1);
  fuzz::require(!x509_certificate::parse(cut));
  return 0;
}
