// SPDX-License-Identifier: Apache-2.0
#pragma once

// A network in memory, in virtual time, in which everything that can happen to bytes on their way
// happens when a seed says so.

#include <enfilade/error.hpp>
#include <enfilade/transport/address.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/transport.hpp>

#include "failing_allocations.hpp"
#include "simulated_time.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

/// Numbers that depend on the seed only (splitmix64).
class seeded {
 public:
  explicit seeded(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }

  /// In [0, bound).
  std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }

  /// True once in so many times.
  bool once_in(std::uint64_t times) noexcept { return below(times) == 0; }

 private:
  std::uint64_t state_;
};

/// What happens to one direction of a connection, at one byte of it.
struct mishap {
  enum class kind : std::uint8_t {
    none,
    cut,         ///< a reset, seen at both ends
    half_close,  ///< the reader sees the end of the stream; the writer goes on into nothing
    black_hole,  ///< what follows vanishes, and nobody is told
    freeze,      ///< neither direction moves for `lasts`
    flip,        ///< one bit arrives as another one
  };
  kind what = kind::none;
  std::size_t at_byte = 0;
  std::chrono::nanoseconds lasts{};
};

/// How a network carries bytes. The defaults are a good network: short delays, no splits.
struct weather {
  std::chrono::nanoseconds longest_delay = std::chrono::microseconds{50};
  std::chrono::nanoseconds longest_gale = std::chrono::milliseconds{0};  ///< a rare, long delay
  std::uint64_t splits = 0;    ///< one in so many reads and writes is short; 0 for none
  std::uint64_t refusals = 0;  ///< one in so many dials finds nobody; 0 for none
  std::size_t window = std::size_t{64} << 10;  ///< bytes that may be under way in one direction
};

/// The world of `simulated`: its executor, its time, its faults, and a log of all that happened.
///
/// One at a time. All that the program under test does runs on `io`, which `run_until` drives: what
/// is ready first, and where nothing is, time moves to the next alarm.
class network {
  // Ends last: what `io` still holds when it goes away closes its streams.
  struct reign {
    explicit reign(network* who) {
      if (current_ != nullptr) throw std::logic_error{"one network at a time"};
      current_ = who;
    }
    reign(const reign&) = delete;
    ~reign() { current_ = nullptr; }
  };
  static inline network* current_ = nullptr;
  reign reign_;
  std::uint64_t log_ = 0xCBF29CE484222325U;

 public:
  using clock = virtual_clock;

  explicit network(std::uint64_t seed) : reign_(this), random(seed) { clock::reset(); }
  network(const network&) = delete;
  network& operator=(const network&) = delete;

  static network& current() {
    if (current_ == nullptr) throw std::logic_error{"no network"};
    return *current_;
  }

  /// Runs until `reached`, at most until `last`; whether it was reached.
  template <class Condition>
  bool run_until(Condition reached, clock::time_point last) {
    while (true) {
      run_ready();
      if (reached()) return true;
      if (!clock::ring_next(last)) return false;
    }
  }

  /// The smallest step: one handler that is ready or, where none is, the next alarm. False where
  /// nothing is left until `last`.
  bool turn(clock::time_point last) {
    io.restart();
    return io.poll_one() != 0 || clock::ring_next(last);
  }

  /// Lets so much time pass.
  void run_for(std::chrono::nanoseconds span) {
    const clock::time_point last = clock::now() + span;
    run_until([] { return false; }, last);
    clock::pass_until(last);
  }

  void run_ready() {
    io.restart();
    while (io.poll() != 0) {
    }
  }

  /// One direction of a connection: what was written, and what became of it.
  struct way {
    explicit way(const asio::any_io_executor& executor)
        : readable(executor, clock::time_point::max()),
          writable(executor, clock::time_point::max()) {}

    struct segment {
      clock::time_point arrives;
      std::vector<std::byte> bytes;
      std::size_t taken = 0;
    };

