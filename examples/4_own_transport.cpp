// SPDX-License-Identifier: Apache-2.0

// A transport of one's own: Tcp that counts its bytes, written outside the library.
//
// Shows:  everything that the concept `transport` asks, and how much sealing adds to a token.
// Run:    build/dev/examples/4_own_transport models/atlas
// Prints: the answer, then the bytes that went over the relay, and the bytes of each token
// Next:   5_own_model.cpp brings a model.

#include <enfilade/enfilade.hpp>
#include <enfilade/run/local_pipeline.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

using namespace enfilade;

//[transport
struct CountedTcp {
  using policy_role = role::transport;
  static constexpr std::string_view name = "counted";
  using endpoint = Tcp::endpoint;

  static inline std::size_t bytes_sent = 0;

  class stream {
   public:
    explicit stream(Tcp::stream socket) : socket_(std::move(socket)) {}

    using executor_type = Tcp::stream::executor_type;
    executor_type get_executor() { return socket_.get_executor(); }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& into, Token&& token) {
      return socket_.async_read_some(into, std::forward<Token>(token));
    }
    // Whoever writes gives all that is left, so what is asked beyond what is taken is asked again.
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& from, Token&& token) {
      bytes_sent += asio::buffer_size(from);
      return socket_.async_write_some(from, std::forward<Token>(token));
    }
    void shutdown_send() { enfilade::shutdown_send(socket_); }
    void close() { socket_.close(); }

   private:
    Tcp::stream socket_;
  };

  static result<endpoint> parse(std::string_view text) {
    if (!text.starts_with("counted:")) return errc::transport_address_invalid;
    return Tcp::parse("tcp:" + std::string{text.substr(8)});
  }
  static std::string format(const endpoint& at) { return "counted:" + Tcp::format(at).substr(4); }

  static asio::awaitable<stream> dial(asio::any_io_executor executor, endpoint peer) {
    Tcp::stream socket = co_await Tcp::dial(executor, peer);
    co_return stream{std::move(socket)};
  }

  class listener {
   public:
    listener(asio::any_io_executor executor, const endpoint& at) : door_(executor, at) {}

    asio::awaitable<stream> accept() {
      Tcp::stream socket = co_await door_.accept();
      co_return stream{std::move(socket)};
    }
    endpoint local() const { return door_.local(); }
    void close() { door_.close(); }

   private:
    Tcp::listener door_;
  };
};

static_assert(transport<CountedTcp>);

//[composed
using Topology = Pipeline<Embed<Layers<0, 6>>, Relay<CountedTcp>, Layers<6, 12>, LmHead>;
using Split = Topology::of<Atlas>::with<AesGcm, insecure::Mock, CpuF32, Loopback>;
//]
//]

asio::awaitable<void> complete(const local_pipeline<Split>& rooms, std::string prompt) {
  auto model = co_await rooms.dial();
  std::cout << prompt;
  request question{prompt, 8};
  co_await model.ask(std::move(question));
  std::size_t before = CountedTcp::bytes_sent;
  std::size_t last_token = 0;
  while (auto token = co_await model.next()) {
    std::cout << token->text;
    last_token = CountedTcp::bytes_sent - before;
    before = CountedTcp::bytes_sent;
  }
  std::cout << "\nover the relay: " << CountedTcp::bytes_sent << " bytes, handshake included; "
            << last_token << " bytes for the last token, of which "
            << Split::model::hidden * sizeof(float) << " are its hidden state\n";
  co_await model.close();
}

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "models/atlas";
  asio::io_context io{1};
  try {
    const local_pipeline<Split> rooms{io.get_executor(), directory};
    asio::co_spawn(io, complete(rooms, "The capital of Italy is"), [&io](std::exception_ptr error) {
      io.stop();
      if (error) std::rethrow_exception(error);
    });
    io.run();
  } catch (const std::exception& error) {
    say("4_own_transport", describe(error));
    return exit_code_of(error);
  }
}
