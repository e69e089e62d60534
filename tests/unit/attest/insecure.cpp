// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/insecure.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;
using insecure::Mock;

static_assert(attester<Mock>);
static_assert(Mock::insecure, "E11 looks at this");

using bytes = std::vector<std::byte>;

struct session {
  std::array<std::byte, 64> data{};
  Measurement weights{std::array{std::byte{0x77}, std::byte{0x78}}};
  bytes evidence;

  session() {
    data.fill(std::byte{5});
    const auto made = Mock{{{"weights", weights}}}.attest(data);
    REQUIRE(made.has_value());
    evidence = *made;
  }

  errc verdict(const bytes& of) const {
    const auto found = Mock::verify(of, data);
    REQUIRE(found.has_error());
    return found.error().code;
  }
  errc verdict() const { return verdict(evidence); }
};

// The key is published, so the test signs what it likes, as anybody can.
bytes sign(bytes body) {
  Key<32> seed;
  std::memcpy(seed.fill().data(), "enfilade insecure mock test key!", 32);
  const auto signature = SigningKey{std::move(seed)}.sign(body);
  body.insert(body.end(), signature.begin(), signature.end());
  return body;
}

/// Signed evidence with these bytes between the magic and the report data.
bytes forged(std::string_view middle) {
  bytes body;
  const auto append = [&body](std::string_view text) {
    for (const char c : text) body.push_back(static_cast<std::byte>(c));
  };
  append({"mock/1\0\0", 8});
  append(middle);
  body.insert(body.end(), 64, std::byte{5});
  return sign(std::move(body));
}

