// SPDX-License-Identifier: Apache-2.0
#include <enfilade/wire/room_evidence.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using namespace enfilade;

static_assert(!std::is_aggregate_v<room_evidence>, "g++ 12 miscompiles temporary aggregates");
static_assert(room_header_size == 4 + 2 + 2 + 8 + 64 + 4 && max_rooms == 64);

using bytes = std::vector<std::byte>;

room_evidence room(std::uint32_t stage, std::size_t size = 5) {
  room_evidence made;
  made.stage = stage;
  made.format = 0xFFFF;
  made.judged_at = 1'790'000'000;
  made.report_data.fill(static_cast<std::byte>(0xA0 + stage));
  made.evidence.assign(size, static_cast<std::byte>(stage));
  return made;
}

bytes written(const std::vector<room_evidence>& rooms) {
  bytes payload;
  for (const room_evidence& one : rooms) REQUIRE(append(one, payload).has_value());
  return payload;
}

/// The payload of one room after `change`.
template <class Change>
error_code refused(Change change) {
  bytes payload = written({room(1)});
  change(payload);
  const auto read = read_rooms(payload, 1);
  return read ? error_code{} : read.error();
}

TEST_SUITE("wire/room_evidence") {
  TEST_CASE("an entry is laid out as the specification says") {
    room_evidence one = room(0x01020304, 2);
    one.format = 0x0506;
    one.judged_at = 0x1122334455;
    const bytes payload = written({one});
    CHECK(detail::to_hex(std::span{payload}.first(16)) ==
          "0403020106050000"
          "5544332211000000");
    CHECK(detail::to_hex(std::span{payload}.subspan(16, 64)) ==
          detail::to_hex(bytes(64, std::byte{0xA4})));
    CHECK(detail::to_hex(std::span{payload}.subspan(80)) == "020000000404");
  }

  TEST_CASE("what is written is read, from none to as many as a message holds") {
    for (const std::size_t count : {0u, 1u, 2u, 64u}) {
      std::vector<room_evidence> rooms;
      for (std::uint32_t i = 0; i != count; ++i) rooms.push_back(room(3 + i, 1 + 7 * i));
      const auto read = read_rooms(written(rooms), 3);
      REQUIRE(read.has_value());
      CHECK((*read == rooms));
    }
  }

  TEST_CASE("the longest evidence of a handshake fits, and nothing longer") {
    const std::vector<room_evidence> longest{room(1, max_evidence_size)};
    const auto read = read_rooms(written(longest), 1);
    REQUIRE(read.has_value());
    CHECK((*read == longest));
    bytes payload;
    CHECK(append(room(1, max_evidence_size + 1), payload).error() == errc::frame_malformed);
    CHECK(append(room(1, 0), payload).error() == errc::frame_malformed);
    CHECK_MESSAGE(payload.empty(), "nothing was written of what nobody reads");
    payload = written(longest);
    payload.push_back(std::byte{1});
    detail::store_le(payload.data() + 80, static_cast<std::uint32_t>(max_evidence_size + 1));
    CHECK(read_rooms(payload, 1).error() == errc::frame_malformed);
  }

  TEST_CASE("payloads that another implementation wrote are read as it reads them") {
    const auto path =
        std::filesystem::path(__FILE__).parent_path() / "../../vectors/efl1_rooms.json";
    std::ifstream file{path};
    const nlohmann::json vector = nlohmann::json::parse(file);
    REQUIRE(vector["payloads"].size() > 10);
    for (const auto& one : vector["payloads"]) {
      CAPTURE(one["name"].get<std::string>());
      const bytes payload = *detail::from_hex(one["payload"].get<std::string>());
      const auto read = read_rooms(payload, one["first"].get<std::uint32_t>());
      if (one.contains("error")) {
        REQUIRE_FALSE(read.has_value());
        const errc cause = static_cast<errc>(read.error().value());
        CHECK(facts_of_error(cause).name == one["error"].get<std::string>());
        continue;
      }
      REQUIRE(read.has_value());
      REQUIRE(read->size() == one["rooms"].size());
      for (std::size_t i = 0; i != read->size(); ++i) {
        const auto& said = one["rooms"][i];
        CHECK((*read)[i].stage == said["stage"]);
        CHECK((*read)[i].format == said["format"]);
        CHECK((*read)[i].judged_at == said["judged_at"]);
        CHECK(detail::to_hex((*read)[i].report_data) == said["report_data"].get<std::string>());
        CHECK(detail::to_hex((*read)[i].evidence) == said["evidence"].get<std::string>());
      }
      CHECK((written(*read) == payload));
    }
  }

  TEST_CASE("64 rooms are all") {
    std::vector<room_evidence> rooms;
    for (std::uint32_t i = 0; i != 65; ++i) rooms.push_back(room(1 + i));
    CHECK(read_rooms(written(rooms), 1).error() == errc::frame_too_large);
  }

  TEST_CASE("stages come in their order, the nearest first, each once") {
    const auto verdict = [](const std::vector<room_evidence>& rooms, std::uint32_t first) {
      const auto read = read_rooms(written(rooms), first);
      return read ? error_code{} : read.error();
    };
    CHECK(verdict({room(1), room(2)}, 1) == error_code{});
    CHECK(verdict({room(2), room(1)}, 1) == errc::frame_malformed);
    CHECK(verdict({room(1), room(1)}, 1) == errc::frame_malformed);
    CHECK(verdict({room(1), room(3)}, 1) == errc::frame_malformed);
    CHECK(verdict({room(2), room(3)}, 1) == errc::frame_malformed);
    CHECK(verdict({room(1)}, 2) == errc::frame_malformed);
    CHECK(verdict({room(0)}, 1) == errc::frame_malformed);
  }

  TEST_CASE("an entry that is not whole is refused, wherever it was cut") {
    const bytes payload = written({room(1), room(2)});
    const std::size_t one = payload.size() / 2;
    for (std::size_t size = 0; size != payload.size(); ++size) {
      CAPTURE(size);
      const auto read = read_rooms(std::span{payload}.first(size), 1);
      if (size == 0 || size == one)
        CHECK(read.has_value());
      else
        CHECK(read.error() == errc::frame_malformed);
    }
  }

  TEST_CASE("a length that is not that of the evidence is refused") {
    for (const std::uint32_t size : {0u, 4u, 6u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
      CAPTURE(size);
      CHECK(refused([=](bytes& p) { detail::store_le(p.data() + 80, size); }) ==
            errc::frame_malformed);
    }
  }

  TEST_CASE("the reserved field is zero") {
    for (const std::size_t at : {6u, 7u})
      CHECK(refused([=](bytes& p) { p[at] = std::byte{1}; }) == errc::frame_malformed);
  }

  TEST_CASE("a time is one that calendars know") {
    const auto with = [](std::uint64_t time) {
      return refused([=](bytes& p) { detail::store_le(p.data() + 8, time); });
    };
    CHECK(with(0) == error_code{});
    CHECK(with(last_judged_at) == error_code{});
    CHECK(with(last_judged_at + 1) == errc::frame_malformed);
    CHECK(with(0x8000000000000000) == errc::frame_malformed);
    CHECK(with(0xFFFFFFFFFFFFFFFF) == errc::frame_malformed);
    bytes payload;
    room_evidence late = room(1);
    late.judged_at = last_judged_at + 1;
    CHECK(append(late, payload).error() == errc::frame_malformed);
  }
}

}  // namespace
