// SPDX-License-Identifier: Apache-2.0

// The sealed link beside the same transport unsealed: handshake, round trip, one-way throughput.
// The two ends are two threads with an executor each. One line of JSON a figure (bench/run.sh link).

#include "../support/rows.hpp"

#include <enfilade/enfilade.hpp>
#include <enfilade/run/establish.hpp>
#include <enfilade/run/link.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace enfilade;
using clock_type = std::chrono::steady_clock;

namespace {

template <class Cipher>
using Plan = Pipeline<Embed<Layers<0, 6>>, Relay<Tcp>, Layers<6, 12>,
                      LmHead>::of<Gpt2Small>::with<Cipher, insecure::Mock, CpuF32>;

double microseconds_since(clock_type::time_point start) {
  return std::chrono::duration<double, std::micro>(clock_type::now() - start).count();
}

/// Two executors on two threads.
class two_threads {
 public:
  two_threads() {
    for (auto& io : ios_)
      threads_.emplace_back([&io, work = asio::make_work_guard(io)] { io.run(); });
  }
  ~two_threads() {
    for (auto& io : ios_) io.stop();
    for (auto& thread : threads_) thread.join();
  }

  /// Runs one coroutine on each thread and waits for both.
  void run(asio::awaitable<void> upstream, asio::awaitable<void> downstream) {
    auto down = asio::co_spawn(ios_[1], std::move(downstream), asio::use_future);
    auto up = asio::co_spawn(ios_[0], std::move(upstream), asio::use_future);
    up.get();
    down.get();
  }

  asio::io_context& upstream() { return ios_[0]; }
  asio::io_context& downstream() { return ios_[1]; }

 private:
  std::array<asio::io_context, 2> ios_{};
  std::vector<std::thread> threads_;
};

template <transport T>
struct connection {
  std::unique_ptr<typename T::stream> upstream;
  std::unique_ptr<typename T::stream> downstream;
};

template <transport T>
connection<T> connect(two_threads& threads, typename T::listener& door) {
  connection<T> both;
  auto dial = [&]() -> asio::awaitable<void> {
    auto stream = co_await T::dial(threads.upstream().get_executor(), door.local());
    both.upstream = std::make_unique<typename T::stream>(std::move(stream));
  };
  auto accept = [&]() -> asio::awaitable<void> {
    auto stream = co_await door.accept();
    both.downstream = std::make_unique<typename T::stream>(std::move(stream));
  };
  threads.run(dial(), accept());
  return both;
}

template <transport T, class Cipher>
struct link_pair {
  using link_type = enfilade::link<typename T::stream, Cipher>;
  std::unique_ptr<link_type> upstream;
  std::unique_ptr<link_type> downstream;
};

/// The handshake on a fresh connection; `attested` in both directions or in none.
template <transport T, class Cipher>
link_pair<T, Cipher> shake(two_threads& threads, connection<T> raw,
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
    both.upstream = co_await establish<link_type>(std::move(*raw.upstream), up, std::move(where));
  };
  auto answers = [&]() -> asio::awaitable<void> {
    std::string where = "upstream";
    both.downstream =
        co_await establish<link_type>(std::move(*raw.downstream), down, std::move(where));
  };
  threads.run(dials(), answers());
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

/// A link and a bare connection behave alike here: send so many bytes, receive as many.
template <class Link>
class sealed {
 public:
  explicit sealed(Link& l) : link_(l) {}
  asio::awaitable<void> send(std::size_t size) {
    link_.prepare(size);
    co_await link_.send(activation(size));
  }
  asio::awaitable<void> receive(std::size_t) { co_await link_.receive(); }

 private:
  Link& link_;
};

template <class Stream>
class bare {
 public:
  bare(Stream& stream, std::size_t size) : stream_(stream), bytes_(size) {}
  asio::awaitable<void> send(std::size_t size) {
    co_await asio::async_write(stream_, asio::buffer(bytes_.data(), size), asio::use_awaitable);
  }
  asio::awaitable<void> receive(std::size_t size) {
    co_await asio::async_read(stream_, asio::buffer(bytes_.data(), size), asio::use_awaitable);
  }

