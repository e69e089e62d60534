// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/cipher/hpke.hpp>
#include <enfilade/cipher/padded.hpp>
#include <enfilade/cipher/plain.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using detail::bytes_of;
using detail::to_hex;
using sender = hpke_sender<AesGcm>;
using recipient = hpke_recipient<AesGcm>;

static_assert(hpke_cipher<AesGcm> && hpke_cipher<ChaChaPoly>);
static_assert(!hpke_cipher<insecure::Plain>, "HPKE has no number for what seals nothing");
static_assert(!hpke_cipher<Padded<AesGcm, 64>>);
static_assert(std::movable<sender> && !std::copyable<sender>, "a context's count exists once");
static_assert(std::movable<recipient> && !std::copyable<recipient>);

const std::vector<std::byte> plain(100, std::byte{42});

// One message, sealed to a key, with everything that a test may want to change before it is opened.
struct sealed {
  explicit sealed(const hpke_terms& terms = hpke_terms{bytes_of("a purpose")}) {
    auto from = sender::to(key.public_key(), terms);
    REQUIRE(from.has_value());
    enc = from->encapsulated_key();
    REQUIRE(from->seal(header, body, tag).has_value());
  }

  error_code open(const hpke_terms& terms = hpke_terms{bytes_of("a purpose")}) {
    auto to = recipient::from(key, enc, terms);
    if (!to) return to.error();
    const result<void> opened = to->open(header, body, tag);
    return opened ? error_code{} : opened.error();
  }

  AgreementKey key = AgreementKey::generate().value();
  std::array<std::byte, 32> enc{};
  std::array<std::byte, 8> header{std::byte{7}};
  std::vector<std::byte> body = plain;
  std::array<std::byte, 16> tag{};
};

