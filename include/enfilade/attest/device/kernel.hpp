// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bytes.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace enfilade {

/// What the devices of this folder ask of the machine: a handful of system calls, and the time.
///
/// It is the seam at which tests put a machine of their own. `K` is an object or a reference to one.
/// Where a call fails, it returns the error number negated, as the kernel itself does; else what the
/// system call returns.
///
/// | expression                 | must be           | meaning                                       |
/// |----------------------------|-------------------|-----------------------------------------------|
/// | `k.open(path, flags)`      | `int`             | open(2) with `O_CLOEXEC`: a descriptor        |
/// | `k.close(file)`            | `int`             | close(2)                                      |
/// | `k.ioctl(file, number, p)` | `int`             | ioctl(2)                                      |
/// | `k.read(file, bytes)`      | `std::int64_t`    | read(2)                                       |
/// | `k.write(file, bytes)`     | `std::int64_t`    | write(2)                                      |
/// | `k.mkdir(path)`            | `int`             | mkdir(2), for the owner only                  |
/// | `k.rmdir(path)`            | `int`             | rmdir(2)                                      |
/// | `k.exists(path)`           | `bool`            | access(2)                                     |
/// | `k.now()`                  | `nanoseconds`     | since some moment; never goes backwards       |
/// | `k.sleep(time)`            | nothing           | returns when that time has passed             |
///
/// Models: `kernel`.
template <class K>
concept system_calls = requires(std::remove_reference_t<K>& k, const char* path, int file,
                                int flags, unsigned long number, void* argument,
                                std::span<std::byte> into, detail::byte_span from,
                                std::chrono::nanoseconds time) {
  { k.open(path, flags) } -> std::same_as<int>;
  { k.close(file) } -> std::same_as<int>;
  { k.ioctl(file, number, argument) } -> std::same_as<int>;
  { k.read(file, into) } -> std::same_as<std::int64_t>;
  { k.write(file, from) } -> std::same_as<std::int64_t>;
  { k.mkdir(path) } -> std::same_as<int>;
  { k.rmdir(path) } -> std::same_as<int>;
  { k.exists(path) } -> std::same_as<bool>;
  { k.now() } -> std::same_as<std::chrono::nanoseconds>;
  { k.sleep(time) } -> std::same_as<void>;
};

/// The kernel that this program runs on. Model of `system_calls`; holds nothing.
class kernel {
 public:
  int open(const char* path, int flags) const noexcept {
    return answer(::open(path, flags | O_CLOEXEC));
  }
  int close(int file) const noexcept { return answer(::close(file)); }
  int ioctl(int file, unsigned long number, void* argument) const noexcept {
    return answer(::ioctl(file, number, argument));
  }
  std::int64_t read(int file, std::span<std::byte> into) const noexcept {
    return answer(::read(file, into.data(), into.size()));
  }
  std::int64_t write(int file, detail::byte_span from) const noexcept {
    return answer(::write(file, from.data(), from.size()));
  }
  int mkdir(const char* path) const noexcept { return answer(::mkdir(path, S_IRWXU)); }
  int rmdir(const char* path) const noexcept { return answer(::rmdir(path)); }
  bool exists(const char* path) const noexcept { return ::access(path, F_OK) == 0; }

  std::chrono::nanoseconds now() const noexcept {
    return std::chrono::steady_clock::now().time_since_epoch();
  }
  void sleep(std::chrono::nanoseconds time) const noexcept {
    if (time.count() <= 0) return;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    timespec left{};
    left.tv_sec = static_cast<time_t>(seconds.count());
    left.tv_nsec = static_cast<long>((time - seconds).count());
    while (::nanosleep(&left, &left) != 0 && errno == EINTR) continue;
  }

 private:
  template <class T>
  static T answer(T returned) noexcept {
    return returned < 0 ? static_cast<T>(-errno) : returned;
  }
};

static_assert(system_calls<kernel>);

}  // namespace enfilade
