// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/attest/x509/x509_chain.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <unordered_set>
#include <vector>

namespace enfilade {

/// Signatures that were found good, so that the authorities of a platform are computed once and not
/// with every peer.
///
/// What is kept is a SHA-256 of all that a signature check depends on: the issuer's key, the
/// algorithm, the message and the signature. A good signature stays good; dates and revocations are
/// looked at anew each time and are no part of it. Bounded: the oldest of `capacity` is forgotten.
/// Strangers cannot fill it: a chain is checked from its root downwards, so only what a pinned root
/// leads to is ever remembered.
///
/// Not safe for several threads at a time; the attestation thread of a program owns one.
class known_signatures {
 public:
  using digest = std::array<std::byte, 32>;

  static constexpr std::size_t default_capacity = 1024;  ///< 64 KiB or so

  explicit known_signatures(std::size_t capacity = default_capacity) : capacity_(capacity) {}

  static digest digest_of(const x509_certificate& issuer, x509_algorithm algorithm,
                          detail::byte_span message, detail::byte_span signature) noexcept {
    // Lengths in front of what has one, so that no byte can move from one part to the next.
    std::array<std::byte, 25> head;
    detail::store_le(head.data(), static_cast<std::uint64_t>(issuer.key_info().size()));
    detail::store_le(head.data() + 8, static_cast<std::uint64_t>(message.size()));
    detail::store_le(head.data() + 16, static_cast<std::uint64_t>(signature.size()));
    head[24] = static_cast<std::byte>(algorithm);
    return sha256(head, issuer.key_info(), message, signature);
  }

  bool contains(const digest& one) const { return all_.contains(one); }

  void insert(const digest& one) {
    if (capacity_ == 0 || !all_.insert(one).second) return;
    if (order_.size() < capacity_) {
      order_.push_back(one);
      return;
    }
    all_.erase(order_[oldest_]);
    order_[oldest_] = one;
    oldest_ = (oldest_ + 1) % capacity_;
  }

  std::size_t size() const noexcept { return all_.size(); }

 private:
  // A digest is as good as random; somebody who could choose its first bytes has broken SHA-256.
  struct first_bytes {
    std::size_t operator()(const digest& one) const noexcept {
      std::size_t value;
      std::memcpy(&value, one.data(), sizeof value);
      return value;
    }
  };

  std::size_t capacity_;
  std::unordered_set<digest, first_bytes> all_;
  std::vector<digest> order_;  // in which they came, from `oldest_` on and around
  std::size_t oldest_ = 0;
};

/// Checks signatures as `x509_signature_check` does, with its limit, but not those that are known.
class remembering_check {
 public:
  /// `known` may be null: then every signature is computed. It must outlive this object.
  explicit remembering_check(known_signatures* known = nullptr) noexcept : known_(known) {}

  judged<void> operator()(const x509_certificate& issuer, x509_algorithm algorithm,
                          detail::byte_span message, detail::byte_span signature) {
    if (known_ == nullptr) return check_(issuer, algorithm, message, signature);
    const auto digest = known_signatures::digest_of(issuer, algorithm, message, signature);
    if (known_->contains(digest)) return {};
    const judged<void> checked = check_(issuer, algorithm, message, signature);
    if (checked) known_->insert(digest);
    return checked;
  }

  /// How many signatures were computed.
  std::size_t made() const noexcept { return check_.made(); }

 private:
  known_signatures* known_;
  x509_signature_check check_;
};

}  // namespace enfilade
