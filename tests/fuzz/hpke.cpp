// SPDX-License-Identifier: Apache-2.0
//
// Contract: a recipient opens exactly what was sealed to it, under the same terms, in order; of
// anything else not a byte is released.
//
// The input is a script: which of two messages comes, and what the way did to it.
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/hpke.hpp>

#include "script.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace {

using namespace enfilade;

struct sealed {
  std::vector<std::byte> header;
  std::vector<std::byte> body;
  std::array<std::byte, 16> tag{};
};

Key<32> key_of(std::byte fill) {
  std::array<std::byte, 32> secret{};
  secret.fill(fill);
  return Key<32>{secret};
}

void alter(std::span<std::byte> bytes, fuzz::script& way) {
  if (bytes.empty()) return;
  bytes[way.below(bytes.size())] ^= static_cast<std::byte>(way.byte());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::script way{data, size};
  const AgreementKey recipient{key_of(std::byte{0x52})};
  const AgreementKey ephemeral{key_of(std::byte{0x45})};
  const Key<32> psk = key_of(std::byte{0x50});
  const std::vector<std::byte> info = way.bytes(20);
  const std::array<std::byte, 2> psk_id{std::byte{'i'}, std::byte{'d'}};
  const bool shared = (way.byte() & 1) != 0;
  const hpke_terms terms = shared ? hpke_terms{info, psk, psk_id} : hpke_terms{info};

  auto sender = hpke_sender<AesGcm>::to(recipient.public_key(), terms, ephemeral);
  fuzz::require(sender.has_value());
  std::vector<sealed> sent;
  for (std::size_t i = 0; i != 2; ++i) {
    sealed message;
    message.header = way.bytes(16);
    message.body = way.bytes(64);
    fuzz::require(sender->seal(message.header, message.body, message.tag).has_value());
    sent.push_back(message);
  }

  std::array<std::byte, 32> enc = sender->encapsulated_key();
  std::vector<std::byte> other_info = info;
  if ((way.byte() & 1) != 0) alter(enc, way);
  if ((way.byte() & 1) != 0) alter(other_info, way);
  const hpke_terms other_terms =
      shared ? hpke_terms{other_info, psk, psk_id} : hpke_terms{other_info};
  const bool same_context = enc == sender->encapsulated_key() && other_info == info;
  auto opening = hpke_recipient<AesGcm>::from(recipient, enc, other_terms);
  if (!opening) {
    fuzz::require(!same_context && opening.error() == errc::crypto_low_order_point);
    return 0;
  }
  for (std::size_t next = 0; !way.empty();) {
    const std::size_t chosen = way.below(sent.size());
    sealed message = sent[chosen];
    alter(message.header, way);
    alter(message.body, way);
    alter(message.tag, way);
    const bool genuine = same_context && chosen == next && message.header == sent[next].header &&
                         message.body == sent[next].body && message.tag == sent[next].tag;
    const result<void> opened = opening->open(message.header, message.body, message.tag);
    fuzz::require(opened.has_value() == genuine);
    if (genuine && ++next == sent.size()) return 0;
    if (genuine) continue;
    fuzz::require(opened.error() == errc::crypto_auth_failed);
    fuzz::require(std::ranges::all_of(message.body, [](std::byte b) { return b == std::byte{0}; }));
  }
  return 0;
}
