// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

namespace {

using namespace enfilade;
using detail::bytes_of;
using detail::to_hex;

static_assert(Sha256::size == 32 && Sha384::size == 48 && Sha512::size == 64);

TEST_SUITE("cipher/hash") {
  TEST_CASE("SHA-256 of FIPS 180-4's examples") {
    CHECK(to_hex(sha256(bytes_of("abc"))) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(to_hex(sha256()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  }

  TEST_CASE("SHA-384 of FIPS 180-4's example") {
    CHECK(to_hex(sha384(bytes_of("abc"))) ==
          "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
          "8086072ba1e7cc2358baeca134c825a7");
  }

  TEST_CASE("SHA-512 of FIPS 180-4's example") {
    CHECK(to_hex(sha512(bytes_of("abc"))) ==
          "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
          "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  }

  TEST_CASE("parts hash like the whole, however they are cut") {
    const std::string text(1000, 'x');
    const auto whole = sha256(bytes_of(text));
    CHECK(sha256(bytes_of(text).first(1), bytes_of(text).subspan(1)) == whole);
    Sha256 piecewise;
    for (std::size_t at = 0; at < text.size(); at += 77)
      piecewise.update(bytes_of(text).subspan(at, std::min<std::size_t>(77, text.size() - at)));
    CHECK(piecewise.finish() == whole);
  }

  TEST_CASE("a finished hash is ready for the next text") {
    Sha256 hash;
    hash.update(bytes_of("something else"));
    hash.finish();
    hash.update(bytes_of("abc"));
    CHECK(hash.finish() == sha256(bytes_of("abc")));
  }

  TEST_CASE("HMAC-SHA-256 of RFC 4231, case 2") {
    const Key<32> mac =
        hmac_sha256(bytes_of("Jefe"), bytes_of("what do ya want "), bytes_of("for nothing?"));
    CHECK(to_hex(mac.view()) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  }
}

}  // namespace
