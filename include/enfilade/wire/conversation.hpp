// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/agree.hpp>
#include <enfilade/cipher/cipher.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/cipher/key.hpp>
#include <enfilade/error.hpp>
#include <enfilade/wire/direction.hpp>
#include <enfilade/wire/key_schedule.hpp>
#include <enfilade/wire/link_end.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <span>

namespace enfilade::detail {

/// What both ends of a handshake have heard so far, and the keys that follow from it.
///
/// In this order: `hear_hellos`, `agree`, both evidences with `hear_evidence`, `ratchet`.
template <cipher C>
class conversation {
 public:
  explicit conversation(link_end own) noexcept : own_(own) {}

  void hear_hellos(byte_span upstream, byte_span downstream) noexcept {
    transcript_ = transcript_hash(upstream, downstream);
  }

  result<void> agree(const AgreementKey& key,
                     std::span<const std::byte, 32> peer_public_key) noexcept {
    const result<Key<32>> shared = key.agree(peer_public_key);
    if (!shared) return shared.error();
    secret_ = first_secret(*shared, transcript_);
    sending.emplace(direction_secret(secret_, own_));
    receiving.emplace(direction_secret(secret_, opposite(own_)));
    if (!sending->usable() || !receiving->usable()) return errc::process_out_of_memory;
    return {};
  }

  void hear_evidence(link_end from, byte_span body) noexcept { heard(from) = sha256(body); }

  void ratchet() noexcept {
    secret_ = second_secret(secret_, heard(link_end::upstream), heard(link_end::downstream));
    sending->restart(direction_secret(secret_, own_));
    receiving->restart(direction_secret(secret_, opposite(own_)));
  }

  std::array<std::byte, 64> report_data(link_end end,
                                        std::span<const std::byte, 32> receipt_key) const noexcept {
    return detail::report_data(end, exporter(secret_), transcript_, receipt_key);
  }

  digest confirmation(link_end sender) noexcept {
    return detail::confirmation(sender, transcript_, heard(link_end::upstream),
                                heard(link_end::downstream));
  }

  const digest& transcript() const noexcept { return transcript_; }

  /// The secret is no longer needed where the directions live on in a session.
  void forget_secret() noexcept { secret_.wipe(); }

  void forget_everything() noexcept {
    forget_secret();
    sending.reset();
    receiving.reset();
  }

  std::optional<direction<C>> sending;
  std::optional<direction<C>> receiving;

 private:
  digest& heard(link_end end) noexcept { return evidence_[end == link_end::upstream ? 0 : 1]; }

  link_end own_;
  Key<32> secret_;  // secret 0 until the ratchet, then secret 1
  digest transcript_{};
  std::array<digest, 2> evidence_{};  // upstream's, downstream's
};

}  // namespace enfilade::detail
