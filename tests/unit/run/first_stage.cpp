// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/first_stage.hpp>

#include "building.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::answer;
using test::building;
using test::ids;
using test::One;
using test::scored;
using test::Two;

const ids abc{'a', 'b', 'c'};

request text(std::string prompt, std::size_t most) { return request{std::move(prompt), most}; }
request tokens(ids prompt, std::size_t most) { return request{std::move(prompt), most}; }

/// One slot on each stage: what is not given back is missed by the next request.
template <class Deployment>
struct one_slot : building<Deployment> {
  one_slot() : building<Deployment>(building<Deployment>::same(1)) {}
};

template <class Deployment>
void refuses_bad_requests() {
  one_slot<Deployment> rooms;
  const auto model = rooms.client();
  const auto refused = [&](request question, errc cause) {
    const answer heard = rooms.ask(*model, std::move(question));
    CHECK(heard.code == cause);
    CHECK(heard.tokens.empty());
    return heard.where;
  };
  CHECK(refused(text("", 3), errc::request_empty) == "prompt");
  CHECK(refused(tokens({}, 3), errc::request_empty) == "prompt");
  CHECK(refused(text("caf\xe9", 3), errc::request_not_text) == "prompt");
  CHECK(refused(text("\xed\xa0\x80", 3), errc::request_not_text) == "prompt");
  CHECK(refused(tokens({'a', 257}, 3), errc::request_invalid) == "a token id is not below 257");
  CHECK(refused(tokens({0xFFFFFFFF}, 3), errc::request_invalid) == "a token id is not below 257");
  CHECK(refused(tokens(abc, 0), errc::request_invalid) == "max_tokens is 0");
  CHECK(refused(text("abc", 63), errc::request_too_long) ==
        "3 prompt tokens and 63 new ones, context 64");
  CHECK(refused(tokens(ids(65, 'a'), 1), errc::request_too_long) ==
        "65 prompt tokens and 1 new ones, context 64");
  CHECK(refused(text(std::string(65, 'a'), 1), errc::request_too_long) == "prompt");
  CHECK(refused(text(std::string(3'000'000, 'a'), 1), errc::request_too_long) == "prompt");
  CHECK(refused(tokens(abc, 0xFFFFFFFF), errc::request_too_long) ==
        "3 prompt tokens and 4294967295 new ones, context 64");
  // None of them has cost the slot, or the link.
  CHECK(rooms.ask(*model, tokens(abc, 4)).tokens.size() == 4);
}

/// Sends one message that `Client` would never send.
template <class Deployment>
asio::awaitable<void> send_raw(typename Client<Deployment>::link_type& to, message_header header) {
  co_await to.send(header);
}

template <class Deployment>
struct raw_client {
  using link_type = typename Client<Deployment>::link_type;

  explicit raw_client(building<Deployment>& rooms) { rooms.finish(connect(rooms)); }

  asio::awaitable<void> connect(building<Deployment>& rooms) {
    auto& first = rooms.template room_of<0>();
    auto stream = co_await Loopback::dial(rooms.io.get_executor(), first.door->local());
    link_terms<Deployment> terms{link_end::upstream, 0, nullptr, expectations::anyone()};
    link = co_await establish<link_type>(std::move(stream), std::move(terms), "stage 0");
  }

  std::shared_ptr<link_type> link;
};

