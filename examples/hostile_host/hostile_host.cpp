// SPDX-License-Identifier: Apache-2.0

// The host between two stages is hostile: it records, flips, drops, replays, reorders and cuts.
//
// Shows:  that it reads nothing (with a control that shows that the search would find something),
//         and that each thing it does is caught by name.
// Run:    build/dev/examples/hostile_host models/atlas
// Prints: two tables
// Next:   docs/design/wire_format.md says why.

#include "hostile_relay.hpp"

#include <enfilade/enfilade.hpp>
#include <enfilade/run/accept_loop.hpp>
#include <enfilade/run/stage_files.hpp>
#include <enfilade/run/stage_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace enfilade;

using Topology = Pipeline<Embed<Layers<0, 6>>, Relay<Tcp>, Layers<6, 12>, LmHead>;

template <class Cipher>
using Split = Topology::of<Atlas>::with<Cipher, insecure::Mock, CpuF32>;

const std::string prompt = "The capital of France is";

/// Serves like the stage that it wraps, and keeps the name of what ended a connection.
template <class Server>
class noting {
 public:
  explicit noting(Server& server) : server_(server) {}

  asio::awaitable<void> serve(Tcp::stream connection) {
    try {
      co_await server_.serve(std::move(connection));
    } catch (const boost::system::system_error& error) {
      if (caught.empty()) caught = cause_of(error);
    }
  }

  std::string caught;

 private:
  Server& server_;
};

/// Two stages with a hostile relay between them, and a second one between stage 0 and its clients.
template <class Cipher>
class scene {
  using deployment = Split<Cipher>;
  using first = typename deployment::template stage<0>;
  using last = typename deployment::template stage<1>;

 public:
  scene(const std::filesystem::path& model, act what)
      : here_(*Tcp::parse("tcp:127.0.0.1:0")),
        engine0_(stage_engine<first>::model_type::load(model)),
        engine1_(stage_engine<last>::model_type::load(model)),
        own1_(own_attester(engine1_, std::nullopt, expectations{})),
        own0_(own_attester(engine0_, std::nullopt, pins_of(*own1_))),
        door0_(io_.get_executor(), here_),
        door1_(io_.get_executor(), here_),
        host_door_(io_.get_executor(), here_),
        entry_door_(io_.get_executor(), here_),
        host(door1_.local(), what),
        entry(door0_.local(), act::record),
        stage0_(make_stage<first>(io_.get_executor(), std::move(engine0_), load_tokenizer(model),
                                  own0_, expectations::anyone())),
        stage1_(make_stage<last>(io_.get_executor(), std::move(engine1_), std::nullopt, own1_,
                                 pins_of(*own0_))),
        noting0_(*stage0_),
        noting1_(*stage1_) {
    set_next<first>(io_.get_executor(), *stage0_, host_door_.local(), own0_, pins_of(*own1_));
  }

  /// Two clients ask at the same time, so that a record follows the one that is tampered with.
  void play() {
    const auto executor = io_.get_executor();
    accept_loop loop0{executor, door0_, noting0_, "stage 0"};
    accept_loop loop1{executor, door1_, noting1_, "stage 1"};
    accept_loop host_loop{executor, host_door_, host, "host"};
    accept_loop entry_loop{executor, entry_door_, entry, "host"};
    asio::co_spawn(io_, loop0.run(), asio::detached);
    asio::co_spawn(io_, loop1.run(), asio::detached);
    asio::co_spawn(io_, host_loop.run(), asio::detached);
    asio::co_spawn(io_, entry_loop.run(), asio::detached);
    for (int i = 0; i != 2; ++i) {
      ++asking_;
      asio::co_spawn(io_, ask(), [this](std::exception_ptr) {
        if (--asking_ == 0) io_.stop();
      });
    }
    io_.run();
  }

  /// What stage 1 said of the link to stage 0.
  const std::string& caught() const { return noting1_.caught; }
  const std::string& answer() const { return answer_; }
  const std::string& clients_saw() const { return clients_saw_; }

 private:
  asio::awaitable<void> ask() {
    try {
      std::string address = Tcp::format(entry_door_.local());
      auto model = co_await Client<deployment>::dial(std::move(address), pins_of(*own0_));
      request question{prompt, 4};
      co_await model.ask(std::move(question));
      std::string text;
      while (auto token = co_await model.next()) text += token->text;
      answer_ = text;
      co_await model.close();
    } catch (const failure& f) {
      clients_saw_ = cause_of(f);
    }
  }

