// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/program.hpp>

#include "support/captured.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

using namespace enfilade;
using test::captured;

const boost::system::system_error of_the_system{
    boost::system::errc::make_error_code(boost::system::errc::too_many_files_open)};

/// A program that does nothing but `body`; what it printed, and its exit code.
struct ran {
  int code = -1;
  std::string out;
  std::string err;

  template <class Body>
  ran(std::vector<const char*> words, Body body) {
    words.insert(words.begin(), "path/of/program");
    const captured on_stdout{stdout};
    const captured on_stderr{stderr};
    const std::vector<option> known{option{"--to", "ADDR", "where"}};
    code = run_program("room", "Does.", known, static_cast<int>(words.size()), words.data(), body);
    out = on_stdout.text();
    err = on_stderr.text();
  }
};

TEST_SUITE("run/program") {
  TEST_CASE("an error is told in one line: name, place, cause, remedy, page") {
    CHECK(describe(failure(errc::model_file_missing, "models/x")) ==
          "model.file_missing: models/x: a file of the model directory cannot be opened. Name a "
          "directory in Hugging Face layout with --model. (docs/errors.md#model.file_missing)");
    CHECK(describe(failure(errc::request_cancelled, "")) ==
          "request.cancelled: the request was ended by its client. Ask again. "
          "(docs/errors.md#request.cancelled)");
  }

  TEST_CASE("an error without a place is told without one") {
    const boost::system::system_error bare{make_error_code(errc::frame_replay)};
    CHECK(describe(bare).starts_with("frame.replay: a record came a second time. "));
  }

  TEST_CASE("what Enfilade has no name for is internal, in the system's words") {
    CHECK(describe(of_the_system) == "internal: " + of_the_system.code().message());
    CHECK(describe(failure(of_the_system.code(), "tcp:a:1")) ==
          "internal: tcp:a:1: " + of_the_system.code().message());
    CHECK(describe(std::runtime_error{"odd"}) == "internal: odd");
    CHECK(describe(std::bad_alloc{}).starts_with("process.out_of_memory: there is no memory"));
  }

  TEST_CASE("the exit code is that of the error's row") {
    CHECK(exit_code_of(failure(errc::plan_mismatch, "")) == 10);
    CHECK(exit_code_of(failure(errc::transport_unsupported, "")) == 20);
    CHECK(exit_code_of(failure(errc::frame_replay, "")) == 30);
    CHECK(exit_code_of(failure(errc::usage, "")) == 64);
    CHECK(exit_code_of(std::bad_alloc{}) == 75);
    CHECK(exit_code_of(failure(errc::stage_lost, "")) == 69);
    CHECK(exit_code_of(failure(errc::stage_overloaded, "")) == 75);
    CHECK(exit_code_of(of_the_system) == 1);
    CHECK(exit_code_of(std::runtime_error{"odd"}) == 1);
  }

  TEST_CASE("a refusal is what asking again cannot heal") {
    CHECK(is_refusal(failure(errc::plan_mismatch, "")));
    CHECK(is_refusal(failure(errc::attest_measurement_mismatch, "")));
    CHECK_FALSE(is_refusal(failure(errc::transport_unreachable, "")));
    CHECK_FALSE(is_refusal(of_the_system));
  }

  TEST_CASE("a cause has a short name") {
    CHECK(cause_of(failure(errc::frame_truncated, "x")) == "frame.truncated");
    CHECK(cause_of(of_the_system) == of_the_system.code().message());
  }

  TEST_CASE("what is said is one line, whatever a peer or a caller put into it") {
    const captured on_stderr{stderr};
    say("stage 1", "of a\nsecond\rline\x1b[2J\x7f: \xc3\xa9");
    CHECK(on_stderr.text() == "stage 1: of a?second?line?[2J?: \xc3\xa9\n");
  }

  TEST_CASE("control characters of two bytes are no better than those of one") {
    const captured on_stderr{stderr};
    say("a", "\xc2\x9b[2J \xc2\x80\xc2\x9f \xc2\xa0 \xc3\x9b\xc2");
    CHECK(on_stderr.text() == "a: ??[2J ???? \xc2\xa0 \xc3\x9b\xc2\n");
  }

  TEST_CASE("a line is as long as the limit and not longer, whatever is in it") {
    const auto said = [](std::size_t size) {
      const captured on_stderr{stderr};
      say("a", std::string(size - 4, 'x'));  // "a: " and the end of the line
      return on_stderr.text();
    };
    CHECK(said(max_log_line - 1).size() == max_log_line - 1);
    CHECK(said(max_log_line) == "a: " + std::string(max_log_line - 4, 'x') + "\n");
    CHECK(said(max_log_line + 1) == "a: " + std::string(max_log_line - 7, 'x') + "...\n");
    CHECK(said(1'000'000).size() == max_log_line);
  }

  TEST_CASE("a line is not cut within a character") {
    const captured on_stderr{stderr};
    std::string text(max_log_line - 8, 'x');
    say("a", text + "\xf0\x9f\x9a\xaa and more");
    CHECK(on_stderr.text() == "a: " + text + "...\n");
  }

  TEST_CASE("a program gives back the exit code of its body") {
    const ran quiet({"--to", "here"}, [](const options& given) {
      CHECK(given.require("--to") == "here");
      return 7;
    });
    CHECK(quiet.code == 7);
    CHECK(quiet.out.empty());
    CHECK(quiet.err.empty());
  }

  TEST_CASE("a program whose body throws says so in one line, and nothing on stdout") {
    const ran broken({}, [](const options&) -> int { throw failure(errc::stage_lost, "stage 1"); });
    CHECK(broken.code == 69);
    CHECK(broken.out.empty());
    CHECK(broken.err == "room: " + describe(failure(errc::stage_lost, "stage 1")) + "\n");
  }

  TEST_CASE("a wrong command line never reaches the body") {
    const ran wrong({"--too"}, [](const options&) {
      FAIL("the body ran");
      return 0;
    });
    CHECK(wrong.code == 64);
    CHECK(wrong.err.starts_with("room: usage: '--too' is not an option: "));
  }

  TEST_CASE("the help goes to stdout and is no error") {
    const ran helped({"--help"}, [](const options&) {
      FAIL("the body ran");
      return 1;
    });
    CHECK(helped.code == 0);
    CHECK(helped.err.empty());
    CHECK(helped.out.find("--to ADDR") != std::string::npos);
    CHECK(helped.out.find("--help") != std::string::npos);
  }
}

}  // namespace
