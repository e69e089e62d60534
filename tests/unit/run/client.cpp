// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/client.hpp>

#include "handshakes.hpp"
#include "letters.hpp"
#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::answer;
using test::ids;
using test::One;
using test::Two;

static_assert(!std::is_aggregate_v<request>, "g++ 12 miscompiles temporary aggregates");
static_assert(std::movable<Client<One>> && !std::copyable<Client<One>>);

/// Stage 0 as a test would have it: accepts one client, hears one request, sends what it is told to.
template <class Deployment>
class scripted_stage_of {
 public:
  using link_type = enfilade::link<Loopback::stream, AesGcm>;

  explicit scripted_stage_of(asio::io_context& io)
      : door_(io.get_executor(), Loopback::endpoint{"scripted"}) {}

  void says(message_kind kind, std::string text = {}, std::uint64_t value = 0,
            std::vector<float> logits = {}) {
    message_header header;
    header.kind = kind;
    header.value = value;
    std::string payload = text;
    if (kind == message_kind::room_evidence) header.request = 1;
    if (kind == message_kind::token || kind == message_kind::failure ||
        kind == message_kind::room_evidence) {
      header.rank = 1;
      header.dtype = logits.empty() ? message_dtype::u8 : message_dtype::f32;
      if (!logits.empty()) {
        payload.resize(logits.size() * sizeof(float));
        std::memcpy(payload.data(), logits.data(), payload.size());
      }
      header.shape[0] = static_cast<std::uint32_t>(logits.empty() ? payload.size() : logits.size());
      header.payload_size = payload.size();
    }
    if (kind == message_kind::activation) {
      header.rank = 2;
      header.dtype = message_dtype::f32;
      header.shape = {1, 1, 0, 0};
      header.payload_size = 4;
      payload.assign(4, '\0');
    }
    script_.emplace_back(header, payload);
  }

  asio::awaitable<void> run(std::size_t requests, bool politely) {
    auto stream = co_await door_.accept();
    link_terms<Deployment> terms{link_end::downstream, 0, test::program('d'),
                                 expectations::anyone()};
    link_ = co_await establish<link_type>(std::move(stream), std::move(terms), "client");
    for (std::size_t i = 0; i != requests; ++i) {
      const auto asked = co_await link_->receive();
      REQUIRE(asked.has_value());
      asked_.push_back(asked->header);
      const auto chars = asked->template as<char>();
      text_.assign(chars.begin(), chars.end());
    }
    for (const auto& [header, payload] : script_) {
      const std::span<std::byte> room = link_->prepare(payload.size());
      if (!payload.empty()) std::memcpy(room.data(), payload.data(), payload.size());
      co_await link_->send(header);
    }
    if (listens_on) co_await listen_to_its_end();
    if (politely) co_await link_->close();
    link_.reset();
  }

  bool listens_on = false;  // notes what else the client says, until it leaves

  const std::vector<message_header>& asked() const { return asked_; }
  const std::string& text() const { return text_; }

 private:
  asio::awaitable<void> listen_to_its_end() {
    try {
      while (const auto more = co_await link_->receive()) asked_.push_back(more->header);
    } catch (const failure&) {  // it left without a goodbye
    }
  }

  Loopback::listener door_;
  std::shared_ptr<link_type> link_;
  std::vector<std::pair<message_header, std::string>> script_;
  std::vector<message_header> asked_;
  std::string text_;
};

using scripted_stage = scripted_stage_of<One>;

template <class Deployment>
struct conversation_with {
  using body = std::function<asio::awaitable<void>(Client<Deployment>&)>;

  asio::io_context io;
  scripted_stage_of<Deployment> stage{io};
  error_code code;
  std::string where;

  /// Dials and does `what`; the stage hears `requests` messages before it says its own.
  void run(std::size_t requests, body what, expectations wanted = test::expect('d'),
           bool politely = true) {
    test::task serving{io, stage.run(requests, politely)};
    test::task asking{io, dial(std::move(what), std::move(wanted))};
    test::run(io);
  }

 private:
  asio::awaitable<void> dial(body what, expectations wanted) {
    try {
      auto model = co_await Client<Deployment>::dial("loopback:scripted", std::move(wanted));
      co_await what(model);
    } catch (const failure& f) {
      code = f.code();
      where = f.where();
    }
  }
};

using conversation = conversation_with<One>;