TEST_SUITE("run/first_stage, requests") {
  TEST_CASE("what cannot be answered is refused by name, and costs nothing") {
    SUBCASE("by a stage that is the whole pipeline") { refuses_bad_requests<One>(); }
    SUBCASE("by the first of two") { refuses_bad_requests<Two>(); }
  }

  TEST_CASE("a prompt may fill the context, and the last token needs no room") {
    building<Two> rooms;
    CHECK(rooms.ask(tokens(ids(64, 'a'), 1)).tokens.size() == 1);
    CHECK(rooms.ask(tokens(ids(63, 'a'), 2)).tokens.size() == 2);
    const answer longest = rooms.ask(tokens(abc, 62));
    CHECK(longest.tokens.size() == 62);
    CHECK(longest.reason == done_reason::length);
  }

  TEST_CASE("text and token ids are the same question") {
    building<Two> rooms;
    const answer by_text = rooms.ask(text("abc", 5));
    const answer by_ids = rooms.ask(tokens(abc, 5));
    CHECK(by_text == by_ids);
    CHECK(by_text.ended);
    CHECK(by_text.text.size() == 5);  // a byte a token
    for (std::size_t i = 0; i != 5; ++i)
      CHECK(static_cast<unsigned char>(by_text.text[i]) == by_text.tokens[i]);
  }

  TEST_CASE("a text that names the special token is still text") {
    building<One> rooms;
    CHECK(rooms.ask(text("<|endoftext|>", 2)) == rooms.ask(text("<|endoftext|>", 2)));
    CHECK(rooms.ask(text(std::string(5, 'x') + "<|endoftext|>", 50)).code ==
          errc::request_too_long);  // its 13 bytes are 13 tokens: 18 + 50 do not fit
  }

  TEST_CASE("scores come instead of text where they are asked for, for the whole vocabulary") {
    building<Two> rooms;
    const answer heard = rooms.ask(scored(abc, 3));
    REQUIRE(heard.logits.size() == 3);
    CHECK(heard.text.empty());
    for (std::size_t i = 0; i != 3; ++i) {
      REQUIRE(heard.logits[i].size() == test::Letters::vocab);
      const auto best = std::ranges::max_element(heard.logits[i]) - heard.logits[i].begin();
      CHECK(static_cast<std::uint32_t>(best) == heard.tokens[i]);
    }
    CHECK(heard.tokens == rooms.ask(tokens(abc, 3)).tokens);
  }

  TEST_CASE("a text ends where the model ends it") {
    const ids whole = building<Two>{}.ask(tokens(abc, 8)).tokens;
    // The same model under a tokenizer in which one of these tokens ends a text.
    std::size_t last = 1;
    while (std::ranges::count(whole, whole[last]) != 1) ++last;
    nlohmann::json words = test::small_tokenizer();
    words["model"]["vocab"][byte_level::text(static_cast<unsigned char>(whole[last]))] = 256;
    words["added_tokens"][0]["id"] = whole[last];
    test::letters_directory model;
    test::write_file(model.path() / "tokenizer.json", words.dump());

    building<Two> rooms{building<Two>::same(1), model.path()};
    const answer heard = rooms.ask(tokens(abc, 8));
    CHECK(heard.ended);
    CHECK(heard.reason == done_reason::end_of_text);
    CHECK(heard.tokens == ids(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(last)));
    CHECK(rooms.ask(tokens(abc, last)).reason == done_reason::length);
  }

  TEST_CASE("without a tokenizer a stage takes ids, and says so to who sends text") {
    test::letters_directory bare;
    std::filesystem::remove(bare.path() / "tokenizer.json");
    building<Two> rooms{building<Two>::same(1), bare.path()};
    const answer refused = rooms.ask(text("abc", 3));
    CHECK(refused.code == errc::request_invalid);
    CHECK(refused.where == "this stage has no tokenizer; send ids");
    const answer heard = rooms.ask(tokens(abc, 3));
    CHECK(heard.tokens.size() == 3);
    CHECK(heard.text.empty());
    CHECK(rooms.ask(tokens({256, 256}, 5)).tokens.size() == 5);  // nothing ends a text either
  }
}

