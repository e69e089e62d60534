// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/core_dumps.hpp>

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

namespace {

/// What `ask` says in a process of its own, whose attributes are nobody else's.
template <class Ask>
int in_a_child(Ask ask) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(ask());
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

TEST_CASE("run/core_dumps: a process that forbids them has none, in files or pipes") {
  CHECK(in_a_child([] {
          ::prctl(PR_SET_DUMPABLE, 1);
          enfilade::forbid_core_dumps();
          return ::prctl(PR_GET_DUMPABLE);
        }) == 0);
  CHECK(in_a_child([] {
          enfilade::forbid_core_dumps();
          rlimit left{1, 1};
          ::getrlimit(RLIMIT_CORE, &left);
          return left.rlim_cur == 0 && left.rlim_max == 0 ? 0 : 1;
        }) == 0);
}

}  // namespace
