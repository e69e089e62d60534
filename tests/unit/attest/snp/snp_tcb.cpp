// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/snp/snp_tcb.hpp>

#include <doctest/doctest.h>

#include <cstdint>

#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;

static_assert(snp_product_of(0x19, 0x01) == snp_product::milan);
static_assert(snp_product_of(0x19, 0x11) == snp_product::genoa);
static_assert(snp_product_of(0x1A, 0x02) == snp_product::turin);
static_assert(snp_tcb{1, 2, 3, 4, 5}.at_least(snp_tcb{1, 2, 3, 4, 5}));

TEST_SUITE("attest/snp_tcb") {
  TEST_CASE("a processor's family and model say which product it is") {
    CHECK(snp_product_of(0x19, 0x00) == snp_product::milan);
    CHECK(snp_product_of(0x19, 0x0F) == snp_product::milan);
    CHECK(snp_product_of(0x19, 0x10) == snp_product::genoa);
    CHECK(snp_product_of(0x19, 0x1F) == snp_product::genoa);
    CHECK_FALSE(snp_product_of(0x19, 0x20).has_value());  // client processors
    CHECK_FALSE(snp_product_of(0x19, 0x9F).has_value());
    CHECK(snp_product_of(0x19, 0xA0) == snp_product::genoa);  // Bergamo, Siena
    CHECK(snp_product_of(0x19, 0xAF) == snp_product::genoa);
    CHECK_FALSE(snp_product_of(0x19, 0xB0).has_value());
    CHECK(snp_product_of(0x1A, 0x00) == snp_product::turin);
    CHECK(snp_product_of(0x1A, 0x1F) == snp_product::turin);  // Turin Dense
    CHECK_FALSE(snp_product_of(0x1A, 0x20).has_value());
    CHECK_FALSE(snp_product_of(0x17, 0x01).has_value());  // Naples and Rome have no SEV-SNP
    CHECK_FALSE(snp_product_of(0x00, 0x00).has_value());
  }

  TEST_CASE("each product has its layout") {
    constexpr std::uint64_t milan = 0xDB18'0000'0000'0604;
    for (const snp_product product : {snp_product::milan, snp_product::genoa})
      CHECK(*snp_tcb::read(milan, product) ==
            snp_tcb{.boot_loader = 4, .tee = 6, .snp = 24, .microcode = 219});
    CHECK(*snp_tcb::read(0xDB00'0000'1806'0401, snp_product::turin) ==
          snp_tcb{.fmc = 1, .boot_loader = 4, .tee = 6, .snp = 24, .microcode = 219});
  }

  TEST_CASE("every bit without a meaning is zero") {
    for (int bit = 0; bit != 64; ++bit) {
      CAPTURE(bit);
      const int byte = bit / 8;
      const std::uint64_t raw = std::uint64_t{1} << bit;
      for (const snp_product product : {snp_product::milan, snp_product::genoa})
        CHECK(snp_tcb::read(raw, product).has_value() == (byte < 2 || byte > 5));
      CHECK(snp_tcb::read(raw, snp_product::turin).has_value() == (byte < 4 || byte == 7));
    }
    CHECK(snp_tcb::read(1 << 16, snp_product::milan).error() ==
          refusal{errc::attest_malformed, "snp.reserved_tcb"});
  }

  TEST_CASE("one part that is below is enough to be below") {
    constexpr snp_tcb floor{1, 2, 3, 4, 5};
    CHECK(snp_tcb{2, 3, 4, 5, 6}.at_least(floor));
    CHECK_FALSE(snp_tcb{0, 9, 9, 9, 9}.at_least(floor));
    CHECK_FALSE(snp_tcb{9, 1, 9, 9, 9}.at_least(floor));
    CHECK_FALSE(snp_tcb{9, 9, 2, 9, 9}.at_least(floor));
    CHECK_FALSE(snp_tcb{9, 9, 9, 3, 9}.at_least(floor));
    CHECK_FALSE(snp_tcb{9, 9, 9, 9, 4}.at_least(floor));
    CHECK(snp_tcb{}.at_least(snp_tcb{}));
  }

  TEST_CASE("products have AMD's names") {
    CHECK(name_of(snp_product::milan) == "Milan");
    CHECK(name_of(snp_product::genoa) == "Genoa");
    CHECK(name_of(snp_product::turin) == "Turin");
  }
}

}  // namespace
