// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/wire/direction.hpp>

#include <doctest/doctest.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <vector>

namespace {

using namespace enfilade;
using direction = detail::direction<AesGcm>;
using bytes = std::vector<std::byte>;

static_assert(!std::copyable<direction>, "two copies would seal twice under one nonce");
static_assert(std::movable<direction>);

struct sealed {
  explicit sealed(direction& by, std::size_t size = 64) : body(size, std::byte{42}) {
    by.seal(record_type::message, 0, body, prefix);
  }
  std::array<std::byte, record_prefix_size> prefix{};
  bytes body;
};

TEST_SUITE("wire/direction") {
  TEST_CASE("records and bytes are counted per key") {
    direction way{Key<32>{}};
    CHECK(way.sequence() == 0);
    const sealed first{way, 100};
    const sealed second{way, 28};
    CHECK(way.sequence() == 2);
    CHECK(way.bytes() == 128);
    way.rekey({});
    CHECK(way.sequence() == 0);
    CHECK(way.bytes() == 0);
  }

  TEST_CASE("a record that is refused is not counted") {
    direction sending{Key<32>{}};
    direction receiving{Key<32>{}};
    sealed record{sending};
    bytes damaged = record.body;
    damaged[0] ^= std::byte{1};
    CHECK_FALSE(receiving.open(record.prefix, damaged));
    CHECK(receiving.sequence() == 0);
    CHECK(receiving.open(record.prefix, record.body));
    CHECK(receiving.sequence() == 1);
  }

  TEST_CASE("whose turn it is, is this end's own count") {
    direction way{Key<32>{}};
    sealed record{way};
    record_header header;
    header.sequence = 0;
    CHECK(way.in_turn(header).error() == errc::frame_replay);
    header.sequence = 1;
    CHECK_FALSE(way.in_turn(header).has_error());
    header.sequence = 2;
    CHECK(way.in_turn(header).error() == errc::frame_out_of_order);
  }

  TEST_CASE("both ends of a direction rekey alike") {
    direction sending{Key<32>{}};
    direction receiving{Key<32>{}};
    for (int i = 0; i != 3; ++i) {
      sending.rekey({});
      receiving.rekey({});
      sealed record{sending};
      CHECK(receiving.open(record.prefix, record.body));
      CHECK(record.body == bytes(64, std::byte{42}));
    }
  }
}

}  // namespace
