// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/hkdf.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace {

using namespace enfilade;
using detail::bytes_of;
using detail::from_hex;
using detail::to_hex;

TEST_SUITE("cipher/hkdf") {
  // RFC 5869, appendix A.1
  TEST_CASE("the first example of RFC 5869") {
    const std::vector<std::byte> input(22, std::byte{0x0b});
    const Key<32> key = hkdf_extract(*from_hex("000102030405060708090a0b0c"), input);
    CHECK(to_hex(key.view()) == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    const Key<42> out = hkdf_expand<42>(key.view(), *from_hex("f0f1f2f3f4f5f6f7f8f9"));
    CHECK(to_hex(out.view()) ==
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  }

  // RFC 5869, appendix A.3
  TEST_CASE("no salt and no label are the zeros of RFC 5869") {
    const std::vector<std::byte> input(22, std::byte{0x0b});
    const Key<32> key = hkdf_extract({}, input);
    const Key<42> out = hkdf_expand<42>(key.view(), {});
    CHECK(to_hex(out.view()) ==
          "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
  }

  TEST_CASE("a shorter key is the beginning of a longer one, another label is unrelated") {
    const Key<32> key{};
    const Key<100> longer = hkdf_expand<100>(key.view(), bytes_of("a"));
    const Key<7> shorter = hkdf_expand<7>(key.view(), bytes_of("a"));
    CHECK(std::ranges::equal(shorter.view(), longer.view().first(7)));
    const Key<7> other = hkdf_expand<7>(key.view(), bytes_of("b"));
    CHECK_FALSE(std::ranges::equal(shorter.view(), other.view()));
  }
}

}  // namespace
