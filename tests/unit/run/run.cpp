// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/run.hpp>

#include <enfilade/run/client.hpp>
#include <enfilade/transport/tcp.hpp>

#include "gate.hpp"
#include "letters.hpp"
#include "support/captured.hpp"
#include "support/test_authority.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::bytes;
using test::Letters;

using Split = Pipeline<Embed<Layers<0, 1>>, Relay<Tcp>, Layers<1, 3>,
                       LmHead>::of<Letters>::with<AesGcm, insecure::Mock, Reference>;

/// The whole pipeline in one program that a test can hold up in the middle of a step.
using Held = Pipeline<Embed<Layers<0, 3>>, LmHead>::of<Letters>::with<AesGcm, insecure::Mock,
                                                                      test::Gated, Tcp>;

/// The mock on a machine whose hardware was told something else before, if a test says so.
struct Taken : insecure::Mock {
  using insecure::Mock::Mock;
  static constexpr bool takes_time = true;
  static constexpr bool takes_endorsements = true;
  static inline bool taken = false;
  static inline int prepared = 0;
  static inline std::size_t certificates = 0;  // that the last verification was given

  result<void> prepare() const {
    ++prepared;
    if (taken) return errc::attest_registers_taken;
    return {};
  }
  static judged<claims> verify(detail::byte_span evidence, report_data_view data,
                               const appraisal& terms) {
    certificates = terms.given == nullptr ? 0 : terms.given->certificates.size();
    return Mock::verify(evidence, data);
  }
};
static_assert(attester<Taken>);

using Machine =
    Pipeline<Embed<Layers<0, 3>>, LmHead>::of<Letters>::with<AesGcm, Taken, Reference, Tcp>;

/// What a stage says and how it ends; only for command lines with which it does not serve.
template <std::size_t Stage, class Deployment = Split>
struct ended {
  explicit ended(std::vector<std::string> words) {
    words.insert(words.begin(), "stage");
    std::vector<const char*> argv;
    for (const std::string& word : words) argv.push_back(word.c_str());
    const test::captured on_stdout{stdout};
    const test::captured on_stderr{stderr};
    code =
        run<typename Deployment::template stage<Stage>>(static_cast<int>(argv.size()), argv.data());
    out = on_stdout.text();
    err = on_stderr.text();
  }

  /// The one line of an error.
  bool refused(int expected, const std::string& beginning) const {
    return code == expected && out.empty() && err.starts_with(beginning) &&
           err.find('\n') == err.size() - 1;
  }

  int code;
  std::string out;
  std::string err;
};

/// Expectations of both stages, as `--measure` prints them from the last stage to the first.
struct directory : test::letters_directory {
  directory() {
    write(R"("client": "anyone")");
    std::string roles = R"("client": "anyone")";
    roles += ", " + ended<1>({"--measure", "--model", path(), "--expect", file()}).out;
    write(roles);
    roles += ", " + ended<0>({"--measure", "--model", path(), "--expect", file()}).out;
    write(roles);
  }
  std::string file() const { return path() / "expectations.json"; }
  void write(const std::string& roles) const {
    test::write_file(file(), R"({"enfilade": "expectations/1", "roles": {)" + roles + "}}");
  }
};