asio::awaitable<void> ask_once(Client<One>& model, request question, answer& heard) {
  co_await test::ask(model, std::move(question), heard);
}

TEST_SUITE("run/client") {
  TEST_CASE("tokens come one by one, and the end says why it is one") {
    conversation talk;
    talk.stage.says(message_kind::token, "Pa", 5);
    talk.stage.says(message_kind::token, "ris", 6);
    talk.stage.says(message_kind::token, "", 7);
    talk.stage.says(message_kind::done, "", 1);
    answer heard;
    talk.run(1, [&](Client<One>& model) {
      return ask_once(model, request{std::string{"France"}, 9}, heard);
    });
    CHECK(heard.tokens == ids{5, 6, 7});
    CHECK(heard.text == "Paris");
    CHECK(heard.ended);
    CHECK(heard.reason == done_reason::end_of_text);
    CHECK(talk.stage.text() == "France");
    REQUIRE(talk.stage.asked().size() == 1);
    CHECK(talk.stage.asked()[0].kind == message_kind::generate);
    CHECK(talk.stage.asked()[0].dtype == message_dtype::u8);
    CHECK(talk.stage.asked()[0].value == 9);
    CHECK(talk.stage.asked()[0].flags == 0);
  }

  TEST_CASE("a prompt of ids, and scores for an answer") {
    conversation talk;
    talk.stage.says(message_kind::token, "", 5, {1, 2, 3});
    talk.stage.says(message_kind::done);
    answer heard;
    talk.run(1, [&](Client<One>& model) {
      return ask_once(model, test::scored({1, 2, 3, 4}, 1), heard);
    });
    CHECK(heard.logits == std::vector<std::vector<float>>{{1, 2, 3}});
    CHECK(heard.reason == done_reason::length);
    REQUIRE(talk.stage.asked().size() == 1);
    CHECK(talk.stage.asked()[0].dtype == message_dtype::u32);
    CHECK(talk.stage.asked()[0].shape[0] == 4);
    CHECK(talk.stage.asked()[0].flags == message_flag_logits);
  }

  TEST_CASE("requests are numbered, and a cancel names the last") {
    conversation talk;
    talk.run(3, [](Client<One>& model) -> asio::awaitable<void> {
      request first{std::string{"a"}, 1};
      request second{std::string{"b"}, 1};
      co_await model.ask(std::move(first));
      co_await model.ask(std::move(second));
      co_await model.cancel();
    });
    REQUIRE(talk.stage.asked().size() == 3);
    CHECK(talk.stage.asked()[0].request == 1);
    CHECK(talk.stage.asked()[1].request == 2);
    CHECK(talk.stage.asked()[2].kind == message_kind::cancel);
    CHECK(talk.stage.asked()[2].request == 2);
  }

  TEST_CASE("a failure of the pipeline is thrown under its own name and place") {
    conversation talk;
    talk.stage.says(message_kind::token, "x", 5);
    talk.stage.says(message_kind::failure, "stage 1 at tcp:a:1, after token 1",
                    static_cast<std::uint64_t>(errc::stage_lost));
    answer heard;
    talk.run(1, [&](Client<One>& model) {
      return ask_once(model, request{std::string{"x"}, 9}, heard);
    });
    CHECK(heard.tokens == ids{5});
    CHECK(heard.code == errc::stage_lost);
    CHECK(heard.where == "stage 1 at tcp:a:1, after token 1");
  }

  TEST_CASE("a stage that leaves in the middle of an answer is named") {
    conversation talk;
    talk.stage.says(message_kind::token, "x", 5);
    answer heard;
    const auto ask = [&](Client<One>& model) {
      return ask_once(model, request{std::string{"x"}, 9}, heard);
    };
    SUBCASE("saying goodbye") {
      talk.run(1, ask);
      CHECK(heard.code == errc::transport_closed);
    }
    SUBCASE("cut off") {
      talk.run(1, ask, test::expect('d'), false);
      CHECK(heard.code == errc::frame_truncated);
    }
    CHECK(heard.tokens == ids{5});
    CHECK(heard.where == "stage 0 at loopback:scripted");
  }

  TEST_CASE("what stages say to each other has no place here") {
    conversation talk;
    talk.stage.says(message_kind::activation);
    answer heard;
    talk.run(1, [&](Client<One>& model) {
      return ask_once(model, request{std::string{"x"}, 9}, heard);
    });
    CHECK(heard.code == errc::frame_unexpected);
  }

  TEST_CASE("a client knows what stage 0 has proved") {
    conversation talk;
    talk.run(0, [](Client<One>& model) -> asio::awaitable<void> {
      REQUIRE(model.peer());
      CHECK(*model.peer()->find("binary") == test::measured_as('d'));
      co_return;
    });
    CHECK(talk.code == error_code{});
  }

  TEST_CASE("a client that takes anybody knows nothing of whom it speaks with") {
    conversation talk;
    talk.run(
        0,
        [](Client<One>& model) -> asio::awaitable<void> {
          CHECK_FALSE(model.peer());
          co_return;
        },
        expectations::anyone());
    CHECK(talk.code == error_code{});
  }
}

