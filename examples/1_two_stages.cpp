// SPDX-License-Identifier: Apache-2.0

// Two stages in one process: the shape that every other example spreads over processes and machines.
//
// Shows:  a pipeline, its model and its policies as one type; asking it, token by token.
// Run:    build/dev/examples/1_two_stages models/atlas "The capital of France is"
// Prints: The capital of France is Paris
// Next:   2_two_processes/ gives each stage a process of its own.

#include <enfilade/enfilade.hpp>
#include <enfilade/run/local_pipeline.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <string>

//[topology
using namespace enfilade;

using Topology = Pipeline<Embed<Layers<0, 6>>, Relay<Loopback>, Layers<6, 12>, LmHead>;
using Split = Topology::of<Atlas>::with<AesGcm, insecure::Mock, CpuF32>;

static_assert(Split::stage_count == 2);
static_assert(std::same_as<Split::stage<0>::output, Hidden<96>>);
//]

//[ask
asio::awaitable<void> complete(const local_pipeline<Split>& rooms, std::string prompt) {
  auto model = co_await rooms.dial();
  std::cout << prompt;
  request question{prompt, 8};
  co_await model.ask(std::move(question));
  while (auto token = co_await model.next()) std::cout << token->text << std::flush;
  std::cout << '\n';
  co_await model.close();
}
//]

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "models/atlas";
  const std::string prompt = argc > 2 ? argv[2] : "The capital of France is";
  asio::io_context io{1};
  try {
    //[rooms
    const local_pipeline<Split> rooms{io.get_executor(), directory};
    asio::co_spawn(io, complete(rooms, prompt), [&io](std::exception_ptr error) {
      io.stop();
      if (error) std::rethrow_exception(error);
    });
    io.run();
    //]
  } catch (const std::exception& error) {
    say("1_two_stages", describe(error));
    return exit_code_of(error);
  }
}
