// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/nitro/nitro_claims.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;

Measurement pcr(unsigned char fill) {
  std::array<std::byte, 48> value;
  value.fill(std::byte{fill});
  return Measurement{value};
}

nitro_claims document() {
  nitro_claims out;
  out.module_id = "i-0-enc1";
  out.made_at = std::chrono::sys_seconds{100s} + 999ms;
  out.valid_until = std::chrono::sys_seconds{500s};
  for (std::size_t i = 0; i != 16; ++i) out.pcrs[i] = pcr(0);
  for (std::size_t i = 0; i != 5; ++i) out.pcrs[i] = pcr(static_cast<unsigned char>(i + 1));
  return out;
}

std::vector<std::string> names(const registers& all) {
  std::vector<std::string> out;
  for (const auto& [name, value] : all) out.push_back(name);
  return out;
}

using texts = std::vector<std::string>;

TEST_SUITE("attest/nitro_claims") {
  TEST_CASE("the image is the program, the instance is the place") {
    const claims found = to_claims(document());
    CHECK(found.attester == "nitro");
    CHECK(names(found.values) == texts{"pcr0", "pcr1", "pcr2"});
    CHECK(names(found.place) == texts{"pcr3", "pcr4", "module"});
    CHECK(*found.find("pcr2") == pcr(3));
    CHECK(*found.find("pcr4") == pcr(5));
    CHECK(*found.find("module") == Measurement{sha256(detail::bytes_of("i-0-enc1"))});
    CHECK(found.made_at == std::chrono::sys_seconds{100s});
    CHECK(found.valid_until == std::chrono::sys_seconds{500s});
    CHECK(found.denies("debug"));
    CHECK(found.strength == found.usual_strength);
  }

  TEST_CASE("registers that are zero are not there, unless they are of the image") {
    nitro_claims zero = document();
    for (std::size_t i = 0; i != 5; ++i) zero.pcrs[i] = pcr(0);
    zero.debug = true;
    const claims found = to_claims(zero);
    CHECK(names(found.values) == texts{"pcr0", "pcr1", "pcr2"});
    CHECK(names(found.place) == texts{"module"});
    CHECK(found.permits("debug"));
    CHECK_FALSE(found.denies("debug"));
  }

  TEST_CASE("a signer of the image and what the program wrote are the program's") {
    nitro_claims more = document();
    for (std::size_t i = 5; i != more.pcrs.size(); ++i) more.pcrs[i] = pcr(9);
    const claims found = to_claims(more);
    const texts all = names(found.values);
    CHECK(all.size() == 4 + 16);
    CHECK(all[3] == "pcr8");
    CHECK(all[4] == "pcr16");
    CHECK(all.back() == "pcr31");
    more.pcrs[16] = pcr(0);
    more.pcrs[17] = Measurement{};
    CHECK(to_claims(more).find("pcr16") == nullptr);
    CHECK(to_claims(more).find("pcr17") == nullptr);
  }
}

}  // namespace
