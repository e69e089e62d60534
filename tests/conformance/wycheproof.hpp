// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "support/test_data.hpp"

namespace test::wycheproof {

using nlohmann::json;

inline std::vector<std::byte> bytes(const json& test, const char* field) {
  return *enfilade::detail::from_hex(test.at(field).get<std::string>());
}

template <std::size_t N>
std::array<std::byte, N> fixed(const json& test, const char* field) {
  const std::vector<std::byte> all = bytes(test, field);
  REQUIRE(all.size() == N);
  std::array<std::byte, N> out{};
  std::ranges::copy(all, out.begin());
  return out;
}

/// What the library says to one case.
enum class answer {
  accepted,  ///< and every value that came out is the expected one
  refused,
  not_ours,  ///< a key, nonce or tag of a size that the library does not have
};

constexpr answer accepted_if(bool yes) { return yes ? answer::accepted : answer::refused; }

/// How many cases of a file are of which kind. Known in advance, so that no filter of ours and no
/// other version of the file takes cases away unnoticed.
struct tally {
  int valid = 0;    ///< every one accepted
  int invalid = 0;  ///< every one refused
  // Wycheproof leaves these to the implementation; ours always answers the same.
  int acceptable_accepted = 0;
  int acceptable_refused = 0;
  int not_ours = 0;

  friend bool operator==(const tally&, const tally&) = default;
  friend std::ostream& operator<<(std::ostream& out, const tally& t) {
    return out << t.valid << " valid, " << t.invalid << " invalid, " << t.acceptable_accepted
               << " acceptable accepted, " << t.acceptable_refused << " refused, " << t.not_ours
               << " not ours";
  }
};

/// Asks `check(group, test)` for its answer to every case of a file, and holds the answers against
/// the file's verdicts and `expected`.
template <class Check>
void run(const char* file, const tally& expected, Check check) {
  const auto data = test::data_directory(file);
  if (!data) return;
  const json all = json::parse(test::read_file(*data / "crypto" / "wycheproof" / file));
  tally seen;
  for (const json& group : all.at("testGroups"))
    for (const json& test : group.at("tests")) {
      CAPTURE(test.at("tcId").get<int>());
      CAPTURE(test.at("comment").get<std::string>());
      const std::string verdict = test.at("result");
      const answer said = check(group, test);
      if (said == answer::not_ours) {
        ++seen.not_ours;
      } else if (verdict == "valid") {
        CHECK(said == answer::accepted);
        ++seen.valid;
      } else if (verdict == "invalid") {
        CHECK(said == answer::refused);
        ++seen.invalid;
      } else {
        REQUIRE(verdict == "acceptable");
        ++(said == answer::accepted ? seen.acceptable_accepted : seen.acceptable_refused);
      }
    }
  CHECK(seen == expected);
}

}  // namespace test::wycheproof
