// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/judge_rooms.hpp>

#include <enfilade/attest/insecure.hpp>

#include "support/failure_of.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using insecure::Mock;
using test::failure_of;

/// As much of a deployment as judging needs.
template <std::size_t Stages, class Attester = Mock>
struct chain {
  static constexpr std::size_t stage_count = Stages;
  using attester = Attester;
};

constexpr std::chrono::sys_seconds now{std::chrono::seconds{1'790'000'000}};

Measurement measured_as(std::size_t stage) {
  std::array<std::byte, 2> bytes{};
  bytes.fill(static_cast<std::byte>(0x10 + stage));
  return Measurement{bytes};
}

/// What stage `index` has shown, `age` ago: its register `binary` is its number, thrice.
room_evidence shown_by(std::size_t index, std::chrono::seconds age = 0s) {
  room_evidence room;
  room.stage = static_cast<std::uint32_t>(index);
  room.format = Mock::format;
  room.judged_at = static_cast<std::uint64_t>((now - age).time_since_epoch().count());
  room.report_data.fill(static_cast<std::byte>(index));
  registers told;
  told.emplace_back("binary", measured_as(index));
  room.evidence = *Mock{std::move(told)}.attest(room.report_data);
  return room;
}

std::string entry_for(std::size_t index, const std::string& more = {}) {
  return R"({"attester": "mock", "registers": {"binary": ")" + measured_as(index).hex() + "\"}" +
         more + "}";
}

expectations_file file_of(const std::string& roles) {
  std::string complaint;
  auto file = expectations_file::parse(
      R"({"enfilade": "expectations/1", "roles": {)" + roles + "}}", &complaint);
  REQUIRE_MESSAGE(file.has_value(), complaint);
  return *std::move(file);
}

/// Both stages behind stage 0, as they are.
expectations_file both() {
  return file_of(R"("stage 1": )" + entry_for(1) + R"(, "stage 2": )" + entry_for(2));
}

const appraisal terms{now};

/// How three stages are judged of which two have shown this.
failure_of refused(const std::vector<room_evidence>& shown,
                   const expectations_file& wanted = both()) {
  return failure_of{[&] { judge_rooms<chain<3>>(shown, wanted, terms); }};
}

TEST_SUITE("run/judge_rooms") {
  TEST_CASE("rooms that are as the file says are returned with their claims") {
    const auto rooms = judge_rooms<chain<3>>({shown_by(1), shown_by(2)}, both(), terms);
    REQUIRE(rooms.size() == 2);
    for (std::size_t i = 0; i != 2; ++i) {
      CHECK(rooms[i].stage == i + 1);
      CHECK(rooms[i].found.attester == "mock");
      CHECK(*rooms[i].found.find("binary") == measured_as(i + 1));
    }
  }

  TEST_CASE("nothing is asked of a room without an entry, or of anyone") {
    const std::vector<room_evidence> shown{shown_by(1), shown_by(2)};
    const auto only = judge_rooms<chain<3>>(shown, file_of(R"("stage 2": )" + entry_for(2)), terms);
    REQUIRE(only.size() == 1);
    CHECK(only[0].stage == 2);
    const auto none = judge_rooms<chain<3>>(shown, file_of(R"("stage 1": "anyone")"), terms);
    CHECK(none.empty());
  }

  TEST_CASE("a pipeline of one stage has no room behind it") {
    CHECK(judge_rooms<chain<1>>({}, both(), terms).empty());
    CHECK(failure_of{[] { judge_rooms<chain<1>>({shown_by(1)}, both(), terms); }}.code ==
          errc::frame_malformed);
  }

  TEST_CASE("another program is refused with the stage, the register and both values") {
    const failure_of wrong =
        refused({shown_by(1), shown_by(2)},
                file_of(R"("stage 1": )" + entry_for(1) + R"(, "stage 2": )" + entry_for(9)));
    CHECK(wrong.code == errc::attest_measurement_mismatch);
    CHECK(wrong.where == "stage 2: binary: expected 1919, found 1212");
  }

  TEST_CASE("a room that nothing is shown of is named, also where nothing is asked of it") {
    CHECK(refused({}).code == errc::attest_missing);
    CHECK(refused({}).where == "stage 1");
    CHECK(refused({shown_by(1)}).where == "stage 2");
    CHECK(refused({}, file_of(R"("stage 2": )" + entry_for(2))).where == "stage 1");
  }

  TEST_CASE("more rooms than the plan has, and another order, are refused") {
    const failure_of more = refused({shown_by(1), shown_by(2), shown_by(3)});
    CHECK(more.code == errc::frame_malformed);
    CHECK(more.where == "stage 3 among the rooms");
    const failure_of turned = refused({shown_by(2), shown_by(1)});
    CHECK(turned.code == errc::frame_malformed);
    CHECK(turned.where == "stage 2 among the rooms");
    CHECK(refused({shown_by(1), shown_by(1)}).code == errc::frame_malformed);
  }

  TEST_CASE("one room's evidence does not pass for another's") {
    room_evidence borrowed = shown_by(2);
    borrowed.stage = 1;
    const failure_of wrong = refused({borrowed, shown_by(2)});
    CHECK(wrong.code == errc::attest_measurement_mismatch);
    CHECK(wrong.where == "stage 1: binary: expected 1111, found 1212");
  }

  TEST_CASE("evidence of another platform is not even looked at") {
    room_evidence other = shown_by(1);
    other.format = 1;
    CHECK(refused({other, shown_by(2)}).code == errc::attest_unsupported_format);
    CHECK(refused({other, shown_by(2)}).where == "stage 1");
  }

  TEST_CASE("what a liar changes in evidence or report data is refused, byte by byte") {
    const std::vector<room_evidence> shown{shown_by(1), shown_by(2)};
    for (std::size_t at = 0; at != shown[1].evidence.size(); ++at) {
      CAPTURE(at);
      std::vector<room_evidence> altered = shown;
      altered[1].evidence[at] ^= static_cast<std::byte>(1u << at % 8);
      const failure_of wrong = refused(altered);
      CHECK(wrong.code);
      CHECK(wrong.where.starts_with("stage 2: "));
    }
    for (std::size_t at = 0; at != shown[1].report_data.size(); ++at) {
      std::vector<room_evidence> altered = shown;
      altered[1].report_data[at] ^= std::byte{1};
      CHECK(refused(altered).code == errc::attest_binding_mismatch);
    }
    std::vector<room_evidence> cut = shown;
    cut[0].evidence.pop_back();
    CHECK(refused(cut).code == errc::attest_malformed);
  }

  TEST_CASE("evidence may be old, unless the file says how old") {
    const std::vector<room_evidence> old{shown_by(1, 3600s), shown_by(2, 3600s)};
    CHECK(judge_rooms<chain<3>>(old, both(), terms).size() == 2);
    const auto younger_than = [](int seconds) {
      return file_of(R"("stage 1": )" + entry_for(1, R"(, "max_age": )" + std::to_string(seconds)));
    };
    CHECK(judge_rooms<chain<3>>(old, younger_than(3600), terms).size() == 1);
    const failure_of stale = refused(old, younger_than(3599));
    CHECK(stale.code == errc::attest_stale);
    CHECK(stale.where == "stage 1: age: expected at most 3599 s, found 3600 s");
    // What counts is our own clock, not that of the stage above.
    const appraisal later{now + 3600s};
    CHECK(failure_of{[&] { judge_rooms<chain<3>>(old, younger_than(3600), later); }}.code ==
          errc::attest_stale);
    std::vector<room_evidence> timeless = old;
    timeless[0].judged_at = 0;
    CHECK(refused(timeless, younger_than(3600)).code == errc::attest_stale);
  }

  TEST_CASE("evidence was not judged in the future, but clocks differ a little") {
    const std::vector<room_evidence> ahead{shown_by(1, -300s), shown_by(2)};
    CHECK(judge_rooms<chain<3>>(ahead, both(), terms).size() == 2);
    const failure_of refusal = refused({shown_by(1), shown_by(2, -301s)});
    CHECK(refusal.code == errc::attest_not_yet_valid);
    CHECK(refusal.where == "stage 2: judged in the future");
    room_evidence never = shown_by(1);
    never.judged_at = last_judged_at;
    CHECK(refused({never, shown_by(2)}).code == errc::attest_not_yet_valid);
  }
}

// The mock with dates in it, and a mode for debugging.
struct Dated {
  using policy_role = role::attester;
  static constexpr std::string_view name = "dated";
  static constexpr std::uint16_t format = 77;
  static constexpr bool takes_time = false;

  explicit Dated(registers = {}) {}
  result<void> prepare() const { return {}; }
  result<std::vector<std::byte>> attest(report_data_view) const {
    return std::vector<std::byte>(1);
  }
  static judged<claims> verify(detail::byte_span, report_data_view, const appraisal& given) {
    if (given.now < begins) return refusal{errc::attest_not_yet_valid, "dated.begins"};
    if (given.now > ends) return refusal{errc::attest_expired, "dated.ends"};
    if (debug && !given.allow_debug) return refusal{errc::attest_debug_enabled, "dated.debug"};
    registers values;
    values.emplace_back("binary", measured_as(1));
    claims said{name, std::move(values)};
    if (debug) said.permissions.push_back("debug");
    said.made_at = made;
    said.judged_at = given.now;
    return said;
  }

  static inline std::chrono::sys_seconds begins, ends;
  static inline std::optional<std::chrono::sys_seconds> made;
  static inline bool debug = false;
};
static_assert(attester<Dated>);

struct dated_room {
  dated_room() {
    Dated::begins = now - 2h;
    Dated::ends = now - 1h;
    Dated::made.reset();
    Dated::debug = false;
    room.stage = 1;
    room.format = Dated::format;
    room.evidence.resize(1);
    shown_at(now - 90min);
  }

  void shown_at(std::chrono::sys_seconds time) {
    room.judged_at = static_cast<std::uint64_t>(time.time_since_epoch().count());
  }
  std::vector<judged_room> judge(const std::string& more = {}) const {
    const std::string entry =
        R"("stage 1": {"attester": "dated", "registers": {"binary": "1111"})" + more + "}";
    return judge_rooms<chain<2, Dated>>({room}, file_of(entry), terms);
  }
  error_code refused(const std::string& more = {}) const {
    return failure_of{[&] { judge(more); }}.code;
  }

  room_evidence room;
};

TEST_SUITE("run/judge_rooms, dates") {
  TEST_CASE_FIXTURE(dated_room, "evidence that has expired is good as of when it was judged") {
    const auto rooms = judge();
    REQUIRE(rooms.size() == 1);
    CHECK(rooms[0].found.judged_at == now);
    CHECK(rooms[0].found.made_at == now - 90min);
  }

  TEST_CASE_FIXTURE(dated_room, "and bad where it had expired, or not begun, by then") {
    shown_at(now - 59min);
    CHECK(refused() == errc::attest_expired);
    shown_at(now - 121min);
    CHECK(refused() == errc::attest_not_yet_valid);
  }

  TEST_CASE_FIXTURE(dated_room, "what is valid today needs no word of another clock") {
    Dated::begins = now - 1h;  // as a list of revocations that was fetched since
    Dated::ends = now + 1h;
    CHECK(judge().size() == 1);
    Dated::begins = now + 1h;
    CHECK(refused() == errc::attest_not_yet_valid);
  }

  TEST_CASE_FIXTURE(dated_room, "where the evidence says when it was made, its age is from there") {
    Dated::made = now - 100min;
    CHECK(judge(R"(, "max_age": 6000)")[0].found.made_at == now - 100min);
    CHECK(refused(R"(, "max_age": 5999)") == errc::attest_stale);
  }

  TEST_CASE_FIXTURE(dated_room, "debug mode is for the entry to allow, and for nobody else") {
    Dated::debug = true;
    CHECK(refused() == errc::attest_debug_enabled);
    CHECK(judge(R"(, "allow": ["debug"])").size() == 1);
  }
}

}  // namespace
