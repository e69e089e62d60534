// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/run_client.hpp>

#include <enfilade/run/accept_loop.hpp>
#include <enfilade/run/stage_files.hpp>
#include <enfilade/run/stage_server.hpp>
#include <enfilade/transport/tcp.hpp>

#include "letters.hpp"
#include "support/captured.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;

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

/// The only stage of `Whole` on a thread of its own, and an expectations file that pins it.
class serving {
 public:
  using stage_type = Whole::stage<0>;

  serving() {
    const asio::any_io_executor executor = io_.get_executor();
    stage_engine<stage_type> engine{stage_engine<stage_type>::model_type::load(test::letters())};
    std::optional<tokenizer> text = load_tokenizer(test::letters());
    const auto own = own_attester(engine, text, expectations{});
    expect(R"("stage 0": )" + expectations::describe(*measure(*own)));
    stage_ = make_stage<stage_type>(executor, std::move(engine), std::move(text), own,
                                    expectations::anyone());
    loop_.emplace(executor, door_, *stage_, "stage 0");
    asio::co_spawn(io_, loop_->run(), asio::detached);
    running_ = std::thread{[this] { io_.run(); }};
  }
  ~serving() {
    io_.stop();
    running_.join();
  }

  void expect(const std::string& roles) const {
    test::write_file(file(), R"({"enfilade": "expectations/1", "roles": {)" + roles + "}}");
  }

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

TEST_SUITE("run/run_client") {
  TEST_CASE("the answer is streamed after its prompt, and the figures follow") {
    const serving stage;
    const ended<Whole> client =
        stage.ask("Once upon", {"--max-tokens", "9", "--json", stage.json()});
    CHECK(client.code == 0);
    CHECK(client.err.empty());
    CHECK(client.out.starts_with("Once upon"));
    for (const char* row :
         {"init time", "time to first token", "ms/token average", "ms/token p50", "ms/token p95",
          "ms/token p99", "tokens/s", "share of a token in links", "(9 tokens, of which 8 are"})
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
