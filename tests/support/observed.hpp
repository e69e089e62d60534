// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/cipher.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/cipher/key.hpp>
#include <enfilade/compose/role.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string_view>
#include <utility>

namespace test {

/// Every record that `observed` ciphers of this process sealed: under which key, with which number.
struct seal_log {
  using fingerprint = std::array<std::byte, 32>;

  void note(const fingerprint& key, std::uint64_t sequence) {
    if (!used.emplace(key, sequence).second) ++repeated;
  }

  std::set<std::pair<fingerprint, std::uint64_t>> used;
  std::size_t repeated = 0;  ///< nonces that were used before under their key

  static seal_log& current() {
    static seal_log instance;
    return instance;
  }
};

/// `C`, and a look over its shoulder: each pair of key and sequence number goes to `seal_log`.
///
/// Model of `cipher`, with the name and the records of `C`.
template <enfilade::cipher C>
class observed {
 public:
  using policy_role = enfilade::role::cipher;
  static constexpr std::string_view name = C::name;
  static constexpr std::uint16_t suite = C::suite;
  static constexpr std::size_t key_size = C::key_size;
  static constexpr std::size_t iv_size = C::iv_size;
  static constexpr std::size_t tag_size = C::tag_size;

  observed(const enfilade::Key<32>& key, std::span<const std::byte, 12> iv) noexcept
      : inner_(key, iv), key_(enfilade::sha256(key.view(), iv)) {}

  void seal(std::uint64_t sequence, std::span<const std::byte> header, std::span<std::byte> body,
            std::span<std::byte, 16> tag) noexcept {
    seal_log::current().note(key_, sequence);
    inner_.seal(sequence, header, body, tag);
  }

  bool open(std::uint64_t sequence, std::span<const std::byte> header, std::span<std::byte> body,
            std::span<const std::byte, 16> tag) noexcept {
    return inner_.open(sequence, header, body, tag);
  }

 private:
  C inner_;
  seal_log::fingerprint key_;
};

}  // namespace test
