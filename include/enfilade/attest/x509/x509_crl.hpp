// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/x509/der.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/attest/x509/x509_chain.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

namespace enfilade {

/// A list of revoked certificates (RFC 5280 §5, version 2), read from bytes that a stranger chose.
///
/// `parse` says only that the bytes are such a list; whether its issuer made it and it is of today
/// says `verify`. It is a set of views: the bytes must outlive it.
///
/// | expression                                   | is                                            |
/// |----------------------------------------------|-----------------------------------------------|
/// | `L::parse(der)`                              | `judged<L>`                                   |
/// | `l.issuer()`                                 | the name in DER, to be compared as bytes      |
/// | `l.this_update()`, `l.next_update()`         | both ends included, seconds since 1970        |
/// | `l.verify(issuer, now, check)`               | `judged<void>`                                |
/// | `l.revokes(serial)`                          | `serial` as `x509_certificate::serial` has it |
///
/// A list without a next update would be valid for ever and is `errc::attest_malformed`. Critical
/// extensions of the list or of an entry would change what it means (it may be a part of a list, or
/// speak of another issuer's certificates) and are `errc::attest_unsupported_format`.
class x509_crl {
 public:
  static constexpr std::size_t max_size = 256 * 1024;  ///< bytes: some 6000 entries

  static judged<x509_crl> parse(detail::byte_span der) {
    if (der.size() > max_size) return detail::x509_malformed("crl.too_long");
    auto parts = detail::read_x509_signed(der);
    if (!parts) return parts.error();
    der_reader& fields = parts->fields;
    x509_crl list;
    list.signed_part_ = parts->content;
    list.algorithm_ = parts->algorithm;
    list.signature_ = parts->signature;

    if (!fields.next_is(der_tag::integer)) return detail::x509_unsupported("crl.version");
    const auto version = fields.number();
    if (!version) return version.error();
    if (*version != 1) return detail::x509_unsupported("crl.version");  // v2

    const auto algorithm = fields.element(der_tag::sequence);
    if (!algorithm) return algorithm.error();
    if (!std::ranges::equal(algorithm->whole, parts->algorithm_der))
      return detail::x509_malformed("crl.algorithms_differ");

    const auto issuer = detail::read_x509_name(fields);
    if (!issuer) return issuer.error();
    list.issuer_ = *issuer;

    const auto this_update = fields.time();
    if (!this_update) return this_update.error();
    list.this_update_ = *this_update;
    if (!fields.next_is(der_tag::utc_time) && !fields.next_is(der_tag::generalized_time))
      return detail::x509_malformed("crl.no_next_update");
    const auto next_update = fields.time();
    if (!next_update) return next_update.error();
    list.next_update_ = *next_update;
    if (list.next_update_ < list.this_update_) return detail::x509_malformed("crl.validity");

    if (fields.next_is(der_tag::sequence)) {
      const auto entries = fields.element(der_tag::sequence);
      if (!entries) return entries.error();
      list.entries_ = entries->content;
      for (der_reader all{list.entries_}; !all.empty();)
        if (const auto entry = read_entry(all); !entry) return entry.error();
    }
    if (!fields.empty()) {
      auto wrapper = fields.enter(context_tag(0));
      if (!wrapper) return wrapper.error();
      const auto extensions = wrapper->element(der_tag::sequence);
      if (!extensions) return extensions.error();
      if (!wrapper->end() || !fields.end()) return detail::x509_malformed("crl.trailing_bytes");
      const auto read = read_extensions(extensions->content);
      if (!read) return read.error();
    }
    return list;
  }

  /// A list of bytes that are gone at once would be views of nothing.
  static judged<x509_crl> parse(std::vector<std::byte>&&) = delete;

  detail::byte_span issuer() const noexcept { return issuer_; }
  std::chrono::sys_seconds this_update() const noexcept { return this_update_; }
  std::chrono::sys_seconds next_update() const noexcept { return next_update_; }

