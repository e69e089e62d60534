// SPDX-License-Identifier: Apache-2.0

// One end of a link over TCP, for a peer that is not ours: tests/integration/wire_peer.py lets it
// meet the independent implementation of tests/python/efl1_peer.py, and its command line and its
// answer are made like those of that program. With --serve it meets one peer after another and says
// of each how it ended, which is what tests/integration/malicious_peer.py asks.

#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/cipher/padded.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/run/establish.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/run/link_limits.hpp>
#include <enfilade/run/options.hpp>
#include <enfilade/run/program.hpp>
#include <enfilade/transport/tcp.hpp>
#include <enfilade/wire/room_evidence.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <span>
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

/// Whatever comes goes back, until the peer says that nothing follows. Entries of rooms are read, as
/// a client reads them.
template <class Link>
asio::awaitable<void> echo(Link& link, outcome& seen) {
  while (const std::optional<message> heard = co_await link.receive()) {
    if (heard->header.kind == message_kind::room_evidence)
      if (const auto rooms = read_rooms(heard->payload, 1); !rooms)
        throw failure(rooms.error(), "rooms");
    const std::span<std::byte> room = link.prepare(heard->payload.size());
    std::ranges::copy(heard->payload, room.begin());
    co_await link.send(heard->header);
    ++seen.messages;
  }
}

