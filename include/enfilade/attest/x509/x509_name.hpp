// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/x509/der.hpp>
#include <enfilade/detail/bytes.hpp>

#include <algorithm>
#include <string_view>

namespace enfilade {

namespace detail {

inline constexpr object_identifier common_name{2, 5, 4, 3};

}  // namespace detail

/// Whether a Name, given whole as `x509_certificate::subject` has it, has one common name and this is
/// it, byte for byte. Whatever else is in the name makes no difference.
inline bool has_common_name(detail::byte_span name, std::string_view wanted) noexcept {
  int found = 0;
  bool equal = false;
  auto sets = der_reader{name}.sequence();
  while (sets && !sets->empty()) {
    auto set = sets->enter(der_tag::set);
    if (!set) return false;
    while (!set->empty()) {
      auto attribute = set->sequence();
      if (!attribute) return false;
      const auto type = attribute->oid();
      const auto value = attribute->any();
      if (!type || !value) return false;
      if (!(detail::common_name == *type)) continue;
      ++found;
      equal = std::ranges::equal(value->content, detail::bytes_of(wanted));
    }
  }
  return found == 1 && equal;
}

}  // namespace enfilade
