// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/key.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace enfilade {

/// Seals and opens the records of one direction under one key.
///
/// A cipher is an AEAD with its key inside. It is given a record's sequence number and makes the
/// nonce from it, so a nonce cannot be passed in and therefore cannot be repeated by a mistaken
/// argument; that a sequence number is sealed once per key is the `session`'s promise. Where `open`
/// returns `false`, `body` holds zeros: forged plaintext never leaves a cipher. Sealing and opening
/// work in place and allocate nothing.
///
/// | expression                                | must be            | meaning                    |
/// |-------------------------------------------|--------------------|----------------------------|
/// | `C::name`                                 | `std::string_view` | how plans and logs call it |
/// | `C::suite`                                | `std::uint16_t`    | its number in `hello`      |
/// | `C::key_size`, `C::iv_size`, `C::tag_size`| 32, 12, 16         | bytes                      |
/// | `C{key, iv}`                              |                    | keyed once                 |
/// | `c.seal(sequence, header, body, tag)`     | `void`             | encrypts, writes the tag   |
/// | `c.open(sequence, header, body, tag)`     | `bool`             | verifies, then decrypts    |
///
/// `header` is authenticated and not encrypted. A cipher is not copyable (a key exists once) and
/// need not be movable. Models: `AesGcm`, `ChaChaPoly`, `insecure::Plain`.
template <class C>
concept cipher = requires(C c, std::uint64_t sequence, std::span<const std::byte> header,
                          std::span<std::byte> body, std::span<std::byte, 16> tag,
                          std::span<const std::byte, 16> received_tag, const Key<32>& key,
                          std::span<const std::byte, 12> iv) {
  { C::name } -> std::convertible_to<std::string_view>;
  { C::suite } -> std::convertible_to<std::uint16_t>;
  requires C::key_size == 32 && C::iv_size == 12 && C::tag_size == 16;
  C{key, iv};
  { c.seal(sequence, header, body, tag) }
  noexcept->std::same_as<void>;
  { c.open(sequence, header, body, received_tag) }
  noexcept->std::same_as<bool>;
}
&&!std::copyable<C>;

namespace detail {

/// The nonce of RFC 8446 §5.3: the IV, its last 8 bytes XOR the sequence number, big-endian.
///
/// The IV is secret and different in each direction, so that nonces of different links are
/// unrelated even where keys are attacked many at a time.
class record_nonce {
 public:
  explicit record_nonce(std::span<const std::byte, 12> iv) noexcept {
    std::memcpy(iv_.fill().data(), iv.data(), iv.size());
  }

  std::array<std::byte, 12> at(std::uint64_t sequence) const noexcept {
    std::array<std::byte, 12> nonce;
    std::memcpy(nonce.data(), iv_.view().data(), nonce.size());
    for (std::size_t i = 0; i != 8; ++i)
      nonce[11 - i] ^= static_cast<std::byte>(sequence >> (8 * i) & 0xFF);
    return nonce;
  }

 private:
  Key<12> iv_;
};

}  // namespace detail

}  // namespace enfilade
