// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/rsa.hpp>
#include <enfilade/detail/bytes.hpp>

#include <cryptopp/osrng.h>
#include <cryptopp/pssr.h>
#include <cryptopp/rsa.h>
#include <cryptopp/sha.h>
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace {

using namespace enfilade;
using detail::bytes_of;
using bytes = std::vector<std::byte>;

bytes encoded(const CryptoPP::Integer& number, std::size_t size) {
  bytes out(size);
  number.Encode(detail::octets(out.data()), size);
  return out;
}

/// A key of 2048 bits, made once, and what it signs.
struct signer {
  CryptoPP::AutoSeededRandomPool random;
  CryptoPP::InvertibleRSAFunction secret;
  bytes modulus;
  bytes exponent = {std::byte{1}, std::byte{0}, std::byte{1}};
  bytes message{5000, std::byte{42}};

  signer() {
    secret.Initialize(random, 2048, CryptoPP::Integer{65537});
    modulus = encoded(secret.GetModulus(), 256);
  }

  rsa_key key() const { return *rsa_key::from(modulus, exponent); }

  /// By Crypto++'s own PSS, another implementation than the one under test.
  template <class Hash>
  bytes sign() {
    const typename CryptoPP::RSASS<CryptoPP::PSS, Hash>::Signer pss{secret};
    bytes signature(256);
    pss.SignMessage(random, detail::octets(message.data()), message.size(),
                    detail::octets(signature.data()));
    return signature;
  }

  /// The private operation on any encoded message.
  bytes raw(const bytes& encoded_message) {
    const auto m = detail::integer(encoded_message);
    return encoded(secret.CalculateInverse(random, m), 256);
  }
};

signer& alice() {
  static signer one;
  return one;
}

/// EMSA-PSS (RFC 8017 §9.1.1), written down once more, with everything in it to be spoilt.
bytes pss_encoded(std::span<const std::byte> message, std::size_t salt_size, std::byte separator,
                  std::byte padding, std::byte trailer, std::byte top,
                  std::byte salt_filling = std::byte{7}) {
  const bytes salt(salt_size, salt_filling);
  const std::array<std::byte, 8> zeros{};
  const auto hash = sha384(zeros, sha384(message), salt);
  bytes block(256 - 48 - 1, padding);
  block[block.size() - salt_size - 1] = separator;
  std::copy(salt.begin(), salt.end(), block.end() - static_cast<std::ptrdiff_t>(salt_size));
  for (std::size_t i = 0; i != block.size(); ++i) {
    const std::array<std::byte, 4> counter{{{}, {}, {}, static_cast<std::byte>(i / 48)}};
    block[i] ^= sha384(hash, counter)[i % 48];
  }
  block[0] = (block[0] & std::byte{0x7F}) | top;
  block.insert(block.end(), hash.begin(), hash.end());
  block.push_back(trailer);
  return block;
}

TEST_SUITE("cipher/rsa") {
  TEST_CASE("a signature by another implementation is accepted") {
    const bytes signature = alice().sign<CryptoPP::SHA384>();
    CHECK(verify_pss_sha384(alice().key(), alice().message, signature));
  }

  TEST_CASE("it is refused once one bit of it or of the message changes, or under another key") {
    const bytes signature = alice().sign<CryptoPP::SHA384>();
    for (std::size_t bit = 0; bit < 2048; bit += 41) {
      bytes forged = signature;
      forged[bit / 8] ^= std::byte{1} << (bit % 8);
      CHECK_FALSE(verify_pss_sha384(alice().key(), alice().message, forged));
    }
    bytes other = alice().message;
    other.back() ^= std::byte{1};
    CHECK_FALSE(verify_pss_sha384(alice().key(), other, signature));
    bytes modulus = alice().modulus;
    modulus[100] ^= std::byte{1};
    const auto key = rsa_key::from(modulus, alice().exponent);
    REQUIRE(key.has_value());
    CHECK_FALSE(verify_pss_sha384(*key, alice().message, signature));
  }

  TEST_CASE("a signature is as long as the modulus and below it") {
    const bytes signature = alice().sign<CryptoPP::SHA384>();
    CHECK_FALSE(verify_pss_sha384(alice().key(), alice().message, {}));
    CHECK_FALSE(verify_pss_sha384(alice().key(), alice().message, std::span{signature}.first(255)));
    bytes longer{std::byte{0}};
    longer.insert(longer.end(), signature.begin(), signature.end());
    CHECK_FALSE(verify_pss_sha384(alice().key(), alice().message, longer));
    // s + n is the same number modulo n; in half of the cases it still fits.
    for (int tries = 0; tries != 50; ++tries) {
      const auto sum =
          detail::integer(alice().sign<CryptoPP::SHA384>()) + detail::integer(alice().modulus);
      if (sum.ByteCount() > 256) continue;
      CHECK_FALSE(verify_pss_sha384(alice().key(), alice().message, encoded(sum, 256)));
      break;
    }
    for (const int value : {0, 1})
      CHECK_FALSE(verify_pss_sha384(alice().key(), alice().message, encoded(value, 256)));
  }

  TEST_CASE("another hash is another algorithm") {
    CHECK_FALSE(
        verify_pss_sha384(alice().key(), alice().message, alice().sign<CryptoPP::SHA256>()));
    CHECK_FALSE(
        verify_pss_sha384(alice().key(), alice().message, alice().sign<CryptoPP::SHA512>()));
  }

  TEST_CASE("every part of the encoding is checked") {
    constexpr std::byte zero{0}, one{1}, bc{0xBC}, top_bit{0x80};
    const auto accepted = [](std::size_t salt, std::byte separator, std::byte padding,
                             std::byte trailer) {
      const bytes block =
          pss_encoded(alice().message, salt, separator, padding, trailer, std::byte{0});
      return verify_pss_sha384(alice().key(), alice().message, alice().raw(block));
    };
    CHECK(accepted(48, one, zero, bc));
    CHECK_FALSE(accepted(47, one, zero, bc));
    CHECK_FALSE(accepted(49, one, zero, bc));
    CHECK_FALSE(accepted(0, one, zero, bc));
    CHECK_FALSE(accepted(48, zero, zero, bc));
    CHECK_FALSE(accepted(48, std::byte{2}, zero, bc));
    CHECK_FALSE(accepted(48, one, one, bc));
    CHECK_FALSE(accepted(48, one, zero, std::byte{0xCC}));
    CHECK_FALSE(accepted(48, one, zero, zero));
    // The bit above the encoding is zero. Not every block with it is below the modulus.
    int tried = 0;
    for (int filling = 0; filling != 256 && tried == 0; ++filling) {
      const bytes block =
          pss_encoded(alice().message, 48, one, zero, bc, top_bit, static_cast<std::byte>(filling));
      if (detail::integer(block) >= detail::integer(alice().modulus)) continue;
      ++tried;
      CHECK_FALSE(verify_pss_sha384(alice().key(), alice().message, alice().raw(block)));
    }
    CHECK(tried == 1);
  }

  TEST_CASE("a key is refused") {
    const bytes n = alice().modulus;
    const auto is_key = [](const bytes& modulus, std::initializer_list<int> exponent) {
      bytes e;
      for (const int b : exponent) e.push_back(static_cast<std::byte>(b));
      return rsa_key::from(modulus, e).has_value();
    };
    CHECK(is_key(n, {1, 0, 1}));
    CHECK(is_key(n, {255, 255, 255, 255}));
    SUBCASE("where its exponent is small, even, too large, or has zeros in front") {
      CHECK_FALSE(is_key(n, {}));
      CHECK_FALSE(is_key(n, {1}));
      CHECK_FALSE(is_key(n, {3}));
      CHECK_FALSE(is_key(n, {255, 255}));
      CHECK_FALSE(is_key(n, {1, 0, 0}));
      CHECK_FALSE(is_key(n, {1, 0, 2}));
      CHECK_FALSE(is_key(n, {0, 1, 0, 1}));
      CHECK_FALSE(is_key(n, {1, 0, 0, 0, 1}));
    }
    SUBCASE("where its modulus is too short, too long, even, or has zeros in front") {
      CHECK_FALSE(is_key({n.begin() + 1, n.end()}, {1, 0, 1}));
      CHECK_FALSE(is_key(bytes(513, std::byte{0xFF}), {1, 0, 1}));
      CHECK(is_key(bytes(512, std::byte{0xFF}), {1, 0, 1}));
      CHECK_FALSE(is_key({}, {1, 0, 1}));
      bytes even = n;
      even.back() &= std::byte{0xFE};
      CHECK_FALSE(is_key(even, {1, 0, 1}));
      bytes shorter = n;
      shorter.front() &= std::byte{0x7F};
      CHECK_FALSE(is_key(shorter, {1, 0, 1}));
    }
  }
}

}  // namespace