  static expectations pins_of(const insecure::Mock& own) {
    const claims measured = *measure(own);
    return *expectations::pinned(std::string{measured.attester}, measured.values);
  }

  asio::io_context io_{1};
  Tcp::endpoint here_;
  stage_engine<first> engine0_;
  stage_engine<last> engine1_;
  std::shared_ptr<const insecure::Mock> own1_;
  std::shared_ptr<const insecure::Mock> own0_;
  Tcp::listener door0_;
  Tcp::listener door1_;
  Tcp::listener host_door_;
  Tcp::listener entry_door_;

 public:
  hostile_relay host;   // between the stages
  hostile_relay entry;  // between stage 0 and its clients

 private:
  std::unique_ptr<stage_server<first>> stage0_;
  std::unique_ptr<stage_server<last>> stage1_;
  noting<stage_server<first>> noting0_;
  noting<stage_server<last>> noting1_;
  std::string answer_;
  std::string clients_saw_;
  int asking_ = 0;
};

/// The hidden state of the prompt's last token as stage 0 hands it on: what a host would love to see.
std::vector<float> true_activation(const std::filesystem::path& model) {
  using first = Split<AesGcm>::stage<0>;
  stage_engine<first> engine{stage_engine<first>::model_type::load(model)};
  const std::vector<std::uint32_t> ids = *tokenizer::load(model).encode(prompt);
  std::vector<float> hidden(ids.size() * Atlas::hidden);  // (rows, hidden)
  const auto slot = *engine.acquire();
  engine.embed(ids, 0, hidden);
  engine.run(slot, hidden, ids.size(), 0);
  return {hidden.end() - Atlas::hidden, hidden.end()};
}

template <class Cipher>
bool recorded(const std::filesystem::path& model, std::span<const float> activation) {
  scene<Cipher> played{model, act::record};
  played.play();
  const bool prompt_seen = played.entry.saw(std::as_bytes(std::span{prompt}));
  const bool activation_seen = played.host.saw(std::as_bytes(activation.first(4)));
  std::printf("  %-18s  %-6s  %-10s  %8.3f  %zu\n", std::string{Cipher::name}.c_str(),
              prompt_seen ? "read" : "hidden", activation_seen ? "read" : "hidden",
              played.host.entropy(), played.host.saw().size() + played.entry.saw().size());
  return prompt_seen || activation_seen;
}

bool tampered(const std::filesystem::path& model, const char* name, act what, errc expected) {
  scene<AesGcm> played{model, what};
  played.play();
  const bool right = played.caught() == facts_of_error(expected).name &&
                     played.clients_saw() == facts_of_error(errc::stage_lost).name;
  std::printf("  %-8s  %-20s  %-12s  %s\n", name, played.caught().c_str(),
              played.clients_saw().c_str(), right ? "as it must be" : "NOT CAUGHT");
  return right;
}

int main(int argc, char** argv) {
  const std::filesystem::path model = argc > 1 ? argv[1] : "models/atlas";
  try {
    const std::vector<float> activation = true_activation(model);
    std::printf("What the host reads of two prompts and their activations:\n\n");
    std::printf("  cipher              prompt  activation  bits/byte  bytes seen\n");
    const bool control = recorded<insecure::Plain>(model, activation);
    const bool leaked = recorded<AesGcm>(model, activation);

    std::printf("\nWhat the host does to one record, and who notices:\n\n");
    std::printf("  act       stage 1 says          clients see   verdict\n");
    bool all = true;
    all &= tampered(model, "flip", act::flip, errc::crypto_auth_failed);
    all &= tampered(model, "drop", act::drop, errc::frame_out_of_order);
    all &= tampered(model, "replay", act::replay, errc::frame_replay);
    all &= tampered(model, "reorder", act::reorder, errc::frame_out_of_order);
    all &= tampered(model, "cut", act::cut, errc::frame_truncated);
    return control && !leaked && all ? 0 : 1;
  } catch (const std::exception& error) {
    say("hostile_host", describe(error));
    return exit_code_of(error);
  }
}
