// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/appraisal.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/demands.hpp>
#include <enfilade/attest/endorsements.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/expectations_file.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/error.hpp>
#include <enfilade/wire/room_evidence.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace enfilade {

/// A stage that a client has judged: which one, and what its evidence says.
class judged_room {
 public:
  judged_room(std::size_t index, claims said) : stage(index), found(std::move(said)) {}

  std::size_t stage;
  claims found;
};

namespace detail {

// As of our own clock, which is also the time of our endorsements; or, where the evidence has
// expired since, as of the time at which the stage above found it good. Nitro's certificates live
// for three hours, and a link for as long as it likes.
template <class Attester>
judged<claims> verify_room(const room_evidence& room, const appraisal& terms,
                           std::chrono::sys_seconds judged_at) {
  judged<claims> found = Attester::verify(room.evidence, room.report_data, terms);
  if (found || found.error().code != errc::attest_expired) return found;
  appraisal then = terms;
  then.now = judged_at;
  return Attester::verify(room.evidence, room.report_data, then);
}

template <class Attester>
claims judge_room(const room_evidence& room, const expectations& wanted, const appraisal& with) {
  const std::string who = stage_role(room.stage);
  if (room.format != Attester::format) throw failure(errc::attest_unsupported_format, who);
  const std::chrono::sys_seconds judged_at{
      std::chrono::seconds{static_cast<std::int64_t>(room.judged_at)}};
  if (judged_at > with.now + demands::skew)
    throw failure(errc::attest_not_yet_valid, who + ": judged in the future");
  const endorsements nothing;
  const appraisal terms =
      wanted.terms(with.now, with.given != nullptr ? *with.given : nothing, with.known);
  judged<claims> found = verify_room<Attester>(room, terms, judged_at);
  if (!found) throw failure(found.error().code, who + ": " + std::string{found.error().rule});
  found->judged_at = with.now;
  if (!found->made_at) found->made_at = judged_at;
  std::string detail;
  if (const result<void> met = wanted.check(*found, &detail); !met)
    throw failure(met.error(), detail.empty() ? who : who + ": " + detail);
  return *std::move(found);
}

}  // namespace detail

/// Judges what the stages behind stage 0 have shown, as a `Client` was told it: `shown` must be of
/// the stages 1, 2, ... to the last, each once. Returns those for which `wanted` has an entry that
/// demands evidence; of the others nothing is asked here.
///
/// Genuine and of the expected program is each room by its own evidence. That it was made for a link
/// of this chain, and when it was shown, is the word of the stage above, whose register `next` says
/// whom it lets in.
///
/// `with.now` is our own time, as of which `max_age` of the expectations counts: from the time that
/// the evidence itself names, or else from that at which the stage above judged it. Debug mode is
/// for the expectations alone to allow. Throws `failure` with the stage as `where`:
/// `attest_missing` for a stage of which nothing is shown, `frame_malformed` for more stages than
/// there are or another order, `attest_not_yet_valid` for evidence that was judged more than
/// `demands::skew` from now, and what the verifier or the expectations refuse.
template <class Deployment>
std::vector<judged_room> judge_rooms(const std::vector<room_evidence>& shown,
                                     const expectations_file& wanted, const appraisal& with) {
  constexpr std::size_t behind = Deployment::stage_count - 1;
  for (std::size_t i = 0; i != shown.size(); ++i)
    if (i == behind || shown[i].stage != i + 1)
      throw failure(errc::frame_malformed, stage_role(shown[i].stage) + " among the rooms");
  if (shown.size() != behind) throw failure(errc::attest_missing, stage_role(shown.size() + 1));
  std::vector<judged_room> rooms;
  for (const room_evidence& room : shown) {
    const result<expectations> entry = wanted.role(stage_role(room.stage));
    if (!entry || !entry->demand_evidence()) continue;
    rooms.emplace_back(room.stage,
                       detail::judge_room<typename Deployment::attester>(room, *entry, with));
  }
  return rooms;
}

}  // namespace enfilade
