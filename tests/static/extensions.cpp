// SPDX-License-Identifier: Apache-2.0
//
// A part, a transport, a model and a policy that the library has never heard of. Compiling is
// passing.

#include <enfilade/pipeline.hpp>

#include "stand_ins.hpp"

#include <boost/asio/generic/stream_protocol.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace outside {

// A transport: declarations are enough to compose with it.
struct Pigeon {
  using policy_role = enfilade::role::transport;
  static constexpr std::string_view name = "pigeon";

  struct endpoint {
    endpoint() {}
    friend bool operator==(const endpoint&, const endpoint&) = default;
  };
  using stream = boost::asio::generic::stream_protocol::socket;

  static enfilade::result<endpoint> parse(std::string_view text);
  static std::string format(const endpoint& at);
  static boost::asio::awaitable<stream> dial(boost::asio::any_io_executor executor, endpoint at);

  class listener {
   public:
    listener(boost::asio::any_io_executor executor, endpoint at);
    boost::asio::awaitable<stream> accept();
    endpoint local() const;
    void close();
  };
};

struct Tiny {
  struct architecture;
  static constexpr std::string_view name = "tiny";
  static constexpr std::size_t layers = 3;
  static constexpr std::size_t hidden = 8;
  static constexpr std::size_t heads = 2;
  static constexpr std::size_t vocab = 16;
  static constexpr std::size_t context = 32;
  static constexpr std::size_t intermediate = 32;
  static constexpr float layer_norm_epsilon = 1e-5F;
};

//[own-part
// A part between others: hidden states in, hidden states out, and no layer of the model.
template <std::size_t Rank>
struct Adapter {};

// A head of another kind.
struct Scores {};

}  // namespace outside

template <>
struct enfilade::facts_of<outside::Adapter<4>> {
  static constexpr part_facts value{.name = "adapter-4"};
};

template <>
struct enfilade::facts_of<outside::Scores> {
  static constexpr part_facts value{.name = "scores", .gives = port::logits};
};
//]

namespace {

using namespace enfilade;
using namespace stand_in;
using namespace outside;

static_assert(transport<Pigeon>);
static_assert(model<Tiny>);
static_assert(part<Adapter<4>> && part<Scores> && !part<Adapter<5>>);

using Own = Pipeline<Embed<Layers<0, 2>>, Adapter<4>, Relay<Pigeon>, Layers<2, 3>, Scores>  //
    ::of<Tiny>::with<Seal, Vouch, Multiply>;

static_assert(std::same_as<Own::stage<0>::output, Hidden<8>>);
static_assert(std::same_as<Own::stage<1>::output, Logits<16>>);
static_assert(std::same_as<Own::stage<1>::upstream, Pigeon>);
static_assert(Own::stage<1>::has_head);
static_assert(Own::plan().find("\npart adapter-4\nrelay pigeon\nstage 1\n") !=
              std::string_view::npos);

// A type that is no transport is refused where `Relay` names it.
template <class T>
concept relays = requires {
  typename Relay<T>;
};
static_assert(relays<Pigeon> && !relays<Tiny> && !relays<Seal>);

}  // namespace
