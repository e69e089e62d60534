// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/run_client.hpp>

#include <enfilade/run/accept_loop.hpp>
#include <enfilade/run/stage_files.hpp>
#include <enfilade/run/stage_server.hpp>
#include <enfilade/transport/tcp.hpp>

#include "letters.hpp"
#include "support/captured.hpp"
#include "support/test_data.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;

using Split = Pipeline<Embed<Layers<0, 1>>, Relay<Tcp>, Layers<1, 3>,
                       LmHead>::of<test::Letters>::with<AesGcm, insecure::Mock, Reference>;
using Whole = Pipeline<Embed<Layers<0, 3>>, LmHead>::of<test::Letters>::with<AesGcm, insecure::Mock,
                                                                             Reference>;

/// What the client program says and how it ends.
template <class Deployment>
struct ended {
  explicit ended(std::vector<std::string> words) {
    words.insert(words.begin(), "client");
    std::vector<const char*> argv;
    for (const std::string& word : words) argv.push_back(word.c_str());
    const test::captured on_stdout{stdout};
    const test::captured on_stderr{stderr};
    code = run_client<Deployment>(static_cast<int>(argv.size()), argv.data());
    out = on_stdout.text();
    err = on_stderr.text();
  }

  /// The one line of an error; the stage, in the same process, may say one of its own.
  bool refused(int expected, const std::string& beginning) const {
    std::vector<std::string> own;
    std::istringstream lines{err};
    for (std::string line; std::getline(lines, line);)
      if (!line.starts_with("stage 0: ")) own.push_back(line);
    const bool right = code == expected && own.size() == 1 && own[0].starts_with(beginning);
    if (!right) MESSAGE(code << ": " << err);
    return right;
  }

  int code;
  std::string out;
  std::string err;
};

std::string in_file(const std::string& roles) {
  return R"({"enfilade": "expectations/1", "roles": {)" + roles + "}}";
}

/// The only stage of `Whole` on a thread of its own, and an expectations file that pins it.
class serving {
 public:
  using stage_type = Whole::stage<0>;

  explicit serving(const expectations& of_client = expectations::anyone()) {
    const asio::any_io_executor executor = io_.get_executor();
    stage_engine<stage_type> engine{stage_engine<stage_type>::model_type::load(test::letters())};
    std::optional<tokenizer> text = load_tokenizer(test::letters());
    const auto own = own_attester(engine, text, expectations{});
    expect(R"("stage 0": )" + expectations::describe(*measure(*own)));
    stage_ = make_stage<stage_type>(executor, std::move(engine), std::move(text), own, of_client);
    loop_.emplace(executor, door_, *stage_, "stage 0");
    asio::co_spawn(io_, loop_->run(), asio::detached);
    running_ = std::thread{[this] { io_.run(); }};
  }
  ~serving() {
    io_.stop();
    running_.join();
  }

  void expect(const std::string& roles) const { test::write_file(file(), in_file(roles)); }

  std::string address() const { return Tcp::format(door_.local()); }
  std::string file() const { return folder_.path() / "expectations.json"; }
  std::string json() const { return folder_.path() / "report.json"; }

  /// A question to this stage.
  ended<Whole> ask(const std::string& prompt, std::vector<std::string> more = {}) const {
    std::vector<std::string> words{"--connect", address(), "--expect", file(), "--prompt", prompt};
    words.insert(words.end(), more.begin(), more.end());
    return ended<Whole>{std::move(words)};
  }

 private:
  test::temporary_directory folder_;
  asio::io_context io_{1};
  Tcp::listener door_{io_.get_executor(), Tcp::endpoint{"127.0.0.1", 0}};
  std::unique_ptr<stage_server<stage_type>> stage_;
  std::optional<accept_loop<Tcp::listener, stage_server<stage_type>>> loop_;
  std::thread running_;
};

/// Both stages of `Split`, which pin each other, on a thread of their own.
class two_serving {
 public:
  using first = Split::stage<0>;
  using last = Split::stage<1>;

