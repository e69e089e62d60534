// SPDX-License-Identifier: Apache-2.0

// The sealed link beside the same transport unsealed, beside TLS 1.3 where OpenSSL was found, and
// beside its cipher alone: round trips and one-way throughput between two processes, the processor
// time of a handshake at each end. One line of JSON a figure (bench/run.sh link).

#include "../support/rows.hpp"
#include "two_ends.hpp"

#include <enfilade/enfilade.hpp>
#include <enfilade/run/establish.hpp>
#include <enfilade/run/link.hpp>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#ifdef BENCH_TLS
#include "tls_peer.hpp"
#endif

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace enfilade;
using bench::connect;
using bench::connection;
using bench::two_processes;
using bench::two_threads;
using clock_type = std::chrono::steady_clock;

namespace {

template <class Cipher>
using Plan = Pipeline<Embed<Layers<0, 6>>, Relay<Tcp>, Layers<6, 12>,
                      LmHead>::of<Gpt2Small>::with<Cipher, insecure::Mock, CpuF32>;

double microseconds_since(clock_type::time_point start) {
  return std::chrono::duration<double, std::micro>(clock_type::now() - start).count();
}

/// Microseconds of processor time that this thread has used, its system calls included.
double thread_microseconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) / 1e3;
}

template <transport T, class Cipher>
struct link_pair {
  using link_type = enfilade::link<typename T::stream, Cipher>;
  std::shared_ptr<link_type> upstream;
  std::shared_ptr<link_type> downstream;
  double upstream_microseconds = 0;  // of processor time that the handshake took
  double downstream_microseconds = 0;
};

/// The handshake on a fresh connection; `own` is shown and demanded in both directions or in none.
template <transport T, class Cipher, class Ends>
link_pair<T, Cipher> shake(Ends& ends, connection<T> raw,
                           std::shared_ptr<const insecure::Mock> own) {
  using deployment = Plan<Cipher>;
  using link_type = typename link_pair<T, Cipher>::link_type;
  const expectations expected =
      own ? *expectations::pinned("mock", measure(*own)->values) : expectations::anyone();
  link_terms<deployment> up{link_end::upstream, 1, own, expected};
  link_terms<deployment> down{link_end::downstream, 1, own, expected};
  link_pair<T, Cipher> both;
  auto dials = [&]() -> asio::awaitable<void> {
    std::string where = "downstream";
    const double start = thread_microseconds();
    both.upstream = co_await establish<link_type>(std::move(*raw.upstream), up, std::move(where));
    both.upstream_microseconds = thread_microseconds() - start;
  };
  auto answers = [&]() -> asio::awaitable<void> {
    std::string where = "upstream";
    const double start = thread_microseconds();
    both.downstream =
        co_await establish<link_type>(std::move(*raw.downstream), down, std::move(where));
    both.downstream_microseconds = thread_microseconds() - start;
  };
  ends.run(dials(), answers());
  return both;
}

message_header activation(std::size_t size) {
  message_header header;
  header.kind = message_kind::activation;
  header.dtype = message_dtype::f32;
  header.rank = 2;
  header.shape[0] = 1;
  header.shape[1] = static_cast<std::uint32_t>(size / 4);
  header.payload_size = size;
  return header;
}

/// A link, a bare connection and TLS behave alike here: send so many bytes, receive as many.
template <class Link>
class sealed {
 public:
  explicit sealed(Link* l) : link_(l) {}
  asio::awaitable<void> send(std::size_t size) {
    link_->prepare(size);
    const message_header header = activation(size);
    co_await link_->send(header);
  }
  asio::awaitable<void> receive(std::size_t) { co_await link_->receive(); }

 private:
  Link* link_;
};

template <class Stream>
class plain {
 public:
  plain(Stream* stream, std::size_t size) : stream_(stream), bytes_(size) {}
  asio::awaitable<void> send(std::size_t size) {
    const asio::const_buffer from{bytes_.data(), size};
    co_await asio::async_write(*stream_, from, asio::use_awaitable);
  }
  asio::awaitable<void> receive(std::size_t size) {
    const asio::mutable_buffer into{bytes_.data(), size};
    co_await asio::async_read(*stream_, into, asio::use_awaitable);
  }

 private:
  Stream* stream_;
  std::vector<std::byte> bytes_;
};

/// Microseconds of one round trip, averaged over `times`.
template <class Up, class Down>
double round_trip(two_processes& ends, Up& up, Down& down, std::size_t size, int times) {
  double total = 0;
  auto asks = [&]() -> asio::awaitable<void> {
    const auto start = clock_type::now();
    for (int i = 0; i != times; ++i) {
      co_await up.send(size);
      co_await up.receive(size);
    }
    total = microseconds_since(start);
  };
  auto answers = [&]() -> asio::awaitable<void> {
    for (int i = 0; i != times; ++i) {
      co_await down.receive(size);
      co_await down.send(size);
    }
  };
  ends.run(asks(), answers());
  return total / times;
}

