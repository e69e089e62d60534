// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>

#include <boost/system/result.hpp>

#include <string_view>

namespace enfilade {

/// Why evidence was refused: the error that the programs report, and the one rule that was broken.
///
/// `rule` is `reader.what`, such as `cbor.not_minimal`: stable, for tables and tests. It lives as
/// long as the program and holds nothing of the evidence.
struct refusal {
  errc code;
  std::string_view rule;

  friend bool operator==(const refusal&, const refusal&) = default;
};

/// What the readers of evidence return: a value or the rule that the bytes broke.
template <class T>
using judged = boost::system::result<T, refusal>;

}  // namespace enfilade
