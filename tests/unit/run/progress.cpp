// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/progress.hpp>

#include "support/captured.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace {

using enfilade::progress_line;

TEST_SUITE("run/progress") {
  TEST_CASE("a job that is done at once says nothing") {
    const test::captured on_stderr{stderr};
    progress_line line{"stage 0", "reading weights"};
    for (unsigned done = 0; done <= 100; ++done) line(done, 100);
    CHECK(on_stderr.text().empty());
  }

  TEST_CASE("a job of nothing is done") {
    const test::captured on_stderr{stderr};
    progress_line line{"stage 0", "reading weights"};
    line(0, 0);
    CHECK(on_stderr.text().empty());
  }

  TEST_CASE("a long job says how far it is, and that it is done, in lines of their own") {
    const test::captured on_stderr{stderr};
    progress_line line{"stage 0", "reading weights"};
    const std::uint64_t all = 10 << 20;
    const auto begun = std::chrono::steady_clock::now();
    while (on_stderr.text().empty() &&
           std::chrono::steady_clock::now() - begun < std::chrono::seconds{5})
      line(all / 4, all);
    CHECK(on_stderr.text() == "stage 0: reading weights 25 % of 10 MiB\n");
    line(all / 2, all);  // a moment later: not worth a line
    CHECK(on_stderr.text() == "stage 0: reading weights 25 % of 10 MiB\n");
    line(all, all);
    CHECK(on_stderr.text() ==
          "stage 0: reading weights 25 % of 10 MiB\n"
          "stage 0: reading weights 100 % of 10 MiB\n");
  }
}

}  // namespace
