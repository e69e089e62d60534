// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/device/kernel.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

/// A machine of the test's own, for the devices of attest/device/: it has the files that its nodes
/// have, its time passes when the test says so, and any call of it can be made to fail.
///
///     fake_kernel machine;
///     fake_nsm nsm{machine};
///     enfilade::nsm_device device{machine};
class fake_kernel {
 public:
  /// Some files of the machine. Whoever answers -ENOENT to everything need not be attached.
  class node {
   public:
    node() = default;
    node(const node&) = delete;
    node& operator=(const node&) = delete;
    virtual ~node() = default;
    virtual bool has(const std::string& path) const = 0;
    virtual int ioctl(unsigned long, void*) { return -ENOTTY; }
    /// From `offset` on.
    virtual std::int64_t read(const std::string&, std::size_t, std::span<std::byte>) {
      return -EINVAL;
    }
    virtual std::int64_t write(const std::string&, std::span<const std::byte>) { return -EINVAL; }
    virtual void closed(const std::string&) {}
    virtual int mkdir(const std::string&) { return -ENOENT; }
    virtual int rmdir(const std::string&) { return -ENOENT; }
  };

  fake_kernel() = default;
  fake_kernel(const fake_kernel&) = delete;
  fake_kernel& operator=(const fake_kernel&) = delete;

  void attach(node& files) { nodes_.push_back(&files); }

  // --- system_calls --------------------------------------------------------------------------
  int open(const char* path, int) {
    if (const int number = fault("open", path)) return -number;
    node* const files = node_of(path);
    if (files == nullptr) return -ENOENT;
    open_.emplace(++last_file_, file{files, path, 0});
    return last_file_;
  }
  int close(int number) {
    const auto at = open_.find(number);
    if (at == open_.end()) return -EBADF;
    at->second.files->closed(at->second.path);
    open_.erase(at);
    return 0;
  }
  int ioctl(int number, unsigned long request, void* argument) {
    file& f = open_.at(number);
    if (const int error = fault("ioctl", f.path)) return -error;
    return f.files->ioctl(request, argument);
  }
  std::int64_t read(int number, std::span<std::byte> into) {
    file& f = open_.at(number);
    if (const int error = fault("read", f.path)) return -error;
    const std::int64_t got =
        f.files->read(f.path, f.offset, into.first(std::min(into.size(), read_at_most)));
    if (got > 0) f.offset += static_cast<std::size_t>(got);
    return got;
  }
  std::int64_t write(int number, std::span<const std::byte> from) {
    file& f = open_.at(number);
    if (const int error = fault("write", f.path)) return -error;
    return f.files->write(f.path, from.first(std::min(from.size(), write_at_most)));
  }
  int mkdir(const char* path) {
    if (const int number = fault("mkdir", path)) return -number;
    const std::string name{path};
    node* const files = node_of(name.substr(0, name.rfind('/')));
    return files == nullptr ? -ENOENT : files->mkdir(name);
  }
  int rmdir(const char* path) {
    node* const files = node_of(path);
    return files == nullptr ? -ENOENT : files->rmdir(path);
  }
  bool exists(const char* path) const { return node_of(path) != nullptr; }
  std::chrono::nanoseconds now() const { return now_; }
  void sleep(std::chrono::nanoseconds time) {
    slept_ += time;
    now_ += time;
  }

  // --- what a test may choose ------------------------------------------------------------------
  /// Time passes inside a call.
  void pass(std::chrono::nanoseconds time) { now_ += time; }

  /// The next `times` such calls of a path that ends so fail; -1: all of them.
  void fail(std::string call, std::string path_end, int number, int times = -1) {
    faults_.push_back({std::move(call), std::move(path_end), number, times});
  }

  std::size_t read_at_most = std::size_t(-1);   ///< bytes that a read gives
  std::size_t write_at_most = std::size_t(-1);  ///< bytes that a write takes

  // --- and what it may ask -----------------------------------------------------------------------
  std::size_t open_files() const { return open_.size(); }
  std::chrono::nanoseconds slept() const { return slept_; }
  /// How often such a call was made, failed ones as well.
  int calls(const std::string& call) const {
    const auto at = calls_.find(call);
    return at == calls_.end() ? 0 : at->second;
  }

 private:
  struct file {
    node* files;
    std::string path;
    std::size_t offset;
  };
  struct planned_fault {
    std::string call;
    std::string path_end;
    int number;
    int times;
  };

  int fault(const std::string& call, const std::string& path) {
    ++calls_[call];
    for (planned_fault& f : faults_) {
      if (f.times == 0 || f.call != call || !path.ends_with(f.path_end)) continue;
      if (f.times > 0) --f.times;
      return f.number;
    }
    return 0;
  }

  node* node_of(const std::string& path) const {
    const auto at = std::ranges::find_if(nodes_, [&](const node* n) { return n->has(path); });
    return at == nodes_.end() ? nullptr : *at;
  }

  std::vector<node*> nodes_;
  std::map<int, file> open_;
  int last_file_ = 2;
  std::chrono::nanoseconds now_{std::chrono::hours{1}};
  std::chrono::nanoseconds slept_{0};
  std::vector<planned_fault> faults_;
  std::map<std::string, int> calls_;
};

static_assert(enfilade::system_calls<fake_kernel> && enfilade::system_calls<fake_kernel&>);

}  // namespace test