/// What stage 1 has shown to a stage 0 that tells of it: the program `binary`.
room_evidence shown_by_stage_1(char binary) {
  room_evidence room;
  room.stage = 1;
  room.format = insecure::Mock::format;
  room.judged_at = 1'790'000'000;
  room.report_data.fill(std::byte{9});
  room.evidence = *test::program(binary)->attest(room.report_data);
  return room;
}

std::string text_of(const std::vector<room_evidence>& rooms) {
  std::vector<std::byte> payload;
  for (const room_evidence& room : rooms) REQUIRE(append(room, payload).has_value());
  return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

/// What a client of two stages hears where stage 0 answers its question with what it was told to.
struct question_about_rooms : conversation_with<Two> {
  void ask() {
    run(1, [this](Client<Two>& model) { return ask(model, shown); });
  }
  void check(const std::string& binary) {
    stage.listens_on = true;
    run(1, [this, binary](Client<Two>& model) { return check(model, binary); });
  }

  asio::awaitable<void> ask_something_else_first(Client<Two>& model) {
    request first{std::string{"x"}, 1};
    co_await model.ask(std::move(first));
    shown = co_await model.rooms();
  }

  std::vector<room_evidence> shown;
  std::vector<judged_room> judged;

 private:
  static asio::awaitable<void> ask(Client<Two>& model, std::vector<room_evidence>& heard) {
    heard = co_await model.rooms();
  }
  asio::awaitable<void> check(Client<Two>& model, std::string binary) {
    const auto file = expectations_file::parse(
        R"({"enfilade": "expectations/1", "roles": {"stage 1": {"attester": "mock", "registers":)"
        R"({"binary": ")" +
        binary + "\"}}}}");
    const appraisal with{std::chrono::sys_seconds{std::chrono::seconds{1'790'000'060}}};
    judged = co_await model.check_rooms(*file, with);
    request secret{std::string{"secret"}, 1};
    co_await model.ask(std::move(secret));
  }
};

TEST_SUITE("run/client, the rooms behind stage 0") {
  TEST_CASE_FIXTURE(question_about_rooms, "a client hears what it asked for, and judges nothing") {
    stage.says(message_kind::room_evidence, text_of({shown_by_stage_1('x')}));
    ask();
    CHECK(code == error_code{});
    CHECK((shown == std::vector<room_evidence>{shown_by_stage_1('x')}));
    REQUIRE(stage.asked().size() == 1);
    CHECK(stage.asked()[0].kind == message_kind::rooms);
    CHECK(stage.asked()[0].request == 1);
  }

  TEST_CASE_FIXTURE(question_about_rooms, "a room that is as expected is one to talk to") {
    stage.says(message_kind::room_evidence, text_of({shown_by_stage_1('b')}));
    check("62626262");
    CHECK(where == "");
    REQUIRE(judged.size() == 1);
    CHECK(judged[0].stage == 1);
    CHECK(*judged[0].found.find("binary") == test::measured_as('b'));
    CHECK_MESSAGE(stage.asked().size() == 2, "the question about rooms, then the prompt");
  }

  TEST_CASE_FIXTURE(
      question_about_rooms,
      "where a stage 0 that lies shows another room, or none, nothing is asked of it") {
    SUBCASE("another program") {
      stage.says(message_kind::room_evidence, text_of({shown_by_stage_1('x')}));
      check("62626262");
      CHECK(code == errc::attest_measurement_mismatch);
      CHECK(where == "stage 1: binary: expected 62626262, found 78787878");
    }
    SUBCASE("no room") {
      stage.says(message_kind::room_evidence, "");
      check("62626262");
      CHECK(code == errc::attest_missing);
      CHECK(where == "stage 1");
    }
    SUBCASE("one room too many") {
      room_evidence second = shown_by_stage_1('b');
      second.stage = 2;
      stage.says(message_kind::room_evidence, text_of({shown_by_stage_1('b'), second}));
      check("62626262");
      CHECK(code == errc::frame_malformed);
      CHECK(where == "stage 2 among the rooms");
    }
    SUBCASE("evidence that was altered") {
      room_evidence altered = shown_by_stage_1('b');
      altered.evidence.back() ^= std::byte{1};
      stage.says(message_kind::room_evidence, text_of({altered}));
      check("62626262");
      CHECK(code == errc::attest_bad_signature);
    }
    SUBCASE("its own evidence") {
      room_evidence own = shown_by_stage_1('d');
      stage.says(message_kind::room_evidence, text_of({own}));
      check("62626262");
      CHECK(code == errc::attest_measurement_mismatch);
    }
    SUBCASE("evidence for other report data") {
      room_evidence other = shown_by_stage_1('b');
      other.report_data.fill(std::byte{8});
      stage.says(message_kind::room_evidence, text_of({other}));
      check("62626262");
      CHECK(code == errc::attest_binding_mismatch);
    }
    CHECK(judged.empty());
    CHECK_MESSAGE(stage.asked().size() == 1, "the question about rooms, and no prompt");
  }

  TEST_CASE_FIXTURE(question_about_rooms, "what is no answer to the question is refused") {
    SUBCASE("a token") {
      stage.says(message_kind::token, "x", 5);
      ask();
      CHECK(code == errc::frame_unexpected);
    }
    SUBCASE("an answer to another question") {
      stage.says(message_kind::room_evidence, "");
      run(2, [this](Client<Two>& model) { return ask_something_else_first(model); });
      CHECK(code == errc::frame_unexpected);
    }
    SUBCASE("bytes that are no entry") {
      stage.says(message_kind::room_evidence, "not an entry");
      ask();
      CHECK(code == errc::frame_malformed);
    }
    SUBCASE("the end") {
      ask();
      CHECK(code == errc::transport_closed);
    }
    CHECK(where == "stage 0 at loopback:scripted");
  }

  TEST_CASE_FIXTURE(question_about_rooms, "a failure below is thrown under its own name") {
    stage.says(message_kind::failure, "stage 1 at tcp:a:1",
               static_cast<std::uint64_t>(errc::stage_lost));
    ask();
    CHECK(code == errc::stage_lost);
    CHECK(where == "stage 1 at tcp:a:1");
  }
}

/// How dialling `address` with these expectations ends.
test::answer dialled(std::string address, expectations wanted) {
  asio::io_context io;
  scripted_stage stage{io};
  test::task serving{io, stage.run(0, true)};
  answer ended;
  test::task dialling{io, [](std::string to, expectations e, answer& a) -> asio::awaitable<void> {
                        try {
                          co_await Client<One>::dial(std::move(to), std::move(e));
                        } catch (const failure& f) {
                          a.code = f.code();
                          a.where = f.where();
                        }
                      }(std::move(address), std::move(wanted), ended)};
  test::run_ready(io);
  CHECK(dialling.done);
  return ended;
}

TEST_SUITE("run/client, dialling") {
  TEST_CASE("another program than expected is refused before anything is asked") {
    const answer refused = dialled("loopback:scripted", test::expect('x'));
    CHECK(refused.code == errc::attest_measurement_mismatch);
    CHECK(refused.where ==
          "stage 0 at loopback:scripted: binary: expected 78787878, found 64646464");
  }

  TEST_CASE("no expectations are no permission") {
    CHECK(dialled("loopback:scripted", expectations{}).code == errc::attest_expectations_empty);
  }

  TEST_CASE("nobody there, and what is no address, are named") {
    const answer nobody = dialled("loopback:nobody", test::expect('d'));
    CHECK(nobody.code == errc::transport_unreachable);
    CHECK(nobody.where == "loopback:nobody");
    const answer wrong = dialled("tcp:127.0.0.1:7000", test::expect('d'));
    CHECK(wrong.code == errc::transport_address_invalid);
    CHECK(wrong.where == "tcp:127.0.0.1:7000");
  }
}

}  // namespace