TEST_SUITE("run/run") {
  TEST_CASE("the help shows the deployment and the options; only the last stage has no --next") {
    const ended<0> first({"--help"});
    CHECK(first.code == 0);
    CHECK(first.err.empty());
    CHECK(first.out.find(std::string{Split::plan()}) != std::string::npos);
    for (const char* option : {"--listen ADDR", "--next ADDR", "--model DIR", "--expect FILE",
                               "--threads N", "--slots N", "--measure", "--help"})
      CHECK_MESSAGE(first.out.find(option) != std::string::npos, option);
    CHECK(ended<1>({"--help"}).out.find("--next") == std::string::npos);
  }

  TEST_CASE("what is missing or wrong on the command line is named, before any file is read") {
    const std::string nowhere = "/nowhere";
    CHECK(ended<0>({}).refused(64, "stage 0: usage: --listen is missing: "));
    CHECK(
        ended<0>({"--listen", "tcp:127.0.0.1:0"}).refused(64, "stage 0: usage: --next is missing"));
    CHECK(ended<0>({"--listen", "unix:/x"})
              .refused(64, "stage 0: transport.address_invalid: --listen unix:/x: "));
    CHECK(ended<0>({"--listen", "tcp:127.0.0.1:0", "--next", "x"})
              .refused(64, "stage 0: transport.address_invalid: --next x: "));
    CHECK(
        ended<1>({"--next", "tcp:127.0.0.1:1"}).refused(64, "stage 1: usage: '--next' is not an"));
    CHECK(ended<1>({"--listen", "tcp:127.0.0.1:0", "--model", nowhere})
              .refused(64, "stage 1: usage: --expect is missing"));
    CHECK(ended<1>({"--listen", "tcp:127.0.0.1:0", "--model", nowhere, "--expect", "/nowhere.json"})
              .refused(30, "stage 1: attest.expectations_invalid: /nowhere.json: "));
  }

  TEST_CASE("a stage measures itself, in the words of an expectations file") {
    const directory model;
    const ended<1> measured({"--measure", "--model", model.path(), "--expect", model.file()});
    CHECK(measured.code == 0);
    CHECK(measured.err.empty());
    CHECK(measured.out.starts_with(R"("stage 1": {"attester": "mock", "registers": {)"));
    std::string complaint;
    const auto parsed = expectations_file::parse(
        R"({"enfilade": "expectations/1", "roles": {)" + measured.out + "}}", &complaint);
    CHECK_MESSAGE(parsed.has_value(), complaint);
    CHECK(ended<1>({"--measure", "--model", model.path(), "--expect", model.file()}).out ==
          measured.out);
  }

  TEST_CASE("a stage that would trust nobody in particular says which role is not pinned") {
    const directory model;
    model.write(R"("client": "anyone")");
    const std::vector<std::string> words{"--listen",        "tcp:127.0.0.1:0", "--next",
                                         "tcp:127.0.0.1:1", "--model",         model.path(),
                                         "--expect",        model.file()};
    CHECK(ended<0>(words).refused(
        10, "stage 0: attest.expectations_empty: " + model.file() + ": stage 1: "));
  }

  TEST_CASE("where the hardware speaks for somebody else, a stage ends before it is ready") {
    const directory model;
    Taken::taken = true;
    Taken::prepared = 0;
    const ended<0, Machine> stage(
        {"--listen", "tcp:127.0.0.1:0", "--model", model.path(), "--expect", model.file()});
    CHECK(stage.code == 20);
    CHECK(stage.err.starts_with("stage 0: listening at tcp:127.0.0.1:"));
    CHECK(stage.err.find("\nstage 0: attest.registers_taken: own evidence: ") != std::string::npos);
    CHECK(stage.err.find("ready at") == std::string::npos);
    CHECK(Taken::prepared == 1);
    const ended<0, Machine> measured(
        {"--measure", "--model", model.path(), "--expect", model.file()});
    CHECK(measured.refused(20, "stage 0: attest.registers_taken: own evidence: "));
    Taken::taken = false;
    CHECK(
        ended<0, Machine>({"--measure", "--model", model.path(), "--expect", model.file()}).code ==
        0);
    CHECK_MESSAGE(Taken::prepared == 3, "what is measured is what the hardware was told");
  }

  TEST_CASE("only a stage whose attester can use an operator's files takes them") {
    CHECK(ended<0>({"--help"}).out.find("--certs") == std::string::npos);
    CHECK(ended<0>({"--certs", "x"}).refused(64, "stage 0: usage: '--certs' is not an option: "));
    const std::string help = ended<0, Machine>({"--help"}).out;
    CHECK(help.find("--certs FILE") != std::string::npos);
    CHECK(help.find("--collateral FILE") != std::string::npos);
    const directory model;
    const std::string nothing = model.path() / "none";
    for (const char* option : {"--certs", "--collateral"})
      CHECK(ended<0, Machine>({"--listen", "tcp:127.0.0.1:0", "--model", model.path(), "--expect",
                               model.file(), option, nothing})
                .refused(64, "stage 0: usage: " + nothing + ": cannot be read: "));
    test::certificate_fields leaf;
    const test::signing_key key;
    leaf.key_info = key.key_info();
    const bytes der = leaf.signed_by(key);
    const std::string certificate = model.path() / "certificate";
    test::write_file(certificate, {reinterpret_cast<const char*>(der.data()), der.size()});
    CHECK(ended<0, Machine>({"--measure", "--model", model.path(), "--expect", model.file(),
                             "--certs", certificate, "--certs", certificate})
              .code == 0);
    CHECK(Taken::certificates == 2);
  }

  TEST_CASE("a number out of its bounds is refused before a door is opened") {
    const directory model;
    const std::vector<std::string> words{"--listen",   "tcp:127.0.0.1:0", "--model",
                                         model.path(), "--expect",        model.file()};
    for (const auto& [name, value] :
         {std::pair{"--slots", "0"}, std::pair{"--slots", "1025"}, std::pair{"--threads", "x"}}) {
      std::vector<std::string> wrong = words;
      wrong.insert(wrong.end(), {name, value});
      CHECK(ended<1>(wrong).refused(64, std::string{"stage 1: usage: "} + name + " takes"));
    }
  }

  TEST_CASE("an address in use is refused before weights are read") {
    const directory model;
    asio::io_context io;
    const Tcp::listener taken{io.get_executor(), Tcp::endpoint{"127.0.0.1", 0}};
    const std::string address = Tcp::format(taken.local());
    std::filesystem::remove(model.path() / "model.safetensors");
    CHECK(ended<1>({"--listen", address, "--model", model.path(), "--expect", model.file()})
              .refused(75, "stage 1: transport.address_in_use: " + address + ": "));
  }

  TEST_CASE("a damaged model ends the stage with its name, after it has said where it listens") {
    const directory model;
    test::write_file(model.path() / "config.json", "{");
    const ended<1> stage(
        {"--listen", "tcp:127.0.0.1:0", "--model", model.path(), "--expect", model.file()});
    CHECK(stage.code == 30);
    CHECK(stage.err.starts_with("stage 1: listening at tcp:127.0.0.1:"));
    CHECK(stage.err.find("\nstage 1: model.config_invalid: ") != std::string::npos);
  }

  TEST_CASE("a stage serves until it is told to stop, says so, and that is no error") {
    const directory model;
    for (const int number : {SIGINT, SIGTERM}) {
      CAPTURE(number);
      const test::captured on_stderr{stderr};
      std::vector<std::string> words{"stage",      "--listen", "tcp:127.0.0.1:0", "--model",
                                     model.path(), "--expect", model.file()};
      std::vector<const char*> argv;
      for (const std::string& word : words) argv.push_back(word.c_str());
      std::thread told{[&] {
        while (on_stderr.text().find("ready at") == std::string::npos) std::this_thread::yield();
        ::kill(::getpid(), number);
      }};
      const int code = run<Split::stage<1>>(static_cast<int>(argv.size()), argv.data());
      told.join();
      CHECK(code == 0);
      CHECK(on_stderr.text().ends_with("\nstage 1: stopped by a signal\n"));
    }
  }

  asio::awaitable<void> ask_long(std::string address, test::answer & heard) {
    expectations whoever = expectations::anyone();
    auto model = co_await Client<Held>::dial(std::move(address), std::move(whoever));
    request question{"abc", 60};
    co_await test::ask(model, std::move(question), heard);
  }

  /// Tells the stage of this process to stop while it computes, and lets it compute on only when it
  /// has said that it heard.
  void stop_in_a_step(const test::captured& said, test::answer& heard) {
    const auto wait_for = [&said](const std::string& text) {
      while (said.text().find(text) == std::string::npos) std::this_thread::yield();
    };
    wait_for("ready at tcp:");
    const std::string address = said.text().substr(said.text().rfind("tcp:"));
    test::the_gate.close();
    asio::io_context io{1};
    asio::co_spawn(io, ask_long(address.substr(0, address.find('\n')), heard), asio::detached);
    while (!test::the_gate.holds()) io.run_one_for(std::chrono::milliseconds{1});
    ::kill(::getpid(), SIGTERM);
    wait_for("stopped by a signal");
    test::the_gate.open();
    io.run_for(std::chrono::seconds{30});
  }

  TEST_CASE(
      "a stage that is told to stop in the middle of a step ends it, tells its client, ends") {
    const directory model;
    const test::captured on_stderr{stderr};
    const std::string path = model.path();
    const std::string file = model.file();
    const char* argv[] = {"stage",      "--listen", "tcp:127.0.0.1:0", "--model",
                          path.c_str(), "--expect", file.c_str()};
    test::answer heard;
    std::thread telling{[&] { stop_in_a_step(on_stderr, heard); }};
    const int code = run<Held::stage<0>>(7, argv);
    telling.join();
    CHECK(code == 0);
    CHECK(heard.code == errc::stage_stopping);
    CHECK(heard.tokens.empty());
    CHECK(on_stderr.text().find("\nstage 0: stopped by a signal\n") != std::string::npos);
  }
}

}  // namespace