TEST_SUITE("run/first_stage, links and slots") {
  TEST_CASE("a second request on a link sees nothing of the first") {
    one_slot<Two> rooms;
    const answer alone = rooms.ask(scored(abc, 6));
    const auto model = rooms.client();
    const answer first = rooms.ask(*model, scored({'x', 'y', 'z', 'x', 'y', 'z'}, 9));
    CHECK(first.ended);
    CHECK(rooms.ask(*model, scored(abc, 6)) == alone);
    CHECK(rooms.ask(*model, scored(abc, 6)) == alone);
    CHECK_FALSE(first.logits.back() == alone.logits.back());
  }

  asio::awaitable<void> ask_again_and_again(Client<Two> & model, std::vector<answer> & heard) {
    for (answer& one : heard) co_await test::ask(model, tokens(abc, 2), one);
  }

  TEST_CASE(
      "who has heard the end of an answer may ask again at once, however busy the stages are") {
    building<Two> rooms{building<Two>::same(3)};
    std::vector<std::unique_ptr<Client<Two>>> models;
    std::vector<std::vector<answer>> heard(3, std::vector<answer>(40));
    for (std::size_t i = 0; i != 3; ++i) models.push_back(rooms.client());
    std::vector<std::unique_ptr<test::task>> asking;
    for (std::size_t i = 0; i != 3; ++i)
      asking.push_back(
          std::make_unique<test::task>(rooms.io, ask_again_and_again(*models[i], heard[i])));
    test::run_ready(rooms.io);
    for (const auto& one : asking) CHECK(one->done);
    for (const auto& own : heard)
      for (const answer& one : own) CHECK(one.code == error_code{});
  }

  TEST_CASE("one request at a time on a link; the one that runs is not disturbed") {
    building<Two> rooms;
    const answer alone = rooms.ask(tokens(abc, 30));
    const auto model = rooms.client();
    answer heard = rooms.begin(*model, tokens(abc, 30), 1);
    rooms.finish(model->ask(tokens({'x'}, 5)));
    answer refused;
    while (!refused.code) {  // the refusal comes among the tokens of the first
      rooms.hear_one(*model, refused);
      REQUIRE_FALSE(refused.ended);
    }
    CHECK(refused.code == errc::request_invalid);
    CHECK(refused.where == "one request at a time on a link");
    heard.tokens.insert(heard.tokens.end(), refused.tokens.begin(), refused.tokens.end());
    rooms.hear_out(*model, heard);
    CHECK(heard.tokens == alone.tokens);
  }

  TEST_CASE("where every slot is taken the next client is told so, and a free one serves it") {
    one_slot<Two> rooms;
    const auto first = rooms.client();
    const auto second = rooms.client();
    answer heard = rooms.begin(*first, tokens(abc, 60), 1);
    const answer refused = rooms.ask(*second, tokens(abc, 2));
    CHECK(refused.code == errc::stage_overloaded);
    CHECK(refused.where == "stage 0");
    rooms.hear_out(*first, heard);
    CHECK(heard.tokens.size() == 60);
    CHECK(rooms.ask(*second, tokens(abc, 2)).ended);
  }

  TEST_CASE("a later stage with fewer slots says which it is") {
    building<Two> rooms{{2, 1}};
    const auto first = rooms.client();
    answer heard = rooms.begin(*first, tokens(abc, 60), 1);
    const answer refused = rooms.ask(tokens(abc, 2));
    CHECK(refused.code == errc::stage_overloaded);
    CHECK(refused.where == "stage 1");
    rooms.hear_out(*first, heard);
    CHECK(heard.tokens.size() == 60);
    CHECK(rooms.ask(tokens(abc, 2)).ended);
  }

  TEST_CASE("a client may cancel, and its slot and link are free again") {
    one_slot<Two> rooms;
    const auto model = rooms.client();
    answer heard = rooms.begin(*model, tokens(abc, 60), 2);
    rooms.finish(model->cancel());
    rooms.hear_out(*model, heard);
    CHECK(heard.code == errc::request_cancelled);
    CHECK(heard.tokens.size() < 60);
    CHECK(rooms.ask(*model, tokens(abc, 3)).tokens.size() == 3);
  }

  TEST_CASE("cancelling what is over, or never began, does not touch the next request") {
    one_slot<Two> rooms;
    const auto model = rooms.client();
    rooms.finish(model->cancel());
    CHECK(rooms.ask(*model, tokens(abc, 3)).ended);
    rooms.finish(model->cancel());
    CHECK(rooms.ask(*model, tokens(abc, 3)).ended);
  }

  template <class Deployment>
  void serves_after_a_client_left(bool politely) {
    one_slot<Deployment> rooms;
    const test::quiet said{stderr};
    auto leaving = rooms.client();
    rooms.begin(*leaving, tokens(abc, 60), 2);
    if (politely) rooms.finish(leaving->close());
    leaving.reset();
    // The stage notices after the step that is under way; until then the slot is taken.
    answer next;
    for (int tries = 0; tries != 200 && !next.ended; ++tries) {
      next = rooms.ask(tokens(abc, 3));
      if (!next.ended) CHECK(next.code == errc::stage_overloaded);
    }
    CHECK(next.ended);
    CHECK(next.tokens.size() == 3);
    // A goodbye is nothing to complain about; a link that just ends is.
    CHECK(said.text().empty() == politely);
  }

  TEST_CASE("a client that leaves in the middle gives its slot back") {
    SUBCASE("saying goodbye") { serves_after_a_client_left<Two>(true); }
    SUBCASE("just like that") { serves_after_a_client_left<Two>(false); }
    SUBCASE("saying goodbye to a single stage") { serves_after_a_client_left<One>(true); }
    SUBCASE("just like that, from a single stage") { serves_after_a_client_left<One>(false); }
  }

  TEST_CASE("a client that sends what clients do not send loses its link, and nobody else") {
    one_slot<Two> rooms;
    const test::quiet said{stderr};
    raw_client<Two> odd{rooms};
    message_header header;
    header.kind = message_kind::release;
    rooms.finish(send_raw<Two>(*odd.link, header));
    rooms.settle();
    CHECK(said.text() == "stage 0: " + describe(failure(errc::frame_unexpected, "client")) + "\n");
    CHECK(rooms.ask(tokens(abc, 2)).ended);
  }

  TEST_CASE("the stages say how long they computed") {
    building<Two> rooms;
    const auto model = rooms.client();
    rooms.finish(model->ask(tokens(abc, 3)));
    rooms.finish([](Client<Two>& from) -> asio::awaitable<void> {
      while (const auto token = co_await from.next()) {
        CHECK(token->busy_ns > 0);
        CHECK(token->busy_ns < 10'000'000'000);
      }
    }(*model));
  }
}

TEST_SUITE("run/first_stage, stopping") {
  template <class Deployment>
  void tells_who_waits() {
    building<Deployment> rooms;
    const auto model = rooms.client();
    answer heard = rooms.begin(*model, tokens(abc, 60), 1);
    CHECK(rooms.template room_of<0>().stage->stop());
    rooms.hear_out(*model, heard);
    CHECK(heard.code == errc::stage_stopping);
    CHECK(heard.where == "stage 0");
    CHECK(heard.tokens.size() < 60);
    const answer late = rooms.ask(*model, tokens(abc, 2));
    CHECK(late.code == errc::stage_stopping);
    CHECK_FALSE(rooms.template room_of<0>().stage->stop());  // nobody waits any more
  }

  TEST_CASE("a stage that stops tells the requests that run and those that come") {
    SUBCASE("alone") { tells_who_waits<One>(); }
    SUBCASE("as the first of two") { tells_who_waits<Two>(); }
  }

  TEST_CASE("an idle stage has nobody to tell") {
    building<Two> rooms;
    CHECK(rooms.ask(tokens(abc, 2)).ended);
    CHECK_FALSE(rooms.room_of<0>().stage->stop());
  }
}

}  // namespace
