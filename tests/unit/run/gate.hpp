// SPDX-License-Identifier: Apache-2.0
#pragma once

// A compute policy that a test can hold up in the middle of a step, for as long as it likes.

#include <enfilade/compute/reference.hpp>

#include "letters.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <span>
#include <string_view>
#include <utility>

namespace test {

/// Where computing passes by. One for the whole program, as `compute` policies have no names.
class gate {
 public:
  void close() { set(true); }
  void open() { set(false); }

  /// The next step that begins runs out of memory.
  void break_next() {
    const std::lock_guard alone{mutex_};
    breaks_ = true;
  }

  /// Whether a step is held up.
  bool holds() const {
    const std::lock_guard alone{mutex_};
    return held_ != 0;
  }

  /// How many steps have begun on first stages.
  std::size_t begun() const {
    const std::lock_guard alone{mutex_};
    return begun_;
  }

  void begin_step() {
    const std::lock_guard alone{mutex_};
    ++begun_;
    if (!std::exchange(breaks_, false)) return;
    throw std::bad_alloc{};
  }

  /// Waits while the gate is closed; a test that would hang ends after a minute.
  void pass() {
    std::unique_lock alone{mutex_};
    ++held_;
    changed_.wait_for(alone, std::chrono::minutes{1}, [this] { return !closed_; });
    --held_;
  }

 private:
  void set(bool closed) {
    const std::lock_guard alone{mutex_};
    closed_ = closed;
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  bool breaks_ = false;
  std::size_t held_ = 0;
  std::size_t begun_ = 0;
};

inline gate the_gate;

/// Computes as `Reference` does, and passes by the gate: at the beginning of a step on the first
/// stage, and in each layer on all.
struct Gated : Reference {
  static constexpr std::string_view name = "gated";

  void gather(std::span<const std::uint32_t> rows, matrix<const float> table,
              matrix<float> y) const {
    the_gate.begin_step();
    the_gate.pass();
    Reference::gather(rows, table, y);
  }
  void gelu(matrix<float> x) const {
    the_gate.pass();
    Reference::gelu(x);
  }
};
static_assert(compute<Gated>);

template <class Topology>
using gated_of =
    typename Topology::template of<Letters>::template with<AesGcm, insecure::Mock, Gated, Loopback>;

}  // namespace test
