// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/told_registers.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace enfilade {

/// What travels as evidence where the TEE's own report has no room for it: the report, what the
/// program told, and the certificates of the report's key.
///
///     "efl-ev/1", u32 size, told registers, u32 size, report, u8 count, {u32 size, certificate}...
///
/// in little-endian order. It is a set of views: the bytes must outlive it. Nothing in it is signed
/// by being here: the report binds `told` (`bound_report_data`), and certificates prove themselves.
struct evidence_bundle {
  static constexpr std::string_view magic = "efl-ev/1";
  static constexpr std::size_t max_size = 64 * 1024;
  static constexpr std::size_t max_certificates = 8;

  detail::byte_span told;
  detail::byte_span report;
  std::vector<detail::byte_span> certificates;  ///< DER, in any order

  /// `errc::internal` for more than a bundle holds.
  result<std::vector<std::byte>> encode() const {
    if (told.empty() || report.empty() || certificates.size() > max_certificates)
      return errc::internal;
    const auto start = detail::bytes_of(magic);
    std::vector<std::byte> out(start.begin(), start.end());
    const auto put = [&out](detail::byte_span bytes) {
      const std::size_t at = out.size();
      out.resize(at + 4);
      detail::store_le(out.data() + at, static_cast<std::uint32_t>(bytes.size()));
      out.insert(out.end(), bytes.begin(), bytes.end());
    };
    put(told);
    put(report);
    out.push_back(static_cast<std::byte>(certificates.size()));
    for (const detail::byte_span one : certificates) put(one);
    if (out.size() > max_size) return errc::internal;
    return out;
  }

  /// Whether these bytes mean to be a bundle, and not a report as the TEE made it.
  static bool is_one(detail::byte_span bytes) noexcept {
    return bytes.size() >= magic.size() &&
           std::ranges::equal(bytes.first(magic.size()), detail::bytes_of(magic));
  }

  static judged<evidence_bundle> parse(detail::byte_span bytes) {
    const auto refused = [](std::string_view rule) {
      return refusal{errc::attest_malformed, rule};
    };
    if (bytes.size() > max_size) return refused("bundle.size");
    if (!is_one(bytes)) return refused("bundle.magic");
    bytes = bytes.subspan(magic.size());
    // Takes a length and as many bytes off the front; empty where they are not all there.
    const auto take = [&bytes]() -> detail::byte_span {
      if (bytes.size() < 4) return {};
      const std::size_t size = detail::load_le<std::uint32_t>(bytes.data());
      if (size > bytes.size() - 4) return {};
      const detail::byte_span taken = bytes.subspan(4, size);
      bytes = bytes.subspan(4 + size);
      return taken;
    };
    evidence_bundle out;
    out.told = take();
    if (out.told.empty()) return refused("bundle.told");
    out.report = take();
    if (out.report.empty()) return refused("bundle.report");
    if (bytes.empty()) return refused("bundle.certificates");
    const auto count = std::to_integer<std::size_t>(bytes.front());
    if (count > max_certificates) return refused("bundle.certificates");
    bytes = bytes.subspan(1);
    for (std::size_t i = 0; i != count; ++i) {
      out.certificates.push_back(take());
      if (out.certificates.back().empty()) return refused("bundle.certificates");
    }
    if (!bytes.empty()) return refused("bundle.trailing_bytes");
    return out;
  }
};

}  // namespace enfilade