    std::vector<std::byte> written;  // before any mishap
    std::size_t read = 0;
    std::size_t under_way = 0;
    std::deque<segment> segments;
    clock::time_point latest;
    std::optional<clock::time_point> ends;
    mishap fate;
    bool shut = false;       // by the writer
    bool vanishing = false;  // a black hole: nothing arrives, not even the end
    bool deaf = false;       // the reader saw the end; what follows is dropped
    asio::basic_waitable_timer<clock> readable;
    asio::basic_waitable_timer<clock> writable;
  };

  struct connection {
    connection(const asio::any_io_executor& dialler, const asio::any_io_executor& answerer)
        : down(dialler), up(answerer) {}
    way& from(std::size_t side) { return side == 0 ? down : up; }

    std::size_t number = 0;
    std::string room;
    way down;  // written by the dialler
    way up;
    std::array<bool, 2> closed{};
    bool reset = false;
    clock::time_point frozen_until;
  };

  /// What happens to direction `side` (0: what the dialler writes) of the connection that is made.
  std::function<mishap(const connection&, std::size_t side)> fate;

  /// Sees each write, before anything happens to it.
  std::function<void(const connection&, std::size_t side)> watch;

  weather sky;

  /// Every connection of this world, in the order in which they were made.
  const std::vector<std::shared_ptr<connection>>& connections() const { return connections_; }

  /// Ends that nobody closed yet.
  std::size_t open_ends() const {
    std::size_t count = 0;
    for (const auto& one : connections_)
      for (const bool closed : one->closed) count += closed ? 0 : 1;
    return count;
  }

  /// From now on nothing new goes wrong. What froze, vanished or broke stays so.
  void calm_down() {
    sky = {};
    fate = nullptr;
    for (const auto& one : connections_) one->down.fate = one->up.fate = {};
  }

  /// A hash of all events so far, with their times: equal where two runs were the same.
  std::uint64_t log() const noexcept { return log_; }
  bool tells = false;  ///< print every event on stderr

  void note(std::string_view event, std::size_t where, std::size_t side, std::uint64_t value) {
    const auto time = static_cast<std::uint64_t>(clock::now().time_since_epoch().count());
    for (const char c : event) mix(static_cast<unsigned char>(c));
    for (const std::uint64_t part : {time, std::uint64_t{where}, std::uint64_t{side}, value})
      for (int shift = 0; shift != 64; shift += 8) mix(part >> shift & 255);
    if (tells)
      std::fprintf(stderr, "%12.6f ms  %-10s connection %zu %s %llu\n",
                   static_cast<double>(time) / 1e6, std::string{event}.c_str(), where,
                   side == 0 ? "down" : "up  ", static_cast<unsigned long long>(value));
  }

  std::shared_ptr<connection> connect(const asio::any_io_executor& dialler,
                                      const asio::any_io_executor& answerer, std::string room) {
    const spared tools;
    auto made = std::make_shared<connection>(dialler, answerer);
    made->number = connections_.size();
    made->room = std::move(room);
    if (fate) {
      made->down.fate = fate(*made, 0);
      made->up.fate = fate(*made, 1);
    }
    connections_.push_back(made);
    note("connect", made->number, 0, 0);
    return made;
  }

  /// How long what is sent now is on its way.
  std::chrono::nanoseconds delay() {
    const auto up_to = [this](std::chrono::nanoseconds longest) {
      return std::chrono::nanoseconds{
          random.below(static_cast<std::uint64_t>(longest.count()) + 1)};
    };
    if (sky.longest_gale.count() != 0 && random.once_in(64)) return up_to(sky.longest_gale);
    return up_to(sky.longest_delay);
  }

  /// How much of `size` bytes one operation moves.
  std::size_t some_of(std::size_t size) {
    if (size < 2 || sky.splits == 0 || !random.once_in(sky.splits)) return size;
    return 1 + static_cast<std::size_t>(random.below(size));
  }

  class door;
  std::map<std::string, door*, std::less<>> doors;

  seeded random;
  asio::io_context io{1};

