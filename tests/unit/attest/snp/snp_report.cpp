// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/snp/snp_report.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "support/refusal_text.hpp"
#include "support/snp_maker.hpp"

namespace {

using namespace enfilade;
using test::bytes;
using test::snp_report_fields;

/// The rule that the report breaks; "read" where it breaks none.
std::string_view rule(const bytes& report, errc code = errc::attest_malformed) {
  const auto read = read_snp_report(report);
  if (read) return "read";
  CHECK(read.error().code == code);
  return read.error().rule;
}
std::string_view rule(const snp_report_fields& fields, errc code = errc::attest_malformed) {
  return rule(fields.encoded(), code);
}

/// With one bit of a good report changed.
std::string_view with_bit(std::size_t byte, unsigned bit, std::uint32_t version = 3) {
  bytes report = snp_report_fields{}.version(version).encoded();
  report[byte] ^= std::byte{1} << bit;
  return rule(report);
}

void all_zero(std::size_t from, std::size_t end, std::string_view named,
              std::uint32_t version = 3) {
  for (std::size_t at = from; at != end; ++at)
    for (unsigned bit = 0; bit != 8; ++bit) {
      CAPTURE(at);
      CHECK(with_bit(at, bit, version) == named);
    }
}

TEST_SUITE("attest/snp_report") {
  TEST_CASE("a report says what stands in it") {
    snp_report_fields fields;
    fields.put<std::uint64_t>(0x008, 0x3AB1F).put<std::uint32_t>(0x030, 2);
    fields.put<std::uint32_t>(0x048, 1).fill(0x110, 48, 0xAA);
    fields.put<std::uint64_t>(0x038, 1).put<std::uint64_t>(0x180, 2);
    fields.put<std::uint64_t>(0x1E0, 3).put<std::uint64_t>(0x1F0, 4);
    fields.put<std::uint8_t>(0x1EC, 28).put<std::uint8_t>(0x2A0, 9).put<std::uint8_t>(0x2E8, 8);
    const bytes report = fields.encoded();
    const auto read = read_snp_report(report);
    REQUIRE(read.has_value());
    CHECK(read->version == 3);
    CHECK(read->guest_svn == 7);
    CHECK(read->policy == snp_policy{.abi_major = 0xAB, .abi_minor = 0x1F, .smt = true});
    CHECK(read->vmpl == 2);
    CHECK(read->platform == snp_platform{.smt = true, .ecc = true, .alias_check = true});
    CHECK(read->signer == snp_signer::vcek);
    CHECK(read->has_author_key);
    CHECK_FALSE(read->chip_key_masked);
    CHECK(read->product == snp_product::milan);
    CHECK(read->current_tcb == 1);
    CHECK(read->reported_tcb == 2);
    CHECK(read->committed_tcb == 3);
    CHECK(read->launch_tcb == 4);
    CHECK(read->current == snp_firmware{.major = 1, .minor = 55, .build = 29});
    CHECK(read->committed == snp_firmware{.major = 1, .minor = 55, .build = 28});
    const auto is = [&](detail::byte_span field, std::size_t at, std::size_t size) {
      return field.data() == report.data() + at && field.size() == size;
    };
    CHECK(is(read->family_id, 0x010, 16));
    CHECK(is(read->image_id, 0x020, 16));
    CHECK(is(read->report_data, 0x050, 64));
    CHECK(is(read->measurement, 0x090, 48));
    CHECK(is(read->host_data, 0x0C0, 32));
    CHECK(is(read->id_key_digest, 0x0E0, 48));
    CHECK(is(read->author_key_digest, 0x110, 48));
    CHECK(is(read->report_id, 0x140, 32));
    CHECK(is(read->migration_agent, 0x160, 32));
    CHECK(is(read->chip_id, 0x1A0, 64));
    CHECK(is(read->signed_part, 0, 0x2A0));
    CHECK(read->signature[47] == std::byte{9});  // little-endian there, big-endian here
    CHECK(read->signature[95] == std::byte{8});
  }

  TEST_CASE("every truncation is refused by its size, and so is a byte too many") {
    bytes report = snp_report_fields{}.encoded();
    report.push_back(std::byte{0});
    CHECK(rule(report) == "snp.size");
    report.pop_back();
    CHECK(rule(report) == "read");
    while (!report.empty()) {
      report.pop_back();
      CHECK(rule(report) == "snp.size");
    }
  }

  TEST_CASE("versions 2 to 4 are read, and 5 is refused by its name") {
    for (const std::uint32_t version : {2U, 3U, 4U})
      CHECK(rule(snp_report_fields{}.version(version)) == "read");
    CHECK(rule(snp_report_fields{}.version(5), errc::attest_unsupported_format) == "snp.version_5");
    for (const std::uint32_t version : {0U, 1U, 6U, 0x102U, 0xFFFFFFFFU})
      CHECK(rule(snp_report_fields{}.put(0, version), errc::attest_unsupported_format) ==
            "snp.version");
  }

  TEST_CASE("it is signed by ECDSA on P-384") {
    for (const std::uint32_t algorithm : {0U, 2U, 0x101U})
      CHECK(rule(snp_report_fields{}.put(0x034, algorithm), errc::attest_unsupported_format) ==
            "snp.signature_algorithm");
  }

  TEST_CASE("every bit without a meaning is zero") {
    all_zero(0x04C, 0x050, "snp.reserved_signer");
    for (unsigned bit = 5; bit != 8; ++bit) CHECK(with_bit(0x048, bit) == "snp.reserved_signer");
    all_zero(0x049, 0x04C, "snp.reserved_signer");
    all_zero(0x18B, 0x1A0, "snp.reserved_processor");
    all_zero(0x188, 0x1A0, "snp.reserved_processor", 2);  // CPUID came with version 3
    all_zero(0x1EB, 0x1EC, "snp.reserved_firmware");
    all_zero(0x1EF, 0x1F0, "snp.reserved_firmware");
    for (const std::uint32_t version : {2U, 3U, 4U})
      all_zero(0x1F8, 0x2A0, "snp.reserved_end", version);
    all_zero(0x2A0 + 48, 0x2E8, "snp.signature_r");
    all_zero(0x2E8 + 48, 0x330, "snp.signature_s");
    all_zero(0x330, 0x4A0, "snp.reserved_signature");
  }

  TEST_CASE("the policy has bit 17, and none above 25") {
    CHECK(rule(snp_report_fields{}.put<std::uint64_t>(0x008, 0x10000)) == "snp.policy_reserved");
    for (int bit = 26; bit != 64; ++bit)
      CHECK(rule(snp_report_fields{}.put<std::uint64_t>(
                0x008, 0x30000 | std::uint64_t{1} << bit)) == "snp.policy_reserved");
  }

  TEST_CASE("each bit of the policy has its name") {
    const auto policy = [](int bit) {
      snp_report_fields fields;
      const bytes report = fields.put<std::uint64_t>(0x008, 0x20000 | 1U << bit).encoded();
      return read_snp_report(report)->policy;
    };
    CHECK(policy(17) == snp_policy{});
    CHECK(policy(16) == snp_policy{.smt = true});
    CHECK(policy(18) == snp_policy{.migration = true});
    CHECK(policy(19) == snp_policy{.debug = true});
    CHECK(policy(20) == snp_policy{.single_socket = true});
    CHECK(policy(21) == snp_policy{.cxl = true});
    CHECK(policy(22) == snp_policy{.aes_256_xts = true});
    CHECK(policy(23) == snp_policy{.rapl_disabled = true});
    CHECK(policy(24) == snp_policy{.ciphertext_hiding = true});
    CHECK(policy(25) == snp_policy{.page_swap_disabled = true});
  }

  TEST_CASE("each of the machine's eight bits has its name, and there are no others") {
    const auto platform = [](int bit) {
      snp_report_fields fields;
      const bytes report = fields.put(0x040, std::uint64_t{1} << bit).encoded();
      return read_snp_report(report)->platform;
    };
    CHECK(platform(0) == snp_platform{.smt = true});
    CHECK(platform(1) == snp_platform{.tsme = true});
    CHECK(platform(2) == snp_platform{.ecc = true});
    CHECK(platform(3) == snp_platform{.rapl_disabled = true});
    CHECK(platform(4) == snp_platform{.ciphertext_hiding = true});
    CHECK(platform(5) == snp_platform{.alias_check = true});
    CHECK(platform(6) == snp_platform{.iommu_write_safe = true});
    CHECK(platform(7) == snp_platform{.tio = true});
    all_zero(0x041, 0x048, "snp.platform_reserved");
  }

  TEST_CASE("it is signed by a VCEK, a VLEK, or nobody, and by no other key") {
    const auto info = [](std::uint32_t value) { return snp_report_fields{}.put(0x048, value); };
    const auto signer = [&](std::uint32_t key) {
      const bytes report = info(key << 2).encoded();
      return read_snp_report(report)->signer;
    };
    CHECK(signer(0) == snp_signer::vcek);
    CHECK(signer(1) == snp_signer::vlek);
    CHECK(signer(7) == snp_signer::none);
    for (std::uint32_t key = 2; key != 7; ++key) CHECK(rule(info(key << 2)) == "snp.signing_key");
    const bytes masked = info(2).encoded();
    CHECK(read_snp_report(masked)->chip_key_masked);
  }

  TEST_CASE("without an author key there is no digest of one") {
    CHECK(rule(snp_report_fields{}.fill(0x110, 48, 1)) == "snp.author_key");
    CHECK(rule(snp_report_fields{}.fill(0x13F, 1, 1)) == "snp.author_key");
    CHECK(rule(snp_report_fields{}.fill(0x110, 48, 1).put<std::uint32_t>(0x048, 1)) == "read");
  }

  TEST_CASE("it was asked for in VMPL 0 to 3, and not by the hypervisor") {
    for (const std::uint32_t vmpl : {0U, 1U, 2U, 3U})
      CHECK(rule(snp_report_fields{}.put(0x030, vmpl)) == "read");
    for (const std::uint32_t vmpl : {4U, 0x100U, 0xFFFFFFFEU})
      CHECK(rule(snp_report_fields{}.put(0x030, vmpl)) == "snp.vmpl");
    CHECK(rule(snp_report_fields{}.put(0x030, 0xFFFFFFFFU), errc::attest_unsupported_format) ==
          "snp.requested_by_host");
  }

  TEST_CASE("from version 3 on the processor is one that is known") {
    CHECK(rule(snp_report_fields{}.processor(0x19, 0x21), errc::attest_unsupported_format) ==
          "snp.processor_unknown");
    const bytes second = snp_report_fields{}.version(2).encoded();
    CHECK_FALSE(read_snp_report(second)->product.has_value());
    const bytes genoa = snp_report_fields{}.processor(0x19, 0xA0).version(4).encoded();
    CHECK(read_snp_report(genoa)->product == snp_product::genoa);
  }
}

}  // namespace