/// Messages of every kind of size, each of which must come back as it went.
template <class Link>
asio::awaitable<void> ask(Link& link, std::span<const std::size_t> sizes, outcome& seen) {
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

constexpr std::array<std::size_t, 6> sizes_to_ask{1, 64, 3072, 131'008, 131'072, 1'500'000};
/// The last one is cut in two, so that a peer can answer in the middle of it.
constexpr std::array<std::size_t, 3> sizes_to_ask_many{1, 3072, 200'000};

/// What this end brings to each of its links.
template <class Cipher>
struct end_of_links {
  explicit end_of_links(const options& given)
      : dials(given.has("--connect")), serves(given.has("--serve")), terms(terms_from(given)) {
    const result<Tcp::endpoint> parsed =
        Tcp::parse(given.require(dials ? "--connect" : "--listen"));
    if (!parsed) throw failure(parsed.error(), "address");
    at = *parsed;
  }

  link_terms<one_link<Cipher>> terms_from(const options& given) const {
    std::shared_ptr<const insecure::Mock> own;
    if (given.has("--registers"))
      own = std::make_shared<const insecure::Mock>(registers_from(given.require("--registers")));
    expectations wanted = expectations::anyone();
    if (const auto pins = given.find("--expect"))
      wanted = *expectations::pinned("mock", registers_from(*pins));
    link_limits limits;
    const auto milliseconds = [&](const char* name, std::chrono::nanoseconds otherwise) {
      const std::size_t given_ms = given.number(name, 0, 1, 600'000);
      return given_ms == 0 ? otherwise : std::chrono::milliseconds{given_ms};
    };
    limits.handshake = milliseconds("--handshake-limit", limits.handshake);
    limits.handshake_step = milliseconds("--step-limit", limits.handshake_step);
    limits.heartbeat = milliseconds("--heartbeat", limits.heartbeat);
    limits.silence = milliseconds("--silence", limits.silence);
    return {dials ? link_end::upstream : link_end::downstream,
            given.number("--link", 0, 0, 0xFFFFFFFF), own, std::move(wanted), limits};
  }

  std::span<const std::size_t> sizes() const noexcept {
    return serves ? std::span<const std::size_t>{sizes_to_ask_many} : sizes_to_ask;
  }

  bool dials;
  bool serves;
  link_terms<one_link<Cipher>> terms;
  Tcp::endpoint at;
};

/// One link, from its handshake to its goodbye.
template <class Cipher>
asio::awaitable<void> meet(Tcp::stream stream, const end_of_links<Cipher>& own, outcome& seen) {
  using link_type = typename one_link<Cipher>::link_type;
  link_terms<one_link<Cipher>> terms = own.terms;
  const auto link = co_await establish<link_type>(std::move(stream), std::move(terms), "peer");
  seen.transcript = detail::to_hex(link->transcript());
  if (link->peer()) seen.peer = expectations::describe(*link->peer());
  if (own.dials)
    co_await ask(*link, own.sizes(), seen);
  else
    co_await echo(*link, seen);
  co_await link->close();
}

/// How a link ended, as one line of JSON. `port` is that of the end that dialled, 0 where it was
/// gone before anybody could ask.
void report(const outcome& seen, const std::string& error, unsigned port) {
  if (!error.empty())
    std::printf("{\"ok\": false, \"error\": \"%s\"", error.c_str());
  else
    std::printf("{\"ok\": true, \"transcript\": \"%s\", \"peer\": {%s}", seen.transcript.c_str(),
                seen.peer.empty() ? "" : ("\"claims\": " + seen.peer).c_str());
  std::printf(", \"messages\": %zu, \"port\": %u}\n", seen.messages, port);
  std::fflush(stdout);
}

/// Meets the peer behind `stream` and reports; whether that went well.
template <class Cipher>
asio::awaitable<bool> meet_and_report(Tcp::stream stream, const end_of_links<Cipher>& own) {
  error_code gone;
  const auto dialler = own.dials ? stream.local_endpoint(gone) : stream.remote_endpoint(gone);
  const unsigned port = gone ? 0 : dialler.port();
  outcome seen;
  std::string error;
  try {
    co_await meet<Cipher>(std::move(stream), own, seen);
  } catch (const failure& refused) {
    error = cause_of(refused);
  } catch (const std::exception& defect) {
    error = std::string{"internal: "} + defect.what();
  }
  report(seen, error, port);
  co_return error.empty();
}

/// Dials again whenever a link has ended, until nobody answers any more.
template <class Cipher>
asio::awaitable<bool> dial_peers(const end_of_links<Cipher>& own) {
  const auto executor = co_await asio::this_coro::executor;
  bool well = true;
  do {
    std::optional<Tcp::stream> stream;
    try {
      auto connected = co_await Tcp::dial(executor, own.at);
      stream.emplace(std::move(connected));
    } catch (const failure& nobody) {
      if (own.serves && nobody.code() == errc::transport_unreachable) co_return true;
      throw;
    }
    well = co_await meet_and_report<Cipher>(*std::move(stream), own);
  } while (own.serves);
  co_return well;
}

/// Accepts one peer, or any number, all at the same time, until the process is ended.
template <class Cipher>
asio::awaitable<bool> accept_peers(const end_of_links<Cipher>& own) {
  const auto executor = co_await asio::this_coro::executor;
  Tcp::listener door{executor, own.at};
  say("link_peer", "listening at " + Tcp::format(door.local()));
  while (own.serves) {
    auto accepted = co_await door.accept();
    asio::awaitable<bool> meeting = meet_and_report<Cipher>(std::move(accepted), own);
    asio::co_spawn(executor, std::move(meeting), asio::detached);
  }
  auto accepted = co_await door.accept();
  const bool well = co_await meet_and_report<Cipher>(std::move(accepted), own);
  co_return well;
}

template <class Cipher>
int run_end(const options& given) {
  const std::vector<std::byte> plan = bytes_from(given.require("--plan"));
  auto& own_plan = one_link<Cipher>::plan;
  if (plan.size() != own_plan.size()) throw failure(errc::usage, "--plan takes 32 bytes");
  std::ranges::copy(plan, own_plan.begin());
  const end_of_links<Cipher> own{given};
  asio::io_context io{1};
  bool well = false;
  std::exception_ptr failed;
  asio::awaitable<bool> all = own.dials ? dial_peers<Cipher>(own) : accept_peers<Cipher>(own);
  asio::co_spawn(io, std::move(all), [&](std::exception_ptr error, bool good) {
    failed = error;
    well = good;
  });
  io.run();
  if (failed) std::rethrow_exception(failed);
  return well ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      "link_peer", "One end of a link over TCP.",
      {option{"--listen", "ADDR", "play the downstream end, which echoes"},
       option{"--connect", "ADDR", "play the upstream end, which asks"},
       option{"--serve", "", "meet one peer after another, a line for each"},
       option{"--plan", "HEX", "plan digest"}, option{"--link", "N", "link index (default 0)"},
       option{"--suite", "N", "1: AES-256-GCM (default), 2: ChaCha20-Poly1305"},
       option{"--padded", "", "with suite 1: messages are multiples of 4096 bytes"},
       option{"--registers", "LIST", "name=hex,...: attest this"},
       option{"--expect", "LIST", "name=hex,...: demand that"},
       option{"--handshake-limit", "MS", "how long a handshake may take"},
       option{"--step-limit", "MS", "how long one step of it may take"},
       option{"--heartbeat", "MS", "how often this end says that it is alive"},
       option{"--silence", "MS", "how long the peer may say nothing"}},
      argc, argv, [](const options& given) {
        if (given.has("--padded")) return run_end<Padded<AesGcm, 4096>>(given);
        return given.number("--suite", 1, 1, 2) == 1 ? run_end<AesGcm>(given)
                                                     : run_end<ChaChaPoly>(given);
      });
}