  /// Whether `issuer`, whom the caller trusts, made this list, and it is the one for `now`.
  ///
  /// `errc::attest_chain_invalid` where the issuer has another name, may not sign lists (keyUsage) or
  /// has no key of this algorithm; `attest_not_yet_valid`, `attest_expired`; `attest_bad_signature`.
  template <class Check = x509_signature_check>
  judged<void> verify(const x509_certificate& issuer, std::chrono::sys_seconds now,
                      Check&& check = {}) const {
    if (!std::ranges::equal(issuer.subject(), issuer_))
      return refusal{errc::attest_chain_invalid, "crl.issuer_name"};
    if (!issuer.may(x509_usage::revocation_signing))
      return refusal{errc::attest_chain_invalid, "crl.key_usage"};
    if (!signs_with(issuer.public_key(), algorithm_))
      return refusal{errc::attest_chain_invalid, "crl.algorithm"};
    if (now < this_update_) return refusal{errc::attest_not_yet_valid, "crl.not_yet_valid"};
    if (now > next_update_) return refusal{errc::attest_expired, "crl.expired"};
    return check(issuer, algorithm_, signed_part_, signature_);
  }

  /// Whether the issuer's certificate with this number is revoked.
  bool revokes(detail::byte_span serial) const noexcept {
    for (der_reader all{entries_}; !all.empty();) {
      const auto entry = read_entry(all);
      if (entry && std::ranges::equal(*entry, serial)) return true;
    }
    return false;
  }

 private:
  x509_crl() = default;

  // The serial number of an entry. Why and when it was revoked makes no difference.
  static judged<detail::byte_span> read_entry(der_reader& from) {
    auto fields = from.sequence();
    if (!fields) return fields.error();
    const auto serial = fields->magnitude();
    if (!serial) return serial.error();
    const auto since = fields->time();
    if (!since) return since.error();
    if (!fields->empty()) {
      const auto extensions = fields->element(der_tag::sequence);
      if (!extensions) return extensions.error();
      if (!fields->end()) return detail::x509_malformed("crl.trailing_bytes");
      const auto read = read_extensions(extensions->content);
      if (!read) return read.error();
    }
    return *serial;
  }

  static judged<void> read_extensions(detail::byte_span list) {
    return detail::read_x509_extensions(
        list, x509_certificate::max_extensions,
        [](const detail::x509_extension&) -> judged<bool> { return false; });
  }

  detail::byte_span signed_part_;
  x509_algorithm algorithm_ = x509_algorithm::ecdsa_sha256;
  detail::byte_span signature_;
  detail::byte_span issuer_;
  std::chrono::sys_seconds this_update_;
  std::chrono::sys_seconds next_update_;
  detail::byte_span entries_;
};

/// Looks every certificate of `chain` but the root up in the lists of those who issued them.
///
/// `errc::attest_revoked` where one is in a list. A list by somebody who issued none of them is left
/// alone; every other must pass `x509_crl::verify`, whose error it is otherwise.
///
/// Returns for how many certificates there was a list. Whether fewer than `chain.size() - 1` will do
/// is the caller's policy: AMD lists the keys of processor generations and not those of processors.
template <class Check = x509_signature_check>
judged<std::size_t> check_revocation(const x509_chain& chain, std::span<const x509_crl> lists,
                                     std::chrono::sys_seconds now, Check&& check = {}) {
  std::array<bool, x509_chain::max_size> looked_up{};
  for (const x509_crl& list : lists)
    for (std::size_t i = 0; i + 1 != chain.size(); ++i) {
      const x509_certificate& issuer = chain[i + 1];
      if (!std::ranges::equal(issuer.subject(), list.issuer())) continue;
      const judged<void> verified = list.verify(issuer, now, check);
      if (!verified) return verified.error();
      if (list.revokes(chain[i].serial())) return refusal{errc::attest_revoked, "crl.revoked"};
      looked_up[i] = true;
    }
  return static_cast<std::size_t>(std::ranges::count(looked_up, true));
}

}  // namespace enfilade