  two_serving() {
    const asio::any_io_executor executor = io_.get_executor();
    stage_engine<last> below{stage_engine<last>::model_type::load(test::letters())};
    stage_engine<first> above{stage_engine<first>::model_type::load(test::letters())};
    std::optional<tokenizer> text = load_tokenizer(test::letters());
    const std::optional<tokenizer> none;
    const auto own_below = own_attester(below, none, expectations{});
    const claims measured = *measure(*own_below);
    const expectations of_below =
        *expectations::pinned(std::string{measured.attester}, measured.values);
    const auto own_above = own_attester(above, text, of_below);
    stage_0 = R"("stage 0": )" + expectations::describe(*measure(*own_above));
    stage_1 = R"("stage 1": )" + expectations::describe(measured);
    last_ = make_stage<last>(executor, std::move(below), std::nullopt, own_below,
                             expectations::anyone());
    first_ = make_stage<first>(executor, std::move(above), std::move(text), own_above,
                               expectations::anyone());
    set_next<first>(executor, *first_, last_door_.local(), own_above, of_below);
    last_loop_.emplace(executor, last_door_, *last_, "stage 1");
    first_loop_.emplace(executor, first_door_, *first_, "stage 0");
    asio::co_spawn(io_, last_loop_->run(), asio::detached);
    asio::co_spawn(io_, first_loop_->run(), asio::detached);
    running_ = std::thread{[this] { io_.run(); }};
  }
  ~two_serving() {
    io_.stop();
    running_.join();
  }

  /// A question by a client that expects `roles`.
  ended<Split> ask(const std::string& roles, std::vector<std::string> more = {}) const {
    const std::string file = folder_.path() / "expectations.json";
    test::write_file(file, in_file(roles));
    std::vector<std::string> words{"--connect",    Tcp::format(first_door_.local()),
                                   "--expect",     file,
                                   "--prompt",     "Once",
                                   "--max-tokens", "3",
                                   "--json",       json()};
    words.insert(words.end(), more.begin(), more.end());
    return ended<Split>{std::move(words)};
  }

  /// A client that asks nothing.
  ended<Split> look(const std::string& roles, std::vector<std::string> more) const {
    const std::string file = folder_.path() / "expectations.json";
    test::write_file(file, in_file(roles));
    std::vector<std::string> words{"--connect", Tcp::format(first_door_.local()), "--expect", file};
    words.insert(words.end(), more.begin(), more.end());
    return ended<Split>{std::move(words)};
  }

  std::string json() const { return folder_.path() / "report.json"; }

  std::string stage_0, stage_1;  // as they are

 private:
  test::temporary_directory folder_;
  asio::io_context io_{1};
  Tcp::listener first_door_{io_.get_executor(), Tcp::endpoint{"127.0.0.1", 0}};
  Tcp::listener last_door_{io_.get_executor(), Tcp::endpoint{"127.0.0.1", 0}};
  std::unique_ptr<stage_server<first>> first_;
  std::unique_ptr<stage_server<last>> last_;
  std::optional<accept_loop<Tcp::listener, stage_server<first>>> first_loop_;
  std::optional<accept_loop<Tcp::listener, stage_server<last>>> last_loop_;
  std::thread running_;
};

