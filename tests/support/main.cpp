// SPDX-License-Identifier: Apache-2.0
//
// The main function of all doctest programs, compiled once.
//
// CTest runs one source file of a program at a time (--source-file=...). doctest calls a filter
// that nothing matches a success, so a renamed file would pass for ever: here it fails.

#define DOCTEST_CONFIG_IMPLEMENT
#include "test_data.hpp"

#include <doctest/doctest.h>

#include <iostream>

namespace {

// What CTest knows as SKIP_RETURN_CODE (tests/CMakeLists.txt).
constexpr int exit_skipped = 77;

unsigned cases_run = 0;

struct counter : doctest::IReporter {
  explicit counter(const doctest::ContextOptions&) {}
  void test_run_end(const doctest::TestRunStats& run) override {
    cases_run = run.numTestCasesPassingFilters;
  }
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

}  // namespace

REGISTER_LISTENER("counter", 1, counter);

int main(int argc, char** argv) {
  doctest::Context context{argc, argv};
  const int status = context.run();
  if (context.shouldExit()) return status;  // --help, --list-test-cases, ...
  if (cases_run == 0) {
    std::cerr << "no test case matches the filter\n";
    return 1;
  }
  // A failure outweighs a skipped test beside it.
  return status == 0 && test::skipped_for_lack_of_data() > 0 ? exit_skipped : status;
}
