// SPDX-License-Identifier: Apache-2.0
#pragma once

// A transport whose Nth read or write goes wrong.

#include <enfilade/error.hpp>
#include <enfilade/run/close_quietly.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/clock.hpp>
#include <enfilade/transport/transport.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace test {

namespace asio = enfilade::asio;

/// What is wrong with an operation.
enum class fault : std::uint8_t {
  reset,        ///< ECONNRESET, and the connection is gone
  end,          ///< a read sees the end of the stream, a write EPIPE; the connection is gone
  would_block,  ///< EAGAIN, which a caller must not take for the end of the bytes
  no_buffers,   ///< ENOBUFS
  reset_once,   ///< ECONNRESET from this one call; the connection is as good as before
  one_byte,     ///< one byte moves, however many were asked for
  late,         ///< it happens, but only after `fault_plan::delay`
};

inline constexpr fault all_faults[] = {fault::reset,      fault::end,        fault::would_block,
                                       fault::no_buffers, fault::reset_once, fault::one_byte,
                                       fault::late};

inline std::string_view name_of(fault what) {
  constexpr std::string_view names[] = {"reset",      "end",      "would_block", "no_buffers",
                                        "reset_once", "one_byte", "late"};
  return names[static_cast<std::size_t>(what)];
}

/// Which operations of all `faulty` streams of this process go wrong, and how. One for the process:
/// whoever tests with it runs in one thread.
struct fault_plan {
  enum class counts : std::uint8_t { reads_and_writes, reads, writes };

  static constexpr std::size_t never = ~std::size_t{0};
  static constexpr std::size_t every_one = ~std::size_t{0};

  std::size_t first = never;  ///< the first faulty operation, from 0
  std::size_t many = 1;       ///< as many as this, one after the other
  fault what = fault::reset;
  counts of = counts::reads_and_writes;
  std::chrono::nanoseconds delay = std::chrono::seconds{1};

  std::size_t seen = 0;   ///< operations so far, of those that count
  std::size_t acted = 0;  ///< faults so far

  static fault_plan& current() {
    static fault_plan instance;
    return instance;
  }

  /// Counts one operation; whether it is faulty.
  bool strikes(bool is_read) {
    if (of != counts::reads_and_writes && is_read != (of == counts::reads)) return false;
    const std::size_t mine = seen++;
    if (mine < first || mine - first >= many) return false;
    ++acted;
    return true;
  }
};

/// `Inner`, whose operations fail, are short or come late as `fault_plan::current()` says.
///
/// Model of `transport`, under the same name and addresses as `Inner`: it stands wherever `Inner`
/// does, as a relay and as a door.
template <enfilade::transport Inner>
struct faulty {
  using policy_role = enfilade::role::transport;
  static constexpr std::string_view name = Inner::name;
  using endpoint = typename Inner::endpoint;
  using inner_stream = typename Inner::stream;

  class stream {
   public:
    using clock_type = enfilade::clock_of<inner_stream>;
    using executor_type = asio::any_io_executor;

    explicit stream(inner_stream inner) : state_(std::make_shared<state>(std::move(inner))) {}
    stream(stream&&) = default;
    stream& operator=(stream&& other) noexcept {
      if (state_) state_->close();
      state_ = std::move(other.state_);
      return *this;
    }
    ~stream() {
      if (state_) state_->close();
    }

