// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/told_rooms.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace {

using namespace enfilade;

static_assert(!std::is_aggregate_v<told_rooms>, "g++ 12 miscompiles temporary aggregates");

TEST_SUITE("run/told_rooms") {
  TEST_CASE("the entry of a stage is what it showed, and when that was judged") {
    shown_evidence shown;
    shown.format = 3;
    shown.report_data.fill(std::byte{7});
    shown.bytes.assign(9, std::byte{8});
    shown.judged_at = std::chrono::sys_seconds{std::chrono::seconds{1'790'000'000}};
    const room_evidence room = room_of(2, shown);
    CHECK(room.stage == 2);
    CHECK(room.format == 3);
    CHECK(room.judged_at == 1'790'000'000);
    CHECK(room.report_data == shown.report_data);
    CHECK(room.evidence == shown.bytes);
  }

  TEST_CASE("a clock before 1970 tells no time") {
    shown_evidence shown;
    shown.judged_at = std::chrono::sys_seconds{std::chrono::seconds{-5}};
    CHECK(room_of(1, shown).judged_at == 0);
  }

  TEST_CASE("an answer is entries, a failure with its stage, or neither") {
    CHECK(told_rooms{std::vector<std::byte>(3)}.payload->size() == 3);
    const told_rooms failed{failure(errc::stage_lost, "stage 2"), 2};
    CHECK_FALSE(failed.payload);
    CHECK(failed.stage == 2);
    CHECK(failed.failed->where() == "stage 2");
    const told_rooms neither;
    CHECK_FALSE(neither.payload);
    CHECK_FALSE(neither.failed);
  }
}

}  // namespace
