// SPDX-License-Identifier: Apache-2.0
//
// Contract: an end of a handshake is done only where every byte, in both directions, came as it was
// sent; what is changed, left out, doubled, exchanged or put in ends it with a named error.
//
// Two real ends, and a script of what the way between them does to each record. The first byte says
// which end sends and demands evidence.
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/wire/handshake.hpp>

#include "script.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace enfilade;
using action = handshake_step::action;
using bytes = std::vector<std::byte>;

void append(bytes& to, std::span<const std::byte> more) {
  to.insert(to.end(), more.begin(), more.end());
}

/// One end, driven as far as the bytes that came allow. Its evidence is the report data that it is
/// to sign, and it accepts nothing else, as an attester would.
class driven_end {
 public:
  driven_end(link_end end, bool sends, bool demands)
      : machine_(parameters(end, sends, demands), Key<32>{filled(end, 1)}, filled(end, 2)) {}

  bytes incoming;  // as the way delivered it; what is used moves to `heard`
  bytes heard;
  std::vector<bytes> records;  // as this end sent them

  bool done() const { return step_.what == action::done; }
  bool failed() const { return step_.what == action::failed; }

  void run() {
    for (int steps = 0;; ++steps) {
      fuzz::require(steps < 32);  // a handshake is short
      if (begun_) {
        if (!carry_out()) return;
      }
      begun_ = true;
      step_ = machine_.next();
    }
  }

  void end_of_stream() {
    if (step_.what != action::read) return;
    machine_.end_of_stream();
    step_ = machine_.next();
    fuzz::require(step_.what == action::failed && step_.error == errc::frame_truncated);
  }

 private:
  static handshake_parameters parameters(link_end end, bool sends, bool demands) {
    handshake_parameters p;
    p.end = end;
    p.sends_evidence = sends;
    p.demands_evidence = demands;
    p.plan.fill(std::byte{0x91});
    return p;
  }

  static std::array<std::byte, 32> filled(link_end end, unsigned salt) {
    std::array<std::byte, 32> all{};
    all.fill(static_cast<std::byte>(static_cast<unsigned>(end) * 16 + salt));
    return all;
  }

  // Does what the step asks for; `false` where it cannot, or where there is nothing left to do.
  bool carry_out() {
    switch (step_.what) {
      case action::read:
        fuzz::require(step_.input.size() <= max_evidence_body);
        if (incoming.size() < step_.input.size()) return false;
        std::ranges::copy(std::span{incoming}.first(step_.input.size()), step_.input.begin());
        append(heard, step_.input);
        incoming.erase(incoming.begin(),
                       incoming.begin() + static_cast<std::ptrdiff_t>(step_.input.size()));
        return true;
      case action::write:
        records.emplace_back(step_.output.begin(), step_.output.end());
        return true;
      case action::attest:
        machine_.provide(7, step_.report_data);
        return true;
      case action::verify:
        if (step_.format == 7 && std::ranges::equal(step_.evidence, step_.report_data))
          machine_.accept();
        else
          machine_.refuse(errc::attest_binding_mismatch);
        return true;
      case action::failed:
        fuzz::require(bool{step_.error});
        return false;
      case action::done:
        return false;
    }
    return false;
  }

  handshake<AesGcm> machine_;
  handshake_step step_;
  bool begun_ = false;
};

/// What becomes of one record on its way.
bytes on_the_way(const bytes& record, const driven_end& own, const driven_end& other,
                 fuzz::script& way) {
  bytes out = record;
  switch (way.below(10)) {
    case 0:  // one byte altered
      out[way.below(out.size())] ^= static_cast<std::byte>(way.byte());
      break;
    case 1:  // lost
      out.clear();
      break;
    case 2:  // doubled
      append(out, record);
      break;
    case 3:  // cut
      out.resize(way.below(out.size()));
      break;
    case 4: {  // something before it
      bytes first = way.bytes(200);
      append(first, out);
      return first;
    }
    case 5:  // another record of the same end instead
      return own.records[way.below(own.records.size())];
    case 6:  // one of the other end
      if (!other.records.empty()) return other.records[way.below(other.records.size())];
      break;
    case 7:  // another header
      detail::store_le(out.data(), static_cast<std::uint32_t>(way.below(1 << 16)));
      out[4] = static_cast<std::byte>(way.below(9));
      break;
    default:  // as it was
      break;
  }
  return out;
}

// Whether what `to` has used of the stream is what `from` sent, as far as `records` reach.
bool came_as_sent(const driven_end& from, const driven_end& to, std::size_t records = 3) {
  bytes sent;
  for (std::size_t i = 0; i != std::min(records, from.records.size()); ++i)
    append(sent, from.records[i]);
  const std::size_t size = std::min(to.heard.size(), sent.size());
  return (records < 3 || to.heard.size() == size) &&
         std::equal(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(size),
                    to.heard.begin());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::script way{data, size};
  const unsigned choice = way.byte();
  const bool up_shows = (choice & 1) != 0, down_shows = (choice & 2) != 0;
  driven_end up{link_end::upstream, up_shows, down_shows};
  driven_end down{link_end::downstream, down_shows, up_shows};

  std::size_t from_up = 0, from_down = 0;
  while (true) {
    up.run();
    down.run();
    if (from_up != up.records.size())
      append(down.incoming, on_the_way(up.records[from_up++], up, down, way));
    else if (from_down != down.records.size())
      append(up.incoming, on_the_way(down.records[from_down++], down, up, way));
    else
      break;
  }
  if (up.done()) fuzz::require(came_as_sent(up, down) && came_as_sent(down, up));
  // D's confirm is the last record, so D is done without knowing what became of it.
  if (down.done()) fuzz::require(came_as_sent(up, down) && came_as_sent(down, up, 2));
  up.end_of_stream();
  down.end_of_stream();
  fuzz::require(up.done() != up.failed() && down.done() != down.failed());
  return 0;
}
