// SPDX-License-Identifier: Apache-2.0
#include <enfilade/transport/unix.hpp>

#include <doctest/doctest.h>

#include <boost/asio/local/connect_pair.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "conversation.hpp"

namespace {

using enfilade::errc;
using enfilade::Unix;
namespace asio = enfilade::asio;
namespace fs = std::filesystem;

static_assert(enfilade::transport<Unix>);
static_assert(!std::is_aggregate_v<Unix::endpoint>, "g++ 12 miscompiles temporary aggregates");

/// A folder of its own, and a path in it that no file has yet.
struct folder {
  fs::path path;
  Unix::endpoint here;

  folder() {
    std::string name = (fs::temp_directory_path() / "enfilade-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
    here = Unix::endpoint{(path / "door").string()};
  }
  folder(const folder&) = delete;
  ~folder() { fs::remove_all(path); }

  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator{path}, {}));
  }

  /// The socket file of a process that ended without removing it.
  void leave_a_dead_socket() const {
    asio::io_context io;
    asio::local::stream_protocol::acceptor dead{
        io, asio::local::stream_protocol::endpoint{here.path()}};
  }
};

errc listen_error(const Unix::endpoint& at) {
  asio::io_context io;
  const auto code = test::error_of([&] { Unix::listener door{io.get_executor(), at}; });
  return static_cast<errc>(code.value());
}