TEST_SUITE("attest/insecure") {
  TEST_CASE_FIXTURE(session, "evidence says the program's own hash and what it was told") {
    const auto found = Mock::verify(evidence, data);
    REQUIRE(found.has_value());
    CHECK(found->attester == "mock");
    REQUIRE(found->values.size() == 2);
    CHECK(found->values[0].first == "binary");
    CHECK(found->values[0].second == *detail::own_binary());
    CHECK(*found->find("weights") == weights);
  }

  TEST_CASE("evidence, verification and judgement are three steps") {
    const std::array<std::byte, 64> data{};
    const Measurement weights{sha256(detail::bytes_of("the stage's own tensors"))};
    //[three-steps
    const Mock own{{{"weights", weights}}};  // what it cannot measure it is told
    const auto evidence = own.attest(data);  // this end, for this session
    REQUIRE(evidence.has_value());
    const auto found = Mock::verify(*evidence, data);  // the other end: genuine, and fresh?
    REQUIRE(found.has_value());
    const auto wanted = expectations::pinned("mock", {{"weights", weights}});
    REQUIRE(wanted.has_value());
    CHECK(wanted->check(*found).has_value());  // and is it the program that was meant?
    //]
  }

  TEST_CASE("a program without weights vouches for its binary alone") {
    const auto own = measure(Mock{});
    REQUIRE(own.has_value());
    CHECK(own->values.size() == 1);
    CHECK(own->find("weights") == nullptr);
  }

  TEST_CASE("a test may play a wrong program") {
    const Measurement other{std::array{std::byte{1}}};
    const auto own = measure(Mock{{{"binary", other}}});
    REQUIRE(own.has_value());
    REQUIRE(own->values.size() == 1);
    CHECK(*own->find("binary") == other);
  }

  TEST_CASE_FIXTURE(session, "evidence made for another session is refused by that name") {
    data.back() ^= std::byte{1};
    CHECK(verdict() == errc::attest_binding_mismatch);
    data.back() ^= std::byte{1};
    data.front() ^= std::byte{1};
    CHECK(verdict() == errc::attest_binding_mismatch);
  }

  TEST_CASE_FIXTURE(session, "evidence signed by another key is refused") {
    auto other = SigningKey::generate();
    REQUIRE(other.has_value());
    const auto signature = other->sign(std::span{evidence}.first(evidence.size() - 64));
    std::copy(signature.begin(), signature.end(), evidence.end() - 64);
    CHECK(verdict() == errc::attest_bad_signature);
  }

  TEST_CASE_FIXTURE(session, "every flipped bit is refused") {
    for (std::size_t bit = 0; bit != 8 * evidence.size(); ++bit) {
      bytes flipped = evidence;
      flipped[bit / 8] ^= std::byte{1} << (bit % 8);
      const errc found = verdict(flipped);
      CHECK((found == errc::attest_malformed || found == errc::attest_bad_signature));
    }
  }

  TEST_CASE_FIXTURE(session, "every truncation and every longer text is refused") {
    for (std::size_t size = 0; size != evidence.size(); ++size) {
      const errc found =
          verdict(bytes(evidence.begin(), evidence.begin() + static_cast<std::ptrdiff_t>(size)));
      CHECK((found == errc::attest_malformed || found == errc::attest_bad_signature));
    }
    for (int more = 0; more != 3; ++more) {
      evidence.push_back(std::byte{0});
      CHECK(verdict() == errc::attest_malformed);
    }
  }

  TEST_CASE_FIXTURE(session, "what is signed but not well formed is refused") {
    using namespace std::string_view_literals;
    REQUIRE_MESSAGE(Mock::verify(forged("\1\1a\1x"sv), data).has_value(),
                    "the forger's tools work");
    CHECK(verdict(forged("\0"sv)) == errc::attest_malformed);              // no register
    CHECK(verdict(forged("\1"sv)) == errc::attest_malformed);              // one promised
    CHECK(verdict(forged("\1\0\1x"sv)) == errc::attest_malformed);         // no name
    CHECK(verdict(forged("\1\1a\0"sv)) == errc::attest_malformed);         // no value
    CHECK(verdict(forged("\1\2a\1x"sv)) == errc::attest_malformed);        // a name too long
    CHECK(verdict(forged("\1\1a\2x"sv)) == errc::attest_malformed);        // a value too long
    CHECK(verdict(forged("\1\1a\377x"sv)) == errc::attest_malformed);      // far too long
    CHECK(verdict(forged("\1\1 \1x"sv)) == errc::attest_malformed);        // not a name
    CHECK(verdict(forged("\1\1a\1xy"sv)) == errc::attest_malformed);       // one byte more
    CHECK(verdict(forged("\2\1a\1x\1a\1x"sv)) == errc::attest_malformed);  // one name twice
    CHECK(verdict(forged("\2\1a\1x"sv)) == errc::attest_malformed);        // two promised
    CHECK(verdict(forged("\1\1a\101" + std::string(65, 'x'))) == errc::attest_malformed);
    CHECK(verdict(forged("\1\41" + std::string(33, 'a') + "\1x")) == errc::attest_malformed);
    std::string nine = "\t";
    for (char c = 'a'; c != 'j'; ++c) nine += std::string{"\1"} + c + "\1x";
    CHECK(verdict(forged(nine)) == errc::attest_malformed);
    bytes other_magic(8 + 1 + 64, std::byte{0});
    CHECK(verdict(sign(other_magic)) == errc::attest_malformed);
  }

  TEST_CASE_FIXTURE(session, "random bytes are refused and nothing is thrown") {
    std::mt19937 random{1};
    for (int i = 0; i != 20'000; ++i) {
      bytes noise = evidence;
      noise.resize(random() % 300);
      for (unsigned changes = random() % 8; changes != 0 && !noise.empty(); --changes)
        noise[random() % noise.size()] = static_cast<std::byte>(random());
      if (noise != evidence) CHECK(Mock::verify(noise, data).has_error());
    }
  }

  TEST_CASE_FIXTURE(session, "more than evidence holds is a defect of the caller") {
    registers many;
    for (char c = 'a'; c != 'h'; ++c) many.emplace_back(std::string{c}, weights);
    CHECK_MESSAGE(measure(Mock{many}).has_value(), "seven and the binary");
    many.emplace_back("h", weights);
    CHECK(Mock{many}.attest(data).error() == errc::internal);
    CHECK(Mock{{{"not a name", weights}}}.attest(data).error() == errc::internal);
    CHECK(Mock{{{"empty", Measurement{}}}}.attest(data).error() == errc::internal);
  }
}

}  // namespace
