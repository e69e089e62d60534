// SPDX-License-Identifier: Apache-2.0

// A model of one's own: a struct of numbers, outside the library, and nothing else to register.
//
// Shows:  what a model says of itself; that a directory of another shape is refused by name.
// Run:    build/dev/examples/5_own_model models/atlas
// Prints: the capital of Spain, and then: model.config_mismatch
// Next:   hostile_host.cpp shows what the machine between the stages can do, and cannot.

#include <enfilade/enfilade.hpp>
#include <enfilade/run/local_pipeline.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

using namespace enfilade;

//[model
struct Mine {
  using architecture = Gpt2;
  static constexpr std::string_view name = "mine";
  static constexpr std::size_t layers = 12;
  static constexpr std::size_t hidden = 96;
  static constexpr std::size_t heads = 6;
  static constexpr std::size_t vocab = 2048;
  static constexpr std::size_t context = 256;
  static constexpr std::size_t intermediate = 4 * hidden;
  static constexpr float layer_norm_epsilon = 1e-5F;
};

using Topology = Pipeline<Embed<Layers<0, 12>>, LmHead>;
using OneRoom = Topology::of<Mine>::with<ChaChaPoly, insecure::Mock, CpuF32, Loopback>;
//]

// The same, but twice as wide as the weights that it will be given.
struct TooWide : Mine {
  static constexpr std::string_view name = "too-wide";
  static constexpr std::size_t hidden = 192;
};

using Misfit = Topology::of<TooWide>::with<ChaChaPoly, insecure::Mock, CpuF32, Loopback>;

asio::awaitable<void> complete(const local_pipeline<OneRoom>& rooms, std::string prompt) {
  auto model = co_await rooms.dial();
  std::cout << prompt;
  request question{prompt, 4};
  co_await model.ask(std::move(question));
  while (auto token = co_await model.next()) std::cout << token->text;
  std::cout << '\n';
  co_await model.close();
}

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "models/atlas";
  asio::io_context io{1};
  try {
    const local_pipeline<OneRoom> rooms{io.get_executor(), directory};
    asio::co_spawn(io, complete(rooms, "The capital of Spain is"), [&io](std::exception_ptr error) {
      io.stop();
      if (error) std::rethrow_exception(error);
    });
    io.run();
  } catch (const std::exception& error) {
    say("5_own_model", describe(error));
    return exit_code_of(error);
  }
  try {
    const local_pipeline<Misfit> rooms{io.get_executor(), directory};
  } catch (const failure& refused) {
    std::cout << cause_of(refused) << ": " << refused.where() << '\n';
  }
}
