// SPDX-License-Identifier: Apache-2.0

#include <enfilade/compose/plan.hpp>

#include <enfilade/detail/bytes.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/tcp.hpp>
#include <enfilade/transport/vsock.hpp>

#include <cryptopp/sha.h>
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>

namespace {

using namespace enfilade;

struct Seal {
  using policy_role = role::cipher;
  static constexpr std::string_view name = "seal";
};
struct Seal2 {
  using policy_role = role::cipher;
  static constexpr std::string_view name = "seal-2";
};
struct Vouch {
  using policy_role = role::attester;
  static constexpr std::string_view name = "vouch";
};
struct Vouch2 {
  using policy_role = role::attester;
  static constexpr std::string_view name = "vouch-2";
};
struct Multiply {
  using policy_role = role::compute;
  static constexpr std::string_view name = "multiply";
};
struct Multiply2 {
  using policy_role = role::compute;
  static constexpr std::string_view name = "multiply-2";
};

using P = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<6, 12>, LmHead>;
using Split = P::of<Gpt2Small>::with<Seal, Vouch, Multiply>;

// Known to the compiler: text and digest alike.
static_assert(Split::plan().starts_with("enfilade-plan 1\nmodel gpt2-small\n"));
constexpr auto split_digest = Split::plan_digest();

// Relays and the default door carry the names of the transports that they stand for.
static_assert(detail::name_of<Tcp> == Tcp::name);

// One fact apart from Gpt2Small each.
struct Renamed : Gpt2Small {
  static constexpr std::string_view name = "gpt2-small-tuned";
};
struct Narrow : Gpt2Small {
  static constexpr std::size_t hidden = 384;
};
struct Headed : Gpt2Small {
  static constexpr std::size_t heads = 6;
};
struct Wordy : Gpt2Small {
  static constexpr std::size_t vocab = 50304;
};
struct Long : Gpt2Small {
  static constexpr std::size_t context = 2048;
};
struct Slim : Gpt2Small {
  static constexpr std::size_t intermediate = 1536;
};
struct Coarse : Gpt2Small {
  static constexpr float layer_norm_epsilon = 1e-6F;
};

template <class D>
std::string hex() {
  constexpr std::array<std::byte, 32> digest = D::plan_digest();
  return detail::to_hex(digest);
}

TEST_SUITE("compose/plan") {
  TEST_CASE("the plan of a deployment is this text") {
    //[plan-text
    CHECK(Split::plan() ==
          "enfilade-plan 1\n"
          "model gpt2-small\n"
          "architecture gpt2\n"
          "layers 12\n"
          "hidden 768\n"
          "heads 12\n"
          "vocab 50257\n"
          "context 1024\n"
          "intermediate 3072\n"
          "layer-norm-epsilon-bits 925353388\n"
          "cipher seal\n"
          "attester vouch\n"
          "compute multiply\n"
          "door vsock\n"
          "stage 0\n"
          "part embed 0 6\n"
          "relay vsock\n"
          "stage 1\n"
          "part layers 6 12\n"
          "part lm-head\n");
    //]
  }

  TEST_CASE("the plan digest is the SHA-256 of the plan") {
    std::array<std::byte, 32> expected{};
    CryptoPP::SHA256().CalculateDigest(
        reinterpret_cast<CryptoPP::byte*>(expected.data()),
        reinterpret_cast<const CryptoPP::byte*>(Split::plan().data()), Split::plan().size());
    CHECK(detail::to_hex(split_digest) == detail::to_hex(expected));
  }

  TEST_CASE("the order of the policies does not change the plan") {
    CHECK(hex<P::of<Gpt2Small>::with<Multiply, Vouch, Seal>>() == hex<Split>());
  }

  TEST_CASE("deployments that differ in one fact have different plans") {
    using Small = P::of<Gpt2Small>;
    using Unsplit = Pipeline<Embed<Layers<0, 6>>, Layers<6, 12>, LmHead>;
    using Joined = Pipeline<Embed<Layers<0, 12>>, LmHead>;
    using Elsewhere = Pipeline<Embed<Layers<0, 7>>, Relay<Vsock>, Layers<7, 12>, LmHead>;
    using ByTcp = Pipeline<Embed<Layers<0, 6>>, Relay<Tcp>, Layers<6, 12>, LmHead>;
    const std::set<std::string> digests{
        hex<Split>(),
        hex<Small::with<Seal2, Vouch, Multiply>>(),
        hex<Small::with<Seal, Vouch2, Multiply>>(),
        hex<Small::with<Seal, Vouch, Multiply2>>(),
        hex<Small::with<Seal, Vouch, Multiply, Tcp>>(),
        hex<ByTcp::of<Gpt2Small>::with<Seal, Vouch, Multiply>>(),
        hex<ByTcp::of<Gpt2Small>::with<Seal, Vouch, Multiply, Vsock>>(),
        hex<Unsplit::of<Gpt2Small>::with<Seal, Vouch, Multiply, Vsock>>(),
        hex<Joined::of<Gpt2Small>::with<Seal, Vouch, Multiply, Vsock>>(),
        hex<Elsewhere::of<Gpt2Small>::with<Seal, Vouch, Multiply>>(),
        hex<P::of<Renamed>::with<Seal, Vouch, Multiply>>(),
        hex<P::of<Narrow>::with<Seal, Vouch, Multiply>>(),
        hex<P::of<Headed>::with<Seal, Vouch, Multiply>>(),
        hex<P::of<Wordy>::with<Seal, Vouch, Multiply>>(),
        hex<P::of<Long>::with<Seal, Vouch, Multiply>>(),
        hex<P::of<Slim>::with<Seal, Vouch, Multiply>>(),
        hex<P::of<Coarse>::with<Seal, Vouch, Multiply>>(),
    };
    CHECK(digests.size() == 17);
  }

  TEST_CASE("a transport named in with<...> is the door, and otherwise the first relay's is") {
    using Door = P::of<Gpt2Small>::with<Seal, Vouch, Multiply, Tcp>;
    CHECK(Door::plan().find("\ndoor tcp\n") != std::string_view::npos);
    CHECK(Split::plan().find("\ndoor vsock\n") != std::string_view::npos);
    using Joined = Pipeline<Embed<Layers<0, 12>>, LmHead>::of<Gpt2Small>;
    CHECK(Joined::with<Seal, Vouch, Multiply>::plan().find("\ndoor tcp\n") !=
          std::string_view::npos);
  }
}

}  // namespace