/// Gigabytes a second from one end to the other, until the last byte was received and opened.
template <class Up, class Down>
double throughput(two_processes& ends, Up& up, Down& down, std::size_t size, int times) {
  double total = 0;
  auto sends = [&]() -> asio::awaitable<void> {
    const auto start = clock_type::now();
    for (int i = 0; i != times; ++i) co_await up.send(size);
    co_await up.receive(64);  // the other end has it all
    total = microseconds_since(start);
  };
  auto receives = [&]() -> asio::awaitable<void> {
    for (int i = 0; i != times; ++i) co_await down.receive(size);
    co_await down.send(64);
  };
  ends.run(sends(), receives());
  return static_cast<double>(size) * times / total / 1e3;
}

/// Gigabytes a second that one thread seals in place, as `Cipher` does it and nothing else.
template <class Cipher>
class raw_cipher {
 public:
  explicit raw_cipher(std::size_t largest) : body_(largest) {}

  double rate(std::size_t size, int times) {
    const std::span<std::byte> body = std::span{body_}.first(size);
    const auto start = clock_type::now();
    for (int i = 0; i != times; ++i) cipher_.seal(sequence_++, header_, body, tag_);
    return static_cast<double>(size) * times / microseconds_since(start) / 1e3;
  }

 private:
  std::vector<std::byte> body_;
  std::array<std::byte, record_header_size> header_{};
  std::array<std::byte, record_tag_size> tag_{};
  Key<32> key_;
  std::array<std::byte, 12> iv_{};
  std::uint64_t sequence_ = 0;
  Cipher cipher_{key_, iv_};
};

constexpr std::array<std::size_t, 7> sizes{64,        1536,       3072,       16 * 1024,
                                           64 * 1024, 384 * 1024, 1024 * 1024};

/// One way of carrying bytes: its two ends, and what was measured of it for one size.
template <class Up, class Down>
class way {
 public:
  way(Up up, Down down) : up_(std::move(up)), down_(std::move(down)) {}

  void measure(two_processes& ends, std::size_t size, bool counts) {
    const int trips = size < 65536 ? 300 : 50;
    const int messages = static_cast<int>(std::max<std::size_t>(64'000'000 / (size + 4096), 64));
    const double microseconds = round_trip(ends, up_, down_, size, trips);
    const double rate = throughput(ends, up_, down_, size, messages);
    if (counts) trip.add(microseconds), one_way.add(rate);
  }
  void forget() { trip = one_way = {}; }

  bench::samples trip;
  bench::samples one_way;

 private:
  Up up_;
  Down down_;
};

template <class Ways>
void print_row(const char* name, const nlohmann::json& params, const char* against,
               const char* unit, const Ways& rows) {
  nlohmann::json with = params;
  with["against"] = against;
  bench::row row{"link", name, with, unit};
  rows(row);
  row.print();
}

/// Sealed, unsealed and, over TCP and with the suite that TLS has too, TLS, in the same rounds.
template <transport T, class Cipher>
void measure_sizes(bench::entrance<T>& door, two_processes& ends, int rounds, auto&&... tls) {
  connection<T> raw = connect(ends, door);
  link_pair<T, Cipher> links = shake<T, Cipher>(ends, connect(ends, door), nullptr);
  way sealing{sealed{links.upstream.get()}, sealed{links.downstream.get()}};
  way bare{plain{raw.upstream.get(), sizes.back()}, plain{raw.downstream.get(), sizes.back()}};
  raw_cipher<Cipher> alone{sizes.back()};
  for (const std::size_t size : sizes) {
    bench::samples floor;
    sealing.forget(), bare.forget(), (tls.forget(), ...);
    for (int i = -1; i != rounds; ++i) {  // the first round warms up
      sealing.measure(ends, size, i >= 0);
      bare.measure(ends, size, i >= 0);
      (tls.measure(ends, size, i >= 0), ...);
      if (!ends.is_upstream()) continue;
      const double rate = alone.rate(size, static_cast<int>(16'000'000 / (size + 512)));
      if (i >= 0) floor.add(rate);
    }
    if (!ends.is_upstream()) continue;
    const nlohmann::json params{{"bytes", size}, {"cipher", Cipher::name}, {"transport", T::name}};
    const auto print = [&](const char* against, const auto& other) {
      print_row("round trip", params, against, "us",
                [&](bench::row& r) { r.value(sealing.trip).peer(sealing.trip, other.trip); });
      print_row("one-way", params, against, "GB/s", [&](bench::row& r) {
        r.value(sealing.one_way).floor(sealing.one_way, floor);
        r.peer(sealing.one_way, other.one_way);
      });
    };
    print("unsealed", bare);
    (print("tls 1.3", tls), ...);
  }
}