 private:
  void mix(std::uint64_t byte) noexcept { log_ = (log_ ^ byte) * 0x100000001B3U; }

  std::vector<std::shared_ptr<connection>> connections_;  // its timers end before `io` does
};

/// One end of a simulated connection: what `simulated::stream` is.
class simulated_stream {
 public:
  using clock_type = virtual_clock;
  using executor_type = asio::any_io_executor;

  simulated_stream(asio::any_io_executor executor, std::shared_ptr<network::connection> on,
                   std::size_t side)
      : executor_(std::move(executor)), on_(std::move(on)), side_(side) {}
  simulated_stream(simulated_stream&&) = default;
  simulated_stream& operator=(simulated_stream&& other) noexcept {
    close();
    executor_ = std::move(other.executor_);
    on_ = std::move(other.on_);
    side_ = other.side_;
    return *this;
  }
  ~simulated_stream() { close(); }

  asio::any_io_executor get_executor() const { return executor_; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& into, Token&& token) {
    return asio::async_compose<Token, void(enfilade::error_code, std::size_t)>(
        reading<Buffers>{on_, side_, executor_, into}, token, executor_);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& from, Token&& token) {
    return asio::async_compose<Token, void(enfilade::error_code, std::size_t)>(
        writing<Buffers>{on_, side_, executor_, from}, token, executor_);
  }

  void shutdown_send() {
    if (on_ && !on_->closed[side_]) end(*on_, side_);
  }

  /// Ends what waits here with `operation_aborted`; the peer sees the end of the stream.
  void close() noexcept {
    if (!on_ || on_->closed[side_]) return;
    on_->closed[side_] = true;
    network::current().note("close", on_->number, side_, 0);
    end(*on_, side_);
    on_->from(side_).writable.cancel();
    on_->from(1 - side_).readable.cancel();
    on_->from(1 - side_).writable.cancel();
  }

 private:
  using clock = virtual_clock;

  static void end(network::connection& on, std::size_t side) {
    network::way& out = on.from(side);
    if (out.shut) return;
    out.shut = true;
    if (out.vanishing || out.deaf) return;
    out.ends = std::max(out.latest, clock::now());
    out.readable.cancel();
  }

  static void break_off(network::connection& on) {
    on.reset = true;
    for (network::way* one : {&on.down, &on.up}) {
      one->readable.cancel();
      one->writable.cancel();
    }
  }

  // Both operations begin with a turn of the executor, so that none completes within its own call.
  template <class Buffers>
  struct reading {
    std::shared_ptr<network::connection> on;
    std::size_t side;
    asio::any_io_executor executor;
    Buffers into;
    bool begun = false;

    template <class Self>
    void operator()(Self& self, enfilade::error_code = {}) {
      if (!std::exchange(begun, true)) return asio::post(executor, std::move(self));
      const auto holding = on;
      network::connection& here = *holding;
      network::way& in = here.from(1 - side);
      network& world = network::current();
      if (self.cancelled() != asio::cancellation_type::none || here.closed[side])
        return self.complete(asio::error::operation_aborted, 0);
      if (here.reset) return self.complete(asio::error::connection_reset, 0);
      const std::size_t room = asio::buffer_size(into);
      const auto arrived = [&](clock::time_point when) {
        return std::max(when, here.frozen_until) <= clock::now();
      };
      if (room == 0) return self.complete(enfilade::error_code{}, 0);
      if (!in.segments.empty() && arrived(in.segments.front().arrives)) {
        auto& front = in.segments.front();
        const auto rest = std::span{front.bytes}.subspan(front.taken);
        const std::size_t size = world.some_of(std::min(room, rest.size()));
        asio::buffer_copy(into, asio::const_buffer{rest.data(), size});
        front.taken += size;
        in.under_way -= size;
        in.read += size;
        if (front.taken == front.bytes.size()) in.segments.pop_front();
        world.note("read", here.number, 1 - side, size);
        in.writable.cancel();
        return self.complete(enfilade::error_code{}, size);
      }
      if (in.segments.empty() && in.ends && arrived(*in.ends))
        return self.complete(asio::error::eof, 0);
      clock::time_point next = clock::time_point::max();
      if (!in.segments.empty())
        next = std::max(in.segments.front().arrives, here.frozen_until);
      else if (in.ends)
        next = std::max(*in.ends, here.frozen_until);
      in.readable.expires_at(next);
      in.readable.async_wait(std::move(self));
    }
  };

