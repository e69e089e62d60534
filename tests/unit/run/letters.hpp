// SPDX-License-Identifier: Apache-2.0
#pragma once

// A model of three tiny layers whose tokens are bytes, and what a client hears of it.

#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/parts/embed.hpp>
#include <enfilade/parts/layers.hpp>
#include <enfilade/parts/lm_head.hpp>
#include <enfilade/parts/relay.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/run/client.hpp>
#include <enfilade/transport/loopback.hpp>

#include "support/random_model.hpp"
#include "support/small_tokenizer.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

using namespace enfilade;

/// Token b is the byte b; token 256 ends a text.
struct Letters {
  using architecture = Gpt2;
  static constexpr std::string_view name = "letters";
  static constexpr std::size_t layers = 3;
  static constexpr std::size_t hidden = 8;
  static constexpr std::size_t heads = 2;
  static constexpr std::size_t vocab = 257;
  static constexpr std::size_t context = 64;
  static constexpr std::size_t intermediate = 16;
  static constexpr float layer_norm_epsilon = 1e-5F;
};

template <class Topology>
using letters_of = typename Topology::template of<Letters>::template with<AesGcm, insecure::Mock,
                                                                          Reference, Loopback>;

using One = letters_of<Pipeline<Embed<Layers<0, 3>>, LmHead>>;
using Two = letters_of<Pipeline<Embed<Layers<0, 1>>, Relay<Loopback>, Layers<1, 3>, LmHead>>;
using Three = letters_of<Pipeline<Embed<Layers<0, 1>>, Relay<Loopback>, Layers<1, 2>,
                                  Relay<Loopback>, Layers<2, 3>, LmHead>>;

/// A model directory with generated weights, the same in every run. With this seed the tokens of an
/// answer differ from each other.
class letters_directory : public temporary_directory {
 public:
  explicit letters_directory(std::uint64_t seed = 8) {
    model_form form;
    form.seed = seed;
    write_random_model<Letters>(path(), form);
    write_file(path() / "tokenizer.json", small_tokenizer().dump());
  }
};

/// One for all tests of a program: they only read it.
inline const std::filesystem::path& letters() {
  static const letters_directory directory;
  return directory.path();
}

using ids = std::vector<std::uint32_t>;

/// What came of a request.
struct answer {
  ids tokens;
  std::string text;
  std::vector<std::vector<float>> logits;
  bool ended = false;
  done_reason reason = done_reason::length;
  error_code code;
  std::string where;

  /// Tokens and scores, bit for bit.
  friend bool operator==(const answer& a, const answer& b) {
    return a.tokens == b.tokens && a.text == b.text && a.logits == b.logits && a.ended == b.ended &&
           a.reason == b.reason && a.code == b.code;
  }
};

/// A question whose answer comes as scores.
inline request scored(ids prompt, std::size_t most) {
  request question{std::move(prompt), most};
  question.wants_logits = true;
  return question;
}

/// The next token of an answer into `heard`; whether there may be another.
template <class Deployment>
asio::awaitable<bool> hear_one(Client<Deployment>& model, answer& heard) {
  try {
    auto token = co_await model.next();
    if (token) {
      heard.tokens.push_back(token->id);
      heard.text += token->text;
      if (!token->logits.empty()) heard.logits.push_back(std::move(token->logits));
      co_return true;
    }
    heard.ended = true;
    heard.reason = model.finished();
  } catch (const failure& f) {
    heard.code = f.code();
    heard.where = f.where();
  }
  co_return false;
}

/// Asks over an open link and hears the answer to its end.
template <class Deployment>
asio::awaitable<void> ask(Client<Deployment>& model, request question, answer& heard) {
  co_await model.ask(std::move(question));
  bool more = true;
  while (more) more = co_await hear_one(model, heard);
}

}  // namespace test