/// Wall time of a handshake, and the processor time of each end.
class handshake_times {
 public:
  void add(double wall, double upstream, double downstream) {
    wall_.add(wall), upstream_.add(upstream), downstream_.add(downstream);
  }
  void print(const nlohmann::json& params, const handshake_times* peer) const {
    const auto row = [&](const char* name, bench::samples handshake_times::*which) {
      bench::row r{"link", name, params, "us"};
      r.value(this->*which);
      if (peer != nullptr) r.peer(this->*which, peer->*which);
      r.print();
    };
    row("handshake", &handshake_times::wall_);
    row("handshake, CPU upstream", &handshake_times::upstream_);
    row("handshake, CPU downstream", &handshake_times::downstream_);
  }

 private:
  bench::samples wall_, upstream_, downstream_;
};

#ifdef BENCH_TLS
using tls_setup = bench::tls_peer;

struct tls_pair {
  std::unique_ptr<bench::tls_peer::stream> upstream;
  std::unique_ptr<bench::tls_peer::stream> downstream;
  double upstream_microseconds = 0;
  double downstream_microseconds = 0;
};

template <class Ends>
tls_pair shake_tls(Ends& ends, bench::tls_peer& tls, connection<Tcp> raw) {
  using stream = bench::tls_peer::stream;
  tls_pair both;
  auto dials = [&]() -> asio::awaitable<void> {
    const double start = thread_microseconds();
    both.upstream = std::make_unique<stream>(std::move(*raw.upstream), tls.context());
    co_await both.upstream->async_handshake(stream::client, asio::use_awaitable);
    both.upstream_microseconds = thread_microseconds() - start;
  };
  auto answers = [&]() -> asio::awaitable<void> {
    const double start = thread_microseconds();
    both.downstream = std::make_unique<stream>(std::move(*raw.downstream), tls.context());
    co_await both.downstream->async_handshake(stream::server, asio::use_awaitable);
    both.downstream_microseconds = thread_microseconds() - start;
  };
  ends.run(dials(), answers());
  return both;
}
#else
struct tls_setup {};
#endif

template <class Cipher>
void measure_handshakes(int rounds) {
  two_threads ends;
  auto door = ends.open<Tcp>("tcp:127.0.0.1:0");
  const auto own = std::make_shared<const insecure::Mock>();
  handshake_times without, with, tls;
  [[maybe_unused]] tls_setup peer;
  for (int i = -5; i != rounds; ++i) {
    const auto time = [&](handshake_times& into, auto shake_hands) {
      connection<Tcp> raw = connect(ends, door);
      const auto start = clock_type::now();
      const auto pair = shake_hands(std::move(raw));
      const double wall = microseconds_since(start);
      if (i >= 0) into.add(wall, pair.upstream_microseconds, pair.downstream_microseconds);
    };
    time(without, [&](auto raw) { return shake<Tcp, Cipher>(ends, std::move(raw), nullptr); });
    time(with, [&](auto raw) { return shake<Tcp, Cipher>(ends, std::move(raw), own); });
#ifdef BENCH_TLS
    time(tls, [&](auto raw) { return shake_tls(ends, peer, std::move(raw)); });
#endif
  }
  nlohmann::json params{{"cipher", Cipher::name}, {"transport", "tcp"}, {"evidence", "none"}};
  without.print(params, nullptr);
  params["evidence"] = "mock, both ways";
#ifdef BENCH_TLS
  params["against"] = "tls 1.3, certificates both ways";
  with.print(params, &tls);
#else
  with.print(params, nullptr);
#endif
}

void measure_all_sizes(two_processes& ends, int rounds, [[maybe_unused]] tls_setup& peer) {
  auto tcp = ends.open<Tcp>("tcp:127.0.0.1:0");
  const std::string path = "unix:" + (std::filesystem::temp_directory_path() /
                                      ("enfilade-bench-" + std::to_string(::getpid())))
                                         .string();
  auto local = ends.open<Unix>(path.c_str());
#ifdef BENCH_TLS
  const tls_pair pair = shake_tls(ends, peer, connect(ends, tcp));
  way tls{plain{pair.upstream.get(), sizes.back()}, plain{pair.downstream.get(), sizes.back()}};
  measure_sizes<Tcp, AesGcm>(tcp, ends, rounds, tls);
#else
  measure_sizes<Tcp, AesGcm>(tcp, ends, rounds);
#endif
  measure_sizes<Unix, AesGcm>(local, ends, rounds);
  measure_sizes<Tcp, ChaChaPoly>(tcp, ends, rounds);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 9;
  measure_handshakes<AesGcm>(rounds * 20);
  tls_setup tls;  // before the processes part: both show the same certificate
  two_processes::run_both([&](two_processes& ends) { measure_all_sizes(ends, rounds, tls); });
}
