// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/answer_rooms.hpp>

#include "building.hpp"
#include "support/failure_of.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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
using test::Three;
using test::Two;

const ids abc{'a', 'b', 'c'};

using rooms_list = std::vector<room_evidence>;

/// What a client hears of the rooms behind stage 0.
struct heard_rooms {
  rooms_list rooms;
  error_code code;
  std::string where;
  bool over = false;
};

template <class Deployment>
asio::awaitable<void> hear_rooms(Client<Deployment>& model, heard_rooms& heard) {
  try {
    heard.rooms = co_await model.rooms();
  } catch (const failure& f) {
    heard.code = f.code();
    heard.where = f.where();
  }
  heard.over = true;
}

template <class Deployment>
heard_rooms ask_rooms(building<Deployment>& in, Client<Deployment>& model) {
  heard_rooms heard;
  in.finish(hear_rooms(model, heard));
  return heard;
}
template <class Deployment>
heard_rooms ask_rooms(building<Deployment>& in) {
  const auto model = in.client();
  heard_rooms heard = ask_rooms(in, *model);
  in.finish(model->close());
  return heard;
}

appraisal today() {
  return appraisal{std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
}

/// What the room proves, if that is what it did.
claims proven(const room_evidence& room) {
  CHECK(room.format == insecure::Mock::format);
  const auto found = insecure::Mock::verify(room.evidence, room.report_data, today());
  REQUIRE(found.has_value());
  return *found;
}

template <class Room>
std::string entry_of(const Room& room) {
  return expectations::describe(*measure(*room.own));
}

expectations_file file_of(const std::string& roles) {
  return *expectations_file::parse(R"({"enfilade": "expectations/1", "roles": {)" + roles + "}}");
}

/// How the client's check of its rooms ends.
template <class Deployment>
heard_rooms checked(building<Deployment>& in, const expectations_file& wanted,
                    std::vector<judged_room>& found) {
  heard_rooms heard;
  const auto model = in.client();
  in.finish([](Client<Deployment>& from, const expectations_file& file, heard_rooms& end,
               std::vector<judged_room>& all) -> asio::awaitable<void> {
    try {
      all = co_await from.check_rooms(file, today());
    } catch (const failure& f) {
      end.code = f.code();
      end.where = f.where();
    }
  }(*model, wanted, heard, found));
  in.finish(model->close());
  return heard;
}

TEST_SUITE("run/answer_rooms") {
  TEST_CASE("stage 0 alone has no room behind it") {
    building<One> rooms;
    const heard_rooms heard = ask_rooms(rooms);
    CHECK(heard.code == error_code{});
    CHECK(heard.rooms.empty());
  }

  TEST_CASE("the client is shown what every further stage has shown, as it can judge itself") {
    building<Three> rooms;
    const heard_rooms heard = ask_rooms(rooms);
    CHECK(heard.where == "");
    REQUIRE(heard.rooms.size() == 2);
    CHECK(heard.rooms[0].stage == 1);
    CHECK(heard.rooms[1].stage == 2);
    const auto same = [](const claims& a, const claims& b) { return a.values == b.values; };
    CHECK(same(proven(heard.rooms[0]), *measure(*rooms.room_of<1>().own)));
    CHECK(same(proven(heard.rooms[1]), *measure(*rooms.room_of<2>().own)));
    CHECK_MESSAGE(heard.rooms[0].report_data != heard.rooms[1].report_data, "each of its own link");
    const auto now = static_cast<std::uint64_t>(today().now.time_since_epoch().count());
    for (const room_evidence& room : heard.rooms) {
      CHECK(room.judged_at <= now);
      CHECK(room.judged_at + 60 > now);
    }
  }

  TEST_CASE("it is the link that is up now: nothing is dialled for a question, or shown twice") {
    building<Two> rooms;
    CHECK(rooms.ask(scored(abc, 2)).ended);
    const heard_rooms first = ask_rooms(rooms);
    const heard_rooms second = ask_rooms(rooms);
    CHECK((first.rooms == second.rooms));
    CHECK(rooms.host_above<1>().connections() == 1);
  }

  TEST_CASE("a client may ask first and work afterwards, and again, on one link") {
    building<Two> rooms;
    const answer alone = building<Two>{}.ask(scored(abc, 3));
    const auto model = rooms.client();
    CHECK(ask_rooms(rooms, *model).rooms.size() == 1);
    CHECK(rooms.ask(*model, scored(abc, 3)) == alone);
    CHECK(ask_rooms(rooms, *model).rooms.size() == 1);
    CHECK(rooms.ask(*model, scored(abc, 3)) == alone);
  }

  TEST_CASE("questions take no slot and do not disturb the sequences that run") {
    building<Three> rooms{building<Three>::same(1)};
    const answer alone = rooms.ask(scored(abc, 40));
    const auto working = rooms.client();
    const auto asking = rooms.client();
    answer heard = rooms.begin(*working, scored(abc, 40), 1);
    for (int i = 0; i != 10; ++i) {
      CHECK(ask_rooms(rooms, *asking).rooms.size() == 2);
      rooms.hear_one(*working, heard);
    }
    rooms.hear_out(*working, heard);
    CHECK(heard == alone);
  }

  TEST_CASE("a stage with another measurement behind an honest stage 0 is refused by its name") {
    building<Two> rooms;
    const std::string right = entry_of(rooms.room_of<1>());
    registers other = measure(*rooms.room_of<1>().own)->values;
    for (auto& [name, value] : other)
      if (name == "weights") value = Measurement{std::array<std::byte, 2>{}};
    std::vector<judged_room> found;
    const heard_rooms refused = checked(
        rooms, file_of(R"("stage 1": )" + expectations::describe(claims{"mock", other})), found);
    CHECK(refused.code == errc::attest_measurement_mismatch);
    CHECK(refused.where.starts_with("stage 1: weights: expected 0000, found "));
    CHECK(found.empty());
    CHECK(checked(rooms, file_of(R"("stage 1": )" + right), found).where == "");
    REQUIRE(found.size() == 1);
    CHECK(found[0].stage == 1);
  }

  TEST_CASE("in a longer chain each is checked by its own entry, and those without are not") {
    building<Three> rooms;
    const std::string one = R"("stage 1": )" + entry_of(rooms.room_of<1>());
    const std::string two = R"("stage 2": )" + entry_of(rooms.room_of<2>());
    const std::string swapped = R"("stage 2": )" + entry_of(rooms.room_of<1>());
    std::vector<judged_room> found;
    CHECK(checked(rooms, file_of(one + ", " + two), found).where == "");
    CHECK(found.size() == 2);
    CHECK(checked(rooms, file_of(two), found).where == "");
    REQUIRE(found.size() == 1);
    CHECK(found[0].stage == 2);
    const heard_rooms refused = checked(rooms, file_of(one + ", " + swapped), found);
    CHECK(refused.code == errc::attest_measurement_mismatch);
    CHECK(refused.where.starts_with("stage 2: "));
  }

  template <class Deployment>
  void expect_of_stage_1(building<Deployment> & rooms, expectations wanted) {
    using first = typename Deployment::template stage<0>;
    auto& room = rooms.template room_of<0>();
    set_next<first>(rooms.io.get_executor(), *room.stage, room.next->at(), room.own,
                    std::move(wanted));
  }

  TEST_CASE("a stage that lets anybody in has nothing to show, and says of whom") {
    building<Two> rooms;
    expect_of_stage_1(rooms, expectations::anyone());
    const heard_rooms heard = ask_rooms(rooms);
    CHECK(heard.code == errc::attest_missing);
    CHECK(heard.where.starts_with("stage 1 at loopback:building-"));
  }

  TEST_CASE("what the stage above refuses is told under its own name") {
    building<Two> rooms;
    const test::quiet said{stderr};
    expect_of_stage_1(rooms, expectations{});
    CHECK(ask_rooms(rooms).code == errc::attest_expectations_empty);
  }

  template <class Deployment, std::size_t I>
  void is_away_and_comes_back() {
    building<Deployment> rooms;
    const test::quiet said{stderr};
    const std::string stage = "stage " + std::to_string(I) + " at loopback:building-";
    const auto model = rooms.client();
    const heard_rooms before = ask_rooms(rooms, *model);
    rooms.template host_above<I>().cut();
    rooms.settle();
    for (int i = 0; i != 2; ++i) {
      const heard_rooms away = ask_rooms(rooms, *model);
      CHECK(away.code == errc::stage_lost);
      CHECK(away.where.starts_with(stage));
    }
    rooms.template host_above<I>().open();
    const heard_rooms after = ask_rooms(rooms, *model);
    CHECK(after.where == "");
    REQUIRE(after.rooms.size() == before.rooms.size());
    CHECK_MESSAGE(after.rooms[I - 1].report_data != before.rooms[I - 1].report_data,
                  "of the handshake of the new link");
    proven(after.rooms[I - 1]);
    CHECK(rooms.ask(*model, scored(abc, 2)).ended);
    CHECK(rooms.template host_above<I>().connections() == 2);
  }

  TEST_CASE("a stage that is away is named, and shows itself anew when it is back") {
    SUBCASE("the last of two") { is_away_and_comes_back<Two, 1>(); }
    SUBCASE("the middle of three") { is_away_and_comes_back<Three, 1>(); }
    SUBCASE("the last of three") { is_away_and_comes_back<Three, 2>(); }
  }

  TEST_CASE("a stage that stops answers no question") {
    building<Two> rooms;
    const auto model = rooms.client();
    rooms.room_of<0>().stage->stop();
    const heard_rooms heard = ask_rooms(rooms, *model);
    CHECK(heard.code == errc::stage_stopping);
    CHECK(heard.where == "stage 0");
  }

  TEST_CASE("many clients ask at once and are all told the same") {
    building<Three> rooms;
    std::vector<std::unique_ptr<Client<Three>>> models;
    std::vector<heard_rooms> heard(12);
    for (std::size_t i = 0; i != heard.size(); ++i) models.push_back(rooms.client());
    std::vector<std::unique_ptr<test::task>> asking;
    for (std::size_t i = 0; i != heard.size(); ++i)
      asking.push_back(std::make_unique<test::task>(rooms.io, hear_rooms(*models[i], heard[i])));
    test::run_ready(rooms.io);
    for (const heard_rooms& one : heard) {
      CHECK(one.over);
      CHECK(one.where == "");
      CHECK(one.rooms.size() == 2);
      CHECK((one.rooms == heard[0].rooms));
    }
    CHECK(rooms.host_above<1>().connections() == 1);
    CHECK(rooms.host_above<2>().connections() == 1);
  }
}

/// Stage 1 of two, as a test would have it: it proves itself and says what it is told to.
class scripted_stage_1 {
 public:
  using link_type = enfilade::link<Loopback::stream, AesGcm>;

  explicit scripted_stage_1(building<Two>& rooms)
      : rooms_(rooms),
        door_(rooms.io.get_executor(), test::fresh_address()),
        serving_(rooms.io, serve()) {
    using first = Two::stage<0>;
    auto& room = rooms.room_of<0>();
    set_next<first>(rooms.io.get_executor(), *room.stage, door_.local(), room.own,
                    test::exactly(*rooms.room_of<1>().own));
  }

  /// Numbers of the questions that came.
  const std::vector<std::uint64_t>& questions() const { return questions_; }

  void say_rooms(std::uint64_t request, const std::vector<std::byte>& payload) {
    message_header header;
    header.kind = message_kind::room_evidence;
    header.dtype = message_dtype::u8;
    header.rank = 1;
    header.request = request;
    header.shape[0] = static_cast<std::uint32_t>(payload.size());
    header.payload_size = payload.size();
    rooms_.finish(say(header, payload));
  }
  void say_failure(std::uint64_t request, std::uint32_t slot) {
    message_header header;
    header.kind = message_kind::failure;
    header.slot = slot;
    header.request = request;
    header.stage = 1;
    header.value = static_cast<std::uint64_t>(errc::stage_stopping);
    rooms_.finish(say(header, {}));
  }
  void leave() {
    link_->abandon();
    rooms_.settle();
  }

 private:
  asio::awaitable<void> serve() {
    auto stream = co_await door_.accept();
    link_terms<Two> terms{link_end::downstream, 1, rooms_.room_of<1>().own, expectations::anyone()};
    link_ = co_await establish<link_type>(std::move(stream), std::move(terms), "stage 0");
    while (const auto asked = co_await link_->receive())
      if (asked->header.kind == message_kind::rooms) questions_.push_back(asked->header.request);
  }

  asio::awaitable<void> say(message_header header, const std::vector<std::byte>& payload) {
    std::ranges::copy(payload, link_->prepare(payload.size()).begin());
    co_await link_->send(header);
  }

  building<Two>& rooms_;
  Loopback::listener door_;
  std::shared_ptr<link_type> link_;
  std::vector<std::uint64_t> questions_;
  test::task serving_;
};

/// A client with a question that stage 1 has heard and not answered.
struct open_question {
  open_question() : model(rooms.client()), asking(rooms.io, hear_rooms(*model, heard)) {
    until([this] { return stage_1.questions().size() == 1; });
  }

  void until(const std::function<bool()>& so) {
    for (int i = 0; i != 1000 && !so(); ++i) rooms.io.run_one_for(std::chrono::milliseconds{10});
    REQUIRE(so());
  }
  void ends() {
    until([this] { return heard.over; });
  }

  const test::quiet said{stderr};
  building<Two> rooms;
  scripted_stage_1 stage_1{rooms};
  std::unique_ptr<Client<Two>> model;
  heard_rooms heard;
  test::task asking;
};

TEST_SUITE("run/answer_rooms, a stage below that does not behave") {
  TEST_CASE("an answer that says nothing of stages that are not there is right") {
    open_question open;
    open.stage_1.say_rooms(open.stage_1.questions()[0], {});
    open.ends();
    CHECK(open.heard.where == "");
    CHECK(open.heard.rooms.size() == 1);
  }

  TEST_CASE("a stage that is not there, or no entry at all, is malformed; the link stands") {
    open_question open;
    std::vector<std::byte> payload;
    SUBCASE("an entry of a third stage of two") {
      room_evidence third;
      third.stage = 2;
      third.evidence.resize(1);
      REQUIRE(append(third, payload).has_value());
    }
    SUBCASE("bytes that are no entry") { payload.resize(17); }
    open.stage_1.say_rooms(open.stage_1.questions()[0], payload);
    open.ends();
    CHECK(open.heard.code == errc::frame_malformed);
    CHECK(open.heard.where.starts_with("stage 1 at "));
    CHECK(open.rooms.room_of<0>().stage->next->connected());
  }

  TEST_CASE("its failure is told with its own name") {
    open_question open;
    open.stage_1.say_failure(open.stage_1.questions()[0], no_slot);
    open.ends();
    CHECK(open.heard.code == errc::stage_stopping);
  }

  TEST_CASE("answers to another question, and failures of sequences, are not ours") {
    open_question open;
    const std::uint64_t ours = open.stage_1.questions()[0];
    open.stage_1.say_rooms(ours + 1, {});
    open.stage_1.say_rooms(ours - 1, {});
    open.stage_1.say_failure(ours + 1, no_slot);
    open.stage_1.say_failure(ours, 0);
    open.stage_1.say_failure(ours, 3);
    open.rooms.settle();
    CHECK_FALSE(open.heard.over);
    open.stage_1.say_rooms(ours, {});
    open.ends();
    CHECK(open.heard.rooms.size() == 1);
    open.stage_1.say_rooms(ours, {});  // twice: nobody asks any more
    open.rooms.settle();
    CHECK(open.rooms.room_of<0>().stage->next->connected());
  }

  TEST_CASE("a stage that leaves instead of answering is lost, and nobody waits on") {
    open_question open;
    open.stage_1.leave();
    open.ends();
    CHECK(open.heard.code == errc::stage_lost);
    CHECK(open.heard.where.starts_with("stage 1 at "));
  }

  TEST_CASE("whoever waits for a question that fails has failed with it") {
    open_question open;
    std::vector<std::unique_ptr<Client<Two>>> models;
    std::vector<heard_rooms> heard(5);
    std::vector<std::unique_ptr<test::task>> asking;
    for (heard_rooms& one : heard) {
      models.push_back(open.rooms.client());
      asking.push_back(
          std::make_unique<test::task>(open.rooms.io, hear_rooms(*models.back(), one)));
    }
    open.rooms.settle();
    open.stage_1.leave();
    open.ends();
    open.until([&] { return std::ranges::all_of(heard, &heard_rooms::over); });
    for (const heard_rooms& one : heard) {
      CHECK(one.code == errc::stage_lost);
      CHECK(one.where == open.heard.where);
    }
    CHECK_FALSE_MESSAGE(open.rooms.room_of<0>().stage->next->connected(), "nobody has dialled");
  }

  TEST_CASE("closing the link below ends the question as well") {
    open_question open;
    open.rooms.finish(open.rooms.room_of<0>().stage->next->close());
    open.ends();
    CHECK(open.heard.code == errc::stage_lost);
  }

  TEST_CASE("however many ask, the stage below hears of two questions") {
    open_question open;
    std::vector<std::unique_ptr<Client<Two>>> models;
    std::vector<heard_rooms> heard(9);
    std::vector<std::unique_ptr<test::task>> asking;
    for (heard_rooms& one : heard) {
      models.push_back(open.rooms.client());
      asking.push_back(
          std::make_unique<test::task>(open.rooms.io, hear_rooms(*models.back(), one)));
    }
    open.rooms.settle();
    CHECK(open.stage_1.questions().size() == 1);
    open.stage_1.say_rooms(open.stage_1.questions()[0], {});
    open.ends();
    open.until([&] { return open.stage_1.questions().size() == 2; });
    for (const heard_rooms& one : heard)
      CHECK_MESSAGE(!one.over, "what was asked before they asked does not answer them");
    open.stage_1.say_rooms(open.stage_1.questions()[1], {});
    open.until([&] { return std::ranges::all_of(heard, &heard_rooms::over); });
    for (const heard_rooms& one : heard) CHECK((one.rooms == open.heard.rooms));
    CHECK(open.stage_1.questions().size() == 2);
  }

  asio::awaitable<void> ask_twice(building<Two> & in, message_header & refusal) {
    using link_type = Client<Two>::link_type;
    auto stream = co_await Loopback::dial(in.io.get_executor(), in.room_of<0>().door->local());
    link_terms<Two> terms{link_end::upstream, 0, nullptr, expectations::anyone()};
    const auto link = co_await establish<link_type>(std::move(stream), std::move(terms), "stage 0");
    message_header header;
    header.kind = message_kind::rooms;
    for (header.request = 5; header.request != 7; ++header.request) co_await link->send(header);
    const auto told = co_await link->receive();
    REQUIRE(told.has_value());
    refusal = told->header;
    const auto text = told->as<char>();
    CHECK(std::string(text.begin(), text.end()) == "one question about rooms at a time on a link");
    co_await link->close();
  }

  TEST_CASE("one question at a time on a link; those that are open are not disturbed") {
    open_question open;
    message_header refusal;
    open.rooms.finish(ask_twice(open.rooms, refusal));
    CHECK(refusal.kind == message_kind::failure);
    CHECK(refusal.value == static_cast<std::uint64_t>(errc::request_invalid));
    CHECK(refusal.request == 6);
    CHECK(refusal.slot == no_slot);
    CHECK(refusal.stage == 0);
    open.stage_1.say_rooms(open.stage_1.questions()[0], {});
    open.ends();
    CHECK(open.heard.rooms.size() == 1);
  }
}

}  // namespace
