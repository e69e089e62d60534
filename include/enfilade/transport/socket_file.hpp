// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace enfilade::detail {

/// The longest path that a socket address holds with the NUL after it.
inline constexpr std::size_t max_socket_path = sizeof(sockaddr_un::sun_path) - 1;

[[noreturn]] inline void throw_errno(int value = errno) {
  throw boost::system::system_error(value, boost::system::system_category());
}

/// A file descriptor that closes itself.
class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {
    if (fd < 0) throw_errno();
  }
  ~descriptor() { ::close(fd_); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

inline sockaddr_un socket_address(const std::string& path) {
  sockaddr_un address{};
  if (path.empty() || path.size() > max_socket_path) throw_errno(ENAMETOOLONG);
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

/// Calls one of the two socket functions that take an address.
inline int with_address(int (*call)(int, const sockaddr*, socklen_t), int fd,
                        const sockaddr_un& address) {
  return call(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

/// The file through which a listening Unix socket is found.
///
/// It comes into being complete: the socket is bound under a name of its own, set to listen, and
/// only then linked to the path. So there is no moment in which another process could take a
/// starting listener for a dead one, and no moment with another mode than 0600.
class socket_file {
 public:
  socket_file() = default;

  /// Binds `socket`, listens, and gives it `path`. Throws `system_error` (EADDRINUSE, ENOENT, ...).
  socket_file(int socket, std::string path) : path_(std::move(path)) {
    const sockaddr_un target = socket_address(path_);  // checks the length
    const auto slash = path_.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    const std::string file = path_.substr(slash + 1);
    const descriptor at{::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};

    static std::atomic<unsigned> count{0};
    const std::string own =
        ".enfilade-" + std::to_string(::getpid()) + "-" + std::to_string(count.fetch_add(1));
    ::unlinkat(at.get(), own.c_str(), 0);  // of a process that had this number and died just here
    // Linux gives the file the mode of its socket; through /proc, since `own` may be too long.
    if (::fchmod(socket, S_IRUSR | S_IWUSR) != 0) throw_errno();
    const std::string through = "/proc/self/fd/" + std::to_string(at.get()) + "/" + own;
    if (with_address(::bind, socket, socket_address(through)) != 0) throw_errno();
    try {
      if (::listen(socket, SOMAXCONN) != 0) throw_errno();
      publish(at.get(), own, file, target);
    } catch (...) {
      ::unlinkat(at.get(), own.c_str(), 0);
      throw;
    }
    ::unlinkat(at.get(), own.c_str(), 0);
  }

  ~socket_file() { remove(); }
  socket_file(const socket_file&) = delete;
  socket_file& operator=(const socket_file&) = delete;
  socket_file& operator=(socket_file&& other) noexcept {
    remove();
    path_ = std::exchange(other.path_, {});
    inode_ = other.inode_;
    device_ = other.device_;
    return *this;
  }

  /// Removes the file, if the path still leads to the one that was made here.
  void remove() noexcept {
    struct stat found {};
    if (!path_.empty() && ::lstat(path_.c_str(), &found) == 0 && found.st_ino == inode_ &&
        found.st_dev == device_)
      ::unlink(path_.c_str());
    path_.clear();
  }

 private:
  void publish(int at, const std::string& own, const std::string& file, const sockaddr_un& target) {
    struct stat mine {};
    if (::fstatat(at, own.c_str(), &mine, AT_SYMLINK_NOFOLLOW) != 0) throw_errno();
    while (::linkat(at, own.c_str(), at, file.c_str(), 0) != 0) {
      if (errno != EEXIST) throw_errno();
      struct stat before {};
      if (::fstatat(at, file.c_str(), &before, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;  // its owner has just removed it
        throw_errno();
      }
      if (!S_ISSOCK(before.st_mode) || somebody_listens(target)) throw_errno(EADDRINUSE);
      struct stat after {};
      if (::fstatat(at, file.c_str(), &after, AT_SYMLINK_NOFOLLOW) == 0 &&
          after.st_ino == before.st_ino && after.st_dev == before.st_dev)
        ::unlinkat(at, file.c_str(), 0);
    }
    inode_ = mine.st_ino;
    device_ = mine.st_dev;
  }

  /// Only a refused connection shows that nobody listens; a full queue answers EAGAIN.
  static bool somebody_listens(const sockaddr_un& target) {
    const descriptor probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    return with_address(::connect, probe.get(), target) == 0 ||
           (errno != ECONNREFUSED && errno != ENOENT);
  }

  std::string path_;
  ino_t inode_ = 0;
  dev_t device_ = 0;
};

}  // namespace enfilade::detail