TEST_SUITE("run/run_client, the rooms behind stage 0") {
  TEST_CASE("every room of which the file says anything proves itself before the prompt is sent") {
    const two_serving stages;
    const auto rooms_of = [&](const ended<Split>& client) {
      CHECK(client.code == 0);
      CHECK(client.err == "");
      std::ifstream file{stages.json()};
      return nlohmann::json::parse(file)["rooms"];
    };
    const ended<Split> both = stages.ask(stages.stage_0 + ", " + stages.stage_1);
    const nlohmann::json rooms = rooms_of(both);
    CHECK(both.out.find("rooms verified             stage 0, 1\n") != std::string::npos);
    REQUIRE(rooms.size() == 2);
    CHECK(rooms[1]["stage"] == 1);
    CHECK(rooms[1]["registers"].contains("weights"));
    CHECK(rooms[1].contains("made_at"));
    CHECK(rooms_of(stages.ask(stages.stage_0)).size() == 1);
    CHECK(rooms_of(stages.ask(stages.stage_0 + R"(, "stage 1": "anyone")")).size() == 1);
    CHECK(rooms_of(stages.ask(R"("stage 0": "anyone")")).empty());
  }

  TEST_CASE("a client keeps the evidence of all rooms, and needs no prompt for that") {
    const two_serving stages;
    const test::temporary_directory folder;
    const std::string kept = (folder.path() / "kept").string();
    const ended<Split> first = stages.look(R"("stage 0": "anyone")", {"--evidence", kept});
    CHECK(first.code == 0);
    CHECK(first.err == "");
    CHECK(first.out == "");
    for (const std::string stage : {"stage0", "stage1"}) {
      const std::string evidence = test::read_file(kept + "/" + stage + ".evidence");
      const std::string nonce = test::read_file(kept + "/" + stage + ".nonce");
      REQUIRE(nonce.size() == 129);
      const auto data = detail::from_hex(nonce.substr(0, 128));
      REQUIRE(data.has_value());
      const auto found = insecure::Mock::verify(detail::bytes_of(evidence),
                                                std::span<const std::byte>{*data}.first<64>());
      REQUIRE(found.has_value());
      const std::string entry = expectations::describe(*found);
      CHECK((stages.stage_0 + stages.stage_1).find(entry) != std::string::npos);
    }
    const ended<Split> asked =
        stages.ask(stages.stage_0 + ", " + stages.stage_1, {"--evidence", kept});
    CHECK(asked.code == 0);
    CHECK(asked.out.find("rooms verified") != std::string::npos);
    const ended<Split> nowhere =
        stages.look(R"("stage 0": "anyone")", {"--evidence", "/dev/null/folder"});
    CHECK(nowhere.refused(64, "client: usage: /dev/null/folder cannot be made: "));
  }

  TEST_CASE("a client proves itself where it must, if it is told to") {
    const serving stage{
        *expectations::pinned("mock", {{"plan", Measurement{Whole::plan_digest()}}})};
    CHECK(stage.ask("Once", {"--attest", "--max-tokens", "1"}).code == 0);
    CHECK(stage.ask("Once").code != 0);
    const serving another{
        *expectations::pinned("mock", {{"plan", Measurement{Split::plan_digest()}}})};
    CHECK(another.ask("Once", {"--attest"}).code != 0);
  }

  TEST_CASE("another room than expected is refused, and hears no prompt; stage 0 hears a goodbye") {
    const two_serving stages;
    const ended<Split> refused = stages.ask(
        stages.stage_0 + R"(, "stage 1": {"attester": "mock", "registers": {"weights": "00"}})");
    CHECK(refused.refused(
        10, "client: attest.measurement_mismatch: stage 1: weights: expected 00, found "));
    CHECK(refused.out.empty());
    CHECK(refused.err.find("stage 0: ") == std::string::npos);
    CHECK(stages.ask(stages.stage_0 + ", " + stages.stage_1).code == 0);
  }
}

