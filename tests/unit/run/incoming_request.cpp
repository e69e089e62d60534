// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/incoming_request.hpp>

#include "letters.hpp"
#include "support/failure_of.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace enfilade;
using test::failure_of;
using test::ids;
using test::Letters;

static_assert(!std::is_aggregate_v<incoming_request>, "g++ 12 miscompiles temporary aggregates");

/// A `generate` message in a buffer that is overwritten afterwards, as a link's is.
incoming_request asked(message_dtype dtype, std::vector<std::byte> payload, std::uint64_t most,
                       std::uint8_t flags = 0) {
  message_header header;
  header.kind = message_kind::generate;
  header.dtype = dtype;
  header.flags = flags;
  header.request = 11;
  header.value = most;
  const incoming_request request{message{header, payload}};
  std::ranges::fill(payload, std::byte{0xFF});
  return request;
}

incoming_request text(const std::string& prompt, std::uint64_t most = 1) {
  const auto* bytes = reinterpret_cast<const std::byte*>(prompt.data());
  return asked(message_dtype::u8, {bytes, bytes + prompt.size()}, most);
}

incoming_request tokens(const ids& prompt, std::uint64_t most = 1, std::uint8_t flags = 0) {
  std::vector<std::byte> payload(prompt.size() * 4);
  if (!prompt.empty()) std::memcpy(payload.data(), prompt.data(), payload.size());
  return asked(message_dtype::u32, std::move(payload), most, flags);
}

const tokenizer& words() {
  static const tokenizer loaded = tokenizer::load(test::letters());
  return loaded;
}

TEST_SUITE("run/incoming_request") {
  TEST_CASE("a request outlives the buffer that it came in") {
    CHECK(text("abc").prompt_for<Letters>(&words()) == ids{'a', 'b', 'c'});
    CHECK(tokens({1, 2, 3}).prompt_for<Letters>(&words()) == ids{1, 2, 3});
  }

  TEST_CASE("number, length and the wish for scores are kept") {
    const incoming_request r = tokens({1}, 9, message_flag_logits);
    CHECK(r.id == 11);
    CHECK(r.most == 9);
    CHECK(r.wants_logits);
    CHECK_FALSE(tokens({1}).wants_logits);
  }

  TEST_CASE("ids need no tokenizer, text does") {
    CHECK(tokens({1}).prompt_for<Letters>(nullptr) == ids{1});
    const failure_of none([] { text("a").prompt_for<Letters>(nullptr); });
    CHECK(none.code == errc::request_invalid);
  }

  TEST_CASE("an impossible request is refused by name, and its text is not repeated") {
    const auto refused = [](const incoming_request& r) {
      const failure_of f([&] { r.prompt_for<Letters>(&words()); });
      CHECK_FALSE(f.says("secret"));
      return f.code;
    };
    CHECK(refused(text("")) == errc::request_empty);
    CHECK(refused(tokens({})) == errc::request_empty);
    CHECK(refused(text("secret\xff")) == errc::request_not_text);
    CHECK(refused(tokens({1, Letters::vocab})) == errc::request_invalid);
    CHECK(refused(text("secret", 0)) == errc::request_invalid);
    CHECK(refused(text("secret", Letters::context)) == errc::request_too_long);
    CHECK(refused(tokens(ids(Letters::context + 1, 1))) == errc::request_too_long);
    CHECK(refused(tokens(ids(Letters::context, 1), 2)) == errc::request_too_long);
  }

  TEST_CASE("a prompt may fill the context; the last token made needs no place in it") {
    CHECK(tokens(ids(Letters::context, 1), 1).prompt_for<Letters>(nullptr).size() ==
          Letters::context);
    CHECK(tokens({1}, Letters::context).prompt_for<Letters>(nullptr).size() == 1);
  }
}

}  // namespace
