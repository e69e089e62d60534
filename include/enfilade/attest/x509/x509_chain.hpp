// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace enfilade {

/// In which order evidence lists its certificates: quotes and AMD's tables begin with the leaf,
/// the `cabundle` of Nitro with the root.
enum class x509_order { leaf_first, root_first };

/// Checks signatures, and at most `limit` of them: what one verification may cost.
///
/// The default of `x509_chain::verify`. Whoever verifies several chains and lists for one piece of
/// evidence passes one object to all of them, so that the limit is that of the evidence.
class x509_signature_check {
 public:
  static constexpr std::size_t limit = 16;

  /// `errc::attest_bad_signature` where `signature` is not one of the issuer's for `message`;
  /// `errc::attest_chain_invalid` where the limit is reached.
  judged<void> operator()(const x509_certificate& issuer, x509_algorithm algorithm,
                          detail::byte_span message, detail::byte_span signature) {
    if (made_ == limit) return refusal{errc::attest_chain_invalid, "x509.too_many_signatures"};
    ++made_;
    if (!verify_x509_signature(issuer.public_key(), algorithm, message, signature))
      return refusal{errc::attest_bad_signature, "x509.signature"};
    return {};
  }

  std::size_t made() const noexcept { return made_; }

 private:
  std::size_t made_ = 0;
};

/// Certificates that lead from a leaf to a root which the verifier knew before.
///
/// One exists only after every rule was checked, at a time that the caller gives (no clock is asked
/// here):
///
/// - at most `max_size` certificates, the root included;
/// - the topmost one given may be the root itself: it is recognised by all its bytes, or by name and
///   key, and then dropped, so that only the caller's own copy is ever trusted;
/// - each is issued under the name of the next, and none but the root under its own;
/// - each but the leaf is an authority (basicConstraints), may sign certificates (keyUsage, which it
///   must have) and allows as many authorities below it as there are (pathLenConstraint; that of the
///   root counts too);
/// - the leaf is no authority, and if it has a keyUsage, that allows signatures;
/// - each is signed with an algorithm of its issuer's key: else, and for all of the above,
///   `errc::attest_chain_invalid`;
/// - the time lies within each one's dates, the root's too: `errc::attest_expired`,
///   `errc::attest_not_yet_valid`;
/// - each is signed by the next: `errc::attest_bad_signature`.
///
/// In that order: what costs a thousand times as much comes last, and from the root downwards, so
/// that no key is computed with before somebody trusted has signed it. Key identifiers (AKI, SKI)
/// are not looked at: some of AWS's certificates have none, and names and signatures decide anyway.
///
/// It is a set of views of the certificates given.
class x509_chain {
 public:
  static constexpr std::size_t max_size = 6;

  /// `check(issuer, algorithm, message, signature)` is asked for each signature, as
  /// `x509_signature_check` is. `known` are critical extensions that the caller looks at.
  template <class Check = x509_signature_check>
  static judged<x509_chain> verify(std::span<const detail::byte_span> certificates,
                                   x509_order order, const x509_certificate& root,
                                   std::chrono::sys_seconds now, Check&& check = {},
                                   std::span<const object_identifier> known = {}) {
    auto chain = arrange(certificates, order, root, known);
    if (!chain) return chain.error();
    if (const auto linked = chain->check_links(); !linked) return linked.error();
    if (const auto dated = chain->check_dates(now); !dated) return dated.error();
    for (std::size_t i = chain->size() - 1; i-- != 0;) {
      const x509_certificate& one = (*chain)[i];
      const judged<void> checked =
          check((*chain)[i + 1], one.algorithm(), one.signed_part(), one.signature());
      if (!checked) return checked.error();
    }
    return chain;
  }

  /// With the root: 2 at least.
  std::size_t size() const noexcept { return size_; }

  /// 0 is the leaf, `size() - 1` the caller's root.
  const x509_certificate& operator[](std::size_t i) const noexcept { return *certificates_[i]; }

  const x509_certificate& leaf() const noexcept { return *certificates_[0]; }
  const x509_certificate& root() const noexcept { return *certificates_[size_ - 1]; }

 private:
  x509_chain() = default;

  static refusal refused(std::string_view rule) noexcept {
    return {errc::attest_chain_invalid, rule};
  }

  static bool is_root(const x509_certificate& one, const x509_certificate& root) noexcept {
    return std::ranges::equal(one.der(), root.der()) ||
           (std::ranges::equal(one.subject(), root.subject()) &&
            std::ranges::equal(one.key_info(), root.key_info()));
  }

  static judged<x509_chain> arrange(std::span<const detail::byte_span> certificates,
                                    x509_order order, const x509_certificate& root,
                                    std::span<const object_identifier> known) {
    const std::size_t given = certificates.size();
    if (given == 0) return refused("chain.empty");
    if (given > max_size) return refused("chain.too_long");
    x509_chain chain;
    for (std::size_t i = 0; i != given; ++i) {
      const bool leaf_first = order == x509_order::leaf_first;
      const auto one = x509_certificate::parse(certificates[leaf_first ? i : given - 1 - i], known);
      if (!one) return one.error();
      chain.certificates_[i] = *one;
    }
    chain.size_ = given;
    if (!is_root(chain.root(), root)) ++chain.size_;
    if (chain.size_ < 2) return refused("chain.root_alone");
    if (chain.size_ > max_size) return refused("chain.too_long");
    chain.certificates_[chain.size_ - 1] = root;
    return chain;
  }

  judged<void> check_links() const noexcept {
    for (std::size_t i = 0; i + 1 != size_; ++i) {
      const x509_certificate& one = (*this)[i];
      const x509_certificate& issuer = (*this)[i + 1];
      if (one.is_self_issued()) return refused("chain.another_root");
      if (!std::ranges::equal(one.issuer(), issuer.subject())) return refused("chain.issuer_name");
      if (!issuer.is_authority()) return refused("chain.not_an_authority");
      if (!issuer.may(x509_usage::certificate_signing)) return refused("chain.key_usage");
      // Between the issuer, at i + 1, and the leaf, at 0, stand i.
      if (issuer.path_length() && *issuer.path_length() < i) return refused("chain.path_length");
      if (!signs_with(issuer.public_key(), one.algorithm())) return refused("chain.algorithm");
    }
    if (leaf().is_authority()) return refused("chain.leaf_is_authority");
    if (leaf().key_usage() && !leaf().may(x509_usage::digital_signature))
      return refused("chain.leaf_key_usage");
    return {};
  }

  judged<void> check_dates(std::chrono::sys_seconds now) const noexcept {
    for (std::size_t i = 0; i != size_; ++i) {
      if (now < (*this)[i].not_before())
        return refusal{errc::attest_not_yet_valid, "chain.not_yet_valid"};
      if (now > (*this)[i].not_after()) return refusal{errc::attest_expired, "chain.expired"};
    }
    return {};
  }

  std::array<std::optional<x509_certificate>, max_size> certificates_;
  std::size_t size_ = 0;
};

}  // namespace enfilade
