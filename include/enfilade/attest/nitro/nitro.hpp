// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/appraisal.hpp>
#include <enfilade/attest/attester.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/cose/cose.hpp>
#include <enfilade/attest/device/kernel.hpp>
#include <enfilade/attest/device/nsm_device.hpp>
#include <enfilade/attest/device/register_lock.hpp>
#include <enfilade/attest/device/time_budget.hpp>
#include <enfilade/attest/nitro/extended_pcr.hpp>
#include <enfilade/attest/nitro/nitro_claims.hpp>
#include <enfilade/attest/nitro/nitro_document.hpp>
#include <enfilade/attest/nitro/nitro_root.hpp>
#include <enfilade/attest/nitro/nitro_verifier.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/told_registers.hpp>
#include <enfilade/attest/x509/known_signatures.hpp>
#include <enfilade/cipher/compare.hpp>
#include <enfilade/compose/role.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace enfilade {

namespace detail {

/// `Nitro` over any machine and any root. Tests make classes of their own of it; that a program
/// trusts none of their roots is then seen in its types.
template <system_calls Kernel, class Root>
class nitro_attester {
 public:
  using policy_role = role::attester;
  static constexpr std::string_view name = "nitro";
  static constexpr std::uint16_t format = 1;
  static constexpr bool takes_time = true;

  explicit nitro_attester(registers told = {}, Kernel machine = {})
      : told_(std::move(told)), machine_(std::forward<Kernel>(machine)) {}

  /// Has PCR16 to PCR19 hold the values that were told and have a place there, and locks them.
  result<void> prepare() const {
    if (!encoded()) return errc::internal;
    std::vector<pcr_value> values;
    for (const auto& [index, told] : places)
      for (const auto& [called, value] : told_)
        if (called == told) values.push_back({index, value.bytes()});
    nsm_device<Kernel> nsm{machine_};
    if (values.empty()) {  // is it an enclave at all?
      const auto found = nsm.describe(patience_at_start);
      return found ? result<void>{} : result<void>{found.error().code};
    }
    const auto locked = lock_registers(nsm, values, patience_at_start);
    return locked ? result<void>{} : result<void>{locked.error().code};
  }

  result<std::vector<std::byte>> attest(report_data_view data) const {
    const auto told = encoded();
    if (!told) return told.error();
    nsm_device<Kernel> nsm{machine_};
    nsm_request request;
    request.user_data = *told;
    request.nonce = data;
    auto document = nsm.attest(request, patience);
    if (!document) return document.error().code;
    return *std::move(document);
  }

  static judged<claims> verify(byte_span evidence, report_data_view data, const appraisal& terms) {
    registers told;
    if (const std::optional<refusal> why = look(evidence, data, told)) return *why;
    nitro_options options;
    options.allow_debug = terms.allow_debug;
    const nitro_verification found = nitro_verifier{Root::der(), terms.now, options}.verify(
        evidence, remembering_check{terms.known});
    if (!found.claims) {
      const verdict_step failed = *found.steps.failure();
      return refusal{failed.code, failed.reason};
    }
    claims out = to_claims(*found.claims);
    for (auto& one : told) out.values.push_back(std::move(one));
    out.judged_at = terms.now;
    return out;
  }

 private:
  using place = std::pair<std::uint16_t, std::string_view>;

  static constexpr std::array<place, 4> places{place{16, "plan"}, place{17, "weights"},
                                               place{18, "tokenizer"}, place{19, "next"}};
  // Below what `desk_limits` give a piece of evidence, and the start of a program.
  static constexpr std::chrono::seconds patience{4};
  static constexpr std::chrono::seconds patience_at_start{25};

  /// Names that are the platform's: what a program tells must not be taken for what was measured.
  static bool is_own_name(std::string_view called) noexcept {
    return called.starts_with("pcr") || called == "module";
  }
  static bool has_own_name(const registers& told) noexcept {
    return std::ranges::any_of(told, is_own_name, &registers::value_type::first);
  }

  result<std::vector<std::byte>> encoded() const {
    if (has_own_name(told_)) return errc::internal;
    return encode_told(told_);
  }

  /// What can be said before any signature: whether the document is about this session, and agrees
  /// with itself. What cannot be read is left to the verifier, which knows the rule.
  static std::optional<refusal> look(byte_span evidence, report_data_view data, registers& told) {
    if (evidence.size() > nitro_verifier::max_size) return std::nullopt;
    const auto message = read_cose_sign1(evidence);
    if (!message) return std::nullopt;
    const auto document = read_nitro_document(message->payload);
    if (!document) return std::nullopt;
    if (!document->nonce || !equal(*document->nonce, data))
      return refusal{errc::attest_binding_mismatch, "nitro.nonce"};
    if (!document->user_data) return refusal{errc::attest_malformed, "nitro.nothing_told"};
    auto read = parse_told(*document->user_data);
    if (!read) return read.error();
    if (has_own_name(*read)) return refusal{errc::attest_malformed, "nitro.told_name"};
    told = *std::move(read);
    return differs(*document, told);
  }

  static std::optional<refusal> differs(const nitro_document& document, const registers& told) {
    constexpr std::array<std::byte, 48> zero{};
    for (const auto& [index, called] : places) {
      const byte_span held = document.pcrs[index];
      if (held.empty() || std::ranges::equal(held, zero)) continue;  // this register is not used
      const auto at = std::ranges::find(told, called, &registers::value_type::first);
      if (at == told.end() || !equal(held, expected_pcr(at->second.bytes())))
        return refusal{errc::attest_measurement_mismatch, "nitro.register_differs"};
    }
    return std::nullopt;
  }

  registers told_;
  Kernel machine_;
};

/// AWS's root.
struct nitro_root_of_aws {
  static byte_span der() noexcept { return nitro_root_g1(); }
};

}  // namespace detail

/// An enclave of AWS Nitro: its hypervisor vouches for the image that it was started from.
///
/// Model of `attester`. Evidence is the document of `/dev/nsm`, with the link's report data as its
/// nonce and what the program told as its user data. `prepare` writes into registers that the
/// hypervisor then shows and nobody can change before the enclave ends: `plan` into PCR16,
/// `weights` PCR17, `tokenizer` PCR18, `next` PCR19, each extended once with the value and locked.
///
/// Registers: those of `to_claims(nitro_claims)`, then what was told. Verifying needs no device and
/// no file: AWS's root is in the library, the other certificates in the document. AWS publishes no
/// revocations; the signing certificate lives three hours.
///
/// | rule                     | refused                                                          |
/// |--------------------------|------------------------------------------------------------------|
/// | `nitro.nonce`            | made for another session (`attest_binding_mismatch`)             |
/// | `nitro.nothing_told`     | without user data: not by a program of this library              |
/// | `nitro.told_name`        | told under a name of the platform's own                          |
/// | `nitro.register_differs` | told something else than the enclave's registers hold            |
///
/// They come before any signature, the rules of `verify_nitro` after them.
class Nitro : public detail::nitro_attester<kernel, detail::nitro_root_of_aws> {
 public:
  explicit Nitro(registers told = {}) : nitro_attester(std::move(told)) {}
};

static_assert(attester<Nitro>);

}  // namespace enfilade