    asio::any_io_executor get_executor() { return state_->inner.get_executor(); }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& into, Token&& token) {
      return asio::async_compose<Token, void(enfilade::error_code, std::size_t)>(
          operation<true, Buffers>{state_, into}, token, state_->inner);
    }
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& from, Token&& token) {
      return asio::async_compose<Token, void(enfilade::error_code, std::size_t)>(
          operation<false, Buffers>{state_, from}, token, state_->inner);
    }

    void shutdown_send() { enfilade::shutdown_send(state_->inner); }
    void close() { state_->close(); }

   private:
    // Outlives the stream while a late operation waits.
    struct state {
      explicit state(inner_stream i) : inner(std::move(i)) {}
      void close() {
        closed = true;
        for (auto* one : {late_read.get(), late_write.get()})
          if (one != nullptr) one->cancel();
        enfilade::close_quietly(inner);
      }
      inner_stream inner;
      std::unique_ptr<enfilade::timer_of<inner_stream>> late_read;
      std::unique_ptr<enfilade::timer_of<inner_stream>> late_write;
      bool closed = false;
    };

    template <bool is_read, class Buffers>
    struct operation {
      std::shared_ptr<state> on;
      Buffers buffers;
      enum class at : std::uint8_t { begin, fails, waited, moved } point = at::begin;
      enfilade::error_code verdict{};

      template <class Self>
      void operator()(Self& self, enfilade::error_code failed = {}, std::size_t size = 0) {
        switch (point) {
          case at::begin:
            return begin(self);
          case at::fails:
            return self.complete(verdict, 0);
          case at::waited:
            if (self.cancelled() != asio::cancellation_type::none || on->closed)
              return self.complete(asio::error::operation_aborted, 0);
            return move(self);
          case at::moved:
            return self.complete(failed, size);
        }
      }

      template <class Self>
      void begin(Self& self) {
        fault_plan& plan = fault_plan::current();
        if (!plan.strikes(is_read)) return move(self);
        switch (plan.what) {
          case fault::reset:
            return fail(self, asio::error::connection_reset, true);
          case fault::end:
            if constexpr (is_read) return fail(self, asio::error::eof, true);
            return fail(self, asio::error::broken_pipe, true);
          case fault::would_block:
            return fail(self, asio::error::try_again, false);
          case fault::no_buffers:
            return fail(self, asio::error::no_buffer_space, false);
          case fault::reset_once:
            return fail(self, asio::error::connection_reset, false);
          case fault::one_byte:
            return move_one(self);
          case fault::late:
            return wait(self, plan.delay);
        }
      }

      template <class Self>
      void fail(Self& self, enfilade::error_code with, bool gone) {
        const auto holding = on;
        if (gone) holding->close();
        point = at::fails;
        verdict = with;
        asio::post(holding->inner.get_executor(), std::move(self));
      }

      template <class Self>
      void wait(Self& self, std::chrono::nanoseconds delay) {
        const auto holding = on;
        auto& timer = is_read ? holding->late_read : holding->late_write;
        timer = std::make_unique<enfilade::timer_of<inner_stream>>(holding->inner.get_executor(),
                                                                   delay);
        point = at::waited;
        timer->async_wait(std::move(self));
      }

      template <class Self>
      void move(Self& self) {
        const auto holding = on;
        const auto all = buffers;
        point = at::moved;
        if constexpr (is_read)
          holding->inner.async_read_some(all, std::move(self));
        else
          holding->inner.async_write_some(all, std::move(self));
      }

      template <class Self>
      void move_one(Self& self) {
        const auto holding = on;
        auto first = asio::buffer_sequence_begin(buffers);
        const auto last = asio::buffer_sequence_end(buffers);
        while (first != last && first->size() == 0) ++first;
        if (first == last) return move(self);
        point = at::moved;
        if constexpr (is_read) {
          const asio::mutable_buffer one{first->data(), 1};
          holding->inner.async_read_some(one, std::move(self));
        } else {
          const asio::const_buffer one{first->data(), 1};
          holding->inner.async_write_some(one, std::move(self));
        }
      }
    };

    std::shared_ptr<state> state_;
  };

  static auto parse(std::string_view text) { return Inner::parse(text); }
  static std::string format(const endpoint& at) { return Inner::format(at); }

  static asio::awaitable<stream> dial(asio::any_io_executor executor, endpoint peer) {
    inner_stream inner = co_await Inner::dial(std::move(executor), std::move(peer));
    co_return stream{std::move(inner)};
  }

  class listener {
   public:
    listener(asio::any_io_executor executor, endpoint at)
        : door_(std::move(executor), std::move(at)) {}

    asio::awaitable<stream> accept() {
      inner_stream inner = co_await door_.accept();
      co_return stream{std::move(inner)};
    }
    endpoint local() const { return door_.local(); }
    void close() { door_.close(); }

   private:
    typename Inner::listener door_;
  };
};

}  // namespace test
