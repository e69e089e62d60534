// reject: E23 alternatives-alike
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/any_of.hpp>
#include <enfilade/attest/insecure.hpp>

#include <cstdint>
#include <string_view>
#include <utility>

using namespace enfilade;

struct Parrot : insecure::Mock {
  static constexpr std::string_view name = "parrot";
#ifdef FIXED
  static constexpr std::uint16_t format = 7;
#endif
  explicit Parrot(registers told = {}) : Mock(std::move(told)) {}
};

#ifdef FIXED
using A = AnyOf<insecure::Mock, Parrot>;
#else
using A = AnyOf<insecure::Mock, Parrot>;
#endif