TEST_SUITE("cipher/hpke") {
  TEST_CASE("what was sealed to a key opens with it, and the text does not travel") {
    sealed message;
    CHECK(message.body != plain);
    CHECK_FALSE(message.open());
    CHECK(message.body == plain);
  }

  TEST_CASE("no two messages to one key are sealed alike") {
    const auto key = AgreementKey::generate();
    const hpke_terms terms{bytes_of("a purpose")};
    auto first = sender::to(key->public_key(), terms);
    auto second = sender::to(key->public_key(), terms);
    CHECK(first->encapsulated_key() != second->encapsulated_key());
    auto a = plain;
    auto b = plain;
    std::array<std::byte, 16> tag;
    REQUIRE(first->seal({}, a, tag).has_value());
    REQUIRE(second->seal({}, b, tag).has_value());
    CHECK(a != b);
    b = plain;
    REQUIRE(first->seal({}, b, tag).has_value());
    CHECK(a != b);
  }

  TEST_CASE("a message is refused, and its text is not released") {
    sealed message;
    SUBCASE("where one bit of the body has changed") { message.body[99] ^= std::byte{1}; }
    SUBCASE("where one bit of the header has changed") { message.header[7] ^= std::byte{1}; }
    SUBCASE("where one bit of the tag has changed") { message.tag[0] ^= std::byte{128}; }
    SUBCASE("where one bit of the encapsulated key has changed") { message.enc[5] ^= std::byte{1}; }
    SUBCASE("where it was sealed to another key") {
      message.key = AgreementKey::generate().value();
    }
    CHECK(message.open() == errc::crypto_auth_failed);
    CHECK(message.body == std::vector<std::byte>(100));
  }

  TEST_CASE("a message is refused under other terms") {
    const Key<32> psk{std::array<std::byte, 32>{std::byte{1}}};
    const Key<32> other{std::array<std::byte, 32>{std::byte{2}}};
    const auto info = bytes_of("a purpose");
    const hpke_terms agreed{info, psk, bytes_of("id")};
    CHECK_FALSE(sealed{agreed}.open(agreed));
    CHECK(sealed{agreed}.open(hpke_terms{info, other, bytes_of("id")}) == errc::crypto_auth_failed);
    CHECK(sealed{agreed}.open(hpke_terms{info, psk, bytes_of("ID")}) == errc::crypto_auth_failed);
    CHECK(sealed{agreed}.open(hpke_terms{info}) == errc::crypto_auth_failed);
    CHECK(sealed{}.open(agreed) == errc::crypto_auth_failed);
    CHECK(sealed{}.open(hpke_terms{bytes_of("another purpose")}) == errc::crypto_auth_failed);
  }

  TEST_CASE("a public key that makes every secret zero is refused at both ends") {
    const hpke_terms terms{bytes_of("a purpose")};
    const std::array<std::byte, 32> low_order{};
    CHECK(sender::to(low_order, terms).error() == errc::crypto_low_order_point);
    const auto key = AgreementKey::generate();
    CHECK(recipient::from(*key, low_order, terms).error() == errc::crypto_low_order_point);
  }

  TEST_CASE("a pre-shared key without a name is a mistake of the program") {
    const Key<32> psk;
    const auto key = AgreementKey::generate();
    const hpke_terms nameless{bytes_of("a purpose"), psk, {}};
    CHECK(sender::to(key->public_key(), nameless).error() == errc::internal);
    CHECK(recipient::from(*key, key->public_key(), nameless).error() == errc::internal);
  }

  TEST_CASE("messages open in the order in which they were sealed, and a refused one is no step") {
    const auto key = AgreementKey::generate();
    const hpke_terms terms{bytes_of("a purpose")};
    auto from = sender::to(key->public_key(), terms);
    auto to = recipient::from(*key, from->encapsulated_key(), terms);
    auto first = plain;
    auto second = plain;
    std::array<std::byte, 16> first_tag;
    std::array<std::byte, 16> second_tag;
    REQUIRE(from->seal({}, first, first_tag).has_value());
    REQUIRE(from->seal({}, second, second_tag).has_value());
    auto early = second;
    CHECK(to->open({}, early, second_tag).error() == errc::crypto_auth_failed);
    auto replayed = first;
    CHECK(to->open({}, first, first_tag).has_value());
    CHECK(to->open({}, replayed, first_tag).error() == errc::crypto_auth_failed);
    CHECK(to->open({}, second, second_tag).has_value());
    CHECK(second == plain);
  }

  TEST_CASE("after the last message both ends say that the key is used up") {
    const auto key = AgreementKey::generate();
    hpke_terms terms{bytes_of("a purpose")};
    CHECK(terms.messages == std::uint64_t{1} << 32);
    terms.messages = 2;
    auto from = sender::to(key->public_key(), terms);
    auto to = recipient::from(*key, from->encapsulated_key(), terms);
    auto body = plain;
    std::array<std::byte, 16> tag;
    for (int i = 0; i != 2; ++i) {
      REQUIRE(from->seal({}, body, tag).has_value());
      REQUIRE(to->open({}, body, tag).has_value());
    }
    CHECK(from->seal({}, body, tag).error() == errc::crypto_key_exhausted);
    CHECK(body == plain);
    CHECK(to->open({}, body, tag).error() == errc::crypto_key_exhausted);
    CHECK(body == std::vector<std::byte>(100));
  }

  TEST_CASE("both ends export the same secrets, another one for each context and length") {
    const auto key = AgreementKey::generate();
    const hpke_terms terms{bytes_of("a purpose")};
    const auto from = sender::to(key->public_key(), terms);
    const auto to = recipient::from(*key, from->encapsulated_key(), terms);
    const Key<64> secret = from->export_key<64>(bytes_of("a"));
    CHECK(to_hex(secret.view()) == to_hex(to->export_key<64>(bytes_of("a")).view()));
    CHECK(to_hex(secret.view()) != to_hex(to->export_key<64>(bytes_of("b")).view()));
    CHECK(to_hex(secret.view().first<32>()) != to_hex(to->export_key<32>(bytes_of("a")).view()));
  }

  TEST_CASE("ChaCha20-Poly1305 makes other keys of the same secret than AES-256-GCM") {
    const auto key = AgreementKey::generate();
    const auto ephemeral = AgreementKey::generate();
    const hpke_terms terms{bytes_of("a purpose")};
    const auto a = hpke_sender<AesGcm>::to(key->public_key(), terms, *ephemeral);
    const auto b = hpke_sender<ChaChaPoly>::to(key->public_key(), terms, *ephemeral);
    CHECK(to_hex(a->export_key<32>({}).view()) != to_hex(b->export_key<32>({}).view()));
  }
}

}  // namespace