 private:
  Stream& stream_;
  std::vector<std::byte> bytes_;
};

/// Microseconds of one round trip, averaged over `times`.
template <class Up, class Down>
double round_trip(two_threads& threads, Up& up, Down& down, std::size_t size, int times) {
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
  threads.run(asks(), answers());
  return total / times;
}

/// Gigabytes a second from one end to the other, until the last byte was received and opened.
template <class Up, class Down>
double throughput(two_threads& threads, Up& up, Down& down, std::size_t size, int times) {
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
  threads.run(sends(), receives());
  return static_cast<double>(size) * times / total / 1e3;
}

constexpr std::array<std::size_t, 6> sizes{64, 1536, 3072, 64 * 1024, 384 * 1024, 1024 * 1024};

template <transport T, class Cipher>
void measure_sizes(two_threads& threads, typename T::listener& door, int rounds) {
  connection<T> raw = connect<T>(threads, door);
  link_pair<T, Cipher> links = shake<T, Cipher>(threads, connect<T>(threads, door), nullptr);
  bare raw_up{*raw.upstream, sizes.back()};
  bare raw_down{*raw.downstream, sizes.back()};
  sealed up{*links.upstream};
  sealed down{*links.downstream};
  for (const std::size_t size : sizes) {
    const int trips = size < 65536 ? 500 : 50;
    const int messages = static_cast<int>(std::max<std::size_t>(64'000'000 / (size + 4096), 16));
    bench::samples trip, raw_trip, rate, raw_rate;
    for (int i = -1; i != rounds; ++i) {  // the first round warms up
      const double t = round_trip(threads, up, down, size, trips);
      const double rt = round_trip(threads, raw_up, raw_down, size, trips);
      const double r = throughput(threads, up, down, size, messages);
      const double rr = throughput(threads, raw_up, raw_down, size, messages);
      if (i < 0) continue;
      trip.add(t), raw_trip.add(rt), rate.add(r), raw_rate.add(rr);
    }
    const nlohmann::json params{{"bytes", size}, {"cipher", Cipher::name}, {"transport", T::name}};
    bench::row{"link", "round trip", params, "us"}.value(trip).peer(trip, raw_trip).print();
    bench::row{"link", "one-way", params, "GB/s"}.value(rate).peer(rate, raw_rate).print();
  }
}

template <transport T, class Cipher>
void measure_handshake(two_threads& threads, typename T::listener& door, bool attested) {
  const auto own = attested ? std::make_shared<const insecure::Mock>() : nullptr;
  bench::samples time;
  for (int i = -5; i != 200; ++i) {
    connection<T> raw = connect<T>(threads, door);
    const auto start = clock_type::now();
    shake<T, Cipher>(threads, std::move(raw), own);
    if (i >= 0) time.add(microseconds_since(start));
  }
  const nlohmann::json params{{"evidence", attested ? "mock, both ways" : "none"},
                              {"cipher", Cipher::name},
                              {"transport", T::name}};
  bench::row{"link", "handshake", params, "us"}.value(time).print();
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  two_threads threads;
  // A listener waits on the executor of the thread that accepts.
  const auto accepting = threads.downstream().get_executor();
  Tcp::listener tcp{accepting, *Tcp::parse("tcp:127.0.0.1:0")};
  const std::string path =
      (std::filesystem::temp_directory_path() / ("enfilade-bench-" + std::to_string(::getpid())))
          .string();
  Unix::listener unix_door{accepting, *Unix::parse("unix:" + path)};

  measure_handshake<Tcp, AesGcm>(threads, tcp, false);
  measure_handshake<Tcp, AesGcm>(threads, tcp, true);
  measure_sizes<Tcp, AesGcm>(threads, tcp, rounds);
  measure_sizes<Unix, AesGcm>(threads, unix_door, rounds);
  measure_sizes<Tcp, ChaChaPoly>(threads, tcp, rounds);
}