TEST_SUITE("transport/unix") {
  TEST_CASE_FIXTURE(folder, "a listener says which user a peer runs as") {
    asio::io_context io;
    Unix::listener door{io.get_executor(), here};
    std::uint64_t source = 0;
    test::task accepting{io, [](Unix::listener& d, std::uint64_t& s) -> asio::awaitable<void> {
                           const auto stream = co_await d.accept();
                           s = d.source(stream) + 1;
                         }(door, source)};
    test::task dialling{io, test::dial_only<Unix>(io.get_executor(), here)};
    test::run(io);
    CHECK(source == std::uint64_t{::geteuid()} + 1);
  }

  TEST_CASE_FIXTURE(folder, "carries bytes both ways") {
    test::carries_bytes_both_ways<Unix>(here);
  }
  TEST_CASE_FIXTURE(folder, "carries bytes between threads") {
    test::carries_bytes_between_threads<Unix>(here);
  }
  TEST_CASE_FIXTURE(folder, "accept ends when it is cancelled") {
    test::accept_ends_when_cancelled<Unix>(here);
  }
  TEST_CASE_FIXTURE(folder, "accept ends when its listener closes") {
    test::accept_ends_when_closed<Unix>(here);
  }
  TEST_CASE_FIXTURE(folder, "accept ends when its listener is destroyed") {
    test::accept_ends_when_destroyed<Unix>(here);
  }
  TEST_CASE_FIXTURE(folder, "a second listener at one address is refused, and the first goes on") {
    asio::io_context io;
    Unix::listener door{io.get_executor(), here};
    CHECK(listen_error(here) == errc::transport_address_in_use);
    CHECK(files() == 1);

    std::string heard;
    test::task probed{io, test::accept_only<Unix>(door)};  // the second one looked who is there
    test::task answering{io, test::echo<Unix>(door)};
    test::task asking{io, test::converse<Unix>(io.get_executor(), here, "still here", heard)};
    test::run(io);
    CHECK(heard == "still here");
  }
  TEST_CASE_FIXTURE(folder, "a dial without a listener is refused, and says where") {
    SUBCASE("where there is no file") {}
    SUBCASE("where a dead listener left its file") { leave_a_dead_socket(); }
    test::dial_without_a_listener_is_refused<Unix>(here);
  }

  TEST_CASE_FIXTURE(folder, "the file is the owner's alone while it listens, and gone after") {
    asio::io_context io;
    const auto before = ::umask(0);
    {
      Unix::listener door{io.get_executor(), here};
      struct stat found {};
      REQUIRE(::lstat(here.path().c_str(), &found) == 0);
      CHECK(S_ISSOCK(found.st_mode));
      CHECK((found.st_mode & 07777) == 0600);
      CHECK_MESSAGE(files() == 1, "the name that it was bound under is gone");
      SUBCASE("by close") {
        door.close();
        CHECK(files() == 0);
      }
      SUBCASE("by the destructor") {}
    }
    CHECK(files() == 0);
    ::umask(before);
  }

  TEST_CASE_FIXTURE(folder, "the file of a dead listener is replaced") {
    leave_a_dead_socket();
    REQUIRE(files() == 1);
    test::carries_bytes_both_ways<Unix>(here);
    CHECK(files() == 0);
  }

  TEST_CASE_FIXTURE(folder, "a listener whose queue is full is not taken for dead") {
    asio::io_context io;
    asio::local::stream_protocol::acceptor busy{io};
    busy.open();
    busy.bind(asio::local::stream_protocol::endpoint{here.path()});
    busy.listen(0);
    asio::local::stream_protocol::socket first{io};
    first.connect(asio::local::stream_protocol::endpoint{here.path()});
    CHECK(listen_error(here) == errc::transport_address_in_use);
    CHECK(files() == 1);
  }

  TEST_CASE_FIXTURE(folder, "what is not a socket is neither followed nor removed") {
    SUBCASE("a file") { std::ofstream{here.path()} << "kept"; }
    SUBCASE("a folder") { fs::create_directory(here.path()); }
    SUBCASE("a link to nothing") { fs::create_symlink(path / "nothing", here.path()); }
    SUBCASE("a link to a dead socket") {
      leave_a_dead_socket();
      fs::rename(here.path(), path / "dead");
      fs::create_symlink(path / "dead", here.path());
    }
    const std::size_t before = files();
    CHECK(listen_error(here) == errc::transport_address_in_use);
    CHECK(files() == before);
  }

  TEST_CASE_FIXTURE(folder, "close leaves a file alone that another listener made since") {
    asio::io_context io;
    Unix::listener door{io.get_executor(), here};
    fs::remove(here.path());
    Unix::listener other{io.get_executor(), here};
    door.close();
    CHECK(fs::exists(here.path()));
    other.close();
    CHECK_FALSE(fs::exists(here.path()));
  }

  TEST_CASE_FIXTURE(folder, "a folder that does not exist is a wrong address") {
    CHECK(listen_error(Unix::endpoint{(path / "no" / "door").string()}) ==
          errc::transport_address_invalid);
    CHECK(files() == 0);
  }

  TEST_CASE_FIXTURE(folder, "the longest path works, a longer one is refused") {
    const std::string stem = path.string() + "/";
    const std::string longest = stem + std::string(107 - stem.size(), 'x');
    test::carries_bytes_both_ways<Unix>(Unix::endpoint{longest});
    test::parses_what_it_formats<Unix>("unix:" + longest, Unix::endpoint{longest});

    const Unix::endpoint longer{longest + "x"};
    test::refuses_to_parse<Unix>(Unix::format(longer));
    asio::io_context io;
    CHECK(test::error_of([&] {
            Unix::listener door{io.get_executor(), longer};
          }) == errc::transport_address_invalid);
    test::task asking{io, test::dial_only<Unix>(io.get_executor(), longer)};
    test::run(io);
    CHECK(asking.error() == errc::transport_address_invalid);
  }

  TEST_CASE("addresses are read and written") {
    test::parses_what_it_formats<Unix>("unix:/run/enfilade/stage0",
                                       Unix::endpoint{"/run/enfilade/stage0"});
    test::parses_what_it_formats<Unix>("unix:/a b:c", Unix::endpoint{"/a b:c"});
  }

  TEST_CASE("what is not an address is refused") {
    using namespace std::string_view_literals;
    for (const auto text : {""sv, "unix"sv, "unix:"sv, "unix:relative"sv, "unix:./x"sv, "unix:/"sv,
                            "unix:/folder/"sv, "tcp:/x"sv, "Unix:/x"sv, "/x"sv, "unix:/a\nb"sv,
                            "unix:/a\0b"sv, "unix:/a\x7f"sv, "unix: /x"sv, "unix:@abstract"sv})
      test::refuses_to_parse<Unix>(text);
  }
}

}  // namespace
