// SPDX-License-Identifier: Apache-2.0

// One end of a link over TCP, for a peer that is not ours: tests/integration/wire_peer.py lets it
// meet the independent implementation of tests/python/efl1_peer.py, and its command line and its
// answer are made like those of that program.

#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/run/establish.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/run/options.hpp>
#include <enfilade/run/program.hpp>
#include <enfilade/transport/tcp.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;

/// As much of a deployment as a link needs; its plan comes from the command line.
template <class Cipher>
struct one_link {
  using cipher = Cipher;
  using attester = insecure::Mock;
  using link_type = enfilade::link<Tcp::stream, Cipher>;
  static inline std::array<std::byte, 32> plan{};
  static std::array<std::byte, 32> plan_digest() { return plan; }
};

std::vector<std::byte> bytes_from(const std::string& hex) {
  auto bytes = detail::from_hex(hex);
  if (!bytes) throw failure(errc::usage, "'" + hex + "' is not hexadecimal");
  return *std::move(bytes);
}

/// `name=hex,name=hex`.
registers registers_from(const std::string& text) {
  registers all;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string pair = text.substr(at, end - at);
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos) throw failure(errc::usage, "'" + pair + "' is not name=hex");
    const auto value = Measurement::from(bytes_from(pair.substr(equals + 1)));
    if (!value) throw failure(errc::usage, "'" + pair + "' is not name=hex");
    all.emplace_back(pair.substr(0, equals), *value);
    at = end + 1;
  }
  return all;
}

struct outcome {
  std::string transcript;
  std::string peer;
  std::size_t messages = 0;
};

/// Whatever comes goes back, until the peer says that nothing follows.
template <class Link>
asio::awaitable<void> echo(Link& link, outcome& seen) {
  while (const std::optional<message> heard = co_await link.receive()) {
    const std::span<std::byte> room = link.prepare(heard->payload.size());
    if (!room.empty()) std::memcpy(room.data(), heard->payload.data(), room.size());
    co_await link.send(heard->header);
    ++seen.messages;
  }
}

/// Messages of every kind of size, each of which must come back as it went.
template <class Link>
asio::awaitable<void> ask(Link& link, outcome& seen) {
  constexpr std::array<std::size_t, 6> sizes{1, 64, 3072, 131'008, 131'072, 1'500'000};
  for (const std::size_t size : sizes) {
    message_header header;
    header.kind = message_kind::generate;
    header.dtype = message_dtype::u8;
    header.rank = 1;
    header.request = ++seen.messages;
    header.value = 16;
    header.shape[0] = static_cast<std::uint32_t>(size);
    header.payload_size = size;
    std::vector<std::byte> sent(size);
    for (std::size_t i = 0; i != size; ++i) sent[i] = static_cast<std::byte>(i * 7 + size);
    std::memcpy(link.prepare(size).data(), sent.data(), size);
    co_await link.send(header);
    const std::optional<message> back = co_await link.receive();
    if (!back || !(back->header == header) || !std::ranges::equal(back->payload, sent))
      throw failure(errc::internal, "the echo differs");
  }
}

template <class Cipher>
asio::awaitable<void> meet(const options& given, outcome& seen) {
  using deployment = one_link<Cipher>;
  using link_type = typename deployment::link_type;
  const auto executor = co_await asio::this_coro::executor;
  const bool dials = given.has("--connect");
  const result<Tcp::endpoint> at = Tcp::parse(given.require(dials ? "--connect" : "--listen"));
  if (!at) throw failure(at.error(), "address");

  std::shared_ptr<const insecure::Mock> own;
  if (given.has("--registers"))
    own = std::make_shared<const insecure::Mock>(registers_from(given.require("--registers")));
  expectations wanted = expectations::anyone();
  if (const auto pins = given.find("--expect"))
    wanted = *expectations::pinned("mock", registers_from(*pins));
  link_terms<deployment> terms{dials ? link_end::upstream : link_end::downstream,
                               given.number("--link", 0, 0, 0xFFFFFFFF), own, std::move(wanted)};

  std::optional<Tcp::stream> stream;
  if (dials) {
    auto connected = co_await Tcp::dial(executor, *at);
    stream.emplace(std::move(connected));
  } else {
    Tcp::listener door{executor, *at};
    say("link_peer", "listening at " + Tcp::format(door.local()));
    auto accepted = co_await door.accept();
    stream.emplace(std::move(accepted));
  }
  const auto link = co_await establish<link_type>(*std::move(stream), std::move(terms), "peer");
  seen.transcript = detail::to_hex(link->transcript());
  if (link->peer()) seen.peer = expectations::describe(*link->peer());
  if (dials)
    co_await ask(*link, seen);
  else
    co_await echo(*link, seen);
  co_await link->close();
}

template <class Cipher>
int run_end(const options& given) {
  const std::vector<std::byte> plan = bytes_from(given.require("--plan"));
  auto& own_plan = one_link<Cipher>::plan;
  if (plan.size() != own_plan.size()) throw failure(errc::usage, "--plan takes 32 bytes");
  std::ranges::copy(plan, own_plan.begin());
  outcome seen;
  std::optional<failure> failed;
  asio::io_context io{1};
  asio::co_spawn(io, meet<Cipher>(given, seen), [&](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const failure& f) {
      failed = f;
    }
  });
  io.run();
  if (failed)
    std::printf("{\"ok\": false, \"error\": \"%s\"}\n", cause_of(*failed).c_str());
  else
    std::printf("{\"ok\": true, \"transcript\": \"%s\", \"peer\": {%s}, \"messages\": %zu}\n",
                seen.transcript.c_str(),
                seen.peer.empty() ? "" : ("\"claims\": " + seen.peer).c_str(), seen.messages);
  return failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      "link_peer", "One end of a link over TCP.",
      {option{"--listen", "ADDR", "play the downstream end, which echoes"},
       option{"--connect", "ADDR", "play the upstream end, which asks"},
       option{"--plan", "HEX", "plan digest"}, option{"--link", "N", "link index (default 0)"},
       option{"--suite", "N", "1: AES-256-GCM (default), 2: ChaCha20-Poly1305"},
       option{"--registers", "LIST", "name=hex,...: attest this"},
       option{"--expect", "LIST", "name=hex,...: demand that"}},
      argc, argv, [](const options& given) {
        return given.number("--suite", 1, 1, 2) == 1 ? run_end<AesGcm>(given)
                                                     : run_end<ChaChaPoly>(given);
      });
}
