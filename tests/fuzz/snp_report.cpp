// SPDX-License-Identifier: Apache-2.0
//
// Contract: every field of a report that is read lies within the bytes and within its bounds, and
// nothing of it is left out: written once more from what was read, it is the same report.
#include <enfilade/attest/snp/snp_report.hpp>

#include "script.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace {

using namespace enfilade;

std::uint64_t bits_of(const snp_policy& policy) {
  const std::array flags{policy.smt,
                         true,
                         policy.migration,
                         policy.debug,
                         policy.single_socket,
                         policy.cxl,
                         policy.aes_256_xts,
                         policy.rapl_disabled,
                         policy.ciphertext_hiding,
                         policy.page_swap_disabled};
  std::uint64_t bits = policy.abi_minor | std::uint64_t{policy.abi_major} << 8;
  for (std::size_t i = 0; i != flags.size(); ++i) bits |= std::uint64_t{flags[i]} << (16 + i);
  return bits;
}

std::uint64_t bits_of(const snp_platform& platform) {
  const std::array flags{platform.smt,
                         platform.tsme,
                         platform.ecc,
                         platform.rapl_disabled,
                         platform.ciphertext_hiding,
                         platform.alias_check,
                         platform.iommu_write_safe,
                         platform.tio};
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i != flags.size(); ++i) bits |= std::uint64_t{flags[i]} << i;
  return bits;
}

/// The report that was read. Of the processor its product is kept, so its bytes are the reader's.
std::array<std::byte, snp_report::size> written(const snp_report& report,
                                                std::span<const std::byte> processor) {
  std::array<std::byte, snp_report::size> out{};
  const auto number = [&](std::size_t at, auto value) { detail::store_le(out.data() + at, value); };
  const auto bytes = [&](std::size_t at, detail::byte_span value) {
    std::ranges::copy(value, out.begin() + static_cast<std::ptrdiff_t>(at));
  };
  number(0x000, report.version);
  number(0x004, report.guest_svn);
  number(0x008, bits_of(report.policy));
  bytes(0x010, report.family_id);
  bytes(0x020, report.image_id);
  number(0x030, std::uint32_t{report.vmpl});
  number(0x034, std::uint32_t{1});
  number(0x038, report.current_tcb);
  number(0x040, bits_of(report.platform));
  const std::uint32_t key = report.signer == snp_signer::vcek   ? 0
                            : report.signer == snp_signer::vlek ? 1
                                                                : 7;
  number(0x048, key << 2 | std::uint32_t{report.chip_key_masked} << 1 |
                    std::uint32_t{report.has_author_key});
  bytes(0x050, report.report_data);
  bytes(0x090, report.measurement);
  bytes(0x0C0, report.host_data);
  bytes(0x0E0, report.id_key_digest);
  bytes(0x110, report.author_key_digest);
  bytes(0x140, report.report_id);
  bytes(0x160, report.migration_agent);
  number(0x180, report.reported_tcb);
  bytes(0x188, processor);
  bytes(0x1A0, report.chip_id);
  number(0x1E0, report.committed_tcb);
  for (const auto& [at, firmware] :
       {std::pair{std::size_t{0x1E8}, report.current}, {std::size_t{0x1EC}, report.committed}}) {
    number(at, firmware.build);
    number(at + 1, firmware.minor);
    number(at + 2, firmware.major);
  }
  number(0x1F0, report.launch_tcb);
  std::reverse_copy(report.signature.begin(), report.signature.begin() + 48, out.begin() + 0x2A0);
  std::reverse_copy(report.signature.begin() + 48, report.signature.end(), out.begin() + 0x2E8);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span{data, size});
  const auto read = read_snp_report(bytes);
  if (!read) {
    const errc code = read.error().code;
    fuzz::require(code == errc::attest_malformed || code == errc::attest_unsupported_format);
    fuzz::require(read.error().rule.starts_with("snp."));
    return 0;
  }
  fuzz::require(size == snp_report::size);
  fuzz::require(read->version >= 2 && read->version <= 4 && read->vmpl <= 3);
  fuzz::require(read->product.has_value() == (read->version > 2));
  fuzz::require(read->signed_part.data() == bytes.data() && read->signed_part.size() == 0x2A0);
  const auto processor = bytes.subspan(0x188, read->version > 2 ? 3 : 0);
  fuzz::require(std::ranges::equal(written(*read, processor), bytes));
  return 0;
}
