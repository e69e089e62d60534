// SPDX-License-Identifier: Apache-2.0

// Milliseconds a token of GPT-2-small shapes with generated weights: one, two and three stages, each
// stage on its own thread, sealed links between them; beside the time that it takes to read the
// weights once, measured in the same rounds. One line of JSON a figure (bench/run.sh decode).

#include "../support/rows.hpp"

#include <enfilade/enfilade.hpp>
#include <enfilade/model/checkpoint.hpp>
#include <enfilade/run/local_pipeline.hpp>
#include <tests/support/random_model.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <immintrin.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace enfilade;

namespace {

template <class Topology>
using Sealed = typename Topology::template of<Gpt2Small>::template with<AesGcm, insecure::Mock,
                                                                        CpuF32, Loopback>;
using One = Sealed<Pipeline<Embed<Layers<0, 12>>, LmHead>>;
using Two = Sealed<Pipeline<Embed<Layers<0, 6>>, Relay<Tcp>, Layers<6, 12>, LmHead>>;
using Three = Sealed<
    Pipeline<Embed<Layers<0, 4>>, Relay<Tcp>, Layers<4, 8>, Relay<Tcp>, Layers<8, 12>, LmHead>>;

/// A pipeline whose stages run on threads of their own, and a client of it.
template <class Deployment>
class running {
 public:
  explicit running(const std::filesystem::path& model) {
    typename local_pipeline<Deployment>::executors executors;
    for (std::size_t i = 0; i != executors.size(); ++i) executors[i] = ios_[i].get_executor();
    rooms_ = std::make_unique<local_pipeline<Deployment>>(executors, model);
    for (asio::io_context& io : ios_)
      threads_.emplace_back([&io, work = asio::make_work_guard(io)] { io.run(); });
    auto dialled = asio::co_spawn(client_io_, dial(), asio::use_future);
    client_io_.run();
    dialled.get();
  }
  ~running() {
    for (asio::io_context& io : ios_) io.stop();
    for (std::thread& thread : threads_) thread.join();
  }

  /// The median of the milliseconds between tokens after a prompt of `context` tokens.
  double token_ms(std::size_t context, std::size_t tokens) {
    client_io_.restart();
    auto asked = asio::co_spawn(client_io_, generate(context, tokens), asio::use_future);
    client_io_.run();
    return asked.get();
  }

 private:
  asio::awaitable<void> dial() {
    auto made = co_await rooms_->dial();
    client_ = std::make_unique<Client<Deployment>>(std::move(made));
  }

  asio::awaitable<double> generate(std::size_t context, std::size_t tokens) {
    std::vector<std::uint32_t> prompt(context);
    for (std::size_t i = 0; i != context; ++i)
      prompt[i] = static_cast<std::uint32_t>(i * 7 % 50000);
    request question{std::move(prompt), tokens};
    co_await client_->ask(std::move(question));
    bench::samples intervals;
    auto before = std::chrono::steady_clock::now();
    for (std::size_t made = 0; auto token = co_await client_->next(); ++made) {
      const auto now = std::chrono::steady_clock::now();
      if (made > 0) intervals.add(std::chrono::duration<double, std::milli>(now - before).count());
      before = now;
    }
    co_return intervals.median();
  }

  std::array<asio::io_context, Deployment::stage_count> ios_{};
  asio::io_context client_io_;
  std::unique_ptr<local_pipeline<Deployment>> rooms_;
  std::unique_ptr<Client<Deployment>> client_;
  std::vector<std::thread> threads_;
};

/// Adds up all floats of a buffer: as fast as one core reads memory.
__attribute__((target("avx2"))) float read_all(std::span<const float> values) {
  __m256 sums[8];
  for (__m256& sum : sums) sum = _mm256_setzero_ps();
  std::size_t i = 0;
  for (; i + 64 <= values.size(); i += 64)
    for (std::size_t lane = 0; lane != 8; ++lane)
      sums[lane] = _mm256_add_ps(sums[lane], _mm256_loadu_ps(values.data() + i + 8 * lane));
  float total = 0;
  for (const __m256 sum : sums) total += sum[0];
  return total;
}

/// The floor: every weight of a token read once, by one core, from memory of its own.
class weight_reader {
 public:
  weight_reader() {
    using M = Gpt2Small;
    const std::size_t block = 4 * M::hidden * M::hidden + 2 * M::hidden * M::intermediate;
    weights_.assign(M::layers * block + M::vocab * M::hidden, 0.5F);
  }
  std::size_t bytes() const { return weights_.size() * sizeof(float); }
  double read_ms() {
    const auto start = std::chrono::steady_clock::now();
    sink_ = sink_ + read_all(weights_);
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
        .count();
  }

 private:
  std::vector<float> weights_;
  volatile float sink_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 9;
  const std::filesystem::path model =
      std::filesystem::temp_directory_path() / ("enfilade-decode-" + std::to_string(::getpid()));
  test::write_random_model<Gpt2Small>(model);
  {
    running<One> one{model};
    running<Two> two{model};
    running<Three> three{model};
    weight_reader weights;
    for (const std::size_t context : {64, 512}) {
      bench::samples floor, ones, twos, threes;
      for (int i = -1; i != rounds; ++i) {  // the first round warms up
        constexpr std::size_t tokens = 16;
        bench::samples reads;
        for (int j = 0; j != 5; ++j) reads.add(weights.read_ms());
        const double a = one.token_ms(context, tokens);
        const double b = two.token_ms(context, tokens);
        const double c = three.token_ms(context, tokens);
        if (i < 0) continue;
        floor.add(reads.median()), ones.add(a), twos.add(b), threes.add(c);
      }
      auto params = [&](int stages) {
        return nlohmann::json{{"stages", stages},
                              {"context", context},
                              {"compute", "f32"},
                              {"threads per stage", 1},
                              {"MB", weights.bytes() / 1000000}};
      };
      // The peer of a split pipeline is the unsplit one.
      bench::row{"decode", "token", params(1), "ms"}.value(ones).floor(ones, floor).print();
      bench::row{"decode", "token", params(2), "ms"}
          .value(twos)
          .floor(twos, floor)
          .peer(twos, ones)
          .print();
      bench::row{"decode", "token", params(3), "ms"}
          .value(threes)
          .floor(threes, floor)
          .peer(threes, ones)
          .print();
    }
  }
  std::filesystem::remove_all(model);
}
