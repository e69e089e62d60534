// SPDX-License-Identifier: Apache-2.0
//
// The PCR4 of AWS's own documents is in tests/conformance/extended_registers.cpp.
#include <enfilade/attest/nitro/extended_pcr.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>

#include "support/test_authority.hpp"

namespace {

TEST_SUITE("attest/extended_pcr") {
  TEST_CASE("a register that was zero holds the hash of 48 zeros and the value") {
    // By Python's hashlib.
    CHECK(enfilade::detail::to_hex(enfilade::expected_pcr(test::bytes(48, std::byte{7}))) ==
          "1fc1f471d5d8b6de746dfc05996a8525a7a6bcef87e9de13"
          "c863fd826c80a81a8e1dea8da1e94976c1c10e50ccdddc78");
  }
}

}  // namespace