TEST_SUITE("run/run_client") {
  TEST_CASE("the answer is streamed after its prompt, and the figures follow") {
    const serving stage;
    const ended<Whole> client =
        stage.ask("Once upon", {"--max-tokens", "9", "--json", stage.json()});
    CHECK(client.code == 0);
    CHECK(client.err.empty());
    CHECK(client.out.starts_with("Once upon"));
    for (const char* row :
         {"rooms verified             stage 0", "init time", "time to first token",
          "ms/token average", "ms/token p50", "ms/token p95", "ms/token p99", "tokens/s",
          "share of a token in links", "(9 tokens, of which 8 are"})
      CHECK_MESSAGE(client.out.find(row) != std::string::npos, row);

    std::ifstream file{stage.json()};
    const nlohmann::json report = nlohmann::json::parse(file);
    CHECK(report["tokens"].size() == 9);
    CHECK(report["model"] == "letters");
    CHECK(report["stages"] == 1);
    CHECK(report["plan"] == std::string{Whole::plan()});
    CHECK(report["finished"] == "length");
    CHECK(client.out.find("Once upon" + report["text"].get<std::string>() + "\n") == 0);
  }

  TEST_CASE("the same question has the same answer, and 32 tokens where no number is given") {
    const serving stage;
    const std::string first = stage.ask("Once", {"--json", stage.json()}).out;
    CHECK(first.find("(32 tokens, of which 31 are") != std::string::npos);
    const std::string second = stage.ask("Once").out;
    CHECK(first.substr(0, first.find("init time")) == second.substr(0, second.find("init time")));
  }

  TEST_CASE("a prompt may come from a file, which other users of the machine cannot read") {
    const serving stage;
    const std::string direct = stage.ask("Once upon", {"--max-tokens", "5"}).out;
    test::write_file(stage.json(), "Once upon");
    const ended<Whole> from_file({"--connect", stage.address(), "--expect", stage.file(),
                                  "--prompt-file", stage.json(), "--max-tokens", "5"});
    CHECK(from_file.code == 0);
    CHECK(from_file.out.substr(0, 20) == direct.substr(0, 20));
  }

  TEST_CASE("a request that is refused is one line on stderr, and no figures") {
    const serving stage;
    CHECK(stage.ask("").refused(64, "client: request.empty: prompt: "));
    CHECK(stage.ask("caf\xe9").refused(64, "client: request.not_text: prompt: "));
    CHECK(stage.ask("Once", {"--max-tokens", "999"}).refused(64, "client: request.too_long: "));
    const ended<Whole> refused = stage.ask("Once", {"--max-tokens", "999"});
    CHECK_MESSAGE(refused.out == "Once\n", "the line that was begun is ended");
    CHECK_MESSAGE(refused.err.find("stage 0: ") == std::string::npos, "the client said goodbye");
  }

  TEST_CASE("another stage than expected is refused before it hears the prompt") {
    const serving stage;
    stage.expect(R"("stage 0": {"attester": "mock", "registers": {"weights": "00"}})");
    const ended<Whole> refused = stage.ask("Once");
    CHECK(refused.refused(10, "client: attest.measurement_mismatch: stage 0 at " + stage.address() +
                                  ": weights: expected 00, found "));
    CHECK(refused.out.empty());
  }

  TEST_CASE("a report that cannot be written is an error, after the answer was shown") {
    const serving stage;
    const ended<Whole> client = stage.ask("Once", {"--json", "/nowhere/report.json"});
    CHECK(client.refused(64, "client: usage: --json /nowhere/report.json cannot be written"));
    CHECK(client.out.find("tokens/s") != std::string::npos);
  }

  TEST_CASE("what is missing or wrong on the command line is named") {
    using client = ended<Whole>;
    CHECK(client({}).refused(64, "client: usage: --connect is missing"));
    CHECK(
        client({"--connect", "tcp:127.0.0.1:1"}).refused(64, "client: usage: --prompt is missing"));
    const std::vector<std::string> words{"--connect", "tcp:127.0.0.1:1", "--prompt", "x"};
    const auto with = [&](std::vector<std::string> more) {
      more.insert(more.begin(), words.begin(), words.end());
      return client{std::move(more)};
    };
    CHECK(with({}).refused(64, "client: usage: --expect is missing"));
    CHECK(with({"--max-tokens", "0"}).refused(64, "client: usage: --max-tokens takes "));
    CHECK(with({"--prompt-file", "-"}).refused(64, "client: usage: --prompt and --prompt-file"));
    CHECK(with({"--expect", "/nowhere.json"})
              .refused(30, "client: attest.expectations_invalid: /nowhere.json: "));
    CHECK(client({"--connect", "x", "--prompt-file", "/nowhere"})
              .refused(64, "client: usage: --prompt-file /nowhere cannot be read"));
  }

  TEST_CASE("nobody at the address, and what is no address, are named") {
    const serving stage;
    const auto at = [&](const std::string& address) {
      return ended<Whole>{{"--connect", address, "--prompt", "x", "--expect", stage.file()}};
    };
    CHECK(at("tcp:127.0.0.1:1").refused(69, "client: transport.unreachable: tcp:127.0.0.1:1: "));
    CHECK(at("unix:/run/x").refused(64, "client: transport.address_invalid: unix:/run/x: "));
  }

  TEST_CASE("a role that the file does not pin is not trusted") {
    const serving stage;
    stage.expect(R"("client": "anyone")");
    CHECK(stage.ask("x").refused(
        10, "client: attest.expectations_empty: " + stage.file() + ": stage 0: "));
  }
}

}  // namespace