  template <class Buffers>
  struct writing {
    std::shared_ptr<network::connection> on;
    std::size_t side;
    asio::any_io_executor executor;
    Buffers from;
    bool begun = false;

    template <class Self>
    void operator()(Self& self, enfilade::error_code = {}) {
      if (!std::exchange(begun, true)) return asio::post(executor, std::move(self));
      const auto holding = on;
      network::connection& here = *holding;
      network::way& out = here.from(side);
      network& world = network::current();
      if (self.cancelled() != asio::cancellation_type::none || here.closed[side])
        return self.complete(asio::error::operation_aborted, 0);
      // That the peer has closed is news that travels, too.
      const bool cut_off =
          here.frozen_until > clock::now() || out.vanishing || here.from(1 - side).vanishing;
      if (here.reset || out.shut || (here.closed[1 - side] && !cut_off))
        return self.complete(asio::error::broken_pipe, 0);
      const std::size_t room = world.sky.window - std::min(world.sky.window, out.under_way);
      const std::size_t wanted = asio::buffer_size(from);
      if (wanted == 0) return self.complete(enfilade::error_code{}, 0);
      if (room == 0) {
        out.writable.expires_at(here.frozen_until > clock::now() ? here.frozen_until
                                                                 : clock::time_point::max());
        out.writable.async_wait(std::move(self));
        return;
      }
      self.complete(enfilade::error_code{}, take(world, here, out, std::min(room, wanted)));
    }

    // Of the first `most` bytes as many as the network likes; how many.
    std::size_t take(network& world, network::connection& here, network::way& out,
                     std::size_t most) const {
      const spared tools;
      std::vector<std::byte> bytes(world.some_of(most));
      asio::buffer_copy(asio::buffer(bytes), from);
      const std::size_t size = bytes.size();
      world.note("write", here.number, side, size);
      out.written.insert(out.written.end(), bytes.begin(), bytes.end());
      if (world.watch) world.watch(here, side);
      carry(world, here, out, std::move(bytes));
      return size;
    }

    void carry(network& world, network::connection& here, network::way& out,
               std::vector<std::byte> bytes) const {
      if (out.deaf) return;
      out.under_way += bytes.size();
      if (out.vanishing) return;
      const std::size_t before = out.written.size() - bytes.size();
      using kind = mishap::kind;
      const mishap fate = out.fate;
      if (fate.what != kind::none && fate.at_byte < out.written.size() && fate.at_byte >= before) {
        const std::size_t good = fate.at_byte - before;
        out.fate = {};
        world.note("mishap", here.number, side, static_cast<std::uint64_t>(fate.what));
        switch (fate.what) {
          case kind::cut:
            break_off(here);
            return;
          case kind::freeze:
            here.frozen_until = fate.lasts > clock::time_point::max() - clock::now()
                                    ? clock::time_point::max()
                                    : clock::now() + fate.lasts;
            break;
          case kind::flip:
            bytes[good] ^= std::byte{1} << (fate.at_byte % 8);
            break;
          case kind::half_close:
            bytes.resize(good);
            out.deaf = true;
            break;
          default:
            bytes.resize(good);
            out.vanishing = true;
        }
      }
      out.latest = std::max(out.latest, clock::now() + world.delay());
      if (!bytes.empty()) out.segments.push_back({out.latest, std::move(bytes)});
      if (out.deaf) out.ends = out.latest;
      out.readable.cancel();
    }
  };

  asio::any_io_executor executor_;
  std::shared_ptr<network::connection> on_;
  std::size_t side_;
};

