// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>
#include <enfilade/model/safetensors.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace enfilade {

/// Bytes of a file in this process's memory, read only, given back on destruction.
class mapped_range {
 public:
  mapped_range(void* memory, std::size_t size) noexcept : memory_(memory), size_(size) {}
  mapped_range(mapped_range&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), size_(other.size_) {}
  mapped_range& operator=(mapped_range&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~mapped_range() {
    if (memory_ != nullptr) ::munmap(memory_, size_);
  }

  const std::byte* data() const noexcept { return static_cast<const std::byte*>(memory_); }
  std::size_t size() const noexcept { return size_; }

 private:
  void* memory_;
  std::size_t size_;
};

/// A safetensors file, open: its header, and its data where they are asked for.
///
/// The header is read with read(2), so that nothing of the file is mapped until a range is.
class weight_file {
 public:
  /// Throws `failure`: `model_file_missing` where it cannot be opened or is no regular file,
  /// `model_header_invalid` and `model_dtype` as `safetensors_header::parse`.
  explicit weight_file(const std::filesystem::path& path) : name_(path.string()) {
    // Non-blocking, because a FIFO of that name would otherwise be waited for.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0) throw failure(errc::model_file_missing, name_);
    try {
      read_header();
    } catch (...) {
      ::close(descriptor_);
      throw;
    }
  }
  weight_file(const weight_file&) = delete;
  weight_file& operator=(const weight_file&) = delete;
  ~weight_file() { ::close(descriptor_); }

  const std::string& name() const noexcept { return name_; }
  const safetensors_header& header() const noexcept { return header_; }

  /// Where in the file a tensor begins.
  std::uint64_t position_of(const safetensors_header::tensor& t) const noexcept {
    return data_begin_ + t.begin;
  }

  /// Maps [begin, end) of the file; `begin` is a multiple of the page size.
  mapped_range map(std::uint64_t begin, std::uint64_t end) const {
    const std::size_t size = end - begin;
    void* memory =
        ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor_, static_cast<off_t>(begin));
    if (memory == MAP_FAILED)
      throw failure(error_code(errno, boost::system::system_category()), name_ + ": mmap");
    return {memory, size};
  }

  /// Fills `to` with the bytes at `position`; `model_header_invalid` where the file ends before.
  void read(std::uint64_t position, std::span<std::byte> to) const {
    while (!to.empty()) {
      const ssize_t got = ::pread(descriptor_, to.data(), to.size(), static_cast<off_t>(position));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw failure(error_code(errno, boost::system::system_category()), name_);
      if (got == 0) throw failure(errc::model_header_invalid, name_ + ": the file is truncated");
      to = to.subspan(static_cast<std::size_t>(got));
      position += static_cast<std::uint64_t>(got);
    }
  }

 private:
  void read_header() {
    struct stat facts {};
    if (::fstat(descriptor_, &facts) != 0 || !S_ISREG(facts.st_mode))
      throw failure(errc::model_file_missing, name_ + ": not a regular file");
    const auto file_size = static_cast<std::uint64_t>(facts.st_size);

    std::array<std::byte, 8> prefix;
    if (file_size < prefix.size())
      throw failure(errc::model_header_invalid, name_ + ": the file is truncated");
    read(0, prefix);
    const auto header_size = detail::load_le<std::uint64_t>(prefix.data());
    if (header_size > safetensors_header::max_bytes)
      throw failure(errc::model_header_invalid,
                    name_ + ": a header of " + std::to_string(header_size) + " bytes");
    if (header_size > file_size - prefix.size())
      throw failure(errc::model_header_invalid, name_ + ": the file is truncated");

    std::string text(header_size, '\0');
    read(prefix.size(), std::as_writable_bytes(std::span{text}));
    data_begin_ = prefix.size() + header_size;
    header_ = safetensors_header::parse(text, file_size - data_begin_, name_);
  }

  std::string name_;
  int descriptor_;
  std::uint64_t data_begin_ = 0;
  safetensors_header header_;
};

}  // namespace enfilade
