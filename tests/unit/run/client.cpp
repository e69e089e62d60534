// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/client.hpp>

#include "handshakes.hpp"
#include "letters.hpp"
#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

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

static_assert(!std::is_aggregate_v<request>, "g++ 12 miscompiles temporary aggregates");
static_assert(std::movable<Client<One>> && !std::copyable<Client<One>>);

/// Stage 0 as a test would have it: accepts one client, hears one request, sends what it is told to.
class scripted_stage {
 public:
  using link_type = enfilade::link<Loopback::stream, AesGcm>;

  explicit scripted_stage(asio::io_context& io)
      : door_(io.get_executor(), Loopback::endpoint{"scripted"}) {}

  void says(message_kind kind, std::string text = {}, std::uint64_t value = 0,
            std::vector<float> logits = {}) {
    message_header header;
    header.kind = kind;
    header.value = value;
    std::string payload = text;
    if (kind == message_kind::token || kind == message_kind::failure) {
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
    link_terms<One> terms{link_end::downstream, 0, test::program('d'), expectations::anyone()};
    link_ = co_await establish<link_type>(std::move(stream), std::move(terms), "client");
    for (std::size_t i = 0; i != requests; ++i) {
      const auto asked = co_await link_->receive();
      REQUIRE(asked.has_value());
      asked_.push_back(asked->header);
      const auto chars = asked->as<char>();
      text_.assign(chars.begin(), chars.end());
    }
    for (const auto& [header, payload] : script_) {
      const std::span<std::byte> room = link_->prepare(payload.size());
      if (!payload.empty()) std::memcpy(room.data(), payload.data(), payload.size());
      co_await link_->send(header);
    }
    if (politely) co_await link_->close();
    link_.reset();
  }

  const std::vector<message_header>& asked() const { return asked_; }
  const std::string& text() const { return text_; }

 private:
  Loopback::listener door_;
  std::shared_ptr<link_type> link_;
  std::vector<std::pair<message_header, std::string>> script_;
  std::vector<message_header> asked_;
  std::string text_;
};

using body = std::function<asio::awaitable<void>(Client<One>&)>;

struct conversation {
  asio::io_context io;
  scripted_stage stage{io};
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
      auto model = co_await Client<One>::dial("loopback:scripted", std::move(wanted));
      co_await what(model);
    } catch (const failure& f) {
      code = f.code();
      where = f.where();
    }
  }
};

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