/// A door of a simulated network: what `simulated::listener` is.
class network::door {
 public:
  door(asio::any_io_executor executor, std::string room)
      : waiting_(executor, 1024), room_(std::move(room)) {
    if (!network::current().doors.emplace(room_, this).second)
      throw enfilade::failure(enfilade::errc::transport_address_in_use, room_);
  }
  door(const door&) = delete;
  door& operator=(const door&) = delete;
  ~door() { shut(); }

  void shut() {
    auto& all = network::current().doors;
    if (const auto here = all.find(room_); here != all.end() && here->second == this) {
      all.erase(here);
      waiting_.close();
    }
  }

  const std::string& room() const noexcept { return room_; }
  asio::any_io_executor executor() { return waiting_.get_executor(); }

  bool knock(std::unique_ptr<simulated_stream> peer) {
    return waiting_.try_send(enfilade::error_code{}, std::move(peer));
  }

  asio::awaitable<std::unique_ptr<simulated_stream>> next(enfilade::error_code& failed) {
    return waiting_.async_receive(asio::redirect_error(asio::use_awaitable, failed));
  }

 private:
  asio::experimental::channel<void(enfilade::error_code, std::unique_ptr<simulated_stream>)>
      waiting_;
  std::string room_;
};

/// The network of this process's `network`, as a policy: `simulated:NAME`.
///
/// Model of `transport`. Its streams carry `virtual_clock`, so deadlines and heartbeats of links on
/// them are of virtual time.
struct simulated {
  using policy_role = enfilade::role::transport;
  static constexpr std::string_view name = "simulated";

  class endpoint {
   public:
    endpoint() = default;
    explicit endpoint(std::string room) : room_(std::move(room)) {}
    const std::string& room() const noexcept { return room_; }
    friend bool operator==(const endpoint&, const endpoint&) = default;

   private:
    std::string room_;
  };

  using stream = simulated_stream;

  static enfilade::result<endpoint> parse(std::string_view text) {
    const auto room = enfilade::detail::after_scheme(text, name);
    if (!room || room->empty()) return enfilade::errc::transport_address_invalid;
    return endpoint{std::string{*room}};
  }
  static std::string format(const endpoint& at) { return "simulated:" + at.room(); }

  static asio::awaitable<stream> dial(asio::any_io_executor executor, endpoint peer) {
    network& world = network::current();
    asio::basic_waitable_timer<virtual_clock> travel{executor, world.delay()};
    co_await travel.async_wait(asio::use_awaitable);
    const auto door = world.doors.find(peer.room());
    const bool refused = world.sky.refusals != 0 && world.random.once_in(world.sky.refusals);
    if (door == world.doors.end() || refused)
      throw enfilade::failure(enfilade::errc::transport_unreachable, format(peer));
    const spared tools;
    auto made = world.connect(executor, door->second->executor(), peer.room());
    auto there = std::make_unique<stream>(door->second->executor(), made, 1);
    stream here{executor, made, 0};
    if (!door->second->knock(std::move(there)))
      throw enfilade::failure(enfilade::errc::transport_unreachable, format(peer));
    co_return here;
  }

  class listener {
   public:
    listener(asio::any_io_executor executor, endpoint at)
        : door_(std::make_shared<network::door>(executor, at.room())) {}

    asio::awaitable<stream> accept() {
      const std::shared_ptr<network::door> mine = door_;  // the listener may be gone meanwhile
      enfilade::error_code failed;
      std::unique_ptr<stream> peer = co_await mine->next(failed);
      if (failed)
        throw enfilade::failure(enfilade::error_code{asio::error::operation_aborted},
                                format(endpoint{mine->room()}));
      co_return std::move(*peer);
    }
    endpoint local() const { return endpoint{door_->room()}; }
    void close() { door_->shut(); }

   private:
    std::shared_ptr<network::door> door_;
  };
};

static_assert(enfilade::transport<simulated>);

}  // namespace test
