// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace enfilade {

/// How many peers one door lets in, and how fast it works for those that it does not know yet.
///
/// A *stranger* is a peer whose handshake is not finished; a *known* one has finished it, which
/// means as much as the door's expectations demand. A *source* is where the kernel says that peers
/// come from: an address, a CID, a user (`transport`); where it does not say, all are one source
/// and `per_source` does not count.
struct admission_limits {
  std::size_t known = 256;      ///< links at the same time
  std::size_t strangers = 64;   ///< handshakes under way; a newcomer takes the oldest one's place
  std::size_t per_source = 32;  ///< both together, of one source

  /// Handshakes that may cost this end evidence, its own and the peer's: so many a second, and so
  /// many at once after a quiet time. WireGuard's numbers. Evidence is judged one piece at a time
  /// (`attestation_desk`).
  std::size_t handshakes_per_second = 50;
  std::size_t handshakes_at_once = 50;

  /// Lines about its peers that the door writes into the log; the rest is counted.
  std::size_t lines_per_second = 10;
};

/// Who may come in, who has to leave for it, and whose turn it is: decisions without I/O or clock.
///
/// | expression            | meaning                                                             |
/// |-----------------------|---------------------------------------------------------------------|
/// | `enter(source)`       | a newcomer: its ticket, or none; and a stranger whose place it takes|
/// | `know(ticket)`        | its handshake is finished; whether there is room for it             |
/// | `wait(ticket, now)`   | zero: its turn has come; else how long until it should ask again    |
/// | `leave(ticket)`       | its connection has ended                                            |
///
/// Nobody who is known leaves for a stranger. Among strangers, first those leave that have not had
/// their turn, then those that have, which are no more than the rate of turns allows; of these, the
/// oldest of the source that has the most. So a flood from one source displaces itself, a peer that
/// says nothing holds its place for only as long as nobody wants it, and one in the middle of an
/// honest handshake is not thrown out by those who only knock. Turns go around among the sources, in the
/// order of asking within each: the first from elsewhere waits for one turn of each other source,
/// however long their queues are. Where all are one source, everybody waits alike.
class admission {
 public:
  using source = std::uint64_t;
  using ticket = std::uint64_t;
  using time = std::chrono::nanoseconds;  // since any moment

  struct decision {
    std::optional<ticket> admitted;
    std::optional<ticket> displaced;  ///< to be closed; it has left already
  };

  explicit admission(const admission_limits& limits) : limits_(limits) {}

  decision enter(source from) {
    decision made;
    if (known_ >= limits_.known || limits_.strangers == 0) return made;
    if (count(from) >= limits_.per_source) {
      made.displaced = stranger_of(from);
      if (!made.displaced) return made;
    } else if (strangers() >= limits_.strangers) {
      made.displaced = stranger_of(busiest_source());
    }
    if (made.displaced) leave(*made.displaced);
    made.admitted = ++last_ticket_;
    inside_.emplace_back(*made.admitted, from);
    return made;
  }

  bool know(ticket of) {
    const auto who = find(of);
    if (who == inside_.end()) return false;
    if (who->known) return true;
    if (known_ >= limits_.known) return false;
    who->known = true;
    ++known_;
    stop_waiting(of);
    return true;
  }

  void leave(ticket of) {
    const auto who = find(of);
    if (who == inside_.end()) return;
    if (who->known) --known_;
    inside_.erase(who);
    stop_waiting(of);
  }

  time wait(ticket of, time now) {
    const auto who = find(of);
    if (who == inside_.end() || who->had_turn || limits_.handshakes_per_second == 0) return time{};
    queue(of, who->from);
    // The bucket as one number: when it will be full again. It holds a token while that is less
    // than `handshakes_at_once` tokens away.
    const time token = time{std::chrono::seconds{1}} / limits_.handshakes_per_second;
    const time capacity = token * std::max<std::size_t>(limits_.handshakes_at_once, 1);
    // Whoever asks hands out all turns that are due: one that is asleep, or about to be displaced,
    // holds up nobody but itself.
    for (; !waiting_.empty() && full_at_ + token - capacity <= now;
         full_at_ = std::max(full_at_, now) + token)
      give_turn();
    return who->had_turn ? time{} : std::min(token, full_at_ + token - capacity - now);
  }

  std::size_t known() const noexcept { return known_; }
  std::size_t strangers() const noexcept { return inside_.size() - known_; }
  bool has(ticket of) { return find(of) != inside_.end(); }

 private:
  struct peer {
    peer(ticket t, source s) : mine(t), from(s) {}
    ticket mine;
    source from;
    bool known = false;
    bool had_turn = false;
  };
  struct waiter {
    waiter(ticket t, source s) : mine(t), from(s) {}
    ticket mine;
    source from;
  };

  std::vector<peer>::iterator find(ticket of) {
    return std::find_if(inside_.begin(), inside_.end(),
                        [&](const peer& p) { return p.mine == of; });
  }

  std::size_t count(source from) const {
    return static_cast<std::size_t>(std::count_if(inside_.begin(), inside_.end(),
                                                  [&](const peer& p) { return p.from == from; }));
  }

  // Whom `from` can do without first. `inside_` is in the order of coming.
  std::optional<ticket> stranger_of(source from) const {
    for (const bool had_turn : {false, true})
      for (const peer& p : inside_)
        if (!p.known && p.had_turn == had_turn && p.from == from) return p.mine;
    return std::nullopt;
  }

  // The source with the most strangers who have had no turn, or who have where there are no others;
  // of several, the one whose first came first. Somebody inside is a stranger.
  source busiest_source() const {
    source busiest = 0;
    std::size_t most = 0;
    for (const bool had_turn : {false, true}) {
      for (const peer& candidate : inside_) {
        if (candidate.known || candidate.had_turn != had_turn) continue;
        const auto size = static_cast<std::size_t>(
            std::count_if(inside_.begin(), inside_.end(), [&](const peer& p) {
              return !p.known && p.had_turn == had_turn && p.from == candidate.from;
            }));
        if (size > most) {
          most = size;
          busiest = candidate.from;
        }
      }
      if (most != 0) break;
    }
    return busiest;
  }

  void queue(ticket of, source from) {
    const auto same = [&](const waiter& w) { return w.mine == of; };
    if (std::any_of(waiting_.begin(), waiting_.end(), same)) return;
    waiting_.emplace_back(of, from);
    if (std::find(rota_.begin(), rota_.end(), from) == rota_.end()) rota_.push_back(from);
  }

  // To the oldest waiter of the source that comes next in the rota.
  void give_turn() {
    const source from = rota_.front();
    const ticket next = std::find_if(waiting_.begin(), waiting_.end(), [&](const waiter& w) {
                          return w.from == from;
                        })->mine;
    std::rotate(rota_.begin(), rota_.begin() + 1, rota_.end());
    find(next)->had_turn = true;
    stop_waiting(next);
  }

  void stop_waiting(ticket of) {
    const auto who = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const waiter& w) { return w.mine == of; });
    if (who == waiting_.end()) return;
    const source from = who->from;
    waiting_.erase(who);
    if (std::none_of(waiting_.begin(), waiting_.end(),
                     [&](const waiter& w) { return w.from == from; }))
      std::erase(rota_, from);
  }

  admission_limits limits_;
  std::vector<peer> inside_;     // in the order of coming
  std::vector<waiter> waiting_;  // in the order of asking
  std::vector<source> rota_;     // whoever waits, in the order of turns
  std::size_t known_ = 0;
  ticket last_ticket_ = 0;
  time full_at_{};
};

}  // namespace enfilade
