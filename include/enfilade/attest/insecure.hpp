// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/appraisal.hpp>
#include <enfilade/attest/attester.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/measurement.hpp>
#include <enfilade/attest/own_binary.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/told_registers.hpp>
#include <enfilade/cipher/compare.hpp>
#include <enfilade/cipher/sign.hpp>
#include <enfilade/compose/role.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade::insecure {

/// Evidence without a TEE, for tests and for machines that have none.
///
/// Model of `attester`. INSECURE: the key that signs is printed in this very file, so anybody can
/// sign anything, and a program measures itself, so it can say what it likes. All else is as with
/// a real attester: evidence can be malformed, badly signed, made for another session, or of the
/// wrong program, and each is refused by its name. A Release build refuses it (E11) unless
/// `ENFILADE_INSECURE` is defined.
///
/// Registers: `binary`, the SHA-256 of the program's own file, then what it was told, such as
/// `weights`. A told `binary` replaces the measured one, so that a test can play a wrong program.
class Mock {
 public:
  using policy_role = role::attester;
  static constexpr std::string_view name = "mock";
  static constexpr std::uint16_t format = 0xFFFF;
  static constexpr bool insecure = true;
  static constexpr bool takes_time = false;

  explicit Mock(registers told = {}) : told_(std::move(told)) {}

  /// `errc::attest_device_unavailable` where the program's own file cannot be read;
  /// `errc::internal` where it was told more than evidence holds.
  result<std::vector<std::byte>> attest(report_data_view data) const;

  static judged<claims> verify(detail::byte_span evidence, report_data_view data,
                               const appraisal& = {});

  /// There is no hardware to write to.
  result<void> prepare() const { return {}; }

 private:
  // Layout: magic, told registers, report data, an Ed25519 signature of all that precedes it.
  static constexpr std::array<char, 8> magic{'m', 'o', 'c', 'k', '/', '1', '\0', '\0'};
  static constexpr std::size_t data_size = 64;
  static constexpr std::size_t signature_size = 64;

  static const SigningKey& published_key() {
    static const SigningKey pair = [] {
      constexpr std::string_view seed = "enfilade insecure mock test key!";
      Key<32> secret_to_nobody;
      static_assert(seed.size() == 32);
      std::memcpy(secret_to_nobody.fill().data(), seed.data(), seed.size());
      return SigningKey{std::move(secret_to_nobody)};
    }();
    return pair;
  }

  static judged<registers> parse(detail::byte_span body);

  registers told_;
};

inline result<std::vector<std::byte>> Mock::attest(report_data_view data) const {
  registers all = told_;
  if (std::none_of(all.begin(), all.end(), [](const auto& r) { return r.first == "binary"; })) {
    const result<Measurement>& binary = detail::own_binary();
    if (!binary) return binary.error();
    all.emplace(all.begin(), "binary", *binary);
  }
  const auto told = encode_told(std::move(all));
  if (!told) return told.error();
  std::vector<std::byte> out(magic.size());
  std::memcpy(out.data(), magic.data(), magic.size());
  out.insert(out.end(), told->begin(), told->end());
  out.insert(out.end(), data.begin(), data.end());
  const auto signature = published_key().sign(out);
  out.insert(out.end(), signature.begin(), signature.end());
  return out;
}

inline judged<registers> Mock::parse(detail::byte_span body) {
  if (body.size() < magic.size() || std::memcmp(body.data(), magic.data(), magic.size()) != 0)
    return refusal{errc::attest_malformed, "mock.magic"};
  auto told = parse_told(body.subspan(magic.size()));
  if (told && told->empty()) return refusal{errc::attest_malformed, "mock.no_register"};
  return told;
}

inline judged<claims> Mock::verify(detail::byte_span evidence, report_data_view data,
                                   const appraisal&) {
  if (evidence.size() < data_size + signature_size)
    return refusal{errc::attest_malformed, "mock.size"};
  const auto signature = evidence.last<signature_size>();
  const detail::byte_span is_signed = evidence.first(evidence.size() - signature_size);
  auto values = parse(is_signed.first(is_signed.size() - data_size));
  if (!values) return values.error();
  if (!verify_signature(published_key().public_key(), is_signed, signature))
    return refusal{errc::attest_bad_signature, "mock.signature"};
  if (!equal(is_signed.last(data_size), data))
    return refusal{errc::attest_binding_mismatch, "mock.report_data"};
  return claims{name, *std::move(values)};
}

static_assert(attester<Mock>);

}  // namespace enfilade::insecure
