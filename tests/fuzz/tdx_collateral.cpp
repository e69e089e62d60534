// SPDX-License-Identifier: Apache-2.0
//
// Contract: no collateral makes a reader throw; what is read is within its bounds, and a text that
// was read is read in the same way again. The input is read as collateral, as each of the documents
// in it, and as a response of Intel's servers.
#include <enfilade/attest/tdx/tdx_collateral.hpp>

#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;

void check(const refusal& why) {
  fuzz::require(why.code == errc::attest_malformed || why.code == errc::attest_unsupported_format);
  fuzz::require(!why.rule.empty());
}

void check(const std::vector<std::string>& advisories) {
  fuzz::require(advisories.size() <= 128);
  for (const std::string& one : advisories)
    fuzz::require(!one.empty() && one.size() <= 32 &&
                  std::ranges::all_of(one, [](char c) { return c > ' ' && c <= '~'; }));
}

void check(const std::vector<tdx_software_level>& levels) {
  fuzz::require(levels.size() <= 64);
  for (const auto& level : levels) check(level.advisories);
}

void check(const tdx_tcb_info& info) {
  fuzz::require(info.issue.issued <= info.issue.next_update);
  fuzz::require(info.levels.size() <= 64 && info.modules.size() <= 16);
  for (const auto& level : info.levels) check(level.advisories);
  for (const auto& module : info.modules) {
    check(module.levels);
    fuzz::require(
        std::ranges::count(info.modules, module.version, &tdx_tcb_info::module::version) == 1);
  }
}

void check(const tdx_qe_info& info) {
  fuzz::require(info.issue.issued <= info.issue.next_update);
  check(info.levels);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto info = read_tdx_tcb_info(text);
  info ? check(*info) : check(info.error());
  const auto qe = read_tdx_qe_info(text);
  qe ? check(*qe) : check(qe.error());
  fuzz::require(!info || !qe);
  if (const auto split = split_pcs_response(text, "tcbInfo"))
    fuzz::require(text.find(split->text) != text.npos);

  const auto all = read_tdx_collateral(text);
  if (!all) {
    check(all.error());
    return 0;
  }
  check(all->tcb_info);
  check(all->qe_info);
  fuzz::require(!all->pck_crl.empty() && !all->root_crl.empty());
  fuzz::require(!all->tcb_text.issuers.empty() && all->tcb_text.issuers.size() <= 8);
  const auto again = read_tdx_tcb_info(all->tcb_text.text);
  fuzz::require(again && again->levels.size() == all->tcb_info.levels.size() &&
                again->fmspc == all->tcb_info.fmspc);
  return 0;
}
